import subprocess
import sys


def test_it_imports_no_more_than_a_reader_needs():
    program = "import sys, edgereader.benchmarks.speed.cold; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "edgereader.runtime.reader" in loaded
    assert not {"mlperf_loadgen", "torch", "onnx", "shapely", "edgereader.models", "psutil"} & set(loaded)
