"""Every way in which what a person typed may be written before it is hashed or sent.

Each spelling says in words how it differs from what was typed. What Meta's client does comes first, then what Meta's
documentation asks for, then what sites are known to do. Where two ways give the same text, the first one names it.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from addon.persona import normalise
from addon.persona.person import MONTHS, Detail, Person, dates_of
from addon.persona.places import COUNTRIES, Country, country_of

AS_TYPED: Final = "as typed"

_Rule = tuple[str, Callable[[str], str | None]]


class Spelling(NamedTuple):
    """One way to write one detail; `field` is that of the person's file, `how` says how it is written."""

    kind: str
    field: str
    typed: str
    text: str
    how: str


_CASES: Final[tuple[_Rule, ...]] = (
    (AS_TYPED, str),
    ("lower-cased", str.lower),
    ("in capitals", str.upper),
)
_RULES: Final[dict[str, tuple[_Rule, ...]]] = {
    "em": (
        (AS_TYPED, str),
        ("lower-cased", normalise.client_email),
        ("in capitals", str.upper),
        ("as the mailbox it reaches, without dots or what follows a +", normalise.plain_mailbox),
    ),
    "fn": (
        *_CASES,
        ("with one capital", str.capitalize),
        ("lower-cased, without spaces and punctuation", normalise.client_name),
    ),
    "ge": (
        *_CASES,
        ("as one letter", normalise.client_gender),
        ("as one capital letter", lambda text: (normalise.client_gender(text) or "").upper()),
        ("as a word", lambda text: {"f": "female", "m": "male"}.get(normalise.client_gender(text) or "")),
        ("with one capital", str.capitalize),
    ),
    "ct": (
        *_CASES,
        ("lower-cased, without spaces and punctuation", normalise.client_city),
        ("lower-cased, without spaces and punctuation", normalise.client_name),
    ),
    "st": (
        *_CASES,
        ("as two letters", normalise.client_state),
        ("lower-cased, without spaces and punctuation", normalise.documented_state),
    ),
    "zp": (
        (AS_TYPED, str),
        ("lower-cased", normalise.client_postcode),
        ("lower-cased, without spaces", normalise.documented_postcode),
        ("lower-cased, without spaces", normalise.compact),
        ("in capitals", str.upper),
        ("in capitals, without spaces", lambda text: (normalise.compact(text) or "").upper()),
        ("its first part alone, lower-cased", lambda text: _first_part(text).lower()),
        ("its first part alone", lambda text: _first_part(text).upper()),
    ),
    "country": (
        *_CASES,
        ("as two letters", normalise.client_country),
        ("as two capital letters", lambda text: (normalise.client_country(text) or "").upper()),
        ("lower-cased, without spaces", normalise.compact),
    ),
    "street": (
        *_CASES,
        ("lower-cased, without spaces and punctuation", normalise.letters_and_digits),
        ("with dashes for spaces", lambda text: _joined(text, "-")),
        ("with underscores for spaces", lambda text: _joined(text, "_")),
        ("with one space between words", lambda text: _joined(text, " ")),
    ),
    "external_id": (
        *_CASES,
        ("lower-cased, without spaces", normalise.compact),
        ("lower-cased, without spaces and punctuation", normalise.letters_and_digits),
        ("with dashes for spaces", lambda text: _joined(text, "-")),
    ),
}  # fmt: skip
_RULES["ln"] = _RULES["fn"]
_RULES["nhs_number"] = _RULES["c_user"] = _RULES["external_id"]
_ACCENTED: Final = frozenset({"fn", "ln", "name", "ct", "st", "street"})
"""Kinds that are also written without accents."""


def spellings(person: Person) -> tuple[Spelling, ...]:
    """Return every spelling of every detail of a person, each text once for each kind."""
    found: dict[tuple[str, str], Spelling] = {}
    for item in (*_of_details(person), *_of_names(person)):
        if item.text:
            found.setdefault((item.kind, item.text), item)
    return tuple(found.values())


