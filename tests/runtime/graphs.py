"""A bundle of tiny graphs that keep the contract, so that a test can paint what the networks see.

The detector's `region` is a frame's red channel, its `affinity` the blue one. The recognizer's reading is the
grey level of each of `steps` columns: level k * 255 / (classes - 1) is class k. With `widths` it takes any width, and
reads all groups of 4 columns but the last, as many as a network with VGG has steps; with Attn the first `steps`.
"""

import numpy as np

from edgereader.runtime.bundles.bundle import file_sha256, write_bundle
from edgereader.runtime.bundles.manifest import DetectorSpec, FileEntry, Manifest, RecognizerSpec

CHARSET = "0123456789abcde"


def detector_graph():
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["float", "full"], ["unit"]),
        helper.make_node("Transpose", ["unit"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("AveragePool", ["planes"], ["maps"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Gather", ["maps", "red"], ["region"], axis=1),
        helper.make_node("Gather", ["maps", "blue"], ["affinity"], axis=1),
    ]
    constants = {"full": np.float32(255), "red": np.int64(2), "blue": np.int64(0)}
    outputs = [(name, TensorProto.FLOAT, ["N", "H/2", "W/2"]) for name in ("region", "affinity")]
    return model(nodes, constants, [("image", TensorProto.UINT8, ["N", "H", "W", 3])], outputs)


def recognizer_graph(classes, steps, image_hw, channels=1, *, any_width=False, open_steps=False):
    from onnx import TensorProto, helper

    height, width = image_hw
    group, read = (4, -4 if open_steps else 4 * steps) if any_width else (width // steps, width // steps * steps)
    steps = "T" if open_steps else steps
    nodes = [
        helper.make_node("Cast", ["crops"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Slice", ["float", "zero", "unread", "columns_axis"], ["read"]),
        helper.make_node("Reshape", ["read", "columns"], ["split"]),
        helper.make_node("ReduceMax", ["split", "inner"], ["level"], keepdims=0),
        helper.make_node("Unsqueeze", ["level", "last"], ["levels"]),
        helper.make_node("Sub", ["levels", "centres"], ["off"]),
        helper.make_node("Mul", ["off", "off"], ["squared"]),
        helper.make_node("Mul", ["squared", "sharpness"], ["near"]),
        helper.make_node("Add", ["near", "allowed"], ["logits"]),
        helper.make_node("LogSoftmax", ["logits"], ["log_probs"], axis=-1),
        helper.make_node("ArgMax", ["log_probs"], ["symbols"], axis=-1, keepdims=0),
    ]
    constants = {
        "zero": np.array([0]),
        "unread": np.array([read]),
        "columns_axis": np.array([2]),
        "columns": np.array([0, height, -1, group * channels]),
        "inner": np.array([1, 3]),
        "last": np.array([2]),
        "centres": np.linspace(0, 255, classes, dtype=np.float32),
        "sharpness": np.float32(-0.1),
    }
    crops = ["N", height, "W" if any_width else width, channels]
    inputs = [("crops", TensorProto.UINT8, crops), ("allowed", TensorProto.FLOAT, [classes])]
    outputs = [
        ("symbols", TensorProto.INT64, ["N", steps]),
        ("log_probs", TensorProto.FLOAT, ["N", steps, classes]),
    ]
    return model(nodes, constants, inputs, outputs)


def model(nodes, constants, inputs, outputs):
    from onnx import helper, numpy_helper

    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info(*name) for name in inputs],
        [helper.make_tensor_value_info(*output) for output in outputs],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9).SerializeToString()


def stored(folder, name, contents):
    path = folder / name
    path.write_bytes(contents)
    return {"fp32": FileEntry(path=name, sha256=file_sha256(path), bytes=len(contents))}


def write_test_bundle(
    folder, *, charset=CHARSET, prediction="CTC", steps=1, keep_ratio=True, detector=True, recognizer=True, **spec
):
    folder.mkdir(parents=True, exist_ok=True)
    image_hw, channels, margin = (
        spec.pop(*default) for default in (("image_hw", (32, 100)), ("channels", 1), ("margin", 0))
    )
    widths, stretch, max_length = spec.pop("widths", ()), spec.pop("stretch", 1.0), spec.pop("max_length", None)
    image_hw = (image_hw[0], widths[-1]) if widths else image_hw
    classes = len(charset) + (1 if prediction == "CTC" else 2)
    found = reads = None
    if detector:
        files = stored(folder, "detector.onnx", detector_graph())
        found = DetectorSpec(architecture="CRAFT", width=0.25, files=files, parity={}, **spec)
    if recognizer:
        opened = {"any_width": bool(widths), "open_steps": bool(widths) and prediction == "CTC"}
        files = stored(folder, "recognizer.onnx", recognizer_graph(classes, steps, image_hw, channels, **opened))
        reads = RecognizerSpec(
            stages=f"None-VGG-None-{prediction}",
            charset=charset,
            image_hw=image_hw,
            widths=widths,
            stretch=stretch,
            channels=channels,
            width=0.25,
            max_length=max_length or steps,
            keep_ratio=keep_ratio,
            margin=margin,
            as_easyocr=spec.get("as_easyocr", False),
            files=files,
            parity={},
        )
    write_bundle(folder, Manifest(schema=1, name="test", licence="Apache-2.0", detector=found, recognizer=reads))
    return folder


def grey_of(character, charset=CHARSET, prediction="CTC"):
    """Grey level that the test recognizer reads as this character."""
    special = 1 if prediction == "CTC" else 2
    return (charset.index(character) + special) * 255 / (len(charset) + special - 1)


def paint_number(frame, text, x, y, width=40, height=40, *, valleys=True):
    """A number that the test detector sees as so many characters, `width` pixels each, and the recognizer reads.

    Without valleys the detector sees it as a single one. No digit may be below 4, nor be its neighbour's equal.
    """
    ramp = 1 - np.abs(np.linspace(-1, 1, width)) * (0.4 if valleys else 0)
    for index, character in enumerate(text):
        red = 255 * ramp
        green = (grey_of(character) - 0.299 * red) / 0.587
        assert green.min() >= 0, f"{character} cannot be painted"
        left = x + index * width
        frame[y : y + height, left : left + width, 1:] = np.stack((green, red), 1).round()


def paint_word(frame, character, x, y, width=120, height=40, charset=CHARSET):
    """A rectangle that the test detector finds and the test recognizer reads as one character."""
    green = (grey_of(character, charset) - 0.299 * 255) / 0.587
    assert 0 <= green <= 255, f"{character} cannot be painted"
    frame[y : y + height, x : x + width] = (0, round(green), 255)
