"""The tables of derived events: what they are, what the rules say of them, and the index of their words."""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import count

from addon.audit import AssessedEvent, VisitorStamp
from addon.consent.login import LoginStamp
from addon.consent.timeline import ConsentStamp
from addon.store.encoding import RuleTexts
from addon.store.errors import EventNotFoundError
from addon.store.live import ALL_EVENTS
from addon.store.observations import ObservationTables
from addon.store.rows import (
    EVENT_COLUMNS,
    LINK_COLUMNS,
    SEARCH_COLUMNS,
    EventRows,
    EventStanding,
    assessed_event,
    event_rows,
    stamped_rows,
)
from rules.model import Rule


class EventTables(ObservationTables):
    """What the store offers about events."""

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
        self._search([number for number, _ in numbered])

    def drop_events(self, session: str, events: Iterable[str]) -> None:
        """Remove derived events that turned out to be part of another one."""
        for event in events:
            self._drop_event(session, event)
            self._changed(session, [ALL_EVENTS])

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

    def put_rules(self, session: str, ruleset_digest: str, rules: Iterable[Rule]) -> None:
        """Keep the text of rules that counted, so that findings can be explained after the rules have changed."""
        known = {
            row["rule"]
            for row in self._rows(
                "SELECT rule FROM der_rules WHERE session = ? AND ruleset_digest = ?", session, ruleset_digest
            )
        }
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
                if rule.id not in known
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

    def _link_events(self, session: str, origins: Mapping[str, str]) -> None:
        self._connection.executemany(
            "UPDATE der_events SET derived_from = ? WHERE session = ? AND id = ?",
            [(origin, session, event) for event, origin in origins.items()],
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

    def _search(self, numbers: Sequence[int]) -> None:
        """Put events into the full-text index, in one statement, which is cheaper than one for each."""
        names = ", ".join(SEARCH_COLUMNS)
        self._connection.execute(
            f"INSERT INTO der_search (rowid, {names}) SELECT number, {names} FROM der_events "  # noqa: S608 - ours
            "WHERE number IN (SELECT value FROM json_each(?))",
            (json.dumps(numbers),),
        )

    def _unsearch(self, which: str, *values: object) -> None:
        """Take events out of the full-text index, which must be told what it holds of them, before they go."""
        names = ", ".join(SEARCH_COLUMNS)
        self._connection.execute(
            f"INSERT INTO der_search (der_search, rowid, {names}) "  # noqa: S608 - names are ours
            f"SELECT 'delete', number, {names} FROM der_events WHERE {which}",
            values,
        )


class StoredEvents:
    """Writes derived events of one session as they come: what is given was not there before."""

    def __init__(self, store: EventTables, session: str) -> None:
        """Write into `session` of `store`, inside its transaction."""
        self._store = store
        self._session = session

    def written(self, item: AssessedEvent) -> EventRows:
        """Return an event as rows."""
        return event_rows(item)

    def stamped(self, event: EventRows, stamp: VisitorStamp) -> EventRows:
        """Return the rows of an event with what is known of the visitor."""
        return stamped_rows(event, stamp)

    def put(self, events: Sequence[EventRows]) -> None:
        """Write events."""
        self._store._add_event_rows(self._session, events)  # noqa: SLF001 - a part of the store

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
