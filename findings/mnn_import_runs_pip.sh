#!/usr/bin/env bash
# MNN's converter runs "pip install" when it is imported.
# Expected: importing a module installs nothing; a package that is needed stands in the wheel's metadata.
# Seen: MNN.tools.mnnconvert calls "pip install -U aliyun-log-python-sdk" in a shell, without asking,
# and takes the pip that PATH finds, which may be another Python's. Its use is to report conversions.
# Here a stand-in named pip comes first in PATH; it writes down its arguments and installs nothing.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv --without-pip venv
python3 -m pip --python venv/bin/python install --quiet --no-compile MNN==3.6.1 numpy==2.4.6

mkdir stand-in
printf '#!/bin/sh\necho "pip $*" >> "%s/calls"\nexit 1\n' "$work" > stand-in/pip
chmod +x stand-in/pip
touch calls
PATH="$work/stand-in:$PATH" venv/bin/python - <<'PY'
import importlib.metadata
import pathlib
import sys

needed = importlib.metadata.requires("MNN") or []
print("MNN", importlib.metadata.version("MNN"), "needs, by its metadata:", needed)
calls = pathlib.Path("calls")
seen = {}
for name in ("MNN", "MNN.expr", "MNN.tools.mnnconvert"):
    __import__(name)
    seen[name] = sorted(set(calls.read_text().splitlines()))
    calls.write_text("")
    print(f"import {name}: expected no call, seen {seen[name]}")
call = "pip install -U aliyun-log-python-sdk"
if seen != {"MNN": [], "MNN.expr": [], "MNN.tools.mnnconvert": [call]}:
    sys.exit(f"changed: expected only the converter to call {call!r}")
if any("aliyun" in requirement for requirement in needed):
    sys.exit("changed: the metadata names the package")
PY
