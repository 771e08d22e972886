"""Which events a column of a comparison holds: a session, a phase of consent in it, or a stretch of time."""

from collections.abc import Callable, Mapping
from typing import Final, Literal, NamedTuple, get_args

from addon.times import optional_rfc3339, parse_moment
from addon.vocabulary import ConsentState

Phase = Literal["before", "refused", "partly", "accepted", "not-asked"]
"""A stretch of a visit in which the state of consent is known."""

PHASES: Final[Mapping[Phase, ConsentState]] = {
    "before": "no_choice_yet",
    "refused": "refused",
    "partly": "partly_accepted",
    "accepted": "accepted",
    "not-asked": "not_asked",
}
"""The phases in the order in which columns stand, each with the state that its events and pages have."""


class SelectionError(ValueError):
    """What was named is no session, no phase and no stretch of time. The message says what is."""


class Selection(NamedTuple):
    """A session, or the part of it in one phase, or from `start` until before `end` (epoch seconds)."""

    session: str
    phase: Phase | None = None
    start: float | None = None
    end: float | None = None

    def holds(self, state: ConsentState, at: float) -> bool:
        """Tell whether something that happened at `at`, when consent was in `state`, belongs to this part."""
        return (
            (self.phase is None or PHASES[self.phase] == state)
            and (self.start is None or self.start <= at)
            and (self.end is None or at < self.end)
        )

    def window(self) -> str:
        """Return the stretch of time in words, or nothing."""
        start, end = optional_rfc3339(self.start), optional_rfc3339(self.end)
        if start and end:
            return f"from {start} until {end}"
        return f"from {start}" if start else f"until {end}" if end else ""


def parse_selection(text: str, exists: Callable[[str], bool]) -> Selection:
    """Return what `text` names: `SESSION`, `SESSION:PHASE` or `SESSION@FROM..TO` with times in RFC 3339.

    `exists` tells whether there is a session of a name. A name that itself holds `:` or `@` is taken as it is.
    Either end of the time may be left out. Raises SelectionError.
    """
    if exists(text):
        return Selection(text)
    session, at, window = text.rpartition("@")
    if at and ".." in window:
        start, _, end = window.partition("..")
        return _in_order(Selection(session, start=_moment(start), end=_moment(end)), text)
    session, colon, phase = text.rpartition(":")
    if colon:
        for known in get_args(Phase):
            if phase == known:
                return Selection(session, phase=known)
        raise SelectionError(f"“{phase}” in {text!r} is no phase; the phases are: {', '.join(PHASES)}")
    return Selection(text)


def _moment(text: str) -> float | None:
    if not text.strip():
        return None
    try:
        return parse_moment(text.strip())
    except ValueError:
        raise SelectionError(f"{text!r} is no time such as 2026-05-04T10:31:02Z") from None


def _in_order(selection: Selection, text: str) -> Selection:
    if selection.start is None and selection.end is None:
        raise SelectionError(f"{text!r} names no time: write SESSION@FROM..TO, with at least one of them")
    if selection.start is not None and selection.end is not None and selection.start >= selection.end:
        raise SelectionError(f"{text!r} ends before it begins")
    return selection
