"""README and the pages of `docs/` are right: their commands, links, paths and figures.

Blocks marked `<!-- run -->` are run; of other commands, every option, extra, target and module must exist.
"""

import ast
import os
import re
import shlex
import subprocess
import sys
from importlib.metadata import EntryPoint
from importlib.util import find_spec

import click
import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")

BLOCK = re.compile(r"(<!-- run -->\n)?```(\w*)\n(.*?)```", re.DOTALL)
MEASURED = re.compile(r"<!-- (\w+):begin -->.*?<!-- \1:end -->", re.DOTALL)
ROOMS = "runtime", "models", "export", "benchmarks", "tests", "docs", "findings"


@pytest.fixture(scope="module")
def pages(repository):
    """Name → text of every page."""
    files = [repository / "README.md", repository / "CONTRIBUTING.md", *sorted((repository / "docs").glob("*.md"))]
    return {file.relative_to(repository).as_posix(): file.read_text(encoding="utf-8") for file in files}


@pytest.fixture(scope="module")
def project(repository):
    return tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def blocks(pages, language, *, run=None):
    found = [match.groups() for text in pages.values() for match in BLOCK.finditer(text)]
    return [text for marked, kind, text in found if kind == language and run in {None, bool(marked)}]


def commands(pages, *, run=None):
    """Every command line of the shell blocks once, split into words, without comments."""
    lines = [line for block in blocks(pages, "sh", run=run) for line in block.splitlines()]
    split = dict.fromkeys(tuple(shlex.split(line, comments=True)) for line in lines)
    return [list(words) for words in split if words]


def prose(text):
    """A page without its blocks of code and its generated figures."""
    return BLOCK.sub("", MEASURED.sub("", text))


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


def edgereader(words, folder):
    return run([sys.executable, "-c", "from edgereader.runtime.cli import main; main()", *words], folder)


def test_the_marked_commands_run(pages, workplace):
    marked = commands(pages, run=True)
    assert marked
    for words in marked:
        assert words[0] == "edgereader"
        done = edgereader(words[1:], workplace)
        assert done.returncode == 0, (words, done.stderr)
        assert re.search(r"\d", done.stdout), words
    assert list((workplace / "annotated").rglob("*.jpg"))


def test_the_python_in_them_runs(pages, workplace):
    programs = blocks(pages, "python", run=True)
    assert programs == blocks(pages, "python")
    for program in programs:
        done = run([sys.executable, "-c", program], workplace)
        assert done.returncode == 0, done.stderr
        assert re.match(r"\d", done.stdout)


def test_the_configuration_in_them_is_right(pages, workplace):
    configurations = blocks(pages, "toml")
    assert configurations
    for text in configurations:
        (workplace / "cellar.toml").write_text(text, encoding="utf-8")
        for name in re.findall(r'^password_file = "(.+)"', text, re.MULTILINE):
            (workplace / name).write_text("secret\n")
        done = edgereader(["stream", "--check", "cellar.toml"], workplace)
        closed = re.findall(r"error: (camera|mqtt): ", done.stderr)  # neither is there
        assert done.returncode == (75 if closed else 0), done.stderr
        assert done.stderr.count("error: ") == len(closed), done.stderr


def test_every_command_and_option_in_them_exists(project, pages):
    units = [line.partition("=")[2].split() for text in blocks(pages, "ini") for line in text.splitlines()]
    found = [words for words in commands(pages) if words[0] == "edgereader"]
    found += [words for words in units if words and words[0].endswith("/bin/edgereader")]
    assert len(found) > 50
    known = project["entry-points"]["edgereader.commands"]
    for words in found:
        command = EntryPoint(words[1], known[words[1]], "edgereader.commands").load()
        rest = words[2:]
        while isinstance(command, click.Group):
            inner = command.get_command(None, rest[0])
            command, rest = (inner, rest[1:]) if inner else (command.get_command(None, "run"), rest)
        options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        assert {word for word in rest if word.startswith("--")} <= options | {"--help"}, words


def test_every_module_that_is_run_exists(pages):
    modules = [words[2] for words in commands(pages) if words[:2] == ["python", "-m"] and words[2] != "venv"]
    assert modules
    assert all(map(find_spec, modules))


def test_every_make_target_in_them_exists(repository, pages):
    targets = set(re.findall(r"^([a-z-]+):", (repository / "Makefile").read_text(), re.MULTILINE))
    named = {words[1] for words in commands(pages) if words[0] == "make"}
    assert {"read", "test", "check"} <= named <= targets


def test_every_extra_in_them_exists(project, pages):
    extras = project["optional-dependencies"]
    named = {
        extra
        for text in pages.values()
        for names in re.findall(r"'\.\[([\w,-]+)\]'", text)
        for extra in names.split(",")
    }
    assert {"cpu", "stream", "export", "published", "train", "bench", "peers"} <= named <= set(extras)


