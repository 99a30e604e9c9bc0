import pytest

from edgereader.export.tuning.crops import EVIDENCE, generated_crops, open_labelled, spread, writes
from edgereader.models.charsets import CHARSETS
from edgereader.models.data.samples import parted
from edgereader.runtime.errors import DatasetError
from edgereader.runtime.stream.sinks.evidence import LABELS, READINGS

TEXTS = [str(1000 + 37 * place) for place in range(40)]


def test_one_photo_in_five_is_held_out_and_never_learnt(write_crops):
    labelled = open_labelled(write_crops(TEXTS), "0123456789", print)
    learnt, held_out = ({text for _, text in part} for part in (labelled.learnt, labelled.held_out))
    assert learnt | held_out == set(TEXTS)
    assert not learnt & held_out
    assert 3 <= len(held_out) <= 14
    assert {labelled.crops[int(place)][1] for place in parted(labelled.crops)[0]} == learnt, "as the trainer parts them"


def test_crops_of_one_photo_by_their_names_are_held_out_one_by_one(write_crops):
    folder = write_crops(TEXTS)
    lines = []
    for place, path in enumerate(sorted((folder / "images").iterdir())):
        path.rename(path.with_name(f"meter_{place:03}.png"))
        lines.append(f"images/meter_{place:03}.png\t{TEXTS[place]}\t\n")
    (folder / "labels.tsv").write_text("".join(lines))
    labelled = open_labelled(folder, "0123456789", print)
    assert 3 <= len(labelled.held_out) <= 14
    assert len(labelled.learnt) + len(labelled.held_out) == 40


def test_texts_that_cannot_be_written_are_left_out_and_counted(write_crops):
    said = []
    labelled = open_labelled(write_crops([*TEXTS, "1a", "2b"]), "0123456789", said.append)
    assert len(labelled.learnt) + len(labelled.held_out) == 40
    assert said == ["left out: 2 of 42 crops, whose texts '0123456789' cannot write"]


def test_case_and_gaps_count_where_the_charset_has_them():
    assert writes("abc", "A B")
    assert not writes("abcD", "A")
    assert writes("", "")


@pytest.mark.parametrize("texts", [["1"], ["a", "b", "c", "d", "e", "f", "g", "h", "i"]])
def test_too_few_crops_are_refused(write_crops, texts):
    with pytest.raises(DatasetError, match="to learn and . to hold out; label more"):
        open_labelled(write_crops(texts), "0123456789", print)


def test_no_crops_are_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"expected labels\.tsv"):
        open_labelled(tmp_path, "0123456789", print)


def test_evidence_counts_once_somebody_has_corrected_it(write_crops):
    assert EVIDENCE == READINGS
    folder = write_crops(TEXTS)
    (folder / READINGS).touch()
    assert open_labelled(folder, "0123456789", print).held_out
    (folder / LABELS).unlink()
    with pytest.raises(DatasetError, match="a person has corrected readings, got none; open the stream's live page"):
        open_labelled(folder, "0123456789", print)


def test_of_many_crops_some_are_looked_at():
    assert spread(range(30)) == range(30)
    some = spread(range(5000))
    assert (len(some), some[0]) == (500, 0)
    assert some[-1] >= 4990


@pytest.mark.usefixtures("few_fonts")
def test_generated_crops_are_those_that_a_charset_can_write():
    numbers = generated_crops(12, CHARSETS["digits"], seed=3)
    assert len(numbers) == 12
    assert all(writes(CHARSETS["digits"], text) for _, text in numbers)
    assert generated_crops(12, "αβγ", seed=3) == []
    assert [text for _, text in generated_crops(12, CHARSETS["digits"], seed=3)] == [text for _, text in numbers]
