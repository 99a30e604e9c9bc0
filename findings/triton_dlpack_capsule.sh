#!/usr/bin/env bash
# Triton's Python backend: Tensor.from_dlpack(name, numpy_array) writes a traceback into the log for every tensor.
# Expected: a consumer of DLPack names the capsule "used_dltensor", as the standard says, and all is quiet.
# Seen: it is named "used_dlpack"; NumPy then takes it for one that nobody took, and says so each time. The values
# are right. (x86-64; a Python with a shared libpython.)
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv --without-pip venv
python3 -m pip --python venv/bin/python install --quiet --no-compile \
  nvidia-pytriton==0.7.0 numpy==1.26.4 'tritonclient[grpc]==2.73.0' 2>/dev/null

mkdir -p models/doubling/1
cat >models/doubling/config.pbtxt <<'CONFIG'
backend: "python"
input [ { name: "x" data_type: TYPE_FP32 dims: [ 3 ] } ]
output [ { name: "doubled" data_type: TYPE_FP32 dims: [ 3 ] } ]
instance_group [ { kind: KIND_CPU } ]
CONFIG
cat >models/doubling/1/model.py <<'MODEL'
import triton_python_backend_utils as triton


class TritonPythonModel:
    def execute(self, requests):
        doubled = [2 * triton.get_input_tensor_by_name(request, "x").as_numpy() for request in requests]
        return [triton.InferenceResponse([triton.Tensor.from_dlpack("doubled", array)]) for array in doubled]
MODEL

venv/bin/python - <<'PY'
import importlib.metadata
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import sysconfig
import time

import numpy as np
import pytriton
from tritonclient.grpc import InferenceServerClient, InferInput
from tritonclient.utils import InferenceServerException

for name in ("nvidia-pytriton", "numpy"):
    print(name, importlib.metadata.version(name))
files = pathlib.Path(pytriton.__file__).parent / "tritonserver"
version = f"{sys.version_info.major}.{sys.version_info.minor}"
shutil.copy(files / "python_backend_stubs" / version / "triton_python_backend_stub", files / "backends" / "python")
with socket.create_server(("127.0.0.1", 0)) as found:
    port = found.getsockname()[1]
libraries = f"{files.parents[1] / 'nvidia_pytriton.libs'}:{sysconfig.get_config_var('LIBDIR')}"
environment = {**os.environ, "LD_LIBRARY_PATH": libraries, "PATH": f"{pathlib.Path('venv/bin').absolute()}:{os.environ['PATH']}"}
arguments = {"model-repository": "models", "backend-directory": files / "backends", "allow-http": "false"}
arguments |= {"allow-metrics": "false", "grpc-address": "127.0.0.1", "grpc-port": port}
command = [files / "bin" / "tritonserver", *(f"--{name}={value}" for name, value in arguments.items())]
with open("log.txt", "w") as log:
    server = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
client = InferenceServerClient(f"127.0.0.1:{port}")
for _ in range(100):
    try:
        if client.is_server_ready(client_timeout=1):
            break
    except InferenceServerException:
        time.sleep(0.3)
given = InferInput("x", [3], "FP32")
given.set_data_from_numpy(np.array([1, 2, 3], np.float32))
answers = [client.infer("doubling", [given]).as_numpy("doubled").tolist() for _ in range(5)]
server.terminate()
server.wait(30)
text = pathlib.Path("log.txt").read_text()
said = [line for line in text.splitlines() if "PyCapsule_GetPointer called with incorrect name" in line]
print("expected: 5 answers", [2.0, 4.0, 6.0], "and no error in the log")
print("seen:", len(answers), "answers", answers[0], "and", len(said), "times", said[:1])
if answers != [[2, 4, 6]] * 5:
    sys.exit("changed: other answers")
if len(said) < 5:
    sys.exit("changed: the log is quiet")
PY
