import logging
from pathlib import Path

import pytest

from edgereader.runtime.errors import SourceError
from edgereader.runtime.stream.settings import Camera
from edgereader.runtime.stream.sources import opencv as captures
from edgereader.runtime.stream.sources.source import open_source
from edgereader.runtime.stream.sources.videos import Lag

from ..fakes import write_video
from .http_camera import HttpCamera


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_video(tmp_path_factory.mktemp("clip") / "clip.avi")


def open_video(path, **options):
    return open_source(Camera(source=str(path), **options))


def read_all(source, most=1000):
    read = []
    while len(read) < most and (got := source.read()) is not None:
        read.append(got)
    source.close()
    return read


@pytest.mark.parametrize(("name", "fourcc"), [("a.avi", "MJPG"), ("a.mp4", "mp4v"), ("a.mkv", "VP80")])
def test_a_video_gives_all_its_frames_with_their_times(tmp_path, caplog, name, fourcc):
    source = open_video(write_video(tmp_path / name, 20, 10, fourcc))
    assert not source.live
    read = read_all(source)
    assert not caplog.records
    assert [seconds for _, seconds in read] == pytest.approx([place / 10 for place in range(20)], abs=0.002)
    for number, (frame, _) in enumerate(read):
        assert frame.shape == (240, 320, 3)
        assert abs(int(frame[20, 20, 0]) - 10 * number) < 12


def test_a_looped_video_goes_on_with_later_times(clip):
    seconds = [second for _, second in read_all(open_video(clip, loop=True), 120)]
    assert seconds == pytest.approx([place / 25 for place in range(120)], abs=0.002)


def test_a_closed_video_leaves_no_file_open(clip):
    for _ in range(2):
        source = open_video(clip, loop=True)
        read_all(source, 60)
    links = [link.resolve() for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    assert clip.resolve() not in links


@pytest.mark.parametrize("contents", [b"", b"no video" * 1000, None])
def test_what_is_no_video_is_an_error(tmp_path, clip, contents):
    path = tmp_path / "broken.mp4"
    whole = write_video(tmp_path / "whole.mp4", fourcc="mp4v").read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if contents is None else contents)
    with pytest.raises(SourceError, match=r"broken.mp4: expected a video, got .*; convert or copy"):
        open_video(path)


def test_a_video_that_is_cut_short_gives_what_it_has_and_a_warning(tmp_path, clip, caplog):
    path = tmp_path / "cut.avi"
    whole = clip.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with caplog.at_level(logging.WARNING, "edgereader"):
        assert 15 < len(read_all(open_video(path))) < 35
        read_all(open_video(path, loop=True), 100)
    assert [record.args[1] for record in caplog.records] == [50, 50]  # once each, also when it is looped


def test_a_damaged_video_is_read_on(tmp_path, clip):
    data = bytearray(clip.read_bytes())
    for at in range(len(data) // 5, len(data) - len(data) // 5, len(data) // 10):
        data[at : at + 300] = bytes(300)
    path = tmp_path / "damaged.avi"
    path.write_bytes(data)
    assert len(read_all(open_video(path))) > 30


def test_a_playlist_in_a_file_opens_no_network(tmp_path, monkeypatch):
    monkeypatch.setattr(captures, "OPEN_S", 1.0)
    with HttpCamera(lambda _: (200, {}, b"")) as server:
        path = tmp_path / "list.m3u8"
        path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{server.url}\n")
        with pytest.raises(SourceError):
            open_video(path)
        assert server.asked == []


def test_a_frame_that_comes_late_by_its_time_stamp_has_a_lag():
    lag = Lag()
    assert [lag.of(stamp, now) for stamp, now in ((0, 100), (1, 101.2), (2, 102), (3, 109))] == pytest.approx(
        [0, 0.2, 0, 6], abs=0.01
    )


def test_a_cameras_clock_that_runs_slowly_is_no_lag():
    lag = Lag()
    assert max(lag.of(second * 0.9995, second) for second in range(100_000)) < 1
