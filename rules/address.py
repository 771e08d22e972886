"""An address to its parts: host labels, path segments, query keys and values, search terms, campaign names.

Every part is a slice of the field's own text, so offsets hold without copying. Nothing here raises: an
address is what a stranger's page sent, and what cannot be read as an address is read as a path.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from rules.model import FieldName
from rules.querykeys import MAX_KEY, KeyUse, use_of
from rules.text import decode, decode_once

CACHED_LENGTH = 2_000
"""Longer addresses are not kept in memory: they seldom come twice."""

MAX_DEPTH = 3
"""How many addresses inside an address are opened (`?return=https%3A%2F%2F…`)."""

MAX_PARTS = 5_000
"""How many parts of one address are read one by one; what follows them is read as one more part."""

_SCHEME = re.compile(r"[\s\x00-\x20]*([A-Za-z][A-Za-z0-9+.-]{0,30}):")
_ENCODED_SCHEME = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.-]{0,30}%(?:25)?3[Aa]%(?:25)?2[Ff]")
_BARE_HOST = re.compile(r"(?:[A-Za-z0-9_-]{1,63}\.){1,10}([A-Za-z]{2,24})\.?(?=[:/?#]|$)")
_AUTHORITY = re.compile(r"[^/\\?#]*")
_PAIR = re.compile(r"[^&;]+")
_SEGMENT = re.compile(r"[^/\\]+")
_PAGE_SUFFIX = re.compile(r"\.(?:aspx?|html?|shtml|php\d?|jsp|cfm|pdf)$", re.IGNORECASE)
_PAGE_SUFFIXES = frozenset(
    [
        "asp",
        "aspx",
        "htm",
        "html",
        "shtml",
        "php",
        "jsp",
        "cfm",
        "pdf",
        "jpg",
        "jpeg",
        "png",
        "gif",
        "svg",
        "js",
        "css",
    ]
)


class PartKind(StrEnum):
    """What a part of a field is, as far as matching differs."""

    TEXT = "text"
    HOST = "host"
    SEGMENT = "segment"

    __hash__ = str.__hash__  # an enumeration's own is written in Python, and parts are looked up without end


class Part(NamedTuple):
    """A slice of a field's text: `text[start:end]`."""

    name: FieldName
    kind: PartKind
    start: int
    end: int


class _Names(NamedTuple):
    """Under which names the parts of an address go."""

    host: FieldName
    path: FieldName
    query: FieldName
    fragment: FieldName
    search: FieldName
    campaign: FieldName


_PAGE = _Names(
    FieldName.PAGE_HOST,
    FieldName.PAGE_PATH,
    FieldName.PAGE_QUERY,
    FieldName.PAGE_FRAGMENT,
    FieldName.SEARCH_TERM,
    FieldName.CAMPAIGN,
)
_REFERRER = _Names(
    FieldName.REFERRER_HOST,
    FieldName.REFERRER_PATH,
    FieldName.REFERRER_QUERY,
    FieldName.REFERRER_FRAGMENT,
    FieldName.REFERRER_QUERY,
    FieldName.REFERRER_QUERY,
)
_HIDDEN = _Names(
    FieldName.HIDDEN_HOST,
    FieldName.HIDDEN_PATH,
    FieldName.HIDDEN_QUERY,
    FieldName.HIDDEN_FRAGMENT,
    FieldName.HIDDEN_QUERY,
    FieldName.HIDDEN_QUERY,
)
_DESTINATION = _Names(
    FieldName.DESTINATION_HOST,
    FieldName.DESTINATION_PATH,
    FieldName.DESTINATION_QUERY,
    FieldName.DESTINATION_FRAGMENT,
    FieldName.DESTINATION_QUERY,
    FieldName.DESTINATION_QUERY,
)
_ALL_NAMES = (_PAGE, _REFERRER, _HIDDEN, _DESTINATION)


def parts(name: FieldName, text: str) -> tuple[Part, ...]:
    """Split a field's text into what is matched on its own.

    A `*.url` field gives its host, path segments, query keys and values and fragment; `*.host`, `*.path`,
    `*.query` and `*.fragment` fields give theirs; every other field is one part. Nothing is given for
    click and session identifiers. A phrase never runs from one part into the next.
    """
    splitter = _SPLITTERS.get(name)
    if splitter is None:
        return (Part(name, PartKind.TEXT, 0, len(text)),)
    return _split_cached(name, text) if len(text) <= CACHED_LENGTH else _split(name, text)


def _split(name: FieldName, text: str) -> tuple[Part, ...]:
    names, read = _SPLITTERS[name]
    view = _View(text, range(len(text) + 1), names, 0)
    found: list[Part] = []
    for part in read(view, 0, len(text)):
        if len(found) == MAX_PARTS:
            found.append(Part(part.name, PartKind.TEXT, part.start, len(text)))
            break
        found.append(part)
    return tuple(found)


_split_cached = lru_cache(maxsize=4_096)(_split)


class _View(NamedTuple):
    """A text that may have been decoded, and where each of its code points stands in the field."""

    text: str
    at: Sequence[int]
    names: _Names
    depth: int

    def part(self, name: FieldName, kind: PartKind, start: int, end: int) -> Part:
        return Part(name, kind, self.at[start], self.at[end])


