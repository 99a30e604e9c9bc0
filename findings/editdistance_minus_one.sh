#!/usr/bin/env bash
# Edit distances take -1 and -2 for the same symbol: editdistance as integers, rapidfuzz as floats.
# Expected: two sequences that differ in one place have a distance of 1; -1 is a usual number for
# "blank" or "padding" in the label sequences of text recognition.
# Seen: 0. Both compare Python's hashes, and hash(-1) is -2, which is the hash of -2.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv --without-pip venv
python3 -m pip --python venv/bin/python install --quiet --no-compile \
    editdistance==0.8.1 rapidfuzz==3.14.6

venv/bin/python - <<'PY'
import importlib.metadata
import sys

import editdistance
from rapidfuzz.distance import Levenshtein

print(*(f"{name} {importlib.metadata.version(name)}" for name in ("editdistance", "rapidfuzz")))
pairs = {
    "one symbol": ([-1], [-2]),
    "a label and its padding": ([4, 7, 1, -1, -1], [4, 7, 1, -2, -2]),
    "two other symbols": ([-3], [-4]),
    "the same as floats": ([-1.0], [-2.0]),
}
seen = {}
for name, (one, other) in pairs.items():
    expected = sum(a != b for a, b in zip(one, other))
    got = editdistance.eval(one, other), Levenshtein.distance(one, other)
    print(f"{name}: {one} and {other}: expected {expected}, editdistance {got[0]}, rapidfuzz {got[1]}")
    seen[name] = got
wanted = {
    "one symbol": (0, 1),
    "a label and its padding": (0, 2),
    "two other symbols": (1, 1),
    "the same as floats": (0, 0),
}
if seen != wanted:
    sys.exit(f"changed: expected {wanted}")
print("seen: sequences that differ are called equal")
PY
