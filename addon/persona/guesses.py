"""How cheaply a hash is reversed: by trying what anyone would try.

A hash of a gender, a birth date or a common first name hides nothing, because there are few of them: whoever holds it
tries them all. This module does so with short lists that anyone could write. It tells which list held the value and
how long that list is, and never the value itself, which may be a real person's. Nothing of it is stored.
"""

import datetime as dt
import hashlib
import itertools
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from addon.persona.places import COUNTRIES, STATES

FIRST_BIRTH: Final = dt.date(1920, 1, 1)
LAST_BIRTH: Final = dt.date(2012, 12, 31)

_WORDS: Final = {
    name: tuple(text.split())
    for name, text in tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")).items()
}
FIRST_NAMES: Final = _WORDS["first_names"]
LAST_NAMES: Final = _WORDS["last_names"]
TOWNS: Final = _WORDS["towns"]
POSTCODE_AREAS: Final = _WORDS["postcode_areas"]
THROWAWAY_WORDS: Final = (
    "testing", "test1", "test123", "tester", "testuser", "user", "guest", "demo", "example", "sample", "admin", "abc",
    "abc123", "asdf", "qwerty", "foo", "bar", "hello", "anonymous", "customer", "patient", "name", "firstname",
    "lastname", "first", "last", "email", "123", "1234", "12345", "123456", "xxx", "x", "aa", "aaa", "-", ".",
)  # fmt: skip
_THROWAWAY_HOSTS: Final = ("test.com", "example.com", "example.org", "mailinator.com", "email.com", "gmail.com")


class Guess(NamedTuple):
    """That a hash is reversed by trying a short list: what the list holds and how many texts were tried."""

    what: str
    tried: int


class _List(NamedTuple):
    what: str
    texts: tuple[str, ...]


def guess(kind: str, value: str) -> Guess | None:
    """Return what list of guesses holds the value behind a hash (SHA-256 or MD5, hex), or None where none does.

    `kind` is that of the identifier and chooses the lists. Each list is hashed once in a process, when first needed.
    """
    algorithm = {64: "sha256", 32: "md5"}.get(len(value))
    if algorithm is None:
        return None
    try:
        digest = bytes.fromhex(value)
    except ValueError:
        return None
    found = _reversed(kind, algorithm).get(digest)
    return None if found is None else Guess(found, guesses_of(kind))


@cache
def guesses_of(kind: str) -> int:
    """Return how many texts are tried for a kind of identifier."""
    return len({text for item in _lists(kind) for text in item.texts})


@cache
def _reversed(kind: str, algorithm: str) -> dict[bytes, str]:
    """Return the hashes of everything that is tried for a kind, each with what its list holds."""
    table: dict[bytes, str] = {}
    for item in _lists(kind):
        for text in item.texts:
            table.setdefault(hashlib.new(algorithm, text.encode(), usedforsecurity=False).digest(), item.what)
    return table


@cache
def _lists(kind: str) -> tuple[_List, ...]:
    words = _List("a word that people type to try a form", THROWAWAY_WORDS)
    match kind:
        case "ge":
            texts = (
                "f",
                "m",
                "female",
                "male",
                "F",
                "M",
                "Female",
                "Male",
                "other",
                "unknown",
                "w",
                "d",
                "u",
                "o",
                "n",
            )
            return (_List("a gender", texts),)
        case "db":
            return (_List(f"a birth date from {FIRST_BIRTH.year} to {LAST_BIRTH.year}", tuple(_birth_dates())),
                    _List("a birth year", tuple(str(year) for year in range(1900, 2027))))  # fmt: skip
        case "fn":
            return (_List("a common first name", tuple(_cases(FIRST_NAMES))), words)
        case "ln":
            return (_List("a common last name", tuple(_cases(LAST_NAMES))), words)
        case "name":
            joined = (first + last for first in FIRST_NAMES for last in LAST_NAMES)
            return (_List("a common first and last name", tuple(joined)), words)
        case "ct":
            return (_List("a large town", tuple(_cases(TOWNS))), words)
        case "st":
            return (_List("two letters", tuple(_two_letters())), _List("a state or county", tuple(STATES)))
        case "country":
            names = itertools.chain.from_iterable(country.names for country in COUNTRIES)
            return (_List("the two letters of a country", (*_two_letters(), *map(str.upper, _two_letters()))),
                    _List("the name of a country", tuple(_cases(names))))  # fmt: skip
        case "zp":
            return (_List("the first part of a postcode", tuple(_districts())), words)
        case "ph":
            return (_List("a number kept for drama", tuple(_drama_numbers())), words)
        case "em":
            return (_List("an address that people type to try a form", tuple(_throwaway_addresses())), words)
        case "external_id":
            return (_List("a number below 10,000", tuple(map(str, range(10_000)))), words)
        case _:
            return ()


def _cases(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield from (text, text.capitalize())


def _birth_dates() -> Iterator[str]:
    for ordinal in range(FIRST_BIRTH.toordinal(), LAST_BIRTH.toordinal() + 1):
        yield dt.date.fromordinal(ordinal).isoformat().replace("-", "")


def _two_letters() -> Iterator[str]:
    letters = "abcdefghijklmnopqrstuvwxyz"
    return (first + second for first in letters for second in letters)


def _districts() -> Iterator[str]:
    """Yield areas and what can be districts of theirs, in both cases; most numbers up to 30 exist."""
    for area in POSTCODE_AREAS:
        for number in ("", *map(str, range(1, 100))):
            yield from (area + number, (area + number).upper())


def _drama_numbers() -> Iterator[str]:
    """Yield the mobile numbers that Ofcom keeps for television and radio (07700 900000 to 900999)."""
    for number in range(1000):
        yield from (f"{start}7700900{number:03d}" for start in ("", "0", "44", "+44", "0044"))


def _throwaway_addresses() -> Iterator[str]:
    locals_ = ("test", "a", "me", "info", "name", "first.last", "jo", "john.doe", "jane.doe", *THROWAWAY_WORDS)
    return (f"{local}@{host}" for local in locals_ for host in _THROWAWAY_HOSTS)
