import json
import os
import shutil
from hashlib import sha256
from types import SimpleNamespace

import msgspec
import onnx
import pytest

from edgereader.runtime.bundles.bundle import Bundle, write_bundle
from edgereader.runtime.bundles.manifest import DetectorSpec, FileEntry, Manifest
from edgereader.runtime.errors import BundleError, BundleNotFound
from edgereader.runtime.sessions.onnx_runtime import OnnxRuntimeSession


@pytest.fixture
def folder(bundle_folder, tmp_path):
    return shutil.copytree(bundle_folder, tmp_path / "bundle")


def change(folder, *path, value):
    manifest = json.loads((folder / "bundle.json").read_text())
    *parents, last = path
    node = manifest
    for each in parents:
        node = node[each]
    node[last] = value
    (folder / "bundle.json").write_text(json.dumps(manifest))


def assert_one_helpful_line(error):
    assert "\n" not in str(error)
    assert "expected" in str(error)
    assert ";" in str(error), "the fix follows a semicolon"


def test_written_bundles_are_read_back(folder):
    bundle = Bundle.open(folder)
    assert bundle.root == folder
    assert bundle.file("detector") == folder / "detector.onnx"
    assert bundle.file("recognizer", "fp32") == folder / "recognizer.onnx"
    assert bundle.manifest.detector.thresholds.text == 0.7
    write_bundle(folder, msgspec.structs.replace(bundle.manifest, name="other"))
    assert Bundle.open(str(folder)).manifest.name == "other"
    assert sorted(each.name for each in folder.iterdir()) == ["bundle.json", "detector.onnx", "recognizer.onnx"]


def test_a_manifest_that_could_not_be_opened_is_not_written(tmp_path):
    spec = DetectorSpec(architecture="CRAFT", width=-1, files={}, parity={})
    with pytest.raises(BundleError):
        write_bundle(tmp_path / "new", Manifest(schema=1, name="bad", licence="", detector=spec))
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["no-such-bundle", "../x", "", "a\0b"])
def test_a_missing_bundle(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BundleNotFound) as caught:
        Bundle.open(name)
    assert_one_helpful_line(caught.value)


def test_a_folder_without_manifest_and_a_file(tmp_path):
    (tmp_path / "file").write_text("x")
    for path in (tmp_path, tmp_path / "file"):
        with pytest.raises(BundleNotFound):
            Bundle.open(path)


WRONG = [
    (("schema",), 2),
    (("schema",), "1"),
    (("name",), ""),
    (("extra",), 1),
    (("detector", "extra"), 1),
    (("detector", "architecture"), "DB"),
    (("detector", "width"), 0),
    (("detector", "thresholds", "text"), 1.5),
    (("detector", "files", "fp32", "sha256"), "0"),
    (("detector", "files", "fp32", "bytes"), -1),
    (("detector", "files", "fp32", "bytes"), 1 << 40),
    (("detector", "files", "fp32", "path"), "../detector.onnx"),
    (("detector", "files", "fp32", "path"), "/etc/passwd"),
    (("detector", "files", "fp32", "path"), "sub/detector.onnx"),
    (("detector", "files", "fp32", "path"), "..\\detector.onnx"),
    (("detector", "files", "fp32", "path"), ".."),
    (("detector", "files", "fp32", "path"), "detector.onnx\n"),
    (("recognizer", "channels"), 4),
    (("recognizer", "charset"), ""),
    (("recognizer", "image_hw"), [32]),
    (("recognizer", "image_hw"), [32, 1 << 20]),
    (("recognizer", "max_length"), 0),
    (("recognizer", "stages"), "TPS-VGG-LSTM-CTC"),
    (("recognizer", "keep_ratio"), "yes"),
    (("recognizer", "widths"), [64, 96]),
    (("recognizer", "widths"), [96, 64, 100]),
    (("recognizer", "widths"), [64, 64, 100]),
    (("recognizer", "widths"), [62, 100]),
    (("recognizer", "widths"), [4, 100]),
    (("recognizer", "widths"), 100),
    (("recognizer", "widths"), [*range(8, 100, 4), 100]),
    (("recognizer", "temperature"), 0),
    (("recognizer", "temperature"), -1.5),
    (("recognizer", "temperature"), None),
]


