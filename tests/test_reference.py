"""The pages that are made from the sources are those that they make, and what no source declares is told too."""

import importlib.util
import re

import numpy as np
import pytest

from edgereader.runtime.commands.batch import described
from edgereader.runtime.reader import Reading
from edgereader.runtime.service.board import Board
from edgereader.runtime.service.live import state


@pytest.fixture(scope="module")
def reference(repository):
    spec = importlib.util.spec_from_file_location("reference", repository / "docs/reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_python_is_what_the_docstrings_say(reference, repository):
    page = (repository / "docs/api.md").read_text(encoding="utf-8")
    assert page == reference.api(), "python docs/reference.py"
    for name in ("Reader", "export_detector", "export_recognizer", "export_published", "tune"):
        assert f"\n### {name}\n" in page, name
    assert "EdgeReaderError" in page


def test_the_tables_of_messages_are_what_the_sources_say(reference, repository):
    page = (repository / "docs/messages.md").read_text(encoding="utf-8")
    assert page == reference.messages(page), "python docs/reference.py"
    assert "|  |\n" not in page, "every field has a meaning"


def told(page, heading):
    """The fields in the first table behind a heading that is written by hand."""
    table = page.split(heading, 1)[1].split("|---|---|\n", 1)[1].split("\n\n")[0]
    return set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))


def test_answers_without_a_class_are_told_by_hand(repository):
    page = (repository / "docs/messages.md").read_text(encoding="utf-8")
    (reading,) = described([Reading("7", 1.0, np.zeros((4, 2), np.float32), (), 1, agrees=True)])
    assert told(page, "**`POST /read`**") == reading.keys()
    assert told(page, "**`GET /state`**") == state(Board("cellar")).keys()


def test_a_renamed_field_is_noticed(reference, tmp_path, monkeypatch):
    monkeypatch.setattr(reference, "ROOT", tmp_path)
    (tmp_path / "a.py").write_text('class A:\n    one: int = 3\n    """The first."""\n')
    monkeypatch.setattr(reference, "TABLES", {"event": ("a.py", "A")})
    page = "<!-- event:begin -->\n<!-- event:end -->"
    assert "| `one` | `int` | The first. |" in reference.messages(page)
