"""The click on a cookie banner, where the pixel itself reported it.

A pixel that reports clicks also reports the one on "Accept all cookies". That dates the choice, but the words
on a button are no proof that the banner kept it: the timeline uses a click only where a cookie confirms it
later, and calls what follows an inference.
"""

from collections.abc import Iterable
from typing import Final

from addon.model import Epoch, Event, Frozen
from addon.remembered import Remembered
from addon.vocabulary import ConsentState

BUTTON_PARAMETER: Final = "cd[buttonText]"
MAX_TEXT: Final = 80

_ACCEPT: Final = frozenset(
    {
        "accept all", "accept all cookies", "accept cookies", "accept additional cookies", "accept optional cookies",
        "accept analytics cookies", "i accept cookies", "i accept all cookies", "allow all", "allow all cookies",
        "allow cookies", "agree to all", "yes accept all", "accept and continue", "accept all and continue",
        "alle akzeptieren", "alle cookies akzeptieren", "allen zustimmen", "alle cookies zulassen",
        "tout accepter", "accepter tout", "accepter les cookies", "accepter tous les cookies",
        "aceptar todo", "aceptar todas", "aceptar todas las cookies", "aceptar cookies",
        "accetta tutto", "accetta tutti", "accetta tutti i cookie", "accetta i cookie",
        "alles accepteren", "alle cookies accepteren", "accepteer alle cookies", "alles toestaan",
        "aceitar todos", "aceitar todos os cookies", "aceitar cookies",
        "acceptera alla", "acceptera alla cookies", "tillad alle", "accepter alle", "godta alle", "hyväksy kaikki",
        "zaakceptuj wszystkie", "akceptuj wszystkie", "derbyn pob cwci",
    }
)  # fmt: skip
_REFUSE: Final = frozenset(
    {
        "reject all", "reject all cookies", "reject cookies", "reject additional cookies", "reject optional cookies",
        "decline all", "decline all cookies", "decline cookies", "decline optional cookies", "refuse all",
        "refuse cookies", "deny all", "only necessary cookies", "necessary cookies only", "use necessary cookies only",
        "essential cookies only", "accept only essential cookies", "reject non essential cookies",
        "do not accept cookies", "continue without accepting",
        "alle ablehnen", "alle cookies ablehnen", "nur notwendige cookies", "nur notwendige",
        "tout refuser", "refuser tout", "refuser les cookies", "continuer sans accepter",
        "rechazar todo", "rechazar todas", "rechazar todas las cookies", "rechazar cookies",
        "rifiuta tutto", "rifiuta tutti", "rifiuta tutti i cookie", "continua senza accettare",
        "alles weigeren", "alles afwijzen", "alle cookies weigeren", "weiger alle cookies",
        "rejeitar todos", "rejeitar todos os cookies", "rejeitar cookies",
        "avvisa alla", "neka alla", "afvis alle", "avvis alle", "hylkää kaikki",
        "odrzuć wszystkie", "gwrthod pob cwci",
    }
)  # fmt: skip


class BannerClick(Frozen):
    """A click on the button of a cookie banner, as the pixel of a site reported it."""

    site: str
    at: Epoch
    state: ConsentState
    text: str


def banner_choice(text: str) -> ConsentState | None:
    """Return what a button with these words stands for, or None where it is not plainly a cookie banner's."""
    return _known_choices[text] if len(text) <= MAX_TEXT else None


def _choice(text: str) -> ConsentState | None:
    words = " ".join("".join(char if char.isalnum() else " " for char in text.casefold()).split())
    if words in _ACCEPT:
        return "accepted"
    return "refused" if words in _REFUSE else None


_known_choices = Remembered(_choice, 1024, MAX_TEXT)


def banner_clicks(events: Iterable[Event]) -> tuple[BannerClick, ...]:
    """Return the clicks on cookie banners among the events."""
    found = []
    for event in events:
        # by number, which is faster than by name
        texts = [param[1] for param in event.parameters if param[0] == BUTTON_PARAMETER]
        text = texts[0] if texts else None
        state = banner_choice(text) if text else None
        if event.site and text and state:
            found.append(BannerClick(site=event.site, at=event.occurred_at, state=state, text=" ".join(text.split())))
    return tuple(found)
