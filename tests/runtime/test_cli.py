import json
import subprocess
import sys
from importlib.metadata import EntryPoint

import click
import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from edgereader.runtime import cli
from edgereader.runtime.cli import main
from edgereader.runtime.errors import ExportError
from edgereader.runtime.extras import pip_install

from .graphs import grey_of


@pytest.fixture
def run(bundle_folder):
    def run(*arguments, bundle=bundle_folder, **options):
        return CliRunner().invoke(main, ["read", *map(str, arguments), "--bundle", str(bundle)], **options)

    return run


@pytest.fixture
def photo(tmp_path, scene):
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), scene)
    return path


def assert_one_line_error(result, code=2):
    assert result.exit_code == code
    assert result.stderr.startswith(("error: ", "Usage: "))
    assert "Traceback" not in result.output
    if result.stderr.startswith("error"):
        assert result.stderr.count("\n") == 1


def test_read(run, photo):
    result = run(photo)
    assert result.exit_code == 0
    assert [line.split()[-1] for line in result.stdout.splitlines()] == ["reading", "7", "5"]
    assert result.stderr == ""


def test_a_subprocess_does_the_same(bundle_folder, photo):
    command = [sys.executable, "-c", "from edgereader.runtime.cli import main; main()", "read", "-", "--json"]
    done = subprocess.run(
        [*command, "--bundle", str(bundle_folder)], input=photo.read_bytes(), capture_output=True, check=False
    )
    assert done.returncode == 0
    assert [reading["text"] for reading in json.loads(done.stdout)["readings"]] == ["7", "5"]
    done = subprocess.run([*command, "--bundle", "nix"], input=b"", capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"error: no bundle 'nix'")


def test_a_batch_goes_on_and_lists_what_failed(run, photo, tmp_path):
    (tmp_path / "broken.jpg").write_text("no picture")
    result = run(tmp_path, tmp_path / "none.png", photo)
    assert result.exit_code == 1
    assert result.stdout.count(str(photo)) == 4
    listed = result.stderr.splitlines()
    assert listed[0] == "2 of 4 could not be read:"
    assert "broken.jpg" in listed[1]
    assert "none.png" in listed[2]


def test_a_batch_says_where_text_may_be_too_small_and_what_helps(run, photo, tmp_path):
    cv2.imwrite(str(tmp_path / "b.png"), np.zeros((1264, 4 * 1264, 3), np.uint8))
    result = run(tmp_path)
    assert result.exit_code == 0
    said = "1 of 2 pictures without a number were seen smaller than they are; --long-side 2560 sees small text\n"
    assert said in result.stderr
    assert "seen smaller" not in run(tmp_path, "--long-side", 2560).stderr


def test_options(run, photo, tmp_path):
    def read(*options):
        result = run(photo, "--json", *options)
        assert result.exit_code == 0, result.output
        return [reading["text"] for reading in json.loads(result.stdout)["readings"]]

    assert read() == ["7", "5"]
    assert read("--all-text") == ["7", "c", "5"]
    assert read("--find", "text") == ["7", "c", "5"]
    assert read("--all-text", "--alphabet", "5") == ["5", "5", "5"]
    assert read("--alphabet", "57") == ["7", "5"]
    assert read("--decimal", ",", "--thousands", ". ") == ["7", "5"]
    assert read("--pattern", "[0-5]") == ["5"]
    assert read("--check", "luhn") == []
    assert read("--rotations", "--upright") == ["7", "5"]
    assert read("--backend", "cpu", "--precision", "fp32") == ["7", "5"]
    assert read("--save", tmp_path / "out") == ["7", "5"]
    assert cv2.imread(str(tmp_path / "out" / "a.png")).shape == (480, 640, 3)


def test_crops(run, tmp_path):
    cv2.imwrite(str(tmp_path / "crop.png"), np.full((40, 80, 3), round(grey_of("7")), np.uint8))
    result = run(tmp_path / "crop.png", "--crops", "--json")
    assert json.loads(result.stdout)["readings"][0]["text"] == "7"