def _of_details(person: Person) -> Iterator[Spelling]:
    for detail in person.details:
        if detail.kind == "ph":
            yield from _phone(detail, person.texts("country"))
        elif detail.kind == "db":
            yield from _date(detail)
        elif detail.kind == "name":
            yield from _whole_name(detail)
        else:
            yield from _by_rules(detail)


def _by_rules(detail: Detail) -> Iterator[Spelling]:
    for how, rule in _RULES[detail.kind]:
        yield Spelling(detail.kind, detail.field, detail.text, rule(detail.text) or "", how)
    plain = normalise.without_accents(detail.text)
    if detail.kind in _ACCENTED and plain != detail.text:
        for how, rule in _RULES[detail.kind]:
            words = "without accents" if how == AS_TYPED else f"{how}, without accents"
            yield Spelling(detail.kind, detail.field, detail.text, rule(plain) or "", words)


def _whole_name(detail: Detail) -> Iterator[Spelling]:
    """Yield a whole name, and its first and last word as first and last name."""
    for how, rule in _RULES["fn"]:
        yield Spelling("name", detail.field, detail.text, rule(detail.text) or "", how)
    words = detail.text.split()
    if len(words) < 2:
        return
    yield from _pairs(detail.field, detail.text, words[0], " ".join(words[1:]))
    yield from _pairs(detail.field, detail.text, words[0], words[-1])
    for kind, text, part in (("fn", words[0], "its first word"), ("ln", words[-1], "its last word"),
                             ("ln", " ".join(words[1:]), "all but its first word")):  # fmt: skip
        for item in _by_rules(Detail(field=detail.field, kind=kind, text=text)):
            how = part if item.how == AS_TYPED else f"{part}, {item.how}"
            yield item._replace(typed=detail.text, how=how)


def _of_names(person: Person) -> Iterator[Spelling]:
    """Yield first and last name together, where they were typed apart."""
    for first in person.texts("fn"):
        for last in person.texts("ln"):
            yield from _pairs("first_name", f"{first} {last}", first, last)


def _pairs(field: str, typed: str, first: str, last: str) -> Iterator[Spelling]:
    for how, one, two in (
        ("", first, last),
        ("lower-cased", first.lower(), last.lower()),
        ("in capitals", first.upper(), last.upper()),
        ("lower-cased, without accents", *_plain(first, last)),
        ("lower-cased, without accents and punctuation", *map(_bare, _plain(first, last))),
        ("lower-cased, as in an address", *map(_slug, _plain(first, last))),
    ):
        for words, text in (
            ("first and last name", f"{one} {two}"),
            ("last and first name", f"{two} {one}"),
            ("last name, comma, first name", f"{two}, {one}"),
            ("first and last name joined", f"{one}{two}"),
            ("first and last name joined by a dash", f"{one}-{two}"),
            ("first and last name joined by a dot", f"{one}.{two}"),
            ("first and last name joined by an underscore", f"{one}_{two}"),
            ("first and last name joined by a plus sign", f"{one}+{two}"),
            ("last and first name joined by a dash", f"{two}-{one}"),
        ):
            yield Spelling("name", field, typed, text, f"{words}, {how}" if how else words)


def _plain(*names: str) -> tuple[str, ...]:
    return tuple(normalise.without_accents(name).lower() for name in names)


def _bare(name: str) -> str:
    return normalise.client_name(name) or ""


def _slug(name: str) -> str:
    return "-".join(name.replace("'", "").replace("\u2019", "").replace("-", " ").split())


