"""Labelled crops tell whether a bundle reads rightly, and as its network does."""

import cv2
import numpy as np
import pytest

from edgereader.export.checks.labels import LabelCheck, as_written, check_labels, open_labels
from edgereader.runtime.bundles.bundle import Bundle
from edgereader.runtime.errors import DatasetError
from edgereader.runtime.recognizer import Recognizer as Reader

STAGES = "None-VGG-BiLSTM-CTC"
pytestmark = pytest.mark.xdist_group(STAGES)


@pytest.fixture
def crops(tmp_path):
    """Six crops of soft noise in `tmp_path/crops`, which no label names yet."""
    (tmp_path / "crops").mkdir()
    rng, made = np.random.default_rng(0), []
    for index in range(6):
        small = rng.integers(0, 256, (6, 10 + 4 * index, 3), np.uint8)
        made.append(cv2.resize(small, None, fx=6, fy=6))
        cv2.imwrite(str(tmp_path / "crops" / f"{index}.png"), made[-1])
    return made


def label(folder, texts):
    lines = (f"{index}.png\t{text}\n" for index, text in enumerate(texts))
    (folder / "crops" / "labels.tsv").write_text("".join(lines))
    return folder / "crops"


def test_a_bundle_reads_as_its_network_does(exported, crops, tmp_path):
    _, folder = exported(STAGES, 0.125, (32, 64, 128))
    bundle, checkpoint = Bundle.open(folder), folder.parent / "checkpoint.pt"
    read = [text.text for text in Reader(bundle, "cpu", "fp32", alphabet=None).recognize_crops(crops)]
    texts = ["1234567890", *(text or "1234567890" for text in read[1:5]), "with letters"]
    right = sum(one == other for one, other in zip(texts, read, strict=True))
    assert right, "the network must read something"
    found = check_labels(bundle, checkpoint, open_labels(label(tmp_path, texts)))
    assert found == LabelCheck(crops=5, bundle_right=right, network_right=right, same=5)


def test_no_text_that_it_could_read(exported, crops, tmp_path):
    _, folder = exported(STAGES, 0.125, (32, 64, 128))
    labelled = open_labels(label(tmp_path, ["OPEN"] * 6))
    with pytest.raises(DatasetError, match="expected crops with texts of '0123456789', got none, such as 'OPEN'"):
        check_labels(Bundle.open(folder), folder.parent / "checkpoint.pt", labelled)
    with pytest.raises(DatasetError, match="got nothing there"):
        open_labels(tmp_path / "absent")


@pytest.mark.parametrize(
    ("charset", "written"), [("01ab", "ab01"), ("01ab ", "ab 01"), ("01abAB", "Ab01"), ("01abAB ", "Ab 01")]
)
def test_labels_as_a_charset_writes_them(charset, written):
    assert as_written("Ab 01", charset) == written
