#!/usr/bin/env bash
# safetensors writes a transposed or strided NumPy array wrongly, without an error.
# Expected: the values survive save and load, as with numpy.save, or save() refuses the array.
# Seen: the bytes of the underlying buffer are written in storage order under the view's shape.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv --without-pip venv
python3 -m pip --python venv/bin/python install --quiet --no-compile safetensors==0.8.0 numpy==2.4.6

venv/bin/python - <<'PY'
import sys

import numpy as np
import safetensors
from safetensors.numpy import load, save

print("safetensors", safetensors.__version__, "numpy", np.__version__)
base = np.arange(6, dtype=np.float32).reshape(2, 3)
views = {
    "contiguous": base,
    "transposed": base.T,
    "every second column": base[:, ::2],
    "Fortran order": np.asfortranarray(base),
}
print("expected: every array comes back equal, or save() raises")
survived = {}
for name, view in views.items():
    loaded = load(save({"t": view}))["t"]
    survived[name] = bool(np.array_equal(loaded, view))
    print(f"{name}: in {view.tolist()} out {loaded.tolist()} equal {survived[name]}")
    copied = load(save({"t": np.ascontiguousarray(view)}))["t"]
    if not np.array_equal(copied, view):
        sys.exit(f"changed: even the contiguous copy of {name!r} is now wrong")

wanted = {name: name == "contiguous" for name in views}
if survived != wanted:
    sys.exit(f"changed: expected {wanted}, got {survived}")
print("seen: only the contiguous array survives; np.ascontiguousarray() before save() helps")
PY
