"""An evaluation as tables for a terminal."""

from collections.abc import Sequence

from ..tables import columns
from .certainty import SURE, Certainty
from .results import Agreement, AllCrops, CropsResult, Result, ScenesResult


def table(results: Sequence[Result], crops: AllCrops | None) -> str:
    """Lay the results out for a terminal, one set a line, and below them what stands behind the figures."""
    rows = [_row(result) for result in results]
    if crops is not None:
        figures = f"exact {crops.accuracy:.1%} ({crops.exact} of {crops.images}), {_certain(crops.certainty)}"
        rows.append(("all crops", str(crops.images), figures, "", ""))
    parts = [columns([("set", "images", "result", "p50 ms", "p90 ms"), *rows])]
    parts += [f"{result.name}: {result.part}" for result in results if result.part]
    if texts := [_text_row(result) for result in results if isinstance(result, CropsResult)]:
        parts.append("\n" + columns([("as written", "images", "result"), *texts]))
    if boxes := [row for result in results if isinstance(result, ScenesResult) for row in _box_rows(result)]:
        parts.append("\n" + columns([("boxes, by ICDAR 2015", "labels", "result"), *boxes]))
    if groups := [row for result in results if isinstance(result, CropsResult) for row in _group_rows(result)]:
        parts.append("\n" + columns([("crops of", "images", "exact"), *groups]))
    if rows := [row for result in results if isinstance(result, ScenesResult) for row in _threshold_rows(result)]:
        parts.append("\n" + columns([("readings from", "confidence", "result"), *rows]))
    if causes := [
        (result.name, str(cause.count), f"{cause.mistake}: {cause.detail}")
        for result in results
        for cause in result.causes
    ]:
        parts.append("\n" + columns([("cause of mistakes", "count", "what"), *causes]))
    return "\n".join(parts)


def _row(result: Result) -> tuple[str, ...]:
    latency = result.latency
    return (result.name, str(result.images), _figures(result), f"{latency.p50_ms:.1f}", f"{latency.p90_ms:.1f}")


def _figures(result: Result) -> str:
    if isinstance(result, CropsResult):
        return f"exact {result.accuracy:.1%} ({result.exact} of {result.images}), {_certain(result.certainty)}"
    found = _found(result.recall, result.precision, result.false_numbers_per_image)
    if result.recall is not None:
        found = found.replace(",", f" ({result.matched} of {result.labels}),", 1)
    return found + (f", ECE {result.certainty.ece:.3f}" if result.certainty else "")


def _found(recall: float | None, precision: float | None, false: float) -> str:
    numbers = f"{false:.2f} false numbers an image"
    if recall is None:
        return numbers
    precisely = "no number read" if precision is None else f"precision {precision:.1%}"
    return f"recall {recall:.1%}, {precisely}, {numbers}"


def _certain(certainty: Certainty) -> str:
    right = "" if certainty.sure_precision is None else f", of which {certainty.sure_precision:.1%} right"
    return f"ECE {certainty.ece:.3f}, {certainty.sure_share:.0%} at {SURE:g} or more{right}"


def _text_row(result: CropsResult) -> tuple[str, ...]:
    texts = result.texts
    exact = f"exact {texts.exact / result.images:.1%}, in any case {texts.exact_any_case / result.images:.1%}"
    similar = f"1 - NED {texts.similarity:.3f}, of the digits {texts.digits_similarity:.3f}"
    return result.name, str(result.images), f"{exact}, {similar}"


def _box_rows(result: ScenesResult) -> list[tuple[str, ...]]:
    if (icdar := result.icdar) is None:
        return []
    return [
        (f"{result.name}, {what}", str(icdar.labels), _agreement(agreement))
        for what, agreement in (("found", icdar.detection), ("found and read", icdar.end_to_end))
    ]


def _agreement(found: Agreement) -> str:
    shares = [("recall", found.recall), ("precision", found.precision), ("H-mean", found.hmean)]
    return ", ".join(f"{name} {'-' if share is None else f'{share:.1%}'}" for name, share in shares)


def _group_rows(result: CropsResult) -> list[tuple[str, ...]]:
    return [
        (f"{result.name}, {group.group}", str(group.images), f"{group.exact / group.images:.1%} ({group.exact})")
        for group in (*result.by_length, *result.by_ratio)
    ]


def _threshold_rows(result: ScenesResult) -> list[tuple[str, ...]]:
    return [
        (result.name, f"{row.min_confidence:g}", _found(row.recall, row.precision, row.false_numbers_per_image))
        for row in result.thresholds
    ]
