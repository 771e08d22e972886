"""The tables of what investigators state: marks in time, and decisions about events."""

from addon.consent.timeline import Mark
from addon.store.errors import EventNotFoundError, MarkNotFoundError
from addon.store.live import LiveTables
from addon.store.rows import MarkRow, ReviewRow, Withdrawal, mark_row
from addon.times import now


class StatementTables(LiveTables):
    """What the store offers about marks and reviews."""

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
