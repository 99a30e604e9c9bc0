import pytest

from edgereader.models.training.fonts import FontPool


@pytest.fixture(scope="session")
def fonts() -> FontPool:
    """The machine's fonts; `make fonts` installs enough of them, and without any the tests fail with its name."""
    return FontPool()
