"""What a first-party request shows of the visitor's cookie choice.

Cookies are recognised by name and value together, because names collide. This module knows the patterns of
home-made banners; every platform of its own format is a reader in `addon.consent.platforms` and a line in
`READERS`.
"""

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from addon.consent.platforms import (
    categories,
    civic,
    complianz,
    cookiebot,
    cookieyes,
    didomi,
    drupal,
    framework,
    govuk,
    hubspot,
    limited,
    nhsuk,
    onetrust,
    services,
    shops,
    trustarc,
    wordpress,
)
from addon.consent.reading import MAX_NAME, MAX_PROOF, MAX_VALUE, CookieReading, Cookies, Platform, quoted
from addon.vocabulary import ConsentState

NAME_PARTS = ("consent", "cookie", "gdpr", "ccpa", "privacy", "optanon", "tracking-opt", "tracking_opt")
"""A cookie whose name holds one of these may tell of a choice; its value decides whether it does."""

PLAIN_PARTS = ("consent", "gdpr")
"""A name with one of these is plainly about consent: where its value is not understood, that is said."""

NOT_THE_CHOICE = ("country", "region", "applies", "required", "variant", "version", "lang")
"""Parts of names that are about consent, but not about what was chosen."""

NEVER_CONSENT = frozenset({"cookietest", "testcookie", "test_cookie", "cookies_enabled", "cookieenabled"})

ACCEPTED = frozenset(
    {"accepted", "accept", "acceptall", "accept_all", "accept-all", "all", "allow", "allowed", "allowall", "agreed",
     "agree", "granted", "grant", "yes", "true", "optin", "opt-in", "opt_in", "full"}
)  # fmt: skip
REFUSED = frozenset(
    {"declined", "decline", "rejected", "reject", "rejectall", "reject_all", "reject-all", "refused", "refuse",
     "denied", "deny", "disagree", "disagreed", "no", "false", "optout", "opt-out", "opt_out", "essential",
     "essentials", "necessary", "none", "required"}
)  # fmt: skip
BARE_FLAGS = frozenset({"yes", "no", "true", "false", "all", "none", "full", "required", "necessary"})
"""Values that say too little under a name that is not plainly about consent (`cookies=true`)."""

MARKETING_KEYS = ("marketing", "advertis", "target", "campaign", "social", "meta", "facebook")
INTERACTION_KEYS = ("interacted", "consented", "answered", "accepted_at", "saved", "set")

MAX_COOKIES = 100
"""Most cookies of one request that are looked at, after those that cannot tell are left out."""

BANNER_MARKS = (
    b"cookie-banner", b"cookiebanner", b"cookie_banner", b"cookie-consent", b"cookieconsent", b"cookie_consent",
    b"cookie-notice", b"cookienotice", b"cookie_notice", b"cookie-bar", b"cookiebar", b"cookie-popup", b"cookie-law",
    b"cookie-policy-banner", b"cookie-control", b"cookiecontrol", b"consent-banner", b"consentbanner", b"gdpr-banner",
    b"gdpr-cookie", b"onetrust-banner", b"accept all cookies", b"accept cookies", b"reject all cookies",
    b"decline optional cookies", b"cookielaw.org", b"cookiebot.com", b"cookieyes.com", b"civiccomputing.com",
    b"trustarc.com", b"usercentrics", b"didomi", b"osano.com", b"iubenda.com", b"termly.io", b"quantcast.com/choice",
    b"klaro", b"borlabs", b"complianz", b"cookiepro.com", b"cookie-script.com", b"cookiefirst.com", b"cookiehub.",
    b"cookieinformation.com", b"consentmanager.", b"privacy-mgmt.com", b"privacy-center.org", b"cmp.inmobi.com",
    b"axept.io", b"axeptio", b"tarteaucitron", b"evidon", b"moove_gdpr", b"real-cookie-banner",
    b"eu-cookie-compliance", b"eu_cookie_compliance", b"hs-banner.com", b"nhsuk-cookie",
)  # fmt: skip
"""Words in a page's HTML that show that it asks; script hosts of consent platforms among them."""

