"""Networks against the contract are in test_plan.py; here is what only a GPU loads, on a stand-in of an engine."""

from __future__ import annotations

from typing import Any

import pytest

from edgereader.export.engines.plan_contract import Tensor, check_engine
from edgereader.runtime.bundles.manifest import Profile, ShapeRange
from edgereader.runtime.errors import ExportError

FOUND: dict[str, Tensor] = {
    "crops": ("INPUT", "UINT8", (-1, 32, 100, 1)),
    "allowed": ("INPUT", "FLOAT", (12,)),
    "symbols": ("OUTPUT", "INT64", (-1, 5)),
    "log_probs": ("OUTPUT", "FLOAT", (-1, 5, 12)),
}
PROFILE: Profile = {"crops": ShapeRange(min=(1, 32, 100, 1), opt=(4, 32, 100, 1), max=(8, 32, 100, 1))}


class StandIn:
    """An engine as the runtime loads it, see `edgereader.runtime.sessions.tensorrt.engines.Engine`."""

    def __init__(self, **shapes: tuple[int | None, ...]) -> None:
        self.shapes = shapes
        self.checked: list[Any] = []

    def check(self, *arguments: Any) -> None:
        self.checked.append(arguments)

    def shape(self, name: str) -> tuple[int | None, ...]:
        return self.shapes.get(name, tuple(None if size == -1 else size for size in FOUND[name][2]))


def test_a_stand_in_of_an_engine_with_the_networks_shapes_passes() -> None:
    for engine in (StandIn(), StandIn(crops=(1, 32, 100, 1), symbols=(1, 5))):
        check_engine(engine, "recognizer", FOUND, PROFILE)  # type: ignore[arg-type]
        assert engine.checked == [("recognizer", PROFILE)], "names, types and profile are the runtime's own check"


@pytest.mark.parametrize(("name", "shape"), [("log_probs", (None, 5, 13)), ("allowed", (None,)), ("symbols", (None,))])
def test_a_stand_in_of_an_engine_with_other_shapes_is_refused(name: str, shape: tuple[int | None, ...]) -> None:
    with pytest.raises(ExportError, match=f"{name}: expected a shape of "):
        check_engine(StandIn(**{name: shape}), "recognizer", FOUND, PROFILE)  # type: ignore[arg-type]
