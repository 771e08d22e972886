"""The database: the only place that writes SQL.

One file holds any number of sessions. Observations are added in one transaction per replay; everything
derived is written by `write_derivation` and can be dropped and rebuilt from the observations.
"""

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from itertools import chain, count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlite_utils import Database

from addon.audit import AssessedEvent, Clock, Derivation, Observations, VisitorStamp, rules_named
from addon.consent.login import LoginStamp
from addon.consent.timeline import ConsentStamp, Mark
from addon.derivation import EVENT_ROLES, Surroundings, Totals, derive_events
from addon.model import Act, Problem
from addon.observation import ConsentEvidence, ObservedRequest, Observer, PageVisit
from addon.store.encoding import RuleTexts
from addon.store.personas import PersonaTables
from addon.store.rows import (
    CONSENT_COLUMNS,
    EVENT_COLUMNS,
    LINK_COLUMNS,
    PAGE_COLUMNS,
    REQUEST_COLUMNS,
    SEARCH_COLUMNS,
    EventRows,
    EventStanding,
    LiveProxyRow,
    MarkRow,
    RequestRow,
    ReviewRow,
    SessionRow,
    SourceRow,
    StoredDerivation,
    Withdrawal,
    assessed_event,
    consent_evidence,
    consent_row,
    event_rows,
    mark_row,
    observed_request,
    of_source,
    page_row,
    page_visit,
    request_row,
)
from addon.store.schema import DERIVED, LIVE, OBSERVED, known_migrations, migrations
from addon.times import now
from addon.version import TOOL_VERSION
from addon.vocabulary import Provenance
from rules.engine import Matcher
from rules.model import Rule

_BATCH = 500
_USUAL_KIB = 2_000
_FILLING_KIB = 32_000
"""How much of the database is held in memory: keys of requests come in no order, so while a capture is added any page
of their indexes may be the next."""
_REQUEST = ", ".join(f'"{name}"' for name in REQUEST_COLUMNS)
_ALL_EVENTS = ""
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_BUSY_SNAPSHOT})
_LIVE_PATIENCE = 2.0
"""Seconds that a recorder waits for others in one go: what it has to write is safe in its memory meanwhile."""


class StoreError(Exception):
    """The database cannot be used. The message names the file, what is wrong and what to do."""


class StoreBusyError(StoreError):
    """Another program has kept the database locked for too long; the same may be tried again."""


class SessionNotFoundError(LookupError):
    """There is no session of that name."""


class EventNotFoundError(LookupError):
    """There is no event with that id."""


class MarkNotFoundError(LookupError):
    """There is no mark of that number, or it counts no longer."""


