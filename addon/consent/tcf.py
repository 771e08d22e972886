"""A strict decoder of TC strings, version 2: what is malformed in any way is malformed, never a consent.

Decoders that read past the end of a clipped string take the missing bits for consent. Here every field has
to lie inside the bits that are there, the vendor sections have to fit, and what is left over has to be the
padding to whole bytes (or to whole groups of 24 bits, as IAB's own library writes it) and zero.

Source: IAB Europe, Transparency and Consent Framework, "Consent string and vendor list formats v2".
"""

from typing import Final, NamedTuple

_ALPHABET: Final = {
    char: value for value, char in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
}
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


class _MalformedError(Exception):
    """The text is no TC string."""


class _Bits:
    """Reads numbers from the bits of one segment and refuses to read beyond them."""

    def __init__(self, segment: str) -> None:
        try:
            self._sextets = bytes(_ALPHABET[char] for char in segment)
        except KeyError:
            raise _MalformedError from None
        self._position = 0

    def take(self, width: int) -> int:
        """Return the next `width` bits as a number."""
        first, end = self._position, self._position + width
        if end > 6 * len(self._sextets):
            raise _MalformedError
        number = 0
        for sextet in self._sextets[first // 6 : (end + 5) // 6]:
            number = number << 6 | sextet
        self._position = end
        return number >> (-end % 6) & ((1 << width) - 1)

    def skip(self, width: int) -> None:
        """Go past `width` bits, which must be there."""
        self._position += width
        if self._position > 6 * len(self._sextets):
            raise _MalformedError

    def end(self) -> None:
        """Check that only padding is left, and no more or less of it than encoders write."""
        whole_bytes = (self._position + 7) // 8
        to_bytes, to_groups = (whole_bytes * 8 + 5) // 6, (whole_bytes + 2) // 3 * 4
        if len(self._sextets) not in {to_bytes, to_groups}:
            raise _MalformedError
        if self.take(6 * len(self._sextets) - self._position):
            raise _MalformedError


def decode(text: str) -> TcString | None:
    """Return what a TC string of version 2 says, or None where it is malformed in any way."""
    if not text or len(text) > _MAX_CHARS:
        return None
    core, *others = text.split(".", _MAX_SEGMENTS)
    try:
        found = _core(_Bits(core))
        kinds = [_other(_Bits(segment)) for segment in others]
    except _MalformedError:
        return None
    return found if len(set(kinds)) == len(kinds) else None


def _core(bits: _Bits) -> TcString:
    if bits.take(6) != _VERSION:
        raise _MalformedError
    created, updated = bits.take(36) / 10, bits.take(36) / 10
    if not _EARLIEST <= created <= updated <= _LATEST:
        raise _MalformedError
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


def _other(bits: _Bits) -> int:
    """Check a segment after the core and return its kind."""
    kind = bits.take(3)
    if kind in {_DISCLOSED, _ALLOWED}:
        _vendors(bits)
    elif kind == _PUBLISHER:
        bits.skip(24 + 24)
        bits.skip(2 * bits.take(6))
    else:
        raise _MalformedError
    bits.end()
    return kind


def _numbers(bits: _Bits) -> frozenset[int]:
    field = bits.take(24)
    return frozenset(number for number in range(1, 25) if field >> (24 - number) & 1)


def _vendors(bits: _Bits) -> None:
    highest = bits.take(16)
    if bits.take(1):
        _ranges(bits, highest)
    else:
        bits.skip(highest)


def _ranges(bits: _Bits, highest: int) -> None:
    for _ in range(bits.take(12)):
        several = bits.take(1)
        first = bits.take(16)
        last = bits.take(16) if several else first
        if not 0 < first <= last <= highest:
            raise _MalformedError
