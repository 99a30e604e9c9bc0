import cv2
import numpy as np
import pytest
from msgspec.structs import replace

from edgereader.runtime.bundles.bundle import Bundle, file_sha256
from edgereader.runtime.bundles.manifest import FileEntry
from edgereader.runtime.errors import BackendError, BundleError
from edgereader.runtime.sessions.canary import MAP_TOLERANCE, as_picture, maps_of, prove, text_of
from edgereader.runtime.sessions.opening import open_session


class Altered:
    """A session whose outputs are changed after every run, as a broken backend's are."""

    def __init__(self, session, change):
        self._session, self._change = session, change
        self.backend, self.output_shape = "stand-in", session.output_shape

    def bind(self, shapes, *, batched):
        binding = self._session.bind(shapes, batched=batched)
        run = binding.run

        def changed(batch):
            run(batch)
            self._change(binding.outputs)

        binding.run = changed
        return binding


@pytest.fixture
def bundle(canary_folder):
    return Bundle.open(canary_folder)


def altered(bundle, kind, change):
    return prove(Altered(open_session(bundle, kind, "cpu"), change), bundle, kind)


def set_to(value):
    def change(outputs):
        for array in outputs.values():
            array[...] = value

    return change


def swap(outputs):
    outputs["region"][...], outputs["affinity"][...] = outputs["affinity"].copy(), outputs["region"].copy()


def noise(share):
    def change(outputs):
        sign = np.where(np.indices(outputs["region"].shape).sum(0) % 2, 1, -1)
        for name in ("region", "affinity"):
            outputs[name][...] *= 1 + share * sign

    return change


def test_what_is_right_is_said(bundle):
    assert altered(bundle, "detector", lambda _: None) == f"maps 0.0% off, {MAP_TOLERANCE:.0%} allowed"
    text = bundle.manifest.canary.text
    assert text
    assert altered(bundle, "recognizer", lambda _: None) == f"reads {text!r}"


def test_rounding_and_int8_are_let_through(bundle):
    altered(bundle, "detector", lambda outputs: [np.copyto(a, a.astype(np.float16)) for a in outputs.values()])
    altered(bundle, "detector", noise(0.5 * MAP_TOLERANCE))
    with pytest.raises(BackendError, match=r"maps at most 4% off .* got (5|6|7)%"):
        altered(bundle, "detector", noise(1.5 * MAP_TOLERANCE))


@pytest.mark.parametrize("change", [set_to(0), set_to(np.nan), set_to(np.inf), set_to(-np.inf), set_to(1), swap])
def test_a_detector_that_computes_something_else(bundle, change):
    with pytest.raises(BackendError, match=r"stand-in: expected maps .*verify --backend stand-in` says where, and cpu"):
        altered(bundle, "detector", change)


def test_a_few_numbers_that_overflowed(bundle):
    def overflow(outputs):
        outputs["region"][:, ::3, ::3] = np.nan

    with pytest.raises(BackendError, match="expected maps"):
        altered(bundle, "detector", overflow)


@pytest.mark.parametrize("value", [0, np.nan, -np.inf])
def test_a_recognizer_that_computes_something_else(bundle, value):
    def change(outputs):
        outputs["log_probs"][...] = value

    with pytest.raises(BackendError, match=f"stand-in: expected to read {bundle.manifest.canary.text!r}"):
        altered(bundle, "recognizer", change)


def test_another_picture_has_other_maps(bundle):
    session = open_session(bundle, "detector", "cpu")
    picture = cv2.imread(str(bundle.root / "canary.png"))
    for other in (picture[..., ::-1], 255 - picture, np.zeros_like(picture)):
        maps = maps_of(session, np.ascontiguousarray(other))
        with pytest.raises(BackendError, match="expected maps"):
            altered(bundle, "detector", lambda outputs, maps=maps: np.copyto(outputs["region"][0], maps[0]))


def test_a_canary_is_needed_and_whole(bundle, bundle_folder):
    session = open_session(bundle, "detector", "cpu")
    with pytest.raises(BundleError, match="got none; `edgereader export canary BUNDLE` writes one"):
        prove(session, Bundle.open(bundle_folder), "detector")
    canary = bundle.manifest.canary
    for kind, lacking in (("detector", {"maps": None}), ("recognizer", {"text": None})):
        partial = Bundle(bundle.root, replace(bundle.manifest, canary=replace(canary, **lacking)))
        with pytest.raises(BundleError, match="got none; `edgereader export canary"):
            prove(open_session(bundle, kind, "cpu"), partial, kind)


def test_an_altered_canary_is_refused(bundle):
    session, canary = open_session(bundle, "detector", "cpu"), bundle.manifest.canary
    swapped = replace(canary, maps=replace(canary.maps, path=canary.image.path))
    with pytest.raises(BundleError, match="expected"):
        prove(session, Bundle(bundle.root, replace(bundle.manifest, canary=swapped)), "detector")
    path = bundle.root / "bundle.json"
    entry = FileEntry(path=path.name, sha256=file_sha256(path), bytes=path.stat().st_size)
    no_png = replace(canary, maps=entry)
    with pytest.raises(BundleError, match="expected a PNG, got something else"):
        prove(session, Bundle(bundle.root, replace(bundle.manifest, canary=no_png)), "detector")
    other_size = replace(canary, maps=canary.image)
    with pytest.raises(BackendError, match="got inf%"):
        prove(session, Bundle(bundle.root, replace(bundle.manifest, canary=other_size)), "detector")


def test_maps_as_a_picture():
    maps = np.array([[[0, 0.5, 1.2]], [[-1, np.nan, 1]]], np.float32)
    assert as_picture(maps).tolist() == [[[0, 0, 0], [128, 255, 0], [255, 255, 0]]]


def test_a_recognizer_reads_the_part_it_is_given(bundle):
    from ..graphs import grey_of

    frame = np.zeros((64, 128, 3), np.uint8)
    frame[10:50, 20:100] = grey_of("7")
    session = open_session(bundle, "recognizer", "cpu")
    assert text_of(session, bundle.recognizer, frame, (30, 15, 50, 20)) == "7"
    assert text_of(session, bundle.recognizer, frame, (100, 0, 20, 10)) == ""


def test_the_canary_is_read_at_the_width_of_its_crop(make_bundle):
    from edgereader.export.canary import write_canary

    folder = make_bundle(widths=(32, 64, 128, 512), detector=False)
    canary = write_canary(folder)
    *_, width, height = canary.crop_xywh
    session, shapes = open_session(Bundle.open(folder), "recognizer", "cpu"), []
    bind = session.bind
    session.bind = lambda wanted, batched: shapes.append(wanted["crops"]) or bind(wanted, batched=batched)
    assert prove(session, Bundle.open(folder), "recognizer") == f"reads {canary.text!r}"
    assert shapes == [(1, 32, next(side for side in (32, 64, 128, 512) if side >= round(32 * width / height)), 1)]
