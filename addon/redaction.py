"""What is an identifier, what is a secret, and how each is shown.

Every request passes `scrub` before anything else sees it, so a secret reaches neither the database nor a
log line. Every report, log line and export passes `shorten` and `Redactor` unless the investigator asks to
reveal identifiers; secrets are gone by then and cannot be revealed.
"""

import gzip
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, quote_plus, unquote

from addon.decoders.meta.jsontext import json_strings
from addon.model import CapturedRequest, Identifier
from addon.percent import form_decode
from addon.remembered import Remembered

KEPT_COOKIES: frozenset[str] = frozenset(
    {
        # facebook.com: the account and the browser (wire format, section 4); `xs` is its session secret.
        "c_user", "i_user", "datr", "sb", "fr", "oo", "wd", "dpr", "locale", "ps_l", "ps_n",
        # first party, set by the pixel
        "_fbp", "_fbc", "_fbi", "_fbleid",
    }
)  # fmt: skip
"""Cookies whose values are kept. Of every other cookie only name and length are."""

SECRET_NAMES: frozenset[str] = frozenset(
    {
        "accesstoken", "apikey", "auth", "authorization", "authtoken", "bearer", "clientsecret", "jsessionid",
        "jwt", "magiclink", "otp", "pass", "passcode", "passwd", "passwort", "phpsessid", "pin", "pwd", "secret",
        "sessionid", "sessiontoken", "sid", "xs",
    }
)  # fmt: skip
SECRET_PARTS: tuple[str, ...] = ("password", "token", "secret", "apikey")
SECRET_HEADER_PARTS: tuple[str, ...] = (
    "authorization", "token", "secret", "api-key", "apikey", "csrf", "xsrf", "session", "password",
)  # fmt: skip

MAX_NESTING = 4
"""How deep addresses inside addresses and JSON inside values are searched for secrets."""

MAX_SEARCHED = 2_000_000
"""Longest body, in bytes, that is searched for secrets inside values."""

MAX_SEARCHED_SECRETS = 50
"""Most secrets of one request that are also looked for where nothing names them."""

MAX_KNOWN = 2_000
"""What of texts up to this length was found out is kept for a while: most values come with request after request."""

MAX_KNOWN_NAME = 64
MAX_KNOWN_ITEMS = 4_096
MAX_KNOWN_PAIR = 128
MAX_KNOWN_PAIRS = 8_192

GLOBAL_LENGTH = 8
"""A secret of at least this many characters is removed wherever it stands, not only where it was named."""

EMAIL = re.compile(
    r"(?<![\w.%+-])(?<!mailto:)[\w.%+-]{1,64}(?:@|%40|%2540)[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,5}"
)


_MARK = re.compile(r"SECRET-\d+-CHARACTERS")
_BORDER = re.compile(r"[&#]")
_BORDER_OF_PATH = re.compile(r"[&#?;/]")
_PART_BREAK = "\r\n--"
_BLANK_LINE = "\r\n\r\n"
_PART_NAME = re.compile(r'name="([^"]*)"')
_NUMBER = re.compile(r'"(?P<name>[^"\\]*)"\s*:\s*(?P<value>-?[0-9][0-9.eE+-]*)')
_QUERY = re.compile(r"[?#]")
_CORE = re.compile(r"[A-Za-z0-9]+")
_KEY = re.compile(r'"([^"\\]*)"\s*:')
_ESCAPES = re.compile(r"%[0-7][0-9A-Fa-f]|(?:%[89A-Fa-f][0-9A-Fa-f])+")


def secret_mark(value: str) -> str:
    """Return what stands in place of a secret: its length, in characters that no format treats specially."""
    return value if _MARK.fullmatch(value) else f"SECRET-{len(value)}-CHARACTERS"


