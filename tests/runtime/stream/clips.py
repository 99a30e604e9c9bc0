"""Small videos for tests of cameras."""

import cv2
import numpy as np


def numbered(number, size_hw=(240, 320)):
    """A frame (H, W, 3) that differs from all with another number, in places as bright as 10 * number % 256."""
    frame = np.full((*size_hw, 3), 30, np.uint8)
    frame[: size_hw[0] // 2] = 10 * number % 256
    cv2.putText(frame, f"{number:05}", (20, size_hw[0] - 40), cv2.FONT_HERSHEY_SIMPLEX, 2, (255, 255, 255), 5)
    return frame


def jpeg(frame):
    """A frame's JPEG file."""
    return cv2.imencode(".jpg", frame)[1].tobytes()


def write_video(path, count=50, fps=25, fourcc="MJPG"):
    """Write numbered frames as a video."""
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*fourcc), fps, (320, 240))
    assert writer.isOpened()
    for number in range(count):
        writer.write(numbered(number))
    writer.release()
    return path
