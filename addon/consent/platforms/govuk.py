"""The pattern of GOV.UK services: `cookies_policy` holds the switches, `cookies_preferences_set` that they were set.

Categories: essential, settings, usage, campaigns; some services add marketing. The policy is JSON, in some
services base64.

Source: github.com/alphagov/govuk_publishing_components, cookie functions.
"""

from typing import Final

from addon.consent.reading import CookieReading, Cookies, Platform, base64_object, flags, from_switches, json_object

NAME: Final = "GOV.UK cookie pattern"


def read(cookies: Cookies) -> CookieReading | None:
    """Return what the two cookies of the pattern say."""
    value = cookies.get("cookies_policy")
    document = json_object(value) or base64_object(value)
    if not document:
        return None
    switches = flags(document)
    if "essential" not in switches or not switches.keys() & {"settings", "usage", "campaigns"}:
        return None
    chosen = (cookies.get("cookies_preferences_set") or "").strip('"').lower() == "true"
    return from_switches(NAME, switches, chosen=chosen)


PLATFORM: Final = Platform(NAME, ("cookies_policy",), read, shared=True)
