"""SQLite files that belong to EdgeReader: opened safely, told from others' and from damaged ones, never deleted."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ...errors import ConfigError, SinkError

WAIT_S = 2.0
"""A lock that another connection holds is waited for so long."""


@dataclass(frozen=True)
class Schema:
    """What a file must hold."""

    what: str
    """What messages call the file: "the history"."""
    application: int
    """SQLite's application_id: tells this kind of file from all others."""
    version: int
    """SQLite's user_version."""
    tables: str
    """SQL that makes the tables that are not there: a file may be older than one of them."""
    pragmas: tuple[str, ...] = ()
    """Settings that must come before the tables."""
    upgrades: tuple[str, ...] = ()
    """SQL that makes version 2 of version 1, version 3 of version 2, ...; "" where only tables came in."""


@contextmanager
def as_sink_error(what: str, path: Path) -> Iterator[None]:
    """Turn SQLite's errors into `SinkError`."""
    try:
        yield
    except (sqlite3.Error, OSError) as exc:
        if isinstance(exc, SinkError):
            raise
        raise SinkError(f"{path}: {what}: {exc}; check the disk, and the file's owner") from exc


def open_database(path: Path | None, schema: Schema, *, alone: bool = False) -> sqlite3.Connection:
    """Open a file, or make it, readable by its owner only; without a path, keep all in memory.

    Every statement is its own transaction unless `transaction` says otherwise. The connection may be used by several
    threads, one at a time.

    Args:
        alone: no other process may use the file at the same time.

    Raises:
        ConfigError: the path is that of another program's file, or of a newer version's.
        SinkError: cannot be opened or made, is damaged, or in use.
    """
    database = None
    try:
        if path is not None:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        database = sqlite3.connect(path or ":memory:", timeout=WAIT_S, isolation_level=None, check_same_thread=False)
        _prepare(database, path, schema, alone=alone)
    except BaseException as exc:
        if database is not None:
            database.close()
        if isinstance(exc, (sqlite3.Error, OSError)):
            raise SinkError(f"{path}: {_why(exc, schema)}") from exc
        raise
    return database


def check_database(path: Path, schema: Schema) -> None:
    """Look whether a file that is there could be opened, and leave it as it is.

    Raises:
        ConfigError: the path is that of another program's file, or of a newer version's.
        SinkError: cannot be opened, is damaged, or in use.
    """
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", timeout=0.1, uri=True)) as database:
            _expect(database, path, schema)
    except sqlite3.Error as exc:
        raise SinkError(f"{path}: {_why(exc, schema)}") from exc


def _expect(database: sqlite3.Connection, path: Path | None, schema: Schema) -> tuple[int, int]:
    """Return how many tables there are, and their version; all of them must be ours."""
    (application,) = database.execute("PRAGMA application_id").fetchone()
    (version,) = database.execute("PRAGMA user_version").fetchone()
    (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    _expect_ours(path, schema, application, version, tables)
    return int(tables), int(version)


def _prepare(database: sqlite3.Connection, path: Path | None, schema: Schema, *, alone: bool) -> None:
    if alone:
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
    tables, version = _expect(database, path, schema)
    for pragma in () if tables else schema.pragmas:
        database.execute(f"PRAGMA {pragma}")
    database.execute("PRAGMA journal_mode = WAL")
    with transaction(database):
        older = schema.upgrades[version - 1 :] if tables else ()
        for statement in (*";".join(older).split(";"), *schema.tables.split(";")):
            database.execute(statement)
        if not tables or older:
            database.execute(f"PRAGMA application_id = {schema.application}")
            database.execute(f"PRAGMA user_version = {schema.version}")
    (damage,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if damage != "ok":
        raise sqlite3.DatabaseError(f"malformed: {damage}")


def _expect_ours(path: Path | None, schema: Schema, application: int, version: int, tables: int) -> None:
    """Refuse another program's file, and one of a newer version; one of an older version is taken over.

    Raises:
        ConfigError: it is one of these.
    """
    if (application, version, tables) == (0, 0, 0):
        return
    if application != schema.application:
        raise ConfigError(f"{path}: expected {schema.what}, got another program's file; choose another path")
    if version > schema.version:
        raise ConfigError(
            f"{path}: expected {schema.what} of version {schema.version} or older, got version {version}, of a newer "
            "EdgeReader; update EdgeReader, or put the copy of before the update back"
        )


def _why(exc: Exception, schema: Schema) -> str:
    """Return what is wrong with a file that does not open."""
    text = str(exc)
    if isinstance(exc, OSError):
        return f"expected {schema.what} or a new file, got: {exc.strerror}; check the path and its owner"
    if "locked" in text:
        return f"expected {schema.what} for this stream alone, got one in use; give each stream a path of its own"
    if "not a database" in text or "malformed" in text:
        return f"expected {schema.what}, got a damaged or foreign file; move it away, and a new one is made"
    return f"expected {schema.what}, got: {text}; check the disk, and the file's owner"


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """Run all of a block's statements, or none."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise
