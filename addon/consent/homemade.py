"""Banners that sites make themselves: a cookie whose name says consent and whose value says which.

A flag says little: under a name that is not plainly about consent, or that names the banner and not the choice
(`consent_banner_shown=true`, `gdpr_applies=true`), it is no choice. A notice that was closed is neither yes nor no.
Where name and value do not plainly say it, the state is not known, which is better than a wrong one.
"""

import json
from typing import Any, Final
from urllib.parse import unquote

from addon.consent.reading import MAX_NAME, MAX_VALUE, CookieReading, meaning, quoted
from addon.vocabulary import ConsentState

NAME_PARTS: Final = (
    "consent", "cookie", "gdpr", "ccpa", "privacy", "optanon", "tracking-opt", "tracking_opt", "cb-enabled",
    "zustimmung", "einwilligung", "cwci",
)  # fmt: skip
"""A cookie whose name holds one of these may tell of a choice; its value decides whether it does."""

PLAIN_PARTS: Final = ("consent", "zustimmung", "einwilligung")
"""A name with one of these is plainly about consent, so that a flag answers it."""

COOKIE_PARTS: Final = (*PLAIN_PARTS, "cookie", "gdpr", "ccpa", "optanon", "tracking", "cb-enabled", "cwci")
"""A name without one of these may be of a privacy notice: an acceptance under it is none of cookies."""

BANNER_PARTS: Final = (
    *PLAIN_PARTS, "gdpr", "eucookie", "cookielaw", "cookiebanner", "cookienotice", "cookiepolicy", "cookiespolicy",
    "cookiepref", "cookiespref", "cookiechoice", "acceptcookie", "acceptedcookie", "cookieaccept", "cookiesaccept",
    "allowcookie", "cookieallow", "cookiesallow", "cookiecontrol", "cookiedeclin", "cookiesdeclin", "cookiereject",
    "cookiesreject", "cookiesettings", "cookiehinweis", "akzeptier", "aceptar", "aceptad", "trackingopt", "cbenabled",
)  # fmt: skip
"""A cookie with one of these in its name (without signs) is a banner's: where it is not understood, that is said."""

NOT_THE_CHOICE: Final = ("country", "region", "applies", "required", "variant", "version", "lang", "expir", "uuid")
NOT_THE_CHOICE_WORDS: Final = frozenset(
    {"needed", "pending", "needs", "need", "ask", "asked", "prompt", "date", "time", "timestamp", "id", "domain",
     "test", "geo", "locale", "url", "page", "count", "key", "hash", "mode", "type",
     "newsletter", "email", "mail", "sms", "push", "terms", "age", "video", "youtube", "vimeo", "maps", "chat",
     "location", "geolocation", "camera", "embed"}
)  # fmt: skip
"""Parts and words of names that are about consent, but not about what was chosen, or not to cookies."""

CLOSED: Final = frozenset(
    {"dismiss", "dismissed", "close", "closed", "seen", "shown", "show", "hide", "hidden", "viewed", "read", "popup",
     "display", "displayed", "visible", "open", "opened", "banner", "bar", "modal", "notice", "message"}
)  # fmt: skip
"""Words in names that tell of the banner: a flag under one is not the choice."""

NEGATED: Final = frozenset(
    {"declined", "decline", "denied", "deny", "rejected", "reject", "refused", "refuse", "optout", "out", "no", "not",
     "without", "withdraw", "withdrawn", "revoke", "revoked", "disabled", "abgelehnt", "rechazado", "rechazadas"}
)  # fmt: skip
"""Words in names that say no themselves, so that a flag means the contrary."""

AGREED: Final = frozenset(
    {"accepted", "agreed", "akzeptiert", "zugestimmt", "aceptado", "aceptada", "aceptadas", "accepté", "acceptés"}
)
"""Words in names that tell of an acceptance that was given: a flag answers them. `acceptCookies` may be a setting."""

YES: Final = frozenset({"yes", "true", "1", "ja", "oui"})

NEVER_CONSENT: Final = frozenset({"cookietest", "testcookie", "test_cookie", "cookies_enabled", "cookieenabled"})

