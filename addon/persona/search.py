"""Where in a request a person's details stand: in parameters, path, referrer, headers and cookies, encoded or not.

Values may be encoded in layers: percent escapes once or twice, base64, JSON inside JSON, addresses inside addresses.
Each layer is opened up to a depth, and all of them together up to a length, so that a hostile body cannot make the
search slow; where that limit cuts something off, the search says so. No pattern here can be made to backtrack far.
"""

import base64
import binascii
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, Literal, NamedTuple
from urllib.parse import unquote, unquote_plus

from addon.audit import decode
from addon.decoders.meta.identity import AMBIGUOUS_CUSTOM_NAMES, HASHED_FIELDS, MASKED_FIELDS, USER_DATA_KEYS
from addon.decoders.meta.jsontext import json_strings
from addon.decoders.meta.wire import body_parameters, query_parameters
from addon.model import Frozen, Param
from addon.observation import ObservedRequest
from addon.persona.forms import Form, Forms, fitting, phone_words
from addon.persona.person import Person
from addon.redaction import cookie_pairs

Place = Literal["query", "body", "path", "header", "cookie"]
"""Where in a request something stands; `path` is that of its address."""

MAX_TEXT = 500_000
"""Code points of one request that are searched, all layers together."""

MAX_PIECES = 5_000
"""Texts inside texts of one request that are looked into."""

MAX_DEPTH = 4
"""Layers of encoding that are opened."""

MAX_SIGHTINGS = 50
"""Places in one value where the same detail is noted; that it is there more often says no more."""

URL: Final = "URL"
BASE64: Final = "base64"

_HEX: Final = re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f]{32,128}(?![0-9A-Za-z])")
_PACKED: Final = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{11,}={0,2}")
_SEGMENT: Final = re.compile(r"[^\s\"'<>&?#=/;,|]+")
_PAIR: Final = re.compile(r"[^&?#;\s]+")
_ESCAPE: Final = re.compile(r"%[0-9A-Fa-f]{2}")
_DIGEST_LENGTHS: Final = frozenset({32, 40, 64, 128})
_LONGEST_PACKED: Final = 200_000


class Sighting(Frozen):
    """A detail of the person found in a request: where and in which form, without the value itself.

    `index` is that of the event within the request (None: the request as a whole), `nth` counts the values of the
    same name in the same place. `start` and `length` count code
    points in the decoded value of the parameter, header or cookie `name`, or in the path; of a value that is encoded
    inside it they cover the whole encoded text. `layers` are the encodings around it, the outermost first.
    """

    request_key: str
    index: int | None
    place: Place
    name: str
    nth: int
    kind: str
    field: str
    written: str
    how: str
    layers: tuple[str, ...]
    start: int
    length: int


class Search(NamedTuple):
    """What one request holds of a person; `complete` is False where it was too long to be searched to its end."""

    sightings: tuple[Sighting, ...]
    complete: bool


class _Piece(NamedTuple):
    """A text at some layer, with the span of the outermost value that holds it and the kind its name is made for."""

    text: str
    start: int
    end: int
    layers: tuple[str, ...]
    kind: str | None
    exact: bool


class _Found(NamedTuple):
    form: Form
    start: int
    end: int
    layers: tuple[str, ...]


def sightings(observed: ObservedRequest, person: Person) -> tuple[Sighting, ...]:
    """Return what a stored request holds of a person's details. For many requests make `Forms` once and `search`."""
    return search(observed, Forms(person)).sightings


