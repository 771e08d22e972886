"""The SHA-256 of a file, computed beside its reading in a thread of its own."""

import hashlib
from queue import Queue
from threading import Thread

_WAITING = 3
"""How many pieces may wait: what is read is not to pile up in memory."""


class DigestBeside:
    """Computes a SHA-256 while somebody else reads. Hashing does not hold the interpreter's lock."""

    def __init__(self) -> None:
        """Start with nothing read."""
        self._digest = hashlib.sha256()
        self._pieces: Queue[memoryview | int | None] = Queue(_WAITING)
        self._marks: dict[int, str] = {}
        self._thread = Thread(target=self._run, name="digest", daemon=True)
        self._thread.start()

    def update(self, piece: memoryview) -> None:
        """Add what follows; it must not be changed afterwards."""
        self._pieces.put(piece)

    def finish(self) -> str:
        """Return the digest (hex) of everything, and end the thread."""
        self._pieces.put(None)
        self._thread.join()
        return self._digest.hexdigest()

    def mark(self, place: int) -> None:
        """Remember the digest of what was added so far, which ends at byte `place`."""
        self._pieces.put(place)

    def at(self, place: int) -> str:
        """Return the digest (hex) that was marked at `place`, and forget those before."""
        self._pieces.join()
        self._marks = {key: value for key, value in self._marks.items() if key >= place}
        return self._marks[place]

    def _run(self) -> None:
        while (piece := self._pieces.get()) is not None:
            if isinstance(piece, int):
                self._marks[piece] = self._digest.copy().hexdigest()
            else:
                self._digest.update(piece)
                piece.release()
            self._pieces.task_done()
        self._pieces.task_done()
