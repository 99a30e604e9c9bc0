import pytest

from edgereader.benchmarks.report.documents import filled, renewed
from edgereader.runtime.errors import DatasetError


def test_what_is_between_markers_is_replaced_and_nothing_else():
    old = "by hand\n<!-- facts:begin -->\nold\n<!-- facts:end -->\nalso\n<!-- results:begin -->\n<!-- results:end -->\n"
    parts = {"facts": "new", "results": r"\1", "other": "unused"}
    new = filled(old, parts, "x")
    assert new == (
        "by hand\n<!-- facts:begin -->\nnew\n<!-- facts:end -->\n"
        "also\n<!-- results:begin -->\n\\1\n<!-- results:end -->\n"
    )
    assert filled(new, parts, "x") == new


def test_parts_of_other_commands_stay_as_they_are():
    theirs = "<!-- bench:begin -->\nfast\n<!-- bench:end -->\n"
    old = f"<!-- facts:begin -->\nold\n<!-- facts:end -->\n{theirs}"
    assert filled(old, {"facts": "new"}, "x") == f"<!-- facts:begin -->\nnew\n<!-- facts:end -->\n{theirs}"
    with pytest.raises(DatasetError, match="x: expected markers"):
        filled(theirs, {"facts": "new"}, "x")


@pytest.mark.parametrize(
    "document",
    [
        "nothing",
        "<!-- facts:begin -->\n",
        "<!-- facts:begin -->\n<!-- results:end -->\n",
        "<!-- unknown:begin -->\n<!-- unknown:end -->\n",
    ],
)
def test_wrong_markers_are_one_clear_line(document):
    with pytest.raises(DatasetError, match="x: expected markers"):
        filled(document, {"facts": "", "results": ""}, "x")


def test_a_document_that_is_not_there_is_one_clear_line(tmp_path):
    with pytest.raises(DatasetError, match="expected a document with markers, got nothing there"):
        renewed(tmp_path / "README.md", {"facts": ""})