def _is_mark(value: str) -> bool:
    return _MARK.fullmatch(value) is not None or value in secret_mark("")


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Tell whether a parameter of this name (`cd[access_token]`, `sessionId`, ...) carries a secret."""
    inner = name.rsplit("[", 1)[-1].rstrip("]") if name.endswith("]") else name
    plain = "".join(char for char in inner.lower() if char.isalnum())
    return plain in SECRET_NAMES or any(part in plain for part in SECRET_PARTS)


def _pair_name_is_secret(raw: str) -> bool:
    """Tell whether a pair of this name, as it was written, carries a secret."""
    return is_secret_name(_pair_name(raw))


_names_secret = Remembered[str, bool](_pair_name_is_secret, MAX_KNOWN_ITEMS, MAX_KNOWN_NAME)


class _Harmless(set[str]):
    """Pairs, as they were written, that hold no secret: of one visit most come again with every request."""

    def note(self, pair: str) -> None:
        """Remember one for a while."""
        if len(pair) <= MAX_KNOWN_PAIR:
            if len(self) >= MAX_KNOWN_PAIRS:
                self.clear()
            self.add(pair)


_NONE: frozenset[str] = frozenset()
_harmless = _Harmless()
_harmless_parts = _Harmless()


def _pair_name(raw: str) -> str:
    return form_decode(raw).rpartition("?")[2]


@lru_cache(maxsize=1024)
def _header_kind(name: str) -> str:
    """Return how a header is treated: as `cookie`, `set-cookie`, `secret`, or like any text (``)."""
    lowered = name.lower()
    if lowered in {"cookie", "set-cookie"}:
        return lowered
    return "secret" if any(part in lowered for part in SECRET_HEADER_PARTS) else ""


class _Span(NamedTuple):
    """Where in a text the value of a secret stands, and that value decoded."""

    start: int
    end: int
    value: str


class _Line(NamedTuple):
    """A header line as it may be kept, with its secrets: those that its name tells of, and those in its value."""

    clean: tuple[str, str]
    named: tuple[str, ...] = ()
    inner: tuple[str, ...] = ()


def scrub(request: CapturedRequest) -> CapturedRequest:
    """Return `request` without the values of its secrets; only their length is left.

    Secrets are session cookies (every cookie whose value has no place in a report), `Authorization` and
    similar headers, and parameters named like tokens or passwords, also inside nested addresses and JSON.
    """
    lines = [_lines[line] for line in request.headers]
    answer_lines = [_lines[line] for line in request.response_headers]
    found: list[str] = []
    for line in lines:
        found += line.named
    url = _without(request.url, _address_spans(request.url), found)
    for line in lines:
        found += line.inner
    for line in answer_lines:
        found += line.inner
    headers = tuple([line.clean for line in lines])
    answers = tuple([line.clean for line in answer_lines])
    content, pack = _unpacked(request) if request.body else (b"", bytes)
    body = content.decode("utf-8", "surrogateescape")
    clean_body = _without(body, _body_spans(body), found) if body else body
    if found:
        marks = _marks_of(found)
        url = _cleaned(url, marks)
        together = "\n".join([value for _, value in (*headers, *answers)])
        if _cleaned(together, marks) is not together:  # hardly ever
            headers = tuple([(name, _cleaned(value, marks)) for name, value in headers])
            answers = tuple([(name, _cleaned(value, marks)) for name, value in answers])
        clean_body = _cleaned(clean_body, marks)
    packed = request.body if clean_body == body else pack(clean_body.encode("utf-8", "surrogateescape"))
    clean = request._replace(url=url, headers=headers, response_headers=answers, body=packed)
    return request if clean == request else clean


def scrub_address(url: str) -> str:
    """Return an address without the values of parameters named like secrets."""
    return _without(url, _address_spans(url), [])


def _unpacked(request: CapturedRequest) -> tuple[bytes, Callable[[bytes], bytes]]:
    """Return the body as it reads, and how it is packed again. One that cannot be unpacked stays as it is."""
    encoding = (request.header("content-encoding") or "").strip().lower()
    if encoding in {"gzip", "deflate"}:
        gzipped = encoding == "gzip"
        try:
            unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS if gzipped else zlib.MAX_WBITS)
            content = unpacker.decompress(request.body, 4 * MAX_SEARCHED)
        except zlib.error:
            return request.body, bytes
        if unpacker.unconsumed_tail:  # too long to be read by anything else either
            return request.body, bytes
        return content, (lambda text: gzip.compress(text, mtime=0)) if gzipped else zlib.compress
    return request.body, bytes


def cookie_pairs(headers: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield name and value of every cookie sent; HTTP/2 splits them over several header lines."""
    for name, value in headers:
        if len(name) == len("cookie") and name.lower() == "cookie":
            for part in value.split(";"):
                key, found, content = part.strip().partition("=")
                if found and key:
                    yield key, content


