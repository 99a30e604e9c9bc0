"""Plans built for real with TensorRT for RTX, which needs no GPU to build; what they say is read from their bytes."""

import _thread
import signal
import threading
from functools import cache
from itertools import product

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgereader.export.engines.plan import build_plan
from edgereader.export.engines.tensorrt_library import Options
from edgereader.export.pipeline import trace_detector
from edgereader.export.precision.folding import folded
from edgereader.export.precision.recipes import recipe
from edgereader.models.craft import CRAFT
from edgereader.models.recognizer import COMBINATIONS
from edgereader.runtime.bundles.bundle import Bundle
from edgereader.runtime.bundles.manifest import ShapeRange
from edgereader.runtime.errors import ExportError
from edgereader.runtime.sessions.profiles import default_profile

from ...runtime.graphs import detector_graph, recognizer_graph
from .plan_bytes import VERSION, read_plan

rtx = pytest.importorskip("tensorrt_rtx", reason="needs TensorRT for RTX: pip install tensorrt-rtx")
BOTH = ("sm86", "sm89")
PROFILES = {
    "detector": {"image": ShapeRange(min=(1, 32, 32, 3), opt=(1, 64, 96, 3), max=(8, 128, 160, 3))},
    "recognizer": {"crops": ShapeRange(min=(1, 32, 100, 1), opt=(4, 32, 100, 1), max=(8, 32, 100, 1))},
}


@pytest.fixture(scope="session")
def graphs(tmp_path_factory):
    """Tiny graphs of both contracts."""
    folder = tmp_path_factory.mktemp("graphs")
    contents = {"detector": detector_graph(), "recognizer": recognizer_graph(16, 5, (32, 100))}
    for kind, graph in contents.items():
        (folder / f"{kind}.onnx").write_bytes(graph)
    return {kind: folder / f"{kind}.onnx" for kind in contents}


@pytest.fixture(scope="session")
def detector_file(thin_craft, thin_refiner, tmp_path_factory):
    """A detector's graph, each traced once: `detector_file("thin CRAFT+LinkRefiner")`."""

    @cache
    def trace(name):
        path = tmp_path_factory.mktemp("detector") / "detector.onnx"
        craft = thin_craft if name.startswith("thin") else CRAFT().eval()
        trace_detector(craft, thin_refiner if name.endswith("LinkRefiner") else None, path)
        return path

    return trace


def expect_contract(built, kind, steps=0, classes=0, profile=None):
    """What the plan's own bytes say is what DESIGN's table says, for both GPUs and a batch of 1 to 8."""
    if built.version != VERSION:
        pytest.skip(f"the layout of plans is known of TensorRT for RTX {VERSION}, here is {built.version}")
    plan, profile = read_plan(built.contents), profile or PROFILES[kind]
    assert (plan.version, plan.targets, built.targets) == (VERSION, BOTH, BOTH)
    name, limits = next(iter(profile.items()))
    assert plan.profile[name] == [limits.min, limits.opt, limits.max]
    assert (limits.min[0], limits.max[0]) == (1, 8)
    maps = "OUTPUT", "FLOAT", (-1, -1, -1)
    sizes = tuple(low if low == high else -1 for low, high in zip(limits.min[1:], limits.max[1:], strict=True))
    expected = {
        "detector": {"image": ("INPUT", "UINT8", (-1, -1, -1, 3)), "region": maps, "affinity": maps},
        "recognizer": {
            "crops": ("INPUT", "UINT8", (-1, *sizes)),
            "allowed": ("INPUT", "FLOAT", (classes,)),
            "symbols": ("OUTPUT", "INT64", (-1, steps)),
            "log_probs": ("OUTPUT", "FLOAT", (-1, steps, classes)),
        },
    }
    assert plan.tensors == expected[kind]


@pytest.mark.parametrize("kind", ["detector", "recognizer"])
def test_a_plan_is_what_was_asked_for(graphs, kind, tmp_path):
    told = []
    log = tmp_path / "build.log"
    built = build_plan(
        graphs[kind], PROFILES[kind], "tensorrt-rtx", BOTH, progress=lambda done, _: told.append(done), log=log
    )
    expect_contract(built, kind, steps=5, classes=16)
    assert built.version == rtx.__version__
    assert built.seconds > 0
    assert built.warnings == (), "TensorRT's advice on int64 outputs is none here"
    assert told == sorted(told)
    assert told[-1] == 1
    lines = log.read_text().splitlines()
    assert {line.split()[0] for line in lines} >= {"VERBOSE", "INFO"}
    assert any(line.startswith("in float32: ") for line in lines)
    assert len(built.fp32_layers) == built.layers > 1


