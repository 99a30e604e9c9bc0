"""The pip command for what an extra of this package needs."""

import re

EXTRA = re.compile(r"(?: and )?extra == [\"']([^\"']+)[\"']")


def pip_install(*extras: str) -> str:
    """Return the command that installs the packages of these extras, each by its own name.

    The package itself is on no index: whoever has it cloned it or was given a wheel, and it is installed already.
    """
    from importlib.metadata import PackageNotFoundError, requires  # 30 ms, which only an error pays

    try:
        found = requires("edgereader") or []
    except PackageNotFoundError:
        return f"pip install '.[{','.join(extras)}]' in the folder of edgereader's pyproject.toml"
    wanted = dict.fromkeys(
        _without_extra(requirement) for requirement in found if set(EXTRA.findall(requirement)) & set(extras)
    )
    return " ".join(("pip install", *(f"'{requirement}'" for requirement in wanted)))


def installed_version() -> str:
    """Return the version of this package; "" where it runs from a folder."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("edgereader")
    except PackageNotFoundError:
        return ""


def _without_extra(requirement: str) -> str:
    """A requirement as pip takes it: `name>=1; marker and extra == "cpu"` without the extra."""
    name, _, marker = EXTRA.sub("", requirement).partition(";")
    quoted = marker.strip().replace("'", '"')  # the shell's quotes are single
    return f"{name.strip()}; {quoted}" if quoted else name.strip()
