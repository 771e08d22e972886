"""What was found out of small inputs that come again and again, kept for a while.

Requests repeat each other: the names of parameters, most of their values, header lines, the address of a page.
"""

from collections.abc import Callable, Hashable


def _length(given: object) -> int:
    return len(given)  # type: ignore[arg-type]


class Remembered[Given: Hashable, Found](dict[Given, Found]):
    """The results of a pure function by what it was given: `remembered[given]` is `find(given)`.

    At most so many `entries` are kept, each of an input of at most so much `size` (`longest`; by default its length); a
    full memory begins anew, which costs less than knowing what was used last.
    """

    def __init__(
        self, find: Callable[[Given], Found], entries: int, longest: int, size: Callable[[Given], int] = _length
    ) -> None:
        """Remember the results of `find`."""
        super().__init__()
        self._find: Callable[[Given], Found] = find
        self._entries = entries
        self._longest = longest
        self._size: Callable[[Given], int] = size

    def __missing__(self, given: Given) -> Found:
        """Find out what is not known yet. Raises what `find` raises."""
        found = self._find(given)
        if self._size(given) <= self._longest:
            if len(self) >= self._entries:
                self.clear()
            self[given] = found
        return found


class OncePerObject[Given, Found]:
    """The results of a pure function by the very object it was given, for what is slow to compare.

    At most so many `entries` are kept, along with their objects; a full memory begins anew.
    """

    def __init__(self, find: Callable[[Given], Found], entries: int) -> None:
        """Remember the results of `find`."""
        self._find = find
        self._entries = entries
        self._known: dict[int, tuple[Given, Found]] = {}

    def __call__(self, given: Given) -> Found:
        """Return the result for an object, found out once as long as it is remembered. Raises what `find` raises."""
        known = self._known.get(id(given))
        if known is not None:
            return known[1]  # it is the same object: as long as it is kept here no other has its number
        found = self._find(given)
        if len(self._known) >= self._entries:
            self._known.clear()
        self._known[id(given)] = (given, found)
        return found
