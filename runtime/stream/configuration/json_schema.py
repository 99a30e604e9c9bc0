"""The configuration as a JSON schema, with which editors complete keys, explain them and mark mistakes."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from ..settings import Settings
from .schema import EXAMPLE, walk

_HEAD = re.compile(r"#?\[+(\w+)\]+")
_KEY = re.compile(r"#?(\w+) = ")


def json_schema() -> dict[str, Any]:
    """Return the schema (2020-12) of a configuration: of its types, with what the example says of each key."""
    schema = msgspec.json.schema(Settings)
    for _, value in walk(schema):
        if isinstance(value, dict) and isinstance(value.get("pattern"), str):
            value["pattern"] = value["pattern"].replace(r"\Z", "$")  # which JavaScript does not know
    tables = schema["$defs"]
    root = tables["Settings"]["properties"]
    for table, key, text in explained(EXAMPLE.read_text(encoding="utf-8")):
        keys = root if table is None else tables[_names(root[table])[0]]["properties"]
        keys[key] |= {"description": text}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def explained(example: str) -> Iterator[tuple[str | None, str, str]]:
    """Yield table (None = the root), key, and the comment above or beside it, where there is one."""
    table, comment = None, list[str]()
    for line in example.splitlines():
        if head := _HEAD.fullmatch(line):
            table = head[1]
        elif key := _KEY.match(line):
            beside = line.partition(" # ")[2]
            if words := [*comment, *filter(None, [beside])]:
                yield table, key[1], " ".join(words)
        elif line.startswith("# "):
            comment.append(line[2:])
            continue
        comment = []


def _names(schema: Any) -> list[str]:
    """Return the tables that a key may hold."""
    references = [value for place, value in walk(schema) if place and place[-1] == "$ref"]
    return [str(reference).rpartition("/")[2] for reference in references]
