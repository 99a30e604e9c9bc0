"""Checkpoint to bundle: every combination equals its network on camera bytes, and a failure leaves nothing."""

import copy
import shutil
import string
from pathlib import Path

import msgspec
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from edgereader.export.canary import canary_check
from edgereader.export.graphs import IMAGENET_MEAN, IMAGENET_STD
from edgereader.export.parity import TOLERANCE, bound, clear_symbols_equal, difference
from edgereader.export.pipeline import Target, export_detector, export_recognizer
from edgereader.export.staging import commit, entry_of, staged
from edgereader.models.charsets import num_classes
from edgereader.models.craft import CRAFT
from edgereader.models.link_refiner import LinkRefiner
from edgereader.models.recognizer import COMBINATIONS
from edgereader.runtime.bundles.bundle import Bundle
from edgereader.runtime.bundles.manifest import ShapeRange, Thresholds
from edgereader.runtime.errors import BackendError, BundleError, CheckpointError, ExportError, ParityError
from edgereader.runtime.recognizer import Recognizer as RuntimeRecognizer

from .bundles import passport_of

KINDS = ("TPS-ResNet-BiLSTM-Attn", "TPS-VGG-None-CTC", "None-RCNN-None-CTC", "None-VGG-BiLSTM-Attn")
"""Combinations that have each choice of each stage, and are exported for engines too; the others are for nightly."""
MOST = [stages if stages in KINDS else pytest.param(stages, marks=pytest.mark.slow) for stages in COMBINATIONS]


def run(path, **inputs):
    return onnxruntime.InferenceSession(str(path)).run(None, inputs)


