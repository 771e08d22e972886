"""A strict decoder of TC strings, version 2: what is malformed in any way is malformed, never a consent.

Every field has to lie inside the bits that are there, the vendor sections have to fit, and nothing but padding may
be left over. The published Python decoders (iab-tcf, iab-tcf-bitarray; last released 2022 and 2024) read an empty or
clipped string as consent to everything, so they are not used.

Source: IAB Europe, Transparency and Consent Framework, "Consent string and vendor list formats v2".
"""

from typing import Final, NamedTuple

from addon.consent.bits import Bits, MalformedError

_VERSION: Final = 2
_MAX_CHARS: Final = 8_000
_MAX_SEGMENTS: Final = 4
_EARLIEST: Final = 1_514_764_800.0
"""2018, before which the framework did not exist."""

_LATEST: Final = 4_102_444_800.0
_DISCLOSED, _ALLOWED, _PUBLISHER = 1, 2, 3


class TcString(NamedTuple):
    """What a TC string says. The times have the precision of a day."""

    created: float
    updated: float
    cmp_id: int
    policy_version: int
    purposes: frozenset[int]
    legitimate_interests: frozenset[int]


def decode(text: str) -> TcString | None:
    """Return what a TC string of version 2 says, or None where it is malformed in any way."""
    if not text or len(text) > _MAX_CHARS:
        return None
    core, *others = text.split(".", _MAX_SEGMENTS)
    try:
        found = _core(Bits(core))
        kinds = [_other(Bits(segment)) for segment in others]
    except MalformedError:
        return None
    return found if len(set(kinds)) == len(kinds) else None


def _core(bits: Bits) -> TcString:
    if bits.take(6) != _VERSION:
        raise MalformedError
    created, updated = bits.take(36) / 10, bits.take(36) / 10
    if not _EARLIEST <= created <= updated <= _LATEST:
        raise MalformedError
    cmp_id = bits.take(12)
    bits.skip(12 + 6 + 12 + 12)  # version of the platform, screen, language, version of the vendor list
    policy_version = bits.take(6)
    bits.skip(1 + 1 + 12)  # service-specific, non-standard texts, special features
    purposes, legitimate = _numbers(bits), _numbers(bits)
    bits.skip(1 + 12)  # treatment of purpose 1, country of the publisher
    _vendors(bits)
    _vendors(bits)
    for _ in range(bits.take(12)):  # restrictions of the publisher
        bits.skip(6 + 2)
        _ranges(bits, 0xFFFF)
    bits.end()
    return TcString(created, updated, cmp_id, policy_version, purposes, legitimate)


def _other(bits: Bits) -> int:
    """Check a segment after the core and return its kind."""
    kind = bits.take(3)
    if kind in {_DISCLOSED, _ALLOWED}:
        _vendors(bits)
    elif kind == _PUBLISHER:
        bits.skip(24 + 24)
        bits.skip(2 * bits.take(6))
    else:
        raise MalformedError
    bits.end()
    return kind


def _numbers(bits: Bits) -> frozenset[int]:
    field = bits.take(24)
    return frozenset(number for number in range(1, 25) if field >> (24 - number) & 1)


def _vendors(bits: Bits) -> None:
    highest = bits.take(16)
    if bits.take(1):
        _ranges(bits, highest)
    else:
        bits.skip(highest)


def _ranges(bits: Bits, highest: int) -> None:
    for _ in range(bits.take(12)):
        several = bits.take(1)
        first = bits.take(16)
        last = bits.take(16) if several else first
        if not 0 < first <= last <= highest:
            raise MalformedError
