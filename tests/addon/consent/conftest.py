"""TC strings made by hand from the specification: the tests' own encoder."""

from collections.abc import Callable, Iterable

import pytest

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
DAY = 17_953_056_000
"""2026-11-22 in tenths of a second."""


def pack(bits: str, multiple: int = 8) -> str:
    """Return bits as base64url, padded with zeros to a multiple of 8 or 24 bits."""
    bits += "0" * (-len(bits) % multiple)
    bits += "0" * (-len(bits) % 6)
    return "".join(ALPHABET[int(bits[at : at + 6], 2)] for at in range(0, len(bits), 6))


def number(value: int, width: int) -> str:
    return format(value, f"0{width}b")


def ranges(entries: Iterable[tuple[int, int]]) -> str:
    entries = list(entries)
    text = number(len(entries), 12)
    for first, last in entries:
        text += "0" + number(first, 16) if first == last else "1" + number(first, 16) + number(last, 16)
    return text


def vendors(ids: Iterable[int] = (), spans: Iterable[tuple[int, int]] | None = None) -> str:
    if spans is not None:
        spans = list(spans)
        return number(max((last for _, last in spans), default=0), 16) + "1" + ranges(spans)
    ids = set(ids)
    highest = max(ids, default=0)
    return number(highest, 16) + "0" + "".join("1" if one in ids else "0" for one in range(1, highest + 1))


def tc_bits(
    purposes: Iterable[int] = (),
    *,
    consents: str | None = None,
    interests: str | None = None,
    restrictions: Iterable[tuple[int, int, list[tuple[int, int]]]] = (),
    version: int = 2,
    created: int = DAY,
    updated: int = DAY,
) -> str:
    purposes, restrictions = set(purposes), list(restrictions)
    bits = number(version, 6) + number(created, 36) + number(updated, 36)
    bits += number(31, 12) + number(1, 12) + number(1, 6) + number(4 << 6 | 13, 12) + number(45, 12) + number(5, 6)
    bits += "10" + number(0, 12)
    bits += "".join("1" if one in purposes else "0" for one in range(1, 25)) + "0" * 24
    bits += "0" + number(6 << 6 | 1, 12)
    bits += (vendors() if consents is None else consents) + (vendors() if interests is None else interests)
    bits += number(len(restrictions), 12)
    for purpose, kind, spans in restrictions:
        bits += number(purpose, 6) + number(kind, 2) + ranges(spans)
    return bits


@pytest.fixture(scope="session")
def tc() -> Callable[..., str]:
    """Return a TC string in which the purposes given are consented to."""

    def make(*purposes: int, multiple: int = 8, **more) -> str:
        return pack(tc_bits(purposes, **more), multiple)

    return make


@pytest.fixture(scope="session")
def tc_parts():
    """Return the encoder's parts, for strings that are wrong on purpose."""
    return {"pack": pack, "number": number, "ranges": ranges, "vendors": vendors, "bits": tc_bits, "day": DAY}
