import re

import pytest

from edgereader.runtime.service.metrics import CONTENT_TYPE, family, histogram
from edgereader.runtime.stream.figures import Histogram
from edgereader.runtime.stream.settings import Number

from .stand import make_event, make_seen

SAMPLE = re.compile(r'^(?P<name>[a-z_]+)(?:\{(?P<labels>(?:[a-z]+="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (?P<value>\S+)$')


def parsed(text):
    """Check the format of every line; samples, and types by family."""
    samples, types = {}, {}
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("#"):
            _, what, name, rest = line.split(" ", 3)
            if what == "TYPE":
                assert name not in types, "a family comes once"
                types[name] = rest
        else:
            found = SAMPLE.match(line)
            assert found, line
            key = found["name"], found["labels"]
            assert key not in samples
            samples[key] = float(found["value"])
            base = re.sub("_(bucket|sum|count)$", "", found["name"])
            assert found["name"] in types or types[base] == "histogram"
    return samples, types


def test_values_are_escaped():
    lines = list(family("x_total", "counter", "Help.", [({"a": 'back\\slash "quotes"\nline'}, 1)]))
    assert lines[-1] == r'edgereader_x_total{a="back\\slash \"quotes\"\nline"} 1'


def test_histograms_are_cumulative():
    counted = Histogram()
    for seconds in (0.0012, 0.0012, 0.5, 99):
        counted.add(seconds)
    lines = list(histogram("x_seconds", "Help.", {"a": "b"}, counted.now()))
    assert lines[1] == "# TYPE edgereader_x_seconds histogram"
    assert lines[2] == 'edgereader_x_seconds_bucket{a="b",le="0.001"} 0'
    assert lines[3] == 'edgereader_x_seconds_bucket{a="b",le="0.0015"} 2'
    assert lines[-3] == 'edgereader_x_seconds_bucket{a="b",le="+Inf"} 4'
    assert lines[-2] == f'edgereader_x_seconds_sum{{a="b"}} {0.0012 + 0.0012 + 0.5 + 99!r}'
    assert lines[-1] == 'edgereader_x_seconds_count{a="b"} 4'


def test_all_families(stand, visit, photo, reader):
    stand.board.numbers = (*stand.board.numbers, Number(name="odd", unit='°"\\'))
    stand.reader = reader
    stand.camera(frames=50, dropped=7, broken=2, reconnects=1)
    for number in range(3):
        stand.show(make_seen(number))
    stand.emit(make_event(1))
    stand.emit(make_event(2, "B-ER 1", "gate", sure=False))
    stand.emit(make_event(3, "5", "odd"))
    client = visit(stand.app())
    client.post("/read", content=photo)
    client.post("/read", content=b"x")
    answer = client.get("/metrics")
    assert answer.headers["content-type"] == CONTENT_TYPE
    samples, types = parsed(answer.text)
    cellar = 'stream="cellar"'
    assert samples["edgereader_frames_total", cellar] == 3
    assert samples["edgereader_detections_total", cellar] == 3
    assert samples["edgereader_captured_total", cellar] == 50
    assert samples["edgereader_dropped_total", cellar] == 7
    assert samples["edgereader_broken_total", cellar] == 2
    assert samples["edgereader_reconnects_total", cellar] == 1
    assert samples["edgereader_events_total", cellar + ',number="water",sure="true"'] == 1
    assert samples["edgereader_events_total", cellar + ',number="gate",sure="false"'] == 1
    assert samples["edgereader_value", cellar + ',number="water",unit="m³"'] == 123
    assert samples["edgereader_confidence", cellar + ',number="gate",unit=""'] == pytest.approx(0.987)
    assert ("edgereader_value", cellar + ',number="gate",unit=""') not in samples, "a plate is no number"
    assert samples["edgereader_camera_state", cellar + ',state="live"'] == 1
    assert samples["edgereader_camera_state", cellar + ',state="lost"'] == 0
    assert samples["edgereader_event_seconds_count", cellar] == 3
    assert samples["edgereader_uploads_total", 'status="200"'] == 1
    assert samples["edgereader_uploads_total", 'status="400"'] == 1
    assert samples["edgereader_upload_seconds_count", None] == 1
    assert samples["edgereader_resident_memory_bytes", None] > 1e7
    for name, kind in types.items():
        assert kind == {"total": "counter", "seconds": "histogram"}.get(name.rpartition("_")[2], "gauge"), name


def test_without_a_camera(stand, visit):
    stand.board = None
    samples, _ = parsed(visit(stand.app()).get("/metrics").text)
    assert samples["edgereader_upload_seconds_count", None] == 0
