"""The members of one array of a JSON file, one after the other, however large the file is.

The file is read in pieces and only one member is held at a time. Python's own JSON scanner builds the members: it
is as fast as a streaming parser, and it says where a member ends. What is in the file beside the array is stepped
over, piece by piece where it is large.
"""

import codecs
import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

PIECE: Final = 1 << 20
"""How many bytes are read at once, at least."""

MAX_DEPTH: Final = 500
"""Deepest nesting of large values that is stepped over; what is read at once may be as deep as Python allows."""

MAX_STRING: Final = 4 << 20
"""Longest string, in characters as written, that is surely read whole; of a longer one it may be only as much."""

MAX_MEMBER: Final = 64 << 20
"""Longest member, in characters as written, that is built."""

_LONGEST_WORD: Final = 12
"""No word of JSON and no escape is longer, so an error nearer to the end may be for lack of more."""

_space = re.compile(r"[ \t\n\r]*").match
_mark_in_string = re.compile(r'["\\]').search


class JsonFileError(ValueError):
    """The JSON is cut or damaged, or too large to be read. `place` is the byte where reading ended."""

    def __init__(self, reason: str, place: int) -> None:
        """State why, and where."""
        super().__init__(reason)
        self.place = place


class _CutError(Exception):
    """A value is not whole yet: `reason` and `place` say what is missing, or `string` which string has no end."""

    def __init__(self, reason: str, place: int, string: int | None = None) -> None:
        super().__init__()
        self.reason = reason
        self.place = place
        self.string = string


class TooLong:
    """Stands for a member that is longer than MAX_MEMBER and was stepped over."""


