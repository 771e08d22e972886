"""What is an identifier, what is a secret, and how each is shown.

Every request passes `scrub` before anything else sees it, so a secret reaches neither the database nor a
log line. Every report, log line and export passes `shorten` and `Redactor` unless the investigator asks to
reveal identifiers; secrets are gone by then and cannot be revealed.
"""

import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus, unquote, unquote_plus

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


def secret_mark(value: str) -> str:
    """Return what stands in place of a secret: its length, in characters that no format treats specially."""
    return f"SECRET-{len(value)}-CHARACTERS"


def is_secret_name(name: str) -> bool:
    """Tell whether a parameter of this name (`cd[access_token]`, `sessionId`, ...) carries a secret."""
    inner = name.rsplit("[", 1)[-1].rstrip("]") if name.endswith("]") else name
    plain = "".join(char for char in inner.lower() if char.isalnum())
    return plain in SECRET_NAMES or any(part in plain for part in SECRET_PARTS)


def scrub(request: CapturedRequest) -> CapturedRequest:
    """Return `request` without the values of its secrets; only their length is left.

    Secrets are session cookies (every cookie whose value has no place in a report), `Authorization` and
    similar headers, and parameters named like tokens or passwords, also inside nested addresses and JSON.
    """
    body_text = request.body[:MAX_SEARCHED].decode("utf-8", "replace") if request.body else ""
    secrets = {*_named_secrets(request.url), *_named_secrets("?" + body_text), *_multipart_secrets(body_text)}
    for _, value in (*request.headers, *request.response_headers):
        if "?" in value:
            secrets.update(_named_secrets(value))
    wide = {value for value in _header_secrets(request) if len(value) >= GLOBAL_LENGTH}
    if not secrets and not wide and not _has_cookie(request):
        return request
    pairs = list(_replacements(secrets, wide))

    def clean(text: str) -> str:
        for old, new in pairs:
            if old in text:
                text = text.replace(old, new)
        return text

    body = request.body
    for old, new in pairs:
        body = body.replace(old.encode(), new.encode())
    return request.model_copy(
        update={
            "url": clean(request.url),
            "headers": tuple((name, clean(_header_value(name, value))) for name, value in request.headers),
            "response_headers": tuple(
                (name, clean(_header_value(name, value))) for name, value in request.response_headers
            ),
            "body": body,
        }
    )


def scrub_address(url: str) -> str:
    """Return an address without the values of parameters named like secrets."""
    for old, new in _replacements(set(_named_secrets(url)), set()):
        url = url.replace(old, new)
    return url


def cookie_pairs(headers: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield name and value of every cookie sent; HTTP/2 splits them over several header lines."""
    for name, value in headers:
        if name.lower() == "cookie":
            for part in value.split(";"):
                key, found, content = part.strip().partition("=")
                if found and key:
                    yield key, content


def _has_cookie(request: CapturedRequest) -> bool:
    return any(name.lower() in {"cookie", "set-cookie"} for name, _ in (*request.headers, *request.response_headers))


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


def _header_secrets(request: CapturedRequest) -> Iterator[str]:
    for name, value in request.headers:
        lowered = name.lower()
        if lowered == "cookie":
            for key, content in cookie_pairs([(name, value)]):
                if key == "xs" or is_secret_name(key):
                    yield content
                    yield unquote(content)
        elif any(part in lowered for part in SECRET_HEADER_PARTS):
            yield value
            yield value.rpartition(" ")[2]


def _named_secrets(text: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield (name, value) of parameters named like secrets in an address or a urlencoded text, also nested."""
    query = text.partition("?")[2]
    if not query or depth >= MAX_NESTING:
        return
    pairs = [part.partition("=")[::2] for part in query.replace("#", "&").split("&")]
    sdk_event = any(unquote(name) == "ev" and value == "fb_page_view" for name, value in pairs)
    for name, value in pairs:
        if not value:
            continue
        plain = unquote_plus(name)
        if is_secret_name(plain) or (sdk_event and plain == "at"):
            # `at` of the JavaScript SDK's page event can be a user's access token (wire format, 2.1).
            yield name, value
            continue
        decoded = unquote_plus(value)
        if "?" in decoded and ("=" in decoded):
            yield from _named_secrets(decoded, depth + 1)
        if decoded[:1] in "{[" and ("token" in decoded or "pass" in decoded or "?" in decoded or "secret" in decoded):
            yield from _json_secrets(decoded, depth + 1)
    if depth == 0 and query[:1] == "{":
        yield from _json_secrets(query, depth + 1)


def _json_secrets(text: str, depth: int) -> Iterator[tuple[str, str]]:
    try:
        pending: list[object] = [json.loads(text)]
    except (ValueError, RecursionError):
        return
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            for key, value in node.items():
                if isinstance(value, str) and value and is_secret_name(key):
                    yield "", value
                else:
                    pending.append(value)
        elif isinstance(node, list):
            pending.extend(node)
        elif isinstance(node, str) and "?" in node:
            yield from _named_secrets(node, depth)


def _multipart_secrets(text: str) -> Iterator[tuple[str, str]]:
    if "form-data" not in text:
        return
    for part in text.split('name="')[1:]:
        name, _, rest = part.partition('"')
        head, blank, value = rest.partition("\r\n\r\n")
        value = value.partition("\r\n--")[0]
        if blank and "\r\n" not in head.strip("\r\n; ") and value and is_secret_name(name):
            yield f'{name}"{head}\r\n\r\n', value
        elif "?" in value:
            yield from _named_secrets(value, 1)


def _replacements(secrets: set[tuple[str, str]], wide: set[str]) -> Iterator[tuple[str, str]]:
    for name, value in sorted(secrets):
        mark = secret_mark(unquote_plus(value))
        if name.endswith("\r\n\r\n"):
            yield name + value, name + mark
        elif name:
            key, content, equals = name, value, "="
            for _ in range(3):
                yield f"{key}{equals}{content}", f"{key}{equals}{mark}"
                key, content, equals = quote(key, safe=""), quote(content, safe=""), quote(equals, safe="")
        if len(value) >= GLOBAL_LENGTH or not name:
            wide = wide | {value}
    for value in sorted(wide, key=len, reverse=True):
        mark = secret_mark(value)
        for variant in dict.fromkeys(
            (value, unquote(value), quote(value, safe=""), quote_plus(value), quote(quote(value, safe=""), safe=""))
        ):
            if variant:
                yield variant, mark


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
