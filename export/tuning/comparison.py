"""Two bundles on the same crops: what the one reads rightly, and the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...models.data.samples import Crop
from ...runtime.bundles.bundle import Bundle
from ...runtime.recognizer import Recognizer
from ..checks.labels import as_written, equal

FORGOTTEN = 0.02
"""Share of the generated crops that may be read worse than before: which ones are drawn decides on about as many."""


@dataclass(frozen=True)
class Score:
    """What a bundle reads on ``cpu``, in the precision that it runs there."""

    precision: str
    """That precision."""
    held_out: int
    """Right ones of the held-out crops: the whole text, as it is labelled."""
    generated: int
    """Right ones of the generated crops."""


@dataclass(frozen=True)
class Comparison:
    """A bundle and the one that was tuned from it."""

    before: Score
    after: Score
    held_out: int
    """Held-out crops."""
    generated: int
    """Generated crops."""

    @property
    def forgotten(self) -> bool:
        """Return whether generated crops are read worse than before, by more than chance."""
        return self.before.generated - self.after.generated > FORGOTTEN * self.generated

    @property
    def better(self) -> bool:
        """Return whether something is gained and nothing lost."""
        gained = self.after.held_out - self.before.held_out
        return not self.forgotten and (gained > 0 or (gained == 0 and self.after.generated > self.before.generated))

    def rows(self) -> list[tuple[str, str, str]]:
        """Return a table: what, before, after."""
        rows = [
            ("read in", self.before.precision, self.after.precision),
            self._row(f"held out, {self.held_out} crops", "held_out", self.held_out),
        ]
        if self.generated:
            rows.append(self._row(f"generated, {self.generated} crops", "generated", self.generated))
        return rows

    def _row(self, what: str, name: str, count: int) -> tuple[str, str, str]:
        before, after = (getattr(score, name) for score in (self.before, self.after))
        return what, f"{before} right, {before / count:.1%}", f"{after} right, {after / count:.1%}"


def score(bundle: Bundle, held_out: Sequence[Crop], generated: Sequence[Crop]) -> Score:
    """Read crops with a bundle's recognizer, all symbols allowed."""
    recognizer = Recognizer(bundle, "cpu", alphabet=None)
    charset = bundle.recognizer.charset

    def right(crops: Sequence[Crop]) -> int:
        texts = [text.text for text in recognizer.recognize_crops(image for image, _ in crops)]
        return equal(texts, [as_written(text, charset) for _, text in crops])

    return Score(bundle.precision("recognizer"), right(held_out), right(generated))
