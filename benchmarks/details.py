"""Crops compared as they are written, and the boxes of photos, as Markdown tables for the model card."""

from .figures import Agreement, CropsResult, Report, ScenesResult
from .tables import markdown, percent

NOT_MEASURED = "Not measured."


def as_written(report: Report) -> str:
    """Crops compared with their labels character by character, one line a set and reader."""
    rows = [
        [
            result.name,
            run.title,
            percent(texts.exact / result.images),
            percent(texts.exact_any_case / result.images),
            f"{texts.similarity:.3f}",
            f"{texts.digits_similarity:.3f}",
        ]
        for run in report.runs
        for result in run.sets
        if isinstance(result, CropsResult) and (texts := result.texts)
    ]
    if not rows:
        return NOT_MEASURED
    note = (
        "All characters are compared, also the letters and points that a reader of numbers leaves out. 1 − NED is the "
        "mean of 1 − D / N, D being the fewest edits between reading and label, N the length of the longer one "
        "(ICDAR 2019; deep-text-recognition-benchmark)."
    )
    header = ["set", "reader", "exact", "in any case", "1 − NED", "1 − NED of the digits"]
    return f"{markdown(header, sorted(rows, key=lambda row: row[0]))}\n\n{note}"


def boxes(report: Report) -> str:
    """Boxes by the rules of ICDAR 2015, one line a set and reader."""
    rows = [
        [result.name, run.title, f"{icdar.labels}", _shares(icdar.detection), _shares(icdar.end_to_end)]
        for run in report.runs
        for result in run.sets
        if isinstance(result, ScenesResult) and (icdar := result.icdar)
    ]
    if not rows:
        return NOT_MEASURED
    note = (
        "Recall / precision / H-mean by the rules of ICDAR 2015: a label and a box belong together if they share more "
        "than half of their joint area. The boxes are those of readings with a digit; read are those whose digits are "
        "the label's. Where a set labels a whole display, or a reader gives whole lines, the boxes differ although the "
        "number may be right."
    )
    header = ["set", "reader", "labels", "found", "found and read"]
    return f"{markdown(header, sorted(rows, key=lambda row: row[0]))}\n\n{note}"


def _shares(found: Agreement) -> str:
    return " / ".join(percent(share) for share in (found.recall, found.precision, found.hmean))
