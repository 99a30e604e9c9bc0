"""Networks against the contract are in test_plan.py; here is what only a GPU loads, on a stand-in of an engine."""

import pytest

from edgereader.export.engines.plan_contract import check_engine
from edgereader.runtime.bundles.manifest import ShapeRange
from edgereader.runtime.errors import ExportError

FOUND = {
    "crops": ("INPUT", "UINT8", (-1, 32, 100, 1)),
    "allowed": ("INPUT", "FLOAT", (12,)),
    "symbols": ("OUTPUT", "INT64", (-1, 5)),
    "log_probs": ("OUTPUT", "FLOAT", (-1, 5, 12)),
}
PROFILE = {"crops": ShapeRange(min=(1, 32, 100, 1), opt=(4, 32, 100, 1), max=(8, 32, 100, 1))}


class StandIn:
    """An engine as the runtime loads it, see `edgereader.runtime.sessions.tensorrt.engines.Engine`."""

    def __init__(self, **shapes):
        self.shapes = shapes
        self.checked = []

    def check(self, *arguments):
        self.checked.append(arguments)

    def shape(self, name):
        return self.shapes.get(name, tuple(None if size == -1 else size for size in FOUND[name][2]))


def test_a_stand_in_of_an_engine_with_the_networks_shapes_passes():
    for engine in (StandIn(), StandIn(crops=(1, 32, 100, 1), symbols=(1, 5))):
        check_engine(engine, "recognizer", FOUND, PROFILE)
        assert engine.checked == [("recognizer", PROFILE)], "names, types and profile are the runtime's own check"


@pytest.mark.parametrize(("name", "shape"), [("log_probs", (None, 5, 13)), ("allowed", (None,)), ("symbols", (None,))])
def test_a_stand_in_of_an_engine_with_other_shapes_is_refused(name, shape):
    with pytest.raises(ExportError, match=f"{name}: expected a shape of "):
        check_engine(StandIn(**{name: shape}), "recognizer", FOUND, PROFILE)
