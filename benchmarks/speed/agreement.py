"""`edgereader bench agree`: a bundle of EasyOCR's networks beside EasyOCR, text by text and box by box."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import click
import numpy as np

from ...runtime.bundles.bundle import Bundle
from ...runtime.bundles.manifest import DetectorSpec, RecognizerSpec
from ...runtime.detector import Detector
from ...runtime.errors import BackendUnavailable
from ...runtime.geometry.characters import Map
from ...runtime.geometry.crops import plan_cut
from ...runtime.geometry.heatmaps import find_regions
from ...runtime.geometry.images import Frame, Points
from ...runtime.geometry.quads import pairs
from ...runtime.recognizer import Recognizer
from ..contenders import Options, Unavailable
from ..contenders.easy_ocr import EasyOcr, Grey, open_contender
from ..contenders.peer import box
from ..record import check_files, command_line, now, this_machine, writable, write_json
from .photos import decode, find, map_photos
from .results import Agreement, BoxTimes, Cause, Difference

Result = TypeVar("Result")
SURE = 0.5
"""EasyOCR's confidence from which on it is sure of a text."""
SAME_BOX = 0.5
"""Intersection over union from which on both have found a text."""
SAME_MAPS = 0.9
"""The same for boxes of the same maps."""
NEVER_JOINED = -1e6
"""EasyOCR joins words that are nearer to each other than so many times their height."""
COUNTED = ("easyocr", "ours", "both", "equal", "sure", "sure_equal")
TURNS = 5
"""In which both find the boxes of a photo's maps."""


@click.command()
@click.argument("bundle")
@click.option("--photos", "folders", multiple=True, help="Folder of photos; repeatable.")
@click.option("--limit", type=click.IntRange(min=1), help="Photos of each folder, spread evenly over it.")
@click.option("--precision", default="fp32", show_default=True, help="Which files of the bundle run.")
@click.option("--canvas", "canvas_px", type=click.IntRange(64, 8192), default=1280, show_default=True)
@click.option("--threads", type=click.IntRange(min=0), default=1, show_default=True, help="Of each; 0 = all cores.")
@click.option("--json", "report_file", type=click.Path(path_type=Path), help="Write the figures to this file.")
def agree(
    bundle: str,
    folders: tuple[str, ...],
    limit: int | None,
    precision: str,
    canvas_px: int,
    threads: int,
    report_file: Path | None,
) -> None:
    """Hold BUNDLE, exported from EasyOCR's checkpoints, against EasyOCR itself, on the same photos and canvases.

    Of the texts that both find, how many are equal, and where the others differ: in the second look that EasyOCR takes
    with another contrast, in the place, in how the crop is cut, or in the network. EasyOCR joins no words here, and
    does not round its LSTM to int8. Both then find the boxes in the same maps, in turns.

    Exit codes: 0 compared, 2 nothing compared because an option, a photo or a bundle is wrong or EasyOCR is missing.
    """
    writable(report_file)
    opened = Bundle.open(bundle)
    check_files(opened, precision)
    photos = find(folders, limit)
    try:
        peer = open_contender("easyocr", Options(canvas_px=canvas_px, threads=threads), quantize=False)
    except Unavailable as exc:
        raise BackendUnavailable(str(exc)) from exc

    beside = Beside(peer, opened, precision, canvas_px, threads)
    with TemporaryDirectory(prefix="edgereader-agree-") as folder:
        pixels = decode(photos, folders, Path(folder) / "pixels")
        for photo, frame in zip(photos, map_photos(pixels.path, pixels.shapes_hw), strict=True):
            beside.look(photo.path.name, frame)
            click.echo(f"{photo.path.name}: {beside.counts['equal']} of {beside.counts['both']} equal", err=True)
    specs: dict[str, DetectorSpec | RecognizerSpec] = {"detector": opened.detector, "recognizer": opened.recognizer}
    report = Agreement(
        command=command_line(),
        date=now(),
        machine=this_machine(),
        bundle=opened.manifest.name,
        files={kind: spec.files[precision].sha256 for kind, spec in specs.items()},
        backend="cpu",
        precision=precision,
        photos=pixels.facts,
        versions=peer.versions,
        canvas_px=canvas_px,
        threads=threads,
        differences=beside.differences,
        box_times=beside.box_times(),
        **{name: beside.counts[name] for name in COUNTED},
    )
    if report_file:
        write_json(report_file, report)
    click.echo(table(report))


