"""Read pictures in a Ray Data pipeline of your own, next to whatever else it does.

python docs/examples/archive.py models/zoo/samples

`edgereader read --ray` does more: it goes on where it stopped, and outlives pictures that end a worker. docs/scale.md
compares the two.
"""

import os
import sys

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # before Ray starts, which else reports to its makers

import ray

from edgereader.runtime import Reader
from edgereader.runtime.errors import ImageError
from edgereader.runtime.geometry.files import decode_photo


class ReadNumbers:
    """A reader in a worker of its own."""

    def __init__(self):
        self.reader = Reader(threads=1)

    def __call__(self, batch):
        """Add the texts in each picture."""
        files = zip(batch["bytes"], batch["path"], strict=True)
        return {"path": batch["path"], "texts": [self.texts(data, path) for data, path in files]}

    def texts(self, data, path):
        """Return the texts in a file's bytes, one a line."""
        try:
            photo = decode_photo(data, path)
        except ImageError as exc:
            return f"error: {exc}"
        return "\n".join(reading.text for reading in self.reader.read(photo.frame))


ray.init(include_dashboard=False)
pictures = ray.data.read_binary_files(sys.argv[1], include_paths=True, file_extensions=["jpg", "png"])
for row in pictures.map_batches(ReadNumbers, batch_size=8, concurrency=1).iter_rows():
    print(row["path"], row["texts"].split())
