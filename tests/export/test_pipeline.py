"""Checkpoint to bundle: every combination equals its network on camera bytes, and a failure leaves nothing."""

from __future__ import annotations

import copy
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

import edgereader.export.parity
import edgereader.export.pipeline
from edgereader.export.canary import canary_check
from edgereader.export.graphs import IMAGENET_MEAN, IMAGENET_STD
from edgereader.export.parity import TOLERANCE, bound, clear_symbols_equal, difference
from edgereader.export.pipeline import Target, export_detector, export_recognizer, trace_recognizer
from edgereader.export.staging import commit, staged
from edgereader.models.charsets import num_classes
from edgereader.models.craft import CRAFT
from edgereader.models.link_refiner import LinkRefiner
from edgereader.models.recognizer import COMBINATIONS, Recognizer
from edgereader.runtime.bundles.bundle import Bundle, file_sha256
from edgereader.runtime.bundles.manifest import FileEntry, Passport, ShapeRange, Thresholds
from edgereader.runtime.errors import BackendError, BundleError, CheckpointError, ExportError, ParityError
from edgereader.runtime.recognizer import Recognizer as Recogniser

KINDS = ("TPS-ResNet-BiLSTM-Attn", "TPS-VGG-None-CTC", "None-RCNN-BiLSTM-CTC", "None-VGG-None-Attn")
"""Combinations that have each choice of each stage; the others are for `make nightly`."""
MOST = [each if each in KINDS else pytest.param(each, marks=pytest.mark.slow) for each in COMBINATIONS]

Maker = Callable[..., Recognizer]
Save = Callable[..., Path]
Exported = Callable[..., tuple[Recognizer, Path]]


