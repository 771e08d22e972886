"""Civic Cookie Control: `CookieControl`, JSON as it is. `interactedWith` tells whether anybody chose.

Source: civicuk.com/cookie-control/documentation/cookies.
"""

from typing import Final

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
        return reading("refused", NAME, "choice recorded, no optional category accepted or offered", chosen_at)
    if any(value not in ("accepted", "revoked") for value in optional.values()):
        return reading("unknown", NAME, "a choice was made, but a category is neither accepted nor revoked")
    choice = decide({name: value == "accepted" for name, value in optional.items()})
    if choice is None:
        return reading("unknown", NAME, "a choice was made, but no category is for marketing")
    return reading(choice.state, NAME, f"choice recorded: {choice.words}", chosen_at)


PLATFORM: Final = Platform(NAME, ("CookieControl",), read)
