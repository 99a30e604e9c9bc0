#!/usr/bin/env bash
# cv2.intersectConvexConvex of two polygons that do not meet returns a point at the largest float.
# Expected: area 0 and no points (None or an empty array), as rotatedRectangleIntersection answers.
# Seen: area 0 and one point (3.4e38, 3.4e38). Squares that share an edge get it among real points, so
# code that asks 'are there points?' or draws or bounds them goes wrong; only the area can be trusted.
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
HUGE = float(np.finfo(np.float32).max)
square = np.array([[0, 0], [10, 0], [10, 10], [0, 10]], np.float32)


def meet(other):
    area, points = cv2.intersectConvexConvex(square, other.astype(np.float32))
    return area, [] if points is None else points.reshape(-1, 2).tolist()


overlapping = meet(square + 5)
apart = meet(square + 20)
edge = meet(square + np.array([10, 0]))
print("overlapping by 5x5:", overlapping)
print("10 px apart:       ", apart)
print("sharing one edge:  ", edge)
kind, points = cv2.rotatedRectangleIntersection(((5, 5), (10, 10), 0), ((25, 25), (10, 10), 0))
print("rotatedRectangleIntersection of the same two, 10 px apart:", kind, points)
print("expected: no points where the squares are apart, only (10, 0) and (10, 10) on the shared edge")
if overlapping[0] != 25 or len(overlapping[1]) != 4:
    sys.exit("changed: even the ordinary overlap is wrong")
if (kind, points) != (cv2.INTERSECT_NONE, None):
    sys.exit("changed: rotatedRectangleIntersection now returns points for rectangles apart")
if apart != (0.0, [[HUGE, HUGE]]):
    sys.exit(f"changed: squares apart no longer give one point at the largest float: {apart}")
if edge[0] != 0.0 or [HUGE, HUGE] not in edge[1] or [10.0, 0.0] not in edge[1]:
    sys.exit(f"changed: squares that touch no longer mix real points with that one: {edge}")
print("seen: one point at the largest float32 where there is no intersection")
PY
