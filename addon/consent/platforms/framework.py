"""Platforms of the IAB's Transparency and Consent Framework: the TC string, and who carries it.

Meta is not a vendor of the framework, so a TC string says nothing of Meta by itself and only supports: it is
a refusal where storage (purpose 1) and advertising profiles (3 and 4) are all refused, an acceptance where all
three are consented to. Google's list of additional providers does name Meta, as provider 89. The string's own
time has the precision of a day and orders nothing.

Sources: IAB Europe, TCF v2 specification; Google, "Additional Consent technical specification";
Sourcepoint's and consentmanager's documentation of their cookies.
"""

import re
from typing import Final, NamedTuple

from addon.consent.reading import CookieReading, Cookies, Platform, moment, plain, reading
from addon.consent.tcf import decode
from addon.vocabulary import ConsentState

NAME: Final = "TCF"
SOURCEPOINT_NAME: Final = "Sourcepoint"
CONSENTMANAGER_NAME: Final = "consentmanager"
STRINGS: Final = ("euconsent-v2", "eupubconsent-v2")
META: Final = "89"
"""Meta's number on Google's list of additional providers."""

_ADVERTISING: Final = (1, 3, 4)
_ADDITIONAL = re.compile(r"[12]~((?:\d{1,6}(?:\.\d{1,6})*)?)(?:~dv\.((?:\d{1,6}(?:\.\d{1,6})*)?))?")


class Verdict(NamedTuple):
    """What a TC string says for advertising by Meta, and why."""

    state: ConsentState
    words: str
    dated: float


def verdict(string: str) -> Verdict | None:
    """Return what a TC string says for advertising by Meta, or None where it is malformed."""
    decoded = decode(string)
    if decoded is None:
        return None
    consented = [purpose for purpose in _ADVERTISING if purpose in decoded.purposes]
    refused = [purpose for purpose in _ADVERTISING if purpose not in decoded.purposes]
    if not consented:
        return Verdict("refused", "purposes 1, 3 and 4 refused", decoded.updated)
    if not refused:
        return Verdict("accepted", "purposes 1, 3 and 4 consented to", decoded.updated)
    return Verdict(
        "partly_accepted",
        f"purposes {', '.join(map(str, consented))} consented to, {', '.join(map(str, refused))} refused",
        decoded.updated,
    )


def tc_verdict(cookies: Cookies) -> Verdict | None:
    """Return what the TC string and the list of additional providers of a request say together."""
    found = next((verdict(plain(cookies[name])) for name in STRINGS if cookies.get(name)), None)
    if found is None:
        return None
    additional = _ADDITIONAL.fullmatch(plain(cookies.get("addtl_consent", "")))
    if additional is None:
        return found
    if META in additional[1].split("."):
        return found._replace(words=f"{found.words}; Meta (provider 89) consented to by name")
    if META in (additional[2] or "").split("."):
        state: ConsentState = "refused" if found.state == "refused" else "partly_accepted"
        return found._replace(state=state, words=f"{found.words}; Meta (provider 89) shown and not consented to")
    return found


def read(cookies: Cookies) -> CookieReading | None:
    """Return what a TC string says that no known platform explains."""
    found = tc_verdict(cookies)
    if found is None:
        return None
    return reading(found.state, NAME, f"{found.words} (Meta is no vendor of the framework)")._replace(dated=found.dated)


def read_sourcepoint(cookies: Cookies) -> CookieReading | None:
    """Return what Sourcepoint's cookies say: the TC string decides, `consentDate` is the time."""
    identity, date = plain(cookies.get("consentUUID", "")), cookies.get("consentDate")
    if not re.fullmatch(r"[0-9a-fA-F-]{36}(?:_\d{1,4}){0,4}", identity):
        return None
    found = tc_verdict(cookies)
    if found is None:
        return reading("unknown", SOURCEPOINT_NAME, "the visitor is known to it, the choice is kept elsewhere")
    chosen_at = moment(plain(date)) if date else None
    return reading(found.state, SOURCEPOINT_NAME, found.words, chosen_at)._replace(dated=found.dated)


def read_consentmanager(cookies: Cookies) -> CookieReading | None:
    """Return what consentmanager's cookie says: a TC string under a name that ends in the site's number."""
    values = [value for name, value in cookies.items() if _CONSENTMANAGER.fullmatch(name)]
    if not values:
        return None
    found = verdict(plain(values[0]))
    if found is None:
        return reading("unknown", CONSENTMANAGER_NAME, "its cookie holds no TC string that can be read")
    return reading(found.state, CONSENTMANAGER_NAME, found.words)._replace(dated=found.dated)


_CONSENTMANAGER = re.compile(r"__cmpconsentx?s?\d{0,10}")
PLATFORM: Final = Platform(NAME, STRINGS, read, supporting=True)
SOURCEPOINT: Final = Platform(SOURCEPOINT_NAME, ("consentUUID",), read_sourcepoint)
CONSENTMANAGER: Final = Platform(CONSENTMANAGER_NAME, ("__cmpconsent*",), read_consentmanager)
