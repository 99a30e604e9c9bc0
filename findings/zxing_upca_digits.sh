#!/usr/bin/env bash
# zxing-cpp gives 13 digits for a UPC-A barcode, even where it is asked for UPC-A only.
# Expected: a barcode made as UPC-A from 12 digits is read as UPC-A with these 12 digits.
# Seen: read without a filter it is an EAN-13; read with formats=UPCA its format is UPC-A, but its text
# still has a leading 0 more than was printed, so a lookup by the printed number fails.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv --without-pip venv
python3 -m pip --python venv/bin/python install --quiet --no-compile zxing-cpp==3.1.1 numpy==2.4.6

venv/bin/python - <<'PY'
import importlib.metadata
import sys

import numpy as np
import zxingcpp

print("zxing-cpp", importlib.metadata.version("zxing-cpp"), "numpy", np.__version__)
UPCA, EAN13 = zxingcpp.BarcodeFormat.UPCA, zxingcpp.BarcodeFormat.EAN13


def read(image, **options):
    return [(found.format, found.text) for found in zxingcpp.read_barcodes(image, **options)]


for digits in ("036000291452", "614141007349"):
    image = np.array(zxingcpp.create_barcode(digits, UPCA).to_image(scale=3))
    anything = read(image)
    only_upca = read(image, formats=UPCA)
    print("created as UPC-A from  ", digits)
    print("  read without a filter", [(str(kind), text) for kind, text in anything])
    print("  read with formats=UPCA", [(str(kind), text) for kind, text in only_upca])
    print("  expected             ", [("UPC-A", digits)])
    if anything != [(EAN13, "0" + digits)]:
        sys.exit(f"changed: without a filter it is no longer an EAN-13: {anything}")
    if only_upca != [(UPCA, "0" + digits)]:
        sys.exit(f"changed: with the filter the text no longer has 13 digits: {only_upca}")

ean = "4006381333931"
image = np.array(zxingcpp.create_barcode(ean, EAN13).to_image(scale=3))
print("an EAN-13 of its own is read as", [(str(kind), text) for kind, text in read(image)])
if read(image) != [(EAN13, ean)]:
    sys.exit("changed: an ordinary EAN-13 is read differently")
print("seen: a UPC-A symbol always comes back with 13 digits, the first a 0")
PY