def search(observed: ObservedRequest, forms: Forms) -> Search:
    """Return what a stored request holds of a person's details, whatever kind of request it is."""
    looking = _Looking(forms)
    found: list[Sighting] = []
    met: Counter[tuple[int | None, Place, str]] = Counter()
    for index, place, name, value in request_values(observed):
        nth = met[index, place, name]
        met[index, place, name] += 1
        group = name.partition("[")[0]
        inner = name.partition("[")[2].removesuffix("]").lower()
        if group in MASKED_FIELDS:
            hits: Iterable[_Found] = looking.masks(value, USER_DATA_KEYS.get(inner, inner))
        else:
            hits = looking.value(value, _kind_of(name, place))
        found.extend(
            Sighting(
                request_key=observed.key,
                index=index,
                place=place,
                name=name,
                nth=nth,
                kind=hit.form.kind,
                field=hit.form.field,
                written=hit.form.written,
                how=hit.form.how,
                layers=hit.layers,
                start=hit.start,
                length=hit.end - hit.start,
            )
            for hit in hits
        )
    return Search(tuple(dict.fromkeys(found)), complete=not looking.cut)


def request_values(observed: ObservedRequest) -> Iterator[tuple[int | None, Place, str, str]]:
    """Yield every text of a request with the index of the event it belongs to (None: all), its place and its name."""
    request = observed.request
    hits = decode(observed).hits if observed.role == "event" else ()
    if hits:
        for hit in hits:
            yield from ((hit.index, _place(param), param.name, param.value) for param in hit.parameters)
    else:
        parameters = (*query_parameters(request.url), *body_parameters(request).parameters)
        yield from ((None, _place(param), param.name, param.value) for param in parameters)
    path = request.url.partition("://")[2].partition("?")[0].partition("#")[0]
    yield None, "path", "", path[path.find("/") :] if "/" in path else ""
    for name, value in request.headers:
        if name.lower() not in {"cookie", "referer"} or (name.lower() == "referer" and not hits):
            yield None, "header", name, value
    for name, value in cookie_pairs(request.headers):
        yield None, "cookie", name, value


def _place(param: Param) -> Place:
    return param.context


def _kind_of(name: str, place: Place) -> str | None:
    """Return the kind of identifier that a parameter of this name is made for, or None."""
    group, _, rest = name.partition("[")
    inner = rest.removesuffix("]").lower()
    if inner and group in HASHED_FIELDS:
        return USER_DATA_KEYS.get(inner, inner)
    if inner:
        return _kind_of_key(inner) if group == "cd" else None
    if name.startswith(("fb.advanced_matching.", "user_data.")):
        key = name.rpartition(".")[2].lower()
        return USER_DATA_KEYS.get(key, key)
    if place == "cookie":
        return {"c_user": "c_user", "i_user": "c_user"}.get(name) or _kind_of_key(name)
    return _kind_of_key(name.rpartition(".")[2])


def _kind_of_key(key: str) -> str | None:
    """Return the kind for a name in custom data, an address or JSON, where some names mean much else."""
    lowered = key.lower()
    return None if lowered in AMBIGUOUS_CUSTOM_NAMES else USER_DATA_KEYS.get(lowered)


