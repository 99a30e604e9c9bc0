import cv2
import numpy as np
import pytest

from edgereader.runtime.errors import ImageError, SourceError
from edgereader.runtime.stream.settings import Camera
from edgereader.runtime.stream.sources.source import open_source


@pytest.fixture
def folder(tmp_path):
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((4, 6, 3), 10 * number, np.uint8))
    return tmp_path


def open_folder(folder, **options):
    return open_source(Camera(source=str(folder), **options))


def values(source, most=99):
    read = (source.read() for _ in range(most))
    return [int(got[0][0, 0, 0]) for got in iter(lambda: next(read, None), None)]


def test_a_folder_gives_its_pictures_in_order_and_ends(folder):
    source = open_folder(folder)
    assert not source.live
    assert values(source) == [0, 10, 20]
    assert source.read() is None


def test_a_single_picture_and_a_glob_are_read_too(folder):
    assert values(open_folder(folder / "2.png")) == [20]
    assert values(open_folder(folder / "[12].png")) == [10, 20]


def test_a_speed_gives_times_which_go_on_when_it_loops(folder):
    source = open_folder(folder, fps=2, loop=True)
    assert [source.read()[1] for _ in range(5)] == [0, 0.5, 1, 1.5, 2]
    assert open_folder(folder).read()[1] is None


def test_a_broken_picture_is_reported_and_the_next_one_read(folder):
    (folder / "1.png").write_bytes(b"no picture")
    source = open_folder(folder)
    source.read()
    with pytest.raises(ImageError, match="1.png"):
        source.read()
    assert values(source) == [20]


def test_broken_pictures_are_not_looped_for_ever(folder):
    for path in folder.iterdir():
        path.write_bytes(b"no picture")
    source = open_folder(folder, loop=True)
    for _ in range(3):
        with pytest.raises(ImageError):
            source.read()
    with pytest.raises(SourceError, match="none that can be read"):
        source.read()


def test_a_folder_without_pictures_is_an_error(tmp_path):
    with pytest.raises(SourceError, match="expected pictures"):
        open_folder(tmp_path)
