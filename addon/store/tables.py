"""How rows are read from and written to any table: what all parts of the store build on."""

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from addon.store.errors import StoreError


class Tables:
    """An open database and the ways of reading and writing its rows."""

    path: Path
    _connection: sqlite3.Connection

    def _rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        try:
            cursor = self._connection.execute(sql, values)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor]
        except sqlite3.Error as error:
            raise StoreError(f"{self.path} cannot be read: {error}") from error

    def _insert(self, table: str, rows: Iterable[dict[str, Any]]) -> None:
        """Add rows in batches; a row whose key is known already changes nothing."""
        given = iter(rows)
        first = next(given, None)
        if first is not None:
            self._insert_rows(table, tuple(first), (tuple(row.values()) for row in chain((first,), given)))

    def _insert_rows(self, table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
        """Add rows with values in the order of `columns`; a row whose key is known already changes nothing."""
        names = ", ".join(f'"{name}"' for name in columns)
        marks = ", ".join("?" * len(columns))
        self._connection.executemany(f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})", rows)  # noqa: S608

    def _put(self, table: str, row: dict[str, Any], conflict: str) -> None:
        names = ", ".join(f'"{name}"' for name in row)
        marks = ", ".join("?" * len(row))
        updates = ", ".join(f'"{name}" = excluded."{name}"' for name in row)
        self._connection.execute(
            f"INSERT INTO {table} ({names}) VALUES ({marks}) ON CONFLICT {conflict} DO UPDATE SET {updates}",  # noqa: S608
            tuple(row.values()),
        )
