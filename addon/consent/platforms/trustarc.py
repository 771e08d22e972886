"""TrustArc: `notice_gdpr_prefs` lists the levels allowed, `notice_behavior` says under which regime.

Level 2 is usually advertising; sites can define others. A list that ends in `implied,us` was written by rule,
not by a choice. Where the regime is implied consent, levels that are on do not show a choice.

Sources: TrustArc's "Cookie Consent Manager" integration guide; values sent by browsers.
"""

import re
from typing import Final

from addon.consent.reading import ON_BY_DEFAULT, CookieReading, Cookies, Platform, plain, reading

NAME: Final = "TrustArc"
_LEVELS = re.compile(r"(\d(?:,\d){0,9}):([0-9a-fA-F]{0,64})(?::(implied|expressed)[,|]\w{2,20})?")
_ADVERTISING: Final = "2"


def read(cookies: Cookies) -> CookieReading | None:
    """Return what TrustArc's cookies say."""
    behavior = plain(cookies.get("notice_behavior", ""))[:40]
    implied = behavior.startswith("implied")
    levels = _LEVELS.fullmatch(plain(cookies.get("notice_gdpr_prefs", "")))
    if levels is None:
        if "notice_gdpr_prefs" in cookies or "notice_preferences" in cookies:
            return None
        if implied or behavior.startswith("expressed"):
            return reading("no_choice_yet", NAME, ON_BY_DEFAULT if implied else "no choice made")
        return None
    allowed = levels[1].split(",")
    on = _ADVERTISING in allowed
    words = f"levels {levels[1]}; level 2, usually advertising, {'on' if on else 'off'}"
    if not on and cookies.get("gpcishonored") == "true":
        return reading("refused", NAME, f"off by the browser's Global Privacy Control, not by a click ({words})")
    if levels[3] == "implied":
        return reading("no_choice_yet", NAME, f"{ON_BY_DEFAULT if on else 'written by rule, no choice made'} ({words})")
    if not on:
        return reading("refused", NAME, f"choice recorded: {words}")
    if not behavior.startswith("expressed"):
        return reading("unknown", NAME, f"on, by rule or by choice ({words})")
    whole = allowed == [str(number) for number in range(len(allowed))]
    return reading("accepted" if whole else "partly_accepted", NAME, f"choice recorded: {words}")


PLATFORM: Final = Platform(NAME, ("notice_behavior", "notice_preferences", "notice_gdpr_prefs"), read)
