"""Whether what a cookie says can be true at the time it was sent: neither expired nor dated after its own request."""

from datetime import UTC, datetime
from typing import Final

from addon.consent.reading import MAX_PROOF, CookieReading, quoted
from addon.model import Epoch

DAY: Final = 86_400.0
"""How far the browser's clock may be ahead before a time of its own counts as after the request."""


def believed(reading: CookieReading, at: Epoch) -> CookieReading:
    """Return a reading as far as it can be believed of a request that left at `at`, epoch seconds.

    What had expired by its own account is not believed. What is dated a day and more after the request keeps its
    state, because a browser's clock may be wrong, and says what contradicts it.
    """
    if reading.expires_at is not None and reading.expires_at < at:
        words = f"{reading.proof}; expired by its own account on {_day(reading.expires_at)}: not believed"
        return reading._replace(state="unknown", proof=quoted(words, MAX_PROOF), chosen_at=None)
    late = [
        f"{what}, {_day(moment)}, lies after the request that carried it"
        for what, moment in (("its own time of choice", reading.chosen_at), ("the day of its TC string", reading.dated))
        if moment is not None and moment > at + DAY
    ]
    return reading._replace(against=(*reading.against, *late)) if late else reading


def era(reading: CookieReading, at: Epoch) -> int:
    """Return in which stretch of time `at` lies: within one, `believed` says the same of the reading."""
    return sum(moment < at for moment in era_ends(reading))


def era_ends(reading: CookieReading) -> tuple[Epoch, ...]:
    """Return the moments at which what `believed` says of a reading may change."""
    ends = (reading.expires_at, *(moment and moment - DAY for moment in (reading.chosen_at, reading.dated)))
    return tuple(moment for moment in ends if moment is not None)


def _day(moment: Epoch) -> str:
    return datetime.fromtimestamp(moment, UTC).date().isoformat()
