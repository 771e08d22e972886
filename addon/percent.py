"""Percent escapes, decoded once: the innermost loop of everything that reads a request.

Python's own functions go through a text escape by escape in Python. Here the escapes are rewritten as those of
quoted-printable, which the standard library decodes in C; what that cannot say is left to Python's functions.
"""

from binascii import a2b_qp
from urllib.parse import unquote_plus, unquote_to_bytes


def percent_decode(text: str) -> str:
    """Return `text` with `+` as space and %XX as UTF-8 bytes, both decoded once.

    Invalid escapes stay as they are, bytes that are no UTF-8 become U+FFFD. Equal to
    `unquote_to_bytes(text.replace("+", " ")).decode("utf-8", "replace")`.
    """
    if "%" not in text:
        return text.replace("+", " ") if "+" in text else text
    data = _unescaped(text)
    return (unquote_to_bytes(text.replace("+", " ")) if data is None else data).decode("utf-8", "replace")


def form_decode(text: str) -> str:
    """Return what `urllib.parse.unquote_plus` returns for `text`, bytes smuggled as lone surrogates included."""
    if "%" not in text:
        return text.replace("+", " ") if "+" in text else text
    data = _unescaped(text)
    return unquote_plus(text) if data is None else data.decode("utf-8", "replace")


def _unescaped(text: str) -> bytes | None:
    """Return the bytes that `text` stands for, or None where it is not ASCII whose every `%` begins an escape.

    A whole escape of quoted-printable is decoded to two bytes less, an `=` that begins none to one less at most, so the
    lengths tell whether all were whole. Line breaks, which quoted-printable may drop, are left to Python's functions.
    """
    if not text.isascii() or "\n" in text or "\r" in text:
        return None
    data = text.encode("ascii").replace(b"+", b" ")
    if b"=" in data:
        data = data.replace(b"=", b"=3D")
    data = data.replace(b"%", b"=")
    found = a2b_qp(data)
    return found if len(data) - len(found) == 2 * data.count(b"=") else None
