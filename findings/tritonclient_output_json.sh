#!/usr/bin/env bash
# tritonclient: InferResult.get_output(name, as_json=True) of the gRPC client returns None for an output that is there.
# Expected: the output as a dict, as its documentation says and as get_response(as_json=True) gives the whole answer.
# Seen: None, which also means "no such output"; get_output(name) finds it, and as_numpy(name) has its values.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv --without-pip venv
python3 -m pip --python venv/bin/python install --quiet --no-compile 'tritonclient[grpc]==2.73.0' 2>/dev/null

venv/bin/python - <<'PY'
import importlib.metadata
import sys
from concurrent import futures

import grpc
import numpy as np
from tritonclient.grpc import InferenceServerClient, InferInput, service_pb2, service_pb2_grpc

print("tritonclient", importlib.metadata.version("tritonclient"))


class Doubling(service_pb2_grpc.GRPCInferenceServiceServicer):
    """A server whose one model doubles its input."""

    def ModelInfer(self, request, context):
        doubled = 2 * np.frombuffer(request.raw_input_contents[0], np.float32)
        response = service_pb2.ModelInferResponse(model_name=request.model_name)
        response.outputs.add(name="doubled", datatype="FP32", shape=doubled.shape)
        response.raw_output_contents.append(doubled.tobytes())
        return response


server = grpc.server(futures.ThreadPoolExecutor(1))
service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(Doubling(), server)
port = server.add_insecure_port("127.0.0.1:0")
server.start()

given = InferInput("x", [3], "FP32")
given.set_data_from_numpy(np.array([1, 2, 3], np.float32))
client = InferenceServerClient(f"127.0.0.1:{port}")
result = client.infer("doubling", [given])
found = result.get_output("doubled", as_json=True)
whole = result.get_response(as_json=True)["outputs"][0]
print("as_numpy:", result.as_numpy("doubled"))
print("get_output:", str(result.get_output("doubled")).split())
print("expected: get_output(as_json=True) is", whole)
print("seen:", found)
client.close()
server.stop(0).wait()
if result.as_numpy("doubled").tolist() != [2, 4, 6] or whole["name"] != "doubled":
    sys.exit("changed: the answer itself is another one")
if found is not None:
    sys.exit("changed: the output comes as JSON now")
print("seen: no output, though it is there")
PY