class _Looking:
    """The search through the values of one request, with what is left of its limits."""

    def __init__(self, forms: Forms) -> None:
        self.forms = forms
        self.cut = False
        self._text = MAX_TEXT
        self._pieces = MAX_PIECES

    def masks(self, value: str, kind: str) -> Iterator[_Found]:
        """Yield the detail whose shape a mask shows."""
        form = next(
            (found[value] for name in (kind, *sorted(fitting(kind))) if value in (found := self._masks(name))), None
        )
        if form is not None:
            yield _Found(form, 0, len(value), ())

    def _masks(self, kind: str) -> dict[str, Form]:
        return self.forms.masks.get(kind, {})

    def value(self, value: str, kind: str | None) -> tuple[_Found, ...]:
        """Return every detail in one value; of the same detail in the same place the least encoded form."""
        found: dict[tuple[str, str], list[_Found]] = {}
        pending = deque([_Piece(value, 0, len(value), (), kind, exact=True)])
        while pending:
            piece = pending.popleft()
            if self._pieces <= 0 or self._text <= 0:
                self.cut = True
                break
            self._pieces -= 1
            if len(piece.text) > self._text:
                self.cut = True
                piece = piece._replace(text=piece.text[: self._text])
            self._text -= len(piece.text)
            for form, start, end in self._matches(piece):
                known = found.setdefault((form.field, form.kind), [])
                if len(known) < MAX_SIGHTINGS and not any(_overlap(start, end, other) for other in known):
                    known.append(_Found(form, start, end, piece.layers))
            if len(piece.layers) < MAX_DEPTH:
                pending.extend(islice(_inner(piece), self._pieces + 1))
        return tuple(item for same in found.values() for item in same)

    def _matches(self, piece: _Piece) -> Iterator[tuple[Form, int, int]]:
        """Yield the forms in one text, each with its span in the outermost value."""
        for form, start, end in self._in_text(piece.text, piece.kind):
            if piece.exact:
                yield form, piece.start + start, piece.start + end
            else:
                yield form, piece.start, piece.end

    def _in_text(self, text: str, kind: str | None) -> Iterator[tuple[Form, int, int]]:
        if not text:
            return
        yield from self._whole(text, kind)
        yield from self._digests(text, kind)
        lowered = _lower(text)
        for address, form in self.forms.emails.items() if "@" in text else ():
            for start in _address_positions(address, lowered):
                end = start + len(address)
                yield self.forms.plain(form, text[start:end]), start, end
        for word, form in self.forms.words.items():
            for start in _positions(word, lowered):
                end = start + len(word)
                yield self.forms.plain(form, text[start:end]), start, end
        for number in self.forms.numbers:
            for match in number.pattern.finditer(text):
                start, end = match.span()
                form = self.forms.plain(number.form, match.group())
                if match.group() != number.form.typed:
                    how = phone_words(match) if form.kind == "ph" else "with other spaces or dashes"
                    form = form._replace(how=how)
                yield form, start, end

    def _whole(self, text: str, kind: str | None) -> Iterator[tuple[Form, int, int]]:
        stripped = text.strip()
        if kind is None or not stripped or len(stripped) > 400:
            return
        start = text.find(stripped)
        for allowed in (kind, *sorted(fitting(kind) - {kind})):
            form = self.forms.whole.get(allowed, {}).get(stripped.lower())
            if form is not None:
                yield self.forms.plain(form, stripped), start, start + len(stripped)
                return

    def _digests(self, text: str, kind: str | None) -> Iterator[tuple[Form, int, int]]:
        for match in _HEX.finditer(text):
            if len(match.group()) in _DIGEST_LENGTHS:
                form = self.forms.digests.get(match.group().lower())
                if form is not None and _may_stand(form, kind):
                    how = form.how
                    if match.group() != match.group().lower():
                        how = f"{how}; the hash in capitals"
                    yield form._replace(how=how), *match.span()
        for match in _PACKED.finditer(text):
            for start, token in _packed_tokens(match):
                form = self.forms.packed.get(token.rstrip("=").replace("+", "-").replace("/", "_"))
                if form is not None and _may_stand(form, kind):
                    yield form._replace(how=f"{form.how}; the hash in base64"), start, start + len(token)


def _may_stand(form: Form, kind: str | None) -> bool:
    return not form.needs_kind or (kind is not None and form.kind in fitting(kind))


def _overlap(start: int, end: int, other: _Found) -> bool:
    """Tell whether a span lies within another one, or around it: the same thing seen at another layer."""
    return (other.start <= start and end <= other.end) or (start <= other.start and other.end <= end)


def _inner(piece: _Piece) -> Iterator[_Piece]:
    """Yield the texts that a text holds in another encoding, or under a name of its own."""
    text = piece.text
    if text.lstrip()[:1] in {"{", "["}:
        yield from _json_pieces(piece)
    if "=" in text:
        yield from _pair_pieces(piece)
    if "%" in text:
        for match in _SEGMENT.finditer(text):
            if _ESCAPE.search(match.group()):
                yield _below(
                    piece, match.start(), match.end(), unquote(match.group()), URL, _segment_kind(piece, match)
                )
    for match in _PACKED.finditer(text):
        for start, token in _packed_tokens(match):
            inside = _unpacked(token)
            if inside is not None:
                kind = piece.kind if len(token) == len(text.strip()) else None
                yield _below(piece, start, start + len(token), inside, BASE64, kind)


