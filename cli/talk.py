"""Talking to the person at the terminal: standard error, plain sentences, progress, `NO_COLOR` honoured."""

import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from cli.terminal import printable

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn, TaskID


SHOWN_AFTER = 0.3
"""Seconds of work before a progress bar appears: what is over sooner needs none, and rich takes long to load."""


class OutputError(Exception):
    """A file cannot be written. The message names it and says what to do."""


def say(text: str) -> None:
    """Write one line to standard error, with control characters made visible."""
    sys.stderr.write("\n".join(printable(line) for line in text.split("\n")) + "\n")


def put(text: str) -> None:
    """Write data to standard output, ending with a line break."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


def put_pieces(pieces: Iterable[str]) -> None:
    """Write data to standard output as it is made; the last piece ends with a line break."""
    sys.stdout.writelines(pieces)


@contextmanager
def progress(label: str, total: int) -> Iterator["ProgressBar"]:
    """Give the block a progress bar on standard error while somebody waits for it; `total` is in bytes."""
    bar = ProgressBar(label, total)
    try:
        yield bar
    finally:
        bar.close()


class ProgressBar:
    """Advances over several captures, each of which counts its own bytes from 0."""

    def __init__(self, label: str, total: int) -> None:
        """Prepare a bar; nothing is shown before the first news that comes after a while, and only in a terminal."""
        self._label = label
        self._total = total
        self._before = 0
        self._last = 0
        self._due = time.monotonic() + SHOWN_AFTER if sys.stderr.isatty() else float("inf")
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __call__(self, position: int) -> None:
        """Show that the current capture was read up to `position` bytes."""
        if position < self._last:
            self._before += self._last
        self._last = position
        if self._bar is None or self._task is None:
            if time.monotonic() < self._due:
                return
            self._bar, self._task = self._open()
        self._bar.update(self._task, completed=self._before + position)

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.stop()
            self._due = float("inf")

    def count(self, label: str) -> "CountBar":
        """Return a bar that takes this one's place once it has news."""
        return CountBar(label, self)

    def _open(self) -> tuple["Progress", "TaskID"]:
        from rich import progress as rich_progress  # noqa: PLC0415 - rich takes a tenth of a second

        bar = _opened(rich_progress.DownloadColumn(), rich_progress.TransferSpeedColumn())
        return bar, bar.add_task(self._label, total=self._total)


class CountBar:
    """Counts what is worked out one after the other, after something was read. Use as a context manager."""

    def __init__(self, label: str, before: ProgressBar | None = None) -> None:
        """Prepare a bar, which may follow another; nothing is shown before news that comes after a while."""
        self._label = label
        self._before = before
        self._total = 0
        self._due: float | None = None
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __call__(self, done: int, total: int) -> None:
        """Show that `done` of `total` are worked out."""
        self._total = total
        if self._due is None:
            self._due = time.monotonic() + SHOWN_AFTER if sys.stderr.isatty() else float("inf")
        if self._bar is None or self._task is None:
            if time.monotonic() < self._due:
                return
            if self._before is not None:
                self._before.close()
            self._bar, self._task = self._open(total)
        self._bar.update(self._task, completed=done)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None and self._task is not None:
            if kind is None:
                self._bar.update(self._task, completed=self._total)
            self._bar.stop()

    def _open(self, total: int) -> tuple["Progress", "TaskID"]:
        from rich import progress as rich_progress  # noqa: PLC0415 - rich takes a tenth of a second

        bar = _opened(rich_progress.MofNCompleteColumn())
        return bar, bar.add_task(self._label, total=total)


def _opened(*columns: "ProgressColumn") -> "Progress":
    """Return a bar with these columns between its label and the time that is left, shown from now on."""
    from rich import progress as rich_progress  # noqa: PLC0415 - rich takes a tenth of a second
    from rich.console import Console  # noqa: PLC0415

    bar = rich_progress.Progress(
        rich_progress.TextColumn("{task.description:<9}"),
        rich_progress.BarColumn(),
        *columns,
        rich_progress.TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    bar.start()
    return bar


def make_folder(path: Path) -> None:
    """Make the folder `path` and those above it, where they do not exist. Raises OutputError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path} cannot be made: {error.strerror or error}; name another folder") from None


def write_file(path: Path, text: str) -> None:
    """Write `text` to `path`, readable by its owner only, whole or not at all. Raises OutputError."""
    write_pieces(path, (text,))


def write_pieces(path: Path, pieces: Iterable[str]) -> None:
    """Write a text to `path` as it is made, readable by its owner only, whole or not at all. Raises OutputError."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent or Path())
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}; name another with -o") from None
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.writelines(pieces)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(f"{path} cannot be written: {error.strerror or error}; name another with -o") from None
    except BaseException:  # the text could not be made, or somebody had enough of waiting for it
        temporary.unlink(missing_ok=True)
        raise
