"""The file in which an investigator states the invented person whose details were typed during a session.

YAML, TOML or JSON, told apart by what the file holds. Every value is kept as it was typed: a phone number keeps its
initial zero, a date its order. Names that are not known are refused, because a misspelt one would mean that a detail
is never looked for.
"""

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from addon.model import Frozen
from addon.persona.places import country_of
from rules.errors import RuleFileError, RuleSetError

MAX_FILE = 64_000
"""Longest file, in bytes, that can be a person."""

MAX_VALUE = 200
MAX_VALUES = 10
"""Most values of one detail, such as e-mail addresses."""

LABEL = "the test person"
"""What a person is called in reports where the file says nothing else."""

KINDS: Final[Mapping[str, str]] = {
    "name": "name",
    "first_name": "fn",
    "last_name": "ln",
    "email": "em",
    "phone": "ph",
    "date_of_birth": "db",
    "gender": "ge",
    "address.street": "street",
    "address.city": "ct",
    "address.county": "st",
    "address.postcode": "zp",
    "address.country": "country",
    "ids.nhs_number": "nhs_number",
    "ids.facebook_account": "c_user",
}
"""Fields of the file to the kind of identifier that carries them; every other name below `ids` is an `external_id`."""

MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip

_SHORTEST_ID = 4
_ID_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
_TOML = re.compile(r"\s*(?:#[^\n]*\n\s*)*(?:\[[^\n]*\]|[A-Za-z0-9_.-]+\s*=)")
_YEAR = re.compile(r"(?:1[89]|20)\d\d")


class PersonFileError(Exception):
    """A file of a person that cannot be used. The message names file, line and field, and says what to do."""


class Detail(Frozen):
    """One thing the investigator typed: the field of the file, the kind of identifier, the text as typed."""

    field: str
    kind: str
    text: str


class Person(Frozen):
    """An invented person: what was typed, in the order of the file, and what reports call them."""

    label: str
    details: tuple[Detail, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        """Return the kinds of details that were given, each once, in the order of the file."""
        return tuple(dict.fromkeys(detail.kind for detail in self.details))

    def texts(self, kind: str) -> tuple[str, ...]:
        """Return what was typed of one kind."""
        return tuple(detail.text for detail in self.details if detail.kind == kind)


def read_person(path: Path) -> Person:
    """Return the person that a file states. Raises PersonFileError with everything that is wrong."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise PersonFileError(
            f"{path} cannot be read: {error.strerror or error}; to make an invented person, run: "
            f"pixelwitness persona new -o {path.name}"
        ) from None
    if len(content) > MAX_FILE:
        raise PersonFileError(f"{path}: {len(content):,} bytes are more than any person has; name the right file")
    values, lines = _values(path, content)
    reading = _Reading(path, lines)
    person = reading.person(values)
    if reading.errors:
        raise PersonFileError("\n".join(reading.errors))
    return person


def _values(path: Path, content: bytes) -> tuple[Mapping[str, object], Mapping[str, int]]:
    """Return the file's names and values, and the line of each by its dotted path."""
    text = content.decode("utf-8-sig", "replace")
    if not text.strip():
        raise PersonFileError(f"{path}: is empty; pixelwitness persona new writes an example")
    if _TOML.match(text):
        import tomllib  # noqa: PLC0415 - loaded when needed

        try:
            table = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise PersonFileError(f"{path}: is not TOML: {error}; put every value in quotes") from None
        return table, _toml_lines(text)
    from rules.yamlfile import read_yaml  # noqa: PLC0415 - the YAML parser is only loaded when it is needed

    try:
        return read_yaml(path, content)  # which JSON is, too
    except RuleFileError as error:
        raise PersonFileError(f"{error}; write lines such as  email: jo@example.com") from None
    except RuleSetError as error:
        raise PersonFileError("\n".join(f"{item}; write the value out, or leave the line away" for item in error.errors)
                              ) from None  # fmt: skip


def _toml_lines(text: str) -> dict[str, int]:
    lines: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if stripped.startswith("["):
            table = stripped.strip("[] ") + "."
            lines.setdefault(table[:-1], number)
        elif "=" in stripped:
            lines.setdefault(table + stripped.partition("=")[0].strip().strip("\"'"), number)
    return lines


class _Reading:
    """Checks the values of one file and collects everything that is wrong."""

    def __init__(self, path: Path, lines: Mapping[str, int]) -> None:
        self.path = path
        self.lines = lines
        self.errors: list[str] = []

    def person(self, values: Mapping[str, object]) -> Person:
        label = LABEL
        details: list[Detail] = []
        for field, value in self._fields(values):
            if field == "label":
                label = next((text for text in self._texts(field, value)), LABEL)
                continue
            kind = KINDS.get(field, "external_id")
            for text in self._texts(field, value):
                problem = _problem(kind, text)
                if problem:
                    self._error(field, problem)
                details.append(Detail(field=field, kind=kind, text=text))
        if not details and not self.errors:
            self._error("", "states nothing that was typed; add for example  email: jo@example.com")
        typed = [detail for detail in details if len(detail.text) > 2 and detail.text.lower() in label.lower()]
        if typed:
            self._error("label", f"holds the {typed[0].field}: it is stored and printed, so choose a word that says "
                        "nothing of the person, such as  label: visit 1")  # fmt: skip
        return Person(label=label, details=tuple(details))

    def _fields(self, values: Mapping[str, object]) -> Iterator[tuple[str, object]]:
        tops = {field.partition(".")[0] for field in KINDS} | {"label", "ids"}
        for name, value in values.items():
            if name not in tops:
                self._error(name, f"is not known; {_instead(name, sorted(tops))}")
            elif name in {"address", "ids"}:
                if not isinstance(value, Mapping):
                    self._error(name, f"must hold names and values below it, such as  {_example(name)}")
                    continue
                yield from self._below(name, value)
            else:
                yield name, value

    def _below(self, name: str, values: Mapping[str, object]) -> Iterator[tuple[str, object]]:
        known = [field.partition(".")[2] for field in KINDS if field.startswith(f"{name}.")]
        for inner, value in values.items():
            field = f"{name}.{inner}"
            if name == "address" and inner not in known:
                self._error(field, f"is not known; {_instead(inner, known)}")
            elif name == "ids" and not _ID_NAME.fullmatch(inner):
                self._error(field, "must be named by small letters, digits and _, such as patient_number")
            else:
                yield field, value

    def _texts(self, field: str, value: object) -> Iterator[str]:
        items = value if isinstance(value, list) else [value]
        if len(items) > MAX_VALUES or not items:
            self._error(field, f"must hold one value or up to {MAX_VALUES}")
            return
        for item in items:
            if isinstance(item, dt.date):
                text = item.isoformat()
            elif isinstance(item, str):
                text = item.strip()
            else:
                self._error(field, 'must be text as it was typed; put it in quotes, such as "07700 900123"')
                continue
            if not text:
                self._error(field, "is empty; leave the line away where nothing was typed")
            elif len(text) > MAX_VALUE:
                self._error(field, f"has {len(text)} characters; more than {MAX_VALUE} are not looked for")
            elif not text.isprintable():
                self._error(field, "holds a control character; write it on one line")
            else:
                yield text

    def _error(self, field: str, problem: str) -> None:
        line = self.lines.get(field, 0)
        place = f"{self.path}:{line}" if line else str(self.path)
        self.errors.append(f"{place}: {field}: {problem}" if field else f"{place}: {problem}")


def _problem(kind: str, text: str) -> str | None:
    """Return what is wrong with a value of some kind and what to do, or None."""
    digits = sum(char.isdigit() for char in text)
    if kind == "em" and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text):
        return "is no e-mail address, such as jo@example.com"
    if kind == "ph" and not 6 <= digits <= 20:
        return "is no phone number; write it as typed, such as 07700 900123"
    if kind == "db" and not dates_of(text):
        return "is no date; write it as typed, such as 14/02/1987, 1987-02-14 or 14 February 1987"
    if kind == "country" and country_of(text) is None and not re.fullmatch(r"[A-Za-z]{2}", text):
        return "is no country that is known; write its two letters, such as GB"
    if kind in {"external_id", "nhs_number", "c_user"} and len(text) < _SHORTEST_ID:
        return f"is shorter than {_SHORTEST_ID} characters and would be found by chance; leave the line away"
    return None


