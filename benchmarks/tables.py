"""Figures as Markdown tables, for the model card and the README."""

from collections.abc import Sequence

from ..runtime import Bundle
from .calibration import Calibration
from .certainty import SURE, Certainty
from .figures import CropsResult, Report, Result, Run, ScenesResult
from .references import PeerFigures, Peers, Target, Targets, measured, measured_peers, own_runs

NONE = "–"
FITTED = "; the temperature of the confidences was fitted on them"


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out a table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def percent(share: float | None) -> str:
    """`93.2 %`, or a dash for None."""
    return NONE if share is None else f"{round(100 * share, 1):g} %"


def results(report: Report, peers: Peers, targets: Targets, calibration: Calibration | None = None) -> str:
    """What each set gave in each precision, what was asked for, and what the peers read."""
    own, peers = own_runs(report), measured_peers(report) or peers
    names = [report.bundle if len(own) == 1 else f"{report.bundle}, {run.precision}" for run in own]
    rows = [
        [
            _named(result),
            *(_result(each) for each in _same_set(own, result)),
            _asked(result.name, targets),
            *(_peer(peer.sets.get(result.name, PeerFigures())) for peer in peers.peers),
        ]
        for result in own[0].sets
    ]
    table = markdown(["set", *names, "asked", *(peer.name for peer in peers.peers)], rows)
    fitted = dict.fromkeys(calibration.data if calibration else (), FITTED)
    parts = [f"{each.name}: {each.part}{fitted.get(each.name, '')}." for each in own[0].sets if each.part]
    return "\n\n".join([table, *parts, f"Crops count when all digits are right. Others: {peers.source}."])


def _named(result: Result) -> str:
    return f"{result.name} ({result.images} {'crops' if isinstance(result, CropsResult) else 'photos'})"


def _same_set(runs: Sequence[Run], result: Result) -> list[Result | None]:
    return [next((each for each in run.sets if each.name == result.name), None) for run in runs]


def _result(result: Result | None) -> str:
    if result is None:
        return NONE
    if isinstance(result, CropsResult):
        return percent(result.accuracy)
    return _scene(result)


def _scene(result: ScenesResult | PeerFigures) -> str:
    if result.recall is None:
        false = result.false_numbers_per_image
        return NONE if false is None else f"{false:.2f} false numbers a photo"
    joined = "" if result.line_recall in {None, result.recall} else f" (groups joined: {percent(result.line_recall)})"
    return f"recall {percent(result.recall)}{joined}, precision {percent(result.precision)}"


def _peer(figures: PeerFigures) -> str:
    if figures.accuracy is not None:
        return percent(figures.accuracy)
    return _scene(figures)


def _asked(name: str, targets: Targets) -> str:
    return ", ".join(_limit(target) for target in targets.targets if target.set == name) or NONE


def _limit(target: Target) -> str:
    sign, limit = ("≥", target.at_least) if target.at_least is not None else ("≤", target.at_most)
    return f"{_words(target)} {sign} {_value(target, limit)}".strip()


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


def target_rows(bundle: Bundle, report: Report, targets: Targets) -> str:
    """What was asked for and what was reached, in each precision; what was not is said."""
    rows = []
    for target in targets.targets:
        values = [measured(target, bundle, run) for run in own_runs(report)]
        reached = [_value(target, value) + _verdict(target, value) for value in values]
        rows.append([target.set, _limit(target), *reached])
    header = ["set", "asked", *(f"reached, {run.precision}" for run in own_runs(report))]
    missed = sum(not row[2].endswith("yes") for row in rows)
    return markdown(header, rows) + f"\n\n{missed} of {len(rows)} not reached in {report.runs[0].precision}."


def _verdict(target: Target, value: float | None) -> str:
    return "" if value is None else ": yes" if target.reached(value) else ": **no**"


def latency(report: Report, peers: Peers) -> str:
    """Milliseconds an image."""
    own, peers = own_runs(report), measured_peers(report) or peers
    header = ["set", *(f"{run.precision}: p50 / p90 / p99 ms" for run in own)]
    timed = [peer for peer in peers.peers if any(figures.p50_ms for figures in peer.sets.values())]
    rows = [
        [
            result.name,
            *(_times(each) for each in _same_set(own, result)),
            *(_peer_time(peer.sets.get(result.name, PeerFigures())) for peer in timed),
        ]
        for result in own[0].sets
    ]
    return markdown([*header, *(f"{peer.name}: p50 ms" for peer in timed)], rows)


def _times(result: Result | None) -> str:
    if result is None:
        return NONE
    return f"{result.latency.p50_ms:.1f} / {result.latency.p90_ms:.1f} / {result.latency.p99_ms:.1f}"


def _peer_time(figures: PeerFigures) -> str:
    return NONE if figures.p50_ms is None else f"{figures.p50_ms:g}"


def certainties(report: Report, calibration: Calibration | None) -> str:
    """Expected calibration errors and what sure readings are worth."""
    run = report.runs[0]
    rows = [
        _certainty(each.name, each.certainty, each.uncalibrated) for each in run.sets if isinstance(each, CropsResult)
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
    """What was measured on what, and the command that repeats it."""
    where = report.machine
    versions = ", ".join(f"{name} {version}" for name, version in where.versions.items())
    alphabet = "" if report.alphabet == "numbers" else f" Alphabet: `{report.alphabet}`."
    return (
        f"Measured on {report.date[:10]} on `{report.backend}`: {where.processor}, {where.cores} cores, "
        f"{where.memory_gib:g} GiB, {where.system}; {versions}. One image at a time, from the decoded image to its "
        f"readings, after a warm-up. Readings of photos below a confidence of {report.min_confidence:g} are left "
        f"out.{alphabet} The command:\n\n```sh\n{report.command}\n```"
    )
