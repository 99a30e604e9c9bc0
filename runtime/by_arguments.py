"""How what holds sessions goes to another process: by its arguments, with which it is opened there again."""

from collections.abc import Mapping
from functools import partial
from typing import Any


class ByArguments:
    """Pickles, and copies, by the arguments of its ``__init__``; what unpickles it opens the bundle's files again."""

    _arguments: dict[str, Any]
    """Those of ``__init__`` by name, see `arguments_of`."""

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), **self._arguments), ()


def arguments_of(scope: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of an ``__init__``, from its ``locals()`` before it has others."""
    return {name: value for name, value in scope.items() if name not in {"self", "__class__"}}
