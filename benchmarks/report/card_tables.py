"""The tables of a model card, as Markdown."""

from collections.abc import Sequence

from ...export.card import NONE, markdown, percent
from ...runtime import Bundle
from ..accuracy.calibration import Calibration
from ..accuracy.certainty import SURE, Certainty
from ..accuracy.results import Agreement, CropsResult, Report, Result, Run, ScenesResult
from ..tables import version_words
from .references import Target, measured

FITTED = "; the temperature of the confidences was fitted on them"
NOT_MEASURED = "Not measured."


def _runs(report: Report) -> tuple[list[Run], list[Run]]:
    """Return the runs of the bundle, and those of the other readers that were measured with it."""
    return [run for run in report.runs if run.contender is None], [run for run in report.runs if run.contender]


def results(report: Report, targets: Sequence[Target], calibration: Calibration | None = None) -> str:
    """Return what each set gave in each precision, what was asked for, and what the other readers read."""
    own, others = _runs(report)
    names = [report.bundle if len(own) == 1 else f"{report.bundle}, {run.precision}" for run in own]
    rows = [
        [
            _named(result),
            *map(_cell, _same_set(own, result)),
            _asked(result.name, targets),
            *map(_cell, _same_set(others, result)),
        ]
        for result in own[0].sets
    ]
    parts = [markdown(["set", *names, "asked", *(run.title for run in others)], rows)]
    fitted = dict.fromkeys(calibration.data if calibration else (), FITTED)
    parts += [f"{other.name}: {other.part}{fitted.get(other.name, '')}." for other in own[0].sets if other.part]
    versions = version_words({name: version for run in others for name, version in run.versions.items()})
    source = f" Others: measured by the same command on the same machine, with {versions}." if others else ""
    return "\n\n".join([*parts, f"Crops count when all digits are right.{source}"])


def _named(result: Result) -> str:
    return f"{result.name} ({result.images} {'crops' if isinstance(result, CropsResult) else 'photos'})"


def _same_set(runs: Sequence[Run], result: Result) -> list[Result | None]:
    return [next((other for other in run.sets if other.name == result.name), None) for run in runs]


def _cell(result: Result | None) -> str:
    if result is None:
        return NONE
    if isinstance(result, CropsResult):
        return percent(result.accuracy)
    if result.recall is None:
        return f"{result.false_numbers_per_image:.2f} false numbers a photo"
    lines = "" if result.line_recall in {None, result.recall} else f" (groups joined: {percent(result.line_recall)})"
    return f"recall {percent(result.recall)}{lines}, precision {percent(result.precision)}"


def _asked(name: str, targets: Sequence[Target]) -> str:
    return ", ".join(_limit(target) for target in targets if target.set == name) or NONE


def _limit(target: Target) -> str:
    return f"{_words(target)} {target.sign} {_value(target, target.limit)}".strip()


def _words(target: Target) -> str:
    return {
        "accuracy": "",
        "whole_texts": "whole texts",
        "line_recall": "recall, groups joined",
        "sure_precision": f"right at a confidence of {SURE:g} or more",
        "false_numbers_per_image": "false numbers a photo",
        "megabytes": "size",
    }.get(target.figure, target.figure)


def _value(target: Target, value: float | None) -> str:
    if value is None:
        return "not measured"
    if target.figure in {"megabytes", "false_numbers_per_image"}:
        return f"{value:.1f} MB" if target.figure == "megabytes" else f"{value:.2f}"
    return percent(value)


def target_rows(bundle: Bundle, report: Report, targets: Sequence[Target]) -> str:
    """Return what was asked for and what was reached, in each precision; what was not is said."""
    own, _ = _runs(report)
    rows = []
    for target in targets:
        values = [measured(target, bundle, run) for run in own]
        reached = [_value(target, value) + _verdict(target, value) for value in values]
        rows.append([target.set, _limit(target), *reached])
    header = ["set", "asked", *(f"reached, {run.precision}" for run in own)]
    missed = sum(not row[2].endswith("yes") for row in rows)
    return markdown(header, rows) + f"\n\n{missed} of {len(rows)} not reached in {report.runs[0].precision}."


def _verdict(target: Target, value: float | None) -> str:
    return "" if value is None else ": yes" if target.reached(value) else ": **no**"


def latency(report: Report) -> str:
    """Return milliseconds an image."""
    own, others = _runs(report)
    header = [
        "set",
        *(f"{run.precision}: p50 / p90 / p99 ms" for run in own),
        *(f"{run.title}: p50 ms" for run in others),
    ]
    rows = [
        [
            result.name,
            *(_times(other) for other in _same_set(own, result)),
            *(f"{round(other.latency.p50_ms, 1):g}" if other else NONE for other in _same_set(others, result)),
        ]
        for result in own[0].sets
    ]
    return markdown(header, rows)