def _read_line(line: tuple[str, str]) -> _Line:
    name, value = line
    kind = _header_kind(name)
    if kind == "cookie":
        secrets = [content for key, content in cookie_pairs([line]) if key == "xs" or is_secret_name(key)]
        named = tuple([spelling for content in secrets for spelling in (content, unquote(content))])
        return _Line((name, "; ".join([_cookie(part) for part in value.split(";")])), named)
    if kind == "set-cookie":
        first, semicolon, rest = value.partition(";")
        return _Line((name, _cookie(first) + (semicolon + rest if rest else "")))
    if kind == "secret":
        return _Line((name, secret_mark(value)), (value, value.rpartition(" ")[2]))
    inner: list[str] = []
    clean = _without(value, _spans(value, 0), inner)
    return _Line((name, clean), (), tuple(inner))


def _line_length(line: tuple[str, str]) -> int:
    return len(line[0]) + len(line[1])


_lines = Remembered[tuple[str, str], _Line](_read_line, MAX_KNOWN_ITEMS, MAX_KNOWN, _line_length)


def _cookie(part: str) -> str:
    name, found, value = part.strip().partition("=")
    if not found or not value or name in KEPT_COOKIES:
        return part.strip()
    return f"{name}={secret_mark(value)}"


def _body_spans(text: str) -> Iterator[_Span]:
    text = text[:MAX_SEARCHED]
    if "form-data" in text:
        yield from _part_spans(text)
    if text.startswith("--"):
        return
    if text.lstrip()[:1] in {"{", "["}:
        yield from _spans(text, 0)
    else:
        yield from _pair_spans(_BORDER, text, 0, 0)


def _part_spans(text: str) -> Iterator[_Span]:
    start = 0
    for section in text.split(_PART_BREAK):
        head = section.find('name="')
        part = section[head:]
        if head >= 0 and part not in _harmless_parts:
            blank = part.find(_BLANK_LINE)
            if blank < 0:  # its value stands in another section, or nowhere
                yield from _odd_part_spans(text, start)
                return
            begin = blank + len(_BLANK_LINE)
            if spans := _value_spans(part[:blank], part[begin:]):
                yield from _moved(spans, start + head + begin)
            else:
                _harmless_parts.note(part)
        start += len(section) + len(_PART_BREAK)


def _odd_part_spans(text: str, end: int) -> Iterator[_Span]:
    """Yield the secrets of what follows `end`, whatever the order of names, blank lines and breaks."""
    while (head := text.find('name="', end)) >= 0 and (blank := text.find(_BLANK_LINE, head)) >= 0:
        start = blank + len(_BLANK_LINE)
        end = text.find(_PART_BREAK, blank + len("\r\n"))
        end = max(start, end if end >= 0 else len(text))
        yield from _moved(_value_spans(text[head:blank], text[start:end]), start)


def _value_spans(head: str, value: str) -> Sequence[_Span]:
    """Return the secrets in the value of a part of a form, as places in that value; `head` names it."""
    if value and any(is_secret_name(name) for name in _PART_NAME.findall(head)):
        return (_Span(0, len(value), value),)
    return _spans(value, 1)


def _address_spans(url: str) -> Sequence[_Span]:
    """Return the secrets in the address of a request, which hardly ever comes twice: nothing of it is kept."""
    return _found_spans(url, 0) if "=" in url or ":" in url else ()


