"""How a recognizer was trained, where its weights do not say it: told by a user, by a file beside them, or assumed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import msgspec

from . import CheckpointError

EASYOCR_LINE_HW = 64, 600
"""Size at which EasyOCR's trainer trains, pixels."""
EASYOCR_WIDTHS_PX = (*range(128, 577, 64), 640, 768, 896, 1024, 1280, 1536, 1792, 2048)
"""What lines of 64 pixels height are padded to: multiples of the height, as by EasyOCR, up to 640 each of them from
128, which EasyOCR pads to where a text is higher than wide."""


@dataclass(frozen=True)
class TrainingOptions:
    """What shapes a recognizer's input and output and is in no weight; None = not known."""

    charset: str | None = None
    """The characters, in the order of the classes."""
    image_hw: tuple[int, int] | None = None
    """Input height and (greatest) width, pixels."""
    widths: tuple[int, ...] | None = None
    """Widths in pixels that crops are padded to, ascending to that of `image_hw`; empty: that one only."""
    max_length: int | None = None
    """Longest text of an Attn decoder, characters."""
    keep_ratio: bool | None = None
    """Whether crops keep their aspect ratio and are padded on the right (`--PAD`), or fill the input."""
    stretch: float | None = None
    """With `keep_ratio`: how much wider than that crops were made."""
    even_contrast: bool | None = None
    """Whether every crop was brought to one contrast."""

    def completed(self, other: TrainingOptions) -> TrainingOptions:
        """Return these options, with what is not known here from `other`."""
        unknown = (field.name for field in fields(self) if getattr(self, field.name) is None)
        return replace(self, **{name: getattr(other, name) for name in unknown})


PUBLISHED = TrainingOptions(
    image_hw=(32, 100), widths=(), max_length=25, keep_ratio=False, stretch=1.0, even_contrast=False
)
"""The benchmark's defaults, which are assumed where nothing is known."""

EASYOCR = replace(PUBLISHED, image_hw=EASYOCR_LINE_HW, keep_ratio=True)
"""How EasyOCR's networks were trained, which is assumed of those with one of its charsets by name."""


def assumptions(known: TrainingOptions, stages: str, assumed: TrainingOptions) -> Iterator[str]:
    """Yield a line for each option that is not known and matters: the value that is assumed, and what else there is."""
    if known.image_hw is None:
        size = "x".join(map(str, assumed.image_hw or ()))
        yield f"--size {size}, the input's height and (greatest) width in pixels (the benchmark's --imgH, --imgW)"
    if known.widths is None and assumed.widths:
        widths = ",".join(map(str, assumed.widths))
        yield f"--widths {widths}, lines are padded to the least of these that holds them, as by EasyOCR"
    if known.keep_ratio is None and assumed.keep_ratio:
        yield "--keep-ratio, crops are padded on the right; give --fill if they were stretched to the size in training"
    if known.keep_ratio is None and not assumed.keep_ratio:
        yield "--fill, crops are stretched to the size; give --keep-ratio if they were padded in training (--PAD)"
    if known.stretch is None and known.completed(assumed).keep_ratio:
        yield "--stretch 1, crops are not made wider than they are"
    if known.even_contrast is None:
        yield "--as-it-is, contrast is left; give --even-contrast if crops were brought to one contrast in training"
    if known.max_length is None and stages.endswith("Attn"):
        yield f"--max-length {assumed.max_length}, the most characters (the benchmark's --batch_max_length)"


def told_by_config(path: Path, config: Mapping[str, Any]) -> TrainingOptions:
    """Return what EdgeReader's trainer wrote beside the weights. Raise CheckpointError if a value has another type."""
    try:
        return msgspec.convert(dict(config), TrainingOptions)
    except msgspec.ValidationError as exc:
        reason = str(exc).replace("Expected", "expected", 1)
        raise CheckpointError(f"{path}: in what EdgeReader's trainer says of it, {reason}; train it again") from exc


def read_options(path: Path) -> dict[str, str]:
    """Return all options, as text, of EasyOCR's custom models or trainer (YAML), or of the benchmark (opt.txt).

    Options of `network_params` stand beside the others.

    Raises:
        CheckpointError: no such file, or another format.
    """
    import yaml

    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix == ".txt":
            return dict(re.findall(r"^(\w+): (.*)$", text, re.MULTILINE))
        contents = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506, which makes text of everything, and no object
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as exc:
        reason = " ".join(str(exc).split())
        raise CheckpointError(f"{path}: expected a YAML file of options, or opt.txt, got: {reason}") from exc
    if not isinstance(contents, dict):
        raise CheckpointError(
            f"{path}: expected a YAML file of options, got {type(contents).__name__}; give the right one"
        )
    inner = contents.pop("network_params", None)
    return {**contents, **(inner if isinstance(inner, dict) else {})}


def told_by_options(path: Path, options: Mapping[str, str]) -> TrainingOptions:
    """Return what the options in a file say of input and output. Raise CheckpointError if a number is none."""
    charset = options.get("character_list") or options.get("character")
    if charset is None and options.get("lang_char", "None") != "None":  # None: of all characters of its labels
        charset = "".join(options.get(name, "") for name in ("number", "symbol", "lang_char"))
    height, width = number(path, options, "imgH"), number(path, options, "imgW")
    pads = "True" if of_custom_model(options) else options.get("PAD")  # which EasyOCR runs so in any case
    return TrainingOptions(
        charset=charset,
        image_hw=(height, width) if height and width else None,
        max_length=number(path, options, "batch_max_length"),
        keep_ratio=None if pads is None else pads.lower() == "true",
        stretch=1.0,
        even_contrast=False,
    )


def assumed_options(known: TrainingOptions, options: Mapping[str, str], *, easyocr: bool, tps: bool) -> TrainingOptions:
    """Return what is assumed where nothing is known: the benchmark's defaults, or with `easyocr` EasyOCR's.

    `options`: those of a file, if there is one. That of EasyOCR's custom models has a height and no width, since lines
    have their own there. With `tps` they have not: the width of EasyOCR's trainer in proportion, a multiple of 4.
    """
    if not (easyocr or of_custom_model(options)):
        return PUBLISHED
    height, widest = known.image_hw or (int(options.get("imgH") or EASYOCR_LINE_HW[0]), None)
    if known.widths:
        return replace(EASYOCR, image_hw=(height, known.widths[-1]))
    if tps or known.keep_ratio is False:
        return replace(EASYOCR, image_hw=(height, in_proportion(EASYOCR_LINE_HW[1], height)))
    widths = tuple(in_proportion(width, height) for width in EASYOCR_WIDTHS_PX)
    if widest is not None:
        widths = (*(width for width in widths if width < widest), widest)
    return replace(EASYOCR, image_hw=(height, widths[-1]), widths=widths)


def in_proportion(width: int, height: int) -> int:
    """Return what is so wide at EasyOCR's height, at another one: a multiple of 4."""
    return width * height // EASYOCR_LINE_HW[0] // 4 * 4


def of_custom_model(options: Mapping[str, str]) -> bool:
    """Return whether options are those of an EasyOCR custom model, and not of a trainer."""
    return "character_list" in options


def number(path: Path, options: Mapping[str, str], name: str) -> int | None:
    """Return an option that is a whole number of at least 1; None where the file has it not."""
    value = options.get(name)
    if value in (None, "", "None"):
        return None
    if not str(value).isdecimal() or int(str(value)) < 1:
        raise CheckpointError(f"{path}: expected a whole number of at least 1 as {name}, got {value!r}; correct it")
    return int(str(value))
