"""What is an identifier, what is a secret, and how each is shown.

Every request passes `scrub` before anything else sees it, so a secret reaches neither the database nor a
log line. Every report, log line and export passes `shorten` and `Redactor` unless the investigator asks to
reveal identifiers; secrets are gone by then and cannot be revealed.
"""

import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, quote_plus, unquote, unquote_plus

from addon.decoders.meta.jsontext import json_strings
from addon.model import CapturedRequest, Identifier

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

GLOBAL_LENGTH = 8
"""A secret of at least this many characters is removed wherever it stands, not only where it was named."""

EMAIL = re.compile(r"(?<![\w.%+-])[\w.%+-]{1,64}(?:@|%40|%2540)[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,5}")


_ADDRESS = re.compile(r"[^?#]*[?#]")
_NAME_END = re.compile(r"[;/?#]")
_BACKSLASHES = re.compile(r"\\+")
_JSON_ESCAPES = {'"': '"', "/": "/", "\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t"}


def _percent(byte: int) -> str:
    """Return a regular expression for a byte that is percent-encoded, once or several times."""
    return f"%(?:25)*(?i:{byte:02x})"


_BACKSLASH = rf"(?:\\|{_percent(0x5C)})"
_SPACE = rf"(?:\s|\+|{_percent(0x20)}|{_percent(0x0A)})*+"
_QUOTE = rf"{_BACKSLASH}*+(?:\"|{_percent(0x22)})"
_NOT_IN_A_WORD = r"(?:(?<=%[0-9A-Fa-f][0-9A-Fa-f])|(?<![0-9A-Za-z_]))"
_NAMED = {
    "pair": _NOT_IN_A_WORD.replace("{", "{{").replace("}", "}}")
    + "{name}(?:"
    + r"\]|"
    + _percent(0x5D)
    + ")*+(?:=|"
    + _percent(0x3D)
    + ")",
    "json": "{name}" + f"{_QUOTE}{_SPACE}(?::|{_percent(0x3A)}){_SPACE}(?:{_QUOTE})?",
    "part": r'name="{name}"[^\r\n]*(?:\r\n[^\r\n]+)*\r\n\r\n',
}
"""What stands before a value, by the kind of place it was found in."""

_MARK = re.compile(r"SECRET-\d+-CHARACTERS")


def secret_mark(value: str) -> str:
    """Return what stands in place of a secret: its length, in characters that no format treats specially."""
    return value if _MARK.fullmatch(value) else f"SECRET-{len(value)}-CHARACTERS"


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Tell whether a parameter of this name (`cd[access_token]`, `sessionId`, ...) carries a secret."""
    inner = name.rsplit("[", 1)[-1].rstrip("]") if name.endswith("]") else name
    plain = "".join(char for char in inner.lower() if char.isalnum())
    return plain in SECRET_NAMES or any(part in plain for part in SECRET_PARTS)


class _Secret(NamedTuple):
    """A secret as it reads where it was found: the name before it, how that is written, and its value.

    `kind` is `pair` (name=value), `json`, `part` (of a multipart body) or `free` (without a name).
    """

    kind: str
    name: str
    value: str


def scrub(request: CapturedRequest) -> CapturedRequest:
    """Return `request` without the values of its secrets; only their length is left.

    Secrets are session cookies (every cookie whose value has no place in a report), `Authorization` and
    similar headers, and parameters named like tokens or passwords, also inside nested addresses and JSON.
    """
    lines = (*request.headers, *request.response_headers)
    content, pack = _unpacked(request)
    body = content.decode("utf-8", "surrogateescape")
    secrets = {*_nested(request.url, 0), *_body_secrets(body[:MAX_SEARCHED]), *_header_secrets(lines)}
    clean = _cleaner(secrets)
    changes: dict[str, object] = {
        "url": clean(request.url),
        "headers": tuple((name, clean(_header_value(name, value))) for name, value in request.headers),
        "response_headers": tuple(
            (name, clean(_header_value(name, value))) for name, value in request.response_headers
        ),
    }
    cleaned = clean(body)
    if cleaned != body:
        changes["body"] = pack(cleaned.encode("utf-8", "surrogateescape"))
    if all(getattr(request, name) == value for name, value in changes.items()):
        return request
    return request.model_copy(update=changes)


def scrub_address(url: str) -> str:
    """Return an address without the values of parameters named like secrets."""
    return _cleaner(set(_nested(url, 0)))(url)


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
        return content, (lambda text: gzip.compress(text, mtime=0)) if gzipped else zlib.compress
    return request.body, bytes


def cookie_pairs(headers: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield name and value of every cookie sent; HTTP/2 splits them over several header lines."""
    for name, value in headers:
        if name.lower() == "cookie":
            for part in value.split(";"):
                key, found, content = part.strip().partition("=")
                if found and key:
                    yield key, content


