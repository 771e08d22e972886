"""Moments as reports write them: UTC, RFC 3339, milliseconds."""

from datetime import UTC, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


@lru_cache(maxsize=4096)
def rfc3339(moment: float) -> str:
    """Return epoch seconds as RFC 3339 in UTC with milliseconds."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def optional_rfc3339(moment: float | None) -> str | None:
    """Return `rfc3339(moment)`, or None for None."""
    return None if moment is None else rfc3339(moment)


def now() -> str:
    """Return the present moment as RFC 3339."""
    return rfc3339(datetime.now(UTC).timestamp())


def parse_moment(text: str) -> float:
    """Return epoch seconds for an RFC 3339 time; one without offset is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp()


def stated_moment(text: str, zone: str | None, span: tuple[float, float] | None) -> float:
    """Return epoch seconds for a time as a person states it.

    An RFC 3339 time, or one without offset, which is then of `zone` (a name such as Europe/London; UTC if None). A time
    of day alone is of the only day on which it lies inside `span`, the first and last moment of a session in epoch
    seconds, give or take an hour. Raises ValueError, whose text says what is wrong and what to write instead.
    """
    place = _zone(zone)
    try:
        clock = time.fromisoformat(text)
    except ValueError:
        clock = None
    if clock is not None and _looks_like_a_time_of_day(text):
        return _on_its_day(clock, place, span, text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no time such as 2026-05-04T10:31:02Z or 2026-05-04T12:31:02+02:00") from None
    if len(text) <= _LONGEST_DATE:
        raise ValueError(f"{text!r} is a day without a time; write 2026-05-04T10:31:02Z")
    try:
        return _placed(moment, place, text) if moment.tzinfo is None else moment.timestamp()
    except (OverflowError, OSError):
        raise ValueError(f"{text!r} is too far from today") from None


_LONGEST_DATE: Final = 10


def _zone(name: str | None) -> tzinfo:
    if name is None:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone that is known here; write Europe/London, say") from None


def _looks_like_a_time_of_day(text: str) -> bool:
    """Tell a time of day from a year: both are read by `time.fromisoformat`, only one has a colon third."""
    return text[2:3] == ":"


def _on_its_day(clock: time, place: tzinfo, span: tuple[float, float] | None, text: str) -> float:
    if clock.tzinfo is not None or span is None:
        raise ValueError(f"{text!r} needs a date; write 2026-05-04T10:31:02Z")
    first, last = (datetime.fromtimestamp(moment, place).date() for moment in span)
    days = [first + timedelta(days=number) for number in range(min((last - first).days, _MOST_DAYS) + 1)]
    moments = [_placed(datetime.combine(day, clock), place, text) for day in days]
    inside = [moment for moment in moments if span[0] - _MARGIN <= moment <= span[1] + _MARGIN]
    if len(inside) != 1:
        why = "on more than one day" if inside else f"outside the session, {rfc3339(span[0])} to {rfc3339(span[1])}"
        raise ValueError(f"{text!r} lies {why}; write the date, too, and --zone if it is not UTC")
    return inside[0]


_MOST_DAYS: Final = 60
_MARGIN: Final = 3_600.0


def _placed(moment: datetime, place: tzinfo, text: str) -> float:
    """Return a local time as epoch seconds; one that comes twice or never when clocks change is refused."""
    early, late = (moment.replace(tzinfo=place, fold=fold) for fold in (0, 1))
    if early.utcoffset() != late.utcoffset():
        raise ValueError(f"{text!r} comes twice or not at all, because clocks change then; write it with its offset")
    return early.timestamp()
