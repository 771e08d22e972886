"""What a first-party request shows of the visitor's cookie choice.

Cookies are recognised by name and value together, because names collide. This module knows the patterns of
home-made banners; a platform of its own format is one more reader in `READERS`.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple
from urllib.parse import unquote

from addon.vocabulary import ConsentState

NAME_PARTS = ("consent", "cookie", "gdpr", "ccpa", "privacy", "optanon", "tracking-opt", "tracking_opt")
"""A cookie whose name holds one of these may tell of a choice; its value decides whether it does."""

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
MAX_VALUE = 8_000

BANNER_MARKS = (
    b"cookie-banner", b"cookiebanner", b"cookie_banner", b"cookie-consent", b"cookieconsent", b"cookie_consent",
    b"cookie-notice", b"cookienotice", b"cookie_notice", b"cookie-bar", b"cookiebar", b"cookie-popup", b"cookie-law",
    b"cookie-policy-banner", b"cookie-control", b"cookiecontrol", b"consent-banner", b"consentbanner", b"gdpr-banner",
    b"gdpr-cookie", b"onetrust-banner", b"accept all cookies", b"accept cookies", b"reject all cookies",
    b"decline optional cookies", b"cookielaw.org", b"cookiebot.com", b"cookieyes.com", b"civiccomputing.com",
    b"trustarc.com", b"usercentrics", b"didomi", b"osano.com", b"iubenda.com", b"termly.io", b"quantcast.com/choice",
    b"klaro", b"borlabs", b"complianz",
)  # fmt: skip
"""Words in a page's HTML that show that it asks; script hosts of consent platforms among them."""

MAX_PAGE = 1_500_000


class CookieReading(NamedTuple):
    """What one cookie says, and in words why."""

    state: ConsentState
    proof: str


def is_consent_cookie(name: str) -> bool:
    """Tell whether a cookie of this name may tell of a choice, so that its value is evidence worth keeping."""
    lowered = name.lower()
    return lowered not in NEVER_CONSENT and any(part in lowered for part in NAME_PARTS)


def read_cookies(cookies: Iterable[tuple[str, str]]) -> CookieReading | None:
    """Return what the consent cookies of one request say together, or None where they say nothing.

    Cookies that contradict each other say nothing certain: the state is then `unknown`.
    """
    readings = [reading for name, value in cookies for read in READERS if (reading := read(name, value)) is not None]
    if not readings:
        return None
    if len({reading.state for reading in readings}) > 1:
        return CookieReading("unknown", "cookies that contradict each other: " + "; ".join(r.proof for r in readings))
    return readings[0]


def read_home_made(name: str, value: str) -> CookieReading | None:
    """Read a cookie whose name says consent and whose value says which (`cookie_consent=declined`)."""
    if not is_consent_cookie(name) or len(value) > MAX_VALUE:
        return None
    text = unquote(unquote(value)).strip().strip('"')
    word = text.lower().replace(" ", "")
    plain_name = "consent" in name.lower() or "gdpr" in name.lower()
    if word in BARE_FLAGS and not plain_name:
        return None
    if word in ACCEPTED:
        return CookieReading("accepted", f"cookie {name}={text}")
    if word in REFUSED:
        return CookieReading("refused", f"cookie {name}={text}")
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
    interaction = [value for key, value in document.items() if key.lower() in INTERACTION_KEYS]
    if interaction and not any(value is True or value == "true" for value in interaction):
        return CookieReading("no_choice_yet", f"cookie {name} says that no choice was made")
    marketing = [_flag(value) for key, value in document.items() if any(part in key.lower() for part in MARKETING_KEYS)]
    if not interaction or not marketing or None in marketing:
        return None
    return CookieReading(
        "accepted" if all(marketing) else "refused" if not any(marketing) else "partly_accepted",
        f"cookie {name} holds a recorded choice on marketing",
    )


def _flag(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    word = str(value).lower()
    if word in ACCEPTED or word == "1":
        return True
    return False if word in REFUSED or word in {"0", "revoked"} else None


READERS: tuple[Callable[[str, str], CookieReading | None], ...] = (read_home_made,)
"""Every reader of consent cookies; each recognises its own by name and value."""


def asks_for_consent(page: bytes) -> bool:
    """Tell whether a page's HTML holds a cookie banner or loads a consent platform."""
    lowered = page[:MAX_PAGE].lower()
    return any(mark in lowered for mark in BANNER_MARKS)
