"""What every reader of saved captures offers, and the one error it raises."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

from addon.model import CapturedRequest, Epoch, Problem
from addon.vocabulary import SourceKind

_CHUNK = 1 << 20


class CaptureError(Exception):
    """A capture cannot be read at all. The message names the file, what is wrong and what to do."""


class CaptureReader(ABC):
    """One capture being read.

    Iterating yields requests in the order of the file and never raises on its content. Afterwards
    `read_to` says how far the file was read (bytes of a .mitm, entries of a HAR), `size` how many bytes it
    has, `seen` how many requests it held, `complete` whether its end was reached, and `problems` what could
    not be read; `first_at` and `last_at` are when the first and the last of the requests began.

    `watch`, where it is set, is given every byte of the file, in order; it releases a piece once it has done with
    it, because its memory is used again. `passed` is given the places that a reader can begin at, each when
    everything before it was given to `watch`.
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
        self.first_at: Epoch | None = None
        self.last_at: Epoch | None = None
        self.watch: Callable[[memoryview], None] | None = None
        self.passed: Callable[[int], None] | None = None
        self._file: BufferedReader | None = None

    @abstractmethod
    def __iter__(self) -> Iterator[CapturedRequest]:
        """Yield the requests; raise CaptureError where the file cannot be opened any more."""

    def relevant(self, may_be_site: Callable[[str], bool] = bool) -> Iterator[Any]:  # noqa: ARG002 - for readers that can
        """Yield what can matter to an `Observer` (see `addon.frames.FrameReader.relevant`): here, every request."""
        return iter(self)

    @property
    def resumes_at(self) -> int | None:
        """Return the byte from which another reader could read on, or None where it would have to begin anew."""
        return self.read_to

    def position(self) -> int:
        """Return how many bytes have been read so far, for a progress bar."""
        if self._file is None:
            return 0
        return self.size if self._file.closed else self._file.tell()

    def _open(self) -> BufferedReader:
        try:
            self._file = self.path.open("rb")
        except OSError as error:
            raise CaptureError(f"{self.path} cannot be opened: {error.strerror or error}") from None
        return self._file

    def add(self, seen: int, first_at: Epoch | None, last_at: Epoch | None) -> None:
        """Count so many requests, the first of which began at `first_at` and the last at `last_at`."""
        self.seen += seen
        if first_at is None or last_at is None:
            return
        if self.first_at is None or first_at < self.first_at:
            self.first_at = first_at
        if self.last_at is None or last_at > self.last_at:
            self.last_at = last_at

    def _note_time(self, at: Epoch) -> None:
        self.add(0, at, at)

    def _note(self, read: memoryview) -> None:
        if self.watch is not None:
            self.watch(read)

    def note_boundary(self, place: int) -> None:
        """Show `passed` a place that a reader can begin at."""
        if self.passed is not None:
            self.passed(place)

    def _note_again(self, file: BinaryIO, start: int, stop: int) -> None:
        """Show bytes to `watch` that were read elsewhere or not at all."""
        if self.watch is None:
            return
        file.seek(start)
        while start < stop and (chunk := file.read(min(_CHUNK, stop - start))):
            start += len(chunk)
            self.watch(memoryview(chunk))


def storable_address(url: str) -> str:
    """Write bytes that were no UTF-8 as percent escapes, so that the address is storable text."""
    if url.isascii():
        return url
    return (
        "".join(f"%{ord(char) - 0xDC00:02X}" if 0xDC80 <= ord(char) <= 0xDCFF else char for char in url)
        .encode("utf-8", "replace")
        .decode("utf-8")
    )


def broken(reader: CaptureReader, start: int, error: Exception) -> Problem:
    """Return the problem that a capture of flows cannot be read on from byte `start`."""
    what = (
        f"the capture is cut or damaged here ({type(error).__name__}: {error}); "
        f"everything before byte {start} of {reader.size} was read"
    )
    return Problem(where=f"{reader.path.name}, byte {start}", what=what[:400])
