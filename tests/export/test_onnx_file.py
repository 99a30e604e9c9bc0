"""The contract check refuses what the runtime could not trust."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgereader.export.onnx_file import OPSET, OPSETS, check_contract
from edgereader.runtime.errors import ExportError


def make_detector(**changes: Any) -> onnx.ModelProto:
    """The smallest graph of the detector's contract, or one that breaks it."""
    settings = {"dtype": TensorProto.UINT8, "name": "region", "opset": OPSET, "domain": "", **changes}
    image = helper.make_tensor_value_info("image", settings["dtype"], ["n", "h", "w", 3])
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", "h", "w"])
        for name in (settings["name"], "affinity")
    ]
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels", "axis"], [settings["name"]], keepdims=0, domain=settings["domain"]),
        helper.make_node("ReduceMax", ["pixels", "axis"], ["affinity"], keepdims=0),
    ]
    axis = numpy_helper.from_array(np.array([3]), "axis")
    graph = helper.make_graph(nodes, "tiny", [image], outputs, [axis])
    imports = [helper.make_opsetid("", settings["opset"])]
    imports += [helper.make_opsetid(settings["domain"], 1)] if settings["domain"] else []
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


@pytest.mark.parametrize("opset", OPSETS)
def test_the_contract_is_accepted(tmp_path: Path, opset: int) -> None:
    path = tmp_path / "detector.onnx"
    onnx.save(make_detector(opset=opset), path)
    assert check_contract(path, "detector") == opset


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"dtype": TensorProto.FLOAT}, "expected inputs .*UINT8"),
        ({"name": "text_map"}, "expected outputs .*text_map"),
        ({"opset": 20}, "opset 18 or 19 only, got .*20"),
        ({"domain": "com.microsoft"}, "operators of ONNX opset 18 or 19 only"),
    ],
)
def test_another_contract_is_refused(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    path = tmp_path / "detector.onnx"
    onnx.save(make_detector(**change), path)
    with pytest.raises(ExportError, match=words):
        check_contract(path, "detector")


def test_external_data_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "detector.onnx"
    model = make_detector()
    onnx.external_data_helper.convert_model_to_external_data(model, location="weights.bin", size_threshold=0)
    onnx.save(model, path)
    with pytest.raises(ExportError, match="self-contained.*axis"):
        check_contract(path, "detector")


def test_a_file_that_is_no_graph_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "detector.onnx"
    path.write_bytes(b"\x08\xff\xff not a graph")
    with pytest.raises(ExportError, match="expected an ONNX file"):
        check_contract(path, "detector")
