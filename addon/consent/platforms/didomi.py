"""Didomi: `didomi_token`, JSON in base64. Without `purposes` and `vendors` nobody has chosen.

Purposes of the framework stand in the TC string beside it, only the site's own ones here; a vendor that is
named decides before both.

Source: developers.didomi.io, "Cookies and local storage".
"""

from collections.abc import Mapping
from typing import Any, Final

from addon.consent.platforms.framework import tc_verdict
from addon.consent.reading import (
    CookieReading,
    Cookies,
    Platform,
    base64_object,
    decide,
    listed,
    meaning,
    moment,
    reading,
)

NAME: Final = "Didomi"


def read(cookies: Cookies) -> CookieReading | None:
    """Return what Didomi's cookies say."""
    document = base64_object(cookies.get("didomi_token"))
    if document is None or "created" not in document:
        return None
    if "purposes" not in document and "vendors" not in document:
        return reading("no_choice_yet", NAME, "no purposes or vendors recorded")
    chosen_at = moment(document.get("updated"))
    vendors = _switches(document.get("vendors"))
    meta = {name: on for name, on in vendors.items() if _is_meta(name)}
    if meta:
        choice = decide({"facebook": all(meta.values())})
        assert choice is not None, "a name of Meta's always decides"
        return reading(choice.state, NAME, f"choice recorded by vendor: {listed(meta)}", chosen_at)
    found = tc_verdict(cookies)
    if found is not None:
        return reading(found.state, NAME, f"choice recorded: {found.words}", chosen_at)._replace(dated=found.dated)
    choice = decide(_switches(document.get("purposes")) or vendors)
    if choice is None:
        return reading("unknown", NAME, "a choice was made, but it names no purposes that are known")
    return reading(choice.state, NAME, f"choice recorded: {choice.words}", chosen_at)


def _switches(part: Any) -> dict[str, bool]:
    if not isinstance(part, Mapping):
        return {}
    found: dict[str, bool] = {}
    for key, on in (("enabled", True), ("disabled", False)):
        names = part.get(key)
        if isinstance(names, list):
            found |= {name: on for name in names if isinstance(name, str)}
    return found


def _is_meta(vendor: str) -> bool:
    """Tell whether a vendor id (`facebook`, `c:facebook-Ab12`) is Meta's."""
    return meaning(vendor.removeprefix("c:").partition("-")[0]) == "meta" or meaning(vendor) == "meta"


PLATFORM: Final = Platform(NAME, ("didomi_token",), read)
