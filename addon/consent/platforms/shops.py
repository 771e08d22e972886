"""Shops and site builders: Shopify and Wix.

Shopify's `purposes` are what is allowed at the moment, defaults included; only `con.CMP` is a choice. The
values in it are not documented, so a choice is read only where both agree. Wix writes `consent-policy`
with a time when the visitor chose; that time counts minutes and is too coarse to order events.

Sources: shopify.dev, Customer Privacy API; dev.wix.com, "Consent policy".
"""

from typing import Final

from addon.consent.reading import (
    ON_BY_DEFAULT,
    CookieReading,
    Cookies,
    Platform,
    flags,
    from_switches,
    json_object,
    reading,
)

SHOPIFY_NAME: Final = "Shopify"
WIX_NAME: Final = "Wix"


def read_shopify(cookies: Cookies) -> CookieReading | None:
    """Return what `_tracking_consent` says."""
    document = json_object(cookies.get("_tracking_consent"))
    if document is None:
        return None
    con, purposes = document.get("con"), document.get("purposes")
    answers = con.get("CMP") if isinstance(con, dict) else None
    if not isinstance(answers, dict) or not isinstance(purposes, dict) or not isinstance(purposes.get("m"), bool):
        return reading("unknown", SHOPIFY_NAME, "a form of the cookie that does not say what was chosen")
    allowed = purposes["m"]
    if all(value == "" for value in answers.values()):
        return reading("no_choice_yet", SHOPIFY_NAME, ON_BY_DEFAULT if allowed else "no choice made")
    if answers.get("m") == ("1" if allowed else "0"):
        words = f"choice recorded: marketing {'on' if allowed else 'off'}"
        return reading("accepted" if allowed else "refused", SHOPIFY_NAME, words)
    return reading("unknown", SHOPIFY_NAME, "a choice was made, but not plainly on marketing")


def read_wix(cookies: Cookies) -> CookieReading | None:
    """Return what `consent-policy` says."""
    document = json_object(cookies.get("consent-policy"))
    if document is None or "ts" not in document or "ess" not in document:
        return None
    switches = flags({name: document.get(name) for name in ("func", "anl", "adv")}, 1, 0)
    return from_switches(WIX_NAME, switches, chosen=True) if "adv" in switches else None


SHOPIFY: Final = Platform(SHOPIFY_NAME, ("_tracking_consent",), read_shopify)
WIX: Final = Platform(WIX_NAME, ("consent-policy",), read_wix)