MAX_PAGE = 1_500_000

READERS: tuple[Platform, ...] = (
    onetrust.PLATFORM,
    civic.PLATFORM,
    nhsuk.PLATFORM,
    cookiebot.PLATFORM,
    cookieyes.PLATFORM,
    cookieyes.LEGACY,
    govuk.PLATFORM,
    drupal.PLATFORM,
    complianz.PLATFORM,
    hubspot.PLATFORM,
    trustarc.PLATFORM,
    didomi.PLATFORM,
    framework.SOURCEPOINT,
    framework.CONSENTMANAGER,
    framework.PLATFORM,
    shops.SHOPIFY,
    shops.WIX,
    categories.COOKIEFIRST,
    categories.COOKIE_SCRIPT,
    categories.COOKIE_INFORMATION,
    categories.COOKIEHUB,
    categories.ORESTBIDA,
    categories.IUBENDA,
    categories.PIWIK_PRO,
    categories.EVIDON,
    services.KLARO,
    services.TARTEAUCITRON,
    services.AXEPTIO,
    wordpress.BORLABS,
    wordpress.MOOVE,
    wordpress.REAL_COOKIE_BANNER,
    limited.OSANO,
    limited.KETCH,
    limited.INSITES,
)
"""Every platform whose cookies are read; each recognises its own by name and value."""

_EXACT = {name: platform for platform in READERS for name in platform.cookies if not name.endswith("*")}
_PREFIXES = tuple((name[:-1], platform) for platform in READERS for name in platform.cookies if name.endswith("*"))
_BESIDE = frozenset(
    {"addtl_consent", "consentDate", "cookies_preferences_set", "cookie-agreed-categories", "gpcishonored", "gpcsignal"}
)
"""Cookies that only add to what another one says."""


def is_consent_cookie(name: str) -> bool:
    """Tell whether a cookie of this name may be a home-made banner's: its value decides."""
    lowered = name.lower()
    return lowered not in NEVER_CONSENT and any(part in lowered for part in NAME_PARTS)


@lru_cache(maxsize=4096)
def platform_of(name: str) -> Platform | None:
    """Return the platform that uses a cookie of this name, or None."""
    return _EXACT.get(name) or next((platform for start, platform in _PREFIXES if name.startswith(start)), None)


@lru_cache(maxsize=4096)
def may_tell(name: str) -> bool:
    """Tell whether a cookie of this name is looked at at all; every other value is passed over."""
    return name in _BESIDE or platform_of(name) is not None or is_consent_cookie(name)


def read_cookies(cookies: Iterable[tuple[str, str]]) -> CookieReading | None:
    """Return what the consent cookies of one request say together, or None where there are none.

    A platform that says which state it is goes before one that only shows its presence. Cookies that
    contradict each other say nothing certain, and neither does one that is plainly about consent but not
    understood: the state is then `unknown`.
    """
    return read_told(telling(cookies))


Told = tuple[tuple[str, str], ...]
"""The cookies of one request that may tell of a choice: names and values."""


def telling(cookies: Iterable[tuple[str, str]]) -> Told:
    """Return the cookies that are looked at at all."""
    return tuple((name, value) for name, value in cookies if value and may_tell(name))[:MAX_COOKIES]


def read_told(told: Told) -> CookieReading | None:
    """Return the same as `read_cookies` for what `telling` left."""
    return _read(told) if told else None


