"""Civic Cookie Control: `CookieControl`, JSON as it is. `interactedWith` tells whether anybody chose.

Source: civicuk.com/cookie-control/documentation/cookies.
"""

from typing import Any, Final

from addon.consent.reading import (
    ON_BY_DEFAULT,
    CookieReading,
    Cookies,
    Platform,
    decide,
    json_object,
    moment,
    reading,
)

NAME: Final = "Civic Cookie Control"
_MAX_DAYS: Final = 10_000


def read(cookies: Cookies) -> CookieReading | None:
    """Return what Civic's cookie says."""
    document = json_object(cookies.get("CookieControl"))
    if document is None:
        return None
    optional, chosen = document.get("optionalCookies"), document.get("interactedWith")
    if not isinstance(optional, dict) or not isinstance(chosen, bool):
        return None
    if not chosen:
        on = any(value in ("accepted", "legitimate interest") for value in optional.values())
        return reading("no_choice_yet", NAME, ON_BY_DEFAULT if on else "no choice made")
    chosen_at = moment(document.get("consentDate"), 0.001)
    if not optional:
        words = "choice recorded, no optional category accepted or offered"
        return reading("refused", NAME, words, chosen_at)._replace(expires_at=_expiry(document, chosen_at))
    if any(value not in ("accepted", "revoked") for value in optional.values()):
        return reading("unknown", NAME, "a choice was made, but a category is neither accepted nor revoked")
    choice = decide({name: value == "accepted" for name, value in optional.items()})
    if choice is None:
        return reading("unknown", NAME, "a choice was made, but no category is for marketing")
    found = reading(choice.state, NAME, f"choice recorded: {choice.words}", chosen_at)
    return found._replace(expires_at=_expiry(document, chosen_at))


def _expiry(document: dict[str, Any], chosen_at: float | None) -> float | None:
    """Return when the choice ends by the cookie's own account: `consentExpiry` days after it was made."""
    days = document.get("consentExpiry")
    if chosen_at is None or isinstance(days, bool) or not isinstance(days, int) or not 0 < days < _MAX_DAYS:
        return None
    return chosen_at + days * 86_400.0


PLATFORM: Final = Platform(NAME, ("CookieControl",), read)
