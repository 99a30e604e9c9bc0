"""What MLPerf LoadGen logs of a turn."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .jobs import Measure, Turn

P50 = {"MultiStream": "result_50.00_percentile_per_query_latency_ns"}
SAMPLE = re.compile(r'"sample_seq":\d+,.*"complete_ns":(\d+)')
"""LoadGen's trace of one sample: nanoseconds from when it was due to when it was answered."""


def turn_of(ask: Measure, spans: Sequence[tuple[float, float]], logs: Path) -> Turn:
    """What LoadGen logged, and the latencies: by our own clock, but for Server, where they begin when they are due."""
    details = read_details(logs / "mlperf_log_detail.txt")
    server = ask.scenario == "Server"
    if server:
        times_ms = traced(logs / "mlperf_log_trace.json")
        seconds = len(times_ms) / details["result_completed_samples_per_sec"]
    else:
        times_ms = [1000 * (end - start) for start, end in spans]
        seconds = spans[-1][1] - spans[0][0]
    queries, samples = details["result_query_count"], details["generated_samples_per_query"]
    return Turn(
        scenario=ask.scenario,
        valid=details["result_validity"] == "VALID",
        reasons=reasons(details),
        queries=queries,
        samples_per_query=samples,
        samples_per_s=queries * samples / seconds,
        seconds=seconds,
        times_ms=times_ms,
        loadgen_p50_ms=details[P50.get(ask.scenario, "result_50.00_percentile_latency_ns")] / 1e6,
        target_qps=ask.target_qps if server else None,
        target_ms=ask.target_ms if server else None,
    )


def read_details(path: Path) -> dict[str, Any]:
    """Key → value of LoadGen's detailed log; of a key that comes twice, the last."""
    lines = path.read_text(encoding="utf-8").splitlines()
    marker = ":::MLLOG "
    entries = (json.loads(line.removeprefix(marker)) for line in lines if line.startswith(marker))
    return {entry["key"]: entry["value"] for entry in entries}


def reasons(details: dict[str, Any]) -> list[str]:
    """Why LoadGen calls a turn INVALID, in its own words."""
    if details["result_validity"] == "VALID":
        return []
    words = [details.get("result_invalid_reason", "")]
    if not details["early_stopping_met"]:
        words.append(details["early_stopping_result"].replace("*", ""))
    errors = [f"{details['num_errors']} errors in LoadGen's log"] if details["num_errors"] else []
    return [" ".join(each.split()) for each in words if each.strip()] + errors


def traced(path: Path) -> list[float]:
    """Milliseconds from when each of Server's queries was due until it was answered, in the order of the answers."""
    text = path.read_text(encoding="utf-8")
    return [int(nanoseconds) / 1e6 for nanoseconds in SAMPLE.findall(text)]
