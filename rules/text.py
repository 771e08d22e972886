"""Text to words: normalised tokens that remember where they stood in the original.

A web address, a title and a button label write the same words in different ways. Normalising decodes percent
escapes (up to twice, as pixel bodies are encoded twice), folds case, accents and compatibility forms, drops
apostrophes and invisible characters, and treats everything that is neither letter nor digit as a border.

Words glued by capitals (`HIVTest`, `HIVpatientHandbook`) or digits (`covid19`) can be read in more than one
way, so a text has *readings*: the words as they stand, then the words split. A term may be found in any of
them.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, lru_cache, partial
from typing import NamedTuple

DECODE_PASSES = 2
"""How often percent escapes are decoded."""

OPAQUE_DIGIT_BORDERS = 4
"""A word with this many changes between letters and digits is an identifier, and is not split."""

OPAQUE_LENGTH = 16
"""A word at least this long is an identifier if splitting it leaves less than three characters a piece."""


class Token(NamedTuple):
    """A normalised word; `original[start:end]` is what a reader sees."""

    text: str
    start: int
    end: int


class Decoded(NamedTuple):
    """A text without its percent escapes.

    `positions[i]` is where code point `i` of `text` starts in the original; the last item is its end.
    """

    text: str
    positions: Sequence[int]


class Reading:
    """The words of a text, read in one way. Their places are looked up only when somebody asks."""

    __slots__ = ("_places", "words")

    def __init__(self, words: tuple[str, ...], places: Callable[[], Sequence[tuple[int, int]]]) -> None:
        self.words = words
        self._places = places

    def tokens(self) -> tuple[Token, ...]:
        """Return the words with their places in the original text."""
        return tuple(Token(word, *place) for word, place in zip(self.words, self._places(), strict=True))


_ESCAPES = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_ASCII_WORD = re.compile(r"[A-Za-z0-9]+(?:'[A-Za-z0-9]+)*")
_GLUED = re.compile(r"[a-z][A-Z]|[A-Z][A-Z][a-z]|[A-Za-z][0-9]|[0-9][A-Za-z]|[A-Za-z0-9]'[A-Za-z0-9]")
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_ACRONYM = re.compile(r"[A-Z]{2,}|[A-Z]?[a-z]+|[0-9]+|[A-Z]")
_DIGIT_BORDER = re.compile(r"(?<=[A-Za-z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])")
_MARKS = frozenset("\u2122\u2120\u00aa\u00ba")  # trade marks and ordinals would fold to letters glued to a name
_APOSTROPHES = frozenset("'\u2018\u2019\u201b\u02b9\u02bc\u2032\uff07\u00b4`")  # as typed, set and mistyped


def decode(text: str) -> Decoded:
    """Decode percent escapes, up to twice.

    An escape that is not part of well-formed UTF-8 stays as it is.
    """
    positions: Sequence[int] = range(len(text) + 1)
    for _ in range(DECODE_PASSES):
        if "%" not in text:
            break
        text, positions = _decode_once(text, positions)
    return Decoded(text, positions)


def decode_once(text: str) -> Decoded:
    """Decode one layer of percent escapes."""
    return Decoded(*_decode_once(text, range(len(text) + 1)))


def readings(text: str) -> tuple[Reading, ...]:
    """Tokenise a text in every way its glued words can be read.

    The first reading has every word as it stands; one or two others follow where words can be split.
    """
    decoded, positions = decode(text)
    plain = decoded if decoded.isascii() else decoded.translate(_same_length())
    if not plain.isascii():
        return _arrange(_words(decoded, positions))
    if _GLUED.search(plain):
        return _arrange(_ascii_words(plain, positions))
    lowered = plain.lower()
    return (Reading(tuple(_ASCII_WORD.findall(lowered)), partial(_places, lowered, positions)),)


def tokenise(text: str) -> tuple[Token, ...]:
    """Tokenise a text with its words as they stand."""
    return readings(text)[0].tokens()


def normalise(text: str) -> str:
    """Return the words of a text as they stand, normalised, one space between them."""
    return " ".join(readings(text)[0].words)


def _places(plain: str, positions: Sequence[int]) -> list[tuple[int, int]]:
    return [(positions[match.start()], positions[match.end()]) for match in _ASCII_WORD.finditer(plain)]


def _decode_once(text: str, positions: Sequence[int]) -> tuple[str, Sequence[int]]:
    pieces: list[str] = []
    kept: list[int] = []
    at = 0
    for run in _ESCAPES.finditer(text):
        pieces.append(text[at : run.start()])
        kept.extend(positions[at : run.start()])
        octets = bytes.fromhex(run.group().replace("%", ""))
        index = 0
        while index < len(octets):
            escape = run.start() + 3 * index
            size = _sequence_length(octets[index])
            try:
                pieces.append(octets[index : index + size].decode("utf-8"))
                kept.append(positions[escape])
            except UnicodeDecodeError:
                size = 1
                pieces.append(text[escape : escape + 3])
                kept.extend(positions[escape : escape + 3])
            index += size
        at = run.end()
    pieces.append(text[at:])
    kept.extend(positions[at:])
    return "".join(pieces), kept


def _sequence_length(lead: int) -> int:
    """Return how many octets a UTF-8 sequence with this first octet has."""
    if lead < 0xC0:
        return 1
    if lead < 0xE0:
        return 2
    return 3 if lead < 0xF0 else 4


class _Word(NamedTuple):
    """A run of letters, digits and apostrophes: per character its folded form, shape and place."""

    folded: Sequence[str]
    shape: str  # A upper, a lower, 0 digit, ' apostrophe: what the splitting patterns read
    starts: Sequence[int]
    ends: Sequence[int]


def _arrange(words: Iterable[_Word | Token]) -> tuple[Reading, ...]:
    """Return the readings that words give: as they stand, split at capitals, split after acronyms."""
    whole: list[Token] = []
    camel: list[Token] = []
    acronym: list[Token] = []
    for word in words:
        if isinstance(word, Token):
            whole.append(word)
            camel.append(word)
            acronym.append(word)
        else:
            whole.append(_whole(word))
            camel.extend(_split(word, _CAMEL))
            acronym.extend(_split(word, _ACRONYM))
    found: dict[tuple[str, ...], Reading] = {}
    for tokens in (whole, camel, acronym):
        words_read = tuple(token.text for token in tokens)
        places = [(token.start, token.end) for token in tokens]
        found.setdefault(words_read, Reading(words_read, partial(list, places)))
    return tuple(found.values())


def _ascii_words(text: str, positions: Sequence[int]) -> Iterator[_Word | Token]:
    for match in _ASCII_WORD.finditer(text):
        word = match[0]
        start, end = match.span()
        if word.isalpha() and (word.islower() or word.istitle() or word.isupper()):
            yield Token(word.lower(), positions[start], positions[end])
        else:
            yield _Word(word.lower(), word, positions[start:end], positions[start + 1 : end + 1])


@cache
def _same_length() -> dict[int, str]:
    """Return what common characters are replaced with where that is one ASCII character.

    Texts with nothing rarer than accented letters and typographic punctuation need no slow reading.
    """
    table: dict[int, str] = {}
    for code in (*range(0x80, 0x250), *range(0x2000, 0x2070), 0x20AC):
        match _fold(chr(code)):
            case ((" ", "-"),):
                table[code] = " "
            case (("", "'"),):
                table[code] = "'"
            case ((letter, kind),) if letter.isascii() and letter:
                table[code] = letter.upper() if kind == "A" else letter
            case _:
                pass
    return table


def _words(decoded: str, positions: Sequence[int]) -> Iterator[_Word]:
    folded: list[str] = []
    shape: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for index, character in enumerate(decoded):
        for atom, kind in _fold(character):
            if kind == "-":
                if folded:
                    yield _trimmed(folded, shape, starts, ends)
                    folded, shape, starts, ends = [], [], [], []
            elif kind == "+":
                if ends and ends[-1] == positions[index]:
                    ends[-1] = positions[index + 1]  # an accent belongs to the letter before it
            elif kind in {"a", "A", "0"} or folded:  # no apostrophe at the start
                folded.append(atom)
                shape.append(kind)
                starts.append(positions[index])
                ends.append(positions[index + 1])
    if folded:
        yield _trimmed(folded, shape, starts, ends)


def _trimmed(folded: list[str], shape: list[str], starts: list[int], ends: list[int]) -> _Word:
    """Return the word without apostrophes at its end."""
    size = len(shape)
    while shape[size - 1] == "'":
        size -= 1
    return _Word(folded[:size], "".join(shape[:size]), starts[:size], ends[:size])


@lru_cache(maxsize=8_192)
def _fold(character: str) -> tuple[tuple[str, str], ...]:
    """Fold a character into pairs of text and kind.

    Kinds: `A` upper-case letter, `a` other letter, `0` digit, `'` apostrophe, `+` accent, `-` border;
    an invisible character gives nothing.
    """
    if character in _APOSTROPHES:
        return (("", "'"),)
    if character in _MARKS:
        return ((" ", "-"),)
    if unicodedata.category(character) == "Cf":
        return ()
    kind = "A" if character.isupper() else "a"
    out: list[tuple[str, str]] = []
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
    for atom in folded:
        if atom in _APOSTROPHES:
            out.append(("", "'"))
        elif unicodedata.category(atom) in {"Mn", "Me"}:
            if not out:
                out.append(("", "+"))
        elif atom.isalnum():
            out.append((atom, kind if atom.isalpha() else "0"))
        else:
            out.append((" ", "-"))
    return tuple(out)


def _whole(word: _Word) -> Token:
    size = len(word.shape)
    if _possessive(word):
        size -= 2
    return Token("".join(word.folded[:size]).replace("'", ""), word.starts[0], word.ends[-1])


def _possessive(word: _Word) -> bool:
    return len(word.shape) > 2 and word.shape[-2] in _APOSTROPHES and word.folded[-1] == "s"


def _split(word: _Word, pattern: re.Pattern[str]) -> list[Token]:
    if not _GLUED.search(word.shape):
        return [_whole(word)]
    tokens: list[Token] = []
    end_of_words = len(word.shape) - (2 if _possessive(word) else 0)
    for piece in pattern.finditer(word.shape, 0, end_of_words):
        first, last = piece.span()
        tokens.append(Token("".join(word.folded[first:last]), word.starts[first], word.ends[last - 1]))
    if end_of_words < len(word.shape):
        tokens[-1] = tokens[-1]._replace(end=word.ends[-1])
    return [_whole(word)] if _is_opaque(word.shape, len(tokens)) else tokens


def _is_opaque(shape: str, pieces: int) -> bool:
    """Tell an identifier from glued words: splitting one would find short words by chance."""
    if len(_DIGIT_BORDER.findall(shape)) >= OPAQUE_DIGIT_BORDERS:
        return True
    return len(shape) >= OPAQUE_LENGTH and len(shape) < 3 * pieces
