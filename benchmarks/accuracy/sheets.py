"""Contact sheets of mistakes: what was shown, what is labelled, what was read, many on one picture."""

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from .datasets import Kind
from .results import Mistake

Image = NDArray[np.uint8]
GRIDS: dict[Kind, tuple[int, int]] = {"crops": (10, 6), "scenes": (3, 3)}
"""Rows and columns of a sheet."""
CELLS: dict[Kind, tuple[int, int]] = {"crops": (64, 200), "scenes": (400, 600)}
"""Height and width in pixels of the picture in a cell."""
LINE_PX = 18
PAPER, INK, LABEL, READING = (245, 245, 245), (40, 40, 40), (80, 170, 0), (40, 40, 230)
Colour = tuple[int, int, int]


def write_sheets(
    folder: Path, name: str, kind: Kind, mistakes: Sequence[Mistake], load: Callable[[Path], Image]
) -> list[Path]:
    """Draw all mistakes of a set as `<name>-<number>.png`, a sheet for every 60 crops or 9 scenes.

    Crops with the same cause lie together. In scenes, the labelled boxes are green and the boxes that were read are
    red, each with what it says.

    Returns:
        The files that were written; none without a mistake.
    """
    rows, columns = GRIDS[kind]
    size = rows * columns
    if kind == "crops":
        mistakes = sorted(mistakes, key=lambda mistake: mistake.causes)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for start in range(0, len(mistakes), size):
        cells = [_cell(mistake, kind, load) for mistake in mistakes[start : start + size]]
        written.append(folder / f"{name.replace(':', '-')}-{start // size + 1}.png")
        cv2.imwrite(str(written[-1]), _grid(cells, columns))
    return written


def _grid(cells: Sequence[Image], columns: int) -> Image:
    blank = np.full_like(cells[0], PAPER[0])
    padded = [*cells, *[blank] * (-len(cells) % columns)]
    return np.vstack([np.hstack(padded[at : at + columns]) for at in range(0, len(padded), columns)])


def _cell(mistake: Mistake, kind: Kind, load: Callable[[Path], Image]) -> Image:
    """Draw one mistake: the picture, fitted, and below it what is labelled, what was read, and what went wrong."""
    height, width = CELLS[kind]
    image = load(mistake.image.path)
    scale = min(height / image.shape[0], width / image.shape[1])
    shown = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    picture = np.asarray(cv2.resize(image, shown, interpolation=method), np.uint8)
    _draw(picture, mistake.image.texts, mistake.image.quads, scale, LABEL)
    _draw(picture, mistake.readings if mistake.quads else (), mistake.quads, scale, READING)
    cell = np.full((height + 3 * LINE_PX + 8, width + 8, 3), PAPER, np.uint8)
    cell[4 : 4 + shown[1], 4 : 4 + shown[0]] = picture
    for line, (text, colour) in enumerate(zip(_captions(mistake), (LABEL, READING, INK), strict=True)):
        _write(cell, text, (4, height + (line + 1) * LINE_PX), colour)
    return cell


def _draw(
    picture: Image, texts: Sequence[str], quads: Sequence[NDArray[np.float32] | None], scale: float, colour: Colour
) -> None:
    """Draw boxes with their texts: what is labelled below a box, what was read above it."""
    for text, quad in zip(texts, quads, strict=True):
        if quad is None:
            continue
        corners = np.round(quad * scale).astype(np.int32)
        cv2.polylines(picture, [corners], isClosed=True, color=colour, thickness=2)
        left, top, bottom = int(corners[:, 0].min()), int(corners[:, 1].min()), int(corners[:, 1].max())
        at = max(left, 0), bottom + 14 if colour == LABEL else max(top - 4, 12)
        _write(picture, text, at, PAPER, thickness=3)
        _write(picture, text, at, colour)


def _captions(mistake: Mistake) -> tuple[str, str, str]:
    if mistake.match is None:
        causes = "; ".join(f"{what}, {detail}" for what, detail in mistake.causes)
        sure = " ".join(f"({confidence:.2f})" for confidence in mistake.confidences)
        return "is   " + " ".join(mistake.image.texts), "read " + " ".join((*mistake.readings, sure)), causes
    causes = "; ".join(dict.fromkeys(detail for _, detail in mistake.causes))
    return "missed " + " ".join(mistake.match.missed), "false  " + " ".join(mistake.match.false), causes


def _write(picture: Image, text: str, at: tuple[int, int], colour: Colour, thickness: int = 1) -> None:
    plain = text.encode("ascii", "replace").decode("ascii")
    cv2.putText(picture, plain, at, cv2.FONT_HERSHEY_SIMPLEX, 0.4, colour, thickness, cv2.LINE_AA)
