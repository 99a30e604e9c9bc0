"""What the runtime brings along when it is imported and used; its source twin is runtime/__init__.py."""

import os
import subprocess
import sys

import edgereader.runtime

FORBIDDEN = (
    "torch",
    "onnx",
    "grpc",
    "tritonclient",
    "edgereader.export",
    "edgereader.models",
    "edgereader.benchmarks",
    "PIL",
    "scipy",
    "ray",
    "pyarrow",
)
PUBLIC = [
    "NUMBERS",
    "Bundle",
    "Character",
    "Detector",
    "EdgeReaderError",
    "Reader",
    "Reading",
    "Recognizer",
    "Region",
    "Sight",
    "Text",
]


def modules_after(program):
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys; print(*sys.modules, sep='\\n')"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.splitlines())


def test_the_runtime_knows_nobody(repository, bundle_folder):
    program = "import edgereader.runtime, edgereader.runtime.cli\n"
    for path in (repository / "runtime").rglob("*.py"):
        name = ".".join(path.relative_to(repository).with_suffix("").parts)
        program += f"import edgereader.{name.removesuffix('.__init__')}\n"
    program += (
        "import numpy as np\n"
        f"reader = edgereader.runtime.Reader({str(bundle_folder)!r})\n"
        "reader.read(np.full((90, 90, 3), 255, np.uint8))\n"
    )
    loaded = modules_after(program)
    assert "edgereader.runtime.sessions.onnx_runtime" in loaded
    assert not {module for module in loaded for name in FORBIDDEN if module == name or module.startswith(f"{name}.")}


def test_heavy_libraries_wait_until_they_are_used():
    assert not {"onnxruntime", "tensorrt", "pycuda"} & modules_after("import edgereader.runtime")


def test_a_cpu_does_without_what_only_gpus_need(bundle_folder):
    loaded = modules_after(f"import edgereader.runtime\nedgereader.runtime.Reader({str(bundle_folder)!r}, 'cpu')")
    assert "edgereader.runtime.sessions.onnx_runtime" in loaded
    assert not {"edgereader.runtime.sessions.onnx_runtime_gpu", "importlib.metadata"} & loaded


def test_public_names():
    assert edgereader.runtime.__all__ == PUBLIC
    assert all(hasattr(edgereader.runtime, name) for name in PUBLIC)


def test_nothing_is_kept_about_the_device_nor_sent(bundle_folder, tmp_path):
    """ONNX Runtime's telemetry leaves an identity in the cache folder when it is on."""
    environment = {key: value for key, value in os.environ.items() if "TELEMETRY" not in key}
    program = f"import edgereader.runtime as runtime; runtime.Reader({str(bundle_folder)!r})"
    subprocess.run(
        [sys.executable, "-c", program], env={**environment, "XDG_CACHE_HOME": str(tmp_path)}, check=True, timeout=60
    )
    assert list(tmp_path.rglob("*")) == []
