#!/usr/bin/env bash
# RapidOCR: options of one call stay in force for all later calls of the same object.
# Expected: ocr(picture, use_det=False) means this call only; the next ocr(picture) detects again.
# Seen: the next plain call still skips detection, returns another class, without boxes, and a picture
# of two lines is read as if it were one; so one call for a cropped line changes the whole program.
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
page = np.full((160, 256, 3), 255, np.uint8)
for row, text in ((60, "12345"), (130, "67890")):
    cv2.putText(page, text, (30, row), cv2.FONT_HERSHEY_SIMPLEX, 1.6, (0, 0, 0), 3)
line = page[10:80]

ocr = RapidOCR(
    params={
        "Global.log_level": "critical",
        "EngineConfig.onnxruntime.intra_op_num_threads": 1,
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    }
)


def describe(result):
    boxes = getattr(result, "boxes", None)
    return type(result).__name__, result.txts, 0 if boxes is None else len(boxes)


page_before = describe(ocr(page))
line_alone = describe(ocr(line, use_det=False, use_cls=False))
page_after = describe(ocr(page))
page_asked = describe(ocr(page, use_det=True))
print("class, texts, number of boxes:")
print("page of two lines:            ", page_before)
print("cropped line, use_det=False:  ", line_alone)
print("the page again, no options:   ", page_after, "(expected: as at first)")
print("the page with use_det=True:   ", page_asked)
if page_before[1:] != (("12345", "67890"), 2) or page_asked[1:] != page_before[1:]:
    sys.exit("changed: the page itself is read differently")
if line_alone[1] != ("12345",):
    sys.exit("changed: the cropped line is read differently")
if page_after[0] == page_before[0] or page_after[2] != 0 or len(page_after[1]) != 1:
    sys.exit("changed: use_det=False no longer stays in force")
print("seen: the option of the second call decides over the third")
PY
