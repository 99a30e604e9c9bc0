"""What does it say: frame and regions → crops → the four-stage recogniser → texts."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from .alphabets import NUMBERS, Probabilities, make_alphabet
from .binding import bind_crops
from .bundle import Bundle
from .decoding import Text, decode, softened
from .errors import BundleError
from .heatmaps import Region
from .images import Frame, Points, as_bgr, cut_quad, whole
from .manifest import RecognizerSpec
from .profiles import MOST_CROPS
from .sessions import Binding, Session, open_session


@dataclass(frozen=True)
class Place:
    """What a recogniser sees in one quad of one frame."""

    text: Text
    """What it says by itself."""
    log_probs: Probabilities
    """(T, classes) float32: logarithms of the symbols' probabilities, at the bundle's temperature."""


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
        self._spec = bundle.recognizer
        self.alphabet = make_alphabet(self._spec.charset, self._spec.prediction, alphabet, pattern, check)
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
        return list(self._texts((frame, each.quad) for each in regions))

    def recognize_crops(self, crops: Iterable[Frame]) -> list[Text]:
        """Read pictures that are already cut: one text each, in their order.

        Raises:
            ImageError: one of them is not a picture.
            BackendError: the backend failed.
        """
        frames = (as_bgr(each) for each in crops)
        return list(self._texts((frame, whole(frame)) for frame in frames))

    def read_places(self, places: Iterable[tuple[Frame, Points]]) -> list[Place]:
        """Read quads (4, 2) of frames (H, W, 3) uint8 BGR, as many of as many frames as there are, in full batches.

        One result each, in their order, with the symbols' probabilities, for those who fuse several frames of a text.
        A quad must overlap its frame.

        Raises:
            ImageError: not a picture.
            BackendError: the backend failed.
        """
        temperature = self._spec.temperature
        return [
            Place(decode(row, self.alphabet, used=used, temperature=temperature), softened(row, temperature))
            for row, used in self._rows((as_bgr(frame), quad) for frame, quad in places)
        ]

    def log_probs(self, crops: Iterable[Frame]) -> Iterator[Probabilities]:
        """Logarithms of the symbols' probabilities (T, classes) float32 in pictures that are already cut, in order.

        Raises:
            ImageError: one of them is not a picture.
            BackendError: the backend failed.
        """
        frames = (as_bgr(each) for each in crops)
        return (row.copy() for row, _ in self._rows((frame, whole(frame)) for frame in frames))

    def _texts(self, places: Iterator[tuple[Frame, Points]]) -> Iterator[Text]:
        for row, used in self._rows(places):
            yield decode(row, self.alphabet, used=used, temperature=self._spec.temperature)

    def _rows(self, places: Iterator[tuple[Frame, Points]]) -> Iterator[tuple[Probabilities, float]]:
        """A view of each crop's log probabilities, good until the next one, and the share of its width in use."""
        crops, log_probs = self._binding.inputs["crops"], self._binding.outputs["log_probs"]
        spec, width = self._spec, crops.shape[2]
        while batch := list(islice(places, len(crops))):
            used = [
                cut_quad(frame, quad, crop, keep_ratio=spec.keep_ratio, stretch=spec.stretch)
                for crop, (frame, quad) in zip(crops, batch, strict=False)
            ]
            self._binding.run(len(batch))
            for row, columns in zip(log_probs, used, strict=False):
                yield row, columns / width


def _bind(session: Session, spec: RecognizerSpec) -> Binding:
    _, steps, found = session.output_shape("log_probs")
    if steps is None or found != spec.classes:
        got = f"{steps} steps and {found} classes"
        raise BundleError(f"recognizer: expected fixed steps and {spec.classes} classes, got {got}; export it again")
    limits = session.limits("crops")
    most = MOST_CROPS if limits is None else min(MOST_CROPS, limits.max[0])
    return bind_crops(session, (most, *spec.image_hw, spec.channels))
