"""The README's commands work: those marked `<!-- run -->` are run, of the others every option must exist."""

import os
import re
import shlex
import subprocess
import sys
from importlib.metadata import entry_points

import click
import pytest

BLOCK = re.compile(r"(<!-- run -->\n)?```(\w+)\n(.*?)```", re.DOTALL)
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "docs/export.md")


def blocks(repository, language, *, run=None):
    found = (match for name in DOCUMENTS for match in BLOCK.finditer((repository / name).read_text()))
    return [
        text for marked, kind, text in (m.groups() for m in found) if kind == language and run in {None, bool(marked)}
    ]


def commands(repository, *, run=None):
    """Every command line of the shell blocks, split into words, without comments."""
    lines = [line for block in blocks(repository, "sh", run=run) for line in block.splitlines()]
    return [words for line in lines if (words := shlex.split(line, comments=True))]


@pytest.fixture
def workplace(repository, tmp_path):
    """An empty folder in which `models/zoo` looks as it does in a clone."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "zoo").symlink_to(repository / "models" / "zoo")
    return tmp_path


def run(arguments, folder):
    return subprocess.run(
        arguments, cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"}
    )


def test_the_marked_commands_run(repository, workplace):
    marked = commands(repository, run=True)
    assert marked
    for words in marked:
        assert words[0] == "edgereader"
        done = run([sys.executable, "-c", "from edgereader.runtime.cli import main; main()", *words[1:]], workplace)
        assert done.returncode == 0, (words, done.stderr)
        assert re.search(r"\d", done.stdout), words
    assert list((workplace / "annotated").rglob("*.jpg"))


def test_the_python_in_it_runs(repository, workplace):
    programs = blocks(repository, "python", run=True)
    assert programs
    for program in programs:
        done = run([sys.executable, "-c", program], workplace)
        assert done.returncode == 0, done.stderr
        assert re.match(r"\d", done.stdout)


def test_every_command_and_option_in_it_exists(repository):
    found = [words for words in commands(repository) if words[0] == "edgereader"]
    assert len(found) > 8
    known = {entry.name: entry for entry in entry_points(group="edgereader.commands")}
    for words in found:
        command = known[words[1]].load()
        rest = words[2:]
        while isinstance(command, click.Group):
            inner = command.get_command(None, rest[0])
            command, rest = (inner, rest[1:]) if inner else (command.get_command(None, "run"), rest)
        options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        assert {word for word in rest if word.startswith("--")} <= options | {"--help"}, words


def test_every_make_target_in_it_exists(repository):
    targets = set(re.findall(r"^([a-z]+):", (repository / "Makefile").read_text(), re.MULTILINE))
    named = {words[1] for words in commands(repository) if words[0] == "make"}
    assert {"read", "test", "check"} <= named <= targets


def test_every_link_to_a_file_leads_somewhere(repository):
    for name in DOCUMENTS:
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", (repository / name).read_text()):
            assert (repository / target).exists(), f"{name}: {target}"
