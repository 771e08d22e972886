"""What each parameter means in plain words, read from `parameters.toml`.

`docs/parameters.md` is made from the same file:

    python -m addon.decoders.meta.dictionary > docs/parameters.md
"""

import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, ValidationError

from addon.model import Frozen

KnownFrom = Literal["documentation", "client_code", "observed", "third_party"]
"""How a meaning is known: published, read from Meta's scripts, concluded from traffic, said by others."""

DATA = Path(__file__).with_name("parameters.toml")

_BRACKETS = "[*]"
_BELOW = ".*"
KNOWN_FROM: dict[KnownFrom, str] = {
    "documentation": "published documentation",
    "client_code": "read from Meta's client code",
    "observed": "concluded from recorded traffic",
    "third_party": "said by a third party only",
}
"""How a meaning is known, in words."""

_INTRODUCTION = """\
# Parameters of Meta's pixel

<!-- Made from parameters.toml: python -m addon.decoders.meta.dictionary > docs/parameters.md -->

What the parameters of a request mean, as reports explain them. `[*]` stands for any name in brackets, a final
`.*` for the name before it and any path below; an entry of its own comes before these. A parameter that is not
listed is shown in reports as not documented.

**Person**: the value by itself points to a person, an account, a browser or a click.
**Health**: the value can hold words of the page, the site or the visitor, and so tell of health.
"""


class DictionaryError(ValueError):
    """The data file is not a parameter dictionary. The message names the entry and what is wrong with it."""


class ParameterMeaning(Frozen):
    """What one parameter, or every parameter of one shape, means.

    `name` is exact, or ends with `[*]` (anything in brackets) or `.*` (the name before it and any path
    below). `may_identify`: the value by itself points to a person, an account, a browser or a click.
    `may_carry_health`: the value can hold words of the page, the site or the visitor.
    """

    name: Annotated[str, Field(pattern=r"^[^*]+(?:\[\*\]|\.\*)?$")]
    meaning: Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^|\n]+[.]$")]
    group: str
    may_identify: bool = False
    may_carry_health: bool = False
    source: Annotated[str, Field(min_length=1)]
    known_from: KnownFrom


class _Source(Frozen):
    citation: str
    known_from: KnownFrom


class _Dictionary(NamedTuple):
    groups: dict[str, str]
    """Headings by group, in the order of the tables."""
    parameters: dict[str, ParameterMeaning]


def read_dictionary(text: str) -> tuple[dict[str, str], tuple[ParameterMeaning, ...]]:
    """Return the headings of the groups and the entries of a data file, given as text.

    Raises DictionaryError where it is malformed, names an unknown group or source, or says a name twice.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DictionaryError(f"not TOML: {error}") from None
    groups, keys = _texts(document, "groups"), _texts(document, "person_keys")
    unknown = sorted(document.keys() - groups.keys() - {"sources", "groups", "person", "person_keys"})
    if unknown:
        raise DictionaryError(f"[[{unknown[0]}]] is not one of [groups]")
    sources = {name: _source(name, content) for name, content in _table(document, "sources").items()}
    found: dict[str, ParameterMeaning] = {}
    for group in groups:
        entries = list(_entries(document, group))
        if group == "identity":
            entries = [*_persons(document, keys), *entries]
        for entry in entries:
            meaning = _meaning(entry, group, sources)
            if meaning.name in found:
                raise DictionaryError(f"{meaning.name} stands twice")
            found[meaning.name] = meaning
    return groups, tuple(found.values())


def _table(document: Mapping[str, object], name: str) -> dict[str, object]:
    content = document.get(name)
    if not isinstance(content, dict):
        raise DictionaryError(f"there is no table [{name}]")
    return content


def _texts(document: Mapping[str, object], name: str) -> dict[str, str]:
    content = _table(document, name)
    for key, value in content.items():
        if not isinstance(value, str):
            raise DictionaryError(f"[{name}] {key} is not a text")
    return {key: str(value) for key, value in content.items()}


def _source(name: str, content: object) -> _Source:
    try:
        return _Source.model_validate(content)
    except ValidationError as error:
        raise DictionaryError(f"[sources.{name}] {_reason(error)}") from None


def _entries(document: Mapping[str, object], group: str) -> Iterator[dict[str, object]]:
    content = document.get(group, [])
    if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
        raise DictionaryError(f"{group} must be written as [[{group}]]")
    yield from content


def _persons(document: Mapping[str, object], keys: Mapping[str, str]) -> Iterator[dict[str, object]]:
    for entry in _entries(document, "person"):
        for key, what in keys.items():
            filled = {
                field: value.replace("{key}", key).replace("{what}", what) if isinstance(value, str) else value
                for field, value in entry.items()
            }
            yield {"may_identify": True} | filled


def _meaning(entry: dict[str, object], group: str, sources: Mapping[str, _Source]) -> ParameterMeaning:
    name = entry.get("name", "an entry without name")
    source = sources.get(str(entry.get("source")))
    if source is None:
        raise DictionaryError(f"[[{group}]] {name}: source {entry.get('source')!r} is not one of [sources]")
    try:
        return ParameterMeaning.model_validate(
            entry | {"group": group, "source": source.citation, "known_from": source.known_from}
        )
    except ValidationError as error:
        raise DictionaryError(f"[[{group}]] {name}: {_reason(error)}") from None


def _reason(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"


@cache
def _dictionary() -> _Dictionary:
    groups, entries = read_dictionary(DATA.read_text(encoding="utf-8"))
    return _Dictionary(groups, {entry.name: entry for entry in entries})


def all_parameters() -> tuple[ParameterMeaning, ...]:
    """Return every entry, group by group."""
    return tuple(_dictionary().parameters.values())


def heading(group: str) -> str:
    """Return the heading of a group of parameters, or the name of the group itself where it has none."""
    return _dictionary().groups.get(group, group)


@lru_cache(maxsize=4096)
def lookup(name: str) -> ParameterMeaning | None:
    """Return what the parameter `name` means, or None where it is not documented.

    An entry of exactly this name comes first, then the pattern that names most of it.
    """
    known = _dictionary().parameters
    return next((known[key] for key in _candidates(name) if key in known), None)


def _candidates(name: str) -> Iterator[str]:
    """Yield the names of entries that would fit, the most specific one first."""
    if "*" not in name:
        yield name
    before, bracket, _ = name.partition("[")
    if bracket and name.endswith("]"):
        yield before + _BRACKETS
    path = name
    while path:
        yield path + _BELOW
        path = path.rpartition(".")[0]


def render_markdown(groups: Mapping[str, str], parameters: Iterable[ParameterMeaning]) -> str:
    """Return the dictionary as a Markdown document with one table a group."""
    tables: dict[str, list[ParameterMeaning]] = {group: [] for group in groups}
    for parameter in parameters:
        tables[parameter.group].append(parameter)
    lines = _INTRODUCTION.splitlines()
    for group, heading in groups.items():
        lines += [
            "",
            f"## {heading}",
            "",
            "| Parameter | Meaning | Person | Health | Known from |",
            "|---|---|---|---|---|",
            *(_row(parameter) for parameter in tables[group]),
        ]
    return "\n".join(lines) + "\n"


def _row(parameter: ParameterMeaning) -> str:
    person, health = ("yes" if flag else "" for flag in (parameter.may_identify, parameter.may_carry_health))
    known_from = f"{parameter.source} ({KNOWN_FROM[parameter.known_from]})"
    return f"| `{parameter.name}` | {parameter.meaning} | {person} | {health} | {known_from} |"


if __name__ == "__main__":
    sys.stdout.write(render_markdown(_dictionary().groups, all_parameters()))
