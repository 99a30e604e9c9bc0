"""What a watcher would see, made by hand."""

import numpy as np

from edgereader.runtime.stream.numbers.emitter import Emitter
from edgereader.runtime.stream.settings import Number
from edgereader.runtime.stream.sources.frames import Shot
from edgereader.runtime.stream.tracking.fusion import Fused
from edgereader.runtime.stream.tracking.tracks import Track
from edgereader.runtime.stream.tracking.watcher import Seen
from edgereader.runtime.text.decoding import Text

FRAME = np.zeros((480, 640, 3), np.uint8)
CROP = np.zeros((20, 60, 3), np.uint8)
START_S = 1_700_000_000.0


def quad_at(x=200.0, y=200.0, wide=120.0, high=30.0):
    """Corners (4, 2) of an upright text."""
    return np.float32([[x, y], [x + wide, y], [x + wide, y + high], [x, y + high]])


def a_track(
    text, *, number="n", of=1, confidence=0.99, agreeing=8, read=True, quad=None, accepted=True, own=None, wheels=None
):
    """A track that says a text."""
    shares = (confidence,) * len(text)
    fused = Fused(text, confidence, shares, agreeing, agreeing, ((text, confidence),), accepted)
    return Track(
        of, number, quad_at() if quad is None else quad, fused, Text(own or text, 0.99, shares), read, 9, CROP, wheels
    )


def seen(second, *tracks, ended=(), at_s=None, detected=True, number=None, look=None):
    """What was seen at a second of the stream."""
    number = round(second * 10) if number is None else number
    shot = Shot(FRAME, number, second if at_s is None else at_s, START_S + second, look)
    return Seen(shot, tracks, tuple(ended), detected, len(tracks))


class Camera:
    """A camera at ten frames a second that shows tracks of one number, and the events that come of them."""

    def __init__(self, kind, **settings):
        self.emitter, self.second = Emitter("cellar", [Number(name="n", kind=kind, **settings)]), 0.0

    def events(self, *tracks, frames=1, ended=(), detected=True):
        """Show tracks in some frames; return the events."""
        found = []
        for _ in range(frames):
            self.second += 0.1
            shown = seen(self.second, *tracks, ended=ended, detected=detected)
            found += [event for event, _ in self.emitter.emit(shown)]
        return found

    def see(self, *tracks, **options):
        """Show tracks in some frames; return text and sureness of the events."""
        return [(event.text, event.sure) for event in self.events(*tracks, **options)]
