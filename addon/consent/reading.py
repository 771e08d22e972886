"""How consent cookies are taken apart: what a reader returns, encodings, times, and which names mean marketing.

Every function here is bounded: a value longer than `MAX_VALUE` is not looked into, and encodings are
undone at most three times.
"""

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import unquote

from addon.vocabulary import ConsentState

MAX_VALUE: Final = 8_000
"""Longest value of a consent cookie that is read, in characters. Browsers keep about half of that."""

MAX_PROOF: Final = 200
"""Longest proof: what a report quotes of a cookie."""

MAX_NAME: Final = 60
MAX_NAMES: Final = 6

EARLIEST: Final = 1_262_304_000.0
LATEST: Final = 4_102_444_800.0
"""Times of choice outside these years (2010 and 2100) are none."""

ON_BY_DEFAULT: Final = "on by default, no choice made"


class CookieReading(NamedTuple):
    """What the cookies of one request say, in words why, and when the choice was made by their own account.

    `chosen_at` is the browser's clock, epoch seconds; None where the cookie keeps no time. `against` is what in the
    same cookies contradicts it. `dated` is the day that a TC string gives as its own, `expires_at` the end of what
    the cookie says by its own account; both epoch seconds, and both too coarse or too weak to order events.
    """

    state: ConsentState
    proof: str
    chosen_at: float | None = None
    against: tuple[str, ...] = ()
    dated: float | None = None
    expires_at: float | None = None


Cookies = Mapping[str, str]
"""The cookies of one request by name, their values as sent."""


class Platform(NamedTuple):
    """A consent platform: the cookies it is known by and the reader of them.

    A name that ends in `*` stands for all that begin so. `shared` says that others use these names as well,
    so that a value in another form may be read as home-made. `supporting` says that the reading counts only
    where the cookies of no other platform tell the state. `silent` says that a value that is not read shows nothing.
    """

    name: str
    cookies: tuple[str, ...]
    read: Callable[[Cookies], CookieReading | None]
    shared: bool = False
    supporting: bool = False
    silent: bool = False


