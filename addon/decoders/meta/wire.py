"""From the bytes of a request to its parameters: query strings, form bodies, multipart, JSON.

Names and values are decoded once; the raw text is kept beside them. Nothing here raises on bad input:
invalid escapes stay as they are, bytes that are no UTF-8 become U+FFFD (the raw text still holds them).
"""

import gzip
import json
import re
import zlib
from collections.abc import Iterator
from typing import NamedTuple, get_args

from addon.model import CapturedRequest, Param
from addon.percent import percent_decode
from addon.remembered import Remembered
from addon.vocabulary import ParameterContext

MAX_BODY = 8_000_000
"""Longest body, in bytes, that is read. Meta's client never sends more than some hundred kilobytes."""

MAX_PARAMETERS = 5_000
"""Most parameters that are read from one request; the rest is named as a problem."""

MAX_JSON_DEPTH = 32

MAX_KNOWN_NAME = 64
MAX_KNOWN_PAIR = 256
MAX_KNOWN_PAIRS = 4096
"""Names, and pairs of name and value, of at most so many characters are decoded once and kept for a while, so many of
them: a request repeats most of what the one before it said."""

_NAME = re.compile(r';\s*name=(?:"(?P<quoted>[^"]*)"|(?P<bare>[^";\s]+))', re.IGNORECASE)


class Body(NamedTuple):
    """The parameters of a body, how they were written, and what could not be read."""

    kind: str
    parameters: tuple[Param, ...]
    document: dict[str, object] | None = None
    problem: str | None = None


NO_BODY = Body("none", ())


def parse_pairs(text: str, context: ParameterContext) -> list[Param]:
    """Return the parameters of a query string or a urlencoded body, in order, empty values included."""
    known = _known_pairs[context]
    found: list[Param] = []
    for part in text.split("&", MAX_PARAMETERS)[:MAX_PARAMETERS]:
        if part:
            param = known.get(part)
            if param is None:
                name, _, raw = part.partition("=")
                value = percent_decode(raw) if "%" in raw or "+" in raw else raw
                param = _new(Param, (_known_names[name], value, raw, context))
                if len(part) <= MAX_KNOWN_PAIR:
                    if len(known) >= MAX_KNOWN_PAIRS:
                        known.clear()
                    known[part] = param
            found.append(param)
    return found


_new = tuple.__new__  # a named tuple's own constructor is written in Python
_known_names = Remembered(percent_decode, 4096, MAX_KNOWN_NAME)
_known_pairs: dict[ParameterContext, dict[str, Param]] = {context: {} for context in get_args(ParameterContext)}


def query_parameters(url: str) -> tuple[Param, ...]:
    """Return the parameters of an address's query."""
    return tuple(parse_pairs(url.partition("#")[0].partition("?")[2], "query"))


def body_parameters(request: CapturedRequest) -> Body:
    """Return the parameters in the body of `request`, whatever its encoding."""
    if not request.body and request.body_problem is None and request.header("content-encoding") is None:
        return NO_BODY
    content, problem = _content(request)
    if problem is not None or not content:
        return Body("none", (), problem=problem)
    content_type = (request.header("content-type") or "").lower()
    text = content.decode("utf-8", "replace")
    if "multipart/form-data" in content_type or text.startswith("--"):
        parameters = tuple(_multipart(content, request.header("content-type") or ""))
        return Body("multipart", parameters, problem=None if parameters else "multipart body without a readable part")
    if text.lstrip()[:1] in {"{", "["}:
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            return Body("json", (), problem=f"JSON body cannot be read: {error}"[:200])
        if isinstance(document, dict):
            return Body("json", tuple(flatten(document)), document)
        return Body("json", (), problem="JSON body is not an object")
    kind = "text" if content_type.startswith("text/plain") else "form"
    problem = None
    if text.count("&") >= MAX_PARAMETERS:
        problem = f"only the first {MAX_PARAMETERS} parameters were read"
    return Body(kind, tuple(parse_pairs(text, "body")), problem=problem)


