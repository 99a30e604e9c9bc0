"""Where is the text: frame → canvas → CRAFT → regions."""

import logging
import math
from dataclasses import dataclass

import numpy as np

from .bundles.bundle import Bundle
from .bundles.manifest import CANVAS_SIDES_PX
from .by_arguments import ByArguments, arguments_of
from .errors import BackendError
from .geometry.canvases import MAP_STRIDE, Fit, empty_map, fit, inner, plan_fit, put_map, put_tile, to_frame
from .geometry.characters import Map
from .geometry.heatmaps import Region, find_regions
from .geometry.images import Frame, as_bgr
from .geometry.quads import sides
from .sessions.base import Binding
from .sessions.binding import bind_canvases
from .sessions.lending import Lender
from .sessions.opening import open_session
from .zoom import Window, plan_windows

ENLARGE = 1.5
"""Small frames are enlarged at most so much, as CRAFT's ``mag_ratio``."""
SMALLEST_TEXT_PX = 10
"""Text that is lower in a canvas is seldom read: 8 of 98 numbers of 2 to 10 px, 12 of 23 of 10 to 12 px, in int8 on
photos of ``synth scenes --count 60`` with the seeds 31 and 32."""
LARGE_TEXT_PX = 20
"""Text whose shorter side is less in a canvas is left to a larger look, which shows it up to twice as large: on 40
photos of ``synth scenes`` (seed 9002) recall was 44.2 % with 0, and 45.1 % with 12, 16 and 20, in 0.965, 0.942 and
0.940 of the time, for the smaller canvases."""
LEAST_ZOOM = 1.2
"""Small text that cannot be enlarged by more, because its frame is already, is not looked at again."""
FAINT = 0.5
"""A small region of at least this score is looked at again, larger. On 120 photos of ``synth scenes`` (seed 3131), of
34.8 % without that look, recall became 41.0 % with 0.5 and 0.4; with 0.6 it was 1.6 % less than with 0.4."""
FULL_SIZE = 0.95
"""A frame that is made smaller by less is seen in its own pixels."""
log = logging.getLogger("edgereader")


@dataclass(frozen=True)
class Sight:
    """What a detector can see in pictures of one size."""

    smallest_text_px: float
    """Text lower than this, in the picture's pixels, is seldom read."""
    full_size_px: int | None
    """The ``long_side_px`` with which it is seen in its own pixels, at most the largest one; None = it is already."""


@dataclass(frozen=True)
class Look:
    """One size at which a frame is looked at."""

    plan: Fit
    """How it lies in its canvases."""
    binding: Binding
    """Where these run."""
    least_px: int
    """Text whose shorter side is less, canvas pixels, is left to a larger look."""
    closer_scale: float | None
    """That look is at windows around such text, with so many canvas pixels per frame pixel; None = at the whole."""
    stitched: tuple[Map, Map] | None
    """The maps of all tiles, where there are several: these have run. One alone may still run."""

    def maps(self) -> tuple[Map, Map]:
        """Return the maps of region and affinity (H, W) of the scaled frame with its margin, when they are there."""
        if self.stitched is not None:
            return self.stitched
        self.binding.wait()
        return self.binding.outputs["region"][0], self.binding.outputs["affinity"][0]


@dataclass(frozen=True)
class Looking:
    """A frame that a detector has begun to look at."""

    frame: Frame
    """(H, W, 3) uint8 BGR."""
    looks: list[Look]
    """The largest first; `Detector.finish` takes them out."""
    windows: list[Window]
    """Where small text is looked at again, larger; `Detector.finish` finds them."""


