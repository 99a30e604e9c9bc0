"""A report as Markdown."""

from collections.abc import Sequence

from ..tables import markdown
from .sections import TITLE, Section, Table


def as_markdown(facts: Sequence[tuple[str, str]], sections: Sequence[Section]) -> str:
    """The same without charts."""
    made = [
        f"# {TITLE}",
        "\n".join(f"- {name}: {code(value) if name == 'Command' else escaped(value)}" for name, value in facts),
    ]
    for section in sections:
        made += [f"## {section.title}", *map(escaped, section.remarks)]
        for figure in section.figures:
            made += [f"### {figure.title}"] if figure.title else []
            made += [as_table(figure.table), *map(escaped, figure.remarks)]
    return "\n\n".join(made) + "\n"


def as_table(table: Table) -> str:
    """A table as Markdown, whatever its cells hold."""
    return markdown([escaped(each) for each in table.header], [[escaped(each) for each in row] for row in table.rows])


def escaped(text: str) -> str:
    """Text as Markdown shows it: in one line, without columns or tags of its own."""
    line = " ".join(text.split())
    for special in "\\|`*_<[":
        line = line.replace(special, "\\" + special)
    return line


def code(text: str) -> str:
    """A command as Markdown."""
    fence = "``" if "`" in text else "`"
    return f"{fence}{' '.join(text.split())}{fence}"
