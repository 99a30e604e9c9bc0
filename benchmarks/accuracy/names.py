"""What the names after `edgereader eval` are: a bundle or none, then data sets."""

import os
from collections.abc import Sequence
from pathlib import Path

from ...models.data import labels_tsv, lmdb_crops
from ...runtime.bundles.bundle import MANIFEST_NAME, shipped
from ...runtime.errors import DatasetError
from .datasets import split_name

DEFAULT = "digits-edge"


def bundle_and_sets(names: Sequence[str]) -> tuple[str, list[str]]:
    """Tell a bundle, which may be left out, from the data sets that follow it.

    Args:
        names: At least one. The first is a data set if it is a folder with `labels.tsv` or `data.mdb`.

    Raises:
        DatasetError: The first name is neither a bundle nor a data set, or both; or there is no data set.
    """
    first, *others = names
    bundle, data = is_bundle(first), is_data_set(first)
    if bundle and data:
        raise DatasetError(
            f"{first}: expected a bundle or a data set, got both: a bundle, and a folder with labels; rename the "
            f"folder, or name a bundle before it"
        )
    if data:
        return DEFAULT, list(names)
    if not bundle:
        got = "nothing there" if not split_name(first)[0].exists() else "something that is neither"
        raise DatasetError(
            f"{first}: expected a bundle (a shipped name, or a folder with {MANIFEST_NAME}) or a data set (a folder "
            f"with labels.tsv or an LMDB), got {got}; give the path of one"
        )
    if not others:
        raise DatasetError(f"expected a data set behind the bundle {first}, got none; give a folder with labels.tsv")
    return first, others


def is_bundle(name: str) -> bool:
    """Return whether a bundle ships under this name, or lies in this folder."""
    folders = [Path(name)] if {"/", os.sep} & set(name) else [shipped(name), Path(name)]
    return any((folder / MANIFEST_NAME).is_file() for folder in folders)


def is_data_set(name: str) -> bool:
    """Return whether this is a folder with labels or an LMDB, also with `:held-out` behind it."""
    root, _ = split_name(name)
    return any((root / file).is_file() for file in (labels_tsv.FILE_NAME, lmdb_crops.FILE_NAME))
