"""EasyOCR's CRAFT and english_g2 in a stream: export them once, then read without PyTorch.

python docs/examples/easyocr_stream.py meter.mp4 craft-english

The first argument is a camera, a video or a folder of its pictures, the second one the bundle, which is made if it is
not there. A text that three pictures show alike is a line of JSON. It needs the extras export and published, and stream
for what sends events on.
"""

import sys
from pathlib import Path

from edgereader.export import export_published
from edgereader.runtime.cli import main

source, bundle = sys.argv[1], Path(sys.argv[2])
if not bundle.exists():
    export_published(bundle)
main(["stream", source, "--every-frame", "--json", "--bundle", str(bundle.absolute()), "--find", "text"])
