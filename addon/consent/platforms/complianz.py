"""Complianz (WordPress): `cmplz_banner-status` shows that the banner was answered, `cmplz_marketing` how.

Source: complianz.io documentation, "Cookies set by Complianz"; values sent by browsers.
"""

from typing import Final

from addon.consent.reading import ON_BY_DEFAULT, CookieReading, Cookies, Platform, reading
from addon.vocabulary import ConsentState

NAME: Final = "Complianz"


def read(cookies: Cookies) -> CookieReading | None:
    """Return what the cookies of Complianz say."""
    status, marketing = cookies.get("cmplz_banner-status"), cookies.get("cmplz_marketing")
    if marketing not in {"allow", "deny", None}:
        return None
    if status == "dismissed":
        if marketing is None:
            return reading("unknown", NAME, "the banner was closed; no answer on marketing is recorded")
        state: ConsentState = "accepted" if marketing == "allow" else "refused"
        return reading(state, NAME, f"banner answered, cmplz_marketing={marketing}")
    if status is None and marketing is not None:
        words = ON_BY_DEFAULT if marketing == "allow" else "no choice made"
        return reading("no_choice_yet", NAME, f"{words} (cmplz_marketing={marketing}, banner not answered)")
    return None


PLATFORM: Final = Platform(NAME, ("cmplz_banner-status", "cmplz_marketing"), read)