class JsonFile:
    """One JSON file being read."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        """Read with `read`, which gives at most so many bytes and none at the end."""
        self.shortened = 0
        """How many strings were longer than MAX_STRING so far."""
        self._read = read
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._scan = json.JSONDecoder(parse_constant=_refused).raw_decode
        self._text = ""
        self._position = 0
        self._taken = 0
        self._ended: str | None = None

    def members(self, path: Sequence[str]) -> Iterator[Any]:
        """Yield the members of the array that stands under these names, or of each where names are repeated.

        Raises JsonFileError where the file cannot be read on; what was yielded before stays true.
        """
        yield from self._members(tuple(path))
        if self._next():
            raise self._error("there is more after the end of the JSON")

    def _members(self, path: tuple[str, ...]) -> Iterator[Any]:
        opening = self._next()
        if opening == "{" and path:
            for name in self._names():
                if name == path[0]:
                    yield from self._members(path[1:])
                else:
                    self._skip()
        elif opening == "[" and not path:
            for _ in self._places("]"):
                yield self._member()
        else:
            self._skip()

    # structure

    def _names(self) -> Iterator[str]:
        """Yield the names of the object that begins here; whoever takes one must read its value."""
        for _ in self._places("}"):
            self._expect('"')
            name = self._value()
            self._expect(":")
            self._position += 1
            yield name

    def _places(self, closing: str) -> Iterator[None]:
        """Stand before every member of the object or array that begins here, and behind it at the end."""
        self._position += 1
        if self._next() == closing:
            self._position += 1
            return
        while True:
            yield
            mark = self._next()
            if not mark:
                raise self._cut_off()
            if mark not in {",", closing}:
                raise self._error("a comma is missing")
            self._position += 1
            if mark == closing:
                return

    def _expect(self, mark: str) -> None:
        found = self._next()
        if not found:
            raise self._cut_off()
        if found != mark:
            raise self._error(f"{mark} is missing")

    def _next(self) -> str:
        """Return the next character that is no space, or nothing at the end."""
        while True:
            found = _space(self._text, self._position)
            self._position = found.end() if found else self._position
            if self._position < len(self._text):
                return self._text[self._position]
            if not self._more():
                return ""

    # values

    def _member(self) -> Any:
        if not self._next():
            raise self._cut_off()
        while True:
            try:
                return self._whole()
            except _CutError as cut:
                if cut.string is not None and len(self._text) - cut.string > MAX_STRING:
                    self._shorten(cut.string)
                elif len(self._text) - self._position > MAX_MEMBER:
                    self._skip()
                    return TooLong()
                elif not self._more():
                    raise self._lacks(cut) from None

    def _value(self) -> Any:
        """Return the value that begins here."""
        found = self._member()
        if isinstance(found, TooLong):
            raise self._error("a name is too long")
        return found

    def _whole(self) -> Any:
        """Return the value that begins here and step behind it. Raises _CutError where more must be read."""
        text, start = self._text, self._position
        try:
            value, end = self._scan(text, start)
        except json.JSONDecodeError as error:
            if error.msg.startswith("Unterminated string"):
                raise _CutError(error.msg, len(text), error.pos) from None
            if error.pos >= len(text) - _LONGEST_WORD:
                raise _CutError(error.msg, error.pos) from None
            self._position = error.pos
            raise self._error(error.msg) from None
        except RecursionError:
            raise self._error("it is nested too deep") from None
        except ValueError as error:
            raise self._error(str(error)) from None
        else:
            if end >= len(text) - 2 and text[end - 1] not in '}]"' and self._more():
                return self._whole()  # a number may go on, as 12 in 12e+3
            self._position += end - start
            return value

    def _shorten(self, start: int) -> None:
        """Leave out what of the string that begins at `start` is too long, up to its end."""
        self.shortened += 1
        size = MAX_STRING - MAX_STRING % 4  # what is left of base64 can still be read
        kept = self._text[self._position : start + 1 + size]
        marks = len(kept) - len(kept.rstrip("\\"))
        kept = kept[: len(kept) - marks % 2]  # never half of an escape
        escape = kept.rfind("\\u", len(kept) - 5)
        if escape >= 0 and (escape - len(kept[:escape].rstrip("\\"))) % 2 == 0:
            kept = kept[:escape]
        self._position = start + 1
        self._skip_string()
        self._text = kept + '"' + self._text[self._position :]
        self._position = 0

    # stepping over

    def _skip(self, depth: int = 0) -> None:
        """Step over the value that begins here, in parts where it is large."""
        opening = self._next()
        if not opening:
            raise self._cut_off()
        if depth > MAX_DEPTH:
            raise self._error("it is nested too deep")
        while True:
            try:
                self._whole()
            except _CutError as cut:
                if opening in '{["' and len(self._text) - self._position >= PIECE:
                    break
                if not self._more():
                    raise self._lacks(cut) from None
            else:
                return
        if opening == "{":
            for _ in self._names():
                self._skip(depth + 1)
        elif opening == "[":
            for _ in self._places("]"):
                self._skip(depth + 1)
        else:
            self._position += 1
            self._skip_string()

    def _skip_string(self) -> None:
        """Step behind the end of the string that stands here."""
        while True:
            found = _mark_in_string(self._text, self._position)
            if found is not None and found[0] == '"':
                self._position = found.end()
                return
            if found is not None and found.end() < len(self._text):
                self._position = found.end() + 1
                continue
            self._position = found.start() if found else len(self._text)
            if not self._more():
                raise self._cut_off()

    # the file

    def _more(self) -> bool:
        """Read on, letting go of what was read; return whether there was anything."""
        if self._ended is not None:
            return False
        rest = self._text[self._position :]
        read = self._read(max(PIECE, len(rest)))
        self._text, self._position = rest, 0
        if not read:
            self._ended = "the file ends"
            return False
        self._taken += len(read)
        try:
            self._text = rest + self._decoder.decode(read)
        except UnicodeDecodeError as error:
            self._text = rest + error.object[: error.start].decode("utf-8")
            self._taken -= len(error.object) - error.start
            self._decoder.reset()
            self._ended = "there are bytes that are no UTF-8"
        return True

    def _error(self, reason: str) -> JsonFileError:
        waiting = len(self._decoder.getstate()[0])
        ahead = len(self._text[self._position :].encode("utf-8"))
        return JsonFileError(reason, self._taken - waiting - ahead)

    def _lacks(self, cut: _CutError) -> JsonFileError:
        """Return the error that a value cannot be read although there is no more to read."""
        if cut.place >= len(self._text):
            return self._cut_off()
        self._position = cut.place
        return self._error(cut.reason)

    def _cut_off(self) -> JsonFileError:
        self._position = len(self._text)
        return self._error(self._ended or "the file ends")


def _refused(word: str) -> None:
    raise ValueError(f"{word} is no JSON")
