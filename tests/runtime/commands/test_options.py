"""Every option of ``edgereader read`` with the bundle that ships, on clean prints."""

import json

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from edgereader.runtime.cli import main
from edgereader.runtime.commands.options import OPTIONS


def printed(folder, *texts, turn=0):
    """A print of texts, one below the other; turned by quarters."""
    frame = np.full((80 + 110 * len(texts), max(520, 160 + 44 * max(map(len, texts))), 3), 225, np.uint8)
    for at, text in enumerate(texts):
        cv2.putText(frame, text, (60, 100 + 110 * at), cv2.FONT_HERSHEY_SIMPLEX, 2, (20, 20, 20), 4, cv2.LINE_AA)
    path = folder / "print.png"
    path.write_bytes(cv2.imencode(".png", np.ascontiguousarray(np.rot90(frame, turn)))[1].tobytes())
    return str(path)


def read(*arguments):
    done = CliRunner().invoke(main, ["read", "--json", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout.splitlines()[0])["readings"]


CASES = {
    "nothing": ([], ["40712", "385"], ["40712", "385"]),
    "alphabet": (["--alphabet", "0123456789"], ["40712"], ["40712"]),
    "find": (["--find", "text"], ["40712"], ["40712"]),
    "all_text": (["--all-text"], ["40712"], ["40712"]),
    "decimal": (["--decimal", ",", "--min-confidence", "0.3"], ["1,234"], ["1,234"]),
    "thousands": (["--thousands", ",", "--min-confidence", "0.3"], ["1,234"], ["1,234"]),
    "pattern": (["--pattern", "[0-9]{3}"], ["40712", "385"], ["385"]),
    "pattern, groups": (["--pattern", "[0-9]{9}"], ["40712  3859"], ["407123859"]),
    "check": (["--check", "luhn"], ["4242", "4243"], ["4242"]),
    "check, groups": (["--check", "luhn"], ["4539  1489"], ["45391489"]),
    "check, ean13": (["--check", "ean13"], ["4006381333931"], ["4006381333931"]),
    "check, ean13 in groups": (["--check", "ean13"], ["4 006381 333931"], ["4006381333931"]),
    "check, card": (["--check", "luhn"], ["4539 1488 0343 6467"], ["4539148803436467"]),
    "check, iso6346": (["--check", "iso6346"], ["CSQU 305438 3"], ["CSQU3054383"]),
    "upright": (["--upright"], ["6889"], ["6889"]),
    "min_confidence": (["--min-confidence", "1"], ["40712"], []),
    "long_side_px": (["--long-side", "512"], ["40712"], ["40712"]),
    "threads": (["--threads", "1"], ["40712"], ["40712"]),
    "backend": (["--backend", "cpu"], ["40712"], ["40712"]),
    "precision": (["--precision", "fp32"], ["40712"], ["40712"]),
    "bundle": (["--bundle", "digits-edge"], ["40712"], ["40712"]),
    "verbose": (["-v"], ["40712"], ["40712"]),
}
VALUES = {"decimal": [1.234], "thousands": [1234]}


@pytest.mark.parametrize("case", CASES)
def test_an_option_does_what_it_says(case, tmp_path):
    options, texts, expected = CASES[case]
    readings = read(printed(tmp_path, *texts), *options)
    assert [reading["text"] for reading in readings] == expected
    assert [reading["value"] for reading in readings] == (
        VALUES.get(case) or [int(text) for text in expected if text.isdigit()] or [None] * len(expected)
    )
    assert not any(reading["ambiguous_rotation"] for reading in readings)


def test_no_option_is_left_out():
    assert set(OPTIONS) - {"rotations", "triton"} <= set(CASES)


@pytest.mark.parametrize("command", ["read", "stream"])
def test_there_is_one_backend(command):
    done = CliRunner().invoke(main, [command, "a.png", "--triton", "localhost:8001", "--backend", "cpu"])
    assert done.exit_code == 2
    assert "expected --backend or --triton, got both (cpu); leave one out" in done.output


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_rotations(turn, tmp_path):
    path = printed(tmp_path, "40725", turn=turn)
    assert [reading["text"] for reading in read(path)] != ["40725"]
    assert [reading["text"] for reading in read(path, "--rotations")] == ["40725"]


def test_what_may_stand_on_its_head_is_said(tmp_path):
    assert [reading["ambiguous_rotation"] for reading in read(printed(tmp_path, "6889"))] == [True]


@pytest.mark.parametrize("text", ["-18", "-25.4", "-7", "+12", ".75", ",5", "12-"])
def test_a_sign_is_read_or_the_number_is_not(text, tmp_path):
    found = [reading["text"] for reading in read(printed(tmp_path, text))]
    assert [said.replace(",", ".") for said in found] in ([text.replace(",", ".")], []), "both stand before decimals"
