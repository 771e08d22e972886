"""CookieYes: `cookieyes-consent`, pairs of key and value. An empty `action` means that nobody chose.

The older WordPress plugin of the same vendor keeps one cookie per category and `viewed_cookie_policy`.

Sources: cookieyes.com documentation, "Cookies set by CookieYes"; values sent by browsers.
"""

from typing import Final

from addon.consent.reading import (
    MAX_VALUE,
    CookieReading,
    Cookies,
    Platform,
    base64_object,
    flags,
    from_switches,
    plain,
    reading,
)

NAME: Final = "CookieYes"
LEGACY_NAME: Final = "CookieYes (older plugin)"
_OPTIONAL: Final = ("functional", "analytics", "performance", "advertisement", "other")
_CHECKBOX: Final = "cookielawinfo-checkbox-"
_MAX_PAIRS = 40


def read(cookies: Cookies) -> CookieReading | None:
    """Return what the cookie of CookieYes says."""
    value = cookies.get("cookieyes-consent")
    if value is None or len(value) > MAX_VALUE:
        return None
    pairs = plain(value).split(",", _MAX_PAIRS)
    fields = {name.strip(): content.strip() for name, _, content in (pair.partition(":") for pair in pairs)}
    if any(fields.get(name) not in {"yes", "no"} for name in ("consent", "necessary", *_OPTIONAL)):
        return None
    action = fields.get("action")
    if action not in {"", "yes", "no"}:
        return None
    switches = {name: fields[name] == "yes" for name in _OPTIONAL}
    if not action:
        return from_switches(NAME, switches, chosen=False)
    if action == "no" or (fields["consent"] == "no" and any(switches.values())):
        return reading("unknown", NAME, "the recorded action and the categories do not agree")
    return from_switches(NAME, switches, chosen=True)


def read_legacy(cookies: Cookies) -> CookieReading | None:
    """Return what the cookies of the older plugin say: the boxes are defaults until the notice was answered."""
    viewed = cookies.get("viewed_cookie_policy")
    boxes = {
        name.removeprefix(_CHECKBOX): value.strip().lower()
        for name, value in cookies.items()
        if name.startswith(_CHECKBOX) and len(value) <= 10
    }
    switches = {name: value == "yes" for name, value in boxes.items() if value in {"yes", "no"}}
    packed = base64_object(cookies.get("CookieLawInfoConsent"))
    if not switches and packed:
        switches = flags(packed)
    if viewed == "no" and not any(on for name, on in switches.items() if name != "necessary"):
        return reading("refused", LEGACY_NAME, "viewed_cookie_policy is no")
    if not switches:
        return None
    if viewed != "yes":
        return reading("unknown", LEGACY_NAME, "the boxes may be defaults: no answer to the notice is recorded")
    return from_switches(LEGACY_NAME, switches, chosen=True)


PLATFORM: Final = Platform(NAME, ("cookieyes-consent",), read)
LEGACY: Final = Platform(LEGACY_NAME, (_CHECKBOX + "*", "viewed_cookie_policy", "CookieLawInfoConsent"), read_legacy)
