import json

from edgereader.benchmarks.speed.loadgen_logs import read_details, reasons, traced


def test_of_a_key_that_comes_twice_the_last_counts(tmp_path):
    lines = [f":::MLLOG {json.dumps({'key': 'a', 'value': value})}" for value in (1, 2)]
    (tmp_path / "log").write_text("\n".join(["something else", *lines]))
    assert read_details(tmp_path / "log") == {"a": 2}


def test_a_valid_turn_has_no_reasons():
    assert reasons({"result_validity": "VALID", "early_stopping_met": True, "early_stopping_result": "Fine"}) == []


def test_reasons_are_in_loadgens_words():
    details = {
        "result_validity": "INVALID", "result_invalid_reason": "Increase  expected QPS ", "early_stopping_met": False,
        "early_stopping_result": " * Only processed 3 queries.\n * Need more.", "num_errors": 2,
    }  # fmt: skip
    assert reasons(details) == [
        "Increase expected QPS", "Only processed 3 queries. Need more.", "2 errors in LoadGen's log",
    ]  # fmt: skip


def test_a_trace_gives_the_latency_of_each_sample(tmp_path):
    (tmp_path / "trace").write_text(
        '{"name":"Sample","id":0,"args":{"sample_seq":1,"query_seq":1,"issue_start_ns":5,"complete_ns":2500000}},\n'
        '{"name":"Sample","ph":"e","id":0,"ts":10512.539},\n'
        '{"name":"Sample","id":1,"args":{"sample_seq":0,"query_seq":0,"issue_start_ns":5,"complete_ns":7000000}},\n'
    )
    assert traced(tmp_path / "trace") == [2.5, 7.0]