def random_bytes(*shape):
    """Images of blocks, every one of another size, contrast and brightness."""
    rng = np.random.default_rng(sum(shape))
    images = []
    for index in range(shape[0]):
        side = 4 * 2 ** (index % 3)
        blocks = rng.integers(0, 256, (-(-shape[1] // side), -(-shape[2] // side), shape[3]))
        image = blocks.repeat(side, 0).repeat(side, 1)[: shape[1], : shape[2]]
        images.append(image * rng.uniform(0.3, 0.8) + rng.uniform(0, 51))
    return np.stack(images).astype(np.uint8)


@torch.inference_mode()
def assert_recognizer_equals(path, network, width=None, *, told_apart=True):
    """Against the network in float64, fed with the graph's symbols; itself in float32 says what is allowed."""
    config, networks = network.config, (network, copy.deepcopy(network).double())
    for batch in (1, 3):
        crops = random_bytes(batch, config.image_hw[0], width or config.image_hw[1], config.channels)
        symbols, log_probs = run(path, crops=crops, allowed=np.zeros(config.num_classes, np.float32))
        single, exact = (read(own, crops, torch.from_numpy(symbols)) for own in networks)
        allowed = bound(difference(single, exact))
        assert difference(log_probs, exact) <= allowed
        assert clear_symbols_equal(symbols, exact, allowed)
    if not told_apart:
        return
    spread = np.abs(log_probs[0] - log_probs[1]).max() / np.abs(log_probs).max()
    assert spread > max(100 * TOLERANCE, allowed), "the images must read differently, or this test shows little"


def read(network, crops, symbols):
    """What a network makes of crops, (N, T, classes), after the symbols that were read of them."""
    pixels = torch.from_numpy(crops).flip(3) if network.config.channels == 3 else torch.from_numpy(crops)
    images = (pixels.permute(0, 3, 1, 2).to(next(network.parameters()).dtype) / 255 - 0.5) / 0.5
    fed = [torch.nn.functional.pad(symbols[:, :-1], (1, 0))] if network.config.stages.endswith("Attn") else []
    return network(images, *fed).log_softmax(2).numpy()


@torch.inference_mode()
def assert_detector_equals(path, craft, refiner):
    networks = (craft, refiner), (copy.deepcopy(craft).double(), copy.deepcopy(refiner).double() if refiner else None)
    for shape in ((1, 96, 64, 3), (2, 32, 160, 3)):
        image = random_bytes(*shape)
        single, exact = (find(*pair, image) for pair in networks)
        allowed = bound(max(map(difference, single, exact)))
        assert max(map(difference, run(path, image=image), exact)) <= allowed


def find(craft, refiner, image):
    """Region and affinity of the networks."""
    dtype = next(craft.parameters()).dtype
    rgb = (torch.from_numpy(image).flip(3) / 255 - torch.tensor(IMAGENET_MEAN)) / torch.tensor(IMAGENET_STD)
    maps, features = craft(rgb.permute(0, 3, 1, 2).to(dtype))
    return [maps[..., 0].numpy(), (maps[..., 1] if refiner is None else refiner(maps, features)[..., 0]).numpy()]


@pytest.mark.parametrize("stages", MOST)
def test_every_combination_equals_its_network(exported, stages):
    network, folder = exported(stages)
    bundle = Bundle.open(folder)
    assert bundle.recognizer.parity["fp32"].symbols_equal
    assert_recognizer_equals(bundle.file("recognizer"), network)
    lstms = [node for node in onnx.load(bundle.file("recognizer")).graph.node if node.op_type == "LSTM"]
    assert len(lstms) == (2 if "BiLSTM" in stages else 0)
    assert not any(name for node in lstms for name in node.input[5:]), "no initial states, which torch would share"


@pytest.mark.slow
@pytest.mark.parametrize("stages", ["TPS-ResNet-BiLSTM-Attn", "None-VGG-BiLSTM-CTC"])
def test_published_width_equals_its_network(exported, stages):
    network, folder = exported(stages, 1.0)
    assert_recognizer_equals(Bundle.open(folder).file("recognizer"), network)


def test_our_own_checkpoint_of_colour_another_size_and_a_charset_that_repeats_needs_no_option(
    make_recognizer, tmp_path
):
    config = {
        "stages": "None-VGG-None-CTC", "charset": "x-x1", "image_hw": (48, 128), "widths": (64, 128), "max_length": 9,
        "keep_ratio": True, "stretch": 1.5, "even_contrast": True,
    }  # fmt: skip
    sizes = {"num_classes": 5, "width": 0.125, "channels": 3, "image_hw": (48, 128), "even_contrast": True}
    network, said = make_recognizer(config["stages"], **sizes), []
    torch.save({"state_dict": network.state_dict(), "config": config}, tmp_path / "recognizer.pt")
    export_recognizer(tmp_path / "recognizer.pt", Target(tmp_path / "bundle"), margin=0.1, say=said.append)
    assert not [line for line in said if line.startswith("assumed")]
    bundle = Bundle.open(tmp_path / "bundle")
    spec = bundle.recognizer
    assert {name: getattr(spec, name) for name in config} == config
    assert (spec.channels, spec.width, spec.margin) == (3, 0.125, 0.1)
    assert_recognizer_equals(bundle.file("recognizer"), network)


WIDTHS = (32, 64, 128)
SLOW_TO_TRACE = "None-RCNN-None-CTC", "None-ResNet-BiLSTM-Attn"


@pytest.mark.parametrize(
    "stages",
    ["None-VGG-BiLSTM-CTC", *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW_TO_TRACE)],
)
def test_several_widths_equal_the_network_at_each_of_them(exported, stages):
    network, folder = exported(stages, 0.125, WIDTHS)
    bundle = Bundle.open(folder)
    spec, path = bundle.recognizer, bundle.file("recognizer")
    assert (spec.image_hw, spec.widths, spec.parity["fp32"].cases) == ((32, 128), WIDTHS, 6)
    for width in (*WIDTHS, 8, 92, 512):
        assert_recognizer_equals(path, network, width)
    crops = [np.random.default_rng(width).integers(0, 256, (32, width)).astype(np.uint8) for width in (90, 9, 500, 40)]
    recognizer = RuntimeRecognizer(bundle, alphabet=None)
    assert [len(rows) for rows in recognizer.log_probs(crops)] == [spec.steps(width) for width in (128, 32, 128, 64)]
    together = list(recognizer.log_probs(crops))
    for crop, rows in zip(crops, together, strict=True):
        (alone,) = recognizer.log_probs([crop])
        np.testing.assert_allclose(alone, rows, atol=1e-4)


@pytest.mark.parametrize(
    ("stages", "told", "message"),
    [
        ("TPS-VGG-None-CTC", {"keep_ratio": True}, "without TPS, got TPS-VGG-None-CTC"),
        ("None-VGG-None-CTC", {}, "only with keep_ratio"),
        ("None-VGG-None-CTC", {"keep_ratio": True, "widths": (32, 64)}, "that end with 128, the greatest; got 32, 64"),
        ("None-VGG-None-CTC", {"keep_ratio": True, "widths": (64, 32, 128)}, "ascending multiples of 4"),
        ("None-VGG-None-CTC", {"keep_ratio": True, "widths": (30, 128)}, "ascending multiples of 4"),
    ],
)
def test_widths_that_cannot_be_are_refused_before_anything_is_traced(
    make_recognizer, save, tmp_path, stages, told, message
):
    checkpoint = save(make_recognizer(stages, num_classes=11, width=0.1, image_hw=(32, 128)))
    said = []
    options = {"image_hw": (32, 128), "widths": WIDTHS, **told}
    with pytest.raises(ExportError, match=message):
        export_recognizer(checkpoint, Target(tmp_path / "bundle"), charset="digits", say=said.append, **options)
    assert said[0] == f"reading {checkpoint}"
    assert not any(line.startswith("tracing") for line in said)
    assert not (tmp_path / "bundle").exists()


OPTIONS = {
    "imgH": st.integers(32, 64),
    "imgW": st.integers(32, 120),
    "rgb": st.booleans(),
    "PAD": st.booleans(),
    "character": st.text(string.printable[:-6], min_size=2, max_size=40),
    "batch_max_length": st.integers(1, 6),
    "num_fiducial": st.integers(2, 12).map(lambda half: 2 * half),
    "output_channel": st.integers(16, 70),
    "hidden_size": st.integers(2, 48),
}
"""Options of the benchmark's training, seldom the defaults."""
QUICK = ("TPS-VGG-BiLSTM-Attn", "None-VGG-BiLSTM-CTC")
"""Combinations that are quickly traced; the others are for `make nightly`."""


@pytest.mark.parametrize(
    "stages", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in COMBINATIONS]
)
@settings(max_examples=1, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(options=st.fixed_dictionaries(OPTIONS))
def test_every_option_of_the_benchmark_is_exported(make_recognizer, tmp_path_factory, stages, options):
    """From weights and opt.txt alone, as the benchmark's train.py leaves them."""
    folder, attention = tmp_path_factory.mktemp("options"), stages.endswith("Attn")
    network = make_recognizer(
        stages,
        num_classes=num_classes(options["character"], stages.split("-")[3]),
        image_hw=(options["imgH"], options["imgW"]),
        channels=3 if options["rgb"] else 1,
        hidden_size=options["hidden_size"],
        output_channels=options["output_channel"],
        fiducials=options["num_fiducial"],
        max_length=options["batch_max_length"],
    )
    torch.save({f"module.{key}": value for key, value in network.state_dict().items()}, folder / "best_accuracy.pth")
    names = zip(
        ("Transformation", "FeatureExtraction", "SequenceModeling", "Prediction"), stages.split("-"), strict=True
    )
    written = {**options, **dict(names), "input_channel": network.config.channels, "sensitive": True}
    lines = "".join(f"{name}: {value}\n" for name, value in written.items())
    (folder / "opt.txt").write_text(f"------------ Options -------------\n{lines}-------------------------------\n")
    said = []
    export_recognizer(
        folder / "best_accuracy.pth", Target(folder / "bundle"), options=folder / "opt.txt", say=said.append
    )
    assert not [line for line in said if line.startswith("assumed")]
    bundle = Bundle.open(folder / "bundle")
    spec = bundle.recognizer
    assert (spec.stages, spec.charset, spec.image_hw) == (stages, options["character"], network.config.image_hw)
    assert (spec.channels, spec.keep_ratio, spec.widths) == (network.config.channels, options["PAD"], ())
    assert spec.max_length == options["batch_max_length"] or not attention
    assert_recognizer_equals(bundle.file("recognizer"), network, told_apart=False)


@pytest.mark.slow
def test_published_detector_with_refiner_equals_the_networks(save, tmp_path):
    torch.manual_seed(5)
    craft, refiner = CRAFT().eval(), LinkRefiner().eval()
    paths = save(craft, "craft.pt"), save(refiner, "refiner.pt")
    export_detector(paths[0], Target(tmp_path / "bundle"), refiner=paths[1])
    bundle = Bundle.open(tmp_path / "bundle")
    assert bundle.manifest.detector.architecture == "CRAFT+LinkRefiner"
    assert_detector_equals(bundle.file("detector"), craft, refiner)


@pytest.fixture(scope="module")
def plain(make_recognizer, tmp_path_factory):
    """A folder with a checkpoint and the bundle of its recognizer, exported once."""
    folder = tmp_path_factory.mktemp("plain")
    network = make_recognizer("None-VGG-None-CTC", num_classes=11, width=0.1, image_hw=(32, 64))
    torch.save(network.state_dict(), folder / "checkpoint.pt")
    export_again(folder, Target(folder / "bundle", "meters", "MIT"))
    return folder


@pytest.fixture
def copied(plain, tmp_path):
    """A copy of that folder, which a test may change."""
    return Path(shutil.copytree(plain, tmp_path / "copy"))


def export_again(folder, target):
    export_recognizer(folder / "checkpoint.pt", target, charset="digits", image_hw=(32, 64), say=str)


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_bundle_is_extended_by_a_detector_that_equals_its_network(copied, strided_craft, thin_refiner, save):
    root = copied / "bundle"
    before = contents(root)["recognizer.onnx"]
    told = {"thresholds": Thresholds(text=0.5), "long_side_px": 960, "as_easyocr": True}
    refiner = save(thin_refiner, "refiner.pt")
    export_detector(save(strided_craft, "craft.pt"), Target(root), refiner=refiner, **told)
    bundle = Bundle.open(root)
    assert (bundle.manifest.name, bundle.manifest.licence) == ("meters", "MIT")
    files = ["README.md", "bundle.json", "canary.maps.png", "canary.png", "detector.onnx", "recognizer.onnx"]
    assert sorted(contents(root)) == files
    assert contents(root)["recognizer.onnx"] == before
    spec = bundle.detector
    assert (spec.architecture, spec.width, spec.strided) == ("CRAFT+LinkRefiner", 0.125, True)
    assert (spec.thresholds.text, spec.long_side_px, spec.as_easyocr) == (0.5, 960, True)
    assert spec.parity["fp32"].cases == 4
    assert [canary_check(bundle, kind) for kind in ("detector", "recognizer")]
    assert_detector_equals(bundle.file("detector"), strided_craft, thin_refiner)


def test_a_replaced_model_takes_its_precisions_and_engines_with_it(copied):
    root = copied / "bundle"
    with_more(root)
    export_again(copied, Target(root, name="again"))
    assert [engine.precision for engine in Bundle.open(root).manifest.engines] == ["fp32"], "it is of the same graph"
    state = torch.load(copied / "checkpoint.pt")
    torch.save({**state, "Prediction.bias": state["Prediction.bias"] + 0.1}, copied / "checkpoint.pt")
    export_again(copied, Target(root))
    bundle = Bundle.open(root)
    assert list(bundle.recognizer.files) == ["fp32"]
    assert (bundle.recognizer.preferred, bundle.manifest.engines, bundle.manifest.name) == ({}, [], "again")
    assert sorted(contents(root)) == ["README.md", "bundle.json", "canary.png", "recognizer.onnx"]


def with_more(root):
    """Add a file in int8, and an engine of each precision; here only their names matter."""
    bundle = Bundle.open(root)
    spec, shape = bundle.recognizer, ShapeRange(min=(1,), opt=(1,), max=(1,))
    with staged(root) as folder:
        paths = [folder / name for name in ("recognizer.int8.onnx", "recognizer.fp32.engine", "recognizer.int8.engine")]
        for path in paths:
            path.write_text(path.name)
        int8, *plans = map(entry_of, paths)
        files = {**spec.files, "int8": int8}
        engines = [
            passport_of(plan, "recognizer", precision, files[precision].sha256, crops=shape)
            for plan, precision in zip(plans, ("fp32", "int8"), strict=True)
        ]
        changed = replace(spec, files=files, preferred={"cpu": "int8"})
        commit(root, replace(bundle.manifest, recognizer=changed, engines=engines), paths)


def broken_canary(*_):
    raise BackendError("no memory left")


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [("parity.LARGEST", 1e-12, ParityError), ("pipeline.draw_canary", broken_canary, BackendError)],
)
def test_what_fails_leaves_the_bundle_as_it_was_or_none(copied, monkeypatch, name, value, error):
    """Parity that is not reached, and a canary that cannot be drawn; tracing is not what is tested."""
    graph = copied / "bundle" / "recognizer.onnx"
    with_more(copied / "bundle")
    before = contents(copied)
    monkeypatch.setattr("edgereader.export.pipeline.trace_recognizer", lambda _, path, *__: shutil.copy(graph, path))
    monkeypatch.setattr(f"edgereader.export.{name}", value)
    for target in (Target(copied / "bundle", name="other"), Target(copied / "new")):
        with pytest.raises(error):
            export_again(copied, target)
        assert contents(copied) == before
    assert not (copied / "new").exists()


@pytest.mark.parametrize(
    "sides",
    [
        *({"long_side_px": side} for side in (32, 63, 8193)),
        *({"coarse_side_px": side} for side in (32, 400, 1280)),
    ],
)
def test_sides_that_no_canvas_has_are_refused_before_anything_is_read(tmp_path, sides):
    with pytest.raises(BundleError, match="_side_px: expected"):
        export_detector(tmp_path / "absent.pth", Target(tmp_path / "bundle"), **sides)
    assert not (tmp_path / "bundle").exists()


def test_what_cannot_be_extended_is_refused_and_untouched(thin_craft, save, tmp_path):
    checkpoint, bundle = save(thin_craft), tmp_path / "bundle"
    bundle.write_text("a file")
    with pytest.raises(ExportError, match="expected a folder"):
        export_detector(checkpoint, Target(bundle))
    bundle.unlink()
    bundle.mkdir()
    (bundle / "bundle.json").write_bytes(msgspec.json.encode({"schema": 99}))
    with pytest.raises(BundleError, match="schema"):
        export_detector(checkpoint, Target(bundle))
    with pytest.raises(CheckpointError):
        export_recognizer(checkpoint, Target(tmp_path / "new"), charset="digits")
    assert sorted(item.name for item in tmp_path.rglob("*")) == ["bundle", "bundle.json", "checkpoint.pt"]
