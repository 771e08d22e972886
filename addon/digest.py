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
        self._pieces: Queue[memoryview | None] = Queue(_WAITING)
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

    def so_far(self) -> str:
        """Return the digest (hex) of everything that was added so far."""
        self._pieces.join()
        return self._digest.copy().hexdigest()

    def _run(self) -> None:
        while (piece := self._pieces.get()) is not None:
            self._digest.update(piece)
            piece.release()
            self._pieces.task_done()
        self._pieces.task_done()