def anchors(text):
    """Where a link into a page may lead, as GitHub names its headings."""
    headings = re.findall(r"^#+ (.+)$", BLOCK.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_link_to_a_file_leads_somewhere(repository, pages):
    for name, text in pages.items():
        folder = (repository / name).parent
        for target in re.findall(r"\]\((?!http)([^)]+)\)|<img src=\"([^\"]+)\"", text):
            path, _, anchor = "".join(target).partition("#")
            file = (folder / path).resolve() if path else repository / name
            assert file.exists(), f"{name}: {target}"
            assert not anchor or anchor in anchors(file.read_text(encoding="utf-8")), f"{name}: {target}"


def test_readme_is_short_and_leads_to_every_page(repository, pages):
    readme = pages["README.md"]
    assert len(readme.splitlines()) <= 180
    assert all(f"]({name})" in readme for name in pages if name != "README.md")
    pictures = [repository / path for path in re.findall(r"docs/pictures/\w+\.jpg", readme)]
    assert pictures
    assert all(picture.stat().st_size < 60_000 for picture in pictures)


def test_every_path_in_them_exists(repository, pages):
    words = {(name, word) for name, text in pages.items() for word in re.findall(r"`([\w./-]+)`", prose(text))}
    paths = {(name, word) for name, word in words if "/" in word and word.split("/")[0] in ROOMS}
    assert len(paths) > 50
    assert not {(name, path) for name, path in paths if not (repository / path).exists()}


def names_in(file):
    """What a module defines."""
    if file.suffix != ".py":
        return set(re.findall(r"^(\w+) :?=", file.read_text(encoding="utf-8"), re.MULTILINE))
    names = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


def test_what_they_say_is_in_a_file_is_there(repository, pages):
    said = [(name, *pair) for name, text in pages.items() for pair in re.findall(r"`(\w+)` in `([\w./-]+)`", text)]
    assert len(said) > 15
    for name, word, path in said:
        place = repository / path
        files = sorted(place.rglob("*.py")) if place.is_dir() else [place]
        assert any(word in names_in(file) for file in files), f"{name}: expected {word} in {path}, got other names"


def test_the_main_noun_has_one_spelling(pages):
    assert not [name for name, text in pages.items() if re.search("recognis", prose(text), re.IGNORECASE)]


def rows(text):
    """Every row of the tables of a text: column → cell."""
    found = []
    for table in re.findall(r"(?:^\|.*\n)+", f"{text}\n", re.MULTILINE):
        header, _, *lines = [
            [cell.strip() for cell in line[1:-2].split("|")] for line in table.splitlines(keepends=True)
        ]
        found += [dict(zip(header, cells, strict=True)) for cells in lines]
    return found


@pytest.fixture
def measured(pages):
    """The rows of the generated tables, of accuracy and of speed."""
    made = {match[1]: rows(match[0]) for match in MEASURED.finditer(pages["docs/benchmarks.md"])}
    return made["results"], made["bench"]


def same(row, other, columns):
    return all(row[column] == other.get(column) for column in columns)


def test_readmes_figures_are_the_measured_ones(pages, measured):
    """They are cells of `docs/benchmarks.md`, which commands write: copy the new ones from there."""
    accuracy, speed = measured
    shown = rows(pages["README.md"])
    sets = [row for row in shown if "photos" in row]
    runs = [row for row in shown if "contender" in row]
    assert min(len(sets), len(runs)) > 4
    for row in sets:
        name = re.search("`(.+)`", row.pop("photos"))[1]
        (made,) = [made for made in accuracy if made["set"].split(" ")[0] == name]
        assert same(row, made, row), f"README: expected {made}"
    for row in runs:
        del row["networks"]
        assert any(same(row, made, row) for made in speed), f"README: no such run of {row['contender']}: {row}"


def test_readmes_sentences_about_figures_are_true(repository, pages, measured):
    def share(cell):
        return float(re.search(r"([\d.]+) %", cell)[1])

    accuracy = [row for row in measured[0] if "%" in row["rapidocr 3.10.0"]]
    ahead = {
        row["set"].split(" ")[0] for row in accuracy if share(row["digits-edge, int8"]) > share(row["rapidocr 3.10.0"])
    }
    assert "It reads more than RapidOCR on meters and petrol pumps, and less on all other sets" in pages["README.md"]
    assert ahead == {"digits_meter_apache2:held-out", "scenes_gaspump"}
    missed, targets = re.search(r"misses (\d+) of the (\d+) targets", pages["README.md"]).groups()
    assert f"{missed} of {targets} not reached in int8" in (repository / "models/zoo/digits-edge/README.md").read_text()
    where = {line.split(".**")[0]: line for line in pages["docs/benchmarks.md"].splitlines() if ".** 20" in line}
    assert (
        "the first three rows on two cores that did little else, EasyOCR's networks on one core that other work shared"
        in pages["README.md"]
    )
    assert " 2 cores," in where["**One photo at a time"]
    easyocr = where["**EasyOCR's published networks, CRAFT and english_g2, beside EasyOCR"]
    assert " 1 cores," in easyocr
    assert "other processes shared the cores" in easyocr
