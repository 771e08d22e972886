"""Several processes that read one capture together; what they find comes back in the order of the file.

Only whole frames are given away: the parent hops over their lengths, which also lets it see every byte for the
digest, and nobody looks for a boundary from the middle of a file, where a body may hold a flow file of its own.
"""

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from addon.frames import FrameReader
from addon.model import CapturedRequest, Epoch, Problem
from addon.observation import Glimpse, Sight, look
from addon.stride import Memory

PART = 8 << 20
"""About how many bytes are given to a process at once."""

WORTH_IT = 48 << 20
"""Captures with fewer bytes than this are read faster by one process than others are started."""


class WorkerError(Exception):
    """A process that read a part of a capture ended. The message says what to do."""


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
    """Processes that read parts of captures."""

    def __init__(self, pool: ProcessPoolExecutor, number: int) -> None:
        """Work with the `number` processes of `pool`."""
        self._pool = pool
        self._most_waiting = 2 * number + 1

    def read(self, reader: FrameReader) -> Iterator[Sight | Glimpse | None]:
        """Yield what can matter of a capture, in order; None says that everything before `read_to` was yielded.

        Raises WorkerError where a process ends before its work.
        """
        waiting: deque[Future[_Part]] = deque()
        start = reader.read_to
        try:
            for stop in reader.boundaries():
                if stop - start < PART and stop < reader.size:
                    continue
                reader.note_boundary(stop)
                waiting.append(self._pool.submit(_read_part, reader.path, reader.size, start, stop))
                start = stop
                while waiting and (waiting[0].done() or len(waiting) > self._most_waiting):
                    part = waiting.popleft().result()
                    yield from _taken(reader, part)
                    if not part.whole:
                        return
            while waiting:
                part = waiting.popleft().result()
                yield from _taken(reader, part)
                if not part.whole:
                    return
        except BrokenProcessPool:
            raise WorkerError(
                "a process that read a part of the capture ended unexpectedly, perhaps for lack of memory; "
                "nothing was stored. Run again with --jobs 1"
            ) from None
        finally:
            for future in waiting:
                future.cancel()
        reader.complete = True


def _taken(reader: FrameReader, part: _Part) -> Iterator[Sight | Glimpse | None]:
    yield from part.sights
    reader.add(part.seen, part.first_at, part.last_at)
    reader.read_to = part.read_to
    reader.problems += part.problems
    yield None


@contextmanager
def workers(number: int) -> Iterator[Workers]:
    """Give the block `number` processes; they are gone when it ends, however it ends."""
    pool = ProcessPoolExecutor(number, mp_context=_context(), initializer=_begin)
    try:
        yield Workers(pool, number)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _context() -> multiprocessing.context.BaseContext:
    """Return how processes are started: by a copy of this one where that is safe, which saves their start."""
    if sys.platform == "linux" and threading.active_count() == 1:
        return multiprocessing.get_context("fork")
    return multiprocessing.get_context("spawn")


def _begin() -> None:
    """Leave Ctrl-C to the parent, and end when it does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


_memory = Memory()


def _read_part(path: Path, size: int, start: int, stop: int) -> _Part:
    reader = FrameReader(path, size, start, stop, _memory)
    sights = [
        look(item) if isinstance(item, CapturedRequest) else item for item in reader.relevant() if item is not None
    ]
    whole = reader.read_to >= stop
    return _Part(sights, reader.seen, reader.first_at, reader.last_at, reader.read_to, whole, reader.problems)
