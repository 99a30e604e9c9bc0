"""Find and read numbers with a bundle's ONNX files alone: numpy, OpenCV and ONNX Runtime, and no line of EdgeReader.

python docs/examples/own_steps.py models/zoo/digits-edge models/zoo/samples/meter.jpg

The steps are the simplest that work; EdgeReader's own read more. docs/export.md describes the graphs.
"""

import json
import sys
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import onnxruntime


def open_graph(bundle, model):
    """Open the fp32 graph of "detector" or "recognizer"; return what the bundle says of it, and a session."""
    spec = json.loads((bundle / "bundle.json").read_text())[model]
    path = bundle / spec["files"]["fp32"]["path"]
    return spec, onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def find(photo, spec, session):
    """Return upright boxes (x, y, width, height) of texts in a photo (H, W, 3) uint8 BGR."""
    scale = spec["long_side_px"] / max(photo.shape[:2])
    small = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    height, width = small.shape[:2]
    canvas = cv2.copyMakeBorder(small, 0, -height % 32, 0, -width % 32, cv2.BORDER_REPLICATE)
    region, affinity = session.run(["region", "affinity"], {"image": canvas[np.newaxis]})
    limits = spec["thresholds"]
    text = (region[0] > limits["low_text"]) | (affinity[0] > limits["link"])
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(text.astype(np.uint8), connectivity=4)
    for label in range(1, count):
        if region[0][labels == label].max() > limits["text"]:
            x, y, wide, high, _ = boxes[label]
            grow = 0.35 * high  # the region map is high where characters have their middle
            corners = np.array([x - grow, y - grow, wide + 2 * grow, high + 2 * grow])
            yield np.maximum(0, corners * 2 / scale).round().astype(int)


def read(crop, spec, session):
    """Return the text in a crop (h, w, 3) uint8 BGR: CTC, the likeliest symbol of each step."""
    height, widest = spec["image_hw"]
    natural = height * crop.shape[1] / crop.shape[0]
    wide = int(min(widest, max(1, natural + min(natural * (spec["stretch"] - 1), 2 * height))))
    grey = cv2.resize(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), (wide, height), interpolation=cv2.INTER_AREA)
    width = next(width for width in spec["widths"] if width >= wide)
    grey = cv2.copyMakeBorder(grey, 0, 0, 0, width - wide, cv2.BORDER_REPLICATE)
    allowed = np.zeros(len(spec["charset"]) + 1, np.float32)
    allowed[1:] = [0.0 if symbol in "0123456789.,-" else -1e4 for symbol in spec["charset"]]
    (symbols,) = session.run(["symbols"], {"crops": grey[np.newaxis, :, :, np.newaxis], "allowed": allowed})
    row = [0, *symbols[0]]
    return "".join(spec["charset"][now - 1] for before, now in pairwise(row) if now not in {0, before})


def main():
    """Print what is read in each box of a photo."""
    bundle, photo = Path(sys.argv[1]), cv2.imread(sys.argv[2])
    detector, recognizer = open_graph(bundle, "detector"), open_graph(bundle, "recognizer")
    for x, y, width, height in find(photo, *detector):
        text = read(photo[y : y + height, x : x + width], *recognizer)
        if text:
            print(text, x, y, width, height)


main()