class Store(PersonaTables):
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
            self._connection.execute(f"PRAGMA cache_size=-{_USUAL_KIB}")
            self._keep_log()

    def _keep_log(self) -> None:
        """Write by way of a log, so that others can read meanwhile; a database that is being filled stays as it is."""
        try:
            self._connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode not in _BUSY:
                raise

    # sessions

    def sessions(self) -> tuple[SessionRow, ...]:
        """Return every session, the newest last."""
        rows = self._rows("SELECT * FROM obs_sessions ORDER BY created_at, id")
        return tuple(SessionRow.model_validate(row) for row in rows)

    def session(self, name: str | None = None) -> SessionRow:
        """Return the session with this id or name, or the newest for None. Raises SessionNotFoundError."""
        found = self.sessions()
        if name is None:
            if found:
                return found[-1]
            raise SessionNotFoundError(f"{self.path} holds no session yet; run: pixelwitness replay CAPTURE")
        for row in found:
            if name in {row.id, row.name}:
                return row
        fitting = [row for row in found if row.id.startswith(name)]
        if len(fitting) == 1:
            return fitting[0]
        known = ", ".join(row.id for row in found[-5:]) or "none"
        raise SessionNotFoundError(f"{self.path} holds no session “{name}”; the latest are: {known}")

    def ensure_session(self, session: str, provenance: Provenance = "recorded") -> None:
        """Make the session where it does not exist."""
        self._connection.execute(
            "INSERT INTO obs_sessions (id, name, created_at, provenance, tool_version) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (id) DO NOTHING",
            (session, session, now(), provenance, TOOL_VERSION),
        )

    def mark_reconstruction(self, session: str) -> None:
        """State that the session holds traffic that was built, not recorded. Never taken back."""
        self._connection.execute("UPDATE obs_sessions SET provenance = 'reconstruction' WHERE id = ?", (session,))

    def mark_incomplete(self, session: str) -> None:
        """State that something of the session could not be kept."""
        self._connection.execute("UPDATE obs_sessions SET complete = 0 WHERE id = ?", (session,))

    def state_public_address(self, session: str, address: str, by: str | None) -> None:
        """Keep the public address that the investigator states."""
        self._connection.execute(
            "UPDATE obs_sessions SET public_address = ?, public_address_stated_by = ?, public_address_stated_at = ? "
            "WHERE id = ? AND public_address IS NOT ?",
            (address, by, now(), session, address),
        )

    # sources and observations

    def sources(self, session: str) -> tuple[SourceRow, ...]:
        """Return the sources of a session in the order in which they were added."""
        rows = self._rows("SELECT * FROM obs_sources WHERE session = ? ORDER BY rowid", session)
        return tuple(SourceRow.model_validate({k: v for k, v in row.items() if k != "session"}) for row in rows)

    def put_source(self, session: str, source: SourceRow) -> None:
        """Add a source, or let it grow to its longer version."""
        values = {"session": session, **source.model_dump()}
        self._put("obs_sources", values, conflict="(session, id)")

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

    def source_problems(self, session: str) -> tuple[Problem, ...]:
        """Return what of the sources could not be read."""
        rows = self._rows("SELECT place, what FROM obs_problems WHERE session = ? ORDER BY rowid", session)
        return tuple(Problem(where=row["place"], what=row["what"]) for row in rows)

    # marks and reviews

    def marks(self, session: str) -> tuple[Mark, ...]:
        """Return the investigator's marks in the order of time, without those that were withdrawn."""
        return tuple(row.mark for row in self.kept_marks(session) if row.withdrawn is None)

    def kept_marks(self, session: str) -> tuple[MarkRow, ...]:
        """Return every mark of a session in the order of time, with its number and whether it was withdrawn."""
        rows = self._rows(
            "SELECT m.id, m.at, m.kind, m.site, m.text, m.by, m.stated_at, w.reason, w.by AS withdrawn_by, "
            "w.stated_at AS withdrawn_at FROM obs_marks m LEFT JOIN obs_withdrawals w "
            "ON w.id = (SELECT min(id) FROM obs_withdrawals WHERE session = m.session AND mark = m.id) "
            "WHERE m.session = ? ORDER BY m.at, m.id",
            session,
        )
        numbers = {identity: number for number, identity in enumerate(sorted(row["id"] for row in rows), 1)}
        return tuple(mark_row(row, numbers[row["id"]]) for row in rows)

    def withdraw_mark(self, session: str, number: int, withdrawal: Withdrawal) -> None:
        """Withdraw a mark by its number in the session; it is kept, and counts no longer. Raises MarkNotFoundError."""
        row = next((row for row in self.kept_marks(session) if row.number == number), None)
        if row is None:
            raise MarkNotFoundError(f"session {session} has no mark {number}")
        if row.withdrawn is not None:
            raise MarkNotFoundError(f"mark {number} of session {session} was withdrawn already, at {row.withdrawn.at}")
        self._insert(
            "obs_withdrawals",
            [
                {
                    "session": session,
                    "mark": row.identity,
                    "reason": withdrawal.reason,
                    "by": withdrawal.by,
                    "stated_at": withdrawal.at,
                }
            ],
        )

    def add_mark(self, session: str, mark: Mark) -> None:
        """Add a mark."""
        self._insert("obs_marks", [{"session": session, **mark.model_dump(), "stated_at": now()}])

    def add_review(self, session: str, event: str, review: ReviewRow) -> None:
        """Add a decision about an event; earlier ones are kept. Raises EventNotFoundError."""
        rows = self._rows(
            "SELECT request_key, request_index FROM der_event_requests WHERE session = ? AND event = ? AND ordinal = 0",
            session,
            event,
        )
        if not rows:
            raise EventNotFoundError(f"session {session} holds no event “{event}”; pixelwitness events lists them")
        self._insert("obs_reviews", [{"session": session, **rows[0], **review.model_dump()}])
        self._changed(session, [event])

    def reviews(self, session: str) -> dict[str, ReviewRow]:
        """Return the latest decision for every reviewed event, by event id."""
        rows = self._rows(
            "SELECT r.event, v.state, v.reason, v.by, v.at FROM obs_reviews v JOIN der_event_requests r "
            "ON r.session = v.session AND r.request_key = v.request_key AND r.request_index = v.request_index "
            "WHERE v.session = ? ORDER BY v.id",
            session,
        )
        return {row["event"]: ReviewRow.model_validate({k: v for k, v in row.items() if k != "event"}) for row in rows}

    # derivations

    def write_derivation(self, session: str, derivation: Derivation, packs: Sequence[str] = ()) -> None:
        """Replace everything derived of a session; assessments under other rules are kept.

        `packs` are the names of the optional packs that the derivation was made with.
        """
        self._clear_derived(session, keep_other_rules=derivation.ruleset_digest)
        self._put_derivation(session, derivation.ruleset_digest, derivation.other_digest, derivation, packs)
        sink = StoredEvents(self, session)
        for start in range(0, len(derivation.events), _BATCH):
            sink.put(derivation.events[start : start + _BATCH])
        self.put_rules(session, derivation.ruleset_digest, derivation.rules)
        if derivation.other_digest is not None:
            self.put_rules(session, derivation.other_digest, derivation.other_rules)
        self.put_acts(session, derivation.acts)
        self._put_derived_problems(session, derivation.problems)
        self._changed(session, [_ALL_EVENTS])

    def rewrite_derivation(
        self, session: str, matcher: Matcher, other: Matcher | None = None, packs: Sequence[str] = ()
    ) -> None:
        """Derive a session anew from its observations and write what follows, event by event.

        Neither its requests nor its events are ever in memory together. `other` holds the rules of the optional
        packs named in `packs`. Assessments under other rules are kept.
        """
        self._clear_derived(session, keep_other_rules=matcher.ruleset.digest)
        sink = StoredEvents(self, session)
        totals = derive_events(
            StoredRequests(self._connection, session), self.surroundings(session), matcher, other, sink
        )
        self._put_derivation(session, matcher.ruleset.digest, other.ruleset.digest if other else None, totals, packs)
        self.put_rules(session, matcher.ruleset.digest, rules_named(totals.rules, matcher))
        if other is not None:
            self.put_rules(session, other.ruleset.digest, rules_named(totals.other_rules, other))
        self.put_acts(session, totals.acts)
        self._put_derived_problems(session, totals.problems)
        self._changed(session, [_ALL_EVENTS])

    def put_events(self, session: str, events: Sequence[AssessedEvent]) -> None:
        """Write derived events in place of earlier versions of the same ones."""
        rows = [event_rows(item) for item in events]
        numbers = {item.id: self._drop_event(session, item.id) for item in rows}
        self._add_event_rows(session, rows, numbers)
        self._changed(session, [item.id for item in rows])

    def _add_event_rows(
        self, session: str, rows: Sequence[EventRows], numbers: Mapping[str, int | None] | None = None
    ) -> None:
        """Write events that are not there; `numbers` are those that earlier versions of them had."""
        known = numbers or {}
        last = int(self._rows("SELECT coalesce(max(number), 0) AS last FROM der_events")[0]["last"])
        # the numbers of earlier versions, which are not there at the moment, are taken
        following = count(max([last, *(number for number in known.values() if number)]) + 1)
        numbered = [(known.get(item.id) or next(following), item) for item in rows]
        self._insert_rows(
            "der_events",
            ("number", "session", *EVENT_COLUMNS),
            ((number, session, *item.event) for number, item in numbered),
        )
        self._insert_rows(
            "der_event_requests",
            ("session", *LINK_COLUMNS),
            ((session, *link) for item in rows for link in item.requests),
        )
        self._insert_rows(
            "der_search", ("rowid", *SEARCH_COLUMNS), ((number, *item.search) for number, item in numbered)
        )

    def drop_events(self, session: str, events: Iterable[str]) -> None:
        """Remove derived events that turned out to be part of another one."""
        for event in events:
            self._drop_event(session, event)
            self._changed(session, [_ALL_EVENTS])

    def add_derived_problems(self, session: str, problems: Iterable[Problem]) -> None:
        """Add what of requests could not be read, before the session is derived as a whole."""
        self._put_derived_problems(session, problems)

    def count_requests(self, session: str, decoded: int, failed: int) -> None:
        """Count requests that carried events and could or could not be read."""
        self._connection.execute(
            "UPDATE der_sessions SET decoded = decoded + ?, failed = failed + ? WHERE session = ?",
            (decoded, failed, session),
        )

    def visitor_stamps(self, session: str) -> tuple[tuple[str, str | None, float, VisitorStamp], ...]:
        """Return id, site, moment and what is known of the visitor for every derived event."""
        rows = self._rows("SELECT id, site, occurred_at, consent, login FROM der_events WHERE session = ?", session)
        return tuple(
            (
                row["id"],
                row["site"],
                row["occurred_at"],
                VisitorStamp(
                    consent=ConsentStamp.model_validate_json(row["consent"]),
                    login=LoginStamp.model_validate_json(row["login"]),
                ),
            )
            for row in rows
        )

    def put_consent(self, session: str, stamps: Mapping[str, VisitorStamp]) -> None:
        """Replace what is known of the visitor's choice and login at the moment of events, given by their ids."""
        self._connection.executemany(
            "UPDATE der_events SET consent_state = ?, consent = ?, login = ? WHERE session = ? AND id = ?",
            [
                (
                    stamp.consent.state,
                    stamp.consent.model_dump_json(),
                    stamp.login.model_dump_json(),
                    session,
                    event,
                )
                for event, stamp in stamps.items()
            ],
        )
        self._changed(session, stamps)

    def revision(self) -> int:
        """Return a number that has grown whenever derived events were written, changed or reviewed."""
        return int(self._rows("SELECT coalesce(max(revision), 0) AS last FROM live_changes")[0]["last"])

    def changed_events(self, session: str, since: int) -> tuple[str, ...]:
        """Return the ids of the events of `session` that changed after revision `since`, the oldest event first."""
        rows = self._rows(
            "SELECT id FROM der_events WHERE session = ?1 AND (id IN (SELECT event FROM live_changes "
            "WHERE session = ?1 AND revision > ?2) OR EXISTS (SELECT 1 FROM live_changes "
            "WHERE session = ?1 AND event = ?3 AND revision > ?2)) ORDER BY occurred_at, id",
            session,
            since,
            _ALL_EVENTS,
        )
        return tuple(row["id"] for row in rows)

    def assessed_events(self, session: str, events: Sequence[str]) -> tuple[AssessedEvent, ...]:
        """Return those of the given events that exist, under the session's present rules, the oldest first."""
        rows = self._rows(
            "SELECT e.* FROM der_events e JOIN der_sessions d ON d.session = e.session "
            "AND d.ruleset_digest = e.ruleset_digest WHERE e.session = ? "
            "AND e.id IN (SELECT value FROM json_each(?)) ORDER BY e.occurred_at, e.id",
            session,
            json.dumps(list(events)),
        )
        rules = self._rule_texts(session)
        return tuple(assessed_event(row, rules) for row in rows)

    def requests_of(self, session: str, events: Sequence[str]) -> dict[str, ObservedRequest]:
        """Return the observed requests that carried the given events, by key."""
        carried = self._requests(
            session,
            "AND key IN (SELECT request_key FROM der_event_requests WHERE session = ?1 "
            "AND event IN (SELECT value FROM json_each(?2)))",
            json.dumps(list(events)),
        )
        return {item.key: item for item in carried}

    def last_page(self, session: str) -> PageVisit | None:
        """Return the page of the browser's window that was opened last, or None."""
        rows = self._rows(
            "SELECT * FROM obs_pages WHERE session = ? AND top = 1 ORDER BY at DESC, position DESC LIMIT 1", session
        )
        return page_visit(rows[0]) if rows else None

    # proxies that are running

    def put_live_proxy(self, proxy: LiveProxyRow) -> None:
        """Say what a proxy is doing. What another program asked of it meanwhile stays."""
        values = proxy.model_dump(exclude={"wanted_session"})
        self._put("live_proxies", values, conflict="(id)")

    def live_proxies(self) -> tuple[LiveProxyRow, ...]:
        """Return every proxy that was started with this database, the latest last."""
        rows = self._rows("SELECT * FROM live_proxies ORDER BY started_at, id")
        return tuple(LiveProxyRow.model_validate(row) for row in rows)

    def want_session(self, proxy: str, session: str | None) -> None:
        """Ask a proxy to record into `session` from now on; None takes the wish back, or says it is fulfilled."""
        self._connection.execute("UPDATE live_proxies SET wanted_session = ? WHERE id = ?", (session, proxy))

    def data_version(self) -> int:
        """Return a number that changes when another connection has written to the database; cheap to ask."""
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def put_rules(self, session: str, ruleset_digest: str, rules: Iterable[Rule]) -> None:
        """Keep the text of rules that counted, so that findings can be explained after the rules have changed."""
        self._insert(
            "der_rules",
            (
                {
                    "session": session,
                    "ruleset_digest": ruleset_digest,
                    "rule": rule.id,
                    "version": rule.version,
                    "title": rule.title,
                    "text": rule.model_dump_json(exclude_defaults=True),
                }
                for rule in rules
            ),
        )

    def rules(self, session: str, ruleset_digest: str) -> tuple[Rule, ...]:
        """Return the rules that counted in a session, as they read then."""
        rows = self._rows(
            "SELECT text FROM der_rules WHERE session = ? AND ruleset_digest = ? ORDER BY rule", session, ruleset_digest
        )
        return tuple(Rule.model_validate_json(row["text"]) for row in rows)

    def _rule_texts(self, session: str) -> RuleTexts:
        """Return what gives the rules of a digest by their ids; each digest is read once, when it is asked for."""

        @cache
        def by_id(digest: str) -> Mapping[str, Rule]:
            return {rule.id: rule for rule in self.rules(session, digest)}

        return by_id

    def put_acts(self, session: str, acts: Iterable[Act]) -> None:
        """Replace the visitor acts of a session."""
        self._connection.execute("DELETE FROM der_acts WHERE session = ?", (session,))
        self._add_acts(session, acts)

    def _add_acts(self, session: str, acts: Iterable[Act]) -> None:
        self._insert(
            "der_acts",
            (
                {"session": session, **act.model_dump(exclude={"event_ids"}), "event_ids": json.dumps(act.event_ids)}
                for act in acts
            ),
        )

    def replace_acts(self, session: str, former: Iterable[str], acts: Sequence[Act]) -> None:
        """Put acts in place of `former` ones, given by their ids; all others stay."""
        self._connection.executemany(
            "DELETE FROM der_acts WHERE session = ? AND id = ?", [(session, act) for act in former]
        )
        self._add_acts(session, acts)

    def ruleset_digest(self, session: str) -> str | None:
        """Return the digest of the rules that a session was last derived with, or None where it was not."""
        rows = self._rows("SELECT ruleset_digest FROM der_sessions WHERE session = ?", session)
        return str(rows[0]["ruleset_digest"]) if rows else None

    def acts(self, session: str) -> tuple[Act, ...]:
        """Return the visitor acts of a session in the order of time."""
        rows = self._rows("SELECT * FROM der_acts WHERE session = ? ORDER BY at, id", session)
        return tuple(
            Act.model_validate(
                {
                    **{k: v for k, v in row.items() if k not in {"session", "event_ids"}},
                    "event_ids": json.loads(row["event_ids"]),
                }
            )
            for row in rows
        )

    def standings(self, session: str) -> dict[str, EventStanding]:
        """Return, by event, what decides whether it counts: for sentences that need not read whole events."""
        rows = self._rows(
            "SELECT e.id, e.site, e.delivery, e.band FROM der_events e "
            "JOIN der_sessions d ON d.session = e.session AND d.ruleset_digest = e.ruleset_digest WHERE e.session = ?",
            session,
        )
        reviews = self.reviews(session)
        return {
            row["id"]: EventStanding(
                row["site"],
                row["delivery"],
                row["band"],
                row["id"] in reviews and reviews[row["id"]].state == "dismissed",
            )
            for row in rows
        }

    def held_requests(self, session: str) -> int:
        """Return how many requests of a session were held back."""
        rows = self._rows("SELECT count(*) AS n FROM obs_requests WHERE session = ? AND held", session)
        return int(rows[0]["n"])

    def packs(self, session: str) -> tuple[str, ...]:
        """Return the optional packs that a session was last derived with."""
        rows = self._rows("SELECT packs FROM der_sessions WHERE session = ?", session)
        return tuple(json.loads(rows[0]["packs"])) if rows else ()

    def derivation(self, session: str) -> StoredDerivation | None:
        """Return the derivation of a session under the rules it was last derived with, or None."""
        heads = self._rows("SELECT * FROM der_sessions WHERE session = ?", session)
        if not heads:
            return None
        head = heads[0]
        rows = self._rows(
            "SELECT * FROM der_events WHERE session = ? AND ruleset_digest = ? ORDER BY occurred_at, id",
            session,
            head["ruleset_digest"],
        )
        rules = self._rule_texts(session)
        problems = self._rows("SELECT * FROM der_problems WHERE session = ? ORDER BY rowid", session)
        return StoredDerivation(
            tool_version=head["tool_version"],
            ruleset_digest=head["ruleset_digest"],
            decoded=head["decoded"],
            failed=head["failed"],
            clock=Clock(skew_ms=head["skew_ms"], spread_ms=head["spread_ms"], samples=head["clock_samples"]),
            events=tuple(assessed_event(row, rules) for row in rows),
            acts=self.acts(session),
            problems=tuple(
                Problem(where=row["place"], what=row["what"], request_key=row["request_key"]) for row in problems
            ),
            other_digest=head["other_digest"],
            packs=tuple(json.loads(head["packs"])),
        )

    def find_event(self, event: str) -> str:
        """Return the id of the session that holds an event. Raises EventNotFoundError."""
        rows = self._rows("SELECT session FROM der_events WHERE id = ? ORDER BY rowid DESC", event)
        if not rows:
            raise EventNotFoundError(f"{self.path} holds no event “{event}”; pixelwitness events lists them")
        return str(rows[0]["session"])

    def search(self, session: str, words: str) -> tuple[str, ...]:
        """Return the ids of events that hold all `words` in page, title, button, search or findings."""
        query = " ".join('"' + word.replace('"', '""') + '"' for word in words.split())
        if not query:
            return ()
        rows = self._rows("SELECT id FROM der_search WHERE session = ? AND der_search MATCH ?", session, query)
        return tuple(row["id"] for row in rows)

    def drop_derivations(self) -> None:
        """Empty every derived table."""
        self._connection.execute("INSERT INTO der_search (der_search) VALUES ('delete-all')")
        for table in DERIVED:
            self._connection.execute(f"DELETE FROM {table}")  # noqa: S608 - names are ours

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

    # inside

    def _unusable(self, why: str) -> StoreError:
        return StoreError(f"{self.path} cannot be used as a database: {why}; name another with --db")

    def _refuse_others(self) -> None:
        """Raise StoreError before anything is written into the database of another program or a newer version."""
        applied = {migration.name for migration in migrations.applied(self._db)}
        if not applied and set(self._db.table_names()) - {migrations.migrations_table}:
            raise self._unusable("it is the database of another program")
        if applied - known_migrations():
            raise self._unusable("it was written by a newer version of Pixelwitness")

    def _changed(self, session: str, events: Iterable[str]) -> None:
        """Note that events changed, for whoever shows the session while it runs."""
        revision = self.revision() + 1
        self._connection.executemany(
            "INSERT INTO live_changes (session, event, revision) VALUES (?, ?, ?) "
            "ON CONFLICT (session, event) DO UPDATE SET revision = excluded.revision",
            [(session, event, revision) for event in events],
        )

    def _clear_derived(self, session: str, keep_other_rules: str) -> None:
        self._connection.execute(
            "DELETE FROM der_rules WHERE session = ? AND ruleset_digest IN "
            "(SELECT other_digest FROM der_sessions WHERE session = ?)",
            (session, session),
        )
        self._connection.execute(
            "INSERT OR REPLACE INTO der_assessments SELECT session, id, ruleset_digest, score, band, tier, topics, "
            "actions, findings, assessment FROM der_events "
            "WHERE session = ? AND ruleset_digest NOT IN (?, '')",
            (session, keep_other_rules),
        )
        self._unsearch("session = ?", session)
        for table in DERIVED:
            if table in {"der_assessments", "der_rules"}:
                self._connection.execute(
                    f"DELETE FROM {table} WHERE session = ? AND ruleset_digest = ?",  # noqa: S608 - names are ours
                    (session, keep_other_rules),
                )
            else:
                self._connection.execute(f"DELETE FROM {table} WHERE session = ?", (session,))  # noqa: S608 - ours

    def _unsearch(self, which: str, *values: object) -> None:
        """Take events out of the full-text index, which must be told what it holds of them, before they go."""
        names = ", ".join(SEARCH_COLUMNS)
        self._connection.execute(
            f"INSERT INTO der_search (der_search, rowid, {names}) "  # noqa: S608 - names are ours
            f"SELECT 'delete', number, {names} FROM der_events WHERE {which}",
            values,
        )

    def _put_derivation(
        self, session: str, digest: str, other_digest: str | None, found: Derivation | Totals, packs: Sequence[str]
    ) -> None:
        """Write what holds for the derivation of a session as a whole."""
        self._insert(
            "der_sessions",
            [
                {
                    "session": session,
                    "tool_version": TOOL_VERSION,
                    "ruleset_digest": digest,
                    "decoded": found.decoded,
                    "failed": found.failed,
                    "skew_ms": found.clock.skew_ms,
                    "spread_ms": found.clock.spread_ms,
                    "clock_samples": found.clock.samples,
                    "other_digest": other_digest,
                    "packs": json.dumps(list(packs)),
                }
            ],
        )

    def _link_events(self, session: str, origins: Mapping[str, str]) -> None:
        self._connection.executemany(
            "UPDATE der_events SET derived_from = ? WHERE session = ? AND id = ?",
            [(origin, session, event) for event, origin in origins.items()],
        )

    def _put_derived_problems(self, session: str, problems: Iterable[Problem]) -> None:
        self._insert(
            "der_problems",
            (
                {"session": session, "place": item.where, "what": item.what, "request_key": item.request_key}
                for item in problems
            ),
        )

    def _drop_event(self, session: str, event: str) -> int | None:
        """Remove an event where it is there; return its number."""
        rows = self._rows("SELECT number FROM der_events WHERE session = ? AND id = ?", session, event)
        if not rows:
            return None
        number = int(rows[0]["number"])
        self._unsearch("number = ?", number)
        self._connection.execute("DELETE FROM der_events WHERE number = ?", (number,))
        for table in ("der_event_requests", "der_assessments"):
            self._connection.execute(
                f"DELETE FROM {table} WHERE session = ? AND event = ?",  # noqa: S608 - names are ours
                (session, event),
            )
        return number

    def _rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        try:
            cursor = self._connection.execute(sql, values)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor]
        except sqlite3.Error as error:
            raise StoreError(f"{self.path} cannot be read: {error}") from error

    def _requests(self, session: str, which: str = "", *values: object) -> Iterator[ObservedRequest]:
        """Yield requests of a session: the rest of the statement says which, and in what order."""
        statement = f"SELECT {_REQUEST} FROM obs_requests WHERE session = ?1 {which}"  # noqa: S608 - all of it is ours
        try:
            yield from map(observed_request, self._connection.execute(statement, (session, *values)))
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


