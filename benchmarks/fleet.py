"""What a Triton server reads for so many clients at once: `python -m edgereader.benchmarks.fleet HOST:PORT PHOTOS`.

Each photo is read once for each number of clients, which take the next one as soon as they have an answer; what they
read is compared with a reader here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import click
import msgspec
import numpy as np

from ..runtime import Reader
from ..runtime.geometry.files import decode_photo, find_photos
from ..runtime.sessions.triton.contract import SCHEME

CLIENTS = (1, 4, 16)
Ask = Callable[[bytes], list[str]]


def way_of(reader: Reader) -> Ask:
    """Return what reads a file's texts with a reader; the file is decoded here."""
    return lambda data: [reading.text for reading in reader.read(decode_photo(data, "photo").frame)]


def whole(address: str) -> Ask:
    """Return what reads a file's texts with the server's own reader."""
    from tritonclient.grpc import InferenceServerClient, InferInput

    client = InferenceServerClient(address)

    def ask(data: bytes) -> list[str]:
        photo = InferInput("photo", [1, len(data)], "UINT8")
        photo.set_data_from_numpy(np.frombuffer(data, np.uint8)[np.newaxis])
        answer: Any = client.infer("reader", [photo], client_timeout=120).as_numpy("readings")
        return [reading["text"] for reading in msgspec.json.decode(answer.tobytes())["readings"]]

    return ask


def measure(asks: list[Ask], files: list[bytes]) -> tuple[float, list[float], list[list[str]]]:
    """Read every file once with so many clients; return photos a second, the seconds of each, and what was read."""

    def read(at: int) -> tuple[float, list[str]]:
        start = time.perf_counter()
        found = asks[at % len(asks)](files[at])
        return time.perf_counter() - start, found

    start = time.perf_counter()
    with ThreadPoolExecutor(len(asks)) as pool:
        done = list(pool.map(read, range(len(files))))
    seconds = time.perf_counter() - start
    return len(files) / seconds, [took for took, _ in done], [found for _, found in done]


@click.command()
@click.argument("address")
@click.argument("photos")
@click.option("--bundle", default="digits-edge", show_default=True)
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="Photos, at most.")
def main(address: str, photos: str, bundle: str, limit: int) -> None:
    """Print throughput, latencies and whether the readings are those of a reader here."""
    files = [path.read_bytes() for path in find_photos(photos)[:limit]]
    here = way_of(Reader(bundle, "cpu", threads=1))
    expected = [here(data) for data in files]
    click.echo(f"{len(files)} photos, {sum(map(len, expected))} readings")
    click.echo("way       clients  photos/s   p50 ms   p99 ms  as here")
    ways: dict[str, Callable[[], Ask]] = {
        "here": lambda: here,
        "--triton": lambda: way_of(Reader(bundle, SCHEME + address)),
        "reader": lambda: whole(address),
    }
    for name, make in ways.items():
        for count in CLIENTS if name != "here" else (1,):
            rate, took, found = measure([make() for _ in range(count)], files)
            p50, p99 = (float(value) * 1000 for value in np.percentile(took, (50, 99)))
            same = sum(got == wanted for got, wanted in zip(found, expected, strict=True))
            click.echo(f"{name:9} {count:>7} {rate:>9.1f} {p50:>8.0f} {p99:>8.0f}  {same}/{len(files)}")


if __name__ == "__main__":
    main()
