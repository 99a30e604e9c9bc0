#!/usr/bin/env bash
# cv2.minAreaRect describes the same rectangle with swapped sides and another angle since OpenCV 4.13.
# Expected: from one minor release to the next, the same points give the same ((x, y), (w, h), angle).
# Seen: 4.12 answers in (0, 90] degrees, 4.13 in [-90, 0): width and height change places, the first
# corner of boxPoints is another one, and a rule such as "if w < h, rotate by 90" turns text sideways.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv --without-pip venv
python3 -m pip --python venv/bin/python install --quiet --no-compile numpy==2.4.6
for version in 4.12.0.88 4.13.0.92; do
    python3 -m pip --python venv/bin/python install --quiet --no-compile --no-deps --target "cv-$version" \
        "opencv-python-headless==$version"
done

cat >rectangles.py <<'PY'
import json

import cv2

rectangles = {}
for angle in (0, 10, 30, 60, 80):
    corners = cv2.boxPoints(((50, 50), (40, 10), angle))
    rectangle = cv2.minAreaRect(corners)
    _, (width, height), turned = rectangle
    first = cv2.boxPoints(rectangle)[0]
    rectangles[str(angle)] = [round(float(value)) for value in (width, height, turned, *first)]
print(json.dumps([cv2.__version__, rectangles]))
PY

for version in 4.12.0.88 4.13.0.92; do
    PYTHONPATH="cv-$version" venv/bin/python rectangles.py >"$version.json"
done

venv/bin/python - <<'PY'
import json
import sys

(old_version, old), (new_version, new) = (
    json.load(open(f"{version}.json")) for version in ("4.12.0.88", "4.13.0.92")
)
print(f"minAreaRect of a 40x10 rectangle: width, height, angle; OpenCV {old_version} and {new_version}")
for angle in old:
    print(f"turned by {angle}: {old[angle][:3]} and {new[angle][:3]}, "
          f"first corner {old[angle][3:]} and {new[angle][3:]}")
print("expected: equal in both versions")
for angle in ("10", "30", "60", "80"):
    if old[angle][:3] != [40, 10, int(angle)]:
        sys.exit(f"changed: the older version gives {old[angle]} at {angle} degrees")
    if new[angle][:3] != [10, 40, int(angle) - 90]:
        sys.exit(f"changed: the newer version gives {new[angle]} at {angle} degrees")
print("seen: sides swapped and the angle 90 degrees less in the newer version")
PY