def run(path: Path, **inputs: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    return onnxruntime.InferenceSession(str(path)).run(None, inputs)


def random_bytes(*shape: int) -> np.ndarray[Any, Any]:
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
def assert_recognizer_equals(
    path: Path, network: Recognizer, width: int | None = None, *, told_apart: bool = True
) -> None:
    """Against the network in float64, fed with the graph's symbols; itself in float32 says what is allowed."""
    config, networks = network.config, (network, copy.deepcopy(network).double())
    for batch in (1, 3):
        crops = random_bytes(batch, config.image_hw[0], width or config.image_hw[1], config.channels)
        symbols, log_probs = run(path, crops=crops, allowed=np.zeros(config.num_classes, np.float32))
        single, exact = (read(each, crops, torch.from_numpy(symbols)) for each in networks)
        allowed = bound(difference(single, exact))
        assert difference(log_probs, exact) <= allowed
        assert clear_symbols_equal(symbols, exact, allowed)
    if not told_apart:
        return
    spread = np.abs(log_probs[0] - log_probs[1]).max() / np.abs(log_probs).max()
    assert spread > max(100 * TOLERANCE, allowed), "the images must read differently, or this test shows little"


def read(network: Recognizer, crops: np.ndarray[Any, Any], symbols: torch.Tensor) -> np.ndarray[Any, Any]:
    """What a network makes of crops, (N, T, classes), after the symbols that were read of them."""
    pixels = torch.from_numpy(crops).flip(3) if network.config.channels == 3 else torch.from_numpy(crops)
    images = (pixels.permute(0, 3, 1, 2).to(next(network.parameters()).dtype) / 255 - 0.5) / 0.5
    fed = [torch.nn.functional.pad(symbols[:, :-1], (1, 0))] if network.config.stages.endswith("Attn") else []
    found: np.ndarray[Any, Any] = network(images, *fed).log_softmax(2).numpy()
    return found


@torch.inference_mode()
def assert_detector_equals(path: Path, craft: CRAFT, refiner: LinkRefiner | None) -> None:
    networks = (craft, refiner), (copy.deepcopy(craft).double(), copy.deepcopy(refiner).double() if refiner else None)
    for shape in ((1, 96, 64, 3), (2, 32, 160, 3)):
        image = random_bytes(*shape)
        single, exact = (find(*each, image) for each in networks)
        allowed = bound(max(map(difference, single, exact)))
        assert max(map(difference, run(path, image=image), exact)) <= allowed


def find(craft: CRAFT, refiner: LinkRefiner | None, image: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    """Region and affinity of the networks."""
    dtype = next(craft.parameters()).dtype
    rgb = (torch.from_numpy(image).flip(3) / 255 - torch.tensor(IMAGENET_MEAN)) / torch.tensor(IMAGENET_STD)
    maps, features = craft(rgb.permute(0, 3, 1, 2).to(dtype))
    return [maps[..., 0].numpy(), (maps[..., 1] if refiner is None else refiner(maps, features)[..., 0]).numpy()]


@pytest.mark.parametrize("stages", MOST)
def test_every_combination_equals_its_network(exported: Exported, stages: str) -> None:
    network, folder = exported(stages)
    bundle = Bundle.open(folder)
    assert bundle.recognizer.parity["fp32"].symbols_equal
    assert_recognizer_equals(bundle.file("recognizer"), network)


@pytest.mark.slow
@pytest.mark.parametrize("stages", ["TPS-ResNet-BiLSTM-Attn", "None-VGG-BiLSTM-CTC"])
def test_published_width_equals_its_network(exported: Exported, stages: str) -> None:
    network, folder = exported(stages, 1.0)
    assert_recognizer_equals(Bundle.open(folder).file("recognizer"), network)


def test_lstms_have_no_shared_initial_states(make_recognizer: Maker, tmp_path: Path) -> None:
    trace_recognizer(make_recognizer("None-VGG-BiLSTM-CTC", num_classes=11, width=0.1), tmp_path / "a.onnx")
    lstms = [node for node in onnx.load(tmp_path / "a.onnx").graph.node if node.op_type == "LSTM"]
    assert len(lstms) == 2
    assert all(not any(node.input[5:]) for node in lstms)


def test_colour_and_another_size(make_recognizer: Maker, save: Save, tmp_path: Path) -> None:
    sizes = {"num_classes": 5, "width": 0.125, "channels": 3, "image_hw": (48, 128)}
    network = make_recognizer("TPS-VGG-None-CTC", **sizes, even_contrast=True)
    told = {"keep_ratio": True, "stretch": 1.5, "margin": 0.1, "even_contrast": True}
    export_recognizer(save(network), Target(tmp_path / "bundle"), charset="x-y1", **told)
    bundle = Bundle.open(tmp_path / "bundle")
    spec = bundle.manifest.recognizer
    assert spec is not None
    assert (spec.image_hw, spec.channels, spec.charset, spec.width) == ((48, 128), 3, "x-y1", 0.125)
    assert (spec.keep_ratio, spec.stretch, spec.margin, spec.even_contrast) == (True, 1.5, 0.1, True)
    assert_recognizer_equals(bundle.file("recognizer"), network)


WIDTHS = (32, 64, 128)
SLOW_TO_TRACE = "None-RCNN-None-CTC", "None-ResNet-BiLSTM-Attn"


@pytest.mark.parametrize(
    "stages",
    ["None-VGG-BiLSTM-CTC", *(pytest.param(each, marks=pytest.mark.slow) for each in SLOW_TO_TRACE)],
)
def test_several_widths_equal_the_network_at_each_of_them(exported: Exported, stages: str) -> None:
    network, folder = exported(stages, 0.125, WIDTHS)
    bundle = Bundle.open(folder)
    spec, path = bundle.recognizer, bundle.file("recognizer")
    assert (spec.image_hw, spec.widths, spec.parity["fp32"].cases) == ((32, 128), WIDTHS, 6)
    for width in (*WIDTHS, 8, 92, 512):
        assert_recognizer_equals(path, network, width)
    crops = [np.random.default_rng(width).integers(0, 256, (32, width)).astype(np.uint8) for width in (90, 9, 500, 40)]
    recognizer = Recogniser(bundle, alphabet=None)
    assert [len(each) for each in recognizer.log_probs(crops)] == [spec.steps(width) for width in (128, 32, 128, 64)]
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
    make_recognizer: Maker, save: Save, tmp_path: Path, stages: str, told: dict[str, Any], message: str
) -> None:
    checkpoint = save(make_recognizer(stages, num_classes=11, width=0.1, image_hw=(32, 128)))
    said: list[str] = []
    options = {"image_hw": (32, 128), "widths": WIDTHS, **told}
    with pytest.raises(ExportError, match=message):
        export_recognizer(checkpoint, Target(tmp_path / "bundle"), charset="digits", say=said.append, **options)
    assert said[0] == f"reading {checkpoint}"
    assert not any(line.startswith("tracing") for line in said)
    assert not (tmp_path / "bundle").exists()


OPTIONS: dict[str, Any] = {
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
    "stages", [each if each in QUICK else pytest.param(each, marks=pytest.mark.slow) for each in COMBINATIONS]
)
@settings(max_examples=1, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(options=st.fixed_dictionaries(OPTIONS))
def test_every_option_of_the_benchmark_is_exported(
    make_recognizer: Maker, tmp_path_factory: pytest.TempPathFactory, stages: str, options: dict[str, Any]
) -> None:
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
    said: list[str] = []
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


def tensors(network: torch.nn.Module, prefix: str = "", dtype: torch.dtype = torch.float32) -> dict[str, torch.Tensor]:
    """A network's state dict as a wrapper saves it."""
    return {
        prefix + key: value.to(dtype) if value.is_floating_point() else value
        for key, value in network.state_dict().items()
    }


FORMS: dict[str, Callable[[torch.nn.Module], Any]] = {
    "plain": tensors,
    "DataParallel": lambda network: tensors(network, "module."),
    "float16": lambda network: tensors(network, dtype=torch.float16),
    "bfloat16": lambda network: tensors(network, dtype=torch.bfloat16),
    "torch.compile": lambda network: tensors(network, "_orig_mod."),
    "Lightning": lambda network: {"state_dict": tensors(network, "model."), "epoch": 3},
    "net": lambda network: {"iter": 100, "net": tensors(network), "optimizer": {}},
    "no counters": lambda network: {k: v for k, v in tensors(network).items() if not k.endswith("batches_tracked")},
    "no constants": lambda network: {k: v for k, v in tensors(network).items() if "GridGenerator" not in k},
}
"""Wrapper, or what is left out -> what a trainer saves of a network."""


@pytest.mark.parametrize(
    "form", [form if form == "Lightning" else pytest.param(form, marks=pytest.mark.slow) for form in FORMS]
)
def test_every_form_of_a_checkpoint_is_exported(make_recognizer: Maker, tmp_path: Path, form: str) -> None:
    """With 10 fiducial points; rounded weights are those of the network that has them, its constants exact."""
    network = make_recognizer("TPS-VGG-None-CTC", num_classes=11, width=0.0625, fiducials=10)
    contents = FORMS[form](network)
    torch.save(contents, tmp_path / "checkpoint.pth")
    if form.endswith("16"):
        constants = network.Transformation.GridGenerator.state_dict()
        network = copy.deepcopy(network)
        network.load_state_dict(contents)
        network.Transformation.GridGenerator.load_state_dict(constants)
    export_recognizer(tmp_path / "checkpoint.pth", Target(tmp_path / "bundle"), charset="digits", image_hw=(32, 100))
    assert_recognizer_equals(Bundle.open(tmp_path / "bundle").file("recognizer"), network)


def test_our_own_checkpoint_needs_no_option(make_recognizer: Maker, tmp_path: Path) -> None:
    network = make_recognizer("None-VGG-BiLSTM-CTC", num_classes=5, width=0.0625, hidden_size=24, image_hw=(32, 64))
    config = {
        "stages": "None-VGG-BiLSTM-CTC", "charset": "01-.", "image_hw": (32, 64), "widths": (32, 64),
        "keep_ratio": True, "stretch": 2.0, "even_contrast": True, "max_length": 9,
    }  # fmt: skip
    torch.save({"state_dict": network.state_dict(), "config": config}, tmp_path / "recognizer.pt")
    said: list[str] = []
    export_recognizer(tmp_path / "recognizer.pt", Target(tmp_path / "bundle"), say=said.append)
    spec = Bundle.open(tmp_path / "bundle").recognizer
    assert {name: getattr(spec, name) for name in config} == config
    assert not [line for line in said if "assumed" in line]


def test_a_charset_that_repeats_a_character(make_recognizer: Maker, save: Save, tmp_path: Path) -> None:
    network = make_recognizer("None-VGG-None-CTC", num_classes=15, width=0.0625, image_hw=(32, 32))
    said: list[str] = []
    export_recognizer(
        save(network), Target(tmp_path / "b"), charset="0123456789.-.,", image_hw=(32, 32), say=said.append
    )
    assert Bundle.open(tmp_path / "b").recognizer.charset == "0123456789.-.,"
    assert [line.split(",")[0] for line in said if "assumed" in line] == ["assumed: --fill", "assumed: --as-it-is"]


@pytest.mark.parametrize("name", [pytest.param("thin_craft", marks=pytest.mark.slow), "strided_craft"])
def test_detector_equals_its_network(name: str, request: pytest.FixtureRequest, save: Save, tmp_path: Path) -> None:
    craft: CRAFT = request.getfixturevalue(name)
    told = {"thresholds": Thresholds(text=0.5), "long_side_px": 960, "as_easyocr": True}
    export_detector(save(craft), Target(tmp_path / "bundle"), **told)
    bundle = Bundle.open(tmp_path / "bundle")
    spec = bundle.manifest.detector
    assert spec is not None
    assert (spec.architecture, spec.width, spec.strided) == ("CRAFT", 0.125, name == "strided_craft")
    assert (spec.thresholds.text, spec.long_side_px, spec.as_easyocr) == (0.5, 960, True)
    assert spec.parity["fp32"].cases == 4
    assert_detector_equals(bundle.file("detector"), craft, None)


@pytest.mark.slow
def test_published_detector_with_refiner_equals_the_networks(save: Save, tmp_path: Path) -> None:
    torch.manual_seed(5)
    craft, refiner = CRAFT().eval(), LinkRefiner().eval()
    paths = save(craft, "craft.pt"), save(refiner, "refiner.pt")
    export_detector(paths[0], Target(tmp_path / "bundle"), refiner=paths[1])
    bundle = Bundle.open(tmp_path / "bundle")
    assert bundle.manifest.detector is not None
    assert bundle.manifest.detector.architecture == "CRAFT+LinkRefiner"
    assert_detector_equals(bundle.file("detector"), craft, refiner)


def test_a_bundle_is_extended_and_a_model_replaced(
    thin_craft: CRAFT, thin_refiner: LinkRefiner, make_recognizer: Maker, save: Save, tmp_path: Path
) -> None:
    folder = tmp_path / "deep" / "bundle"
    network = make_recognizer("None-VGG-None-CTC", num_classes=11, width=0.1)
    export_recognizer(save(network), Target(folder, "first"), charset="digits")
    export_recognizer(save(network), Target(folder, "meters", "MIT"), charset="digits")
    before = Bundle.open(folder).file("recognizer").read_bytes()
    export_detector(save(thin_craft, "craft.pt"), Target(folder), refiner=save(thin_refiner, "refiner.pt"))
    bundle = Bundle.open(folder)
    assert (bundle.manifest.name, bundle.manifest.licence) == ("meters", "MIT")
    assert bundle.file("recognizer").read_bytes() == before
    files = ["bundle.json", "canary.maps.png", "canary.png", "detector.onnx", "recognizer.onnx"]
    assert sorted(path.name for path in folder.iterdir()) == files
    assert [canary_check(bundle, kind) for kind in ("detector", "recognizer")]
    assert_detector_equals(bundle.file("detector"), thin_craft, thin_refiner)


def test_a_replaced_model_takes_its_precisions_and_engines_with_it(
    make_recognizer: Maker, save: Save, tmp_path: Path
) -> None:
    root, other = tmp_path / "bundle", make_recognizer("None-VGG-None-CTC", num_classes=11, width=0.1)
    checkpoint = save(other)
    export_recognizer(checkpoint, Target(root), charset="digits")
    with_more(root)
    export_recognizer(checkpoint, Target(root, name="again"), charset="digits")
    assert [each.precision for each in Bundle.open(root).manifest.engines] == ["fp32"], "it is of the same graph"
    state = {key: value + 0.1 if key == "Prediction.bias" else value for key, value in other.state_dict().items()}
    torch.save(state, checkpoint)
    export_recognizer(checkpoint, Target(root), charset="digits")
    bundle = Bundle.open(root)
    assert list(bundle.recognizer.files) == ["fp32"]
    assert (bundle.recognizer.preferred, bundle.manifest.engines, bundle.manifest.name) == ({}, [], "again")
    files = sorted(path.name for path in root.rglob("*") if path.is_file())
    assert files == ["bundle.json", "canary.png", "recognizer.onnx"]


def with_more(root: Path) -> None:
    """Add a file in int8, and an engine of each precision; here only their names matter."""
    bundle = Bundle.open(root)
    spec, shape = bundle.recognizer, ShapeRange(min=(1,), opt=(1,), max=(1,))
    with staged(root) as folder:
        paths = [folder / name for name in ("recognizer.int8.onnx", "recognizer.fp32.engine", "recognizer.int8.engine")]
        for path in paths:
            path.write_text(path.name)
        int8, *plans = (
            FileEntry(path=each.name, sha256=file_sha256(each), bytes=each.stat().st_size) for each in paths
        )
        files = {**spec.files, "int8": int8}
        engines = [
            Passport(
                file=plan,
                kind="recognizer",
                precision=precision,
                flavour="tensorrt",
                version="10.3.0",
                targets=["sm86"],
                onnx_sha256=files[precision].sha256,
                profile={"crops": shape},
            )
            for plan, precision in zip(plans, ("fp32", "int8"), strict=True)
        ]
        changed = replace(spec, files=files, preferred={"cpu": "int8"})
        commit(root, replace(bundle.manifest, recognizer=changed, engines=engines), paths)


def test_a_canary_that_cannot_be_drawn_leaves_the_bundle_as_it_was(
    make_recognizer: Maker, save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "bundle"
    checkpoint = save(make_recognizer("None-VGG-None-CTC", num_classes=11, width=0.1))
    export_recognizer(checkpoint, Target(root), charset="digits")
    with_more(root)
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}

    def broken(*_: object) -> None:
        raise BackendError("no memory left")

    monkeypatch.setattr(edgereader.export.pipeline, "draw_canary", broken)
    with pytest.raises(BackendError):
        export_recognizer(checkpoint, Target(root, name="other"), charset="digits")
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_failed_parity_leaves_nothing(
    make_recognizer: Maker, save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(make_recognizer("None-VGG-None-CTC", num_classes=11, width=0.1))
    monkeypatch.setattr(edgereader.export.parity, "LARGEST", 1e-12)
    with pytest.raises(ParityError):
        export_recognizer(path, Target(tmp_path / "bundle"), charset="digits")
    assert [item.name for item in tmp_path.iterdir()] == ["checkpoint.pt"]
    monkeypatch.undo()
    export_recognizer(path, Target(tmp_path / "bundle"), charset="digits")
    before = {item.name: item.read_bytes() for item in (tmp_path / "bundle").iterdir()}
    monkeypatch.setattr(edgereader.export.parity, "LARGEST", 1e-12)
    with pytest.raises(ParityError):
        export_recognizer(path, Target(tmp_path / "bundle", name="other"), charset="digits")
    assert {item.name: item.read_bytes() for item in (tmp_path / "bundle").iterdir()} == before


@pytest.mark.parametrize(
    "sides",
    [
        *({"long_side_px": side} for side in (32, 63, 8193)),
        *({"coarse_side_px": side} for side in (32, 400, 1280)),
    ],
)
def test_sides_that_no_canvas_has_are_refused_before_anything_is_read(tmp_path: Path, sides: dict[str, int]) -> None:
    with pytest.raises(BundleError, match="_side_px: expected"):
        export_detector(tmp_path / "absent.pth", Target(tmp_path / "bundle"), **sides)
    assert not (tmp_path / "bundle").exists()


def test_what_cannot_be_extended_is_refused_and_untouched(thin_craft: CRAFT, save: Save, tmp_path: Path) -> None:
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
