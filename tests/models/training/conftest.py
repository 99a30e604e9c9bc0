from pathlib import Path

import pytest

from edgereader.models.synthesis.fonts import FontPool


@pytest.fixture(scope="session")
def fonts() -> FontPool:
    """A few fonts, the same on every machine; `make debian` installs them, and without them the tests fail."""
    return FontPool((Path("/usr/share/fonts/truetype/dejavu"),))
