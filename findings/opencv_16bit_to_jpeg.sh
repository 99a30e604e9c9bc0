#!/usr/bin/env bash
# cv2.imencode turns a 16-bit picture into an 8-bit file by clipping; cv2.imdecode divides by 256.
# Expected: to JPEG, WebP or BMP, 16 bits are scaled (as imdecode scales a 16-bit PNG) or refused.
# Seen: every value from 255 up becomes white; a 12-bit camera frame is saved as a white rectangle
# and imencode answers True.
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
levels = [0, 100, 300, 1000, 20000, 65535]
picture = np.repeat(np.array(levels, np.uint16), 16)[None].repeat(16, axis=0)  # bars of 16 px
centres = slice(8, None, 16)


def decoded(data):
    return cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)[8, centres].astype(int)


scaled = np.array([level // 256 for level in levels])
clipped = np.minimum(levels, 255)
ok, png = cv2.imencode(".png", picture)
if cv2.imdecode(png, cv2.IMREAD_UNCHANGED).dtype != np.uint16:
    sys.exit("changed: PNG no longer keeps 16 bits")
print("levels of the 16-bit picture:      ", levels)
print("16-bit PNG read as 8 bits:         ", decoded(png).tolist(), "(divided by 256)")
if np.abs(decoded(png) - scaled).max() > 1:
    sys.exit("changed: imdecode no longer divides 16 bits by 256")
print("expected from JPEG, WebP and BMP:  ", scaled.tolist(), "or an error")
for extension in (".jpg", ".webp", ".bmp"):
    ok, data = cv2.imencode(extension, picture)
    got = decoded(data)
    print(f"{extension}: imencode says {ok}, file holds", got.tolist())
    if not ok or np.abs(got - clipped).max() > 4:  # JPEG is lossy
        sys.exit(f"changed: {extension} is no longer clipped at 255")
print("seen: values are clipped at 255, so everything from 255 up is white")
PY
