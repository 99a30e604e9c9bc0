#!/usr/bin/env bash
# cv2.VideoCapture on numbered pictures stretches each to the first one's size and ends at a gap.
# Expected: read() gives each picture as imread does, and a missing number is skipped or reported.
# Seen: later pictures are scaled to the first one's height and width without regard to their
# proportions; from a missing number on, the rest is dropped with the usual False of an ended video.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv --without-pip venv
python3 -m pip --python venv/bin/python install --quiet --no-compile \
    opencv-python-headless==5.0.0.93 numpy==2.4.6

venv/bin/python - <<'PY'
import sys

import cv2
import numpy as np

print("opencv", cv2.__version__, "numpy", np.__version__)
shapes = {1: (48, 64), 2: (64, 48), 3: (100, 200), 5: (48, 64)}  # number: height, width; no 4
for number, (height, width) in shapes.items():
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:, : width // 2] = 40 * number  # the left half tells which picture it is
    cv2.imwrite(f"meter_{number:02d}.png", picture)

capture = cv2.VideoCapture("meter_%02d.png")
print("opened:", capture.isOpened(), "backend:", capture.getBackendName())
seen = []
while True:
    ok, frame = capture.read()
    if not ok:
        break
    seen.append((int(frame[8, 8, 0]), frame.shape[:2]))
capture.release()
on_disk = [(40 * n, cv2.imread(f"meter_{n:02d}.png").shape[:2]) for n in shapes]
print("expected (left grey, height and width):", on_disk)
print("seen:                                  ", seen)
if [shape for _, shape in seen] != [(48, 64)] * 3:
    sys.exit("changed: the pictures are no longer all stretched to 48x64, or the gap no longer ends it")
if any(abs(grey - 40 * number) > 2 for number, (grey, _) in enumerate(seen, 1)):
    sys.exit(f"changed: these are not pictures 1, 2 and 3: {seen}")
print("seen: three frames, all stretched to the first picture's size; picture 5 is never read")
PY