def _spans(text: str, depth: int) -> Sequence[_Span]:
    """Return the secrets in a text that is an address, a list of pairs or JSON, and in what these hold."""
    if depth > MAX_NESTING or ("=" not in text and ":" not in text):
        return ()
    return _known_spans(text, depth) if len(text) <= MAX_KNOWN else _found_spans(text, depth)


def _found_spans(text: str, depth: int) -> Sequence[_Span]:
    if text.lstrip()[:1] in {"{", "["}:
        return tuple(_json_spans(text, depth))
    mark = _QUERY.search(text)
    query = mark.start() if mark else None
    if query is None and "&" in text:
        return _pair_spans(_BORDER, text, 0, depth)
    # in a path pairs follow `;`, and an inner query string may hold an address with a query of its own
    path = text if query is None else text[:query]
    found: Sequence[_Span] = ()
    if "=" in path:
        found = _pair_spans(_BORDER if "&" in path else _BORDER_OF_PATH, path, 0, depth)
    if query is not None:
        found = (*found, *_pair_spans(_BORDER, text[query + 1 :], query + 1, depth))
    return found


_known_spans = lru_cache(maxsize=2048)(_found_spans)


def _pair_spans(border: re.Pattern[str], text: str, offset: int, depth: int) -> Sequence[_Span]:
    if "=" not in text:
        return ()
    pieces = text.split("&") if border is _BORDER and "#" not in text else border.split(text)
    # `at` of the JavaScript SDK's page event can be a user's access token (wire format, 2.1).
    sdk_event = "fb_page_view" in text and "ev=fb_page_view" in pieces
    secret: dict[str, Sequence[_Span]] = {}
    for piece in set(pieces) - (_NONE if sdk_event else _harmless):
        raw, _, value = piece.partition("=")
        if value and (_names_secret[raw] or (sdk_event and _pair_name(raw) == "at")):
            secret[piece] = (_Span(len(raw) + 1, len(piece), form_decode(value)),)
        elif ("%3" in value or ":" in value or "=" in value) and (inner := _inner_spans(value, depth)):
            secret[piece] = tuple(_moved(inner, len(raw) + 1))
        elif not depth:  # deeper down less is searched
            _harmless.note(piece)
    found: list[_Span] = []
    if secret:  # only then it is worked out where they stand
        for piece in pieces:
            if piece in secret:
                found += _moved(secret[piece], offset)
            offset += len(piece) + 1
    return found


def _inner_spans(value: str, depth: int) -> Sequence[_Span]:
    """Return the secrets in what an escaped value holds, as places in that value."""
    return _known_inner(value, depth) if len(value) <= MAX_KNOWN else _found_inner(value, depth)


def _found_inner(value: str, depth: int) -> Sequence[_Span]:
    decoded = form_decode(value)
    if depth >= MAX_NESTING or ("=" not in decoded and ":" not in decoded):
        return ()
    inner = _found_spans(decoded, depth + 1)
    if not inner:
        return ()
    starts, ends = _percent_positions(value)
    if len(starts) != len(decoded):  # cannot be told where it stands: all of it goes
        return (_Span(0, len(value), decoded),)
    return tuple([_Span(starts[span.start], ends[span.end - 1], span.value) for span in inner])


_known_inner = lru_cache(maxsize=2048)(_found_inner)


def _percent_positions(value: str) -> tuple[list[int], list[int]]:
    """Return where each code point of `unquote_plus(value)` begins and ends in `value`."""
    starts: list[int] = []
    ends: list[int] = []
    index = 0
    for run in (*_ESCAPES.finditer(value), None):
        plain_until = len(value) if run is None else run.start()
        starts += range(index, plain_until)
        ends += range(index + 1, plain_until + 1)
        if run is None:
            break
        content = bytes.fromhex(run.group().replace("%", ""))
        text = content.decode("utf-8", "replace")
        exact = text.encode() == content
        at = run.start()
        for char in text:
            width = 3 * len(char.encode()) if exact else 0
            starts.append(at)
            ends.append(at + width if exact else run.end())
            at += width
        index = run.end()
    return starts, ends


