"""A folder of pictures, or one, as a source of frames."""

from collections.abc import Sequence
from pathlib import Path

from ...errors import SourceError
from ...geometry.files import read_photo
from ...geometry.images import Frame
from ..settings import Camera


class Pictures:
    """Pictures, at least one, in the order of their names; a camera's fps and loop matter."""

    live = False

    def __init__(self, paths: Sequence[Path], name: str, camera: Camera) -> None:
        self._name = name
        self._paths = paths
        self._camera = camera
        self._count = 0
        """Pictures read so far, broken ones too."""
        self._good = False
        """Whether this round had one that can be read."""

    def read(self) -> tuple[Frame, float | None] | None:
        """Read the next picture; with a speed, when it comes in seconds from the start. None = the end.

        Raises:
            ImageError: this one cannot be read; the next may be.
            SourceError: none of them can be read, and they would be looped for ever.
        """
        round_, place = divmod(self._count, len(self._paths))
        if place == 0 and round_ > 0:
            if not self._camera.loop:
                return None
            if not self._good:
                raise SourceError(f"{self._name}: expected pictures, got none that can be read; check the files")
            self._good = False
        seconds = self._count / self._camera.fps if self._camera.fps else None
        self._count += 1
        frame = read_photo(self._paths[place]).frame
        self._good = True
        return frame, seconds

    def close(self) -> None:
        """Do nothing, as nothing is open."""
