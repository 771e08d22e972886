"""OneTrust and CookiePro: `OptanonConsent`, a form-encoded list of categories, and `OptanonAlertBoxClosed`.

The flags are there before anybody chose. That a choice was made is shown by the second cookie, written when
the banner closes, and by `interactionCount`. An acceptance is read only where the value is whole: something
follows the list of categories, and `AwaitingReconsent` says that the choice still holds. Categories:
C0004 targeting, C0005 social media; Meta may stand under either. `intType` 3 is a banner that was closed.

Sources: OneTrust's cookie list (my.onetrust.com, "OneTrust Cookies"), developer.onetrust.com JavaScript API;
meaning of `intType` concluded from values sent by browsers.
"""

import re
from typing import Final
from urllib.parse import parse_qsl

from addon.consent.reading import (
    MAX_VALUE,
    ON_BY_DEFAULT,
    CookieReading,
    Cookies,
    Platform,
    decide,
    moment,
    plain,
    reading,
)

NAME: Final = "OneTrust"
_GROUPS = re.compile(r"[^:,]{1,80}:[01](?:,[^:,]{1,80}:[01])*")
_MAX_FIELDS = 60


def read(cookies: Cookies) -> CookieReading | None:
    """Return what OneTrust's two cookies say."""
    value, closed = cookies.get("OptanonConsent"), cookies.get("OptanonAlertBoxClosed")
    fields = _fields(value) if value else None
    if fields is None:
        return None
    closed_at = moment(plain(closed)) if closed else None
    groups = _groups(fields.get("groups", ""))
    choice = decide(groups) if groups else None
    words = choice.words if choice else "no categories listed"
    count = fields.get("interactionCount", "")
    if fields.get("AwaitingReconsent") == "true":
        return reading("no_choice_yet", NAME, "an earlier choice no longer holds, and the site asks again")
    if closed is None and count == "0":
        if fields.get("isGpcEnabled") == "1" and choice and choice.state == "refused":
            return reading("refused", NAME, f"off by the browser's Global Privacy Control, not by a click: {words}")
        on = choice is not None and choice.state != "refused"
        return reading("no_choice_yet", NAME, f"{ON_BY_DEFAULT if on else 'no choice made'} ({words})")
    if closed is None or closed_at is None or not count.isdigit() or int(count[:9]) < 1:
        return reading("unknown", NAME, f"the banner and the count of choices do not agree ({words})")
    if choice is None:
        return reading("unknown", NAME, "a choice was made, but the cookie lists no categories")
    dismissed = "3" in (fields.get("intType"), fields.get("iType"))
    if choice.state != "refused":
        if dismissed:
            return reading("unknown", NAME, f"the banner was closed, which is no acceptance ({words})")
        if fields.get("AwaitingReconsent") != "false" or list(fields)[-1] == "groups":
            return reading("unknown", NAME, f"the cookie may be cut short ({words})")
    how = "the banner was closed with" if dismissed else "choice recorded:"
    return reading(choice.state, NAME, f"{how} {words}", closed_at)


def _fields(value: str) -> dict[str, str] | None:
    """Return the fields of `OptanonConsent`, or None where the value is not of its form."""
    if len(value) > MAX_VALUE:
        return None
    text = value if "&" in value else plain(value)
    try:
        fields = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS))
    except ValueError:
        return None
    return fields if "interactionCount" in fields or "groups" in fields else None


def _groups(text: str) -> dict[str, bool]:
    text = plain(text)
    if not _GROUPS.fullmatch(text):
        return {}
    found = {name: flag == "1" for name, _, flag in (item.partition(":") for item in text.split(","))}
    named = {name: on for name, on in found.items() if name in {"C0004", "C0005"}}
    return named or found


PLATFORM: Final = Platform(NAME, ("OptanonConsent", "OptanonAlertBoxClosed"), read)
