"""Ask the reader of a Triton server for the numbers in a photo: tritonclient and NumPy, and no line of EdgeReader.

python docs/examples/triton_photo.py localhost:8001 models/zoo/samples/meter.jpg

The server has a repository of `edgereader export triton`: docs/triton.md.
"""

import json
import sys

import numpy as np
from tritonclient.grpc import InferenceServerClient, InferInput


def main(address, path):
    """Print the text, the confidence and the corners of each reading."""
    file = np.fromfile(path, np.uint8)[np.newaxis]
    photo = InferInput("photo", list(file.shape), "UINT8")
    photo.set_data_from_numpy(file)
    answer = InferenceServerClient(address).infer("reader", [photo], client_timeout=60)
    for reading in json.loads(answer.as_numpy("readings").tobytes())["readings"]:
        print(reading["text"], f"{reading['confidence']:.2f}", reading["quad"])


if __name__ == "__main__":
    main(*sys.argv[1:])