@pytest.mark.parametrize(("options", "steps"), [({"open_steps": True}, -1), ({}, 5)])
def test_a_recognizer_of_several_widths_takes_all_between_the_least_and_the_greatest(tmp_path, options, steps):
    path = tmp_path / "recognizer.onnx"
    path.write_bytes(recognizer_graph(16, 5, (32, 512), any_width=True, **options))
    sizes = ShapeRange(min=(1, 32, 64, 1), opt=(4, 32, 192, 1), max=(8, 32, 512, 1))
    built = build_plan(path, {"crops": sizes}, "tensorrt-rtx", BOTH)
    plan = read_plan(built.contents)
    assert plan.profile["crops"] == [sizes.min, sizes.opt, sizes.max]
    assert plan.tensors["crops"] == ("INPUT", "UINT8", (-1, 32, -1, 1))
    assert plan.tensors["log_probs"] == ("OUTPUT", "FLOAT", (-1, steps, 16))


def test_layers_in_float32_are_named_by_their_weights_and_operators(tmp_path):
    """One convolution in float16, one in float32, and the normalisation."""
    rng, (single, half) = np.random.default_rng(0), (TensorProto.FLOAT, TensorProto.FLOAT16)
    stored = {
        "first.weight": rng.normal(size=(4, 3, 3, 3)).astype(np.float16),
        "second.weight": rng.normal(size=(2, 4, 1, 1)).astype(np.float32),
        "full": np.float32(255),
        "zero": np.int64(0),
        "one": np.int64(1),
    }
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=single),
        helper.make_node("Div", ["float", "full"], ["unit"], name="normalise"),
        helper.make_node("Transpose", ["unit"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["planes"], ["half"], to=half),
        helper.make_node("Conv", ["half", "first.weight"], ["a"], name="conv_1", strides=[2, 2], pads=[1] * 4),
        helper.make_node("Cast", ["a"], ["a.single"], to=single),
        helper.make_node("Conv", ["a.single", "second.weight"], ["maps"], name="conv_2"),
        helper.make_node("Gather", ["maps", "zero"], ["region"], axis=1),
        helper.make_node("Gather", ["maps", "one"], ["affinity"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "mixed",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", "h", "w", 3])],
        [helper.make_tensor_value_info(name, single, ["n", "y", "x"]) for name in ("region", "affinity")],
        [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in stored.items()],
    )
    path = tmp_path / "mixed.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    built = build_plan(path, PROFILES["detector"], "tensorrt-rtx", ["sm86"], log=tmp_path / "log")
    assert built.fp32_layers == ("normalise (Div)", "second (Conv)")
    assert built.layers == 3
    assert "in float32: normalise (Div), second (Conv)\n" in (tmp_path / "log").read_text()


def test_a_file_that_is_no_graph(tmp_path):
    path = tmp_path / "bad.onnx"
    path.write_bytes(b"nonsense" * 20)
    with pytest.raises(ExportError, match=r"bad\.onnx: expected a graph that TensorRT parses.*all messages: .*log"):
        build_plan(path, PROFILES["detector"], "tensorrt-rtx", ["sm86"], log=tmp_path / "log")
    assert "ERROR" in (tmp_path / "log").read_text()


def altered(graphs, kind, change, to):
    model = onnx.load(graphs[kind])
    change(model)
    onnx.save(model, to / "altered.onnx")
    return to / "altered.onnx"


def add_unknown(model):
    node = helper.make_node("NonZero", ["region"], ["places"], name="where_is_text")
    model.graph.node.append(node)
    model.graph.output.append(helper.make_tensor_value_info("places", TensorProto.INT64, None))


def rename_output(model):
    model.graph.output[0].name = model.graph.node[4].output[0] = "heat"


def take_floats(model):
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT


def give_one_map(model):
    del model.graph.output[1]


def fix_batch(model):
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (add_unknown, "NonZero where_is_text: "),
        (rename_output, "expected the inputs and outputs of a detector"),
        (take_floats, "expected the inputs and outputs of a detector"),
        (give_one_map, "expected the inputs and outputs of a detector"),
        (fix_batch, "expected the inputs and outputs of a detector"),
    ],
)
def test_a_graph_of_no_contract_is_refused(graphs, tmp_path, change, message):
    path = altered(graphs, "detector", change, tmp_path)
    with pytest.raises(ExportError, match=message):
        build_plan(path, PROFILES["detector"], "tensorrt-rtx", ["sm86"])


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        ({}, r"expected a profile of \['image'\], got one of \[\]"),
        ({**PROFILES["detector"], **PROFILES["recognizer"]}, "got one of"),
        ({"image": ShapeRange(min=(1, 32, 32, 1), opt=(1, 32, 32, 1), max=(1, 32, 32, 1))}, "profile has min=1"),
        ({"image": ShapeRange(min=(1, 32, 32), opt=(1, 32, 32), max=(1, 32, 32))}, "4 dimensions but profile"),
    ],
)
def test_a_profile_that_does_not_fit_is_refused(graphs, profile, message):
    with pytest.raises(ExportError, match=message):
        build_plan(graphs["detector"], profile, "tensorrt-rtx", ["sm86"])


