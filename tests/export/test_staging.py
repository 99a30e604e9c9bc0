"""A bundle is changed whole or not at all: killed or refused at any step, it is the old one or the new one."""

import errno
import os
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from edgereader.export.staging import commit, entries, entry_of, place, staged, writing
from edgereader.runtime.bundles.bundle import Bundle, file_sha256
from edgereader.runtime.bundles.manifest import DetectorSpec, Manifest, RecognizerSpec, ShapeRange
from edgereader.runtime.errors import BundleError, BundleNotFound, ExportError

from .bundles import passport_of

KILLED = 9
STEPS = ("os.rename", "os.remove", "os.mkdir", "open")
"""What changes a folder, as Python's audit hooks call it: `Path.replace` and `unlink` are among them."""


def written(folder, name, text):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text)
    return path


def manifest_of(name, files):
    """A manifest with these files: "detector fp32", "recognizer fp32", "engine"."""
    detector = {what.split()[1]: entry_of(path) for what, path in files.items() if what.startswith("detector")}
    recognizer = {what.split()[1]: entry_of(path) for what, path in files.items() if what.startswith("recognizer")}
    shape = ShapeRange(min=(1, 32), opt=(1, 32), max=(1, 64))
    passports = [
        passport_of(entry_of(path), "detector", "fp32", detector["fp32"].sha256, image=shape)
        for what, path in files.items()
        if what == "engine"
    ]
    return Manifest(
        schema=1,
        name=name,
        licence="MIT",
        detector=DetectorSpec(architecture="CRAFT", width=1.0, files=detector, parity={}),
        recognizer=RecognizerSpec(
            stages="None-VGG-None-CTC",
            charset="01",
            image_hw=(32, 100),
            channels=1,
            width=1.0,
            max_length=5,
            keep_ratio=False,
            files=recognizer,
            parity={},
        ),
        engines=passports,
    )


OLD = {
    "detector fp32": ("detector.onnx", "old detector"),
    "detector int8": ("detector.int8.onnx", "old int8"),
    "recognizer fp32": ("recognizer.onnx", "recognizer"),
    "engine": ("detector.engine", "old plan"),
}
NEW = {**OLD, "detector fp32": ("detector.onnx", "new detector"), "engine": ("detector.engine", "new plan")}
del NEW["detector int8"]
NEW_FILES = "bundle.json", "detector.onnx", "engines/detector.engine", "recognizer.onnx"


def make(root, files, name, changed):
    """Commit these files; those that have not changed lie in the bundle already."""
    with staged(root) as folder:
        paths = {
            what: written(folder, file, text) if what in changed else place(root, file)
            for what, (file, text) in files.items()
        }
        commit(root, manifest_of(name, paths), [paths[what] for what in files if what in changed])


def old_bundle(root):
    make(root, OLD, "old", set(OLD))


def change(root):
    make(root, NEW, "new", {"detector fp32", "engine"})


def state(root):
    """Name of a bundle, and what is in each file that its manifest names, all found to be what it says."""
    manifest = Bundle.open(root).manifest
    for entry in entries(manifest):
        assert file_sha256(place(root, entry.path)) == entry.sha256
    contents = {
        f"detector {precision}": file.path for precision, file in manifest.detector.files.items() if manifest.detector
    } | {"recognizer fp32": manifest.recognizer.files["fp32"].path, "engine": manifest.engines[0].file.path}
    return manifest.name, {what: place(root, path).read_text() for what, path in contents.items()}


def expected(name, files):
    return name, {what: text for what, (_, text) in files.items()}


def names(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def killed_at(step, root):
    """Change a bundle in a process that ends itself before its so-manieth change of a folder; whether it came to it."""
    left = step

    def end(event, arguments):
        nonlocal left
        if event in STEPS and (event != "open" or (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR)):
            left -= 1
            if left < 0:
                os._exit(KILLED)

    child = os.fork()
    if child == 0:
        sys.addaudithook(end)
        code = 1
        try:
            change(root)
            code = 0
        finally:  # nothing of pytest may run in the child
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, KILLED)
    return code == KILLED


