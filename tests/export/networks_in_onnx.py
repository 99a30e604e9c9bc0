"""A small graph with all that CRAFT has: batch norm, double rectifier, pooling, resize, join, head."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

IMAGE = {"image": np.random.default_rng(3).normal(0, 1, (1, 4, 32, 48)).astype(np.float32)}
"""An input of `small_craft`."""


def small_craft(seed=0):
    """image (N, 4, H, W) float32 -> maps (N, 2, H, W)."""
    rng = np.random.default_rng(seed)
    nodes = []
    stored = []

    def store(name, values):
        stored.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def conv(source, name, inputs, outputs):
        weights = rng.normal(0, (2 / (9 * inputs)) ** 0.5, (outputs, inputs, 3, 3)).astype(np.float32)
        names = [
            store(f"{name}.weight", weights),
            store(f"{name}.bias", rng.normal(0, 0.1, outputs).astype(np.float32)),
        ]
        nodes.append(helper.make_node("Conv", [source, *names], [name], pads=[1] * 4, kernel_shape=[3, 3]))
        return name

    def add(operator, inputs, output, **attributes):
        nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    one = conv("image", "one", 4, 16)
    add("Shape", [one], "size", start=2)
    statistics = [rng.uniform(0.5, 2, 16), rng.normal(0, 0.2, 16), rng.normal(0, 0.2, 16), rng.uniform(0.5, 2, 16)]
    names = [store(f"norm{index}", values.astype(np.float32)) for index, values in enumerate(statistics)]
    norm = add("BatchNormalization", [one, *names], "norm")
    skip = add("Relu", [add("Relu", [norm], "relu")], "skip")
    pooled = add("MaxPool", [skip], "pooled", kernel_shape=[2, 2], strides=[2, 2])
    two = add("Relu", [conv(pooled, "two", 16, 32)], "two_relu")
    three = conv(two, "three", 32, 16)
    sizes = add("Concat", [store("front", np.array([1, 16], np.int64)), "size"], "sizes", axis=0)
    up = add("Resize", [three, "", "", sizes], "up", mode="linear", coordinate_transformation_mode="half_pixel")
    four = add("Relu", [conv(add("Concat", [up, skip], "joined", axis=1), "four", 32, 16)], "four_relu")
    conv(four, "maps", 16, 2)
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 4, "h", "w"])],
        [helper.make_tensor_value_info("maps", TensorProto.FLOAT, [1, 2, "h", "w"])],
        stored,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 10
    onnx.checker.check_model(model)
    return model