def _segment_kind(piece: _Piece, match: re.Match[str]) -> str | None:
    """Return the kind of a text whose whole is one encoded segment, else None."""
    return piece.kind if len(match.group()) == len(piece.text.strip()) else None


def _below(piece: _Piece, start: int, end: int, text: str, layer: str | None, kind: str | None) -> _Piece:
    """Return what stands from `start` to `end` of a piece, opened by one layer (None: it stands there as it is)."""
    if piece.exact:
        start, end = piece.start + start, piece.start + end
    else:
        start, end = piece.start, piece.end
    layers = piece.layers if layer is None else (*piece.layers, layer)
    return _Piece(text, start, end, layers, kind, exact=piece.exact and layer is None)


def _json_pieces(piece: _Piece) -> Iterator[_Piece]:
    """Yield the strings of JSON that have a name of their own or hold escapes; the others are searched with it."""
    for leaf in json_strings(piece.text):
        name = next((part for part in reversed(leaf.path) if isinstance(part, str)), "")
        kind = _kind_of_key(name) if name else piece.kind
        holds_more = leaf.text.lstrip()[:1] in {"{", "["} or leaf.positions is not None
        if kind is None and not holds_more:
            continue
        end = leaf.positions[-1] if leaf.positions is not None else leaf.offset + len(leaf.text)
        inner = _below(piece, leaf.offset, end, leaf.text, None, kind)
        yield inner if leaf.positions is None else inner._replace(exact=False)


def _pair_pieces(piece: _Piece) -> Iterator[_Piece]:
    """Yield the values of pairs in an address or a list of pairs, whose name says what they are or that are encoded."""
    for match in _PAIR.finditer(piece.text):
        name, sign, value = match.group().partition("=")
        if not sign or not value:
            continue
        kind = _kind_of_key(unquote_plus(name)[-60:].rpartition("/")[2])
        start = match.end() - len(value)
        plain = unquote_plus(value)
        if plain != value:
            yield _below(piece, start, match.end(), plain, URL, kind)
        elif kind is not None:
            yield _below(piece, start, match.end(), value, None, kind)


def _packed_tokens(match: re.Match[str]) -> Iterator[tuple[int, str]]:
    """Yield a run of base64 characters, and the parts between its slashes: a path looks like base64, too."""
    run = match.group()
    if len(run) > _LONGEST_PACKED:
        return
    yield match.start(), run
    if "/" in run:
        start = match.start()
        for part in run.split("/"):
            if len(part) >= 11:
                yield start, part
            start += len(part) + 1


def _unpacked(token: str) -> str | None:
    """Return the text that a token holds in base64, or None where it holds none."""
    core = token.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        content = base64.b64decode(core + "=" * (-len(core) % 4), validate=True)
        text = content.decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    return text if text.isprintable() or all(char.isprintable() or char in "\r\n\t" for char in text) else None


def _positions(word: str, lowered: str) -> Sequence[int]:
    """Return where a word stands between characters that are no letters or digits."""
    found: list[int] = []
    at = lowered.find(word)
    while at >= 0:
        end = at + len(word)
        if not (at and lowered[at - 1].isalnum()) and not (end < len(lowered) and lowered[end].isalnum()):
            found.append(at)
        at = lowered.find(word, at + 1)
    return found


def _address_positions(address: str, lowered: str) -> Sequence[int]:
    """Return where an e-mail address stands that is no part of a longer one."""
    return [
        at
        for at in _positions(address, lowered)
        if not (at and lowered[at - 1] in "._%+-")
        and not (lowered[at + len(address) : at + len(address) + 1] in {".", "-"}
                 and lowered[at + len(address) + 1 : at + len(address) + 2].isalnum())
    ]  # fmt: skip


def _lower(text: str) -> str:
    """Return a text in small letters, of the same length: a letter that would become two stays."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(small if len(small := char.lower()) == 1 else char for char in text)
