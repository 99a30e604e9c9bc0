#!/usr/bin/env bash
# PyAV: decode() at the end of a video raises EOFError instead of giving no frames.
# Expected: a second 'for frame in container.decode(video=0)' after the first has run to the end
# yields nothing, like any Python iterator over a file that was read; demux() does exactly that.
# Seen: EOFError from the decoder; only after container.seek(0) does decode() work again.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv --without-pip venv
python3 -m pip --python venv/bin/python install --quiet --no-compile av==18.1.0 numpy==2.4.6

venv/bin/python - <<'PY'
import sys

import av
import numpy as np

print("av", av.__version__, "numpy", np.__version__)
with av.open("clip.mkv", "w") as container:
    stream = container.add_stream("ffv1", rate=10)
    stream.width, stream.height, stream.pix_fmt = 64, 32, "yuv420p"
    for grey in (0, 50, 100, 150):
        picture = np.full((32, 64, 3), grey, np.uint8)
        for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
            container.mux(packet)
    for packet in stream.encode():
        container.mux(packet)


def count(container):
    try:
        return sum(1 for _ in container.decode(video=0))
    except EOFError as error:
        return f"EOFError: {error}"


with av.open("clip.mkv") as container:
    first = count(container)
    second = count(container)
    packets = sum(packet.size for packet in container.demux(video=0))
    container.seek(0)
    after_seek = count(container)
print("first loop:          ", first, "frames")
print("second loop:         ", second, "(expected: 0 frames)")
print("bytes left to demux: ", packets)
print("loop after seek(0):  ", after_seek, "frames")
if (first, packets, after_seek) != (4, 0, 4):
    sys.exit("changed: the first loop, demux() or the loop after seek(0) behave differently")
print("seen: the second loop raises")
if not str(second).startswith("EOFError"):
    sys.exit(f"changed: the second loop gives {second}")
PY
