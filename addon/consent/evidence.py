"""What a first-party request shows of the visitor's cookie choice.

Cookies are recognised by name and value together, because names collide. Every platform of its own format is a
reader in `addon.consent.platforms` and a line in `READERS`; what nobody claims is read as home-made.
"""

from collections.abc import Iterable
from functools import lru_cache

from addon.consent.homemade import is_banner_cookie, is_consent_cookie, read_home_made
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
    usstates,
    wordpress,
)
from addon.consent.reading import MAX_PROOF, MAX_VALUE, CookieReading, Cookies, Platform, quoted

MAX_AGAINST = 4
"""Most contradictions of one request that are kept."""

MAX_COOKIES = 100
"""Most cookies of one request that are looked at, after those that cannot tell are left out."""

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
    limited.TRUSTCOMMANDER,
    limited.SQUARESPACE,
    limited.SECURE_PRIVACY,
    limited.FUNDING_CHOICES,
    usstates.US_PRIVACY,
    usstates.GPP,
)
"""Every platform whose cookies are read; each recognises its own by name and value."""

_EXACT = {name: platform for platform in READERS for name in platform.cookies if not name.endswith("*")}
_PREFIXES = tuple((name[:-1], platform) for platform in READERS for name in platform.cookies if name.endswith("*"))
_BESIDE = frozenset(
    {"addtl_consent", "consentDate", "cookies_preferences_set", "cookie-agreed-categories", "gpcishonored", "gpcsignal"}
)
"""Cookies that only add to what another one says."""


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
        proofs = tuple(item.proof for item in chosen)
        words = quoted("cookies that contradict each other: " + "; ".join(proofs), MAX_PROOF)
        return CookieReading("unknown", words, against=proofs[:MAX_AGAINST])
    found = chosen[0]
    against = [item.proof for item in (*certain, *supporting) if item.state != found.state]
    return found._replace(against=(*found.against, *against)[:MAX_AGAINST]) if against else found


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
    for name, value in told:
        platform = platform_of(name)
        if name in _BESIDE:
            continue
        what = (
            f"longer than {MAX_VALUE:,} characters, not read"
            if len(value) > MAX_VALUE
            else "not in a form that is known"
        )
        if platform is not None and not platform.shared:
            if not platform.silent:
                return CookieReading("unknown", f"cookie {quoted(name)}: {what} of {platform.name}")
        elif is_banner_cookie(name):
            return CookieReading("unknown", f"cookie {quoted(name)}: {what}")
    return None