def quoted(text: str, limit: int = MAX_NAME) -> str:
    """Return a piece of a cookie as a proof may quote it: printable and short."""
    shown = "".join(char if char.isprintable() else "?" for char in text[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def reading(state: ConsentState, platform: str, words: str, chosen_at: float | None = None) -> CookieReading:
    """Return a reading whose proof names the platform and stays within its length."""
    return CookieReading(state, quoted(f"{platform}: {words}", MAX_PROOF), chosen_at)


def plain(value: str) -> str:
    """Return a value without percent-encoding, which may have been applied up to three times."""
    text = value[: MAX_VALUE + 1]
    for _ in range(3):
        decoded = unquote(text)
        if decoded == text:
            break
        text = decoded
    return text.strip()


def json_value(text: str) -> Any:
    """Return what a JSON text holds, or None where it is none or too long."""
    if len(text) > MAX_VALUE:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def json_object(value: str | None) -> dict[str, Any] | None:
    """Return the object that a cookie holds as JSON, plain or percent-encoded, or None."""
    if value is None or len(value) > MAX_VALUE:
        return None
    found = json_value(plain(value))
    if isinstance(found, str):  # the JSON of a JSON text: some servers quote the whole cookie
        found = json_value(found)
    return found if isinstance(found, dict) else None


def base64_object(value: str | None) -> dict[str, Any] | None:
    """Return the object that a cookie holds as JSON in base64 (either alphabet), or None."""
    if value is None or len(value) > MAX_VALUE:
        return None
    text = plain(value).strip('"').rstrip("=").replace("-", "+").replace("_", "/")
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None
    found = json_value(content)
    return found if isinstance(found, dict) else None


def moment(value: Any, unit: float = 1.0) -> float | None:
    """Return a time as epoch seconds: an ISO text with a zone, or a number of `unit` seconds; else None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        if len(value) > 40:
            return None
        if value.isascii() and value.isdigit():
            return moment(int(value), unit)
        try:
            when = datetime.fromisoformat(value)
        except ValueError:
            return None
        if when.tzinfo is None:
            return None
        try:
            return _plausible(when.timestamp())
        except (OverflowError, ValueError):
            return None
    if not isinstance(value, int | float):
        return None
    try:
        return _plausible(value * unit)
    except OverflowError:
        return None


def _plausible(seconds: float) -> float | None:
    return float(seconds) if EARLIEST <= seconds <= LATEST else None


# which names mean what

Meaning = Literal["meta", "marketing", "necessary", "other", "unrecognised"]

_META: Final = ("facebookpixel", "fbpixel", "metapixel", "facebookads", "metaads", "facebookconversion")
_META_WHOLE: Final = frozenset({"facebook", "meta", "metaplatforms", "facebookmeta"})
_MARKETING: Final = (
    "marketing", "advert", "targeting", "targetting", "campaign", "social", "werbung", "publicit", "publicid",
    "reklam", "promotion", "googleads", "adsense", "adwords", "doubleclick",
)  # fmt: skip
_MARKETING_WHOLE: Final = frozenset({"ads", "ad", "adv", "target", "behavioraladvertising", "c0004", "c0005"})
_NECESSARY: Final = ("necessary", "essential", "strict", "required", "technical", "notwendig", "essenziell")
_NECESSARY_WHOLE: Final = frozenset({"ess", "c0001", "necessarycookies"})
_OTHER: Final = (
    "analytic", "statisti", "performance", "functional", "preference", "usage", "setting", "measur",
    "personalisation", "personalization", "media", "matomo", "hotjar", "youtube", "maps",
)  # fmt: skip
_OTHER_WHOLE: Final = frozenset({"c0002", "c0003", "func", "anl"})


def meaning(name: str) -> Meaning:
    """Tell what a category or service of this name is for. Sites rename them freely, so this is a guess."""
    word = "".join(char for char in name[:200].lower() if char.isalnum())
    if word in _META_WHOLE or any(part in word for part in _META):
        return "meta"
    if word in _MARKETING_WHOLE or any(part in word for part in _MARKETING):
        return "marketing"
    if word in _NECESSARY_WHOLE or any(part in word for part in _NECESSARY):
        return "necessary"
    if word in _OTHER_WHOLE or any(part in word for part in _OTHER):
        return "other"
    return "unrecognised"


class Choice(NamedTuple):
    """The state that a set of switches stands for, and the switches that decided it."""

    state: ConsentState
    words: str


def decide(switches: Mapping[str, bool]) -> Choice | None:
    """Return the state for advertising by Meta: Meta's own service, else marketing, else all there is.

    None where only necessary cookies are named. Where everything offered is on, but nothing of it is
    marketing by its name, the state is partial acceptance: nobody agreed to advertising.
    """
    by_meaning: dict[Meaning, dict[str, bool]] = {}
    for name, on in switches.items():
        by_meaning.setdefault(meaning(name), {})[name] = on
    for found in (by_meaning.get("meta"), by_meaning.get("marketing")):
        if found:
            return Choice(_all_or_none(found.values()), listed(found))
    optional = {**by_meaning.get("unrecognised", {}), **by_meaning.get("other", {})}
    if not optional:
        return None
    state = _all_or_none(optional.values())
    if state == "accepted" and "unrecognised" not in by_meaning:
        return Choice("partly_accepted", listed(optional) + "; none of them is for marketing")
    return Choice(state, listed(optional))


def _all_or_none(states: Iterable[bool]) -> ConsentState:
    met = set(states)
    return "partly_accepted" if len(met) > 1 else "accepted" if True in met else "refused"


def listed(switches: Mapping[str, bool]) -> str:
    """Return switches in words: `marketing off, social on`."""
    shown = [f"{quoted(name, 24)} {'on' if state else 'off'}" for name, state in list(switches.items())[:MAX_NAMES]]
    return ", ".join(shown) + (", …" if len(switches) > MAX_NAMES else "")


def from_switches(
    platform: str, switches: Mapping[str, bool], *, chosen: bool, chosen_at: float | None = None
) -> CookieReading | None:
    """Return the reading of a platform that keeps switches and whether the visitor touched them."""
    choice = decide(switches)
    if not chosen:
        words = ON_BY_DEFAULT if choice and choice.state != "refused" else "no choice recorded"
        return reading("no_choice_yet", platform, f"{words} ({choice.words})" if choice else words)
    if choice is None:
        return None
    return reading(choice.state, platform, f"choice recorded: {choice.words}", chosen_at)


def flags(document: Mapping[str, Any], on: Any = True, off: Any = False) -> dict[str, bool]:
    """Return the entries of `document` that are switches, told by their two values."""
    return {name: value == on for name, value in document.items() if type(value) is type(on) and value in (on, off)}
