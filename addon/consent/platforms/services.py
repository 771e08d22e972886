"""Banners that keep one switch per service, so that Meta's pixel is named: Klaro, tarteaucitron, Axeptio.

Sources: klaro.org documentation; tarteaucitron.io (tarteaucitron.js, cookie.create); support.axeptio.eu.
"""

import re
from typing import Final

from addon.consent.reading import (
    MAX_VALUE,
    CookieReading,
    Cookies,
    Platform,
    decide,
    flags,
    from_switches,
    json_object,
    listed,
    meaning,
    moment,
    plain,
    reading,
)

KLARO_NAME: Final = "Klaro"
TARTEAUCITRON_NAME: Final = "tarteaucitron"
AXEPTIO_NAME: Final = "Axeptio"
_PIXELS: Final = frozenset({"facebookpixel", "fbpixel", "metapixel"})
_SERVICE = re.compile(r"([\w-]{1,60})=(true|false|wait)")


def read_klaro(cookies: Cookies) -> CookieReading | None:
    """Return what Klaro says: it writes its cookie when the visitor has chosen."""
    document = json_object(cookies.get("klaro"))
    if not document:
        return None
    switches = flags(document)
    return from_switches(KLARO_NAME, switches, chosen=True) if len(switches) == len(document) else None


def read_tarteaucitron(cookies: Cookies) -> CookieReading | None:
    """Return what tarteaucitron says; a service that waits was not chosen.

    Only Meta's pixel by name counts as accepted: `facebook` is its button, and a list may be cut short.
    """
    value = cookies.get("tarteaucitron")
    if value is None or len(value) > MAX_VALUE:
        return None
    text = plain(value)
    if not text.startswith("!"):
        return None
    answers: dict[str, str] = {}
    for part in text[1:].split("!"):
        match = _SERVICE.fullmatch(part)
        if match:
            answers[match[1]] = match[2]
        elif not part.startswith("id="):
            return None
    pixel = {name: answer for name, answer in answers.items() if name.lower() in _PIXELS}
    chosen = {name: answer == "true" for name, answer in (pixel or answers).items() if answer != "wait"}
    if not chosen:
        return reading("no_choice_yet", TARTEAUCITRON_NAME, "its services wait for a choice") if answers else None
    choice = decide(chosen)
    if choice is None:
        return None
    if choice.state == "accepted" and not pixel:
        words = f"choice recorded: {choice.words}; Meta's pixel is not among the services"
        return reading("partly_accepted", TARTEAUCITRON_NAME, words)
    return reading(choice.state, TARTEAUCITRON_NAME, f"choice recorded: {choice.words}")


def read_axeptio(cookies: Cookies) -> CookieReading | None:
    """Return what Axeptio's cookies say: `$$completed`, then Meta by name, then the vendors authorised."""
    document = json_object(cookies.get("axeptio_cookies"))
    if document is None or not isinstance(document.get("$$completed"), bool):
        return None
    if not document["$$completed"]:
        return reading("no_choice_yet", AXEPTIO_NAME, "not completed")
    chosen_at = moment(document.get("$$date"))
    named = {name: on for name, on in flags(document).items() if meaning(name) == "meta"}
    authorised, every = (
        _vendors(cookies.get("axeptio_authorized_vendors")),
        _vendors(cookies.get("axeptio_all_vendors")),
    )
    if not named and authorised is not None and every is not None:
        named = {name: name in authorised for name in every if meaning(name) == "meta"} or dict.fromkeys(
            (name for name in authorised if meaning(name) == "meta"), True
        )
    if named:
        choice = decide(named)
        assert choice is not None, "a name of Meta's always decides"
        return reading(choice.state, AXEPTIO_NAME, f"choice recorded: {listed(named)}", chosen_at)
    if not every or authorised is None:
        return reading("unknown", AXEPTIO_NAME, "completed, but no vendors are listed")
    if not authorised:
        return reading("refused", AXEPTIO_NAME, "choice recorded: no vendor authorised", chosen_at)
    words = f"choice recorded: {len(authorised)} of {len(every)} vendors authorised, Meta not among them"
    return reading("partly_accepted", AXEPTIO_NAME, words, chosen_at)


def _vendors(value: str | None) -> list[str] | None:
    """Return the vendors of a list that begins and ends with a comma, or None where it is no whole list."""
    if value is None or len(value) > MAX_VALUE:
        return None
    text = plain(value).strip('"')
    if len(text) < 2 or not (text.startswith(",") and text.endswith(",")):
        return None
    return [name for name in text.split(",") if name]


KLARO: Final = Platform(KLARO_NAME, ("klaro",), read_klaro)
TARTEAUCITRON: Final = Platform(TARTEAUCITRON_NAME, ("tarteaucitron",), read_tarteaucitron)
AXEPTIO: Final = Platform(
    AXEPTIO_NAME, ("axeptio_cookies", "axeptio_authorized_vendors", "axeptio_all_vendors"), read_axeptio
)
