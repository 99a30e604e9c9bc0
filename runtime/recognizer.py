"""What does it say: frame and regions → crops → the four-stage recogniser → texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from .alphabets import NUMBERS, Find, Probabilities, make_alphabet
from .binding import bind_crops
from .bundle import Bundle
from .decoding import Text, decode, softened
from .errors import BundleError
from .heatmaps import Region
from .images import Frame, Points, as_bgr, cut_quad, whole, with_margin
from .manifest import RecognizerSpec
from .profiles import MOST_CROPS
from .sessions import Binding, Session, open_session
from .values import Notation


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


class Recognizer:
    """Reads the text in crops."""

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
        """Load the bundle's recogniser.

        Args:
            bundle: an opened bundle with a recogniser.
            backend: name of a backend, or "auto".
            precision: "fp32", …; None = the one that the bundle prefers on the backend, else fp32.
            alphabet: the only characters; ``NUMBERS`` = those of numbers, or of text, of which None is all.
            pattern: regular expression that a whole text must match: the likeliest text that does is taken.
            check: "luhn", "ean13" or "iso6346": the check that a text must pass, in the same way.
            threads: how many a backend computes with on the CPU; None = one for each core.
            find: "numbers" or "text"; None = numbers where the alphabet has digits and no letters.
            notation: how numbers are written, for their values.

        Raises:
            BundleError: no recogniser, no such precision, or a damaged file.
            BackendUnavailable: the backend cannot run here.
            AlphabetError: alphabet, pattern or check do not fit the recogniser.
        """
        self._spec = bundle.recognizer
        self.alphabet = make_alphabet(
            self._spec.charset, self._spec.prediction, alphabet, pattern, check, find=find, notation=notation
        )
        self.session = open_session(bundle, "recognizer", backend, precision, threads)
        self._binding = _bind(self.session, self._spec)
        self._binding.inputs["allowed"][:] = self.alphabet.allowed

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
        crops, log_probs = self._binding.inputs["crops"], self._binding.outputs["log_probs"]
        spec, width = self._spec, crops.shape[2]
        while batch := list(islice(places, len(crops))):
            cut = []
            for crop, (frame, quad) in zip(crops, batch, strict=False):
                outer, share = with_margin(quad, frame, margin) if margin else (quad, 0.0)
                used = cut_quad(frame, outer, crop, keep_ratio=spec.keep_ratio, stretch=spec.stretch)
                cut.append((used / width, share))
            self._binding.run(len(batch))
            yield from (_Row(row, *each) for row, each in zip(log_probs, cut, strict=False))


def _bind(session: Session, spec: RecognizerSpec) -> Binding:
    _, steps, found = session.output_shape("log_probs")
    if steps is None or found != spec.classes:
        got = f"{steps} steps and {found} classes"
        raise BundleError(f"recognizer: expected fixed steps and {spec.classes} classes, got {got}; export it again")
    limits = session.limits("crops")
    most = MOST_CROPS if limits is None else min(MOST_CROPS, limits.max[0])
    return bind_crops(session, (most, *spec.image_hw, spec.channels))
