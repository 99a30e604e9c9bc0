"""What `edgereader bench growth` finds: the structs that its JSON consists of."""

from typing import Literal

import msgspec

from .figures import OfBundle


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """The cost at one size."""

    size: float
    """Megapixels, regions that were found, or crops."""
    p50_ms: float
    """Of one frame, or of all crops of a batch together."""
    p90_ms: float
    runs: int

    @property
    def each_ms(self) -> float | None:
        """Median time for one megapixel, region or crop; None for none of them."""
        return self.p50_ms / self.size if self.size else None


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """How the cost of one part grows with a size."""

    what: Literal["megapixels", "regions", "batch"]
    """The size: of the photo, at the same content; text regions in a photo of one size; crops that are read at once.
    A bundle with a second, coarser look finds a text up to twice, and reads each."""
    part: str
    """What is timed: "whole", or one of `STAGES`. Of photos by their megapixels the whole begins with the file, of
    others with the picture."""
    points: list[Point]
    """By rising size."""
    exponent: float
    """Least squares of log time over log size in the upper half of the sizes: 1 = linear, 2 = quadratic."""
    low: float
    """Lower end of its 95 % confidence interval."""
    high: float
    """Upper end."""
    linear: bool
    """Whether it grows no faster than linearly: `low` is at most 1 and the report's margin."""


class Growth(OfBundle, frozen=True, kw_only=True):
    """One run of `edgereader bench growth`."""

    rounds: int
    """How often every size was measured, in another order each time."""
    margin: float
    """By how much an exponent may be above 1: what caches do to times."""
    curves: list[Curve]
    photos_without_text: int
    """Photos in which no text is found."""
    recogniser_calls_without_text: int
    """How often the recogniser's network was started or waited for there, all rounds together."""
    recogniser_ms_without_text: float
    """Time in it, all rounds together."""
    passed: bool
    """Whether every curve is linear and the recogniser's network never ran for a photo without text."""