class Beside:
    """Both readers, and what was found so far."""

    def __init__(self, peer: EasyOcr, bundle: Bundle, precision: str, canvas_px: int, threads: int) -> None:
        self.peer, self.recognizer_spec, limits = peer, bundle.recognizer, bundle.detector.thresholds
        self.limits = limits.text, limits.link, limits.low_text
        self.detector = Detector(bundle, "cpu", precision, canvas_px, threads or None)
        self.recognizer = Recognizer(bundle, "cpu", precision, alphabet=None, threads=threads or None)
        self.counts: Counter[str] = Counter()
        self.differences: list[Difference] = []
        self.times_ms: list[tuple[float, float]] = []

    def look(self, name: str, frame: Frame) -> None:
        """Read one photo with both."""
        looking = self.detector.start(frame)
        self.find_boxes(*(plane.copy() for plane in looking.looks[0].maps()))
        regions = self.detector.finish(looking)
        mine = self.recognizer.recognize(frame, regions)
        text, link, low = self.limits
        limits = {"text_threshold": text, "link_threshold": link, "low_text": low}
        grey, upright, tilted = self.peer.boxes(frame, width_ths=NEVER_JOINED, **limits)
        theirs = self.peer.texts(grey, upright, tilted)
        self.counts.update(ours=len(mine), easyocr=len(theirs))
        quads = [np.asarray(found.quad, np.float32) for found in theirs]
        spec = self.recognizer_spec
        cut = [plan_cut(spec, frame, region.quad, spec.margin).quad for region in regions]
        for at, place in pairs(quads, cut, SAME_BOX):
            read, ours = theirs[at], mine[place]
            sure, equal = read.confidence >= SURE, read.text == ours.text
            self.counts.update(both=1, equal=equal, sure=sure, sure_equal=sure and equal)
            if not equal:
                difference = Difference(
                    photo=name,
                    easyocr=read.text,
                    ours=ours.text,
                    confidence=round(read.confidence, 3),
                    our_confidence=round(ours.confidence, 3),
                    cause=self.cause(frame, grey, quads[at], read.text, ours.text),
                )
                self.differences.append(difference)

    def cause(self, frame: Frame, grey: Grey, quad: Points, text: str, ours: str) -> Cause:
        """Return why a text that EasyOCR found in a quad (4, 2) is another one here."""
        from easyocr.utils import four_point_transform, get_image_list

        left, top, right, bottom = (int(side) for side in (*quad[0], *quad[2]))
        upright = np.array_equal(quad, box(left, top, right, bottom))
        boxes: tuple[Any, Any] = ([[left, right, top, bottom]], []) if upright else ([], [quad])
        if self.peer.texts(grey, *boxes, contrast_ths=0)[0].text == ours:
            return "second look"
        place = frame[top:bottom, left:right] if upright else four_point_transform(frame, quad)
        crop = get_image_list(*boxes, grey)[0][0][1]
        here, same_crop = self.recognizer.recognize_crops([place, crop])
        return "place" if here.text == text else "crop" if same_crop.text == text else "network"

    def find_boxes(self, region: Map, affinity: Map) -> None:
        """Find the boxes in the same maps with both, in turns."""
        from easyocr.craft_utils import getDetBoxes

        text, link, low = self.limits
        times: tuple[list[float], list[float]] = [], []
        for _ in range(TURNS):
            theirs = timed(lambda: getDetBoxes(region, affinity, text, link, low, False)[0], times[0])
            ours = timed(
                lambda: find_regions(region, affinity, text_threshold=text, link_threshold=link, low_text=low), times[1]
            )
        self.times_ms.append((median(times[0]), median(times[1])))
        same = pairs(theirs, [found.quad for found in ours], SAME_MAPS)
        self.counts.update(boxes=len(theirs), same_boxes=len(same))

    def box_times(self) -> BoxTimes:
        """Return medians over the photos so far."""
        theirs, ours = (median(times) for times in zip(*self.times_ms, strict=True))
        times = median(one / other for one, other in self.times_ms)
        boxes, same_boxes = self.counts["boxes"], self.counts["same_boxes"]
        return BoxTimes(easyocr_ms=theirs, ours_ms=ours, times=times, boxes=boxes, same_boxes=same_boxes)


def timed(run: Callable[[], Result], times_ms: list[float]) -> Result:
    """Return what a call gives; its ms of this thread, which others do not lengthen, are added to the list."""
    start = time.thread_time()
    result = run()
    times_ms.append(1000 * (time.thread_time() - start))
    return result


def table(report: Agreement) -> str:
    """Lay out the figures in a few lines."""
    causes = Counter(difference.cause for difference in report.differences)
    boxes = report.box_times
    lines = [
        f"texts: EasyOCR {report.easyocr}, ours {report.ours}, both {report.both}, of these equal {report.equal}",
        f"texts that EasyOCR is sure of: {report.sure}, of these equal {report.sure_equal}",
        *(f"  {count} differ by {cause}" for cause, count in causes.most_common()),
    ]
    for found in report.differences:
        theirs, ours = f"{found.easyocr!r} ({found.confidence:.2f})", f"{found.ours!r} ({found.our_confidence:.2f})"
        lines.append(f"    {found.photo}: {theirs}, ours {ours}: {found.cause}")
    lines.append(
        f"boxes from maps: EasyOCR {boxes.easyocr_ms:.1f} ms, ours {boxes.ours_ms:.2f}, {boxes.times:.1f} times"
    )
    lines.append(f"boxes that are the same: {boxes.same_boxes} of {boxes.boxes}")
    return "\n".join(lines)
