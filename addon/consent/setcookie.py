"""What a site's answer leaves of the cookies that were sent with the request.

Source: RFC 6265, sections 5.2 and 5.3: a cookie whose Max-Age is not positive, or whose Expires has passed, is removed.
"""

from collections.abc import Iterable, Sequence
from email.utils import parsedate_to_datetime
from typing import Final

from addon.consent.evidence import may_tell

_MAX_LINES: Final = 200
_MAX_ATTRIBUTES: Final = 20


def cookies_after(
    sent: Sequence[tuple[str, str]], response_headers: Iterable[tuple[str, str]], at: float
) -> list[tuple[str, str]]:
    """Return the cookies that the browser holds after the answer: those `sent`, changed by its Set-Cookie lines.

    `at` is the time of the request in epoch seconds, against which an `Expires` counts.
    """
    changed: dict[str, str | None] = {}
    lines = [value for name, value in response_headers if name.lower() == "set-cookie"]
    for line in lines[:_MAX_LINES]:
        pair, *attributes = line.split(";", _MAX_ATTRIBUTES)
        name, equals, value = pair.strip().partition("=")
        if equals:
            changed[name] = None if _removes(attributes, at) else value
    kept = [(name, value) for name, value in sent if name not in changed]
    return kept + [(name, value) for name, value in changed.items() if value is not None]


def cookies_of(response_headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return names and values of the cookies that an answer with these header lines sets."""
    lines = [value for name, value in response_headers if name.lower() == "set-cookie"]
    pairs = (line.partition(";")[0].strip().partition("=") for line in lines[:_MAX_LINES])
    return [(name, value) for name, equals, value in pairs if equals]


def may_set_telling(response_headers: Iterable[tuple[str, str]]) -> bool:
    """Tell whether an answer with these header lines sets or removes a cookie that may tell of a choice."""
    return any(line_may_tell(value) for name, value in response_headers if name.lower() == "set-cookie")


def line_may_tell(line: str) -> bool:
    """Tell whether the cookie of this Set-Cookie line, given without the field's name, may tell of a choice."""
    name, equals, _ = line.partition(";")[0].partition("=")
    return bool(equals) and may_tell(name.lstrip())


def _removes(attributes: Iterable[str], at: float) -> bool:
    """Tell whether the attributes of a Set-Cookie line make the browser drop the cookie; Max-Age goes first."""
    expires = False
    for attribute in attributes:
        name, _, value = attribute.partition("=")
        name, value = name.strip().lower(), value.strip()
        if name == "max-age":
            digits = value.removeprefix("-")
            if digits.isascii() and digits.isdigit():
                return value.startswith("-") or not digits.strip("0")
        elif name == "expires":
            expires = _passed(value, at)
    return expires


def _passed(value: str, at: float) -> bool:
    if len(value) > 60:
        return False
    try:
        return parsedate_to_datetime(value.replace("-", " ")).timestamp() <= at
    except (TypeError, ValueError, OverflowError):
        return False
