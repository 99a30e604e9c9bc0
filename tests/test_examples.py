"""The scripts of `docs/examples` do what they say."""

import json
import os
import shutil
import subprocess
import sys

import pytest


@pytest.fixture
def run(repository, tmp_path):
    """Run an example in an empty folder: run(name, *arguments) -> its lines."""

    def start(name, *arguments):
        command = [sys.executable, str(repository / "docs/examples" / name), *map(str, arguments)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env={**os.environ})
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return start


def test_every_example_is_tried_here_and_named_in_the_documentation(repository):
    names = {path.name for path in (repository / "docs/examples").glob("*.py")}
    assert names == {"own_steps.py", "easyocr_stream.py", "custom_alphabet.py", "triton_photo.py", "archive.py"}
    pages = "".join(path.read_text(encoding="utf-8") for path in (repository / "docs").glob("*.md"))
    assert all(f"docs/examples/{name}" in pages for name in names)


def test_the_onnx_files_alone_read_the_sample(run, repository):
    zoo = repository / "models/zoo"
    lines = run("own_steps.py", zoo / "digits-edge", zoo / "samples" / "meter.jpg")
    assert "027418" in [line.split()[0] for line in lines]
    assert "edgereader" not in "".join(
        line
        for line in (repository / "docs/examples/own_steps.py").read_text().splitlines()
        if line.startswith(("import", "from"))
    )


@pytest.mark.slow
def test_easyocrs_networks_read_a_stream(run, repository, tmp_path):
    pytest.importorskip("easyocr_en_models", reason="needs the extra published")
    (tmp_path / "frames").mkdir()
    for number in range(4):
        shutil.copy(repository / "models/zoo/samples/meter.jpg", tmp_path / f"frames/{number}.jpg")
    lines = run("easyocr_stream.py", "frames", "craft-english")
    assert {"METER"} <= {json.loads(line)["text"] for line in lines if line.startswith("{")}


@pytest.mark.slow
def test_symbols_of_ones_own_are_learnt_and_read(run, repository, tmp_path):
    from edgereader.models.data.labels_writer import write_labels

    from .export.tuning.conftest import number

    write_labels(tmp_path / "crops", [(number(str(n)), [(str(n), None, None)]) for n in range(20, 40)], suffix=".png")
    checkpoint = repository / "models/training/checkpoints/recognizer.pt"
    lines = run("custom_alphabet.py", checkpoint, "crops", "thermometers", 2)
    texts = [line.split()[1] for line in lines[-10:]]
    assert sum(text == str(20 + place) for place, text in enumerate(texts)) >= 8, "digits are known already"


@pytest.mark.slow
def test_ray_reads_the_samples(run, repository):
    pytest.importorskip("ray", reason="needs the extra ray")
    lines = run("archive.py", repository / "models/zoo/samples")
    assert any("meter.jpg" in line and "'027418'" in line for line in lines)