def _content(request: CapturedRequest) -> tuple[bytes, str | None]:
    if request.body_problem is not None:
        return b"", request.body_problem
    body = request.body
    if len(body) > MAX_BODY:
        return b"", f"body of {len(body)} bytes is longer than {MAX_BODY} and was not read"
    encoding = (request.header("content-encoding") or "identity").strip().lower()
    if encoding in {"identity", ""}:
        return body, None
    try:
        if encoding == "gzip":
            unpacked = _inflate(body, 16 + zlib.MAX_WBITS)
        elif encoding == "deflate":
            unpacked = _inflate(body, zlib.MAX_WBITS)
        else:
            return b"", f"body is compressed with {encoding[:20]}, which is not read"
    except (zlib.error, gzip.BadGzipFile, EOFError) as error:
        return b"", f"compressed body cannot be unpacked: {error}"
    if len(unpacked) > MAX_BODY:
        return b"", f"body unpacks to more than {MAX_BODY} bytes and was not read"
    return unpacked, None


def _inflate(body: bytes, window: int) -> bytes:
    return zlib.decompressobj(window).decompress(body, MAX_BODY + 1)


def _multipart(content: bytes, content_type: str) -> Iterator[Param]:
    boundary = content_type.partition("boundary=")[2].split(";")[0].strip().strip('"').encode("utf-8", "replace")
    if not boundary or b"--" + boundary not in content:
        first_line = content.partition(b"\n")[0].rstrip(b"\r")
        if not first_line.startswith(b"--"):
            return
        boundary = first_line[2:]
    parts = (b"\r\n" + content).split(b"\r\n--" + boundary)
    for part in parts[1 : MAX_PARAMETERS + 1]:
        if part.startswith(b"--"):
            break
        param = _known_parts[part]
        if param is not None:
            yield param


def _part(part: bytes) -> Param | None:
    head, blank, value = part.lstrip(b"\r\n").partition(b"\r\n\r\n")
    name = _known_heads[head] if blank else None
    if name is None:
        return None
    text = value.decode("utf-8", "replace")
    return Param(name, text, text, "body")


def _disposition_name(head: bytes) -> str | None:
    for line in head.decode("utf-8", "replace").split("\r\n"):
        if line.lower().startswith("content-disposition:"):
            found = _NAME.search(line)
            if found is not None:
                # browsers write `"` in a field name as %22 (HTML standard, multipart encoding)
                return (found["quoted"] or found["bare"] or "").replace("%22", '"')
    return None


_known_heads = Remembered(_disposition_name, 4096, 2 * MAX_KNOWN_NAME)
_known_parts = Remembered(_part, 4096, MAX_KNOWN_PAIR)


def flatten(document: dict[str, object]) -> Iterator[Param]:
    """Yield the leaves of a JSON object as parameters named by their path (`website_context.location`).

    Lists and objects below custom data keep their JSON text, as the client itself writes them.
    """
    pending: list[tuple[str, object, int]] = [(key, value, 1) for key, value in reversed(document.items())]
    produced = 0
    while pending and produced < MAX_PARAMETERS:
        name, value, depth = pending.pop()
        if isinstance(value, str):
            text = storable(value)
        elif isinstance(value, dict) and value and depth < MAX_JSON_DEPTH:
            pending += [(f"{name}.{key}", inner, depth + 1) for key, inner in reversed(value.items())]
            continue
        else:
            text = "" if value is None or value in _EMPTY else storable(_json_text(value))
        produced += 1
        yield _new(Param, (storable(name), text, text, "body"))


_EMPTY: tuple[dict[str, object], list[object]] = ({}, [])
_json_text = json.JSONEncoder(ensure_ascii=False).encode


def storable(text: str) -> str:
    """Return `text` without lone surrogates, which JSON escapes can smuggle in and no database takes."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
