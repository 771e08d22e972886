"""The database: the only place that writes SQL.

One file holds any number of sessions. Observations are added in one transaction per replay; everything
derived is written by `write_derivation` and can be dropped and rebuilt from the observations. What the store
offers about each subject stands in a module of its own; here the file is opened, written as a whole, and a session
forgotten.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlite_utils import Database

from addon.store.derivations import DerivationTables
from addon.store.errors import EventNotFoundError, MarkNotFoundError, SessionNotFoundError, StoreBusyError, StoreError
from addon.store.personas import PersonaTables
from addon.store.private import create_private
from addon.store.schema import DERIVED, LIVE, OBSERVED, known_migrations, migrations

__all__ = [
    "EventNotFoundError",
    "MarkNotFoundError",
    "SessionNotFoundError",
    "Store",
    "StoreBusyError",
    "StoreError",
]

_USUAL_KIB = 2_000
_FILLING_KIB = 32_000
"""How much of the database is held in memory: keys of requests come in no order, so while a capture is added any page
of their indexes may be the next."""
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_BUSY_SNAPSHOT})
_LIVE_PATIENCE = 2.0
"""Seconds that a recorder waits for others in one go: what it has to write is safe in its memory meanwhile."""


class Store(DerivationTables, PersonaTables):
    """An open database. Use as a context manager, or call `close`."""

    def __init__(self, path: Path, *, create: bool = True, live: bool = False) -> None:
        """Open the database at `path`, making it with mode 0600 where it does not exist and `create`.

        `live` makes every commit survive a power cut; a replay can be repeated. Raises StoreError.
        """
        self.path = path
        if not path.exists():
            if not create:
                raise StoreError(f"{path}: no such database; run a replay first, or name another with --db")
            create_private(path)
        try:
            self._connection = sqlite3.connect(
                path, timeout=_LIVE_PATIENCE if live else 30, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise self._unusable(str(error)) from None
        try:
            self._db = Database(self._connection)
            self._refuse_others()
            self._keep_log()
            self._connection.execute(f"PRAGMA synchronous={'FULL' if live else 'NORMAL'}")
            self._connection.execute("PRAGMA foreign_keys=ON")
            self._connection.execute("PRAGMA secure_delete=ON")
            migrations.apply(self._db)
            if self._connection.in_transaction:
                self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._connection.close()
            raise self._unusable(str(error)) from None
        except StoreError:
            self._connection.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Write everything inside or nothing. Raises StoreError where the database refuses."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            yield
            self._connection.execute("COMMIT")
        except BaseException as error:
            if self._connection.in_transaction:  # SQLite has taken it back itself where the disk is full
                self._connection.execute("ROLLBACK")
            if not isinstance(error, sqlite3.Error):
                raise
            kind = StoreBusyError if getattr(error, "sqlite_errorcode", None) in _BUSY else StoreError
            raise kind(f"{self.path} cannot be written: {error}") from error

    @contextmanager
    def filling(self) -> Iterator[None]:
        """Write as much as captures hold, everything or nothing. Raises StoreError where the database refuses.

        A database that holds no session yet, and that no other program has open, is written without a write-ahead log:
        everything would be written there and then once more, and there is nothing yet that others could read meanwhile.
        """
        try:
            self._connection.execute(f"PRAGMA cache_size=-{_FILLING_KIB}")
            if not self.sessions():
                with suppress(sqlite3.OperationalError):  # another program has it open
                    self._connection.execute("PRAGMA journal_mode=DELETE")
            with self.transaction():
                yield
        finally:
            with suppress(sqlite3.Error):  # what went wrong before is what is said; opening sets both again
                self._connection.execute(f"PRAGMA cache_size=-{_USUAL_KIB}")
                self._keep_log()

    def forget(self, session: str) -> None:
        """Remove a session so that no byte of it stays in the file. Raises StoreError."""
        with self.transaction():
            for table in (*LIVE, *DERIVED, *reversed(OBSERVED)):
                column = "id" if table == "obs_sessions" else "session"
                self._connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (session,))  # noqa: S608 - ours
        try:
            # the full-text index keeps deleted words until it is rebuilt, free pages until they are vacuumed
            self._connection.execute("INSERT INTO der_search (der_search) VALUES ('rebuild')")
            self._connection.execute("INSERT INTO der_search (der_search) VALUES ('optimize')")
            self._connection.execute("VACUUM")
            busy = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: the session was removed, but traces may remain: {error}") from error
        if busy:
            raise StoreError(
                f"{self.path}: the session was removed, but traces may remain while another program has the database "
                f"open; close it, then run: pixelwitness sessions --db {self.path}"
            )

    def _keep_log(self) -> None:
        """Write by way of a log, so that others can read meanwhile; a database that is being filled stays as it is."""
        try:
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA schema_version")  # until something is read, the change stays a transaction
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode not in _BUSY:
                raise

    def _unusable(self, why: str) -> StoreError:
        return StoreError(f"{self.path} cannot be used as a database: {why}; name another with --db")

    def _refuse_others(self) -> None:
        """Raise StoreError before anything is written into the database of another program or a newer version."""
        applied = {migration.name for migration in migrations.applied(self._db)}
        if not applied and set(self._db.table_names()) - {migrations.migrations_table}:
            raise self._unusable("it is the database of another program")
        if applied - known_migrations():
            raise self._unusable("it was written by a newer version of Pixelwitness")
