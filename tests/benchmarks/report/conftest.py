"""Made-up reports with everything that a page can show; the numbers are drawn from known distributions."""

import shutil

import numpy as np
import pytest

from edgereader.benchmarks.record import Machine
from edgereader.benchmarks.speed.results import (
    STAGES,
    Accuracy,
    Agreement,
    BoxTimes,
    ColdStart,
    Contender,
    Curve,
    Difference,
    Growth,
    Latency,
    Live,
    Memory,
    Photos,
    Point,
    Power,
    Rate,
    Report,
    Sample,
    Scenario,
    Slope,
    Soak,
    Stage,
    Stages,
    Stream,
    Work,
)
from edgereader.runtime import Bundle

MACHINE = Machine(
    processor="Example & Sons CPU @ 2.5 GHz", cores=2, memory_gib=7.8, system="Linux-6.1",
    versions={"python": "3.11.7", "onnxruntime": "1.31.0"},
)  # fmt: skip
PHOTOS = Photos(folders=["scenes_bibs"], count=108, megapixels=0.62, sha256="ab" * 32)
NASTY = '<script>alert("1")</script> | `x` & \x00'


def scenario(name, middle, *, seed=0, valid=True, photos=1):
    """Three turns of 60 latencies around a median, log-normal."""
    rng = np.random.default_rng(seed)
    turns = [np.round(rng.lognormal(np.log(middle * shift), 0.25, 60), 2).tolist() for shift in (1, 1.03, 0.98)]
    p50, p90, p99, p999 = np.percentile(np.concatenate(turns), [50, 90, 99, 99.9]).tolist()
    rates = [1000 * photos / float(np.mean(turn)) * (1.2 if name == "Offline" else 1) for turn in turns]
    return Scenario(
        scenario=name, valid=valid, reasons=[] if valid else ["Min queries not met: " + NASTY],
        samples_per_query=photos, samples_per_s=float(np.median(rates)), turns_samples_per_s=rates,
        target_qps=5.0 if name == "Server" else None, p50_ms=p50, p90_ms=p90, p99_ms=p99, p999_ms=p999,
        times_ms=[] if name == "Offline" else turns,
    )  # fmt: skip


def contender(name, middle, kind="peer", *, recall=0.9, precision=0.7, seed=0, limit=None, **more):
    """A contender with a median latency in ms, and all figures that follow from it."""
    return Contender(
        name=name, kind=kind, outcome="ran", threads=2, versions={"library": "1.2"},
        scenarios=[
            scenario("SingleStream", middle, seed=seed),
            scenario("MultiStream", 7 * middle, seed=seed + 1, photos=8),
            scenario("Server", middle * 1.4, seed=seed + 2, valid=middle < 50),
            scenario("Offline", middle, seed=seed + 3),
        ],
        memory=Memory(loaded_mib=90 + middle / 3, steady_mib=110 + middle / 2, peak_mib=130 + middle / 2,
                      allocations_per_frame=0.01),
        cold_start=ColdStart(p50_s=0.4 + middle / 400, times_s=[0.4 + middle / 400 + off for off in (-0.02, 0, 0.05)]),
        accuracy=Accuracy(labels=142, recall=recall, precision=precision, false_numbers_per_image=0.2),
        work=None if limit is None else Work(gop_per_frame=limit * 0.2, peak_gops=200.0, limit_ms=limit), **more,
    )  # fmt: skip


def stages(whole):
    """Stages that add up to 1.5 % more than the whole."""
    shares = dict(zip(STAGES, (0.11, 0.02, 0.6, 0.02, 0.01, 0.24, 0.015), strict=True))
    spent = [Stage(stage=name, mean_ms=share * whole, p50_ms=0.95 * share * whole) for name, share in shares.items()]
    return Stages(photos=108, stages=spent, sum_ms=1.015 * whole, whole_ms=whole, outside_networks=0.07)


BENCH = Report(
    command="edgereader bench digits-edge --photos scenes_bibs --json bench.json", date="2026-11-22T08:00:00+00:00",
    machine=MACHINE, photos=PHOTOS, turns=3,
    contenders=[
        contender("nothing", 0.02, "nothing"),
        contender("edgereader cpu int8", 42, "edgereader", recall=0.93, precision=0.9, limit=17.0, seed=10,
                  backend="cpu", stages=stages(46.0),
                  power=Power(source="rapl", watts=21.5, joules_per_frame=0.91), clocks_mhz=[2500.0, 2497.0]),
        contender("edgereader cpu fp32", 88, "edgereader", recall=0.935, precision=0.905, limit=39.0, seed=20,
                  backend="cpu", stages=stages(93.0)),
        contender("rapidocr", 391, recall=0.915, precision=0.66, seed=30),
        contender("tesseract", 520, recall=0.12, precision=0.3, seed=40),
        contender("tesseract-sweep", 6300, recall=0.31, precision=0.22, seed=50),
        contender("pytorch", 160, recall=0.935, precision=0.905, seed=60),
        Contender(name="easyocr", kind="peer", outcome="skipped", reason="not installed " + NASTY, threads=2),
        Contender(name="onnxtr", kind="peer", outcome="failed", reason="died with exit code -9", threads=2),
    ],
)  # fmt: skip


def curve(what, part, sizes, cost, exponent=1.0, *, linear=True):
    """Costs of sizes."""
    points = [Point(size=size, p50_ms=cost(size), p90_ms=1.2 * cost(size), runs=20) for size in sizes]
    return Curve(what=what, part=part, points=points, exponent=exponent, low=exponent - 0.05, high=exponent + 0.05,
                 linear=linear)  # fmt: skip


