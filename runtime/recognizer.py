"""What does it say: frame and regions → crops → the four-stage recogniser → texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from .alphabets import NUMBERS, Probabilities, make_alphabet
from .binding import bind_crops
from .bundle import Bundle
from .by_arguments import ByArguments, arguments_of
from .decoding import Text, decode, softened
from .errors import BundleError
from .heatmaps import Region
from .images import Frame, Points, as_bgr, cut_quad, whole, with_margin
from .lending import Lender
from .profiles import MOST_CROPS
from .sessions import Binding, open_session


@dataclass(frozen=True)
class Place:
    """What a recogniser sees in one quad of one frame."""

    text: Text
    """What it says by itself."""
    log_probs: Probabilities
    """(T, classes) float32: logarithms of the symbols' probabilities, at the bundle's temperature."""


class _Row(NamedTuple):
    """One crop's output."""

    log_probs: Probabilities
    """(T, classes), a view."""
    used: float
    """Share of the crop's width in use."""
    margin: float
    """What lies around the quad at each end, as a share of its width."""


class Recognizer(ByArguments):
    """Reads the text in crops; safe to share between threads, and pickled by its arguments."""

    def __init__(
        self,
        bundle: Bundle,
        backend: str = "auto",
        precision: str | None = None,
        alphabet: str | None = NUMBERS,
        pattern: str | None = None,
        check: str | None = None,
        threads: int | None = None,
    ) -> None:
        """Load the bundle's recogniser.

        Args:
            bundle: an opened bundle with a recogniser.
            backend: name of a backend, or "auto".
            precision: "fp32", …; None = the one that the bundle prefers on the backend, else fp32.
            alphabet: ``NUMBERS`` = numbers only; other characters = only these; None = all text.
            pattern: regular expression that a whole text must match: the likeliest text that does is taken.
            check: "luhn", "ean13" or "iso6346": the check that a text must pass, in the same way.
            threads: how many a backend computes with on the CPU; None = one for each core.

        Raises:
            BundleError: no recogniser, no such precision, or a damaged file.
            BackendUnavailable: the backend cannot run here.
            AlphabetError: alphabet, pattern or check do not fit the recogniser.
        """
        self._arguments = arguments_of(locals())
        self._spec = bundle.recognizer
        self.alphabet = make_alphabet(self._spec.charset, self._spec.prediction, alphabet, pattern, check)
        self.session = open_session(bundle, "recognizer", backend, precision, threads)
        limits = self.session.limits("crops")
        self._most_crops = MOST_CROPS if limits is None else min(MOST_CROPS, limits.max[0])
        self._buffers = Lender(self._bind)
        self._buffers.give_back(self._spec.image_hw[1], self._bind(self._spec.image_hw[1]))

    def recognize(self, frame: Frame, regions: Iterable[Region]) -> list[Text]:
        """Read the regions of a frame (H, W, 3) uint8 BGR: one text each, in their order.

        Raises:
            ImageError: not a picture.
            BackendError: the backend failed.
        """
        frame = as_bgr(frame)
        return list(self._texts(((frame, each.quad) for each in regions), self._spec.margin))

    def recognize_crops(self, crops: Iterable[Frame]) -> list[Text]:
        """Read pictures that are already cut: one text each, in their order.

        Raises:
            ImageError: one of them is not a picture.
            BackendError: the backend failed.
        """
        frames = (as_bgr(each) for each in crops)
        return list(self._texts(((frame, whole(frame)) for frame in frames), 0.0))

    def read_places(self, places: Iterable[tuple[Frame, Points]]) -> list[Place]:
        """Read quads (4, 2) of frames (H, W, 3) uint8 BGR, as many of as many frames as there are, in full batches.

        One result each, in their order, with the symbols' probabilities, for those who fuse several frames of a text.
        A quad must overlap its frame.

        Raises:
            ImageError: not a picture.
            BackendError: the backend failed.
        """
        framed = ((as_bgr(frame), quad) for frame, quad in places)
        return [
            Place(self._text(row), softened(row.log_probs, self._spec.temperature))
            for row in self._rows(framed, self._spec.margin)
        ]

    def log_probs(self, crops: Iterable[Frame]) -> Iterator[Probabilities]:
        """Logarithms of the symbols' probabilities (T, classes) float32 in pictures that are already cut, in order.

        Raises:
            ImageError: one of them is not a picture.
            BackendError: the backend failed.
        """
        frames = (as_bgr(each) for each in crops)
        return (row.log_probs.copy() for row in self._rows(((frame, whole(frame)) for frame in frames), 0.0))

    def _texts(self, places: Iterator[tuple[Frame, Points]], margin: float) -> Iterator[Text]:
        return map(self._text, self._rows(places, margin))

    def _text(self, row: _Row) -> Text:
        return decode(
            row.log_probs, self.alphabet, used=row.used, margin=row.margin, temperature=self._spec.temperature
        )

    def _rows(self, places: Iterator[tuple[Frame, Points]], margin: float) -> Iterator[_Row]:
        """What the network says of each quad, with this share of its height around it; good until the next one."""
        spec, width = self._spec, self._spec.image_hw[1]
        while batch := list(islice(places, self._most_crops)):
            with self._buffers.lent(width) as binding:
                cut = []
                for crop, (frame, quad) in zip(binding.inputs["crops"], batch, strict=False):
                    outer, share = with_margin(quad, frame, margin) if margin else (quad, 0.0)
                    used = cut_quad(frame, outer, crop, keep_ratio=spec.keep_ratio, stretch=spec.stretch)
                    cut.append((used / width, share))
                binding.run(len(batch))
                yield from (_Row(row, *each) for row, each in zip(binding.outputs["log_probs"], cut, strict=False))

    def _bind(self, width: int) -> Binding:
        spec = self._spec
        _, steps, found = self.session.output_shape("log_probs")
        if steps is None or found != spec.classes:
            got = f"{steps} steps and {found} classes"
            raise BundleError(
                f"recognizer: expected fixed steps and {spec.classes} classes, got {got}; export it again"
            )
        binding = bind_crops(self.session, (self._most_crops, spec.image_hw[0], width, spec.channels))
        binding.inputs["allowed"][:] = self.alphabet.allowed
        return binding
