"""A network camera for tests: plays a video over RTSP, and can be killed and started again.

`RtspServer` is the test's side. Run by the system's Python, which has gi, this file is the server itself::

    apt install gstreamer1.0-plugins-base gstreamer1.0-plugins-good gir1.2-gst-rtsp-server-1.0 python3-gi
"""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

PYTHON = "/usr/bin/python3"
NEEDS = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
APT = "apt install python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good"


def missing() -> str:
    """Why there can be no server here, and what to install; "" = there can."""
    try:
        failed = subprocess.run([PYTHON, "-c", NEEDS], capture_output=True, check=False).returncode != 0
    except FileNotFoundError:
        failed = True
    return f"no GStreamer RTSP server for {PYTHON}: {APT}" if failed else ""


class RtspServer:
    """Plays a video like a camera: what is not fetched in time is gone, also while the server is down.

    The video begins when the first client comes. Frames' sides must be multiples of 8 and at most 2040 pixels.

    Args:
        video: a file that OpenCV reads.
        folder: an empty folder for its pictures; it is made.
        fps: frames a second.
        loop: begin again at the end; otherwise the last frame stays.
        login: user name and password that clients need.
        whole: send an MP4 of MPEG-4 as it is, once, whose decoder holds frames back.
    """

    def __init__(
        self,
        video: Path,
        folder: Path,
        *,
        fps: float = 25.0,
        loop: bool = True,
        login: tuple[str, str] | None = None,
        whole: bool = False,
    ) -> None:
        self.port = 0
        self.process: subprocess.Popen[str] | None = None
        self._arguments = [str(video if whole else folder), str(fps), "loop" if loop else "once", *(login or ())]
        self._login = f"{quote(login[0], '')}:{quote(login[1], '')}@" if login else ""
        if not whole:
            _split(video, folder)

    @property
    def url(self) -> str:
        """Where it plays, with user name and password."""
        return f"rtsp://{self._login}127.0.0.1:{self.port}/video"

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it; on the same port when it ran before."""
        command = [PYTHON, __file__, str(self.port), *self._arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("port "):
            raise RuntimeError(f"expected the RTSP server to start, got {line!r}; run: {' '.join(command)}")
        self.port = int(line.split()[1])

    def kill(self) -> None:
        """End it as a power cut does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.process = None


def _split(video: Path, folder: Path) -> None:
    """Write a video's frames as JPEG files that RTP can carry (baseline, standard tables)."""
    import cv2

    folder.mkdir(exist_ok=True)
    capture = cv2.VideoCapture(str(video), cv2.CAP_FFMPEG)
    count = 0
    while (read := capture.read())[0]:
        cv2.imwrite(str(folder / f"{count:06}.jpg"), read[1], [cv2.IMWRITE_JPEG_QUALITY, 95])
        count += 1
    capture.release()
    assert count, f"{video} has no frame"


def _feeder(folder: Path, fps: float, *, loop: bool) -> Callable[[object], None]:
    """What fills an appsrc with the frames that are due."""
    from gi.repository import Gst

    files = sorted(folder.glob("*.jpg"))
    origin = folder / "began"

    def place() -> int:
        if not origin.exists():
            origin.write_text(repr(time.time()))
        return int((time.time() - float(origin.read_text())) * fps)

    def feed(source) -> None:
        first, sent = place(), 0

        def push(source, _length) -> None:
            nonlocal sent
            index = first + sent
            file = files[index % len(files) if loop else min(index, len(files) - 1)]
            buffer = Gst.Buffer.new_wrapped(file.read_bytes())
            buffer.pts = int(sent / fps * Gst.SECOND)
            buffer.duration = int(Gst.SECOND / fps)
            sent += 1
            source.emit("push-buffer", buffer)

        source.connect("need-data", push)

    return feed


def main(port: str, folder: str, fps: str, loop: str, *login: str) -> None:
    """Serve until killed."""
    import gi

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtspServer

    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(
        "( appsrc name=frames is-live=true block=true format=time max-bytes=1 caps=image/jpeg,framerate="
        f"{round(float(fps) * 1000)}/1000 ! jpegparse ! rtpjpegpay name=pay0 pt=26 )"
    )
    factory.set_shared(True)
    if Path(folder).is_file():
        factory.set_launch(f"( filesrc location={folder} ! qtdemux ! rtpmp4vpay config-interval=1 name=pay0 )")
    else:
        feed = _feeder(Path(folder), float(fps), loop=loop == "loop")
        factory.connect("media-configure", lambda _, media: feed(media.get_element().get_by_name_recurse_up("frames")))
    if login:
        _demand_login(server, factory, *login)
    server.get_mount_points().add_factory("/video", factory)
    server.attach(None)
    print("port", server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


def _demand_login(server, factory, user: str, password: str) -> None:
    from gi.repository import GstRtspServer

    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "reader")
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("reader", "media.factory.access", True)
    permissions.add_permission_for_role("reader", "media.factory.construct", True)
    factory.set_permissions(permissions)


if __name__ == "__main__":
    main(*sys.argv[1:])
