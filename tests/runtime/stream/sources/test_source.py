import pytest

from edgereader.runtime.errors import SourceError, SourceLost
from edgereader.runtime.stream.settings import Camera
from edgereader.runtime.stream.sources import source as module
from edgereader.runtime.stream.sources.source import jetson_pipeline, open_source


@pytest.fixture
def opened(monkeypatch):
    """What would be opened: (kind, address)."""
    calls = []
    for name in ("open_v4l2", "open_url", "open_pipeline", "open_file"):
        monkeypatch.setattr(
            module, name, lambda *given, name=name: calls.append((name, getattr(given[0], "url", given[0])))
        )
    return calls


@pytest.mark.parametrize(
    ("source", "call"),
    [
        (0, ("open_v4l2", "/dev/video0")),
        ("2", ("open_v4l2", "/dev/video2")),
        ("/dev/video1", ("open_v4l2", "/dev/video1")),
        ("rtsp://cam/x", ("open_url", "rtsp://cam/x")),
        ("rtspsrc location=rtsp://c/x ! appsink", ("open_pipeline", "rtspsrc location=rtsp://c/x ! appsink")),
    ],
)
def test_each_kind_of_camera_is_opened_by_its_opener(opened, source, call):
    assert open_source(Camera(source=source)).live
    assert opened == [call]


def test_names_show_no_secret(opened):
    assert open_source(Camera(source="rtsp://anna:geheim@cam/x")).name == "rtsp://***@cam/x"
    assert "geheim" not in open_source(Camera(source="rtspsrc user-pw=geheim ! appsink")).name


@pytest.mark.parametrize(
    "source",
    ["", "gone.mp4", "gone/*.jpg", "file:///etc/passwd", "concat:/etc/passwd|/etc/hosts", "lavfi:x", "/dev/null", "\0"],
)
def test_what_is_not_there_or_not_let_through_is_an_error(source):
    with pytest.raises(SourceError, match="expected") as caught:
        open_source(Camera(source=source))
    assert not isinstance(caught.value, SourceLost)


def test_the_jetsons_cameras_are_decoded_in_hardware():
    assert jetson_pipeline("1", Camera(source=1, preset="jetson-csi", size=(1920, 1080), fps=30)) == (
        "nvarguscamerasrc sensor-id=1 ! video/x-raw(memory:NVMM),format=NV12,width=1920,height=1080,framerate=30/1 ! "
        "nvvidconv ! video/x-raw,format=BGRx ! videoconvert ! video/x-raw,format=BGR ! "
        "appsink drop=1 max-buffers=1 sync=0"
    )


def test_a_jetsons_stream_cannot_add_to_its_pipeline():
    pipeline = jetson_pipeline('rtsp://cam/"!filesink', Camera(source='rtsp://cam/"!filesink', preset="jetson-rtsp"))
    assert pipeline.startswith('rtspsrc location="rtsp://cam/\\"!filesink" ')
    assert "h264parse ! nvv4l2decoder ! nvvidconv" in pipeline


def test_a_jetsons_file_is_no_camera_and_drops_nothing(opened, tmp_path):
    path = tmp_path / "a.mp4"
    path.touch()
    source = open_source(Camera(source=str(path), preset="jetson-file", fps=5))
    assert not source.live
    assert f'filesrc location="{path}" ! qtdemux ! h264parse' in opened[0][1]
    assert "drop" not in opened[0][1]


@pytest.mark.parametrize(
    ("preset", "source"),
    [
        ("jetson-csi", "rtsp://cam/x"),
        ("jetson-rtsp", "http://cam/x"),
        ("jetson-rtsp", "0"),
        ("jetson-file", "gone.mp4"),
    ],
)
def test_a_preset_with_another_kind_of_source_is_an_error(preset, source):
    with pytest.raises(SourceError, match="expected"):
        open_source(Camera(source=source, preset=preset))


@pytest.fixture
def password_file(tmp_path):
    path = tmp_path / "password"
    path.write_text("#/?@: %\"'ä\n", encoding="utf-8")
    return str(path)


def test_the_login_of_the_settings_is_encoded(opened, password_file, monkeypatch):
    camera = Camera(source="rtsp://cam/x", username="a:b", password_file=password_file)
    assert open_source(camera).name == "rtsp://***@cam/x"
    url = "rtsp://a%3Ab:%23%2F%3F%40%3A%20%25%22'%C3%A4@cam/x".replace("%3Ab:", "%3Ab:")
    assert opened == [("open_url", url)]
    jetson = Camera(source="rtsp://cam/x", preset="jetson-rtsp", username="a:b", password_file=password_file)
    assert f'location="{url}"' in jetson_pipeline("rtsp://cam/x", jetson)
    monkeypatch.setenv("EDGEREADER_CAMERA_PASSWORD", "geheim")
    assert open_source(Camera(source="rtsp://cam/x", username="anna")).name == "rtsp://***@cam/x"
    assert opened[-1] == ("open_url", "rtsp://anna:geheim@cam/x")


def test_a_password_file_that_is_gone_is_an_error_of_the_source():
    with pytest.raises(SourceError, match="expected a file with a password, got: No such file"):
        open_source(Camera(source="rtsp://cam/x", username="anna", password_file="/nix"))


def test_a_login_that_ffmpeg_would_cut_off_is_refused():
    with pytest.raises(SourceError, match=r"rtsp://\*\*\*@cam/x: expected up to 127 characters") as caught:
        open_source(Camera(source=f"rtsp://anna:{'geheim' * 21}@cam/x"))
    assert "geheim" not in str(caught.value)