def dates_of(text: str) -> tuple[dt.date, ...]:
    """Return the days that a typed date can mean: day first, then month first; none where it is no date."""
    words = re.findall(r"[^\W\d_]+|\d+", text.lower())
    if len(words) == 1 and words[0].isdigit() and len(words[0]) == 8:
        digits = words[0]
        orders = ((digits[:4], digits[4:6], digits[6:]), (digits[4:], digits[2:4], digits[:2]))
        return _days([orders[0]] if _YEAR.match(digits) else [orders[1], (digits[4:], digits[:2], digits[2:4])])
    if len(words) != 3:
        return ()
    named = [(place, month) for place, word in enumerate(words) if (month := _month(word)) is not None]
    if named:
        place, month = named[0]
        rest = [word for index, word in enumerate(words) if index != place]
        return _days([(year, str(month), day) for year, day in (rest, rest[::-1]) if len(year) == 4])
    if len(words[0]) == 4:
        return _days([(words[0], words[1], words[2])])
    return _days([(words[2], words[1], words[0]), (words[2], words[0], words[1])])


def _month(word: str) -> int | None:
    return next((number for number, name in enumerate(MONTHS, 1) if len(word) >= 3 and name.startswith(word)), None)


def _days(orders: Sequence[tuple[str, str, str]]) -> tuple[dt.date, ...]:
    found: list[dt.date] = []
    for year, month, day in orders:
        if not (year.isdigit() and month.isdigit() and day.isdigit() and _YEAR.fullmatch(year)):
            continue
        try:
            found.append(dt.date(int(year), int(month), int(day)))
        except ValueError:
            continue
    return tuple(dict.fromkeys(found))


def _instead(name: str, known: Sequence[str]) -> str:
    import difflib  # noqa: PLC0415 - only where something is wrong

    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else f"the names are {', '.join(known)}"


def _example(name: str) -> str:
    return "postcode: ZZ99 9ZZ" if name == "address" else "nhs_number: 999 123 4560"
