"""Contact sheets of mistakes: what was shown, what is labelled, what was read, many on one picture."""

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from .datasets import Kind
from .evaluate import Mistake

Image = NDArray[np.uint8]
GRIDS: dict[Kind, tuple[int, int]] = {"crops": (10, 6), "scenes": (3, 3)}
"""Rows and columns of a sheet."""
CELLS: dict[Kind, tuple[int, int]] = {"crops": (64, 200), "scenes": (300, 400)}
"""Height and width in pixels of the picture in a cell."""
LINE_PX = 18
PAPER, INK, LABEL, READING = (245, 245, 245), (40, 40, 40), (80, 170, 0), (40, 40, 230)


def write_sheets(
    folder: Path, name: str, kind: Kind, mistakes: Sequence[Mistake], load: Callable[[Path], Image]
) -> list[Path]:
    """Draw all mistakes of a set as `<name>-<number>.png`, a sheet for every 60 crops or 9 scenes.

    In scenes, the labelled boxes are green and the boxes that were read are red.

    Returns:
        The files that were written; none without a mistake.
    """
    rows, columns = GRIDS[kind]
    size = rows * columns
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for start in range(0, len(mistakes), size):
        cells = [_cell(mistake, kind, load) for mistake in mistakes[start : start + size]]
        written.append(folder / f"{name}-{start // size + 1}.png")
        cv2.imwrite(str(written[-1]), _grid(cells, columns))
    return written


def _grid(cells: Sequence[Image], columns: int) -> Image:
    blank = np.full_like(cells[0], PAPER[0])
    padded = [*cells, *[blank] * (-len(cells) % columns)]
    return np.vstack([np.hstack(padded[at : at + columns]) for at in range(0, len(padded), columns)])


def _cell(mistake: Mistake, kind: Kind, load: Callable[[Path], Image]) -> Image:
    """Draw one mistake: the picture, fitted, and below it what is labelled and what was read."""
    height, width = CELLS[kind]
    image = load(mistake.image.path)
    scale = min(height / image.shape[0], width / image.shape[1])
    shown = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    picture = cv2.resize(image, shown, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    for quads, colour in ((mistake.image.quads, LABEL), (mistake.quads, READING)):
        corners = [np.round(quad * scale).astype(np.int32) for quad in quads]
        cv2.polylines(picture, corners, isClosed=True, color=colour, thickness=2)
    cell = np.full((height + 2 * LINE_PX + 8, width + 8, 3), PAPER, np.uint8)
    cell[4 : 4 + shown[1], 4 : 4 + shown[0]] = picture
    for line, (text, colour) in enumerate(zip(_captions(mistake), (LABEL, READING), strict=True)):
        _write(cell, text, height + (line + 1) * LINE_PX, colour)
    return cell


def _captions(mistake: Mistake) -> tuple[str, str]:
    if mistake.match is None:
        return "is   " + " ".join(mistake.image.texts), "read " + " ".join(mistake.readings)
    return "missed " + " ".join(mistake.match.missed), "false  " + " ".join(mistake.match.false)


def _write(cell: Image, text: str, baseline: int, colour: tuple[int, int, int]) -> None:
    plain = text.encode("ascii", "replace").decode("ascii")
    cv2.putText(cell, plain, (4, baseline), cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, 1, cv2.LINE_AA)
