"""HTML and SVG as trees of elements: what goes into one is escaped when the page is written."""

import re
from collections.abc import Iterable
from xml.etree import ElementTree as ET

Node = ET.Element
UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What neither XML nor a reader wants."""


def node(tag: str, *children: "Node | str | None", **attributes: object) -> Node:
    """Make an element; `aria_label` becomes `aria-label`, `class_` becomes `class`, None is left out."""
    made = ET.Element(tag)
    for name, value in attributes.items():
        if value is not None:
            made.set(name.rstrip("_").replace("_", "-"), _written(value))
    for child in children:
        if isinstance(child, str):
            _add_text(made, _printable(child))
        elif child is not None:
            made.append(child)
    return made


def document(root: Node) -> str:
    """Write a page."""
    return "<!doctype html>\n" + ET.tostring(root, encoding="unicode", method="html") + "\n"


def path(points: Iterable[tuple[float, float]], *, closed: bool = False) -> str:
    """The `d` of a line through points, px."""
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points) + ("Z" if closed else "")


def _written(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else _printable(str(value))


def _printable(text: str) -> str:
    return UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def _add_text(parent: Node, text: str) -> None:
    if len(parent):
        parent[-1].tail = (parent[-1].tail or "") + text
    else:
        parent.text = (parent.text or "") + text