def _header_value(name: str, value: str) -> str:
    lowered = name.lower()
    if lowered == "cookie":
        return "; ".join(_cookie(part) for part in value.split(";"))
    if lowered == "set-cookie":
        first, _, rest = value.partition(";")
        return _cookie(first) + (";" + rest if rest else "")
    if any(part in lowered for part in SECRET_HEADER_PARTS):
        return secret_mark(value)
    return value


def _cookie(part: str) -> str:
    name, found, value = part.strip().partition("=")
    if not found or not value or name in KEPT_COOKIES:
        return part.strip()
    return f"{name}={secret_mark(value)}"


def _header_secrets(lines: Iterable[tuple[str, str]]) -> Iterator[_Secret]:
    for name, value in lines:
        lowered = name.lower()
        if lowered in {"cookie", "set-cookie"}:
            for key, content in cookie_pairs([("cookie", value)]):
                if key == "xs" or is_secret_name(key):
                    yield from _free(content)
        elif any(part in lowered for part in SECRET_HEADER_PARTS):
            yield from _free(value)
            yield from _free(value.rpartition(" ")[2])
        elif "=" in value:
            yield from _nested(value, 0)


def _free(value: str) -> Iterator[_Secret]:
    yield _Secret("free", "", value)
    yield _Secret("free", "", unquote(value))


def _body_secrets(text: str) -> Iterator[_Secret]:
    if "form-data" not in text:
        yield from _nested(text if text.lstrip()[:1] in {"{", "["} else "?" + text, 0)
        return
    for part in text.split('name="')[1:]:
        name, _, rest = part.partition('"')
        _, blank, value = rest.partition("\r\n\r\n")
        value = value.partition("\r\n--")[0]
        if blank and value and is_secret_name(name):
            yield _Secret("part", name, value)
        else:
            yield from _nested(value, 1)


def _nested(text: str, depth: int) -> Iterator[_Secret]:
    """Yield the secrets in a text that is an address, a list of pairs or JSON, and in what these hold."""
    if depth > MAX_NESTING:
        return
    if text.lstrip()[:1] in {"{", "["}:
        yield from _json_secrets(text, depth)
    elif "=" in text:
        yield from _pair_secrets(text, depth)


def _pair_secrets(text: str, depth: int) -> Iterator[_Secret]:
    """Yield the secrets of `name=value` pairs in the path (`;name=value`), the query and the fragment."""
    address = _ADDRESS.match(text)
    head, tail = (address[0], text[address.end() :]) if address else (text, "")
    pairs = [piece.partition("=")[::2] for piece in (*head.split("&"), *tail.replace("#", "&").split("&"))]
    sdk_event = any(unquote(name) == "ev" and value == "fb_page_view" for name, value in pairs)
    for name, value in pairs:
        if not value:
            continue
        outer = unquote_plus(name)
        plain = _NAME_END.split(outer)[-1]
        if ";" in outer:  # a parameter of a path ends where the next part of the path begins
            value = _NAME_END.split(value)[0]  # noqa: PLW2901
        if is_secret_name(plain) or (sdk_event and plain == "at"):
            # `at` of the JavaScript SDK's page event can be a user's access token (wire format, 2.1).
            yield _Secret("pair", plain, value)
            yield _Secret("pair", plain, unquote_plus(value))
        else:
            yield from _nested(unquote_plus(value), depth + 1)


class _Number(str):
    """A number in JSON, as written."""

    __slots__ = ()


