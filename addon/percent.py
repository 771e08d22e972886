"""Percent escapes, decoded once: the innermost loop of everything that reads a request.

Python's own functions go through a text escape by escape in Python. Here the escapes are rewritten as those of
quoted-printable, which the standard library decodes in C; what that cannot say is left to Python's functions.
"""

import re
from binascii import a2b_qp
from urllib.parse import unquote_plus, unquote_to_bytes

_BROKEN = re.compile(r"%(?![0-9A-Fa-f]{2})")


def percent_decode(text: str) -> str:
    """Return `text` with `+` as space and %XX as UTF-8 bytes, both decoded once.

    Invalid escapes stay as they are, bytes that are no UTF-8 become U+FFFD. Equal to
    `unquote_to_bytes(text.replace("+", " ")).decode("utf-8", "replace")`.
    """
    if "%" not in text:
        return text.replace("+", " ") if "+" in text else text
    if not text.isascii() or _BROKEN.search(text):
        return unquote_to_bytes(text.replace("+", " ")).decode("utf-8", "replace")
    return _decode_ascii(text)


def form_decode(text: str) -> str:
    """Return what `urllib.parse.unquote_plus` returns for `text`, bytes smuggled as lone surrogates included."""
    if "%" not in text:
        return text.replace("+", " ") if "+" in text else text
    if not text.isascii() or _BROKEN.search(text):
        return unquote_plus(text)
    return _decode_ascii(text)


def _decode_ascii(text: str) -> str:
    """Decode ASCII `text` in which every `%` begins a whole escape."""
    data = text.encode("ascii").replace(b"+", b" ")
    if b"=" in data:
        data = data.replace(b"=", b"=3D")
    return a2b_qp(data.replace(b"%", b"=")).decode("utf-8", "replace")