class Detector(ByArguments):
    """Finds text in frames; safe to share between threads, and pickled by its arguments."""

    def __init__(
        self,
        bundle: Bundle,
        backend: str = "auto",
        precision: str | None = None,
        long_side_px: int | None = None,
        threads: int | None = None,
    ) -> None:
        """Load the bundle's detector.

        Args:
            bundle: an opened bundle with a detector.
            backend: name of a backend, or "auto".
            precision: "fp32", …; None = the one that the bundle prefers on the backend, else fp32.
            long_side_px: longest canvas side, or None = as the bundle says.
            threads: how many a backend computes with on the CPU; None = one for each core.

        Raises:
            BundleError: no detector, no such precision, or a damaged file.
            BackendUnavailable: the backend cannot run here.
        """
        self._arguments = arguments_of(locals())
        self.thresholds, self._plain = bundle.detector.thresholds, bundle.detector.as_easyocr
        self.long_side_px = long_side_px or bundle.detector.long_side_px
        if not CANVAS_SIDES_PX[0] <= self.long_side_px <= CANVAS_SIDES_PX[-1]:
            limits = f"{CANVAS_SIDES_PX[0]} to {CANVAS_SIDES_PX[-1]}"
            raise ValueError(f"long_side_px: expected {limits}, got {self.long_side_px}; choose one of these")
        self._zoom = bundle.detector.zoom
        coarse = (side for side in bundle.detector.coarse_sides_px if side < self.long_side_px)
        self._sides_px = [self.long_side_px, *coarse]
        self.session = open_session(bundle, "detector", backend, precision, threads)
        shapes = self.session.limits("image")
        self._most_hw = None if shapes is None else (shapes.max[1], shapes.max[2])
        self._buffers = Lender(self._bind)
        self._told: set[tuple[int, int]] = set()

    def detect(self, frame: Frame, *, coarse: bool = True) -> list[Region]:
        """Find the text in a frame (H, W, 3) uint8 BGR; quads are in its pixels.

        Where the bundle has several looks, text that several canvases show is found as often; ``coarse=False`` leaves
        out all but the first. A frame that needs a larger canvas than an engine takes is made smaller, and the log of
        "edgereader" says so once.

        Raises:
            ImageError: not a picture.
            BackendError: the backend failed.
        """
        return self.finish(self.start(frame, coarse=coarse))

    def start(self, frame: Frame, *, coarse: bool = True) -> Looking:
        """Begin what `detect` does; a GPU goes on while the caller does other things, until `finish`.

        Each look has buffers of its own until `finish`: other frames may start meanwhile, and their copies to the GPU
        overlap the first one's run. Another thread may finish it. Errors are those of `detect`.
        """
        frame = as_bgr(frame)
        plans = self.plans(*frame.shape[:2])
        if self._most_hw is not None:
            self._tell(frame, plans)
        source, looking = frame, Looking(frame, [], [])
        for plan in plans if coarse else plans[:1]:
            binding = self._buffers.take(plan.canvas_hw)
            several = len(plan.tiles_yx) > 1
            picture = np.empty((*plan.bordered_hw, 3), np.uint8) if several else binding.inputs["image"][0]
            fit(source, plan, picture)
            if not several:
                binding.start(1)
            stitched = _run_tiles(picture, plan, binding) if several else None
            first = not looking.looks
            closer_scale = self._closer_scale(plan) if first and coarse else None
            least_px = 0 if first and closer_scale is None else LARGE_TEXT_PX
            looking.looks.append(Look(plan, binding, least_px, closer_scale, stitched))
            if plan.size_hw[0] < frame.shape[0]:  # a smaller canvas is fitted from this one, which is far less to read
                source = inner(picture, plan)
        return looking

    def finish(self, looking: Looking) -> list[Region]:
        """Wait for what `start` began, once; errors are those of `detect`."""
        if not looking.looks:
            raise BackendError("expected a frame that was started, got one that is finished; start it again")
        found = []
        while looking.looks:
            look = looking.looks.pop(0)
            seen, small = self._seen(looking.frame, look)
            self._buffers.give_back(look.plan.canvas_hw, look.binding)
            found += seen
            if look.closer_scale is not None:
                found += self._look_closer(looking, small, look.closer_scale, look.plan.canvas_hw)
        return found

    def plans(self, height: int, width: int) -> list[Fit]:
        """Return how a frame of this size is fitted into each canvas that is looked at, the largest first, each
        once.
        """
        return list(dict.fromkeys(self._plan(height, width, side_px, self._most_hw) for side_px in self._sides_px))

    def _plan(self, height: int, width: int, side_px: int, most_hw: tuple[int, int] | None = None) -> Fit:
        """How a frame of this size is fitted for a look at a canvas of this side."""
        enlarge = self._enlarge(side_px)
        return plan_fit(height, width, long_side_px=side_px, enlarge=enlarge, most_hw=most_hw, plain=self._plain)

    def sight(self, height: int, width: int) -> Sight:
        """Return what can be seen in a frame of this size."""
        plan = self.plans(height, width)[0]
        scale = self._closer_scale(plan) or min(plan.scale_xy)
        full_size_px = min(math.ceil(self.long_side_px / scale), CANVAS_SIDES_PX[-1])
        return Sight(SMALLEST_TEXT_PX / scale, full_size_px if scale < FULL_SIZE else None)

    def _closer_scale(self, plan: Fit) -> float | None:
        """Canvas pixels per frame pixel where small text is looked at again; None = it could not be much larger."""
        scale = min(plan.scale_xy)
        closer = min(scale * (self._zoom or 1), ENLARGE)
        return closer if closer > LEAST_ZOOM * scale else None

    def _enlarge(self, side_px: int) -> float:
        """How much a frame may be enlarged for a look: a smaller canvas must show it smaller."""
        return ENLARGE * side_px / self.long_side_px

    def _seen(self, frame: Frame, look: Look) -> tuple[list[Region], list[Region]]:
        """What a look shows, in frame pixels, and what it leaves to a larger one, faint regions too if that is next."""
        limits = self.thresholds
        text = limits.text if look.closer_scale is None else min(FAINT, limits.text)
        found, small = [], []
        for region in find_regions(
            *look.maps(), text_threshold=text, link_threshold=limits.link, low_text=limits.low_text
        ):
            quad, characters = (
                to_frame(points * MAP_STRIDE, look.plan, frame) for points in (region.quad, region.characters)
            )
            if not np.ptp(quad, axis=0).all():  # in the margin alone there is no text
                continue
            mapped = Region(quad, characters, region.score)
            if min(float(np.hypot(*side)) for side in sides(region.quad)) * MAP_STRIDE < look.least_px:
                small.append(mapped)
            elif region.score >= limits.text:
                found.append(mapped)
        return found, small

    def _look_closer(
        self, looking: Looking, small: list[Region], scale: float, most_hw: tuple[int, int]
    ) -> list[Region]:
        """What windows around small text show; what is too long for them stays as it was."""
        frame, frame_hw = looking.frame, looking.frame.shape[:2]
        windows = plan_windows([region.quad for region in small], frame_hw, scale, most_hw)
        looking.windows.extend(windows)
        sure = (region for region in small if region.score >= self.thresholds.text)
        found = [region for region in sure if not any(window.shows(region.quad, frame_hw) for window in windows)]
        for window in windows:
            part, canvas_hw = frame[window.rows, window.columns], window.plan.canvas_hw
            binding = self._buffers.take(canvas_hw)
            fit(part, window.plan, binding.inputs["image"][0])
            binding.start(1)
            seen, _ = self._seen(part, Look(window.plan, binding, least_px=0, closer_scale=None, stitched=None))
            self._buffers.give_back(canvas_hw, binding)
            shift = np.array(window.origin_xy, np.float32)
            moved = (Region(region.quad + shift, region.characters + shift, region.score) for region in seen)
            found += [region for region in moved if window.shows(region.quad, frame_hw)]
        return found

    def _tell(self, frame: Frame, plans: list[Fit]) -> None:
        """Say once for each canvas that frames are made smaller than was asked for."""
        height, width = frame.shape[:2]
        for side_px, plan in zip(self._sides_px, plans, strict=False):
            wanted = self._plan(height, width, side_px)
            if plan.size_hw[0] < wanted.size_hw[0] - 1 and wanted.canvas_hw not in self._told:
                self._told.add(wanted.canvas_hw)
                text = "%s: pictures of %dx%d are read at %dx%d: the engine takes no canvas of %dx%d (engine --canvas)"
                log.warning(text, self.session.backend, *frame.shape[:2], *plan.size_hw, *wanted.canvas_hw)

    def _bind(self, canvas_hw: tuple[int, int]) -> Binding:
        return bind_canvases(self.session, (1, *canvas_hw, 3))


def _run_tiles(bordered: Frame, plan: Fit, binding: Binding) -> tuple[Map, Map]:
    """Run tile after tile of a frame that was fitted into a picture of its own; returns the maps of all."""
    region, affinity = empty_map(plan), empty_map(plan)
    for number in range(len(plan.tiles_yx)):
        put_tile(bordered, plan, number, binding.inputs["image"][0])
        binding.run(1)
        put_map(binding.outputs["region"][0], plan, number, region)
        put_map(binding.outputs["affinity"][0], plan, number, affinity)
    return region, affinity
