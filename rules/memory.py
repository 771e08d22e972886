"""What was worked out lately is kept, up to a size: traffic says the same things again and again."""

from collections.abc import Callable


class Memory[Key, Value]:
    """A function that remembers, bounded by how much it keeps, whatever strangers send.

    `size` says how many bytes an answer takes, roughly. There are two generations: where the younger one
    reaches `limit`, the older one is forgotten, so at most twice the limit is kept.
    """

    __slots__ = ("_held", "_limit", "_old", "_size", "_work_out", "_young")

    def __init__(
        self, work_out: Callable[[Key], Value], size: Callable[[Key, Value], int], limit: int = 4_000_000
    ) -> None:
        self._work_out = work_out
        self._size = size
        self._limit = limit
        self._young: dict[Key, Value] = {}
        self._old: dict[Key, Value] = {}
        self._held = 0

    def __call__(self, key: Key) -> Value:
        """Return what the function says of `key`, which is never None."""
        value = self._young.get(key)
        if value is not None:
            return value
        value = self._old.get(key)
        if value is None:
            value = self._work_out(key)
        self._keep(key, value)
        return value

    def _keep(self, key: Key, value: Value) -> None:
        size = self._size(key, value)
        if size > self._limit:
            return
        self._held += size
        if self._held > self._limit:
            self._old, self._young, self._held = self._young, {}, size
        self._young[key] = value
