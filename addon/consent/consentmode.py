"""Google's consent mode: what a page told Google's tags of consent, read from the requests of those tags.

It is the page's statement to Google. A site may treat Meta in another way, so it stands beside the state and never
decides it.

Sources: Google, "Consent mode on websites and mobile apps" (`gcs`); the letters of `gcd` are listed by Simo Ahava
("Consent mode V2 for Google tags") and not by Google's own documentation.
"""

import re
from typing import Final, NamedTuple

from addon.vocabulary import Says

MAX_VALUE: Final = 60
_GCS: Final = re.compile(r"G1([01-])([01-])")
_GCD: Final = re.compile(r"1\d([a-z])\d([a-z])\d([a-z])\d([a-z])\d(?:[a-z]\d)*")
_TYPES: Final = ("ad_storage", "analytics_storage", "ad_user_data", "ad_personalization")


class _Letter(NamedTuple):
    words: str
    says: Says | None


_NOT_SET: Final = _Letter("not set", None)
_LETTERS: Final[dict[str, _Letter]] = {
    "l": _NOT_SET,
    "p": _Letter("denied by default", None),
    "q": _Letter("denied by default and by the choice passed on", "denied"),
    "r": _Letter("denied by default, then granted", "granted"),
    "t": _Letter("granted by default", None),
    "u": _Letter("granted by default, then denied", "denied"),
    "v": _Letter("granted by default, and granted again", None),
    "m": _Letter("denied by the choice passed on", "denied"),
    "n": _Letter("granted by the choice passed on", "granted"),
}
"""A default says nothing of a choice, and a repeated one (`v`) need not be one."""


class ConsentMode(NamedTuple):
    """What a page told Google: for advertising storage, whether a choice was passed on, and all of it in words."""

    says: Says | None
    words: str


def decode(gcs: str | None, gcd: str | None) -> ConsentMode | None:
    """Return what the two parameters of a Google request say, or None where neither says anything.

    Raises ValueError for values that are not of their form.
    """
    if gcd:
        match = _GCD.fullmatch(gcd) if len(gcd) <= MAX_VALUE else None
        if match is None or any(letter not in _LETTERS for letter in match.groups()):
            raise ValueError("gcd is not of a form that is known")
        letters = [_LETTERS[letter] for letter in match.groups()]
        told: dict[str, list[str]] = {}
        for kind, letter in zip(_TYPES, letters, strict=True):
            if letter != _NOT_SET:
                told.setdefault(letter.words, []).append(kind)
        if told:
            return ConsentMode(
                letters[0].says, "; ".join(f"{', '.join(kinds)} {words}" for words, kinds in told.items())
            )
    if gcs:
        match = _GCS.fullmatch(gcs) if len(gcs) <= MAX_VALUE else None
        if match is None:
            raise ValueError("gcs is not of a form that is known")
        if match.groups() == ("-", "-"):
            return ConsentMode(None, "the page did not require consent")
        words = {"1": "granted", "0": "denied", "-": "not required"}
        return ConsentMode(None, f"ad_storage {words[match[1]]}, analytics_storage {words[match[2]]}")
    return None
