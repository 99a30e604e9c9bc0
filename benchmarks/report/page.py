"""A report as one page that needs nothing else, and as Markdown."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template

from ..record import Machine, write_file
from ..speed.results import Growth, Report, Soak, Stream
from ..tables import code, escaped, version_words
from .bench import bench_sections
from .charts import COLOURS, printable
from .growth import growth_sections
from .sections import Figure, Section, Table
from .soak import soak_sections, stream_sections

TITLE = "EdgeReader, measured"
TEMPLATE = Path(__file__).with_name("page.html")
HTML_NAME, MARKDOWN_NAME = "report.html", "report.md"
NUMERIC = set("0123456789+-−–")
VERDICTS = {"VALID": "good", "yes": "good", "INVALID": "bad", "NO": "bad", "failed": "bad"}
Facts = list[tuple[str, str]]
"""Names and values; the value of a "Command" is one."""


def write_pages(
    folder: Path,
    bench: Report | None = None,
    growth: Growth | None = None,
    soak: Soak | None = None,
    stream: Stream | None = None,
) -> list[Path]:
    """Write `report.html` and `report.md` of what there is; return their paths.

    Raises:
        OSError: The folder cannot be written.
        ValueError: There is nothing to show.
    """
    facts, sections = Facts(), list[Section]()
    machines: dict[str, Machine] = {}
    if bench:
        machines["bench"] = bench.machine
        turns = f"{_when(bench.date)}, {bench.turns} turns, in which the contenders alternate"
        facts += [("Photos", _photos(bench)), ("Bench", turns), ("Command", bench.command)]
        sections += bench_sections(bench)
    if growth:
        machines["growth"] = growth.machine
        facts += [("Growth", _when(growth.date)), ("Command", growth.command)]
        sections += growth_sections(growth)
    if soak:
        machines["soak"] = soak.machine
        facts += [("Soak", _when(soak.date)), *(("Command", command) for command in dict.fromkeys(soak.commands))]
        sections += soak_sections(soak)
    if stream:
        machines["stream"] = stream.machine
        facts += [("Camera", _when(stream.date)), ("Command", stream.command)]
        sections += stream_sections(stream)
    if not machines:
        raise ValueError("report: expected at least one of bench, growth, soak and stream, got none")
    facts = _machine_facts(machines) + facts
    made = {folder / HTML_NAME: as_html(facts, sections), folder / MARKDOWN_NAME: as_markdown(facts, sections)}
    for path, text in made.items():
        write_file(path, text)
    return list(made)


def _photos(bench: Report) -> str:
    photos = bench.photos
    folders = ", ".join(photos.folders)
    return f"{photos.count} of {folders}, {photos.megapixels:.2f} megapixels on average, SHA-256 {photos.sha256[:12]}"


def _when(date: str) -> str:
    return f"{date[:16].replace('T', ' ')} UTC"


def _machine_facts(machines: dict[str, Machine]) -> Facts:
    first = next(iter(machines.values()))
    if all(machine == first for machine in machines.values()):
        return [("Device", str(first)), ("Versions", version_words(first.versions))]
    return [(f"Device, {name}", f"{machine}; {version_words(machine.versions)}") for name, machine in machines.items()]


def as_markdown(facts: Facts, sections: Sequence[Section]) -> str:
    """Return a report without charts."""
    told = (f"- {name}: {code(value) if name == 'Command' else escaped(value)}" for name, value in facts)
    made = [f"# {TITLE}", "\n".join(told)]
    for section in sections:
        made += [f"## {section.title}", *map(escaped, section.remarks)]
        for figure in section.figures:
            made += [f"### {figure.title}"] if figure.title else []
            made += [figure.table.markdown(), *map(escaped, figure.remarks)]
    return "\n\n".join(made) + "\n"


def as_html(facts: Facts, sections: Sequence[Section]) -> str:
    """Return a report as a page."""
    terms = (
        f"<dt>{name}</dt><dd>{f'<code>{_text(value)}</code>' if name == 'Command' else _text(value)}</dd>"
        for name, value in facts
    )
    links = (f'<li><a href="#part-{at}">{_text(section.title)}</a></li>' for at, section in enumerate(sections))
    day, dark = (
        "; ".join(f"--{name}: {colours[scheme]}" for name, colours in COLOURS.items()) for scheme in (0, 1)
    )  # fmt: skip
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=TITLE, day=day, dark=dark, facts="".join(terms), contents="".join(links),
        sections="\n".join(_section(f"part-{at}", section) for at, section in enumerate(sections)),
    )  # fmt: skip


def _text(text: str) -> str:
    return escape(printable(text))


def _section(name: str, section: Section) -> str:
    figures = "\n".join(_figure(figure, figure.title or section.title) for figure in section.figures)
    heading = f'<h2 id="{name}">{_text(section.title)}</h2>'
    return f'<section aria-labelledby="{name}">{heading}{_remarks(section.remarks)}\n{figures}</section>'


def _remarks(remarks: Sequence[str]) -> str:
    bad = ("INVALID", "FAIL")
    return "".join(f"<p{' class=bad' * text.startswith(bad)}>{_text(text)}</p>" for text in remarks)


def _figure(figure: Figure, name: str) -> str:
    title = f"<figcaption><h3>{_text(figure.title)}</h3></figcaption>" if figure.title else ""
    table, remarks = _table(figure.table, name), _remarks(figure.remarks)
    if not figure.charts:
        return f"<figure>{title}{table}{remarks}</figure>"
    charts = f'<div class="charts">{"".join(figure.charts)}</div>'
    return f"<figure>{title}{charts}{remarks}<details><summary>The numbers</summary>{table}</details></figure>"


def _table(table: Table, name: str) -> str:
    sides = [
        ' class="number"' if at and all(row[at][:1] in NUMERIC for row in table.rows) else ""
        for at in range(len(table.header))
    ]
    head = "".join(f'<th scope="col"{side}>{_text(cell)}</th>' for side, cell in zip(sides, table.header, strict=True))
    body = "".join(
        f'<tr><th scope="row">{_text(first)}</th>'
        + "".join(f"<td{side}>{_cell(cell)}</td>" for side, cell in zip(sides[1:], cells, strict=True))
        + "</tr>"
        for first, *cells in table.rows
    )
    label = f'aria-label="Table: {_text(name)}"'
    inside = f'<table aria-label="{_text(name)}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return f'<div class="scroll" role="region" {label} tabindex="0">{inside}</div>'


def _cell(text: str) -> str:
    return f'<span class="{VERDICTS[text]}">{text}</span>' if text in VERDICTS else _text(text)
