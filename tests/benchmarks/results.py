"""What tests of commands look at in a result."""


def failed(result):
    """The one line of a failure."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr
