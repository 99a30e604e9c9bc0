import sys

import pytest

from edgereader.benchmarks.contenders import OPENERS
from edgereader.benchmarks.speed.entries import ALL, Variants, entries, interpreters
from edgereader.runtime.bundles.bundle import shipped
from edgereader.runtime.errors import BundleError, BundleNotFound, DatasetError


def names(wanted, **variants):
    return [entry.name for entry in entries(wanted, Variants(**variants))]


def test_edgereader_is_measured_where_nothing_is_named():
    (entry,) = entries((), Variants())
    assert (entry.name, entry.kind, entry.python) == ("edgereader", "edgereader", sys.executable)
    assert (entry.options.bundle, entry.options.backend, entry.options.precision) == ("digits-edge", "auto", None)


def test_all_is_every_contender_once():
    assert names([ALL, "nothing"]) == list(OPENERS)


def test_each_combination_is_a_contender_and_others_have_no_backend():
    found = names(["nothing", "edgereader"], backends=["cpu", "cuda"], precisions=["int8", "fp32"])
    assert found == [
        "nothing", "edgereader cpu int8", "edgereader cpu fp32", "edgereader cuda int8", "edgereader cuda fp32",
    ]  # fmt: skip


def test_bundles_are_named_where_there_are_several():
    bundles = ["digits-edge", str(shipped("digits-edge"))]
    found = entries(["rapidocr", "pytorch", "edgereader"], Variants(bundles=bundles, precisions=["fp32"]))
    assert [entry.name for entry in found] == [
        "rapidocr", "pytorch digits-edge", f"pytorch {bundles[1]}", "edgereader digits-edge fp32",
        f"edgereader {bundles[1]} fp32",
    ]  # fmt: skip


def test_bundles_in_folders_of_their_own_have_short_names(tmp_path):
    (tmp_path / "wide").symlink_to(shipped("digits-edge"))
    assert names(["edgereader"], bundles=["digits-edge", str(tmp_path / "wide")]) == [
        "edgereader digits-edge", "edgereader wide",
    ]  # fmt: skip


def test_what_is_given_twice_is_one_contender():
    found = names(["edgereader"] * 2, bundles=["digits-edge"] * 2, precisions=["int8"] * 2, backends=["cpu"] * 2)
    assert found == ["edgereader cpu int8"]


def test_threads_are_for_all_and_named_where_they_differ():
    assert names(["rapidocr"], threads=[1]) == ["rapidocr"]
    found = entries(["rapidocr", "edgereader"], Variants(threads=[1, 2]))
    assert [(entry.name, entry.options.threads) for entry in found] == [
        ("rapidocr 1 thread", 1), ("rapidocr 2 threads", 2), ("edgereader 1 thread", 1), ("edgereader 2 threads", 2),
    ]  # fmt: skip


def test_streams_are_contenders_beside_one_another():
    found = entries(["edgereader"], Variants(threads=[1], streams=[1, 2]))
    assert [(entry.name, entry.streams, entry.options.threads) for entry in found] == [
        ("edgereader 1 stream", 1, 1), ("edgereader 2 streams", 2, 1),
    ]  # fmt: skip


def test_a_bundle_or_precision_that_is_not_there_is_refused():
    with pytest.raises(BundleNotFound):
        names(["nothing"], bundles=["no-such-bundle"])
    with pytest.raises(BundleError, match="int4"):
        names(["edgereader"], precisions=["int4"])


def test_an_interpreter_is_for_one_contender():
    pythons = interpreters([f"rapidocr={sys.executable}"])
    found = {entry.name: entry.python for entry in entries(["rapidocr"], Variants(pythons=pythons))}
    assert found == {"rapidocr": sys.executable}


@pytest.mark.parametrize("given", ["rapidocr", "nobody=/bin/sh", "rapidocr=/no/such/file"])
def test_an_interpreter_that_is_none_is_refused(given):
    with pytest.raises(DatasetError, match="--python"):
        interpreters([given])