def test_too_little_memory_quotes_the_builder(tmp_path):
    path, log = Bundle.open("digits-edge").file("detector"), tmp_path / "log"
    profile = {"image": ShapeRange(min=(1, 32, 32, 3), opt=(1, 384, 640, 3), max=(8, 736, 1280, 3))}
    with pytest.raises(ExportError, match=r"expected an engine from tensorrt_rtx .*OutOfMemory.*; all messages: "):
        build_plan(path, profile, "tensorrt-rtx", ["sm86"], Options(workspace_mib=16), log=log)
    assert "OutOfMemory" in log.read_text()


def test_a_log_that_cannot_be_written_is_refused_before_anything_is_built(graphs, tmp_path):
    with pytest.raises(ExportError, match="expected a file for the build log"):
        build_plan(graphs["detector"], PROFILES["detector"], "tensorrt-rtx", ["sm86"], log=tmp_path / "none" / "log")


@pytest.fixture
def often(monkeypatch):
    """Look at a build a thousand times a second, as a fast machine may be done within the usual tenth."""
    monkeypatch.setattr("edgereader.export.engines.plan.LOOK_S", 0.001)


@pytest.fixture
def heeding_ctrl_c():
    """A process that a shell put into the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("often", "heeding_ctrl_c")
def test_ctrl_c_ends_a_build_and_the_next_one_works(graphs, tmp_path):
    """A real interrupt, in a build that takes seconds; TensorRT says itself that it was cancelled."""
    log, told = tmp_path / "log", threading.Event()

    def interrupt(_done, _phase):
        if not told.is_set():
            told.set()
            _thread.interrupt_main()

    with pytest.raises(KeyboardInterrupt):
        path = Bundle.open("digits-edge").file("recognizer")
        profile = default_profile(Bundle.open("digits-edge"), "recognizer")
        build_plan(path, profile, "tensorrt-rtx", BOTH, progress=interrupt, log=log)
    assert "BuildCanceled" in log.read_text()
    assert build_plan(graphs["detector"], PROFILES["detector"], "tensorrt-rtx", BOTH).contents


def fail(_done, _phase):
    raise BrokenPipeError


@pytest.mark.usefixtures("often")
def test_an_error_while_progress_is_shown_ends_the_build_too():
    bundle = Bundle.open("digits-edge")
    with pytest.raises(BrokenPipeError):
        build_plan(
            bundle.file("detector"), default_profile(bundle, "detector"), "tensorrt-rtx", ["sm86"], progress=fail
        )


def sizes(path, name):
    """Sizes of an input or output as the ONNX file says them, 0 where they are open."""
    graph = onnx.load(path).graph
    value = next(item for item in (*graph.input, *graph.output) if item.name == name)
    return [axis.dim_value for axis in value.type.tensor_type.shape.dim]


def in_precision(path, precision, folder):
    """The graph as `edgereader quantize` would make it, with every layer that may be in that precision."""
    if precision == "fp32":
        return path
    model = folded(path)
    rng = np.random.default_rng(0)
    probe = {"image": rng.integers(0, 256, (1, 64, 96, 3), dtype=np.uint8)}
    if model.graph.input[0].name == "crops":
        crops = rng.integers(0, 256, (2, 32, sizes(path, "crops")[2] or 100, 1), dtype=np.uint8)
        probe = {"crops": crops, "allowed": np.zeros(sizes(path, "allowed"), np.float32)}
    made = recipe(precision, model, [probe])
    onnx.save(made.make(made.layers), folder / f"{precision}.onnx")
    return folder / f"{precision}.onnx"


ALWAYS_SINGLE = {
    "Add",
    "ArgMax",
    "Div",
    "Gemm",
    "GridSample",
    "LSTM",
    "LogSoftmax",
    "MatMul",
    "ReduceMean",
    "Relu",
    "Sub",
}
"""Operators of recognizers that the mixed graph may have in float32: see `half`."""


PUBLISHED = "TPS-ResNet-BiLSTM-Attn"
COVERING = (
    PUBLISHED,
    "TPS-VGG-None-CTC",
    "TPS-RCNN-BiLSTM-CTC",
    "None-ResNet-None-Attn",
    "None-RCNN-None-CTC",
    "None-VGG-BiLSTM-Attn",
)
"""In fp16 these have every operator of all combinations; with the published one in fp32, of all builds."""
BUILDS = [
    pytest.param(
        stages,
        precision,
        marks=[] if stages in COVERING and (precision == "fp16" or stages == PUBLISHED) else [pytest.mark.slow],
    )
    for stages, precision in product(COMBINATIONS, ("fp32", "fp16"))
]


@pytest.mark.parametrize(("stages", "precision"), BUILDS)
def test_every_recognizer_builds_for_both_gpus(exported, tmp_path, stages, precision):
    built = build_recognizer(exported(stages)[1], precision, tmp_path)
    if precision == "fp32":
        assert len(built.fp32_layers) == built.layers
        return
    operators = {layer.rpartition("(")[2].rstrip(")") for layer in built.fp32_layers}
    assert operators <= ALWAYS_SINGLE
    assert {"LSTM"} & operators == ({"LSTM"} if "BiLSTM" in stages else set())
    assert {"GridSample"} & operators == ({"GridSample"} if "TPS" in stages else set())
    assert len(built.fp32_layers) < built.layers / 2


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_the_published_recognizer_builds_for_both_gpus(exported, tmp_path, precision):
    build_recognizer(exported("TPS-ResNet-BiLSTM-Attn", 1.0)[1], precision, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8-trt"])
@pytest.mark.parametrize("stages", ["None-VGG-BiLSTM-CTC", "None-ResNet-BiLSTM-Attn"])
def test_a_recognizer_of_several_widths_builds_for_both_gpus(exported, tmp_path, stages, precision):
    """The first is that of EasyOCR's second generation."""
    bundle = Bundle.open(exported(stages, 0.125, (32, 64, 128))[1])
    profile, path = default_profile(bundle, "recognizer", max_batch=8), bundle.file("recognizer")
    assert [shape[2] for shape in (profile["crops"].min, profile["crops"].opt, profile["crops"].max)] == [32, 64, 128]
    built = build_plan(in_precision(path, precision, tmp_path), profile, "tensorrt-rtx", BOTH)
    steps = -1 if bundle.recognizer.open_steps else bundle.recognizer.steps(32)
    expect_contract(built, "recognizer", steps, bundle.recognizer.classes, profile)
    assert (len(built.fp32_layers) < built.layers) == (precision != "fp32")


def build_recognizer(folder, precision, scratch):
    """Build it, and see that it keeps the contract."""
    path = Bundle.open(folder).file("recognizer")
    built = build_plan(in_precision(path, precision, scratch), PROFILES["recognizer"], "tensorrt-rtx", BOTH)
    _, steps, classes = sizes(path, "log_probs")
    expect_contract(built, "recognizer", steps, classes)
    return built


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8-trt"])
@pytest.mark.parametrize("name", ["thin CRAFT", "thin CRAFT+LinkRefiner", "published CRAFT"])
def test_every_detector_builds_for_both_gpus(detector_file, tmp_path, name, precision):
    profile = {"image": ShapeRange(min=(1, 32, 32, 3), opt=(1, 736, 1280, 3), max=(8, 736, 1280, 3))}
    path = in_precision(detector_file(name), precision, tmp_path)
    built = build_plan(path, profile, "tensorrt-rtx", BOTH)
    expect_contract(built, "detector", profile=profile)
    if precision != "fp32":
        assert {layer.rpartition(" ")[2] for layer in built.fp32_layers} <= {"(Sub)", "(Div)"}, (
            "the normalisation alone"
        )
