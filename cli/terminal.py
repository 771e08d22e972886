r"""Text from a capture, made safe to show: it cannot move a cursor, hide or reorder what stands beside it.

A page chooses its own title, buttons and parameter names, so a captured value may hold terminal escape
sequences, direction overrides or invisible characters. They are shown as the escapes a programmer would
type (`\x1b`, `\u202e`), which also makes them visible as the evidence they are.
"""

import unicodedata

_ESCAPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0"}
_WIDE = frozenset({"W", "F"})
_NARROWEST = 8
_MOST_WIDTHS = 4_096


def escape_character(character: str) -> str:
    """Return one character as an escape sequence in plain letters."""
    short = _SHORT.get(character)
    if short is not None:
        return short
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def printable(text: str) -> str:
    """Return `text` on one line, with every control, format, private and unassigned character escaped."""
    if text.isprintable():
        return text
    return "".join(
        escape_character(character) if unicodedata.category(character) in _ESCAPED else character for character in text
    )


def columns(text: str) -> int:
    """Return how many terminal columns `text` takes (`text` has passed `printable`)."""
    if text.isascii():
        return len(text)
    return sum(map(_widths.__getitem__, text))


class _Widths(dict[str, int]):
    """How many columns each character takes that was met so far."""

    def __missing__(self, character: str) -> int:
        if len(self) >= _MOST_WIDTHS:
            self.clear()
        wide = unicodedata.east_asian_width(character) in _WIDE
        self[character] = width = 0 if unicodedata.combining(character) else 1 + wide
        return width


_widths = _Widths()


def _cut(word: str, first: int, rest: int) -> list[str]:
    """Cut a word into pieces: the first of at most `first` columns, the others of at most `rest`."""
    pieces = [""]
    taken, room = 0, first
    for character in word:
        size = columns(character)
        if taken + size > room and (pieces[-1] or room == first < rest):
            pieces.append("")
            taken, room = 0, rest
        pieces[-1] += character
        taken += size
    return pieces


def wrap(text: str, width: int, *, first: str = "", rest: str | None = None) -> list[str]:
    """Return `text` as lines of at most `width` columns.

    The first line starts with `first`, the others with `rest` (as many spaces, where not given). Words
    longer than a line are cut, so that a long address is whole again when its lines are joined.
    """
    following = " " * columns(first) if rest is None else rest
    whole = max(width - columns(following), _NARROWEST)
    lines: list[str] = []
    line, empty = first, True
    for word in printable(text).split(" "):
        room = width - columns(line) - (not empty)
        if columns(word) <= room:
            line, empty = line + word if empty else f"{line} {word}", False
            continue
        if columns(word) <= whole or room < _NARROWEST:
            if not empty or room < _NARROWEST:
                lines.append(line)
                line, empty = following, True
            room = max(width - columns(line), _NARROWEST)
        head, *more = _cut(word, room, whole)
        line, empty = line + head if empty else f"{line} {head}", False
        for piece in more:
            lines.append(line)
            line = following + piece
    return [found.rstrip() for found in (*lines, line)]
