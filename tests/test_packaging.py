"""What the project promises as a package: its files, its commands, and who may import whom."""

import ast
import os
import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import requires

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")

FOLDERS = ("runtime", "models", "export", "benchmarks")
MAY_IMPORT = {
    "runtime": {"runtime"},
    "models": {"models"},
    "export": {"export", "models", "runtime"},
    "benchmarks": set(FOLDERS),
}
OF_A_WHOLE_FOLDER = {
    "benchmarks/contenders/test_contract.py",
    "benchmarks/test_committed.py",
    "models/test_golden.py",
    "runtime/service/test_page.py",
    "runtime/stream/test_cameras.py",
    "runtime/stream/test_stream.py",
    "runtime/test_package.py",
    "hostile/test_memory.py",
    "hostile/test_troubles.py",
}
MOST_MODULES = 15
BANNED_IN_RUNTIME = {"torch", "onnx", "onnxscript", "onnxslim", "safetensors", "scipy", "PIL", "lmdb"}


@pytest.fixture(scope="module")
def project(repository):
    return tomllib.loads((repository / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def wheel(repository, tmp_path_factory):
    """The wheel, built from a copy so that nothing appears in the working tree."""
    copy = tmp_path_factory.mktemp("wheel") / "copy"
    skip = shutil.ignore_patterns(".git", ".venv*", "build", "dist", "*.egg-info", "__pycache__", ".*_cache", "runs")
    shutil.copytree(repository, copy, ignore=skip)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", "dist", "."]
    subprocess.run(command, cwd=copy, check=True, capture_output=True, text=True)
    (path,) = (copy / "dist").glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def sources(repository, folder):
    return [path.relative_to(repository) for path in sorted((repository / folder).rglob("*.py"))]


def test_every_source_file_is_in_the_wheel_and_no_test_is(repository, wheel):
    names = set(wheel.namelist())
    expected = {f"edgereader/{path}" for folder in FOLDERS for path in sources(repository, folder)}
    assert expected
    assert {name for name in names if name.endswith(".py")} == expected


def test_types_and_the_bundles_travel_with_the_wheel(repository, wheel):
    names = set(wheel.namelist())
    assert {f"edgereader/{folder}/py.typed" for folder in FOLDERS} <= names
    zoo = {
        f"edgereader/{path.relative_to(repository)}"
        for path in (repository / "models/zoo").rglob("*")
        if path.is_file()
    }
    assert zoo
    assert zoo <= names


def test_the_root_is_no_package(repository, wheel):
    assert not (repository / "__init__.py").exists()
    assert "edgereader/__init__.py" not in wheel.namelist()


def test_every_command_names_an_extra_that_exists_and_a_click_command(project, repository):
    extras = set(project["project"]["optional-dependencies"])
    commands = project["project"]["entry-points"]["edgereader.commands"]
    assert set(commands) >= {"read", "export", "verify", "train", "tune", "synth", "eval"}
    for name, value in commands.items():
        target, _, extra = value.partition(" [")
        assert not extra or set(extra.rstrip("]").split(",")) <= extras, name
        module, _, attribute = target.partition(":")
        path = repository / module.removeprefix("edgereader.").replace(".", "/")
        defined = {getattr(node, "name", None) for node in ast.parse(path.with_suffix(".py").read_text()).body}
        assert attribute in defined, value


def test_reading_needs_no_pytorch():
    lines = requires("edgereader") or []
    base = [line for line in lines if "extra ==" not in line or 'extra == "cpu"' in line]
    names = {line.split(">")[0].split(";")[0].strip() for line in base}
    assert names == {"click", "msgspec", "numpy", "opencv-python-headless", "onnxruntime"}


def test_torch_is_held_at_the_version_with_a_plain_cpu_wheel(repository):
    lines = (repository / "constraints.txt").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == ["torch==2.13.0", "tensorrt-rtx==1.7.1.116"]


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_imports_only_what_it_may(repository, folder):
    strangers = {
        f"{path}: {name}"
        for path in sources(repository, folder)
        for name in imported(repository, path)
        if name.startswith("edgereader.") and name.split(".")[1] not in MAY_IMPORT[folder]
    }
    assert not strangers


def test_no_modules_import_one_another_in_a_circle(repository):
    """An import inside a function, or one for types alone, counts as any other."""
    paths = [path for folder in FOLDERS for path in sources(repository, folder)]
    modules = {".".join(("edgereader", *path.with_suffix("").parts)).removesuffix(".__init__"): path for path in paths}
    named = {module: imported(repository, path) for module, path in modules.items()}
    graph = {
        module: {name if name in modules else name.rpartition(".")[0] for name in names} & set(modules)
        for module, names in named.items()
    }
    assert len(graph) > 200
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as exc:
        pytest.fail(" is imported by ".join(exc.args[1]))


def test_no_folder_has_more_modules_than_one_can_overlook(repository):
    counts = Counter(path.parent.as_posix() for folder in (*FOLDERS, "tests") for path in sources(repository, folder))
    assert not {folder: count for folder, count in counts.items() if count > MOST_MODULES}


def test_the_runtime_names_no_heavy_library(repository):
    found = {
        f"{path}: {name}"
        for path in sources(repository, "runtime")
        for name in imported(repository, path)
        if name.split(".")[0] in BANNED_IN_RUNTIME
    }
    assert not found


def imported(repository, path):
    """The whole names of all that a file imports: of modules, or of what is in them."""
    for node in ast.walk(ast.parse((repository / path).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ["edgereader", *path.parts[: len(path.parts) - node.level]] if node.level else []
            yield from (".".join([*base, *filter(None, [node.module]), alias.name]) for alias in node.names)


def test_every_test_file_has_a_source_twin(repository):
    orphans = []
    for path in sorted((repository / "tests").rglob("test_*.py")):
        relative = path.relative_to(repository / "tests")
        twin = repository / relative.with_name(relative.name.removeprefix("test_"))
        if len(relative.parts) > 1 and str(relative) not in OF_A_WHOLE_FOLDER and not twin.exists():
            orphans.append(str(relative))
    assert not orphans


def test_the_licence_is_the_whole_of_apache_2(repository):
    text = (repository / "LICENSE").read_text()
    assert "Version 2.0, January 2004" in text
    assert all(f"   {number}. " in text for number in range(1, 10))
    assert "END OF TERMS AND CONDITIONS" in text


def test_ci_calls_make_check(repository):
    script = repository / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert "make check" in script.read_text()


def test_tests_of_one_group_run_in_one_worker(tmp_path):
    """Costly exports, cameras and browsers count on it; with pytest 9.2, pytest-xdist 3.8 forgets the groups."""
    (tmp_path / "test_group.py").write_text(
        "import os, pathlib, pytest\n"
        "@pytest.mark.xdist_group('one')\n"
        "@pytest.mark.parametrize('number', range(6))\n"
        "def test_it(number):\n"
        "    pathlib.Path(os.environ['PYTEST_XDIST_WORKER'] + '.worker').touch()\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2", "--dist", "loadgroup"]
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    subprocess.run(command, cwd=tmp_path, env=own, check=True, capture_output=True)
    assert len(list(tmp_path.glob("*.worker"))) == 1
