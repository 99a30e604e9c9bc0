#!/usr/bin/env bash
# RapidOCR returns a line that rises by three degrees from right to left.
# Expected: the numbers of a line come from left to right, as they do on the level picture; a photo
# held by hand is tilted by a few degrees.
# Seen: corners ten pixels apart in height count as two lines, whatever the size of the digits: the
# right end of a rising line lies highest and comes first. A falling line keeps its order.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv --without-pip venv
python3 -m pip --python venv/bin/python install --quiet --no-compile \
    rapidocr==3.10.0 onnxruntime==1.32.0 opencv-python-headless==5.0.0.93 numpy==2.4.6

venv/bin/python - <<'PY'
import importlib.metadata
import sys

import cv2
import numpy as np
from rapidocr import RapidOCR

print("rapidocr", importlib.metadata.version("rapidocr"), "opencv", cv2.__version__)
cv2.setNumThreads(1)
width, height = 1000, 400
page = np.full((height, width, 3), 255, np.uint8)
for row in (0, 1):
    for column in (0, 1, 2):
        text, place = f"{row + 1}{column + 1}0", (60 + 340 * column, 160 + 100 * row)
        cv2.putText(page, text, place, cv2.FONT_HERSHEY_SIMPLEX, 2, (0, 0, 0), 4)

ocr = RapidOCR(
    params={
        "Global.log_level": "critical",
        "EngineConfig.onnxruntime.intra_op_num_threads": 1,
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    }
)
level = ("110", "120", "130", "210", "220", "230")
rising = ("130", "120", "110", "230", "220", "210")
seen = {}
for degrees in (0, -3, 3):  # positive: anticlockwise
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    picture = cv2.warpAffine(page, turn, (width, height), borderValue=(255, 255, 255))
    seen[degrees] = ocr(picture).txts
    print(f"turned by {degrees:2} degrees: {seen[degrees]}")
print("expected for all:      ", level)
if seen != {0: level, -3: level, 3: rising}:
    sys.exit(f"changed: expected {rising} of the picture turned by 3 degrees, and the plain order twice")
print("seen: each line of the picture that rises comes from right to left")
PY
