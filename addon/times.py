"""Moments as reports write them: UTC, RFC 3339, milliseconds."""

from datetime import UTC, datetime


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
