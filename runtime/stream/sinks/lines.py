"""Events as lines to read, for a terminal."""

from collections.abc import Callable, Sequence

from ...text.values import shown
from ..numbers.events import Event
from ..settings import Number, Settings
from .jsonl import StandardOutput


def prints(settings: Settings) -> bool:
    """Return whether a stream prints its events: where they are neither written as JSON nor sent to a broker."""
    return not settings.jsonl and settings.mqtt is None


def lines(numbers: Callable[[], Sequence[Number]]) -> StandardOutput:
    """Return a sink that prints a line for each event; it asks what numbers there are each time."""

    def encoded(event: Event) -> bytes:
        number = next((number for number in numbers() if number.name == event.name), Number())
        return f"{line(event, number)}\n".encode()

    return StandardOutput(encoded)


def line(event: Event, number: Number) -> str:
    """Return in a line when, what, and how sure: ``2026-11-22T21:00:00.000Z  water  00123.4 m³  99 %``."""
    remarks = ", ".join(["unsure"] * (not event.sure) + [event.note] * bool(event.note))
    text = f"{shown(event.text, event.value, number.decimals)} {number.unit}".rstrip()
    return f"{event.at}  {event.name}  {text}  {event.confidence:.0%}" + (f"  ({remarks})" if remarks else "")
