"""EasyOCR's published weights for English, CRAFT and english_g2, as one bundle."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from ..models.checkpoints.training_options import EASYOCR_LINE_HW, EASYOCR_WIDTHS_PX
from ..runtime.bundles.bundle import Bundle, file_sha256
from ..runtime.errors import CheckpointError
from ..runtime.extras import pip_install
from .card import renew_card
from .pipeline import (
    AnyPath,
    Exported,
    Say,
    Target,
    as_target,
    expect_extendable,
    export_detector,
    export_recognizer,
    origin,
)
from .staging import commit, entries, staged

CRAFT, ENGLISH = "craft_mlt_25k.pth", "english_g2.pth"
SHA256 = {
    CRAFT: "4a5efbfb48b4081100544e75e1e2b57f8de3d84f213004b14b85fd4b3748db17",
    ENGLISH: "e2272681d9d67a04e2dff396b6e95077bc19001f8f6d3593c307b9852e1c29e8",
}
"""File -> checksum of the one that EasyOCR 1.7.2 downloads."""
PACKAGE = "easyocr_en_models"
"""What the extra `published` installs; its folder `models` has the files."""
LICENCE = "MIT (CRAFT, craft_mlt_25k: NAVER Corp.) and Apache-2.0 (EasyOCR, english_g2: Jaided AI)"


def export_published(target: Target | AnyPath, weights: Path | None = None, *, say: Say = print) -> list[Exported]:
    """Export CRAFT and english_g2 into one bundle, which is written when both equal their networks.

    `weights`: a folder with both files; None = the package `PACKAGE`. A bundle that is already there is replaced whole.
    The detector comes first in what is returned.

    Raises:
        CheckpointError: a file is not there, or is another one.
        BundleError, ExportError, ParityError: see `export_detector`; nothing was written.
    """
    target, folder = as_target(target), weights or installed()
    for name, sha256 in SHA256.items():
        say(f"checking {folder / name}")
        expect_published(folder / name, sha256)
    expect_extendable(target.bundle)
    with staged(target.bundle) as made:
        inner = Target(made / "bundle", target.name or target.bundle.absolute().name, target.licence or LICENCE)
        exported = [
            export_detector(folder / CRAFT, inner, as_easyocr=True, say=say),
            export_recognizer(
                folder / ENGLISH,
                inner,
                charset="easyocr-english",
                image_hw=(EASYOCR_LINE_HW[0], EASYOCR_WIDTHS_PX[-1]),
                widths=EASYOCR_WIDTHS_PX,
                keep_ratio=True,
                stretch=1.0,
                even_contrast=False,
                say=say,
            ),
        ]
        manifest = Bundle.open(inner.bundle).manifest
        commit(target.bundle.absolute(), manifest, [inner.bundle / entry.path for entry in entries(manifest)])
    renew_card(target.bundle, {"detector": origin(folder / CRAFT), "recognizer": origin(folder / ENGLISH)})
    return [Exported(target.bundle / model.path.name, model.parity) for model in exported]


def installed() -> Path:
    """Return the folder of the package that the extra `published` installs. Raise CheckpointError."""
    found = find_spec(PACKAGE)  # which does not run it
    if found is None or found.origin is None:
        raise CheckpointError(
            f"expected EasyOCR's published weights, got no package {PACKAGE}; {pip_install('published')}, "
            f"or give --weights FOLDER with {CRAFT} and {ENGLISH} (EasyOCR's own: ~/.EasyOCR/model)"
        )
    return Path(found.origin).parent / "models"


def expect_published(path: Path, sha256: str) -> None:
    """Raise CheckpointError if a file is not the published one."""
    if not path.is_file():
        raise CheckpointError(f"{path}: expected EasyOCR's published weights, got no file; give --weights its folder")
    got = file_sha256(path)
    if got != sha256:
        raise CheckpointError(
            f"{path}: expected EasyOCR's published weights (SHA-256 {sha256}), got a file of SHA-256 {got}; "
            "download it again, or export weights of your own with `edgereader export detector` and `recognizer`"
        )
