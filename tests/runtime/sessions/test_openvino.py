import os
import re
import sys

import cv2
import numpy as np
import pytest

from edgereader.runtime import Reader
from edgereader.runtime.bundles.bundle import Bundle, Checked, shipped
from edgereader.runtime.errors import BackendError, BackendUnavailable
from edgereader.runtime.extras import pip_install
from edgereader.runtime.sessions.binding import bind_canvases, bind_crops
from edgereader.runtime.sessions.opening import open_session, open_unproven
from edgereader.runtime.sessions.openvino import OpenVinoSession

from ..graphs import CHARSET

SHAPES = {"image": (3, 64, 96, 3), "region": (3, 32, 48), "affinity": (3, 32, 48)}


@pytest.fixture
def session(bundle_folder):
    return open_unproven(Bundle.open(bundle_folder), "detector", "openvino", "fp32", 1)


def test_buffers_are_written_and_read_in_place(session):
    assert (session.backend, session.precision, session.limits("image")) == ("openvino", "fp32", None)
    assert session.output_shape("region") == (None, None, None)
    binding = session.bind(SHAPES, batched=tuple(SHAPES))
    image, region = binding.inputs["image"], binding.outputs["region"]
    for level in (255, 51):
        image[..., 2] = level
        binding.run(3)
        assert binding.outputs["region"] is region
        assert np.allclose(region, level / 255)


def test_only_so_many_rows_run_as_a_power_of_two_holds(session):
    binding = session.bind({name: (8, *shape[1:]) for name, shape in SHAPES.items()}, batched=tuple(SHAPES))
    binding.inputs["image"][...] = 255
    binding.outputs["region"][...] = -1
    binding.run(3)
    assert binding.outputs["region"][:, 0, 0].tolist() == [1] * 4 + [-1] * 4
    binding.run(4)
    assert session.compiled.cache_info().currsize == 1, "compiled once for three and for four"


def test_inputs_without_a_batch_axis_stay_whole(bundle_folder):
    bundle = Bundle.open(bundle_folder)
    session = open_unproven(bundle, "recognizer", "openvino", "fp32", 1)
    classes = len(CHARSET) + 1
    binding = bind_crops(session, bundle.recognizer, (4, *bundle.recognizer.image_hw, 1))
    binding.inputs["crops"][...] = 255
    binding.run(2)
    assert binding.outputs["symbols"][:2, 0].tolist() == [classes - 1] * 2
    binding.inputs["allowed"][-1] = -1e4
    binding.run(2)
    assert binding.outputs["symbols"][:2, 0].tolist() == [classes - 2] * 2


def test_each_canvas_of_the_shipped_int8_detector_is_seen_as_by_onnx_runtime():
    """With open heights and widths, maps are off by 0.95 (OpenVINO 2026.4)."""
    bundle = Bundle.open("digits-edge")
    photo = cv2.imread(str(shipped("samples") / "bib.jpg"))
    sessions = [open_unproven(bundle, "detector", backend, "int8", 1) for backend in ("cpu", "openvino")]
    for height, width in ((128, 192), (192, 128)):
        seen = []
        for session in sessions:
            binding = bind_canvases(session, (1, height, width, 3))
            cv2.resize(photo, (width, height), binding.inputs["image"][0], interpolation=cv2.INTER_AREA)
            binding.run(1)
            seen.append(binding.outputs["region"].copy())
        assert seen[0].max() > 0.5
        assert np.abs(seen[0] - seen[1]).max() < 0.2


def test_the_sample_is_read_by_the_shipped_bundle_after_its_canary():
    reader = Reader("digits-edge", "openvino", threads=1, long_side_px=384)
    assert {kind: (session.backend, session.precision) for kind, session in reader.sessions.items()} == {
        "detector": ("openvino", "int8"),
        "recognizer": ("openvino", "int8"),
    }
    photo = cv2.imread(str(shipped("samples") / "bib.jpg"))
    assert [reading.text for reading in reader.read(photo)] == ["1573"]


def test_names_and_shapes_that_are_not_the_graphs(session):
    with pytest.raises(BackendError, match="export it again"):
        session.bind({"image": (1, 64, 64, 3)}, batched=())
    with pytest.raises(BackendError, match="output 'mask'"):
        session.output_shape("mask")
    binding = session.bind({**SHAPES, "region": (3, 5, 5)}, batched=tuple(SHAPES))
    with pytest.raises(BackendError, match="OpenVINO failed"):
        binding.run(3)


def test_a_file_that_is_no_graph(tmp_path):
    with pytest.raises(BackendError, match=r"a\.onnx: expected an ONNX graph") as caught:
        OpenVinoSession(Checked(tmp_path / "a.onnx", b"no graph"))
    assert "\n" not in str(caught.value)


def test_a_forked_process_is_refused(session, monkeypatch):
    binding = session.bind(SHAPES, batched=tuple(SHAPES))
    monkeypatch.setattr(os, "getpid", lambda: 1)
    with pytest.raises(BackendError, match="opened OpenVINO, got 1, forked from it"):
        binding.run(1)


def test_without_openvino_the_fix_is_named(bundle_folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(BackendUnavailable, match=rf"backend openvino .*{re.escape(pip_install('openvino'))}"):
        open_session(Bundle.open(bundle_folder), "detector", "openvino")
