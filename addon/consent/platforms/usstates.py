"""Strings under the laws of US states: `usprivacy`, and GPP as OneTrust and others keep it.

They know an opt-out and no acceptance. One that does not apply to the visitor says nothing.

Sources: as in `addon.consent.usprivacy` and `addon.consent.gpp`; names of cookies sent by browsers.
"""

from typing import Final

from addon.consent import gpp
from addon.consent.reading import CookieReading, Cookies, Platform, plain, reading
from addon.consent.statements import GPP_COOKIES, US_COOKIES, gpp_words, us_privacy_of

US_PRIVACY_NAME: Final = "US Privacy string"
GPP_NAME: Final = "GPP string"


def read_us_privacy(cookies: Cookies) -> CookieReading | None:
    """Return the opt-out that the US Privacy string tells of, or None."""
    found = next((us_privacy_of(cookies[name]) for name in US_COOKIES if cookies.get(name)), None)
    if found is None or found.opted_out is None:
        return None
    if found.opted_out:
        return reading("refused", US_PRIVACY_NAME, "opted out of the sale of personal data")
    return (
        reading("unknown", US_PRIVACY_NAME, "not opted out of sale, which is no acceptance") if found.notice else None
    )


def read_gpp(cookies: Cookies) -> CookieReading | None:
    """Return the opt-out that a GPP string tells of, or None."""
    found = next((gpp.decode(plain(cookies[name])) for name in GPP_COOKIES if cookies.get(name)), None)
    if found is None:
        return None
    out = [section for section in found.us if section.opted_out]
    if out:
        gpc = ", not by a click" if all(section.gpc for section in out) else ""
        return reading("refused", GPP_NAME, gpp_words(found) + gpc)
    return reading("unknown", GPP_NAME, gpp_words(found)) if any(section.offered for section in found.us) else None


US_PRIVACY: Final = Platform(US_PRIVACY_NAME, US_COOKIES, read_us_privacy, supporting=True, silent=True)
GPP: Final = Platform(GPP_NAME, GPP_COOKIES, read_gpp, supporting=True, silent=True)