def _json_spans(text: str, depth: int) -> Iterator[_Span]:
    # reading every string is slow: only where a key is a secret's, or a string may hold more than itself
    nested = "=" in text or '\\"' in text or "\\u00" in text
    if not nested and not any(is_secret_name(key) for key in _KEY.findall(text)):
        return
    for leaf in json_strings(text, MAX_SEARCHED):
        if not leaf.text:
            continue
        name = next((part for part in reversed(leaf.path) if isinstance(part, str)), "")
        inner: Iterable[_Span] = _spans(leaf.text, depth + 1)
        if is_secret_name(name):
            inner = [_Span(0, len(leaf.text), leaf.text)]
        if leaf.positions is None:
            yield from _moved(inner, leaf.offset)
        else:
            for span in inner:
                yield _Span(leaf.positions[span.start], leaf.positions[span.end], span.value)
    for number in _NUMBER.finditer(text):
        if is_secret_name(number["name"]):
            yield _Span(*number.span("value"), number["value"])


def _moved(spans: Iterable[_Span], offset: int) -> Iterator[_Span]:
    return (_Span(span.start + offset, span.end + offset, span.value) for span in spans)


def _without(text: str, spans: Iterable[_Span], found: list[str]) -> str:
    """Return `text` with marks in place of the secrets, which are added to `found`."""
    ordered = sorted(spans)
    if not ordered:
        return text
    pieces: list[str] = []
    index = 0
    for span in ordered:
        if span.start >= index and not _MARK.fullmatch(span.value):
            found += (span.value, text[span.start : span.end])
            pieces += (text[index : span.start], secret_mark(span.value))
            index = span.end
    return "".join((*pieces, text[index:]))


@lru_cache(maxsize=64)
def _writings(value: str) -> tuple[str, ...]:
    """Return `value` plain and as addresses and forms write it."""
    once = quote(value, safe="", errors="replace")
    spellings = (
        value,
        once,
        quote_plus(value, errors="replace"),
        quote(value, "!'()*", errors="replace"),
        quote(once, safe=""),
    )
    return tuple(dict.fromkeys(spellings))


class _Marks(NamedTuple):
    """Secrets in all their spellings, each with what is put in its place.

    A text without any of the `cores` has none of them: the letters and digits of a secret are spelled alike everywhere.
    """

    cores: tuple[str, ...]
    spellings: tuple[tuple[str, str], ...]


def _marks_of(found: Sequence[str]) -> _Marks:
    """Return the longer ones of the secrets, which are removed also where nothing names them."""
    return _known_marks(tuple(found)) if sum(map(len, found)) <= MAX_KNOWN else _found_marks(found)


def _found_marks(found: Sequence[str]) -> _Marks:
    long = [value for value in dict.fromkeys(found) if len(value) >= GLOBAL_LENGTH and not _is_mark(value)]
    ordered = sorted(long[:MAX_SEARCHED_SECRETS], key=len, reverse=True)
    cores: list[str] = []
    for core in sorted({max(_CORE.findall(value), key=len, default="") for value in ordered}, key=len):
        if not any(shorter in core for shorter in cores):
            cores.append(core)
    spellings = [(spelling, secret_mark(value)) for value in ordered for spelling in _writings(value)]
    return _Marks(tuple(cores), tuple(spellings))


_known_marks = lru_cache(maxsize=256)(_found_marks)


def _cleaned(text: str, marks: _Marks) -> str:
    for core in marks.cores:
        if core in text:
            break
    else:
        return text
    for spelling, mark in marks.spellings:
        if spelling in text:
            text = text.replace(spelling, mark)
    return text


