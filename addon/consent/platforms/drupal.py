"""Drupal's EU Cookie Compliance: `cookie-agreed` is 0 (declined), 1 or 2 (agreed); categories in a second cookie.

A list of categories names those agreed to; one without marketing is partial acceptance.

Source: the module's js/eu_cookie_compliance.js (drupal.org/project/eu_cookie_compliance).
"""

from typing import Final

from addon.consent.reading import (
    CookieReading,
    Cookies,
    Platform,
    json_value,
    listed,
    meaning,
    plain,
    reading,
)

NAME: Final = "Drupal EU Cookie Compliance"


def read(cookies: Cookies) -> CookieReading | None:
    """Return what the module's cookies say."""
    agreed = cookies.get("cookie-agreed", "")
    if agreed == "0":
        return reading("refused", NAME, "cookie-agreed=0, declined or withdrawn")
    if agreed not in {"1", "2"}:
        return None
    listing = cookies.get("cookie-agreed-categories")
    if listing is None:
        return reading("accepted", NAME, f"cookie-agreed={agreed}")
    names = json_value(plain(listing))
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return reading("unknown", NAME, f"cookie-agreed={agreed}, but the list of categories cannot be read")
    words = f"cookie-agreed={agreed}, categories: {listed(dict.fromkeys(names, True)) or 'none'}"
    meanings = {meaning(name) for name in names}
    if meanings & {"meta", "marketing"}:
        return reading("accepted", NAME, words)
    return reading("partly_accepted" if meanings - {"necessary"} else "refused", NAME, words)


PLATFORM: Final = Platform(NAME, ("cookie-agreed",), read)
