"""The strings inside a JSON text, each with its place in that text.

A finding must point into the value of a parameter, and many parameters are JSON. This reader yields every
string leaf with the position of each of its code points; a text that is broken or cut yields what stands
before the break.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

MAX_LENGTH = 400_000
"""Longest text, in code points, that is read; Meta's client cuts structured data at 120,000."""

MAX_DEPTH = 64
"""Deepest nesting that is read; a string's path is as long as it is deep, so endless nesting would cost endlessly."""

_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_HEX_LENGTH = 4
_PLAIN = re.compile(r'[^"\\]*')
_TOKEN = re.compile(
    r"[ \t\r\n:]*+(?:"
    r'"([^"\\]*+)"'  # a string without escapes, as most are
    r"|([{}\[\],])"
    r'|(?:true|false|null|[0-9+\-.eE]++)(?=[,\]}:"{\[ \t\r\n]|\Z)'
    r'|(")'  # a string with escapes, or cut
    r")"
)
_PLAIN_STRING, _MARK = 1, 2  # the groups of a token; a number or a name has none


class JsonString(NamedTuple):
    """One string leaf: where it stands in the document and in the text.

    `path` holds object keys and list indexes. `offset` is the position of the first code point;
    `positions` gives every code point's position and the end where escapes make them uneven.
    """

    path: tuple[str | int, ...]
    text: str
    offset: int
    positions: tuple[int, ...] | None


def json_strings(text: str, max_length: int = MAX_LENGTH) -> Iterator[JsonString]:
    """Yield the string leaves of `text` in order; stop silently where it stops being JSON."""
    text = text[:max_length]
    stack: list[list[str | int | None]] = []  # one item a container: [kind, current key or index]
    expect_key = False
    found = _TOKEN.match(text)
    while found:
        token, end = found.lastindex, found.end()
        if token == _MARK:
            char = found[_MARK]
            if char == ",":
                if not stack:
                    return
                top = stack[-1]
                if top[0] == "[":
                    top[1] = int(top[1] or 0) + 1
                expect_key = top[0] == "{"
            elif char in "}]":
                if not stack:
                    return
                stack.pop()
                expect_key = False
            elif len(stack) >= MAX_DEPTH:
                return
            else:
                expect_key = char == "{"
                stack.append([char, None if expect_key else 0])
        elif token is not None:
            positions: tuple[int, ...] | None = None
            if token == _PLAIN_STRING:
                value, offset = found[_PLAIN_STRING], found.start(_PLAIN_STRING)
            else:
                value, places, end = _string(text, end)
                offset = places[0]
                positions = None if places[-1] - offset == len(value) else tuple(places)
            if expect_key and stack:
                stack[-1][1] = value
                expect_key = False
            else:
                path = tuple([item[1] for item in stack if item[1] is not None])
                yield JsonString(path, value, offset, positions)
        found = _TOKEN.match(text, end)


def _plain_end(text: str, start: int) -> int:
    """Return where a quotation mark, a backslash or the end of the text follows `start`."""
    found = _PLAIN.match(text, start)
    return found.end() if found else start


def _string(text: str, start: int) -> tuple[str, list[int], int]:
    """Return the string that begins at `start`, the positions of its code points and end, and what follows."""
    chars: list[str] = []
    positions: list[int] = []
    index, length = start, len(text)
    while index < length and text[index] != '"':
        if text[index] != "\\":
            end = _plain_end(text, index)
            chars.append(text[index:end])
            positions += range(index, end)
            index = end
            continue
        positions.append(index)
        if index + 1 >= length:
            positions.pop()
            break
        escape = text[index + 1]
        if escape == "u" and index + 2 + _HEX_LENGTH > length:
            positions.pop()
            break
        if escape != "u":
            chars.append(_ESCAPES.get(escape, escape))
            index += 2
            continue
        code, index = _code_point(text, index)
        chars.append(code)
    positions.append(min(index, length))
    return "".join(chars), positions, index + 1


def _code_point(text: str, index: int) -> tuple[str, int]:
    """Return the character of the `uXXXX` escape at `index` (a pair of surrogates is one) and what follows."""
    unit = _unit(text, index)
    if unit is None:
        return "\ufffd", index + 2
    following = index + 2 + _HEX_LENGTH
    if 0xD800 <= unit < 0xDC00:
        low = _unit(text, following) if text[following : following + 2] == "\\u" else None
        if low is not None and 0xDC00 <= low < 0xE000:
            return chr(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00)), following + 2 + _HEX_LENGTH
        return "\ufffd", following
    if 0xDC00 <= unit < 0xE000:
        return "\ufffd", following
    return chr(unit), following


def _unit(text: str, index: int) -> int | None:
    digits = text[index + 2 : index + 2 + _HEX_LENGTH]
    if len(digits) != _HEX_LENGTH or any(char not in "0123456789abcdefABCDEF" for char in digits):
        return None
    return int(digits, 16)