def shorten(kind: str, value: str, form: str = "plain") -> str:
    """Return an identifier shortened so that it can be recognised again but not used.

    `kind` and `form` are those of `Identifier`. Masks and hashes of nothing identify nobody and stay whole.
    """
    if form in {"mask", "empty"} or not value:
        return value
    if kind in {"fbp", "fbc", "_fbp", "_fbc"} and value.startswith("fb."):
        head, _, payload = _browser_id_parts(value)
        return f"{head}{payload[:4]}…({len(payload)} characters)"
    if form in {"sha256", "md5"}:
        return f"{value[:8]}…({len(value)} digits)"
    if "@" in value:
        return mask_email(value)
    keep = 4 if len(value) > 8 else 1
    return f"{value[:keep]}…({len(value)} characters)"


def _browser_id_parts(value: str) -> tuple[str, str, str]:
    parts = value.split(".", 3)
    if len(parts) < 4:
        return "", "", value
    return ".".join(parts[:3]) + ".", ".", parts[3]


def mask_email(text: str) -> str:
    """Return `text` with every e-mail address cut to its first letter and its top-level domain."""

    def cut(match: re.Match[str]) -> str:
        address = match.group()
        return f"{address[0]}…@….{address.rpartition('.')[2]}"

    return EMAIL.sub(cut, text)


def _spelled(value: str) -> tuple[str, ...]:
    return (value, quote(value, safe=""), quote_plus(value))


_known_spelled = lru_cache(maxsize=1024)(_spelled)


def _variants(value: str) -> tuple[str, ...]:
    """Return an identifier plain and as addresses and forms write it."""
    return _known_spelled(value) if len(value) <= MAX_KNOWN else _spelled(value)


class Redactor:
    """Shortens the identifiers of one event wherever they stand in what is shown of it.

    With `reveal`, texts pass unchanged.
    """

    MIN_LENGTH = 6
    """Shorter identifiers are cut only where they stand as identifiers: elsewhere they would cut words."""

    MOST_KNOWN = 1_024
    """Of so many texts it is known for a while how they are shown: the same ones stand in several places."""

    def __init__(self, identifiers: Iterable[Identifier], *, reveal: bool, addresses: Iterable[str] = ()) -> None:
        self.reveal = reveal
        self._own: dict[tuple[str, str], str] = {}
        replacements: dict[str, str] = {}
        for item in identifiers:
            short = shorten(item.kind, item.value, item.form)
            self._own[item.parameter, item.value] = short
            if len(item.value) >= self.MIN_LENGTH and short != item.value:
                for variant in _variants(item.value):
                    replacements[variant] = short
        for address in addresses:
            replacements[address] = shorten_address(address)
        self._replacements = sorted(replacements.items(), key=lambda pair: -len(pair[0]))
        self._known: dict[str, str] = {}

    def text(self, value: str) -> str:
        """Return `value` with every identifier of the event shortened."""
        if self.reveal:
            return value
        found = self._known.get(value)
        if found is None:
            found = self._shortened(value)
            if len(value) <= MAX_KNOWN and len(self._known) < self.MOST_KNOWN:
                self._known[value] = found
        return found

    def _shortened(self, value: str) -> str:
        for old, new in self._replacements:
            if old in value:
                value = value.replace(old, new)
        if "@" in value or "%40" in value:
            value = mask_email(value)
        return value

    def optional(self, value: str | None) -> str | None:
        """Return `text(value)`, or None for None."""
        return None if value is None else self.text(value)

    def parameter(self, name: str, value: str) -> str:
        """Return the value of parameter `name`, shortened where it is an identifier itself."""
        if self.reveal:
            return value
        own = self._own.get((name, value))
        return own if own is not None else self.text(value)

    def identifier(self, item: Identifier) -> str:
        """Return the identifier's value as it may be shown."""
        return item.value if self.reveal else shorten(item.kind, item.value, item.form)


def shorten_address(address: str) -> str:
    """Return an IP address cut to its network: two of four parts of IPv4, three groups of IPv6."""
    if ":" in address:
        return ":".join(address.split(":")[:3]) + ":…"
    return ".".join(address.split(".")[:2]) + ".…"
