"""What concerns consent in the traffic with Meta itself: Limited Data Use, and a program that was there before events.

No parameter of an event says that consent was granted. A page can lock Meta's program (`fbq('consent','revoke')`) and
release it at a choice; the program is loaded all the same, and no request shows the lock. So what is reported is that
the program was there for a while and nothing left, with both times, and that the reason is not known.

Sources: developers.facebook.com, "Consent under the GDPR" and "Data processing options for US users".
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from addon.consent.contradictions import StatementMade
from addon.consent.reading import quoted
from addon.model import Epoch, Event

WAITED: Final = 3.0
"""Seconds between the program's loading and the first event from which on it is said that nothing left."""

_PLACES: Final = {
    ("0", "0"): "Meta works out the place itself",
    ("1", "1000"): "the place is stated: California, United States",
    ("1", "0"): "the country is stated: United States; Meta works out the state",
}


def limited_data_use(event: Event) -> StatementMade | None:
    """Return what an event says of Limited Data Use, or None where it says nothing."""
    said = [param for param in event.parameters if param[0] == "dpo"]  # by number, which is faster than by name
    if not said:
        return None
    options = said[-1].value
    if options == "LDU":
        values = {param.name: param.value for param in event.parameters}
        country, state = values.get("dpoco", "0"), values.get("dpost", "0")
        place = _PLACES.get((country, state), f"country {quoted(country, 12)}, state {quoted(state, 12)}")
        words = (
            f"Limited Data Use was asked for ({place}). It tells Meta how to treat the data in some US states, removes "
            "nothing from the request, and is neither consent nor refusal"
        )
    elif not options:
        words = "the data processing options were sent empty: Limited Data Use is not asked for"
    else:
        words = f"data processing options of a form that is not documented: {quoted(options, 24)}"
    return StatementMade(kind="limited_data_use", says=None, at=event.occurred_at, proof=words)


class Departed(Protocol):
    """What is asked of something that left a site."""

    @property
    def site(self) -> str | None:
        """Return the site, where it is known."""

    @property
    def occurred_at(self) -> Epoch:
        """Return when it left."""


def departures(events: Iterable[Departed]) -> dict[str, Sequence[Epoch]]:
    """Return when events left the pages of each site, in order."""
    found: dict[str, list[Epoch]] = {}
    for event in events:
        if event.site is not None:
            found.setdefault(event.site, []).append(event.occurred_at)
    return {site: sorted(times) for site, times in found.items()}


def library_first(loads: Sequence[Epoch], times: Sequence[Epoch]) -> Iterable[StatementMade]:
    """Yield, for the first event after each loading of Meta's program, that nothing had left for a while, if so.

    `times` are when events left the site, in order. Of several loadings before one event the first after the event
    before counts.
    """
    waiting: dict[int, Epoch] = {}
    for load in sorted(loads):
        index = bisect_left(times, load)
        if index < len(times):
            waiting.setdefault(index, load)
    for index, load in waiting.items():
        waited = times[index] - load
        if waited >= WAITED:
            words = (
                f"a page of the site had loaded Meta's program {waited:.0f} s before this event, and no event left in "
                "between; whether the page waited for consent no request shows"
            )
            yield StatementMade(kind="library_first", says=None, at=times[index], proof=words)
