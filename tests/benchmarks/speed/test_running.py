from edgereader.benchmarks.contenders import Options
from edgereader.benchmarks.speed.entries import Entry
from edgereader.benchmarks.speed.jobs import Missing, Ready, Turn
from edgereader.benchmarks.speed.running import Running, contender_of

READY = Ready(versions={"it": "1"}, texts=[[]], times_ms=[9.0, 10.0, 90.0])
TURN = Turn(
    scenario="SingleStream", valid=True, reasons=[], queries=3, samples_per_query=1, samples_per_s=50.0, seconds=0.06,
    times_ms=[19.0, 20.0, 21.0], loadgen_p50_ms=20.1,
)  # fmt: skip


def running(**known):
    return Running(Entry(name="it", contender="rapidocr", options=Options(threads=2), streams=3), None, **known)


def test_what_a_photo_takes_is_known_from_the_first_pass_and_then_from_the_first_turn():
    run = running(ready=READY)
    assert run.photo_ms == 10
    run.turns["SingleStream"] = [TURN, TURN]
    assert run.photo_ms == 20


def test_only_a_gpus_backend_is_on_the_gpu():
    backends = {"cuda": True, "tensorrt": True, "cpu": False, "pytorch": False, None: False}
    for backend, on_gpu in backends.items():
        ready = Ready(versions={}, backend=backend, texts=[], times_ms=[])
        assert running(ready=ready).on_gpu == on_gpu
    assert not running().on_gpu


def test_one_that_failed_has_a_reason_and_no_figures():
    run = running(ready=READY, turns={"SingleStream": [TURN]}, missing=Missing(outcome="failed", reason="it died"))
    found = contender_of(run, [])
    assert (found.outcome, found.reason, found.scenarios) == ("failed", "it died", [])
    assert (found.versions, found.threads, found.streams) == ({"it": "1"}, 2, 3)


def test_one_that_ran_has_what_is_known():
    found = contender_of(running(ready=READY, turns={"SingleStream": [TURN]}), [])
    assert (found.outcome, found.kind, found.scenarios[0].samples_per_s) == ("ran", "peer", 50.0)
    assert (found.cold_start, found.memory, found.power, found.accuracy) == (None, None, None, None)