def _address(view: _View, start: int, end: int) -> Iterator[Part]:
    text = view.text
    if _ENCODED_SCHEME.match(text, start, end):
        decoded = decode(text[start:end])
        at = [view.at[start + position] for position in decoded.positions]
        view = view._replace(text=decoded.text, at=at)
        text, start, end = decoded.text, 0, len(decoded.text)
    scheme = _SCHEME.match(text, start, end)
    if scheme and text.startswith("//", scheme.end()):
        yield from _hierarchical(view, scheme.end() + 2, end)
    elif scheme and scheme[1].lower() in {"blob", "view-source"} and view.depth < MAX_DEPTH:
        yield from _address(view._replace(depth=view.depth + 1), scheme.end(), end)
    elif scheme and scheme[1].lower() == "data":
        return  # content of its own, mostly base64: neither a place nor words
    elif scheme and not _BARE_HOST.match(text, start, end):
        yield from _local(view, scheme.end(), end)
    elif text.startswith("//", start):
        yield from _hierarchical(view, start + 2, end)
    elif (host := _BARE_HOST.match(text, start, end)) and host[1].lower() not in _PAGE_SUFFIXES:
        yield from _hierarchical(view, start, end)
    else:
        yield from _local(view, start, end)


def _hierarchical(view: _View, start: int, end: int) -> Iterator[Part]:
    """Read what follows `//`: credentials, host, port, path, query, fragment."""
    authority = _AUTHORITY.match(view.text, start, end)
    after = authority.end() if authority else start
    first = max(view.text.rfind("@", start, after) + 1, start)
    yield from _host(view, first, after)
    yield from _local(view, after, end)


def _host(view: _View, start: int, end: int) -> Iterator[Part]:
    text = view.text
    if not text.startswith("[", start):
        colon = text.find(":", start, end)
        end = colon if colon >= 0 else end
    if text[start : start + 4].lower() == "www.":
        start += 4
    if start < end:
        yield view.part(view.names.host, PartKind.HOST, start, end)


def _local(view: _View, start: int, end: int) -> Iterator[Part]:
    """Read path, query and fragment."""
    hash_mark = view.text.find("#", start, end)
    fragment = hash_mark if hash_mark >= 0 else end
    question = view.text.find("?", start, fragment)
    query = question if question >= 0 else fragment
    yield from _path(view, start, query)
    if query < fragment:
        yield from _query(view, query + 1, fragment)
    if fragment < end:
        yield from _fragment(view, fragment + 1, end)


def _path(view: _View, start: int, end: int) -> Iterator[Part]:
    for segment in _SEGMENT.finditer(view.text, start, end):
        first, last = segment.span()
        suffix = _PAGE_SUFFIX.search(segment.group()[-6:])
        if suffix:
            last -= len(suffix.group())
        if first < last:
            yield view.part(view.names.path, PartKind.SEGMENT, first, last)


def _query(view: _View, start: int, end: int) -> Iterator[Part]:
    for pair in _PAIR.finditer(view.text, start, end):
        yield from _pair(view, pair.start(), pair.end(), view.names.query)


def _fragment(view: _View, start: int, end: int) -> Iterator[Part]:
    """Read a fragment: a route of a single-page application, parameters, or a word."""
    for piece in _PAIR.finditer(view.text, start, end):
        first, last = piece.span()
        equals = view.text.find("=", first, last)
        slash = view.text.find("/", first, last)
        if equals >= 0 and not 0 <= slash < equals:
            yield from _pair(view, first, last, view.names.fragment)
        else:
            for segment in re.finditer(r"[^/?!=]+", view.text[first:last]):
                kind = PartKind.SEGMENT
                yield view.part(view.names.fragment, kind, first + segment.start(), first + segment.end())


def _pair(view: _View, start: int, end: int, plain: FieldName) -> Iterator[Part]:
    equals = view.text.find("=", start, end)
    key_end = equals if equals >= 0 else end
    use = use_of(view.text[start : min(key_end, start + MAX_KEY)])
    if use is KeyUse.UNSCORED:
        return
    if use is KeyUse.SEARCH:
        name = view.names.search
    elif use is KeyUse.CAMPAIGN:
        name = view.names.campaign
    else:
        name = plain
        yield view.part(plain, PartKind.TEXT, start, key_end)
    if key_end + 1 < end:
        yield from _value(view, key_end + 1, end, name)


def _value(view: _View, start: int, end: int, name: FieldName) -> Iterator[Part]:
    text = view.text
    if view.depth < MAX_DEPTH and name in {view.names.query, view.names.fragment}:
        decoded = decode_once(text[start:end]) if "%" in text[start:end] else None
        value = decoded.text if decoded else text[start:end]
        if "://" in value[:40] or value.startswith(("/", "www.")) or _ENCODED_SCHEME.match(value):
            at = [view.at[start + i] for i in (decoded.positions if decoded else range(end - start + 1))]
            nested = view._replace(text=value, at=at, names=_all_query(view.names), depth=view.depth + 1)
            yield from _address(nested, 0, len(value))
            return
    yield view.part(name, PartKind.TEXT, start, end)


def _all_query(names: _Names) -> _Names:
    """Return the names for an address inside a query: all of it is the query's."""
    return names._replace(host=names.query, path=names.query, fragment=names.query)


_Reader = Callable[[_View, int, int], Iterator[Part]]
_SPLITTERS: dict[FieldName, tuple[_Names, _Reader]] = {
    name: (names, reader)
    for names, url in zip(
        _ALL_NAMES,
        (FieldName.PAGE_URL, FieldName.REFERRER_URL, FieldName.HIDDEN_URL, FieldName.DESTINATION_URL),
        strict=True,
    )
    for name, reader in (
        (url, _address),
        (names.host, _host),
        (names.path, _path),
        (names.query, _query),
        (names.fragment, _fragment),
    )
}