ACCEPTED: Final = frozenset(
    {"accepted", "accept", "acceptall", "accept_all", "accept-all", "acceptedall", "all", "allow", "allowed",
     "allowall", "allow-all", "allow_all", "agreed", "agree", "granted", "grant", "yes", "true", "optin", "opt-in",
     "opt_in", "full", "ja", "oui", "akzeptiert", "angenommen", "zugestimmt", "alle", "accepté", "accepte", "tout",
     "toutaccepter", "aceptado", "aceptada", "aceptadas", "aceptar", "todas", "accettato", "accetta", "geaccepteerd",
     "derbyn", "derbyniwyd", "cytuno"}
)  # fmt: skip
REFUSED: Final = frozenset(
    {"declined", "decline", "rejected", "reject", "rejectall", "reject_all", "reject-all", "rejectedall", "refused",
     "refuse", "denied", "deny", "denyall", "disagree", "disagreed", "no", "false", "optout", "opt-out", "opt_out",
     "essential", "essentials", "essential-only", "essential_only", "necessary", "necessary-only", "necessary_only",
     "none", "required", "nein", "non", "nee", "abgelehnt", "notwendig", "refusé", "refus", "toutrefuser", "rechazado",
     "rechazada", "rechazadas", "rechazar", "rifiutato", "rifiuta", "geweigerd", "gwrthod", "gwrthodwyd"}
)  # fmt: skip
FLAGS: Final = frozenset(
    {"yes", "no", "true", "false", "all", "none", "full", "required", "necessary", "ja", "nein", "oui", "non", "nee",
     "alle", "todas", "tout"}
)  # fmt: skip
"""Values that say too little under a name that is not plainly about consent (`cookies=true`)."""

MARKETING_KEYS: Final = ("marketing", "advertis", "target", "campaign", "social", "meta", "facebook")
INTERACTION_KEYS: Final = ("interacted", "consented", "answered", "accepted_at", "saved", "set")


def is_consent_cookie(name: str) -> bool:
    """Tell whether a cookie of this name may be a home-made banner's: its value decides."""
    lowered = name.lower()
    return lowered not in NEVER_CONSENT and any(part in lowered for part in NAME_PARTS)


def is_banner_cookie(name: str) -> bool:
    """Tell whether a cookie of this name is a banner's, so that one not understood leaves the state open."""
    lowered = name.lower()
    if lowered in NEVER_CONSENT or _is_not_the_choice(name):
        return False
    bare = "".join(char for char in lowered if char.isalnum())
    return any(part in bare for part in BANNER_PARTS)


def read_home_made(name: str, value: str) -> CookieReading | None:
    """Read a cookie whose name says consent and whose value says which (`cookie_consent=declined`)."""
    if not is_consent_cookie(name) or len(value) > MAX_VALUE:
        return None
    if _is_not_the_choice(name):
        return None
    lowered = name.lower()
    text = unquote(unquote(value)).strip().strip('"')
    if text.startswith("{"):
        return _read_object(name, text)
    word = text.lower().replace(" ", "")
    words = words_of(name)
    said = f"cookie {quoted(name, MAX_NAME)}={quoted(text)}"
    if words & (NEGATED | AGREED) and (word in FLAGS or word in {"0", "1"}):
        return CookieReading(_answer(words, yes=word in YES), said)
    state: ConsentState | None = "accepted" if word in ACCEPTED else "refused" if word in REFUSED else None
    if state is None:
        return None
    if word in FLAGS and not any(part in lowered for part in PLAIN_PARTS):
        return None
    if words & NEGATED or (state == "accepted" and not any(part in lowered for part in COOKIE_PARTS)):
        return CookieReading("unknown", f"{said}: may be of something else than cookies, or the contrary")
    if word in FLAGS and CLOSED & words:
        return CookieReading("unknown", f"{said}: tells of the banner, not of the choice")
    if meaning(_without_consent(lowered)) == "other":
        return CookieReading("unknown", f"{said}: on statistics or settings alone; nothing is said of marketing")
    return CookieReading(state, said)


def words_of(name: str) -> frozenset[str]:
    """Return the words of a name, which are set apart by signs, digits or capitals."""
    spaced = "".join(
        " " + char.lower() if char.isupper() and not before.isupper() else char.lower() if char.isalpha() else " "
        for before, char in zip(" " + name[:200], name[:200], strict=False)
    )
    return frozenset(spaced.split())


def _is_not_the_choice(name: str) -> bool:
    lowered = name.lower()
    return any(part in lowered for part in NOT_THE_CHOICE) or bool(NOT_THE_CHOICE_WORDS & words_of(name))


def _answer(words: frozenset[str], *, yes: bool) -> ConsentState:
    """Return what a flag under a name that says yes or no itself comes to; its contrary may be a default."""
    if not yes or (words & NEGATED and words & AGREED):
        return "unknown"
    return "refused" if words & NEGATED else "accepted"


def _without_consent(lowered: str) -> str:
    """Return what a name says beside that it is about cookies and consent: the category, if it names one."""
    for part in ("preferences", "preference", "settings", "consent", "cookies", "cookie", "gdpr", "privacy"):
        lowered = lowered.replace(part, " ")
    return lowered


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
    word = str(value)[:40].lower()
    if word in ACCEPTED or word == "1":
        return True
    return False if word in REFUSED or word in {"0", "revoked"} else None
