"""Cookiebot: `CookieConsent`, JSON without quotes around its keys. `stamp` '-1' means that nobody was asked.

The name is shared with home-made banners, so the value must have `stamp` and `necessary`. A choice that the
site took for granted says `method:'implied'`.

Sources: cookiebot.com/en/developer, "Cookie and local storage"; values sent by browsers.
"""

import re
from typing import Final

from addon.consent.reading import (
    MAX_VALUE,
    ON_BY_DEFAULT,
    CookieReading,
    Cookies,
    Platform,
    from_switches,
    moment,
    plain,
    reading,
)

NAME: Final = "Cookiebot"
_PAIR = re.compile(r"(\w{1,40}):('[^']*'|[^,'}]*)(?:,|\Z)")
_OPTIONAL: Final = ("preferences", "statistics", "marketing")


def read(cookies: Cookies) -> CookieReading | None:
    """Return what Cookiebot's cookie says."""
    value = cookies.get("CookieConsent")
    if value is None or len(value) > MAX_VALUE:
        return None
    text = plain(value)
    if not (text.startswith("{") and text.endswith("}")):
        return None
    fields = {name: content.strip("'") for name, content in _PAIR.findall(text[1:-1])}
    if "stamp" not in fields or any(fields.get(name) not in {"true", "false"} for name in ("necessary", *_OPTIONAL)):
        return None
    switches = {name: fields[name] == "true" for name in _OPTIONAL}
    if fields["stamp"] == "-1":
        words = ON_BY_DEFAULT if switches["marketing"] else "nobody was asked"
        return reading("not_asked", NAME, f"{words}; the site does not ask visitors of this region")
    if not fields["stamp"]:
        return None
    if fields.get("method", "explicit") not in {"explicit", "implied"}:
        return reading("unknown", NAME, "the way the choice was made is not known")
    chosen = fields.get("method", "explicit") == "explicit"
    utc = fields.get("utc", "")
    chosen_at = moment(int(utc), 0.001) if utc.isascii() and utc.isdigit() and len(utc) < 20 else None
    return from_switches(NAME, switches, chosen=chosen, chosen_at=chosen_at)


PLATFORM: Final = Platform(NAME, ("CookieConsent",), read, shared=True)
