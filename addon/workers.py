"""Several processes that share the work on one capture; what they find comes back in the order of the work.

Of a file only whole frames are given away: the parent hops over their lengths, which also lets it see every byte for
the digest, and nobody looks for a boundary from the middle of a file, where a body may hold a flow file of its own.
Of a session rows are given away as they stand in the database, which nobody but the parent opens.
"""

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import lru_cache
from itertools import batched
from pathlib import Path
from typing import NamedTuple

from addon.collecting import collect_rarely
from addon.frames import FrameReader
from addon.model import CapturedRequest, Epoch, Problem
from addon.observation import Glimpse, Sight, look
from addon.settling import Judge, PartRead, read_part
from addon.store.rows import EventRows, RequestRow, event_rows, observed_request
from addon.stride import Repeats
from rules.engine import Matcher
from rules.loader import load_packs

PART = 8 << 20
"""About how many bytes are given to a process at once."""

ROWS = 100
"""How many requests of a session are given to a process at once."""


class WorkerError(Exception):
    """A process that did a part of the work ended. The message says what to do."""


class _Part(NamedTuple):
    """What was found in a part of a capture."""

    sights: list[Sight | Glimpse]
    seen: int
    first_at: Epoch | None
    last_at: Epoch | None
    read_to: int
    whole: bool
    problems: list[Problem]


class Workers:
    """Processes that read parts of captures and of sessions."""

    def __init__(self, pool: ProcessPoolExecutor, number: int) -> None:
        """Work with the `number` processes of `pool`."""
        self._pool = pool
        self._most_waiting = 2 * number + 1

    def read(self, reader: FrameReader) -> Iterator[Sight | Glimpse | None]:
        """Yield what can matter of a capture, in order; None says that everything before `read_to` was yielded.

        Raises WorkerError where a process ends before its work.
        """
        for part in self._in_order(self._parts_of_file(reader)):
            yield from _taken(reader, part)
            if not part.whole:
                return
        reader.complete = True

    def read_session(
        self, rows: Iterable[tuple[int, RequestRow]], with_cookies: frozenset[str], packs: tuple[str, ...]
    ) -> Iterator[PartRead[EventRows]]:
        """Yield, part after part, what the requests of a session come to (see `addon.settling.read_part`).

        `packs` are the optional packs. Raises WorkerError where a process ends before its work.
        """
        parts = batched(rows, ROWS)
        return self._in_order(self._pool.submit(_read_rows, part, with_cookies, packs) for part in parts)

    def _parts_of_file(self, reader: FrameReader) -> Iterator[Future[_Part]]:
        start = reader.read_to
        for stop in reader.boundaries():
            if stop - start < PART and stop < reader.size:
                continue
            reader.note_boundary(stop)
            yield self._pool.submit(_read_part, reader.path, reader.size, start, stop)
            start = stop

    def _in_order[T](self, submitted: Iterator[Future[T]]) -> Iterator[T]:
        """Yield the results of what is submitted, a few parts ahead of what was asked for."""
        waiting: deque[Future[T]] = deque()
        try:
            for future in submitted:
                waiting.append(future)
                while waiting and (waiting[0].done() or len(waiting) > self._most_waiting):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool:
            raise WorkerError(
                "a process that did a part of the work ended unexpectedly, perhaps for lack of memory; "
                "nothing was stored. Run again with --jobs 1"
            ) from None
        finally:
            for future in waiting:
                future.cancel()


def _taken(reader: FrameReader, part: _Part) -> Iterator[Sight | Glimpse | None]:
    yield from part.sights
    reader.add(part.seen, part.first_at, part.last_at)
    reader.read_to = part.read_to
    reader.problems += part.problems
    yield None


@contextmanager
def workers(number: int, matcher: Matcher) -> Iterator[Workers]:
    """Give the block `number` processes, which assess by `matcher`; they are gone when it ends, however it ends."""
    pool = ProcessPoolExecutor(number, mp_context=_context(), initializer=_begin, initargs=(matcher,))
    try:
        yield Workers(pool, number)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _context() -> multiprocessing.context.BaseContext:
    """Return how processes are started: by a copy of this one where that is safe, which saves their start."""
    if sys.platform == "linux" and threading.active_count() == 1:
        return multiprocessing.get_context("fork")
    return multiprocessing.get_context("spawn")


class _Process:
    """What one of the processes keeps between two parts of the work."""

    repeats = Repeats()
    matcher: Matcher | None = None


def _begin(matcher: Matcher) -> None:
    """Leave Ctrl-C to the parent, and end when it does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _Process.matcher = matcher
    collect_rarely()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _read_part(path: Path, size: int, start: int, stop: int) -> _Part:
    reader = FrameReader(path, size, start, stop, _Process.repeats)
    sights = [
        look(item) if isinstance(item, CapturedRequest) else item for item in reader.relevant() if item is not None
    ]
    whole = reader.read_to >= stop
    return _Part(sights, reader.seen, reader.first_at, reader.last_at, reader.read_to, whole, reader.problems)


def _read_rows(
    rows: Iterable[tuple[int, RequestRow]], with_cookies: frozenset[str], packs: tuple[str, ...]
) -> PartRead[EventRows]:
    assert _Process.matcher is not None, "the process has begun"
    judge = Judge(_Process.matcher, _optional(packs))
    requests = ((place, observed_request(row)) for place, row in rows)
    return read_part(requests, judge, with_cookies, event_rows)


@lru_cache(maxsize=1)
def _optional(packs: tuple[str, ...]) -> Matcher | None:
    return Matcher(load_packs(packs)) if packs else None
