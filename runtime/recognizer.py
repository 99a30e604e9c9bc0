"""What does it say: frame and regions → crops → the four-stage recognizer → texts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, TypeVar

from .bundles.bundle import Bundle
from .by_arguments import ByArguments, arguments_of
from .geometry.crops import MOST_CROPS, Cut, batch_size, fill_crop, plan_cut
from .geometry.easyocr_steps import UNSURE, confidence
from .geometry.heatmaps import Region
from .geometry.images import Frame, Points, as_bgr, whole
from .sessions.base import Binding
from .sessions.binding import bind_crops
from .sessions.lending import MAX_BINDINGS, Lender
from .sessions.opening import open_session
from .text.alphabets import NUMBERS, Find, Probabilities, make_alphabet
from .text.decoding import Text, decode, softened
from .text.values import Notation

HELD_BATCHES = 4
"""Where crops have several widths, so many times ``MOST_CROPS`` are held at once, so that the batches of each fill."""

T = TypeVar("T")


@dataclass(frozen=True)
class Place:
    """What a recognizer sees in one quad of one frame."""

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
        *,
        find: Find | None = None,
        notation: Notation | None = None,
    ) -> None:
        """Load the bundle's recognizer.

        Args:
            bundle: an opened bundle with a recognizer.
            backend: name of a backend, or "auto".
            precision: "fp32", …; None = the one that the bundle prefers on the backend, else fp32.
            alphabet: the only characters; ``NUMBERS`` = those of numbers, or of text, of which None is all.
            pattern: regular expression that a whole text must match: the likeliest text that does is taken.
            check: "luhn", "ean13" or "iso6346": the check that a text must pass, in the same way.
            threads: how many a backend computes with on the CPU; None = one for each core.
            find: "numbers" or "text"; None = numbers where the alphabet has digits and no letters.
            notation: how numbers are written, for their values.

        Raises:
            BundleError: no recognizer, no such precision, or a damaged file.
            BackendUnavailable: the backend cannot run here.
            AlphabetError: alphabet, pattern or check do not fit the recognizer.
        """
        self._arguments = arguments_of(locals())
        self._spec = bundle.recognizer
        self.alphabet = make_alphabet(
            self._spec.charset, self._spec.prediction, alphabet, pattern, check, find=find, notation=notation
        )
        self.session = open_session(bundle, "recognizer", backend, precision, threads)
        limits = self.session.limits("crops")
        self._most = MOST_CROPS if limits is None else min(MOST_CROPS, limits.max[0])
        self._held = MOST_CROPS * (HELD_BATCHES if self._spec.widths else 1)
        self._buffers = Lender(self._bind, most=max(MAX_BINDINGS, 2 * len(self._spec.crop_widths)))
        usual = self._spec.usual_hw[1]
        self._buffers.give_back(usual, self._bind(usual))

    def recognize(self, frame: Frame, regions: Iterable[Region]) -> list[Text]:
        """Read the regions of a frame (H, W, 3) uint8 BGR: one text each, in their order.

        Raises:
            ImageError: not a picture.
            BackendError: the backend failed.
        """
        frame = as_bgr(frame)
        return list(self._read(((frame, region.quad) for region in regions), self._spec.margin, self._text))

    def recognize_crops(self, crops: Iterable[Frame]) -> list[Text]:
        """Read pictures that are already cut: one text each, in their order.

        Raises:
            ImageError: one of them is not a picture.
            BackendError: the backend failed.
        """
        frames = (as_bgr(crop) for crop in crops)
        return list(self._read(((frame, whole(frame)) for frame in frames), 0.0, self._text))

    def read_places(self, places: Iterable[tuple[Frame, Points]]) -> list[Place]:
        """Read quads (4, 2) of frames (H, W, 3) uint8 BGR, as many of as many frames as there are, in full batches.

        One result each, in their order, with the symbols' probabilities, for those who fuse several frames of a text.
        A quad must overlap its frame.

        Raises:
            ImageError: not a picture.
            BackendError: the backend failed.
        """
        framed = ((as_bgr(frame), quad) for frame, quad in places)

        def place(row: _Row) -> Place:
            return Place(self._text(row), softened(row.log_probs, self._spec.temperature))

        return list(self._read(framed, self._spec.margin, place))

    def log_probs(self, crops: Iterable[Frame]) -> Iterator[Probabilities]:
        """Return logarithms of the symbols' probabilities (T, classes) float32 in pictures that are already cut, in
        order.

        Raises:
            ImageError: one of them is not a picture.
            BackendError: the backend failed.
        """
        frames = (as_bgr(crop) for crop in crops)
        return self._read(((frame, whole(frame)) for frame in frames), 0.0, lambda row: row.log_probs.copy())

    def _text(self, row: _Row) -> Text:
        return decode(
            row.log_probs, self.alphabet, used=row.used, margin=row.margin, temperature=self._spec.temperature
        )

    def _read(self, places: Iterator[tuple[Frame, Points]], margin: float, take: Callable[[_Row], T]) -> Iterator[T]:
        """What ``take`` makes of each quad's output, in their order, with this share of its height around the quad.

        Quads are held until those of each width fill batches, a bounded number of them. Between two results no buffer
        is in use.
        """
        while held := list(islice(places, self._held)):
            cuts = [plan_cut(self._spec, frame, quad, margin) for frame, quad in held]
            taken: dict[int, T] = {}
            for width in sorted({cut.width for cut in cuts}):
                members = (at for at, cut in enumerate(cuts) if cut.width == width)
                while batch := list(islice(members, self._size(width))):
                    rows = self._run(width, [cuts[at] for at in batch])
                    taken |= {at: take(row) for at, row in zip(batch, rows, strict=True)}
            yield from (taken[at] for at in range(len(held)))

    def _run(self, width: int, cuts: list[Cut]) -> Iterator[_Row]:
        """What the network says of a batch of one width; a row is good until the next one."""
        with self._buffers.lent(width) as binding:
            used = [fill_crop(self._spec, cut, crop) for cut, crop in zip(cuts, binding.inputs["crops"], strict=False)]
            binding.run(len(cuts))
            log_probs = binding.outputs["log_probs"]
            if self._spec.as_easyocr:
                log_probs = self._surer(binding, cuts)
            yield from (_Row(row, share, cut.margin) for row, share, cut in zip(log_probs, used, cuts, strict=False))

    def _surer(self, binding: Binding, cuts: list[Cut]) -> Probabilities:
        """Log-probabilities (N, T, classes) of crops that have run; EasyOCR's second look, where that is surer."""
        outputs, crops = binding.outputs["log_probs"], binding.inputs["crops"]
        scores = [confidence(row) for row in outputs[: len(cuts)]]
        unsure = [at for at, cut in enumerate(cuts) if cut.as_easyocr and scores[at] < UNSURE]
        if not unsure:
            return outputs
        rows = outputs[: len(cuts)].copy()
        for at, crop in zip(unsure, crops, strict=False):
            fill_crop(self._spec, cuts[at], crop, again=True)
        binding.run(len(unsure))
        for at, row in zip(unsure, outputs, strict=False):
            if confidence(row) >= scores[at]:
                rows[at] = row
        return rows

    def _bind(self, width: int) -> Binding:
        """Buffers for crops of a width."""
        shape = (self._size(width), self._spec.image_hw[0], width, self._spec.channels)
        binding = bind_crops(self.session, self._spec, shape)
        binding.inputs["allowed"][:] = self.alphabet.allowed
        return binding

    def _size(self, width: int) -> int:
        """Crops of a width that are read at once."""
        return min(self._most, batch_size(self._spec, width))
