"""What a bundle consists of, as Markdown, for its model card."""

from ..runtime import Bundle
from ..runtime.bundles.manifest import DetectorSpec, Quantized, RecognizerSpec
from .references import megabytes
from .tables import NONE, markdown, percent


def facts(bundle: Bundle) -> str:
    """What the bundle consists of."""
    manifest = bundle.manifest
    columns = [_detector_facts(manifest.detector), _recognizer_facts(manifest.recognizer)]
    names = [key for column in columns for key in column]
    rows = [[name, *(column.get(name, NONE) for column in columns)] for name in dict.fromkeys(names)]
    lines = [markdown(["", "detector", "recogniser"], rows), ""]
    if manifest.recognizer:
        charset = manifest.recognizer.charset
        lines.append(f"It knows {len(charset)} symbols: `{charset}`.")
    lines.append(f"All model files: {megabytes(bundle):.1f} MB. Licence: {manifest.licence}.")
    return "\n".join(lines)


def _detector_facts(spec: DetectorSpec | None) -> dict[str, str]:
    if spec is None:
        return {}
    again = f", and once more into {spec.coarse_side_px} px" if spec.coarse_side_px else ""
    return {
        "network": spec.architecture,
        "width": f"{spec.width:g} of the published one{', strided' if spec.strided else ''}",
        "input": f"the photo, fitted into {spec.long_side_px} px{again}",
        **_file_facts(spec),
    }


def _recognizer_facts(spec: RecognizerSpec | None) -> dict[str, str]:
    if spec is None:
        return {}
    height, widest = spec.image_hw
    width = f"{spec.crop_widths[0]} to {widest}" if spec.widths else str(widest)
    kept = "aspect ratio kept" if spec.keep_ratio else "stretched"
    return {
        "network": spec.stages,
        "width": f"{spec.width:g} of the published one",
        "input": f"crops of {height} × {width} px, {'grey' if spec.channels == 1 else 'colour'}, {kept}",
        **_file_facts(spec),
        "temperature": f"{spec.temperature:g}",
    }


def _file_facts(spec: DetectorSpec | RecognizerSpec) -> dict[str, str]:
    sizes = {f"size in {precision}": f"{file.bytes / 1e6:.1f} MB" for precision, file in spec.files.items()}
    parity = {
        f"largest difference from the network, {precision}": f"{parity.worst:.0e}"
        for precision, parity in spec.parity.items()
    }
    return sizes | parity | {f"{precision} beside fp32": _gate(each) for precision, each in spec.quantized.items()}


def _change(points: float) -> str:
    """For example "0.27 points higher"; "as high" where it rounds to nothing."""
    size = f"{abs(points):.2f}"
    return "as high" if float(size) == 0 else f"{size} points {'higher' if points > 0 else 'lower'}"


def _gate(quantized: Quantized) -> str:
    if quantized.strings_equal is not None:
        same = f"{percent(quantized.strings_equal)} of {quantized.strings} texts equal"
    else:
        same = f"H-mean {_change(-(quantized.hmean_loss or 0))} on {quantized.regions} regions"
    count = len(quantized.kept_fp32)
    kept = f", {count} layer{'s' if count > 1 else ''} kept in fp32" if count else ""
    timed = f"; {quantized.speed_ratio:.2f} times as fast ({quantized.speed_on})" if quantized.speed_ratio else ""
    return f"{same}{kept}{timed}"
