"""Trouble that lasts is logged when it begins, when it changes and when it is over, not each time it is met."""

import logging

from ...errors import SourceLost

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


def no_new_frames(name: str, seconds: float) -> SourceLost:
    """Return the error of a camera that is silent, or that gives old frames again."""
    return SourceLost(f"{name}: no new frames within {seconds:g} s; check the camera, its power and network")