def _phone(detail: Detail, countries: Iterable[str]) -> Iterator[Spelling]:
    def spelling(text: str, how: str) -> Spelling:
        return Spelling("ph", detail.field, detail.text, text, how)

    yield spelling(detail.text, AS_TYPED)
    for country, number in national_numbers(detail.text, countries):
        code = country.dialling
        yield spelling(code + number, "digits alone, with the country code")
        yield spelling(f"+{code}{number}", "with + and the country code")
        yield spelling(f"00{code}{number}", "with 00 and the country code")
        if country.trunk == "0":
            yield spelling(f"{code}0{number}", "with the country code and the zero")
            yield spelling(f"+{code}0{number}", "with + and the country code and the zero")
            yield spelling(f"0{number}", "as dialled within the country")
        yield spelling(number, "without country code and zero")
        if detail.text.startswith("0") and not detail.text.startswith("00"):
            rest = detail.text[1:].strip()
            yield spelling(f"+{code} {rest}", "with + and the country code, spaces as typed")
            yield spelling(f"+{code} (0){rest}", "with + and the country code and the zero, spaces as typed")
    yield spelling(normalise.client_phone(detail.text) or "", "digits alone, without zeros at the beginning")
    yield spelling(normalise.client_phone_alternate(detail.text) or "", "without spaces, brackets and letters")
    yield spelling("".join(char for char in detail.text if char.isdigit()), "digits alone")
    yield spelling(normalise.compact(detail.text) or "", "without spaces")


def national_numbers(text: str, countries: Iterable[str]) -> tuple[tuple[Country, str], ...]:
    """Return what a typed phone number is within its country: the digits without country code and trunk prefix.

    A number without country code is read for the countries given, or for every known country where none is.
    """
    digits = "".join(char for char in text.replace("(0)", "") if char.isascii() and char.isdigit())
    if text.lstrip().startswith("+") or digits.startswith("00"):
        number = digits.removeprefix("00") if not text.lstrip().startswith("+") else digits
        fitting = [country for country in COUNTRIES if number.startswith(country.dialling)]
        longest = max((len(country.dialling) for country in fitting), default=0)
        return tuple(
            (country, _without_trunk(number[longest:], country))
            for country in fitting
            if len(country.dialling) == longest
        )
    given = [country for name in countries if (country := country_of(name)) is not None]
    return tuple((country, _without_trunk(digits, country)) for country in given or COUNTRIES)


def _without_trunk(digits: str, country: Country) -> str:
    if country.trunk == "1":
        return digits.removeprefix("1") if len(digits) == 11 else digits
    return digits.removeprefix(country.trunk) if country.trunk else digits


def _date(detail: Detail) -> Iterator[Spelling]:
    def spelling(text: str, how: str) -> Spelling:
        return Spelling("db", detail.field, detail.text, text, how)

    yield spelling(detail.text, AS_TYPED)
    yield spelling(normalise.client_date(detail.text), "as year, month and day")
    yield spelling(normalise.compact(detail.text) or "", "without spaces")
    for number, day in enumerate(dates_of(detail.text)):
        note = ", day and month exchanged" if number else ""
        year, month, date = f"{day.year:04d}", f"{day.month:02d}", f"{day.day:02d}"
        name = MONTHS[day.month - 1].capitalize()
        yield spelling(f"{year}{month}{date}", f"as year, month and day{note}")
        yield spelling(f"{date}{month}{year}", f"as day, month and year{note}")
        yield spelling(f"{month}{date}{year}", f"as month, day and year{note}")
        for sign, word in (("-", "dashes"), ("/", "slashes"), (".", "dots")):
            yield spelling(sign.join((year, month, date)), f"as year, month and day with {word}{note}")
            yield spelling(sign.join((date, month, year)), f"as day, month and year with {word}{note}")
            yield spelling(sign.join((month, date, year)), f"as month, day and year with {word}{note}")
            yield spelling(sign.join((str(day.day), str(day.month), year)), f"as day, month and year with {word}{note}")
            yield spelling(sign.join((str(day.month), str(day.day), year)), f"as month, day and year with {word}{note}")
        for text in (f"{day.day} {name} {year}", f"{name} {day.day}, {year}", f"{day.day} {name[:3]} {year}"):
            yield spelling(text, f"with the month's name{note}")
            yield spelling(text.lower(), f"with the month's name, lower-cased{note}")


def _first_part(text: str) -> str:
    """Return the outward part of a postcode: what stands before the space, or before its last three characters."""
    first, space, _ = text.strip().partition(" ")
    if space:
        return first
    return first[:-3] if len(first) >= 5 and not first.isdigit() else ""


def _joined(text: str, sign: str) -> str | None:
    words = normalise.without_accents(text).lower().replace(",", " ").split()
    return sign.join(words)
