"""Typed netstrings (`5:hello,`), the notation of mitmproxy's flow files, read where they stand in a buffer.

The types are those of tnetstrings.info and mitmproxy's `;` for UTF-8 text.
"""

from typing import Any

MAX_DEPTH = 30
"""Deepest nesting that is read; a flow needs five levels."""

_MAX_DIGITS = 12
_ZERO = 0x30


class NetstringError(ValueError):
    """The bytes are no netstring of a kind that is read here."""


def read_value(data: bytes, position: int, end: int, depth: int = 0) -> tuple[Any, int]:
    """Return the value that begins at `position`, and where it ends. Raises NetstringError.

    Bytes stay bytes, `;` becomes str, `#` int, `^` float, `!` bool, `~` None, `]` list, `}` dict.
    """
    colon = data.find(b":", position, min(end, position + _MAX_DIGITS + 1))
    digits = data[position:colon] if colon > 0 else b""
    if not digits.isdigit():
        raise NetstringError("a length is missing")
    start = colon + 1
    stop = start + int(digits)
    if stop >= end:
        raise NetstringError("a value is longer than what holds it")
    return _typed(data, start, stop, depth), stop + 1


def _typed(data: bytes, start: int, stop: int, depth: int) -> Any:
    kind = data[stop]
    if kind == 0x2C:  # ,
        return data[start:stop]
    if kind in (0x7D, 0x5D):  # } ]
        if depth >= MAX_DEPTH:
            raise NetstringError("too deep")
        items = []
        while start < stop:
            item, start = read_value(data, start, stop, depth + 1)
            items.append(item)
        if kind == 0x5D:
            return items
        if len(items) % 2 or not all(isinstance(key, str | bytes) for key in items[::2]):
            raise NetstringError("a key without a value")
        return dict(zip(items[::2], items[1::2], strict=True))
    content = data[start:stop]
    try:
        if kind == 0x3B:  # ;
            return content.decode("utf-8")
        if kind == 0x23:  # #
            return int(content)
        if kind == 0x5E:  # ^
            return float(content)
    except ValueError:
        raise NetstringError("a value that does not fit its type") from None
    if kind == 0x21 and content in {b"true", b"false"}:  # !
        return content == b"true"
    if kind == 0x7E and not content:  # ~
        return None
    raise NetstringError("an unknown type")


def read_pairs(data: bytes, position: int, end: int) -> tuple[tuple[bytes, bytes], ...]:
    """Return the header lines in `data[position:end]`: pairs of bytes. Raises NetstringError."""
    pairs = []
    find = data.find
    try:
        while position < end:
            colon = find(b":", position, end)
            stop = colon + 1 + int(data[position:colon])
            name_colon = find(b":", colon + 1, stop)
            name_end = name_colon + 1 + int(data[colon + 1 : name_colon])
            value_colon = find(b":", name_end + 1, stop)
            value_end = value_colon + 1 + int(data[name_end + 1 : value_colon])
            if value_end + 1 != stop or data[name_end] != 0x2C or data[value_end] != 0x2C or data[stop] != 0x5D:
                raise NetstringError("a header line that is none")
            pairs.append((data[name_colon + 1 : name_end], data[value_colon + 1 : value_end]))
            position = stop + 1
    except (ValueError, IndexError):
        raise NetstringError("a header line that is none") from None
    if position != end:
        raise NetstringError("header lines longer than what holds them")
    return tuple(pairs)
