"""The command that installs what an extra needs names packages that are on an index."""

import importlib.metadata
import re

import pytest

from edgereader.runtime.extras import pip_install

REQUIRED = [
    "numpy>=1.24",
    'onnxruntime>=1.19; extra == "cpu"',
    "onnxruntime-gpu[cuda,cudnn]>=1.19; platform_machine == 'x86_64' and extra == 'gpu'",
    'onnxruntime>=1.19; extra == "bench"',
    'psutil>=5.9; extra == "bench"',
    'tomli>=2; (python_version < "3.11") and extra == "stream"',
]


@pytest.mark.parametrize(
    ("extras", "command"),
    [
        (["cpu"], "pip install 'onnxruntime>=1.19'"),
        (["gpu"], "pip install 'onnxruntime-gpu[cuda,cudnn]>=1.19; platform_machine == 'x86_64''"),
        (["stream"], "pip install 'tomli>=2; (python_version < \"3.11\")'"),
        (["cpu", "bench"], "pip install 'onnxruntime>=1.19' 'psutil>=5.9'"),
    ],
)
def test_the_packages_are_named_once(monkeypatch, extras, command):
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: REQUIRED)
    assert pip_install(*extras) == command.replace("== 'x86_64'", '== "x86_64"')


@pytest.mark.parametrize(
    "extra",
    [
        "cpu",
        "tensorrt",
        "tensorrt-rtx",
        "triton",
        "stream",
        "export",
        "train",
        "bench",
        "peers",
        "published",
        "easyocr",
    ],
)
def test_every_extra_of_ours_has_packages(extra):
    command = pip_install(extra)
    assert command.startswith("pip install '")
    assert "edgereader" not in command


def test_without_metadata_the_clone_is_named(monkeypatch):
    def none(_):
        raise importlib.metadata.PackageNotFoundError

    monkeypatch.setattr(importlib.metadata, "requires", none)
    assert pip_install("export", "train").startswith("pip install '.[export,train]' in the folder")


def test_no_text_says_to_install_edgereader_from_an_index(repository):
    """No such package is there: who takes that name would run code on our users' machines."""
    files = [
        path
        for folder in ("runtime", "models", "export", "benchmarks", "docs")
        for path in (repository / folder).rglob("*")
    ]
    texts = {
        path: path.read_text(encoding="utf-8")
        for path in files
        if path.suffix in {".py", ".md", ".html", ".js", ".toml"}
    }
    assert len(texts) > 200
    said = re.compile(r"edgereader\[|pip install (-\S+ )*['\"]?edgereader\b")
    assert not [path for path, text in texts.items() if said.search(text)]
