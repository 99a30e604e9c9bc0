import os
import signal
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from edgereader.runtime import Reader
from edgereader.runtime.archives import job
from edgereader.runtime.archives.job import LOST, Workers, read_archive
from edgereader.runtime.cli import main
from edgereader.runtime.errors import BackendError, BackendUnavailable, SinkError
from edgereader.runtime.extras import pip_install

pytestmark = pytest.mark.xdist_group("ray")
SETTINGS = {"bundle": "0" * 64}


def rows_of(folder):
    dataset = pytest.importorskip("pyarrow.dataset")
    return sorted(dataset.dataset(folder, format="parquet").to_table().to_pylist(), key=lambda row: row["path"])


def test_every_picture_has_its_rows(ray_here, photos, bundle_folder, tmp_path):
    done = read_archive([str(photos)], str(tmp_path / "to"), Workers(partial(Reader, bundle_folder), 1), SETTINGS)
    rows = rows_of(tmp_path / "to")
    assert (done.pictures, done.before) == (21, 0)
    assert {name: done.counts[name] for name in ("pictures", "readings", "errors")} == {
        "pictures": 21, "readings": 20, "errors": 1,
    }  # fmt: skip
    assert min(done.counts[stage] for stage in ("load", "read", "write")) > 0
    assert [row["path"] for row in rows] == [
        *(str(photos / f"{number:02}.png") for number in range(20)),
        str(photos / "broken.jpg"),
    ]
    (expected,) = Reader(bundle_folder).read(cv2.imread(str(photos / "07.png")))
    row = rows[7]
    assert list(row) == ["path", "text", "value", "confidence", "quad", "characters", "bundle", "versions", "error"]
    assert (row["text"], row["value"], row["confidence"]) == ("7", 7, pytest.approx(expected.confidence))
    assert np.array_equal(row["quad"], expected.quad)
    assert [one["text"] for one in row["characters"]] == ["7"]
    assert (row["bundle"], row["error"]) == (SETTINGS["bundle"], None)
    assert row["versions"].startswith("edgereader")
    assert "onnxruntime" in row["versions"]
    assert "broken.jpg: expected a JPEG" in rows[-1]["error"]
    assert rows[-1]["text"] is None


def test_what_is_there_is_not_read_again(ray_here, photos, bundle_folder, tmp_path):
    workers, to = Workers(partial(Reader, bundle_folder), 1), str(tmp_path / "to")
    read_archive([str(photos / "0*.png")], to, workers, SETTINGS)
    before = {path: path.read_bytes() for path in (tmp_path / "to").glob("part-*")}
    done = read_archive([str(photos), str(photos / "1*.png")], to, workers, SETTINGS)
    assert (done.pictures, done.before, done.counts["pictures"]) == (21, 10, 11)
    assert all(path.read_bytes() == contents for path, contents in before.items())
    assert len(rows_of(to)) == 21
    assert read_archive([str(photos)], to, workers, SETTINGS).counts["pictures"] == 0
    with pytest.raises(SinkError, match="were read with bundle='000"):
        read_archive([str(photos)], to, workers, {"bundle": "1" * 64})


@pytest.mark.slow
def test_a_picture_that_ends_workers_is_told_and_costs_no_other(ray_here, photos, bundle_folder, tmp_path, monkeypatch):
    """The stand-in of a crash: a reader that leaves when it sees a picture of some width, the other one only once."""

    def open_fragile():
        class Fragile(Reader):
            def read_many(self, frames):
                for frame in (frames := list(frames)):
                    once = tmp_path / "once"
                    if frame.shape[1] == 130 or (frame.shape[1] == 170 and not once.exists()):
                        once.touch()
                        os._exit(1)
                return super().read_many(frames)

        return Fragile(bundle_folder)

    monkeypatch.setattr(job, "ROUNDS", (64, 1))
    cv2.imwrite(str(photos / "ends.png"), np.zeros((100, 130, 3), np.uint8))
    cv2.imwrite(str(photos / "once.png"), np.zeros((100, 170, 3), np.uint8))
    done = read_archive([str(photos)], str(tmp_path / "to"), Workers(open_fragile, 1), SETTINGS)
    rows = {Path(row["path"]).name: row for row in rows_of(tmp_path / "to")}
    assert (done.counts["pictures"], len(rows), len(rows_of(tmp_path / "to"))) == (23, 23, 23)
    assert rows["ends.png"]["error"] == LOST
    assert [name for name, row in rows.items() if row["error"]] == ["broken.jpg", "ends.png"]
    assert [rows[f"{number:02}.png"]["text"] for number in range(20)] == [str(5 + number % 5) for number in range(20)]


def test_a_reader_that_cannot_be_opened_ends_the_run(ray_here, photos, bundle_folder, tmp_path):
    workers = Workers(partial(Reader, bundle_folder, alphabet="§"), 1)
    with pytest.raises(BackendError, match="AlphabetError"):
        read_archive([str(photos)], str(tmp_path / "to"), workers, SETTINGS)


