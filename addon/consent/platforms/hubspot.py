"""HubSpot's banner: `__hs_cookie_cat_pref`, three numbered categories; older `__hs_opt_out`.

Which number is advertising is not documented, so a mixed choice is partial acceptance.

Source: knowledge.hubspot.com, "Cookies set in a visitor's browser by HubSpot".
"""

import re
from typing import Final

from addon.consent.reading import CookieReading, Cookies, Platform, plain, reading

NAME: Final = "HubSpot"
_PREFERENCE = re.compile(r"1:(true|false)[_,]2:(true|false)[_,]3:(true|false)")


def read(cookies: Cookies) -> CookieReading | None:
    """Return what HubSpot's cookies say."""
    preference = _PREFERENCE.fullmatch(plain(cookies.get("__hs_cookie_cat_pref", "")))
    opted_out = cookies.get("__hs_opt_out") == "yes"
    if preference is None:
        return reading("refused", NAME, "__hs_opt_out=yes") if opted_out else None
    answers = set(preference.groups())
    if opted_out and answers != {"false"}:
        return reading("unknown", NAME, "__hs_opt_out and the categories do not agree")
    if len(answers) > 1:
        return reading("partly_accepted", NAME, f"choice recorded: {preference.group()}")
    return reading("accepted" if answers == {"true"} else "refused", NAME, f"choice recorded: {preference.group()}")


PLATFORM: Final = Platform(NAME, ("__hs_cookie_cat_pref", "__hs_opt_out"), read)
