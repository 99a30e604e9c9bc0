"""Files of options, as EasyOCR, its trainer and the benchmark write them."""

import pytest

from edgereader.models.checkpoints import CheckpointError
from edgereader.models.checkpoints.training_options import TrainingOptions, read_options, told_by_options

TRAINER = r"""
number: '0123456789'
symbol: "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ €"
lang_char: 'ABCabc'
imgH: 64
imgW: 600
PAD: True
batch_max_length: 34
"""


def told(path, text):
    path.write_text(text, encoding="utf-8")
    return told_by_options(path, read_options(path))


def test_the_yaml_of_easyocrs_trainer(tmp_path):
    found = told(tmp_path / "en.yaml", TRAINER)
    charset = "0123456789!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ €ABCabc"
    assert found == TrainingOptions(charset, (64, 600), None, 34, True, 1.0, False)
    assert told(tmp_path / "en.yaml", TRAINER.replace("'ABCabc'", "'None'")).charset is None, "those of its labels"


@pytest.mark.parametrize(
    ("text", "charset"),
    [
        ("character_list: 0123456789\n", "0123456789"),
        ("character_list: 12345\n", "12345"),
        ("character_list: '0123 ''\"'\n", "0123 '\""),
        ("character_list: |-\n  01#2\n", "01#2"),
        ("imgH: 32\n", None),
    ],
)
def test_a_list_of_characters_stays_text(tmp_path, text, charset):
    assert told(tmp_path / "a.yaml", text).charset == charset


def test_the_last_run_in_opt_txt_counts(tmp_path):
    found = told(tmp_path / "opt.txt", "imgH: 32\nimgW: 100\ncharacter: 01: \nPAD: False\nimgH: 48\n")
    assert found == TrainingOptions("01: ", (48, 100), None, None, False, 1.0, False)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("imgH: many\nimgW: 100", "expected a whole number of at least 1 as imgH, got 'many'"),
        ("imgH: 0\nimgW: 100", "got '0'"),
        ("- a\n- b", "expected a YAML file of options, got list"),
        ("a: [1", "expected a YAML file of options, or opt.txt, got: "),
        ("!!python/object/apply:os.system ['echo']", "expected a YAML file of options"),
    ],
)
def test_other_files_are_refused(tmp_path, text, words):
    with pytest.raises(CheckpointError) as caught:
        told(tmp_path / "a.yaml", text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(CheckpointError, match="absent.yaml: expected a YAML file"):
        read_options(tmp_path / "absent.yaml")
