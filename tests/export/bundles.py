"""Bundles to be spoiled, made of the one that ships, and pictures to try them on."""

import shutil

import cv2
import numpy as np
import onnx
from msgspec.structs import replace

from edgereader.export.staging import entry_of
from edgereader.runtime.bundles.bundle import Bundle, shipped, write_bundle
from edgereader.runtime.bundles.manifest import Passport


def shipped_in_fp32(root, *kinds):
    """Copy the shipped bundle with only these models, in fp32 only."""
    shutil.copytree(shipped("digits-edge"), root)
    manifest = Bundle.open(root).manifest
    parts = dict.fromkeys(("detector", "recognizer"))
    for kind in kinds:
        spec = getattr(manifest, kind)
        parts[kind] = replace(spec, files={"fp32": spec.files["fp32"]}, quantized={}, preferred={})
        (root / f"{kind}.int8.onnx").unlink(missing_ok=True)
    write_bundle(root, replace(manifest, **parts))
    return root


def with_graph(root, kind, model, precision):
    """Put a graph into a bundle, with a manifest that vouches for it; return its file."""
    manifest, path = Bundle.open(root).manifest, root / f"{kind}.{precision}.onnx".replace(".fp32", "")
    onnx.save(model, path)
    spec = getattr(manifest, kind)
    files = {**spec.files, precision: entry_of(path)}
    write_bundle(root, replace(manifest, **{kind: replace(spec, files=files)}))
    return path


def draw_numbers(folder, count, height=48, width=150):
    """Draw pictures with a dark number each, all different."""
    folder.mkdir()
    for index in range(count):
        picture = np.full((height, width, 3), 210 - 8 * index, np.uint8)
        at = (8, height - height // 3)
        cv2.putText(picture, str(4071 + 1234 * index), at, cv2.FONT_HERSHEY_SIMPLEX, height / 44, (20, 30, 40), 2)
        cv2.imwrite(str(folder / f"{index:02}.png"), picture)
    return folder


def passport_of(entry, kind, precision, onnx_sha256, **profile):
    """A passport for an engine that is never run; `profile`: input -> its ShapeRange."""
    return Passport(
        file=entry,
        kind=kind,
        precision=precision,
        flavour="tensorrt",
        version="10.3.0",
        targets=["sm86"],
        onnx_sha256=onnx_sha256,
        profile=profile,
    )