def test_killed_at_every_step_it_is_the_old_bundle_or_the_new_one(tmp_path):
    seen = []
    for step in range(100):
        root = tmp_path / f"bundle-{step}"
        old_bundle(root)
        killed = killed_at(step, root)
        seen.append(state(root))
        change(root)
        assert state(root) == expected("new", NEW), "it can be changed after it"
        left = [name for name in names(root) if not any(part.startswith(".") for part in Path(name).parts)]
        assert set(left) - {"detector.int8.onnx"} == set(NEW_FILES)
        if not killed:
            break
    old, new = expected("old", OLD), expected("new", NEW)
    turn = seen.index(new)
    assert turn >= 5
    assert len(seen) - turn >= 5
    assert seen == [old] * turn + [new] * (len(seen) - turn)


def test_what_is_no_longer_named_goes_and_what_others_put_there_stays(tmp_path):
    root = tmp_path / "bundle"
    old_bundle(root)
    written(root, "notes.txt", "mine")
    written(root, "other.onnx", "mine too")
    change(root)
    assert names(root) == [
        "bundle.json",
        "detector.onnx",
        "engines/detector.engine",
        "notes.txt",
        "other.onnx",
        "recognizer.onnx",
    ]
    assert not list(root.glob(".*"))


@pytest.mark.parametrize("step", range(6))
def test_a_disk_that_is_full_leaves_the_bundle_as_it_was(tmp_path, monkeypatch, step):
    root = tmp_path / "bundle"
    old_bundle(root)
    before = {name: (root / name).read_bytes() for name in names(root)}
    rename, left = os.replace, iter(range(100))

    def full(*arguments, **options):
        if next(left) == step:
            raise OSError(errno.ENOSPC, "No space left on device")
        rename(*arguments, **options)

    monkeypatch.setattr(os, "replace", full)
    if step < 3:  # the two files, and the manifest
        with pytest.raises(ExportError, match=r"expected to write it, got: No space left on device; make room"):
            change(root)
        assert {name: (root / name).read_bytes() for name in names(root)} == before
    else:
        change(root)
        assert state(root) == expected("new", NEW), "the bundle was changed; only its names are not yet their own"
    monkeypatch.undo()
    change(root)
    assert set(names(root)) - {"detector.int8.onnx"} == set(NEW_FILES)


def test_a_manifest_that_cannot_be_read_again_changes_nothing(tmp_path):
    root = tmp_path / "bundle"
    with staged(root) as folder, pytest.raises(BundleError):
        paths = {what: written(folder, file, text) for what, (file, text) in OLD.items()}
        commit(root, replace(manifest_of("old", paths), name=""), paths.values())
    assert not root.exists()
    old_bundle(root)
    with pytest.raises(BundleError):
        make(root, NEW, "", {"detector fp32"})
    assert state(root) == expected("old", OLD)


def test_the_same_file_again_is_left_where_it_is(tmp_path):
    root = tmp_path / "bundle"
    old_bundle(root)
    before = {name: (root / name).stat().st_ino for name in names(root)}
    old_bundle(root)
    after = {name: (root / name).stat().st_ino for name in names(root)}
    assert before.keys() == after.keys()
    assert {name for name in before if before[name] != after[name]} == {"bundle.json"}


def reasons():
    yield OSError(errno.ENOSPC, "No space left on device"), "No space left on device; make room"
    yield OSError(errno.EACCES, "Permission denied"), "Permission denied; make it writable"
    yield OSError(errno.EROFS, "Read-only file system"), "Read-only file system; make it writable"
    yield OSError(errno.EXDEV, "Invalid cross-device link"), "Invalid cross-device link; take another folder"
    yield OSError("odd"), "odd; take another folder"


@pytest.mark.parametrize(("error", "told"), list(reasons()))
def test_what_helps_depends_on_what_is_wrong(error, told):
    with pytest.raises(ExportError, match=told), writing(Path("bundle")):
        raise error


def test_our_own_errors_stay_what_they_are(tmp_path):
    with pytest.raises(BundleNotFound, match="no bundle"), writing(Path("bundle")):
        Bundle.open(tmp_path)


def test_an_error_of_the_body_is_not_said_to_be_the_folders(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.png"), staged(tmp_path / "new" / "bundle"):
        (tmp_path / "gone.png").read_bytes()
    assert not list(tmp_path.iterdir())


def test_it_is_staged_inside_a_bundle_that_is_there(tmp_path):
    """Its folder may be the root of another disk, onto which nothing beside it could be moved."""
    with staged(tmp_path) as folder:
        assert folder.parent == tmp_path
    assert not list(tmp_path.iterdir())
