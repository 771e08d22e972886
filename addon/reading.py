"""One capture, read and observed, not yet kept: by this process alone or by several."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from addon.digest import DigestBeside
from addon.frames import FrameReader
from addon.model import CapturedRequest
from addon.observation import Glimpse, Observer, Sight, look
from addon.reader import CaptureReader
from addon.store.rows import SourceRow
from addon.store.unfinished import ReadingState, Unfinished
from addon.version import TOOL_VERSION

if TYPE_CHECKING:
    from addon.workers import Workers

Progress = Callable[[int], None]
"""Called with the number of bytes of the current capture read so far."""

SAVE_SECONDS = 10.0
"""How much reading an interruption costs at most, about."""

SAVE_HELD = 4_000
"""How many observations are held in memory before they are kept elsewhere."""

_CHUNK = 1 << 20
_PROGRESS_EVERY = 50


class Reading:
    """What one capture holds."""

    def __init__(self, path: Path, reader: CaptureReader, unfinished: Unfinished) -> None:
        """Prepare to read `path` with `reader`; what was read so far is kept in `unfinished` from time to time."""
        self.path = path
        self.reader = reader
        self.observer = Observer("")
        self.sha256 = ""
        self.unfinished = unfinished
        self.spilled = 0
        self._matched_before = 0
        self._saved_at = time.monotonic()

    def read(self, progress: Progress, helpers: "Workers | None" = None) -> None:
        """Read as far as possible, going on where an earlier reading stopped; name the source after its digest."""
        digest = self._resumed()
        self.reader.watch = digest.update
        self.reader.passed = digest.mark
        take, glimpse = self.observer.take, self.observer.glimpse
        try:
            for number, sight in enumerate(self._sights(helpers)):
                if isinstance(sight, Glimpse):
                    glimpse(sight)
                elif sight is not None:
                    take(sight)
                else:
                    self._save_if_due(digest)
                if sight is None or number % _PROGRESS_EVERY == 0:
                    progress(self.reader.position())
        finally:
            self.reader.watch = self.reader.passed = None
            self.sha256 = digest.finish()
            self.unfinished.close()
        self.observer.finish()
        self.rename(source_id(self.reader.kind, self.sha256))
        progress(self.reader.size)

    def _resumed(self) -> DigestBeside:
        """Begin where an earlier reading of the same bytes stopped, where there was one."""
        digest = DigestBeside()
        state = self.unfinished.state()
        if state is None:
            return digest
        if state.read_to <= self.reader.size:
            with self.path.open("rb") as file:
                left = state.read_to
                while left and (piece := file.read(min(_CHUNK, left))):
                    digest.update(memoryview(piece))
                    left -= len(piece)
            digest.mark(state.read_to)
            if digest.at(state.read_to) == state.sha256:
                self.reader.read_to = state.read_to
                self.reader.add(state.seen, state.first_at, state.last_at)
                self.observer.resume(state.observer, self.unfinished.keys())
                self._matched_before = state.matched
                self.spilled = 1
                return digest
        digest.finish()
        self.unfinished.remove()
        return DigestBeside()

    def _save_if_due(self, digest: DigestBeside) -> None:
        """Keep what was read so far where much is held or much time has passed."""
        held = len(self.observer.requests) + len(self.observer.pages) + len(self.observer.consent)
        moment = time.monotonic()
        if held < SAVE_HELD and moment - self._saved_at < SAVE_SECONDS:
            return
        reader, observer = self.reader, self.observer
        self._matched_before += len(observer.requests)
        place = reader.resumes_at
        state = ReadingState(
            tool_version=TOOL_VERSION,
            read_to=reader.size + 1 if place is None else place,  # beyond the end: it is begun anew
            sha256="" if place is None else digest.at(place),
            seen=reader.seen,
            first_at=reader.first_at,
            last_at=reader.last_at,
            matched=self._matched_before,
            observer=observer.state(),
        )
        self.unfinished.save(observer, state)
        observer.release()
        self.spilled += 1
        self._saved_at = time.monotonic()

    @property
    def matched(self) -> int:
        """Return how many requests concern a vendor."""
        return self._matched_before + len(self.observer.requests)

    def _sights(self, helpers: "Workers | None") -> Iterator[Sight | Glimpse | None]:
        if helpers is not None and isinstance(self.reader, FrameReader):
            yield from helpers.read(self.reader)
            return
        for item in self.reader.relevant(self.observer.is_site):
            yield look(item) if isinstance(item, CapturedRequest) else item

    def rename(self, source: str) -> None:
        """Let everything that was observed belong to the source of this id."""
        self.observer.source_id = source  # what is added to the database is of this source

    def contents(self) -> frozenset[str]:
        """Return what the capture is recognised by (see `Store.contents`)."""
        pages = (f"{page.at!r} {page.url}" for page in self.observer.pages)
        kept = self.unfinished.contents() if self.spilled else frozenset()
        return kept | frozenset([*(item.key for item in self.observer.requests), *pages])

    def source(self, known_id: str | None = None) -> SourceRow:
        """Return the row of the source."""
        reader = self.reader
        return SourceRow(
            id=known_id or self.observer.source_id,
            name=self.path.name,
            kind=reader.kind,
            sha256=self.sha256,
            bytes=reader.size,
            read_to=reader.read_to,
            complete=reader.complete,
            requests_seen=reader.seen,
            requests_matched=self.matched,
            cookies_seen=self.observer.cookies_seen,
            first_at=reader.first_at,
            last_at=reader.last_at,
        )


def source_id(kind: str, sha256: str) -> str:
    """Return the id of a source: its kind and the beginning of its SHA-256."""
    return f"{kind}-{sha256[:10]}"
