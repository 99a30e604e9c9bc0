import inspect

import pytest

from edgereader.runtime import errors

CLASSES = {name: kind for name, kind in vars(errors).items() if inspect.isclass(kind)}
BUILTINS = {
    "BundleError": ValueError,
    "BundleNotFound": FileNotFoundError,
    "ImageError": ValueError,
    "BackendUnavailable": ImportError,
    "BackendError": RuntimeError,
    "AlphabetError": ValueError,
    "SourceError": OSError,
    "SourceLost": OSError,
    "CheckpointError": ValueError,
    "DatasetError": ValueError,
    "ConfigError": ValueError,
    "SinkError": OSError,
    "ServiceError": OSError,
    "ExportError": RuntimeError,
    "ParityError": RuntimeError,
}


def test_every_error_is_in_this_list_and_in_the_drawn_tree():
    assert set(CLASSES) == {*BUILTINS, "EdgeReaderError"}
    for name in CLASSES:
        assert f"{name} " in errors.__doc__ or f"{name}\n" in errors.__doc__


@pytest.mark.parametrize("name", BUILTINS)
def test_errors_are_of_the_family_and_of_a_builtin(name):
    raised = CLASSES[name]("what, expected, got, fix")
    assert isinstance(raised, errors.EdgeReaderError)
    assert isinstance(raised, BUILTINS[name])
    assert str(raised) == "what, expected, got, fix"
