#!/usr/bin/env bash
# pytest-xdist 3.8.0 with pytest 9.2.0 ignores every xdist_group: tests of one group run in several workers.
# Expected: with --dist loadgroup, tests that bear the same xdist_group mark run in one worker, one after
# the other, as they do with pytest 9.1.1; people use it for tests that share a port or a costly fixture.
# Seen: they are spread over both workers, without an error or a warning, though pip sees no conflict. xdist
# adds the group to an attribute of the item that pytest 9.2 no longer reads.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cat >test_group.py <<'PY'
import os
import time
from pathlib import Path

import pytest


@pytest.mark.xdist_group("one")
@pytest.mark.parametrize("number", range(8))
def test_of_one_group(number):
    time.sleep(0.2)
    Path(os.environ["WORKERS_SEEN"], os.environ["PYTEST_XDIST_WORKER"]).touch()
PY

# Print how many of two workers ran tests of the group under a pytest of this version.
workers_with() {
    python3 -m venv --without-pip "venv-$1"
    python3 -m pip --python "venv-$1/bin/python" install --quiet --no-compile "pytest==$1" pytest-xdist==3.8.0
    mkdir "seen-$1"
    WORKERS_SEEN="$work/seen-$1" "venv-$1/bin/python" -m pytest -q -p no:cacheprovider -n 2 --dist loadgroup \
        >"log-$1"
    find "seen-$1" -type f | wc -l
}

before=$(workers_with 9.1.1)
after=$(workers_with 9.2.0)
echo "pytest-xdist 3.8.0, 8 tests of one group, 2 workers:"
echo "    pytest 9.1.1: $before worker(s) ran them"
echo "    pytest 9.2.0: $after worker(s) ran them"
if [ "$before" -ne 1 ] || [ "$after" -ne 2 ]; then
    echo "changed: expected 1 and 2"
    exit 1
fi
echo "as described: the group is lost with pytest 9.2.0"
