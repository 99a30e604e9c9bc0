#!/usr/bin/env bash
# Importing openvino reports to Google Analytics from a forked copy of the process, without a question.
# Expected: an import sends nothing and leaves a process with threads unforked; at most a question first.
# Seen: it writes an identifier into ~/intel, forks from a thread, and the copy posts the event.
# Nothing is sent here: urlopen, as the copy inherits it, only writes down what it was asked for.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv --without-pip venv
python3 -m pip --python venv/bin/python install --quiet --no-compile \
    openvino==2026.4.1 openvino-telemetry==2025.2.0 numpy==2.4.6

cat > program.py <<'PY'
import json
import os
import sys
import threading
import time
import urllib.request
from pathlib import Path

home, parent = Path.home(), os.getpid()
forks, posts = [], home.parent / "posts.txt"


def note(request):
    event = json.loads(request.data)["events"][0]["name"]
    where = "a forked copy" if os.getpid() != parent else "the process"
    posts.write_text(f"{where} posts event {event!r} to {request.full_url.partition('?')[0]}\n")


urllib.request.urlopen = note
os.register_at_fork(before=lambda: forks.append(threading.current_thread() is threading.main_thread()))
import openvino

end = time.monotonic() + 10
while not posts.exists() and time.monotonic() < end:
    time.sleep(0.1)
print("openvino", openvino.__version__)
written = sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file())
print("expected: no fork, no request, nothing written")
print("forks:", len(forks), "of them in another thread than the main one:", forks.count(False))
print("request:", posts.read_text().strip() if posts.exists() else "none")
print("written below HOME:", written)
if not forks or not posts.exists() or not written:
    sys.exit("changed: the import no longer forks, asks for a request and writes below HOME")
print("seen: it does all three")
PY
mkdir home
env -i PATH="$PATH" HOME="$work/home" venv/bin/python program.py