class StoredRequests:
    """The requests of a session that are events or look like one, read from the database one after the other."""

    def __init__(self, connection: sqlite3.Connection, session: str) -> None:
        """Prepare to read the requests of `session`; nothing is read yet."""
        self._connection = connection
        self._session = session

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
            f"SELECT rowid, {_REQUEST} FROM obs_requests INDEXED BY obs_requests_time WHERE session = ? "  # noqa: S608
            f"AND role IN ({marks}) ORDER BY started_at, key",
            (self._session, *EVENT_ROLES),
        )
        return ((row[0], row[1:]) for row in cursor)

    def row_at(self, place: int) -> RequestRow:
        """Return the row with this number."""
        row: RequestRow = self._connection.execute(
            f"SELECT {_REQUEST} FROM obs_requests WHERE rowid = ?",  # noqa: S608
            (place,),
        ).fetchone()
        return row


class StoredEvents:
    """Writes derived events of one session as they come: what is given was not there before."""

    def __init__(self, store: Store, session: str) -> None:
        """Write into `session` of `store`, inside its transaction."""
        self._store = store
        self._session = session

    def put(self, events: Sequence[AssessedEvent]) -> None:
        """Write events."""
        self.put_rows([event_rows(item) for item in events])

    def put_rows(self, rows: Sequence[EventRows]) -> None:
        """Write events, given as rows."""
        self._store._add_event_rows(self._session, rows)  # noqa: SLF001 - a part of the store

    def drop(self, events: Sequence[str]) -> None:
        """Remove events, by their ids."""
        for event in events:
            self._store._drop_event(self._session, event)  # noqa: SLF001 - a part of the store

    def stamp(self, stamps: Mapping[str, VisitorStamp]) -> None:
        """Change what is known of the visitor at the moment of events, by their ids."""
        self._store.put_consent(self._session, stamps)

    def link(self, origins: Mapping[str, str]) -> None:
        """Say which event another was derived from, both by their ids."""
        self._store._link_events(self._session, origins)  # noqa: SLF001 - a part of the store


def create_private(path: Path) -> None:
    """Make an empty file that only its owner can read, whatever the umask says."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except OSError as error:
        raise StoreError(f"{path} cannot be made: {error.strerror or error}; name another with --db") from None
    if hasattr(os, "fchmod"):  # not on every Windows, where the mode does not count either
        os.fchmod(descriptor, 0o600)
    os.close(descriptor)
