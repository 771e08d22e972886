"""One capture, read and observed, not yet kept: by this process alone or by several."""

from collections.abc import Callable, Iterator
from pathlib import Path

from addon.digest import DigestBeside
from addon.frames import FrameReader
from addon.model import CapturedRequest
from addon.observation import Glimpse, Observer, Sight, look
from addon.reader import CaptureReader
from addon.store.rows import SourceRow
from addon.workers import Workers

Progress = Callable[[int], None]
"""Called with the number of bytes of the current capture read so far."""

_PROGRESS_EVERY = 50


class Reading:
    """What one capture holds."""

    def __init__(self, path: Path, reader: CaptureReader) -> None:
        """Prepare to read `path` with `reader`."""
        self.path = path
        self.reader = reader
        self.observer = Observer("")
        self.sha256 = ""

    def read(self, progress: Progress, helpers: Workers | None = None) -> None:
        """Read as far as possible, and name the source after its digest."""
        digest = DigestBeside()
        self.reader.watch = digest.update
        take, glimpse = self.observer.take, self.observer.glimpse
        try:
            for number, sight in enumerate(self._sights(helpers)):
                if isinstance(sight, Glimpse):
                    glimpse(sight)
                elif sight is not None:
                    take(sight)
                if sight is None or number % _PROGRESS_EVERY == 0:
                    progress(self.reader.position())
        finally:
            self.reader.watch = None
            self.sha256 = digest.finish()
        self.observer.finish()
        self.rename(source_id(self.reader.kind, self.sha256))
        progress(self.reader.size)

    def _sights(self, helpers: Workers | None) -> Iterator[Sight | Glimpse | None]:
        if helpers is not None and isinstance(self.reader, FrameReader):
            yield from helpers.read(self.reader)
            return
        for item in self.reader.relevant(self.observer.is_site):
            yield look(item) if isinstance(item, CapturedRequest) else item

    def rename(self, source: str) -> None:
        """Let everything that was observed belong to the source of this id."""
        observer = self.observer
        observer.source_id = source
        observer.requests = [item.model_copy(update={"source_id": source}) for item in observer.requests]
        observer.pages = [item.model_copy(update={"source_id": source}) for item in observer.pages]
        observer.consent = [item.model_copy(update={"source_id": source}) for item in observer.consent]

    def contents(self) -> frozenset[str]:
        """Return what the capture is recognised by (see `Store.contents`)."""
        pages = (f"{page.at!r} {page.url}" for page in self.observer.pages)
        return frozenset([*(item.key for item in self.observer.requests), *pages])

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
            requests_matched=len(self.observer.requests),
            cookies_seen=self.observer.cookies_seen,
            first_at=reader.first_at,
            last_at=reader.last_at,
        )


def source_id(kind: str, sha256: str) -> str:
    """Return the id of a source: its kind and the beginning of its SHA-256."""
    return f"{kind}-{sha256[:10]}"
