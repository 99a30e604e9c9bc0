import cv2
import pytest

from edgereader.benchmarks.contenders import Options, Unavailable
from edgereader.benchmarks.contenders.edgereader import open_contender
from edgereader.runtime import Reader
from edgereader.runtime.errors import BundleError


@pytest.fixture(scope="module")
def meter(repository):
    return cv2.imread(str(repository / "models/zoo/samples/meter.jpg"))


def test_it_finds_what_the_reader_reads(meter):
    contender, reader = open_contender("edgereader", Options(threads=1)), Reader()
    (found,), (reading,) = contender.read(meter), reader.read(meter)
    assert (found.text, found.confidence) == (reading.text, reading.confidence)
    assert (found.quad == reading.quad).all()
    assert contender.recognize(meter).text == reader.recognize([meter])[0].text
    assert "onnxruntime" in contender.versions or "onnxruntime-gpu" in contender.versions


def test_the_canvas_precision_and_threads_are_those_asked_for(meter):
    contender = open_contender("edgereader", Options(backend="cpu", precision="fp32", canvas_px=256, threads=1))
    assert contender.reader.sessions["detector"].precision == "fp32"
    same = Reader(backend="cpu", precision="fp32", long_side_px=256).read(meter)
    other = Reader(backend="cpu", precision="fp32").read(meter)
    (found,) = contender.read(meter)
    assert (found.quad == same[0].quad).all()
    assert (found.quad != other[0].quad).any()
    assert cv2.getNumThreads() == 1


def test_a_backend_that_cannot_run_is_unavailable():
    with pytest.raises(Unavailable, match="no-such"):
        open_contender("edgereader", Options(backend="no-such"))


def test_a_wrong_bundle_is_an_error(tmp_path):
    with pytest.raises(BundleError, match="bundle"):
        open_contender("edgereader", Options(bundle=str(tmp_path)))
