"""A recognizer with symbols of your own: take over a checkpoint's, train, export, and read with them alone.

python docs/examples/custom_alphabet.py models/training/checkpoints/recognizer.pt my-labelled-crops thermometers 2000

The arguments are a checkpoint to start from, labelled crops, the new bundle, and how many steps to train. With another
charset, the last layer is taken over symbol by symbol: digits are known already, the degree sign is learnt.
"""

import sys
from pathlib import Path

import cv2

from edgereader.export import export_recognizer
from edgereader.runtime import Reader
from edgereader.runtime.cli import main

SYMBOLS = "0123456789-.°C"

checkpoint, crops, bundle, steps = sys.argv[1:]
run = Path(bundle).with_name(f"{Path(bundle).name}-run")
options = ["--init", checkpoint, "--charset", SYMBOLS, "--data", crops, "--steps", steps, "--to", str(run)]
main(["train", "recognizer", *options, "--workers", "0"], standalone_mode=False)
export_recognizer(run / "recognizer.pt", bundle, margin=0.08)
reader = Reader(bundle, alphabet=SYMBOLS, find="text")
for path in sorted(Path(crops, "images").iterdir())[:10]:
    (text,) = reader.recognize([cv2.imread(str(path))])
    print(path.name, text.text, f"{text.confidence:.0%}")
