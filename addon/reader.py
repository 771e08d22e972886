"""What every reader of saved captures offers, and the one error it raises."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, ClassVar

from addon.model import CapturedRequest, Problem
from addon.vocabulary import SourceKind


class CaptureError(Exception):
    """A capture cannot be read at all. The message names the file, what is wrong and what to do."""


class CaptureReader(ABC):
    """One capture being read.

    Iterating yields requests in the order of the file and never raises on its content. Afterwards
    `read_to` says how far the file was read (bytes of a .mitm, entries of a HAR), `size` how many bytes it
    has, `seen` how many requests it held, `complete` whether its end was reached, and `problems` what could
    not be read.
    """

    kind: ClassVar[SourceKind]

    def __init__(self, path: Path, size: int) -> None:
        """Prepare to read `path`, which has `size` bytes; nothing is opened yet."""
        self.path = path
        self.size = size
        self.read_to = 0
        self.seen = 0
        self.complete = False
        self.problems: list[Problem] = []
        self._file: BinaryIO | None = None

    @abstractmethod
    def __iter__(self) -> Iterator[CapturedRequest]:
        """Yield the requests; raise CaptureError where the file cannot be opened any more."""

    def position(self) -> int:
        """Return how many bytes have been read so far, for a progress bar."""
        if self._file is None:
            return 0
        return self.size if self._file.closed else self._file.tell()

    def _open(self) -> BinaryIO:
        try:
            self._file = self.path.open("rb")
        except OSError as error:
            raise CaptureError(f"{self.path} cannot be opened: {error.strerror or error}") from None
        return self._file
