import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgereader.runtime.stream.configuration.toml import find_lines, parse

BARE = st.text("abcXYZ019_-", min_size=1, max_size=5)
ANY = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=5)
COMMENTS = st.sampled_from(["", " # [x] = ''' \"\"\"", "\t#,]}"])


class Writer:
    """Writes random TOML, and notes on which line each key is."""

    def __init__(self, draw):
        self.draw, self.text, self.lines, self.data = draw, "", {}, {}

    @property
    def line(self):
        return self.text.count("\n") + 1

    def key(self, taken):
        """A new key, bare or quoted; returns it and how it is written."""
        name = self.draw(st.one_of(BARE, ANY).filter(lambda each: each not in taken))
        ways = [json.dumps(name, ensure_ascii=False).replace("\x7f", "\\u007f")]
        if name.isascii() and name.replace("-", "").replace("_", "").isalnum():
            ways.append(name)
        if name.isprintable() and "'" not in name:
            ways.append(f"'{name}'")
        return name, self.draw(st.sampled_from(ways))

    def pair(self, place, table, taken):
        """``a.b = value``, new below the table."""
        start, names, written = self.line, [], []
        name, text = self.key(taken)
        taken.add(name)
        for _ in range(self.draw(st.integers(0, 2))):
            names.append(name)
            written.append(text)
            name, text = self.key(())
        names.append(name)
        written.append(text)
        for count in range(len(names)):
            self.lines[(*place, *names[: count + 1])] = start
        self.text += self.draw(st.sampled_from([".", " . "])).join(written) + self.draw(st.sampled_from(["=", " =\t"]))
        *outer, last = names
        for each in outer:
            table = table.setdefault(each, {})
        table[last] = self.value((*place, *names), self.draw(st.integers(0, 3)))

    def value(self, place, depth):
        kind = self.draw(st.sampled_from(["number", "text", "lines", "list", "table"] if depth else ["number", "text"]))
        if kind == "number":
            self.text += "1979-05-27 07:32:00" if (dated := self.draw(st.booleans())) else "-1.5e3"
            return parse("d = 1979-05-27 07:32:00")["d"] if dated else -1500.0
        if kind == "text":
            text = self.draw(ANY)
            self.text += json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
            return text
        if kind == "lines":
            text = self.draw(
                st.sampled_from(['"""a"b\nc = 1""x\\""" """', "'''\n[x]\n' # '''", '"""\n\\\\"""""', "''''''"])
            )
            self.text += text
            return parse(f"d = {text}")["d"]
        return self.list(place, depth) if kind == "list" else self.table(place)

    def list(self, place, depth):
        self.text += "["
        values = []
        for number in range(self.draw(st.integers(0, 3))):
            self.gap()
            self.lines[(*place, number)] = self.line
            values.append(self.value((*place, number), depth - 1))
            self.gap()
            self.text += ","
        self.gap()
        self.text += "]"
        return values

    def gap(self):
        if self.draw(st.booleans()):
            self.text += self.draw(COMMENTS) + "\n  "

    def table(self, place):
        values, taken = {}, set()
        self.text += "{ "
        for number in range(self.draw(st.integers(0, 2))):
            self.text += ", " if number else ""
            self.pair(place, values, taken)
        self.text += " }"
        return values

    def pairs(self, place, table):
        taken = set()
        for _ in range(self.draw(st.integers(0, 3))):
            self.text += self.draw(st.sampled_from(["", "\n", "# x = 1\n", "  "]))
            self.pair(place, table, taken)
            self.text += self.draw(COMMENTS) + "\n"

    def file(self):
        self.pairs((), self.data)
        taken = set(self.data)
        for _ in range(self.draw(st.integers(0, 3))):
            name, text = self.key(taken)
            taken.add(name)
            if self.draw(st.booleans()):
                self.lines[(name,)] = self.line
                self.text += f"[ {text} ]{self.draw(COMMENTS)}\n"
                self.pairs((name,), self.data.setdefault(name, {}))
            else:
                self.list_of_tables(name, text)

    def list_of_tables(self, name, text):
        elements = self.data.setdefault(name, [])
        for number in range(self.draw(st.integers(1, 3))):
            self.lines.setdefault((name,), self.line)
            self.lines[name, number] = self.line
            self.text += f"[[{text} ]]\n"
            elements.append({})
            self.pairs((name, number), elements[-1])
            if "inner" not in elements[-1] and self.draw(st.booleans()):
                self.lines[name, number, "inner"] = self.line
                self.text += f"[{text}.inner]\n"
                self.pairs((name, number, "inner"), elements[-1].setdefault("inner", {}))


@st.composite
def files(draw):
    writer = Writer(draw)
    writer.file()
    return writer


@settings(max_examples=60)
@given(files())
def test_every_key_of_any_file_is_found_on_its_line(written):
    assert parse(written.text) == written.data
    assert find_lines(written.text) == written.lines


def test_lines_end_with_carriage_returns_too():
    assert find_lines("a = 1\r\n[b]\r\n  c.d = 2\r\n") == {("a",): 1, ("b",): 2, ("b", "c"): 3, ("b", "c", "d"): 3}


def test_tables_of_one_list_are_counted_and_tables_below_are_of_the_last():
    text = "[[a]]\n[[a.b]]\nx = 1\n[[a.b]]\n[[a]]\n[a.b]\nx = 2\n"
    lines = find_lines(text)
    assert lines["a", 0, "b", 0, "x"] == 3
    assert lines["a", 0, "b", 1] == 4
    assert lines["a", 1, "b", "x"] == 7


def test_a_text_that_is_no_toml_is_refused():
    with pytest.raises(ValueError, match="line 2"):
        parse("a = 1\nb = ]\n")
