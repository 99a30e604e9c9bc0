"""Writes docs/api.md, and the tables of docs/messages.md, from the docstrings: `python docs/reference.py`.

Everything is read from the sources; nothing is imported.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TUNING = "export/tuning/tune.py"
API = {
    "edgereader.runtime": ("runtime/__init__.py", None),
    "edgereader.export": ("export/__init__.py", None),
    "edgereader.export.tuning.tune": (TUNING, ("tune", "Tuned")),
    "edgereader.runtime.errors": ("runtime/errors.py", ()),
}
"""Module -> its file, and which of its names are told; None = those of `__all__`, () = its docstring alone."""
TABLES = {
    "event": ("runtime/stream/numbers/events.py", "Event"),
    "state": ("runtime/stream/sinks/mqtt/topics.py", "State"),
    "live": ("runtime/stream/sinks/mqtt/topics.py", "Live"),
    "camera": ("runtime/stream/sources/status.py", "CaptureStatus"),
}
"""Part of docs/messages.md -> file and class whose fields it tells."""
UNTOLD = {
    "state": "`connecting`, `live`, `resting` (between two looks), `frozen`, `black`, `lost` or `ended`.",
    "kind": "What kind of number: `free`, `counter` or `plate`.",
    "last_sure_at": "When that was.",
}
"""Fields without a docstring of their own."""
BLOCK = re.compile(r"<!-- (\w+):begin -->\n.*?<!-- \1:end -->", re.DOTALL)
HEAD = """# Python

Made from the docstrings by `python docs/reference.py`; a test holds it to them. Arrays are numpy's; a frame is
(H, W, 3) uint8 BGR, and points are x, y in pixels. [reading.md](reading.md) and [export.md](export.md)
show how it is used.
"""

Definition = ast.FunctionDef | ast.ClassDef | ast.Assign


def parse(file: str | Path) -> ast.Module:
    """Return the syntax tree of a source file."""
    return ast.parse((ROOT / file).read_text(encoding="utf-8"))


def public(file: str) -> Iterator[tuple[str, str]]:
    """Yield the names in `__all__` of a package, each with the file that defines it."""
    tree, folder = parse(file), Path(file).parent
    places = {
        alias.name: folder / f"{(node.module or '').replace('.', '/')}.py"
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    for name in sorted(places, key=str.lower):
        yield name, str(places[name])


def definition(file: str, name: str) -> tuple[Definition, str]:
    """Return what defines a name in a file, and the docstring behind a constant."""
    body = parse(file).body
    for place, node in enumerate(body):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            return node, ast.get_docstring(node) or ""
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name:
            return node, docstring_behind(body, place)
    raise LookupError(f"{file}: expected {name} in it")


def docstring_behind(body: list[ast.stmt], place: int) -> str:
    """Return the string that stands behind an assignment, on one line."""
    after = body[place + 1] if place + 1 < len(body) else None
    if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) and isinstance(after.value.value, str):
        return " ".join(after.value.value.split())
    return ""


def fields(node: Definition) -> Iterator[tuple[str, str, str, str]]:
    """Yield the fields of a class: name, type, default ("" = none), docstring."""
    body = [] if isinstance(node, ast.Assign) else node.body
    for place, item in enumerate(body):
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name) and not item.target.id.startswith("_"):
            default = "" if item.value is None else ast.unparse(item.value)
            yield item.target.id, ast.unparse(item.annotation), default, docstring_behind(body, place)


def signature(node: ast.FunctionDef, name: str) -> str:
    """Return how a function is called, without `self`, an argument a line where it is long."""
    arguments = node.args
    if arguments.args and arguments.args[0].arg in {"self", "cls"}:
        arguments.args = arguments.args[1:]
    inside, result = ast.unparse(arguments), f" -> {ast.unparse(node.returns)}" if node.returns else ""
    whole = f"{name}({inside}){result if name == node.name else ''}"
    if len(whole) <= 100:
        return whole
    parts = re.split(r", (?=\*|\w+: )", inside)
    return f"{name}(\n" + "".join(f"    {part},\n" for part in parts) + f"){result if name == node.name else ''}"


def told(name: str, file: str) -> Iterator[str]:
    """Yield the lines of a page about one name."""
    node, text = definition(file, name)
    yield f"### {name}\n"
    if isinstance(node, ast.Assign):
        yield f"```text\n{ast.unparse(node)}\n\n{text}\n```\n"
        return
    if isinstance(node, ast.FunctionDef):
        yield f"```text\n{signature(node, name)}\n\n{text}\n```\n"
        return
    methods = [item for item in node.body if isinstance(item, ast.FunctionDef)]
    made = next((method for method in methods if method.name == "__init__"), None)
    lines = [text]
    if made is not None:
        lines += [signature(made, name), indented(ast.get_docstring(made) or "")]
    lines += [
        f"{field}: {kind}{f' = {value}' if value else ''}\n{indented(doc)}" for field, kind, value, doc in fields(node)
    ]
    for method in methods:
        if not method.name.startswith("_"):
            is_property = any(ast.unparse(one).endswith("property") for one in method.decorator_list)
            call = method.name if is_property else signature(method, method.name)
            lines += [f".{call}\n{indented(ast.get_docstring(method) or '')}"]
    yield "```text\n" + "\n\n".join(line.rstrip() for line in lines if line) + "\n```\n"


def indented(text: str) -> str:
    """Indent every line that is not empty."""
    return "\n".join(f"    {line}" if line else "" for line in text.splitlines())


def api() -> str:
    """Return docs/api.md."""
    lines = [HEAD]
    for module, (file, names) in API.items():
        lines.append(f"## {module}\n")
        if names == ():
            lines.append(f"```text\n{ast.get_docstring(parse(file))}\n```\n")
        for name, place in public(file) if names is None else [(name, file) for name in names]:
            lines += told(name, place)
    return "\n".join(lines)


def table(file: str, name: str) -> str:
    """Return the fields of a class as a table."""
    node, _ = definition(file, name)
    events = {field: doc for field, _, _, doc in fields(definition(*TABLES["event"])[0])}
    rows = [
        f"| `{field}` | `{kind.replace('|', chr(92) + '|')}` | {doc or events.get(field) or UNTOLD.get(field, '')} |"
        for field, kind, _, doc in fields(node)
    ]
    return "\n".join(["| field | type | meaning |", "|---|---|---|", *rows])


def messages(page: str) -> str:
    """Return docs/messages.md with its tables made anew."""
    made = {part: table(*place) for part, place in TABLES.items()}
    return BLOCK.sub(lambda block: f"<!-- {block[1]}:begin -->\n{made[block[1]]}\n<!-- {block[1]}:end -->", page)


if __name__ == "__main__":
    page = ROOT / "docs/messages.md"
    page.write_text(messages(page.read_text(encoding="utf-8")), encoding="utf-8")
    (ROOT / "docs/api.md").write_text(api(), encoding="utf-8")
