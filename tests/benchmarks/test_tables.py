from edgereader.benchmarks.tables import code, columns, escaped, short, signed, steady
from edgereader.export.card import markdown, percent


def test_tables_are_markdown():
    assert markdown(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"
    assert [percent(share) for share in (0.93213, 1.0, 0.5, None)] == ["93.2 %", "100 %", "50 %", "–"]
    assert escaped("a|b\n<c>") == r"a\|b \<c>"
    assert [code(text) for text in ("a  b", "a`b")] == ["`a b`", "``a`b``"]


def test_columns_of_a_terminal_are_aligned():
    assert columns([("a", "b", "c"), ("long", "12345", "d")]) == "a         b  c\nlong  12345  d"


def test_numbers_have_three_digits_and_no_exponent():
    values = (0, 0.5, 1.2, 45, 123.4, 12345)
    assert [short(value) for value in values] == ["0", "0.5", "1.2", "45", "123", "12,345"]
    assert [steady(value) for value in values] == ["0", "0.500", "1.20", "45.0", "123", "12,345"]
    assert short(0.0123) == "0.0123"
    assert [signed(value) for value in (5250.0, -0.5, 0.0)] == ["+5,250", "−0.500", "+0"]
