"""Where is the text: frame → canvas → CRAFT → regions."""

import logging
from collections import OrderedDict
from dataclasses import dataclass

from .binding import MAP_STRIDE, bind_canvases
from .bundle import Bundle
from .heatmaps import Region, find_regions
from .images import CANVAS_SIDES_PX, Fit, Frame, as_bgr, fit, plan_fit, to_frame
from .sessions import Binding, open_session

ENLARGE = 1.5
"""Small frames are enlarged at most so much, as CRAFT's ``mag_ratio``."""
MAX_BINDINGS = 8
"""Canvases whose buffers are kept; a photo of another size takes the place of the one unused for longest."""
log = logging.getLogger("edgereader")


@dataclass(frozen=True)
class Looking:
    """A frame that a detector has begun to look at."""

    frame: Frame
    """(H, W, 3) uint8 BGR."""
    looks: tuple[tuple[Fit, Binding], ...]
    """How it lies in each canvas, and where that runs."""


class Detector:
    """Finds text in frames."""

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
        coarse_side_px = bundle.detector.coarse_side_px
        self.thresholds = bundle.detector.thresholds
        self.long_side_px = long_side_px or bundle.detector.long_side_px
        if not CANVAS_SIDES_PX[0] <= self.long_side_px <= CANVAS_SIDES_PX[-1]:
            limits = f"{CANVAS_SIDES_PX[0]} to {CANVAS_SIDES_PX[-1]}"
            raise ValueError(f"long_side_px: expected {limits}, got {self.long_side_px}; choose one of these")
        self._sides_px = [self.long_side_px]
        if coarse_side_px is not None and coarse_side_px < self.long_side_px:
            self._sides_px.append(coarse_side_px)
        self.session = open_session(bundle, "detector", backend, precision, threads)
        shapes = self.session.limits("image")
        self._most_hw = None if shapes is None else (shapes.max[1], shapes.max[2])
        self._bindings: OrderedDict[tuple[tuple[int, int], int], Binding] = OrderedDict()
        self._told: set[tuple[int, int]] = set()

    def detect(self, frame: Frame, *, coarse: bool = True) -> list[Region]:
        """Find the text in a frame (H, W, 3) uint8 BGR; quads are in its pixels.

        With a second look, text that both canvases show is found twice; ``coarse=False`` leaves that look out. A frame
        that needs a larger canvas than an engine takes is made smaller, and the log of "edgereader" says so once.

        Raises:
            ImageError: not a picture.
            BackendError: the backend failed.
        """
        return self.finish(self.start(frame, coarse=coarse))

    def start(self, frame: Frame, slot: int = 0, *, coarse: bool = True) -> Looking:
        """Begin what `detect` does; a GPU goes on while the caller does other things, until `finish`.

        Each ``slot`` has buffers of its own: between `start` and `finish` of one frame, another frame may start in
        another slot, and its copy to the GPU overlaps the first one's run. Errors are those of `detect`.
        """
        frame = as_bgr(frame)
        plans = self.plans(*frame.shape[:2])
        if self._most_hw is not None:
            self._tell(frame, plans)
        source, looks = frame, []
        for plan in plans if coarse else plans[:1]:
            binding = self._binding(plan.canvas_hw, slot)
            canvas = binding.inputs["image"][0]
            fit(source, plan, canvas)
            binding.start(1)
            looks.append((plan, binding))
            if plan.size_hw[0] < frame.shape[0]:  # a smaller canvas is fitted from this one, which is far less to read
                source = canvas[: plan.size_hw[0], : plan.size_hw[1]]
        return Looking(frame, tuple(looks))

    def finish(self, looking: Looking) -> list[Region]:
        """Wait for what `start` began; errors are those of `detect`."""
        return [region for plan, binding in looking.looks for region in self._found(looking.frame, plan, binding)]

    def plans(self, height: int, width: int) -> list[Fit]:
        """How a frame of this size is fitted into each canvas that is looked at, the largest first."""
        return [
            plan_fit(height, width, long_side_px=side_px, enlarge=ENLARGE, most_hw=self._most_hw)
            for side_px in self._sides_px
        ]

    def _found(self, frame: Frame, plan: Fit, binding: Binding) -> list[Region]:
        binding.wait()
        limits = self.thresholds
        found = find_regions(
            binding.outputs["region"][0],
            binding.outputs["affinity"][0],
            text_threshold=limits.text,
            link_threshold=limits.link,
            low_text=limits.low_text,
        )
        return [self._mapped(each, plan, frame) for each in found]

    def _tell(self, frame: Frame, plans: list[Fit]) -> None:
        """Say once for each canvas that frames are made smaller than was asked for."""
        for side_px, plan in zip(self._sides_px, plans, strict=True):
            wanted = plan_fit(*frame.shape[:2], long_side_px=side_px, enlarge=ENLARGE)
            if plan.size_hw[0] < wanted.size_hw[0] - 1 and wanted.canvas_hw not in self._told:
                self._told.add(wanted.canvas_hw)
                text = "%s: pictures of %dx%d are read at %dx%d: the engine takes no canvas of %dx%d (engine --canvas)"
                log.warning(text, self.session.backend, *frame.shape[:2], *plan.size_hw, *wanted.canvas_hw)

    def _mapped(self, region: Region, plan: Fit, frame: Frame) -> Region:
        quad, characters = (to_frame(each * MAP_STRIDE, plan, frame) for each in (region.quad, region.characters))
        return Region(quad, characters, region.score)

    def _binding(self, canvas_hw: tuple[int, int], slot: int) -> Binding:
        key = canvas_hw, slot
        if key not in self._bindings:
            if len(self._bindings) == MAX_BINDINGS:
                self._bindings.popitem(last=False)
            self._bindings[key] = bind_canvases(self.session, (1, *canvas_hw, 3))
        self._bindings.move_to_end(key)
        return self._bindings[key]
