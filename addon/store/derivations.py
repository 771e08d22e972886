"""The tables of derivations: everything that follows from the observations of a session, written as a whole."""

import json
from collections.abc import Callable, Iterable, Sequence

from addon.audit import Clock, Derivation, rules_named
from addon.derivation import Totals, derive_events
from addon.model import Act, Problem
from addon.settling import PartRead
from addon.store.events import EventTables, StoredEvents
from addon.store.live import ALL_EVENTS
from addon.store.observations import StoredRequests
from addon.store.rows import (
    ACT_COLUMNS,
    EventRows,
    RequestRow,
    StoredDerivation,
    act_row,
    assessed_event,
    event_rows,
)
from addon.store.schema import DERIVED
from addon.version import TOOL_VERSION
from rules.engine import Matcher

ShareOut = Callable[[Iterable[tuple[int, RequestRow]], frozenset[str]], Iterable[PartRead[EventRows]]]
"""Has others read the requests of a session, given as rows with their places, and the sources that show cookies."""

_BATCH = 500
"""How many events are made rows of at a time."""


class DerivationTables(EventTables):
    """What the store offers about derivations."""

    def write_derivation(self, session: str, derivation: Derivation, packs: Sequence[str] = ()) -> None:
        """Replace everything derived of a session; assessments under other rules are kept.

        `packs` are the names of the optional packs that the derivation was made with.
        """
        self._clear_derived(session, keep_other_rules=derivation.ruleset_digest)
        self._put_derivation(session, derivation.ruleset_digest, derivation.other_digest, derivation, packs)
        sink = StoredEvents(self, session)
        for start in range(0, len(derivation.events), _BATCH):
            sink.put([event_rows(item) for item in derivation.events[start : start + _BATCH]])
        self.put_rules(session, derivation.ruleset_digest, derivation.rules)
        if derivation.other_digest is not None:
            self.put_rules(session, derivation.other_digest, derivation.other_rules)
        self.put_acts(session, derivation.acts)
        self._put_derived_problems(session, derivation.problems)
        self._changed(session, [ALL_EVENTS])

    def rewrite_derivation(
        self,
        session: str,
        matcher: Matcher,
        other: Matcher | None = None,
        packs: Sequence[str] = (),
        share: ShareOut | None = None,
        passed: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Derive a session anew from its observations and write what follows, event by event.

        Neither its requests nor its events are ever in memory together. `other` holds the rules of the optional
        packs named in `packs`. Assessments under other rules are kept. `share` has others read the requests.
        `passed` is told from time to time how many requests were worked out.
        """
        self._clear_derived(session, keep_other_rules=matcher.ruleset.digest)
        sink = StoredEvents(self, session)
        log, around = StoredRequests(self._connection, session, passed), self.surroundings(session)
        parts = None if share is None else share(log.rows_in_order(), around.sources_with_cookies)
        totals = derive_events(log, around, matcher, other, sink, parts=parts)
        self._put_derivation(session, matcher.ruleset.digest, other.ruleset.digest if other else None, totals, packs)
        self.put_rules(session, matcher.ruleset.digest, rules_named(totals.rules, matcher))
        if other is not None:
            self.put_rules(session, other.ruleset.digest, rules_named(totals.other_rules, other))
        self.put_acts(session, totals.acts)
        self._put_derived_problems(session, totals.problems)
        self._changed(session, [ALL_EVENTS])

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

    def digests(self, session: str) -> tuple[str, str | None] | None:
        """Return the digests of the rules and of the optional packs of the last derivation, or None for none."""
        rows = self._rows("SELECT ruleset_digest, other_digest FROM der_sessions WHERE session = ?", session)
        return (rows[0]["ruleset_digest"], rows[0]["other_digest"]) if rows else None

    def packs(self, session: str) -> tuple[str, ...]:
        """Return the optional packs that a session was last derived with."""
        rows = self._rows("SELECT packs FROM der_sessions WHERE session = ?", session)
        return tuple(json.loads(rows[0]["packs"])) if rows else ()

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

    def put_acts(self, session: str, acts: Iterable[Act]) -> None:
        """Replace the visitor acts of a session."""
        self._connection.execute("DELETE FROM der_acts WHERE session = ?", (session,))
        self._add_acts(session, acts)

    def replace_acts(self, session: str, former: Iterable[str], acts: Sequence[Act]) -> None:
        """Put acts in place of `former` ones, given by their ids; all others stay."""
        self._connection.executemany(
            "DELETE FROM der_acts WHERE session = ? AND id = ?", [(session, act) for act in former]
        )
        self._add_acts(session, acts)

    def _add_acts(self, session: str, acts: Iterable[Act]) -> None:
        self._insert_rows("der_acts", ("session", *ACT_COLUMNS), ((session, *act_row(act)) for act in acts))

    def add_derived_problems(self, session: str, problems: Iterable[Problem]) -> None:
        """Add what of requests could not be read, before the session is derived as a whole."""
        self._put_derived_problems(session, problems)

    def count_requests(self, session: str, decoded: int, failed: int) -> None:
        """Count requests that carried events and could or could not be read."""
        self._connection.execute(
            "UPDATE der_sessions SET decoded = decoded + ?, failed = failed + ? WHERE session = ?",
            (decoded, failed, session),
        )

    def drop_derivations(self) -> None:
        """Empty every derived table."""
        self._connection.execute("INSERT INTO der_search (der_search) VALUES ('delete-all')")
        for table in DERIVED:
            self._connection.execute(f"DELETE FROM {table}")  # noqa: S608 - names are ours

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

    def _put_derived_problems(self, session: str, problems: Iterable[Problem]) -> None:
        self._insert(
            "der_problems",
            (
                {"session": session, "place": item.where, "what": item.what, "request_key": item.request_key}
                for item in problems
            ),
        )