def _times(result: Result | None) -> str:
    if result is None:
        return NONE
    return f"{result.latency.p50_ms:.1f} / {result.latency.p90_ms:.1f} / {result.latency.p99_ms:.1f}"


def certainties(report: Report, calibration: Calibration | None) -> str:
    """Return expected calibration errors and what sure readings are worth."""
    run = report.runs[0]
    rows = [
        _certainty(other.name, other.certainty, other.uncalibrated)
        for other in run.sets
        if isinstance(other, CropsResult)
    ]
    if run.all_crops:
        rows.append(_certainty("all crops", run.all_crops.certainty, run.all_crops.uncalibrated))
    if calibration:
        count = sum(calibration.data.values())
        rows.append(_certainty(f"the {count} crops calibrated on", calibration.after, calibration.before))
    header = ["set", "ECE at temperature 1", "ECE", "adaptive ECE", f"confidence ≥ {SURE:g}", "of these right"]
    return "\n\n".join([_fitted(report, calibration), markdown(header, rows)])


def _fitted(report: Report, calibration: Calibration | None) -> str:
    if calibration is None:
        return f"Confidences are taken at temperature {report.temperature:g}."
    data = ", ".join(f"{name} ({count} crops)" for name, count in calibration.data.items())
    return (
        f"Confidences are taken at temperature {calibration.temperature:g}, fitted to {data} by "
        f"`{calibration.command}`: the mean negative log likelihood there fell from {calibration.before.nll:.3f} to "
        f"{calibration.after.nll:.3f}."
    )


def _certainty(name: str, now: Certainty, before: Certainty | None) -> list[str]:
    earlier = NONE if before is None else f"{before.ece:.3f}"
    return [
        name, earlier, f"{now.ece:.3f}", f"{now.adaptive_ece:.3f}",
        percent(now.sure_share), f"{percent(now.sure_precision)} ({now.sure_right} of {now.sure})",
    ]  # fmt: skip


def machine(report: Report) -> str:
    """Return what was measured on what, and the command that repeats it."""
    alphabet = "" if report.alphabet == "numbers" else f" Alphabet: `{report.alphabet}`."
    return (
        f"Measured on {report.date[:10]} on `{report.backend}`: {report.machine}; "
        f"{version_words(report.machine.versions)}. One image at a time, from the decoded image to its readings, after "
        f"a warm-up. Readings of photos below a confidence of {report.min_confidence:g} are left out.{alphabet} "
        f"The command:\n\n```sh\n{report.command}\n```"
    )


def as_written(report: Report) -> str:
    """Return crops compared with their labels character by character, one line a set and reader."""
    rows = [
        [
            result.name,
            run.title,
            percent(result.whole_texts),
            percent(result.texts.exact_any_case / result.images),
            f"{result.texts.similarity:.3f}",
            f"{result.texts.digits_similarity:.3f}",
        ]
        for run in report.runs
        for result in run.sets
        if isinstance(result, CropsResult)
    ]
    note = (
        "All characters are compared, also the letters and points that a reader of numbers leaves out. 1 − NED is the "
        "mean of 1 − D / N, D being the fewest edits between reading and label, N the length of the longer one "
        "(ICDAR 2019; deep-text-recognition-benchmark)."
    )
    header = ["set", "reader", "exact", "in any case", "1 − NED", "1 − NED of the digits"]
    return _by_set(header, rows, note)


def boxes(report: Report) -> str:
    """Return boxes by the rules of ICDAR 2015, one line a set and reader."""
    rows = [
        [result.name, run.title, f"{icdar.labels}", _shares(icdar.detection), _shares(icdar.end_to_end)]
        for run in report.runs
        for result in run.sets
        if isinstance(result, ScenesResult) and (icdar := result.icdar)
    ]
    note = (
        "Recall / precision / H-mean by the rules of ICDAR 2015: a label and a box belong together if they share more "
        "than half of their joint area. The boxes are those of readings with a digit; read are those whose digits are "
        "the label's. Where a set labels a whole display, or a reader gives whole lines, the boxes differ although the "
        "number may be right."
    )
    header = ["set", "reader", "labels", "found", "found and read"]
    return _by_set(header, rows, note)


def _by_set(header: Sequence[str], rows: Sequence[Sequence[str]], note: str) -> str:
    return f"{markdown(header, sorted(rows, key=lambda row: row[0]))}\n\n{note}" if rows else NOT_MEASURED


def _shares(found: Agreement) -> str:
    return " / ".join(percent(share) for share in (found.recall, found.precision, found.hmean))
