from msgspec.structs import replace

from edgereader.benchmarks.accuracy.calibration import Calibration
from edgereader.benchmarks.accuracy.certainty import certainty, judged
from edgereader.benchmarks.report.card_tables import (
    NOT_MEASURED,
    as_written,
    boxes,
    certainties,
    latency,
    machine,
    results,
    target_rows,
)
from edgereader.benchmarks.report.references import Target

from .conftest import rows

TARGETS = [
    Target(set="crops_a", figure="accuracy", at_least=0.9),
    Target(set="scenes_b", figure="recall", at_least=0.92),
    Target(set="scenes_b", figure="precision", at_least=0.85),
    Target(set="scenes_gone", figure="false_numbers_per_image", at_most=0.05),
    Target(set="the bundle", figure="megabytes", at_most=1),
]


def test_results_stand_beside_what_was_asked_and_what_others_read(report, with_peer):
    asked = "recall ≥ 92 %, precision ≥ 85 %"
    text = results(with_peer, TARGETS)
    assert rows(text) == [
        ["set", "digits-edge", "asked", "rapidocr 3.10.0"],
        ["crops_a (200 crops)", "91.5 %", "≥ 90 %", "90 %"],
        ["scenes_b (10 photos)", "recall 75 %, precision 66.7 %", asked, "recall 50 %, precision 25 %"],
    ]
    assert "same machine, with rapidocr 3.10.0, onnxruntime 1.31.1." in text
    assert results(report, TARGETS).endswith("Crops count when all digits are right.")
    assert rows(latency(with_peer)) == [
        ["set", "fp32: p50 / p90 / p99 ms", "rapidocr 3.10.0: p50 ms"],
        ["crops_a", "12.3 / 20.0 / 31.0", "12.3"],
        ["scenes_b", "12.3 / 20.0 / 31.0", "12.3"],
    ]


def test_every_precision_has_a_column(report, bundle):
    """The second lacks the photos, and reads a crop less."""
    (run,) = report.runs
    crops = replace(run.sets[0], exact=182, accuracy=0.91)
    in_two = replace(report, runs=[run, replace(run, precision="int8", sets=[crops], all_crops=None)])
    assert [row[1:3] for row in rows(results(in_two, TARGETS))] == [
        ["digits-edge, fp32", "digits-edge, int8"],
        ["91.5 %", "91 %"],
        ["recall 75 %, precision 66.7 %", "–"],
    ]
    assert rows(latency(in_two))[2] == ["scenes_b", "12.3 / 20.0 / 31.0", "–"]
    assert rows(target_rows(bundle, in_two, TARGETS))[0] == ["set", "asked", "reached, fp32", "reached, int8"]


def test_a_part_is_said_to_be_one(report):
    (run,) = report.runs
    part = replace(run.sets[0], name="digits:held-out", part="only some")
    changed = replace(report, runs=[replace(run, sets=[part])])
    assert "digits:held-out: only some." in results(changed, TARGETS)
    told = certainty(judged([0.5], [True]))
    fitted = Calibration(
        command="", date="", bundle="digits-edge", recognizer="0", precision="fp32", data={"digits:held-out": 5},
        temperature=1.7, before=told, after=told,
    )  # fmt: skip
    kept_apart = "digits:held-out: only some; the temperature of the confidences was fitted on them."
    assert kept_apart in results(changed, TARGETS, fitted)


def test_what_was_not_reached_is_said(report, bundle):
    text = target_rows(bundle, report, TARGETS)
    size = sum(path.stat().st_size for path in bundle.root.glob("*.onnx")) / 1e6
    assert rows(text)[1:] == [
        ["crops_a", "≥ 90 %", "91.5 %: yes"],
        ["scenes_b", "recall ≥ 92 %", "75 %: **no**"],
        ["scenes_b", "precision ≥ 85 %", "66.7 %: **no**"],
        ["scenes_gone", "false numbers a photo ≤ 0.05", "not measured"],
        ["the bundle", "size ≤ 1.0 MB", f"{size:.1f} MB: **no**"],
    ]
    assert text.endswith("4 of 5 not reached in fp32.")


def test_calibration_is_told_before_and_after(report):
    before, after = (certainty(judged([confidence] * 2, [True, False])) for confidence in (1.0, 0.5))
    (run,) = report.runs
    crops = replace(run.sets[0], uncalibrated=before, certainty=after)
    changed = replace(report, runs=[replace(run, sets=[crops])], temperature=1.7)
    calibration = Calibration(
        command="edgereader calibrate x", date="2026", bundle="digits-edge", recognizer="0", precision="fp32",
        data={"mine": 5, "yours": 2}, temperature=1.7, before=before, after=after,
    )  # fmt: skip
    text = certainties(changed, calibration)
    assert "temperature 1.7, fitted to mine (5 crops), yours (2 crops) by `edgereader calibrate x`" in text
    assert rows(text)[1] == ["crops_a", "0.500", "0.000", "0.500", "0 %", "– (0 of 0)"]
    assert rows(text)[2] == ["all crops", "–", "0.225", "0.500", "50 %", "50 % (1 of 2)"]
    assert rows(text)[3][:3] == ["the 7 crops calibrated on", "0.500", "0.000"]
    assert certainties(report, None).startswith("Confidences are taken at temperature 1.")


def test_the_command_and_the_versions_are_told(report):
    text = machine(report)
    assert f"```sh\n{report.command}\n```" in text
    assert all(f"{name} {version}" in text for name, version in report.machine.versions.items())
    assert "Alphabet" not in text
    assert "are left out. Alphabet: `all`. The command" in machine(replace(report, alphabet="all"))


def test_what_was_not_measured_is_said(report):
    (run,) = report.runs
    photos = replace(report, runs=[replace(run, sets=run.sets[1:])])
    assert as_written(photos) == boxes(report) == NOT_MEASURED


def test_every_reader_has_a_line_in_every_set(with_peer):
    table, note = as_written(with_peer).split("\n\n")
    assert table.splitlines()[2:] == [
        "| crops_a | fp32 | 55 % | 65 % | 0.900 | 0.975 |",
        "| crops_a | rapidocr 3.10.0 | 50 % | 60 % | 0.850 | 0.950 |",
    ]
    assert "1 − NED is" in note
    table, note = boxes(with_peer).split("\n\n")
    assert table.splitlines()[2:] == [
        "| scenes_b | rapidocr 3.10.0 | 8 | 75 % / 60 % / 66.7 % | 37.5 % / 30 % / 33.3 % |"
    ]
    assert "ICDAR 2015" in note