def test_more_readers_than_cores_are_refused(ray_here, photos, bundle_folder, tmp_path):
    with pytest.raises(BackendUnavailable, match="got 4 readers of 2 threads for 4 cores"):
        read_archive([str(photos)], str(tmp_path / "to"), Workers(partial(Reader, bundle_folder), 4, 2), SETTINGS)


def test_the_command(ray_here, photos, bundle_folder, tmp_path):
    command = ["read", str(photos), "--bundle", str(bundle_folder), "--to", str(tmp_path / "to"), "--workers", "1"]
    done = CliRunner().invoke(main, [*command, "--ray"])
    assert done.exit_code == 1, done.output
    lines = done.stdout.splitlines()
    assert lines[0] == f"21 pictures, 0 of them read before; rows are in {tmp_path / 'to'}"
    assert lines[1].startswith("21 read now: 20 numbers, 1 errors, ")
    assert [line.split()[0] for line in lines[2:]] == ["load", "read", "write"]
    assert CliRunner().invoke(main, [*command, "--ray"]).exit_code == 0
    other = CliRunner().invoke(main, [*command, "--find", "text", "--ray"])
    assert other.exit_code == 2
    assert "read with find=None" in other.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--ray"], "expected --ray and --to"),
        (["--to", "x"], "expected --ray and --to"),
        (["--to", "x", "--json", "--ray"], "without --json"),
        (["--to", "x", "--ray", "photos"], "expected HOST:PORT or auto behind --ray, got photos"),
    ],
)
def test_wrong_words(words, said):
    done = CliRunner().invoke(main, ["read", "a.png", *words])
    assert (done.exit_code, said in done.stderr) == (2, True), done.stderr


def test_without_ray_the_message_installs_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ray.data", None)
    done = CliRunner().invoke(main, ["read", "a.png", "--to", str(tmp_path), "--ray"])
    assert done.exit_code == 2
    assert f"expected Ray Data, got no module ray.data; {pip_install('ray')}" in done.stderr


PROGRAM = """
import sys, time
from edgereader.runtime import Reader
from edgereader.runtime.archives import job

def open_slow(folder={bundle!r}):
    class Slow(Reader):
        def read_many(self, frames):
            for frame in frames:
                time.sleep(0.02)
                yield self.read(frame)
    return Slow(folder)

job.PART, job.BATCH, job.ROUNDS = 20, 4, (4, 2, 1)
{start}
done = job.read_archive([{photos!r}], {to!r}, job.Workers(open_slow, {readers}), {settings!r})
print(done.pictures, done.before, int(done.counts["pictures"]))
"""
CLUSTER = """
import os, threading
os.environ["RAY_raylet_start_wait_time_s"] = "300"
import ray
from pathlib import Path
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
ray.init(cluster.address)
def kill():
    while len(list(Path(TO).glob("part-*"))) < 3:
        time.sleep(0.1)
    cluster.remove_node(nodes[0], allow_graceful=False)
threading.Thread(target=kill, daemon=True).start()
"""


@pytest.fixture
def many(photos):
    """Two hundred pictures."""
    for number in range(20, 200):
        (photos / f"{number:03}.png").write_bytes((photos / f"{number % 20:02}.png").read_bytes())
    (photos / "broken.jpg").unlink()
    return photos


def assert_each_once(to, count=200):
    rows = rows_of(to)
    assert set(Counter(row["path"] for row in rows).values()) == {1}
    assert len(rows) == count
    assert all(row["text"] == str(5 + int(Path(row["path"]).stem) % 5) and row["error"] is None for row in rows)


@pytest.mark.slow
def test_a_killed_driver_is_followed_by_one_that_goes_on(many, bundle_folder, tmp_path):
    pytest.importorskip("ray", reason="needs the extra ray")
    to = tmp_path / "to"
    words = {
        "bundle": str(bundle_folder),
        "photos": str(many),
        "to": str(to),
        "settings": SETTINGS,
        "start": "",
        "readers": 1,
    }
    command = [sys.executable, "-c", PROGRAM.format(**words)]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 600
    while len(list(to.glob("part-*"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    first.send_signal(signal.SIGKILL)
    first.wait()
    left = len(rows_of(to))
    assert 40 <= left < 200
    second = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    pictures, before, read = map(int, second.stdout.split())
    assert pictures == 200 == before + read
    assert before >= left
    assert_each_once(to)


@pytest.mark.slow
def test_a_node_that_is_killed_loses_and_doubles_nothing(many, bundle_folder, tmp_path):
    pytest.importorskip("ray", reason="needs the extra ray")
    words = {"bundle": str(bundle_folder), "photos": str(many), "to": str(tmp_path / "to"), "settings": SETTINGS}
    start = CLUSTER.replace("TO", repr(words["to"]))
    program = PROGRAM.format(**words, start=start, readers=3) + "print(sum(node['Alive'] for node in ray.nodes()))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr[-4000:]
    assert (done.stdout.split()[-4], done.stdout.split()[-1]) == ("200", "2")
    assert_each_once(tmp_path / "to")
