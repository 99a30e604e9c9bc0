"""Where is the text: frame → canvas → CRAFT → regions."""

from collections import OrderedDict

from .bundle import Bundle
from .heatmaps import Region, find_regions
from .images import CANVAS_SIDES_PX, Fit, Frame, as_bgr, fit, plan_fit, to_frame
from .sessions import Binding, open_session

ENLARGE = 1.5
"""Small frames are enlarged at most so much, as CRAFT's ``mag_ratio``."""
MAX_BINDINGS = 4
"""Canvases whose buffers are kept; a photo of another size takes the place of the one unused for longest."""
MAP_STRIDE = 2
"""Canvas pixels per map pixel."""


class Detector:
    """Finds text in frames."""

    def __init__(
        self, bundle: Bundle, backend: str = "auto", precision: str | None = None, long_side_px: int | None = None
    ) -> None:
        """Load the bundle's detector.

        Args:
            bundle: an opened bundle with a detector.
            backend: name of a backend, or "auto".
            precision: "fp32", …; None = the one that the bundle prefers on the backend, else fp32.
            long_side_px: longest canvas side, or None = as the bundle says.

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
        self._sides_px = (self.long_side_px, coarse_side_px) if coarse_side_px else (self.long_side_px,)
        self._session = open_session(bundle, "detector", backend, precision)
        self._bindings: OrderedDict[tuple[int, int], Binding] = OrderedDict()

    def detect(self, frame: Frame) -> list[Region]:
        """Find the text in a frame (H, W, 3) uint8 BGR; quads are in its pixels.

        With a second look, text that both canvases show is found twice.

        Raises:
            ImageError: not a picture.
            BackendError: the backend failed.
        """
        frame = as_bgr(frame)
        return [region for side_px in self._sides_px for region in self._look(frame, side_px)]

    def _look(self, frame: Frame, side_px: int) -> list[Region]:
        plan = plan_fit(*frame.shape[:2], long_side_px=side_px, enlarge=ENLARGE)
        binding = self._binding(plan.canvas_hw)
        fit(frame, plan, binding.inputs["image"][0])
        binding.run(1)
        limits = self.thresholds
        found = find_regions(
            binding.outputs["region"][0],
            binding.outputs["affinity"][0],
            text_threshold=limits.text,
            link_threshold=limits.link,
            low_text=limits.low_text,
        )
        return [self._mapped(each, plan, frame) for each in found]

    def _mapped(self, region: Region, plan: Fit, frame: Frame) -> Region:
        quad, characters = (to_frame(each * MAP_STRIDE, plan, frame) for each in (region.quad, region.characters))
        return Region(quad, characters, region.score)

    def _binding(self, canvas_hw: tuple[int, int]) -> Binding:
        if canvas_hw not in self._bindings:
            height, width = canvas_hw
            maps = (1, height // MAP_STRIDE, width // MAP_STRIDE)
            shapes = {"image": (1, height, width, 3), "region": maps, "affinity": maps}
            if len(self._bindings) == MAX_BINDINGS:
                self._bindings.popitem(last=False)
            self._bindings[canvas_hw] = self._session.bind(shapes, batched=tuple(shapes))
        self._bindings.move_to_end(canvas_hw)
        return self._bindings[canvas_hw]