@pytest.mark.parametrize(("path", "value"), WRONG, ids=str)
def test_wrong_manifests_are_refused(folder, path, value):
    change(folder, *path, value=value)
    with pytest.raises(BundleError) as caught:
        Bundle.open(folder)
    assert_one_helpful_line(caught.value)
    assert "bundle.json" in str(caught.value)


def test_several_widths_need_crops_that_keep_their_ratio_and_no_tps(folder):
    change(folder, "recognizer", "widths", value=[64, 100])
    spec = Bundle.open(folder).recognizer
    assert (spec.crop_widths, spec.usual_hw, spec.steps(64)) == ((64, 100), (32, 100), 15)
    assert [spec.width_for(columns) for columns in (1, 64, 65, 100, 5000)] == [64, 64, 100, 100, 100]
    for changed in ({"keep_ratio": False}, {"stages": "TPS-VGG-None-CTC"}):
        for key, value in changed.items():
            change(folder, "recognizer", key, value=value)
        with pytest.raises(BundleError, match="expected widths only with keep_ratio and without TPS") as caught:
            Bundle.open(folder)
        assert_one_helpful_line(caught.value)
        change(folder, "recognizer", "keep_ratio", value=True)


@pytest.mark.parametrize("contents", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"null", b" " * (2 << 20)])
def test_manifests_that_are_none(folder, contents):
    (folder / "bundle.json").write_bytes(contents)
    with pytest.raises(BundleError) as caught:
        Bundle.open(folder)
    assert_one_helpful_line(caught.value)


def test_a_bundle_without_any_network(folder):
    change(folder, "detector", value=None)
    assert Bundle.open(folder).manifest.detector is None
    change(folder, "recognizer", value=None)
    with pytest.raises(BundleError):
        Bundle.open(folder)


def test_a_newer_schema_says_update(folder):
    change(folder, "schema", value=99)
    change(folder, "invented", value=1)
    with pytest.raises(BundleError, match="update edgereader"):
        Bundle.open(folder)


def damage_one_byte(path):
    contents = bytearray(path.read_bytes())
    contents[len(contents) // 2] ^= 1
    path.write_bytes(contents)


def replace_by_folder(path):
    path.unlink()
    path.mkdir()


def replace_by_link_outside(path):
    outside = path.parent.parent / "outside.onnx"
    path.rename(outside)
    path.symlink_to(outside)


def replace_by_pipe(path):
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    "damage",
    [
        damage_one_byte,
        replace_by_folder,
        replace_by_link_outside,
        replace_by_pipe,
        lambda path: path.unlink(),
        lambda path: path.write_bytes(path.read_bytes() + b"x"),
        lambda path: path.write_bytes(b""),
    ],
)
def test_files_that_are_not_the_manifests(folder, damage):
    damage(folder / "detector.onnx")
    bundle = Bundle.open(folder)
    with pytest.raises(BundleError) as caught:
        bundle.file("detector")
    assert_one_helpful_line(caught.value)
    assert bundle.file("recognizer").is_file(), "the other file is as good as before"


def test_a_bundle_may_itself_be_a_link(folder, tmp_path):
    (tmp_path / "link").symlink_to(folder)
    assert Bundle.open(tmp_path / "link").file("detector").is_file()


def test_a_network_or_precision_that_is_not_there(folder):
    with pytest.raises(BundleError, match="int8.*fp32"):
        Bundle.open(folder).file("detector", "int8")
    change(folder, "detector", value=None)
    with pytest.raises(BundleError, match="edgereader export detector"):
        Bundle.open(folder).file("detector")


OUTSIDE = {"key": "location", "value": "weights.bin"}


def tensor_outside():
    found = onnx.TensorProto(name="weights", data_type=onnx.TensorProto.FLOAT, dims=[1])
    found.data_location = onnx.TensorProto.EXTERNAL
    found.external_data.add(**OUTSIDE)
    return found


def graph_of(*nodes, **parts):
    return onnx.helper.make_model(onnx.helper.make_graph(list(nodes), "graph", [], [], **parts))


def constant(tensor):
    return onnx.helper.make_node("Constant", [], ["weights"], value=tensor)


