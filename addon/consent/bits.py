"""Numbers packed into base64url text, as consent strings of the IAB write them: read strictly, never past the end.

Decoders that read past the end of a clipped string take the missing bits for consent. Here every field has to lie
inside the bits that are there, and what is left over has to be the padding to whole bytes (or to whole groups of 24
bits, as IAB's own libraries write it) and zero.
"""

from typing import Final

_ALPHABET: Final = {
    char: value for value, char in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
}


class MalformedError(Exception):
    """The text is no consent string."""


class Bits:
    """Reads numbers from the bits of one segment and refuses to read beyond them."""

    def __init__(self, segment: str) -> None:
        """Take the text of one segment. Raises MalformedError for a character that is not of base64url."""
        try:
            self._sextets = bytes(_ALPHABET[char] for char in segment)
        except KeyError:
            raise MalformedError from None
        self._position = 0

    def take(self, width: int) -> int:
        """Return the next `width` bits as a number. Raises MalformedError where they are not there."""
        first, end = self._position, self._position + width
        if end > 6 * len(self._sextets):
            raise MalformedError
        number = 0
        for sextet in self._sextets[first // 6 : (end + 5) // 6]:
            number = number << 6 | sextet
        self._position = end
        return number >> (-end % 6) & ((1 << width) - 1)

    def skip(self, width: int) -> None:
        """Go past `width` bits. Raises MalformedError where they are not there."""
        self._position += width
        if self._position > 6 * len(self._sextets):
            raise MalformedError

    def fibonacci(self) -> int:
        """Return the next number in Fibonacci code, which ends with two set bits. Raises MalformedError."""
        total, smaller, larger, last = 0, 1, 2, 0
        for _ in range(_LONGEST_FIBONACCI):
            bit = self.take(1)
            if bit and last:
                return total
            total += smaller * bit
            smaller, larger, last = larger, smaller + larger, bit
        raise MalformedError

    def end(self) -> None:
        """Check that only padding is left, and no more or less of it than encoders write. Raises MalformedError."""
        whole_bytes = (self._position + 7) // 8
        to_bytes, to_groups = (whole_bytes * 8 + 5) // 6, (whole_bytes + 2) // 3 * 4
        if len(self._sextets) not in {to_bytes, to_groups}:
            raise MalformedError
        if self.take(6 * len(self._sextets) - self._position):
            raise MalformedError


_LONGEST_FIBONACCI: Final = 24
