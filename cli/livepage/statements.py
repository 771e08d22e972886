"""What the investigator states on the live page, kept in the database: marks, reviews, a new session.

A mark overrules what the traffic proves, so only what the closed list of marks says becomes one. A choice of which
only some purposes were accepted, and details typed into a form, are notes: they stand in the report beside the time
and claim nothing about consent that the cookies do not show.
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple

from addon.consent.timeline import Mark
from addon.replay import restamp
from addon.sites import registrable_domain
from addon.store.rows import ReviewRow
from addon.store.store import Store
from addon.times import now
from addon.vocabulary import MarkKind, ReviewState

MAX_TEXT: Final = 2000
MAX_NAME: Final = 80
MAX_EVENTS: Final = 200
MAX_AGO: Final = 3600.0
"""A statement is dated by the key that began it, at most this many seconds before it arrived."""


class StatementError(ValueError):
    """What was stated cannot be kept. The message says why, for the person who stated it."""


class Kind(NamedTuple):
    """How one button's statement is kept: the kind of mark, and the words that begin its text."""

    mark: MarkKind
    words: str


KINDS: Final[Mapping[str, Kind]] = {
    "accepted": Kind("accepted", ""),
    "refused": Kind("refused", ""),
    "changed_accepted": Kind("accepted", "changed the choice on cookies: everything accepted"),
    "changed_refused": Kind("refused", "changed the choice on cookies: everything declined"),
    "changed_partly": Kind("note", "changed the choice on cookies: some purposes accepted, others not"),
    "logged_in": Kind("logged_in", ""),
    "typed": Kind("note", "typed the test person's details"),
    "note": Kind("note", ""),
}
"""What the buttons of the page say, and what becomes of it."""


class Statements:
    """Writes what the investigator states. Used by one thread at a time."""

    def __init__(self, path: Path, by: str | None = None) -> None:
        """Open the database at `path`; `by` is the name of the person who states. Raises StoreError."""
        self._store = Store(path, create=False, live=True)
        self._by = by

    def close(self) -> None:
        """Close the database."""
        self._store.close()

    def mark(self, session: str, kind: str, site: str | None, text: str, ago: float) -> None:
        """Keep a mark of `session` and work out consent anew; `ago` is how many seconds before now it was.

        `kind` is a key of `KINDS`, `site` a domain or None for all. Raises StatementError and StoreError.
        """
        chosen = KINDS.get(kind)
        if chosen is None:
            raise StatementError(f"“{kind[:40]}” is nothing that can be stated here")
        said = ". ".join(part for part in (chosen.words, _line(text, MAX_TEXT)) if part)
        if chosen.mark == "note" and not said:
            raise StatementError("A note needs words")
        if not 0 <= ago <= MAX_AGO:
            raise StatementError("The moment stated is not within the last hour; use pixelwitness mark --at")
        domain = registrable_domain(_line(site, 253).lower()) if site else None
        mark = Mark(at=time.time() - ago, kind=chosen.mark, site=domain, text=said, by=self._by)
        with self._store.transaction():
            self._store.add_mark(session, mark)
        if chosen.mark in {"accepted", "refused"}:
            restamp(self._store, session)

    def review(self, session: str, events: Sequence[str], decision: Literal["confirm", "dismiss"], reason: str) -> None:
        """Keep a decision about events of `session`. Raises StatementError, EventNotFoundError and StoreError."""
        if not 0 < len(events) <= MAX_EVENTS:
            raise StatementError("There is nothing to review in this act")
        why = _line(reason, MAX_TEXT)
        if decision == "dismiss" and not why:
            raise StatementError("To dismiss needs a reason, which the report will show")
        state: ReviewState = "confirmed" if decision == "confirm" else "dismissed"
        row = ReviewRow(state=state, reason=why or None, by=self._by, at=now())
        with self._store.transaction():
            for event in events:
                self._store.add_review(session, event, row)

    def new_session(self, proxy: str, name: str) -> None:
        """Ask a proxy to record into a new session from now on. Raises StatementError and StoreError."""
        wanted = _line(name, MAX_NAME)
        if not wanted:
            raise StatementError("A session needs a name")
        if any(wanted in {row.id, row.name} for row in self._store.sessions()):
            raise StatementError(f"There is a session “{wanted}” already; choose another name")
        with self._store.transaction():
            self._store.want_session(proxy, wanted)


def _line(text: str | None, longest: int) -> str:
    """Return a text of the page on one line. Raises StatementError for one that is too long."""
    line = " ".join((text or "").split())
    if len(line) > longest:
        raise StatementError(f"That is too long: {len(line):,} characters, at most {longest:,} are kept")
    return line
