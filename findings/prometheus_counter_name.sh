#!/usr/bin/env bash
# prometheus_client's text parser appends _total to counters that do not have it.
# Expected: parsing an exposition returns each sample under the name that the server exposed.
# Seen: in the plain text format too, where a counter may have any name, 'frames 5' comes back as
# 'frames_total'; a check that looks for the exposed name finds nothing.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv --without-pip venv
python3 -m pip --python venv/bin/python install --quiet --no-compile prometheus-client==0.26.0

venv/bin/python - <<'PY'
import importlib.metadata
import sys

from prometheus_client.parser import text_string_to_metric_families

print("prometheus-client", importlib.metadata.version("prometheus-client"))
exposition = """\
# HELP frames Frames read.
# TYPE frames counter
frames{camera="1"} 5
# TYPE errors_total counter
errors_total 2
# TYPE node_intr counter
node_intr 7
# TYPE queue gauge
queue 3
untyped_thing 1
"""
print(exposition)
exposed = ["frames", "errors_total", "node_intr", "queue", "untyped_thing"]
families = list(text_string_to_metric_families(exposition))
parsed = [sample.name for family in families for sample in family.samples]
print("expected sample names:", exposed)
print("parsed sample names:  ", parsed)
print("parsed family names:  ", [family.name for family in families])
values = {sample.name: sample.value for family in families for sample in family.samples}
print("value under the exposed name 'frames':", values.get("frames"))
if parsed != ["frames_total", "errors_total", "node_intr_total", "queue", "untyped_thing"]:
    sys.exit(f"changed: counters are no longer renamed: {parsed}")
if [f.name for f in families] != ["frames", "errors", "node_intr", "queue", "untyped_thing"]:
    sys.exit("changed: the family of errors_total is no longer called errors")
print("seen: the samples of counters get a suffix that the server did not send")
PY
