"""The tables of what was observed: requests, pages, evidence of choices, and what could not be read.

What is observed is only ever added. It is given as models or as rows (see `addon.store.rows`).
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from addon.audit import Observations
from addon.derivation import EVENT_ROLES, Surroundings
from addon.model import Problem
from addon.observation import ConsentEvidence, ObservedRequest, Observer, PageVisit
from addon.store.errors import StoreError
from addon.store.rows import (
    CONSENT_COLUMNS,
    PAGE_COLUMNS,
    REQUEST_COLUMNS,
    RequestRow,
    consent_evidence,
    consent_row,
    observed_request,
    of_source,
    page_row,
    page_visit,
    request_row,
)
from addon.store.sessions import SessionTables
from addon.store.statements import StatementTables

_TOLD_EVERY = 100
_REQUEST = ", ".join(f'"{name}"' for name in REQUEST_COLUMNS)
_NO_ANSWER = {"response_headers": "'[]'", "response_body": "NULL"}
_SENT = ", ".join(_NO_ANSWER.get(name, f'"{name}"') for name in REQUEST_COLUMNS)


class ObservationTables(SessionTables, StatementTables):
    """What the store offers about observations."""

    def contents(self, session: str, source: str) -> frozenset[str]:
        """Return what a source is recognised by: the keys of its requests, time and address of its pages."""
        keys = self._rows("SELECT key FROM obs_requests WHERE session = ? AND source = ?", session, source)
        pages = self._rows("SELECT at, url FROM obs_pages WHERE session = ? AND source = ?", session, source)
        return frozenset([row["key"] for row in keys] + [f"{row['at']!r} {row['url']}" for row in pages])

    def add_observations(self, session: str, observer: Observer, problems: Iterable[Problem] = ()) -> None:
        """Add what an observer collected, as of its source; what is known already stays as it is."""
        source = observer.source_id
        self.add_request_rows(session, of_source(source, map(request_row, observer.requests)))
        self.add_page_rows(session, of_source(source, map(page_row, observer.pages)))
        self.add_consent_rows(session, of_source(source, map(consent_row, observer.consent)))
        self.add_problems(session, source, problems)

    def add_requests(self, session: str, requests: Sequence[ObservedRequest]) -> None:
        """Add observed requests."""
        self.add_request_rows(session, map(request_row, requests))

    def add_request_rows(self, session: str, rows: Iterable[RequestRow]) -> None:
        """Add observed requests, given as rows."""
        self._insert_rows("obs_requests", ("session", *REQUEST_COLUMNS), ((session, *row) for row in rows))

    def complete_requests(self, session: str, requests: Iterable[ObservedRequest]) -> None:
        """Add to requests that were kept when they left how they ended.

        Nothing observed is changed by it: what was sent stays as it is, and only what was not known yet, the
        answer and the arrival, is filled in, once. A request that has an end keeps it.
        """
        columns = ("status", "response_headers", "response_body", "delivery", "server_address", "held")
        rows = [dict(zip(REQUEST_COLUMNS, request_row(item), strict=True)) for item in requests]
        self._connection.executemany(
            f"UPDATE obs_requests SET {', '.join(f'{name} = ?' for name in columns)} "  # noqa: S608 - names are ours
            "WHERE session = ? AND key = ? AND status IS NULL AND delivery IN ('unknown', 'sent')",
            [(*(row[name] for name in columns), session, row["key"]) for row in rows],
        )

    def add_pages(self, session: str, pages: Sequence[PageVisit]) -> None:
        """Add visited pages."""
        self.add_page_rows(session, map(page_row, pages))

    def add_page_rows(self, session: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Add visited pages, given as rows."""
        self._insert_rows("obs_pages", ("session", *PAGE_COLUMNS), ((session, *row) for row in rows))

    def add_consent(self, session: str, evidence: Sequence[ConsentEvidence]) -> None:
        """Add evidence of choices."""
        self.add_consent_rows(session, map(consent_row, evidence))

    def add_consent_rows(self, session: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Add evidence of choices, given as rows."""
        self._insert_rows("obs_consent", ("session", *CONSENT_COLUMNS), ((session, *row) for row in rows))

    def add_problems(self, session: str, source: str, problems: Iterable[Problem]) -> None:
        """Add what of a source could not be read."""
        self._insert(
            "obs_problems",
            ({"session": session, "source": source, "place": item.where, "what": item.what} for item in problems),
        )

    def clear_problems(self, session: str, source: str) -> None:
        """Forget what could not be read of an earlier, shorter version of a source."""
        self._connection.execute("DELETE FROM obs_problems WHERE session = ? AND source = ?", (session, source))

    def observations(self, session: str) -> Observations:
        """Return everything observed in a session, in the order of time."""
        requests = self._requests(session, "ORDER BY started_at, key")
        around = self.surroundings(session)
        return Observations(
            requests=tuple(requests),
            pages=around.pages,
            consent=around.consent,
            marks=around.marks,
            sources_with_cookies=around.sources_with_cookies,
        )

    def surroundings(self, session: str) -> Surroundings:
        """Return what was observed in a session beside its requests, in the order of time."""
        return Surroundings(
            pages=self.pages(session),
            consent=self.consent(session),
            marks=self.marks(session),
            sources_with_cookies=frozenset(source.id for source in self.sources(session) if source.cookies_seen),
        )

    def consent(self, session: str) -> tuple[ConsentEvidence, ...]:
        """Return the evidence of choices in a session, in the order of time."""
        rows = self._rows("SELECT * FROM obs_consent WHERE session = ? ORDER BY at, position, rowid", session)
        return tuple(consent_evidence(row) for row in rows)

    def observed_requests(self, session: str) -> dict[str, ObservedRequest]:
        """Return the observed requests of a session by key."""
        return {item.key: item for item in self._requests(session)}

    def requests_of(self, session: str, events: Sequence[str]) -> dict[str, ObservedRequest]:
        """Return the observed requests that carried the given events, by key."""
        carried = self._requests(
            session,
            "AND key IN (SELECT request_key FROM der_event_requests WHERE session = ? "
            "AND event IN (SELECT value FROM json_each(?)))",
            session,
            json.dumps(list(events)),
        )
        return {item.key: item for item in carried}

    def held_requests(self, session: str) -> int:
        """Return how many requests of a session were held back."""
        rows = self._rows("SELECT count(*) AS n FROM obs_requests WHERE session = ? AND held", session)
        return int(rows[0]["n"])

    def second_witnesses(self, session: str) -> frozenset[str]:
        """Return the sources all of whose requests another source had brought already."""
        rows = self._rows(
            "SELECT id FROM obs_sources s WHERE session = ? AND requests_matched > 0 AND NOT EXISTS "
            "(SELECT 1 FROM obs_requests r WHERE r.session = s.session AND r.source = s.id)",
            session,
        )
        return frozenset(row["id"] for row in rows)

    def role_counts(self, session: str) -> dict[str, int]:
        """Return how many requests of each role a session holds."""
        rows = self._rows("SELECT role, count(*) AS n FROM obs_requests WHERE session = ? GROUP BY role", session)
        return {row["role"]: row["n"] for row in rows}

    def pages(self, session: str) -> tuple[PageVisit, ...]:
        """Return the pages that the browser opened, in the order of time."""
        rows = self._rows("SELECT * FROM obs_pages WHERE session = ? ORDER BY at, position", session)
        return tuple(page_visit(row) for row in rows)

    def last_page(self, session: str) -> PageVisit | None:
        """Return the page of the browser's window that was opened last, or None."""
        rows = self._rows(
            "SELECT * FROM obs_pages WHERE session = ? AND top = 1 ORDER BY at DESC, position DESC LIMIT 1", session
        )
        return page_visit(rows[0]) if rows else None

    def source_problems(self, session: str) -> tuple[Problem, ...]:
        """Return what of the sources could not be read."""
        rows = self._rows("SELECT place, what FROM obs_problems WHERE session = ? ORDER BY rowid", session)
        return tuple(Problem(where=row["place"], what=row["what"]) for row in rows)

    def _requests(self, session: str, which: str = "", *values: object) -> Iterator[ObservedRequest]:
        """Yield requests of a session: the rest of the statement says which, and in what order."""
        statement = f"SELECT {_REQUEST} FROM obs_requests WHERE session = ? {which}"  # noqa: S608 - all of it is ours
        try:
            yield from map(observed_request, self._connection.execute(statement, (session, *values)))
        except sqlite3.Error as error:
            raise StoreError(f"{self.path} cannot be read: {error}") from error


class StoredRequests:
    """The requests of a session that are events or look like one, read from the database one after the other.

    Events follow from what was sent, and from whether it was answered: the answers themselves are left out.
    """

    def __init__(
        self, connection: sqlite3.Connection, session: str, passed: Callable[[int], None] = lambda _: None
    ) -> None:
        """Prepare to read the requests of `session`; nothing is read yet. `passed` is told how many were, at times."""
        self._connection = connection
        self._session = session
        self._passed = passed

    def in_order(self) -> Iterator[tuple[int, ObservedRequest]]:
        """Yield them by start and key, each with its row number."""
        return ((place, observed_request(row)) for place, row in self.rows_in_order())

    def at(self, place: int) -> ObservedRequest:
        """Return the request in the row with this number."""
        return observed_request(self.row_at(place))

    def rows_in_order(self) -> Iterator[tuple[int, RequestRow]]:
        """Yield them as rows, by start and key, each with its row number."""
        marks = ", ".join("?" * len(EVENT_ROLES))
        cursor = self._connection.execute(
            f"SELECT rowid, {_SENT} FROM obs_requests INDEXED BY obs_requests_time WHERE session = ? "  # noqa: S608
            f"AND role IN ({marks}) ORDER BY started_at, key",
            (self._session, *EVENT_ROLES),
        )
        for number, row in enumerate(cursor):
            if number % _TOLD_EVERY == 0:
                self._passed(number)
            yield row[0], row[1:]

    def row_at(self, place: int) -> RequestRow:
        """Return the row with this number."""
        row: RequestRow = self._connection.execute(
            f"SELECT {_SENT} FROM obs_requests WHERE rowid = ?",  # noqa: S608
            (place,),
        ).fetchone()
        return row
