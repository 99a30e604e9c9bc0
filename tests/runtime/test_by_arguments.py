import copy
import inspect
import pickle
import subprocess
import sys

import numpy as np
import pytest

from edgereader.runtime import Bundle, Detector, Reader, Recognizer
from edgereader.runtime.errors import BundleError

from .graphs import paint_word


def again(thing):
    return pickle.loads(pickle.dumps(thing))


def texts(readings):
    return [reading.text for reading in readings]


def test_a_reader_comes_back_as_it_was_opened(bundle_folder, scene):
    reader = Reader(bundle_folder, "cpu", alphabet="5", threads=1, upright=True, find="text")
    reader.min_confidence = 0.25
    for back in (again(reader), copy.deepcopy(reader)):
        assert texts(back.read(scene)) == texts(reader.read(scene)) == ["5", "5", "5"]
        assert back.min_confidence == 0.25
        assert back.sessions["detector"]._session.get_session_options().intra_op_num_threads == 1


@pytest.mark.parametrize("kind", [Reader, Detector, Recognizer])
def test_every_argument_goes_along(bundle_folder, kind):
    opened = kind(Bundle.open(bundle_folder))
    given = again(opened)._arguments
    assert list(given) == list(inspect.signature(kind).parameters)
    assert given["bundle"].root == bundle_folder


def test_a_detector_and_a_recognizer(bundle_folder, scene):
    bundle = Bundle.open(bundle_folder)
    regions = again(Detector(bundle)).detect(scene)
    assert len(regions) == 3
    assert [text.text for text in again(Recognizer(bundle)).recognize(scene, regions)][::2] == ["7", "5"]


def test_a_bundle_is_found_again_by_its_name_or_whole_path(bundle_folder, monkeypatch, tmp_path):
    assert b"/" not in pickle.dumps(Bundle.open("digits-edge")).partition(b"digits-edge")[0]
    assert again(Bundle.open("digits-edge")) == Bundle.open("digits-edge")
    monkeypatch.chdir(bundle_folder.parent)
    sent = pickle.dumps(Bundle.open(f"./{bundle_folder.name}"))
    monkeypatch.chdir(tmp_path)
    assert pickle.loads(sent).root == bundle_folder


def test_another_file_than_was_sent_is_refused(make_bundle):
    folder = make_bundle()
    sent = pickle.dumps(Reader(folder))
    (folder / "detector.onnx").write_bytes(b"x" * (folder / "detector.onnx").stat().st_size)
    with pytest.raises(BundleError, match="expected SHA-256"):
        pickle.loads(sent)


def painted(text):
    frame = np.zeros((480, 640, 3), np.uint8)
    paint_word(frame, text, 60, 50)
    return frame


PROGRAM = """
import multiprocessing
import numpy as np
from edgereader.runtime import Reader

frames = dict(np.load({frames!r}))

def begin(given):
    global reader
    reader = given

def read(text):
    return [reading.text for _ in range(6) for reading in reader.read(frames[text])]

if __name__ == "__main__":
    opened = Reader({bundle!r}, threads=1)
    opened.read(frames["4"])
    begin(opened)
    with multiprocessing.get_context({method!r}).Pool(2, begin, (opened,)) as pool:
        found = pool.map(read, "4567", chunksize=1)
    assert found == [[text] * 6 for text in "4567"], found
    print("ok", [reading.text for reading in opened.read(frames["5"])])
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_the_processes_of_a_pool_read_side_by_side(bundle_folder, tmp_path, method):
    """All at once: what a forked one writes must not be in its parent's or sister's buffers."""
    np.savez(tmp_path / "frames.npz", **{text: painted(text) for text in "4567"})
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(frames=str(tmp_path / "frames.npz"), bundle=str(bundle_folder), method=method))
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False, timeout=300)
    assert done.stdout.strip() == "ok ['5']", done.stderr
