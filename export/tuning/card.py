"""The card of a tuned bundle: what it was tuned from and on, old beside new, and what the former card says."""

from __future__ import annotations

from pathlib import Path

from ...runtime.bundles.bundle import Bundle
from ...runtime.bundles.manifest import Kind
from ..card import CARD_NAME, markdown, marked, renew_card, today, written_by_hand
from .comparison import Comparison


def write_card(old: Bundle, root: Path, comparison: Comparison, data: str, crops: int, seconds: float) -> Path:
    """Write the card of a bundle that was tuned from another one.

    Args:
        old: that other one.
        root: the new bundle's folder.
        comparison: of the two.
        data: name of the set of crops that it was tuned on.
        crops: how many are in it.
        seconds: how long it took.

    Raises:
        ExportError: it cannot be written.
    """
    name, graph = old.manifest.name, old.recognizer.files["fp32"].sha256
    origin = f"that of `{name}` (SHA-256 {graph}), tuned on {crops} crops of `{data}` in {seconds:.0f} s on {today()}"
    rows = markdown(["", name, "tuned"], comparison.rows())
    lines = [
        "## Tuned",
        f"Texts as labelled; held-out crops are of photos not learnt, generated ones of all that `{name}` knows.",
        marked("tuned", rows),
    ]
    card = old.root / CARD_NAME
    if former := written_by_hand(card.read_text(encoding="utf-8")) if card.is_file() else "":
        lines += [f"# What the card of {name} says", "Of the detector, and of the weights that were tuned.", former]
    made: dict[Kind, str] = {"recognizer": origin}
    if old.manifest.detector is not None:
        made["detector"] = f"that of `{name}`"
    return renew_card(root, made, "\n\n".join(lines))
