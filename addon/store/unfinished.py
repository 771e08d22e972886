"""What was read of a capture whose reading was interrupted: a file beside the database until it is whole.

A session never shows half a capture. So that a long reading need not begin anew, the rows of its observations are
kept in a file of its own, together with where reading stands; the rows and that place are written in one transaction.
Nothing of it counts before it is given to the database as a whole. As the rows are only read once, in their order, the
file has no index: it costs little beside what it saves.
"""

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from addon.model import Epoch, Frozen
from addon.observation import Observer, ObserverState
from addon.store.errors import StoreError
from addon.store.private import create_private
from addon.store.rows import (
    CONSENT_COLUMNS,
    PAGE_COLUMNS,
    REQUEST_COLUMNS,
    consent_row,
    of_source,
    page_row,
    request_row,
)
from addon.store.store import Store
from addon.version import TOOL_VERSION

_TABLES = {"requests": REQUEST_COLUMNS, "pages": PAGE_COLUMNS, "consent": CONSENT_COLUMNS}


class ReadingState(Frozen):
    """Where the reading of a capture stands. `sha256` is of the capture's bytes before `read_to`."""

    tool_version: str
    read_to: int
    sha256: str
    seen: int
    first_at: Epoch | None
    last_at: Epoch | None
    matched: int
    observer: ObserverState


class Unfinished:
    """The file for one capture and one database; it exists only while there is something in it."""

    def __init__(self, database: Path, capture: Path) -> None:
        """Name the file; nothing is opened yet."""
        name = hashlib.sha256(str(capture.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:12]
        self.path = database.with_name(f"{database.name}-unfinished-{name}")
        self._connection: sqlite3.Connection | None = None

    def state(self) -> ReadingState | None:
        """Return where an earlier reading stopped, or None where there was none that this version can go on with."""
        if not self.path.exists():
            return None
        try:
            ((text,),) = self._rows("SELECT state FROM reading")
            state = ReadingState.model_validate_json(text)
        except (StoreError, ValueError):  # not one row, or not what this version writes
            self.remove()
            return None
        if state.tool_version != TOOL_VERSION:
            self.remove()
            return None
        return state

    def keys(self) -> list[tuple[str, Epoch]]:
        """Return digest and start of every request that is kept."""
        return list(self._rows("SELECT sha256, started_at FROM requests"))

    def contents(self) -> frozenset[str]:
        """Return what the kept part of the capture is recognised by (see `Store.contents`)."""
        if not self.path.exists():
            return frozenset()
        keys = (key for (key,) in self._rows("SELECT key FROM requests"))
        pages = (f"{at!r} {url}" for at, url in self._rows("SELECT at, url FROM pages"))
        return frozenset([*keys, *pages])

    def save(self, observer: Observer, state: ReadingState) -> None:
        """Add what was observed since the last time, and where reading stands now. Raises StoreError."""
        try:
            connection = self._open()
            connection.execute("BEGIN IMMEDIATE")
            self._add("requests", map(request_row, observer.requests))
            self._add("pages", map(page_row, observer.pages))
            self._add("consent", map(consent_row, observer.consent))
            connection.execute("UPDATE reading SET state = ?", (state.model_dump_json(),))
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            self.close()
            raise StoreError(f"{self.path} cannot be written: {error}") from error

    def give(self, store: Store, session: str, source: str) -> None:
        """Add everything that is kept to `store`, inside its transaction, as observations of a source."""
        store.add_request_rows(session, of_source(source, self._kept("requests")))
        store.add_page_rows(session, of_source(source, self._kept("pages")))
        store.add_consent_rows(session, of_source(source, self._kept("consent")))

    def close(self) -> None:
        """Leave the file as it is."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def remove(self) -> None:
        """Remove the file, where there is one."""
        self.close()
        for path in self.path.parent.glob(self.path.name + "*"):
            path.unlink(missing_ok=True)

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None:
            return self._connection
        if not self.path.exists():
            create_private(self.path)
        connection = self._connection = sqlite3.connect(self.path, isolation_level=None)
        # rows are only added, at the end: a log would hold all of them a second time, a journal hardly any
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("BEGIN IMMEDIATE")
        for table, columns in _TABLES.items():
            connection.execute(f"CREATE TABLE IF NOT EXISTS {table} ({', '.join(columns)})")
        connection.execute("CREATE TABLE IF NOT EXISTS reading (state)")
        connection.execute("INSERT INTO reading SELECT '' WHERE NOT EXISTS (SELECT 1 FROM reading)")
        connection.execute("COMMIT")
        return connection

    def _add(self, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
        marks = ", ".join("?" * len(_TABLES[table]))
        self._open().executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608 - names are ours

    def _kept(self, table: str) -> Iterator[tuple[Any, ...]]:
        return self._rows(f"SELECT * FROM {table} ORDER BY rowid")  # noqa: S608 - names are ours

    def _rows(self, statement: str) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self._open().execute(statement)
        except sqlite3.Error as error:
            raise StoreError(f"{self.path} cannot be read: {error}") from error
