"""What stands behind `python -m edgereader.benchmarks.gpu_check`."""
