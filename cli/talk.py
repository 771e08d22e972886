"""Talking to the person at the terminal: standard error, plain sentences, progress, `NO_COLOR` honoured."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.terminal import printable


class OutputError(Exception):
    """A file cannot be written. The message names it and says what to do."""


def say(text: str) -> None:
    """Write one line to standard error, with control characters made visible."""
    sys.stderr.write("\n".join(printable(line) for line in text.split("\n")) + "\n")


def put(text: str) -> None:
    """Write data to standard output, ending with a line break."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


@contextmanager
def progress(label: str, total: int) -> Iterator["ProgressBar"]:
    """Show a progress bar on standard error while the block runs; `total` is in bytes."""
    from rich.console import Console  # noqa: PLC0415 - rich takes a tenth of a second
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=False) as bar:
        yield ProgressBar(bar.add_task(label, total=total), bar.update)


class ProgressBar:
    """Advances over several captures, each of which counts its own bytes from 0."""

    def __init__(self, task: object, update: object) -> None:
        self._task = task
        self._update = update
        self._before = 0
        self._last = 0

    def __call__(self, position: int) -> None:
        """Show that the current capture was read up to `position` bytes."""
        if position < self._last:
            self._before += self._last
        self._last = position
        assert callable(self._update)
        self._update(self._task, completed=self._before + position)


def write_file(path: Path, text: str) -> None:
    """Write `text` to `path`, readable by its owner only, whole or not at all. Raises OutputError."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent or Path())
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written: {error.strerror or error}; name another with -o"
        ) from None
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(
            f"{path} cannot be written: {error.strerror or error}; name another with -o"
        ) from None