def test_split(bundle_folder, photo, tmp_path):
    def split(*arguments):
        return CliRunner().invoke(main, ["split", *map(str, arguments), "--bundle", str(bundle_folder)])

    (tmp_path / "broken.jpg").write_text("no picture")
    result = split(photo, tmp_path / "broken.jpg", "--to", tmp_path / "digits")
    assert result.exit_code == 1
    assert [line.split()[1:] for line in result.stdout.splitlines()[1:2]] == [["2", "7", "5"]]
    assert "1 of 2 could not be read:" in result.stderr
    assert sorted(path.parent.name for path in (tmp_path / "digits").rglob("*.png")) == ["5", "7"]
    again = split(photo, "--to", tmp_path / "digits")
    assert_one_line_error(again)
    assert "name a new folder" in again.stderr
    small = split(photo, "--to", tmp_path / "small", "--size", 28, "--min-confidence", 0.5)
    assert small.exit_code == 0
    assert {cv2.imread(str(path)).shape for path in (tmp_path / "small").rglob("*.png")} == {(28, 28, 3)}
    words = split(photo, "--to", tmp_path / "words", "--all-text", "--all-characters")
    assert words.exit_code == 0
    assert (tmp_path / "words" / "c" / "a-2-1.png").is_file()
    for wrong in ((photo,), ("--to", tmp_path / "new"), (photo, "--to", tmp_path / "new", "--size", 2)):
        assert_one_line_error(split(*wrong))
    assert_one_line_error(split(photo, "--to", photo))
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("x.png", "--alphabet", "abc", "--find", "numbers"),
        ("x.png", "--find", "words"),
        ("x.png", "--decimal", "-"),
        ("x.png", "--decimal", ",", "--thousands", ",."),
        ("x.png", "--thousands", "x"),
        ("x.png", "--save", "out", "--crops"),
        ("x.png", "--backend", "cuda"),
        ("x.png", "--precision", "int8"),
        ("x.png", "--pattern", "["),
        ("x.png", "--alphabet", "äöü"),
        ("x.png", "--check", "isbn"),
        ("x.png", "--check", "iso6346", "--alphabet", "0123456789"),
        ("x.png", "--nonsense"),
    ],
)
def test_wrong_usage(run, options, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert_one_line_error(run(*options))
    assert list(tmp_path.iterdir()) == []


def test_wrong_bundles(run, photo, tmp_path):
    assert_one_line_error(run(photo, bundle="nix"))
    (tmp_path / "bundle.json").write_text("{}")
    assert_one_line_error(run(photo, bundle=tmp_path))


def test_help_tells_the_exit_codes():
    result = CliRunner().invoke(main, ["read", "--help"])
    text = " ".join(result.stdout.split())
    assert "Exit codes: 0 = every picture was read" in text
    assert "1 = some could not be read" in text
    assert "2 = wrong usage" in text


@pytest.fixture
def entries(monkeypatch):
    """Replace the installed commands by these."""

    def use(**values):
        found = {name: EntryPoint(name, value, cli.GROUP) for name, value in values.items()}
        monkeypatch.setattr(cli, "_entries", lambda: found)

    return use


def test_a_missing_extra_answers_with_its_pip_command(entries):
    entries(export="edgereader_no_such_library.cli:export [export]", read="edgereader.runtime.cli:read")
    result = CliRunner().invoke(main, ["export", "detector", "a.pt", "--to", "b"])
    assert_one_line_error(result)
    assert result.stderr == (f"error: edgereader export needs edgereader_no_such_library: {pip_install('export')}\n")
    listed = CliRunner().invoke(main, ["--help"]).stdout
    assert "(export needs edgereader_no_such_library, which is not installed)" in listed
    assert "Read the numbers in pictures" in listed


@click.group()
def lazy():
    """A command whose library is missing only when it runs."""


@lazy.command()
@click.argument("what")
def run_it(what):
    if what == "import":
        import edgereader_no_such_library  # noqa: F401
    if what == "known":
        raise ExportError("export: expected this,\ngot that; do so")
    if what == "file":
        raise FileNotFoundError(2, "No such file or directory", "a.pt")
    raise KeyError(what)


def test_errors_of_other_commands(entries, monkeypatch):
    entries(lazy="some.module:lazy [train]")
    monkeypatch.setattr(EntryPoint, "load", lambda _: lazy)

    def run(what):
        return CliRunner().invoke(main, ["lazy", "run-it", what])

    for what, message in (
        ("import", f"edgereader lazy needs edgereader_no_such_library: {pip_install('train')}"),
        ("known", "export: expected this, got that; do so"),
        ("file", "a.pt"),
    ):
        assert_one_line_error(run(what))
        assert message in run(what).stderr
    assert isinstance(run("bug").exception, KeyError), "bugs keep their traceback"


def test_an_unknown_command():
    result = CliRunner().invoke(main, ["raed"])
    assert result.exit_code == 2
    assert "No such command" in result.stderr


def test_sample_photos(run):
    result = run("--sample")
    assert result.exit_code == 0
    assert "meter.jpg" in result.stdout
