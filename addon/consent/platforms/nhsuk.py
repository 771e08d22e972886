"""NHS.UK cookie consent: `nhsuk-cookie-consent`, JSON, written before any click with `consented` false.

The banner offers statistics only; neither of its buttons switches marketing on. Sites with `data-nobanner`
switch everything on without asking.

Source: github.com/nhsuk/cookie-consent, src/services.
"""

from typing import Final

from addon.consent.reading import CookieReading, Cookies, Platform, json_object, reading

NAME: Final = "NHS.UK cookie consent"
_SWITCHES: Final = ("necessary", "preferences", "statistics", "marketing")


def read(cookies: Cookies) -> CookieReading | None:
    """Return what the cookie of the NHS.UK banner says."""
    document = json_object(cookies.get("nhsuk-cookie-consent"))
    if document is None or "version" not in document:
        return None
    consented = document.get("consented")
    on = {name: document.get(name) for name in _SWITCHES}
    if not isinstance(consented, bool) or not all(isinstance(value, bool) for value in on.values()):
        return None
    if not consented:
        if all(on.values()):
            return reading("not_asked", NAME, "everything is on without a banner (on by default, no choice made)")
        return reading("no_choice_yet", NAME, "consented is false")
    if on["marketing"]:
        return reading("accepted", NAME, "choice recorded: marketing on")
    if on["statistics"] or on["preferences"]:
        return reading("partly_accepted", NAME, "choice recorded: statistics or preferences on, marketing off")
    return reading("refused", NAME, "choice recorded: statistics and marketing off")


PLATFORM: Final = Platform(NAME, ("nhsuk-cookie-consent",), read)