def _json_secrets(text: str, depth: int) -> Iterator[_Secret]:
    try:
        pending: list[tuple[str, object]] = [("", json.loads(text, parse_int=_Number, parse_float=_Number))]
    except (ValueError, RecursionError):
        # cut or broken: what stands before the break still counts
        pending = [(str(leaf.path[-1]) if leaf.path else "", leaf.text) for leaf in json_strings(text)]
    while pending:
        name, node = pending.pop()
        if isinstance(node, dict):
            pending.extend(node.items())
        elif isinstance(node, list):
            pending.extend((name, item) for item in node)
        elif isinstance(node, str) and node:
            if is_secret_name(name):
                yield _Secret("json", name, node)
            else:
                yield from _nested(node, depth + 1)


def _cleaner(secrets: set[_Secret]) -> Callable[[str], str]:
    """Return a function that replaces the secrets in a text, however the text writes them.

    A long secret is replaced wherever it stands, a short one only behind its name.
    """
    marks: dict[str, str] = {}
    patterns: list[str] = []
    for secret in sorted(secrets, key=lambda item: (-len(item.value), item)):
        if not secret.value or _MARK.fullmatch(secret.value):
            continue
        value = any_writing(secret.value)
        named = _NAMED.get(secret.kind)
        for prefix in ([] if named is None else [named.format(name=any_writing(secret.name))]) + (
            [""] if len(secret.value) >= GLOBAL_LENGTH else []
        ):
            group = f"s{len(marks)}"
            marks[group] = secret_mark(unquote_plus(secret.value) if secret.kind == "pair" else secret.value)
            patterns.append(f"(?P<{group}_name>{prefix})(?P<{group}>{value})")
    if not patterns:
        return lambda text: text
    pattern = re.compile("|".join(patterns))

    def replaced(match: re.Match[str]) -> str:
        group = str(match.lastgroup)
        return str(match[f"{group}_name"]) + marks[group]

    return lambda text: pattern.sub(replaced, text)


def any_writing(text: str) -> str:
    """Return a regular expression for `text` as plain text, percent-encoded any number of times, or in JSON."""
    return "".join(_character(char) for char in _BACKSLASHES.sub("\\\\", text))


@lru_cache(maxsize=1024)
def _character(char: str) -> str:
    if char == "\\":
        return _BACKSLASH + "++"
    escaped = "".join(_percent(byte) for byte in char.encode("utf-8", "surrogatepass"))
    forms = [re.escape(char), escaped]
    if char == "%":
        forms = ["%(?:25)*"]
    elif char == " ":
        forms += [r"\+", _percent(0x2B)]
    units = char.encode("utf-16-be", "surrogatepass").hex()
    forms.append("".join(f"{_BACKSLASH}++u(?i:{units[at : at + 4]})" for at in range(0, len(units), 4)))
    short = _JSON_ESCAPES.get(char)
    if short is not None:
        forms.append(f"{_BACKSLASH}++(?:{re.escape(short)}|{escaped})")
    return f"(?:{'|'.join(forms)})"


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


class Redactor:
    """Shortens the identifiers of one event wherever they stand in what is shown of it.

    With `reveal`, texts pass unchanged.
    """

    MIN_LENGTH = 6
    """Shorter identifiers are cut only where they stand as identifiers: elsewhere they would cut words."""

    def __init__(self, identifiers: Iterable[Identifier], *, reveal: bool, addresses: Iterable[str] = ()) -> None:
        self.reveal = reveal
        self._own: dict[tuple[str, str], str] = {}
        replacements: dict[str, str] = {}
        for item in identifiers:
            short = shorten(item.kind, item.value, item.form)
            self._own[item.parameter, item.value] = short
            if len(item.value) >= self.MIN_LENGTH and short != item.value:
                for variant in (item.value, quote(item.value, safe=""), quote_plus(item.value)):
                    replacements[variant] = short
        for address in addresses:
            replacements[address] = shorten_address(address)
        self._replacements = sorted(replacements.items(), key=lambda pair: -len(pair[0]))

    def text(self, value: str) -> str:
        """Return `value` with every identifier of the event shortened."""
        if self.reveal:
            return value
        for old, new in self._replacements:
            if old in value:
                value = value.replace(old, new)
        if "mailto:" not in value and ("@" in value or "%40" in value):
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
