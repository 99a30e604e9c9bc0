"""From the options of `edgereader train` to the configuration of a run."""

from typing import TYPE_CHECKING, Any, TypeVar

from ..data.samples import Crops, Scenes, TrainingDataError

if TYPE_CHECKING:
    from .detector_trainer import DetectorTraining
    from .recognizer_samples import RecognizerTraining

    Config = TypeVar("Config", DetectorTraining, RecognizerTraining)

LOOKED_AT = 200
"""Samples of a data set that are looked at before the run."""


def configure(kind: "type[Config]", options: dict[str, Any], data: tuple[Crops, ...] | tuple[Scenes, ...]) -> "Config":
    """Make the configuration; what is not given keeps its default.

    Raises:
        TrainingDataError: Options contradict each other, or ask for what this machine does not have.
    """
    given = {key: value for key, value in options.items() if value is not None}
    if ("steps" in given) == ("hours" in given):
        raise TrainingDataError("length of the run: expected --steps or --hours, got both or none; give one of them")
    if given.get("photos") and "teacher" not in given:
        raise TrainingDataError("--photos: expected a detector that looks at them, got none; give --teacher CHECKPOINT")
    if given.get("synthetic_share", 1) < 1 and not data and not given.get("photos"):
        raise TrainingDataError("--synthetic-share below 1: expected data sets beside it, got none; give --data")
    last = given["out"] / "last.pt"
    if last.exists() and not given["resume"]:
        raise TrainingDataError(f"{last}: expected a new folder, got an earlier run; give --resume, or another --to")
    if given["resume"] and not last.exists():
        raise TrainingDataError(f"{last}: expected the checkpoint to resume from, got nothing there; drop --resume")
    check_device(given.get("device", "cpu"))
    check_stages(given.get("stages"))
    check_widths(given)
    share = {"synthetic_share": 0.0} if data else {"synthetic_share": 0.5} if given.get("photos") else {}
    return kind(**{**share, **given, "data": data})


def check_device(device: str) -> None:
    """Raise TrainingDataError if a device is not there."""
    import torch

    if device not in {"cpu", "cuda"}:
        raise TrainingDataError(f"--device: expected cpu or cuda, got {device!r}; choose one of these")
    if device == "cuda" and not torch.cuda.is_available():
        raise TrainingDataError("--device cuda: expected a CUDA device, got none; train with --device cpu")


def check_stages(stages: str | None) -> None:
    """Raise TrainingDataError if no recognizer has these stages."""
    from ..recognizer import COMBINATIONS

    if stages is not None and stages not in COMBINATIONS:
        raise TrainingDataError(f"--stages: expected one of {', '.join(COMBINATIONS)}, got {stages!r}; choose one")


def check_widths(given: dict[str, Any]) -> None:
    """Raise TrainingDataError if crops may not have widths of their own, or the widest is not the input's."""
    widths = given.get("widths")
    if not widths:
        return
    if given.get("stages", "").startswith("TPS") or not given.get("keep_ratio", True):
        raise TrainingDataError("--widths: expected stages without TPS and --keep-ratio, got others; drop --widths")
    widest = given.get("image_hw", (32, 128))[1]
    if widths[-1] != widest:
        raise TrainingDataError(f"--widths: expected the last to be the width of --size, {widest}, got {widths[-1]}")


def check_texts(config: "RecognizerTraining") -> None:
    """Raise TrainingDataError if no first text of a data set can be written: a run would wait for one for ever."""
    from .recognizer_samples import encode

    for crops in config.data:
        looked_at = min(LOOKED_AT, len(crops))
        texts = []
        for index in range(looked_at):
            texts.append(crops[index][1])
            places = encode(texts[-1], config.charset)
            if places is not None and len(places) <= config.max_length:
                break
        else:
            raise TrainingDataError(
                f"--data: expected texts of at most {config.max_length} characters of {config.charset!r}, got none in "
                f"the first {looked_at} samples, such as {texts[0] if texts else ''!r}; give another --charset"
            )