def of_a_function():
    model = graph_of()
    imports = [onnx.helper.make_opsetid("", 18)]
    model.functions.append(onnx.helper.make_function("own", "own", [], ["y"], [constant(tensor_outside())], imports))
    return model


def in_an_inner_graph():
    inner = onnx.helper.make_graph([constant(tensor_outside())], "inner", [], [])
    return graph_of(onnx.helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner))


def sparse():
    return graph_of(sparse_initializer=[onnx.helper.make_sparse_tensor(tensor_outside(), index(), [4])])


def index():
    return onnx.helper.make_tensor("index", onnx.TensorProto.INT64, [1], [0])


def padded():
    """Lengths of a byte more than they need, which protobuf reads as well."""
    entry = b"\x0a\x88\x00location" + b"\x12\x0bweights.bin"
    tensor = b"\x08\x01" + b"\x10\x01" + b"\x6a" + bytes([len(entry)]) + entry + b"\x70\x01"
    graph = b"\x2a" + bytes([len(tensor)]) + tensor
    contents = b"\x08\x08" + b"\x3a" + bytes([len(graph)]) + graph
    (read,) = onnx.load_from_string(contents).graph.initializer
    assert read.external_data[0].key == "location"
    return contents


READING_OTHERS = {
    "external weights": lambda: graph_of(initializer=[tensor_outside()]),
    "an external constant": lambda: graph_of(constant(tensor_outside())),
    "in an inner graph": in_an_inner_graph,
    "in a function": of_a_function,
    "sparse": sparse,
    "padded": padded,
    "an engine in a file": lambda: graph_of(onnx.helper.make_node("EPContext", [], ["y"], domain="com.microsoft")),
    "another format": lambda: b"\x20\0\0\0ORTM" + bytes(64),
}


def replace_graph(folder, model):
    """Put a model into a bundle, which vouches for it."""
    contents = model if isinstance(model, bytes) else model.SerializeToString()
    (folder / "detector.onnx").write_bytes(contents)
    change(folder, "detector", "files", "fp32", "bytes", value=len(contents))
    change(folder, "detector", "files", "fp32", "sha256", value=sha256(contents).hexdigest())


@pytest.mark.parametrize("name", READING_OTHERS)
def test_graphs_that_read_other_files_are_refused(folder, name):
    replace_graph(folder, READING_OTHERS[name]())
    (folder / "weights.bin").write_bytes(bytes(4))
    with pytest.raises(BundleError, match="self-contained") as caught:
        Bundle.open(folder).read("detector")
    assert_one_helpful_line(caught.value)


def test_names_that_only_look_so_are_none(folder):
    names = [f"{name}/EPContextual" for name in ("allocation", "location_head", "my location")]
    replace_graph(folder, graph_of(*(onnx.helper.make_node("Relu", ["x"], ["y"], name=name) for name in names)))
    assert Bundle.open(folder).read("detector").contents


def test_the_folder_of_engines_does_not_lead_out_of_the_bundle(folder, tmp_path):
    plan = b"not a plan"
    entry = FileEntry(path="a.engine", sha256=sha256(plan).hexdigest(), bytes=len(plan))
    passport = SimpleNamespace(file=entry)
    (folder / "engines").mkdir()
    (folder / "engines" / "a.engine").write_bytes(plan)
    assert Bundle.open(folder).engine(passport).contents == plan
    (folder / "engines").rename(tmp_path / "elsewhere")
    (folder / "engines").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BundleError, match="expected a file inside the bundle") as caught:
        Bundle.open(folder).engine(passport)
    assert_one_helpful_line(caught.value)
    (folder / "engines").unlink()
    (folder / "engines").mkdir()
    (folder / "engines" / "a.engine").symlink_to(tmp_path / "elsewhere" / "a.engine")
    with pytest.raises(BundleError, match="expected a file inside the bundle"):
        Bundle.open(folder).engine(passport)


def test_what_was_checked_is_what_runs(folder):
    bundle = Bundle.open(folder)
    graph = bundle.read("recognizer")
    (folder / "recognizer.onnx").write_bytes(b"something else")
    assert OnnxRuntimeSession(graph).output_shape("log_probs")
    with pytest.raises(BundleError):
        bundle.read("recognizer")