@lru_cache(maxsize=256)
def _read(told: tuple[tuple[str, str], ...]) -> CookieReading | None:
    readings: dict[CookieReading, Platform | None] = {}
    understood: set[str] = set()
    for cookies in _variants(told):
        met = {platform for name in cookies if (platform := platform_of(name)) is not None}
        for platform in (platform for platform in READERS if platform in met):
            found = platform.read(cookies)
            if found is not None:
                readings[found] = platform
                understood |= {name for name in cookies if platform_of(name) is platform}
        for name, value in cookies.items():
            owner = platform_of(name)
            if name not in understood and (owner is None or owner.shared):
                found = read_home_made(name, value)
                if found is not None:
                    readings[found] = None
                    understood.add(name)
    if not readings:
        return _not_understood(told)
    certain = [item for item in readings if item.state != "unknown" and not _supporting(readings[item])]
    supporting = [item for item in readings if item.state != "unknown" and _supporting(readings[item])]
    chosen = certain or supporting or list(readings)
    if len({item.state for item in chosen}) > 1:
        proofs = "; ".join(item.proof for item in chosen)
        return CookieReading("unknown", quoted("cookies that contradict each other: " + proofs, MAX_PROOF))
    return chosen[0]


def _supporting(platform: Platform | None) -> bool:
    return platform is not None and platform.supporting


def _variants(told: tuple[tuple[str, str], ...]) -> tuple[Cookies, ...]:
    """Return the cookies by name; where one came twice with different values, once with the first, once the last."""
    first: dict[str, str] = {}
    last: dict[str, str] = {}
    for name, value in told:
        first.setdefault(name, value)
        last[name] = value
    return (first,) if first == last else (first, last)


def _not_understood(told: tuple[tuple[str, str], ...]) -> CookieReading | None:
    for name, _ in told:
        platform = platform_of(name)
        if name in _BESIDE:
            continue
        if platform is not None and not platform.shared:
            return CookieReading("unknown", f"cookie {quoted(name)}: not in a form that is known of {platform.name}")
        lowered = name.lower()
        if any(part in lowered for part in PLAIN_PARTS) and not any(part in lowered for part in NOT_THE_CHOICE):
            return CookieReading("unknown", f"cookie {quoted(name)}: not in a form that is known")
    return None


def read_home_made(name: str, value: str) -> CookieReading | None:
    """Read a cookie whose name says consent and whose value says which (`cookie_consent=declined`)."""
    if not is_consent_cookie(name) or len(value) > MAX_VALUE:
        return None
    text = unquote(unquote(value)).strip().strip('"')
    word = text.lower().replace(" ", "")
    plain_name = any(part in name.lower() for part in PLAIN_PARTS)
    if word in BARE_FLAGS and not plain_name:
        return None
    if word in ACCEPTED:
        return CookieReading("accepted", f"cookie {quoted(name, MAX_NAME)}={quoted(text)}")
    if word in REFUSED:
        return CookieReading("refused", f"cookie {quoted(name, MAX_NAME)}={quoted(text)}")
    if text.startswith("{"):
        return _read_object(name, text)
    return None


def _read_object(name: str, text: str) -> CookieReading | None:
    """Read `{"necessary":true,"marketing":false,…}`: flags alone are defaults unless a choice is recorded."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    shown = quoted(name)
    interaction = [value for key, value in document.items() if key.lower() in INTERACTION_KEYS]
    if interaction and not any(value is True or value == "true" for value in interaction):
        return CookieReading("no_choice_yet", f"cookie {shown} says that no choice was made")
    marketing = [_flag(value) for key, value in document.items() if any(part in key.lower() for part in MARKETING_KEYS)]
    if not interaction or not marketing or None in marketing:
        return None
    state: ConsentState = "accepted" if all(marketing) else "refused" if not any(marketing) else "partly_accepted"
    return CookieReading(state, f"cookie {shown} holds a recorded choice on marketing")


def _flag(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    word = str(value).lower()
    if word in ACCEPTED or word == "1":
        return True
    return False if word in REFUSED or word in {"0", "revoked"} else None


def asks_for_consent(page: bytes) -> bool:
    """Tell whether a page's HTML holds a cookie banner or loads a consent platform."""
    lowered = page[:MAX_PAGE].lower()
    return any(mark in lowered for mark in BANNER_MARKS)
