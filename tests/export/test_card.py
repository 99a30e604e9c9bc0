"""A bundle's card tells of its own networks, never of others."""

import shutil

import pytest

from edgereader.export.card import CARD_NAME, FORMER_NAME, renew_card, written_by_hand
from edgereader.runtime.bundles.bundle import shipped


@pytest.fixture
def copied(tmp_path):
    """The shipped bundle, copied with its card, as somebody who exports into it has it."""
    shutil.copytree(shipped("digits-edge"), tmp_path / "mine")
    return tmp_path / "mine"


def test_figures_of_other_networks_go(copied):
    former = (copied / CARD_NAME).read_text()
    assert "72.5 %" in former
    renew_card(copied, {"recognizer": "exported from `a.pt`"})
    card = (copied / CARD_NAME).read_text()
    assert card.startswith(
        "# digits-edge\n\n<!-- made:begin -->\n- recognizer: exported from `a.pt`\n<!-- made:end -->"
    )
    assert "72.5 %" not in card
    assert "Not measured yet: `edgereader eval mine SET... --json FILE`" in card
    assert "| network | CRAFT | None-VGG-BiLSTM-CTC |" in card
    assert (copied / FORMER_NAME).read_text() == former, "nobody's sentences are lost"


def test_the_second_export_keeps_the_first_ones_line_and_takes_figures_back(copied):
    (copied / CARD_NAME).unlink()
    renew_card(
        copied, {"detector": "exported from `craft.pth`"}, "## Mine\n\n<!-- tuned:begin -->\nold\n<!-- tuned:end -->"
    )
    card = (copied / CARD_NAME).read_text()
    assert "<!-- tuned:begin -->\nold\n<!-- tuned:end -->" in card
    (copied / CARD_NAME).write_text(card.replace("Not measured yet", "72 %") + "\nBy hand.\n")
    renew_card(copied, {"recognizer": "exported from `b.pt`"})
    card = (copied / CARD_NAME).read_text()
    assert "- detector: exported from `craft.pth`\n- recognizer: exported from `b.pt`" in card
    assert "72 %" not in card
    assert "old" not in card
    assert "By hand." in card
    assert not (copied / FORMER_NAME).exists()


def test_what_a_person_wrote_is_told_from_what_is_measured():
    card = "# a\n\nIt reads.\n\n## Results\n\n<!-- results:begin -->\n9 %\n<!-- results:end -->\n\n## Limits\n\nDark.\n"
    assert written_by_hand(card) == "## Limits\n\nDark."
