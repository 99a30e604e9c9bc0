"""Trouble that lasts is logged when it begins, when it changes and when it is over, not each time it is met."""

import logging

from ...errors import ImageError, SourceLost

log = logging.getLogger("edgereader")


class Trouble:
    """What is wrong with one thing at the moment."""

    def __init__(self) -> None:
        self.line = ""
        """What was logged last; "" = all is well."""

    def say(self, line: str) -> None:
        """Log what is wrong; the same line is logged once."""
        if line != self.line:
            self.line = line
            log.warning("%s", line)

    def over(self, line: str) -> None:
        """Log that all is well, if something was wrong."""
        if self.line:
            self.line = ""
            log.warning("%s", line)


def no_new_frames(name: str, seconds: float, broken: ImageError | None = None) -> SourceLost:
    """Return the error of a camera that is silent, gives old frames again, or broken ones only: what the last was."""
    within = f"{name}: no new frames within {seconds:g} s"
    if broken is not None:
        return SourceLost(f"{within}, only broken ones: {str(broken).removeprefix(f'{name}: ')}")
    longer = "raise timeout_s under [camera] if it takes longer between two frames"
    return SourceLost(f"{within}; check the camera, its power and network, or {longer}")