PIXELS, REGIONS, BATCHES = [0.3, 1, 2, 4, 8, 12], [0, 10, 30, 100, 300], [1, 2, 4, 8, 16, 32, 64]


def slope(what, first, *, passed, judged=True):
    """A slope of a quantity."""
    return Slope(what=what, first=first, last=first + 1, most=first + 2, per_hour=0.1, low=-0.2 if passed else 0.05,
                 high=0.4, allowed=0.01, judged=judged, passed=passed)  # fmt: skip


AGREEMENT = Agreement(
    command="edgereader bench agree mine", date="2026-11-28T08:00:00+00:00", machine=MACHINE, bundle="mine",
    backend="cpu", precision="fp32", photos=PHOTOS, versions={"easyocr": "1.7.2"}, canvas_px=640, threads=1,
    easyocr=12, ours=14, both=12, equal=10, sure=10, sure_equal=9,
    differences=[
        Difference(photo="a.jpg", easyocr="12|", ours="12", confidence=0.7, our_confidence=0.8, cause="place"),
    ],
    box_times=BoxTimes(easyocr_ms=50.0, ours_ms=4.0, times=12.5, boxes=14, same_boxes=13),
)  # fmt: skip
GROWTH = Growth(
    command="edgereader bench growth", date="2026-11-22T09:00:00+00:00", machine=MACHINE, bundle="digits-edge",
    backend="cpu", precision="int8", rounds=5, margin=0.05,
    photos_without_text=3, recognizer_calls_without_text=0, recognizer_ms_without_text=0.0, passed=False,
    curves=[
        curve("megapixels", "whole", PIXELS, lambda size: 40 + 6 * size, 0.62),
        curve("megapixels", "decode", PIXELS, lambda size: 5 * size, 1.0),
        curve("megapixels", "fit", PIXELS, lambda size: 0.4 * size**0.8, 0.8),
        curve("megapixels", "boxes", PIXELS, lambda size: 0.8 + 0.01 * size, 0.02),
        curve("regions", "whole", REGIONS, lambda size: 40 + 2 * size, 0.9),
        curve("regions", "boxes", REGIONS, lambda size: 0.4 + 0.01 * size, 0.9),
        curve("regions", "recognize", REGIONS, lambda size: 1.8 * size, 1.0),
        curve("regions", "text", REGIONS, lambda size: 0.0004 * size**2, 1.95, linear=False),
        curve("batch", "recognize", BATCHES, lambda size: 1.2 + 1.9 * size, 0.97),
    ],
)  # fmt: skip
SOAK = Soak(
    commands=["edgereader bench soak --hours 1", "edgereader bench soak --hours 1"], date="2026-11-22T10:00:00+00:00",
    machine=MACHINE, bundle="digits-edge", files={"detector": "0" * 64}, backend="cpu", precision="int8", seed=7,
    every_s=60.0, hours=1.0, warm_up_s=120.0, frames=42_000, broken=120, wrong=0, method="The method.", finished=True,
    samples=[
        Sample(at_s=60.0 * (at + 1), frames=700 * (at + 1), rss_mib=171 + 0.4 * float(np.sin(at)),
               handles=23 + at % 2, p50_ms=84 + 2 * float(np.sin(at / 3)), p99_ms=141 + 9 * float(np.cos(at)),
               cpu_ms=160 + float(np.sin(at)), segment=int(at > 40))
        for at in range(60)
    ],
    slopes=[
        slope("rss_mib", 171.0, passed=True), slope("handles", 23.0, passed=True),
        slope("cpu_ms", 160.0, passed=False), slope("latency_ms", 84.0, passed=False, judged=False),
    ],
    passed=False,
)  # fmt: skip


def latency(middle, count):
    """Latencies around a median, ms."""
    return Latency(count=count, p50_ms=middle, p90_ms=1.5 * middle, p99_ms=2 * middle, most_ms=3 * middle)


STREAM = Stream(
    command="edgereader bench stream --minutes 30 --json stream.json", date="2026-11-22T11:00:00+00:00",
    machine=MACHINE, bundle="digits-edge", backend="cpu", precision="int8", frame_hw=(720, 1280),
    static=Rate(frames=1100, seconds=50.0, turns_frames_per_s=[21.5, 22.0, 22.5], readings=1090, detections=30),
    detecting=Rate(frames=360, seconds=50.0, turns_frames_per_s=[7.0, 7.2, 7.4], readings=700, detections=360),
    live=Live(
        minutes=30.0, fps=25.0, warm_up_s=180.0, frames=45_000, dropped=1_234, read=43_766, detections=900,
        crops=43_700, events=1_800, missed=3, wrong=1, first_wrong="event 7: expected 3751, got 375",
        reading=latency(40.0, 39_000), event=latency(120.0, 1_600), cpu_share=0.82, samples=SOAK.samples,
        slopes=[slope("rss_mib", 171.0, passed=True), slope("handles", 23.0, passed=True)], method="The method.",
    ),
    passed=False,
)  # fmt: skip


def rows(table):
    """The cells of a Markdown table, with its header and without the line below that."""
    lines = [line for line in table.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "---" not in line]


@pytest.fixture
def bundle(repository):
    """The shipped one."""
    return Bundle.open(repository / "models/zoo/digits-edge")


@pytest.fixture
def bench():
    return BENCH


@pytest.fixture
def growth():
    return GROWTH


@pytest.fixture
def soak():
    return SOAK


@pytest.fixture
def stream():
    return STREAM


@pytest.fixture
def chromium():
    """Path of the browser."""
    found = shutil.which("chromium")
    if found is None:
        pytest.skip("no chromium here: Debian's package of that name")
    return found
