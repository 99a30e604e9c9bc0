import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from edgereader.runtime.stream.configuration.schema import find_lines, walk

VALUES = (
    "-1.5e3",
    "1979-05-27 07:32:00",
    '"# [x]"',
    "''",
    '"""a"b\nc = 1""x\\""" """',
    "'''\n[x]\n' # '''",
    "[]",
    '[ # ]\n  1,\n  [2, "]"],\n]',
    "{ x = 1, y.z = [\n2] }",
)
COMMENTS = st.sampled_from(["", " # [x] = ''' \"\"\"", "\t#,]}"])
BETWEEN = st.sampled_from(["", "\n", "# x = 1\n", "  "])


@st.composite
def files(draw):
    """A right TOML text, and on which line each of its tables and pairs begins."""
    text, lines, place, lengths = "", {}, (), {}
    for number in range(draw(st.integers(1, 12))):
        text += draw(BETWEEN)
        line = text.count("\n") + 1
        kind = draw(st.sampled_from(["pair", "pair", "dotted", "table", "list", "inner"]))
        if kind in {"pair", "dotted"}:
            keys = [f"k{number}"] if kind == "pair" else [f"k{number}", "d e"]
            written = " . ".join(key if key.isalnum() else f'"{key}"' for key in keys)
            text += f"{written} =\t{draw(st.sampled_from(VALUES))}"
            for length in range(1, len(keys) + 1):
                lines[(*place, *keys[:length])] = line
        elif kind == "list":
            name = draw(st.sampled_from("ab"))
            lengths[name] = lengths.get(name, -1) + 1
            place = (name, lengths[name])
            text += f"[[ {name} ]]"
            lines.setdefault((name,), line)
            lines[place] = line
        else:
            within = place[:2] if kind == "inner" and place and place[0] in lengths else ()
            name = f"t{number}"
            text += f"[{within[0]}.{name}]" if within else f"['{name}']"
            place = (*within, name)
            lines[place] = line
        text += draw(COMMENTS) + draw(st.sampled_from(["\n", "\r\n"]))
    return text, lines


@settings(max_examples=60)
@given(files())
def test_every_table_and_key_of_any_file_is_found_on_its_line(written):
    text, lines = written
    found = find_lines(text)
    assert {place: found[place] for place in lines} == lines
    assert set(found) | {()} == {place for place, _ in walk(msgspec.toml.decode(text))}


def test_elements_are_on_their_keys_line():
    assert find_lines("a = [\n1,\n[2]]\n") == {("a",): 1, ("a", 0): 1, ("a", 1): 1, ("a", 1, 0): 1, (): 1}
