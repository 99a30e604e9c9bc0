"""A report as one page that needs nothing else, and as Markdown."""

from collections.abc import Sequence
from pathlib import Path

from ..machine import Machine
from ..report import write_file
from ..speed.results import Growth, Photos, Report, Soak, Stream
from .bench_sections import bench_sections
from .facts import machine_words, version_words
from .growth_sections import growth_sections
from .nodes import Node, document, node
from .plain import as_markdown
from .sections import TITLE, Figure, Key, Section, Table
from .soak_sections import soak_sections
from .stream_sections import stream_sections
from .style import style

NUMERIC = set("0123456789+-−–")
HTML_NAME, MARKDOWN_NAME = "report.html", "report.md"


def write_pages(
    folder: Path,
    bench: Report | None = None,
    growth: Growth | None = None,
    soak: Soak | None = None,
    stream: Stream | None = None,
) -> list[Path]:
    """Write `report.html` and `report.md` of what there is; gives their paths.

    Raises:
        OSError: the folder cannot be written.
        ValueError: there is nothing to show.
    """
    if bench is None and growth is None and soak is None and stream is None:
        raise ValueError("report: expected at least one of bench, growth, soak and stream, got none")
    facts, sections = head(bench, growth, soak, stream), parts(bench, growth, soak, stream)
    made = {
        folder / HTML_NAME: document(page(facts, sections)),
        folder / MARKDOWN_NAME: as_markdown(facts, sections),
    }
    for path, text in made.items():
        write_file(path, text)
    return list(made)


def parts(
    bench: Report | None, growth: Growth | None, soak: Soak | None, stream: Stream | None
) -> list[Section]:  # fmt: skip
    """All parts of a page."""
    return [
        *(bench_sections(bench) if bench else []),
        *(growth_sections(growth) if growth else []),
        *(soak_sections(soak) if soak else []),
        *(stream_sections(stream) if stream else []),
    ]


def head(
    bench: Report | None, growth: Growth | None, soak: Soak | None, stream: Stream | None
) -> list[tuple[str, str]]:
    """On what, when and how it was measured: names and values; a value that is a command begins with `edgereader`."""
    machines: dict[str, Machine] = {}
    runs: list[tuple[str, str]] = []
    if bench:
        machines["bench"] = bench.machine
        runs += [
            ("Photos", photo_words(bench.photos)),
            ("Bench", f"{when(bench.date)}, {bench.turns} turns, in which the contenders alternate"),
            ("Command", bench.command),
        ]  # fmt: skip
    if growth:
        machines["growth"] = growth.machine
        runs += [("Growth", when(growth.date)), ("Command", growth.command)]
    if soak:
        machines["soak"] = soak.machine
        runs += [("Soak", when(soak.date)), *(("Command", each) for each in dict.fromkeys(soak.commands))]
    if stream:
        machines["stream"] = stream.machine
        runs += [("Camera", when(stream.date)), ("Command", stream.command)]
    return _machine_facts(machines) + runs


def photo_words(photos: Photos) -> str:
    """What was read, in a line."""
    folders = ", ".join(photos.folders)
    return f"{photos.count} of {folders}, {photos.megapixels:.2f} megapixels on average, SHA-256 {photos.sha256[:12]}"


def when(date: str) -> str:
    """A date as it is read: `2026-11-22 08:00 UTC`."""
    return f"{date[:16].replace('T', ' ')} UTC"


def _machine_facts(machines: dict[str, Machine]) -> list[tuple[str, str]]:
    first = next(iter(machines.values()))
    if all(each == first for each in machines.values()):
        return [("Device", machine_words(first)), ("Versions", version_words(first.versions))]
    return [
        (f"Device, {name}", f"{machine_words(each)}; {version_words(each.versions)}") for name, each in machines.items()
    ]


def page(facts: Sequence[tuple[str, str]], sections: Sequence[Section]) -> Node:
    """The page's tree."""
    head_ = node(
        "head",
        node("meta", charset="utf-8"),
        node("meta", name="viewport", content="width=device-width, initial-scale=1"),
        node("meta", name="color-scheme", content="light dark"),
        node("title", TITLE),
        node("style", style()),
    )
    terms = [each for name, value in facts for each in (node("dt", name), node("dd", _value(name, value)))]
    links = [node("li", node("a", each.title, href=f"#part-{index}")) for index, each in enumerate(sections)]
    header = node(
        "header", node("h1", TITLE), node("dl", *terms), node("nav", node("ul", *links), aria_label="Contents")
    )
    main = node("main", *(_section(index, each) for index, each in enumerate(sections)))
    return node("html", head_, node("body", header, main, node("footer")), lang="en")


def _value(name: str, value: str) -> Node | str:
    return node("code", value) if name == "Command" else value


def _section(index: int, section: Section) -> Node:
    name = f"part-{index}"
    remarks = [_remark(each) for each in section.remarks]
    figures = [_figure(each, section.title) for each in section.figures]
    return node("section", node("h2", section.title, id=name), *remarks, *figures, aria_labelledby=name)


def _remark(text: str) -> Node:
    alarming = text.startswith(("INVALID", "FAIL"))
    return node("p", text, class_="remark bad" if alarming else "remark")


def _figure(figure: Figure, section: str) -> Node:
    title = node("figcaption", node("h3", figure.title)) if figure.title else None
    remarks = [_remark(each) for each in figure.remarks]
    table = _table(figure.table, figure.title or section)
    if not figure.charts:
        return node("figure", title, table, *remarks)
    folded = node("details", node("summary", "The numbers"), table)
    charts = node("div", *figure.charts, class_="charts")
    return node("figure", title, charts, _keys(figure.key), *remarks, folded)


def _keys(keys: Sequence[Key]) -> Node | None:
    if not keys:
        return None
    return node("ul", *(node("li", _mark(shape, class_), text) for shape, class_, text in keys), class_="key")


def _mark(shape: str, class_: str) -> Node:
    marks = {
        "bar": lambda: node("rect", x=0, y=3, width=20, height=8, class_=class_),
        "area": lambda: node("path", d="M0 13Q6 12 10 1Q14 12 20 13Z", class_=class_),
        "dot": lambda: node("circle", cx=10, cy=7, r=5, class_=class_),
        "line": lambda: node("line", x1=0, y1=7, x2=20, y2=7, class_=class_),
        "tick": lambda: node("line", x1=10, y1=2, x2=10, y2=12, class_=class_),
    }
    return node("svg", marks[shape](), viewBox="0 0 20 14", aria_hidden="true")


def _table(table: Table, title: str) -> Node:
    header = [node("th", each, scope="col", class_=_side(table, index)) for index, each in enumerate(table.header)]
    rows = [
        node(
            "tr", node("th", row[0], scope="row"), *(_cell(each, _side(table, i)) for i, each in enumerate(row[1:], 1))
        )
        for row in table.rows
    ]
    made = node("table", node("thead", node("tr", *header)), node("tbody", *rows), aria_label=title)
    return node("div", made, class_="scroll", role="region", aria_label=f"Table: {title}", tabindex=0)


def _cell(text: str, class_: str | None) -> Node:
    alarming = {"VALID": "good", "yes": "good", "INVALID": "bad", "NO": "bad", "failed": "bad"}.get(text)
    return node("td", node("span", text, class_=alarming) if alarming else text, class_=class_)


def _side(table: Table, column: int) -> str | None:
    """Columns of numbers stand at the right."""
    return "number" if column and all(row[column][:1] in NUMERIC for row in table.rows) else None
