"""Plans for the stand-in of TensorRT, in test bundles, with passports."""

from msgspec.structs import replace

from edgereader.runtime.bundles.bundle import ENGINES_FOLDER, Bundle, file_sha256, write_bundle
from edgereader.runtime.bundles.manifest import FileEntry, Passport, ShapeRange

from . import stand_in

PROFILES = {
    "detector": {"image": ShapeRange(min=(1, 32, 32, 3), opt=(1, 480, 640, 3), max=(4, 1280, 1280, 3))},
    "recognizer": {"crops": ShapeRange(min=(1, 32, 100, 1), opt=(8, 32, 100, 1), max=(32, 32, 100, 1))},
}
VERSIONS = {"tensorrt": "10.3.0", "tensorrt-rtx": "1.7.1.116"}


def add_plan(folder, kind, backend="tensorrt", contents=None, **changes):
    """Write a plan of the fp32 graph into a bundle, with a passport that fits, apart from the changes."""
    bundle = Bundle.open(folder)
    onnx = bundle.file(kind).read_bytes()
    entry = Passport(
        file=FileEntry(path="none", sha256="0" * 64, bytes=1),
        kind=kind,
        precision="fp32",
        flavour=backend,
        version=VERSIONS[backend],
        targets=["sm86"],
        onnx_sha256=file_sha256(bundle.file(kind)),
        profile=PROFILES[kind],
    )
    entry = replace(entry, **changes)
    path = folder / ENGINES_FOLDER / f"{kind}.{entry.precision}.{backend}-{entry.version}.engine"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(stand_in.make_plan(onnx, PROFILES[kind]) if contents is None else contents)
    file = FileEntry(path=path.name, sha256=file_sha256(path), bytes=path.stat().st_size)
    others = [engine for engine in bundle.manifest.engines if engine.file.path != path.name]
    write_bundle(folder, replace(bundle.manifest, engines=[*others, replace(entry, file=file)]))
    return path
