"""Processes that a live session starts: what they say, how they end, and that none is left."""

import asyncio
import contextlib
import os
import signal
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from cli.guard import Guard, kill_group

LAST_WORDS = 12
"""How many of a process's last lines are shown where it fails."""

_MOST = 1_000_000
"""How many bytes of what a process said are looked at for its last words."""


class Child:
    """A running process that a guard knows of; what it says goes into a file, or to our own terminal."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path | None, guarding: Guard) -> None:
        """Use `start` instead."""
        self.name = name
        self.killed = False
        self._process = process
        self._log = log
        self._guarding = guarding
        self._guarded = True
        self._read_to = 0

    @classmethod
    async def start(
        cls,
        words: Sequence[str],
        *,
        name: str,
        log: Path | None,
        guarding: Guard,
        environment: Mapping[str, str] | None = None,
        umask: int = -1,
    ) -> Self:
        """Start a process. Raises OSError.

        `log` is the file for what it says; it is out of reach of the terminal's Ctrl-C then. With None it has our
        terminal, and the terminal's signals.
        """
        if os.name != "posix":
            umask = -1
        if log is None:
            process = await asyncio.create_subprocess_exec(*words, env=environment, umask=umask)
        else:
            with log.open("ab") as file:
                process = await asyncio.create_subprocess_exec(
                    *words, env=environment, umask=umask, process_group=0 if os.name == "posix" else None,
                    stdin=asyncio.subprocess.DEVNULL, stdout=file, stderr=file,
                )  # fmt: skip
        guarding.started(process.pid)
        return cls(name, process, log, guarding)

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """How it ended, or None while it runs."""
        return self._process.returncode

    async def wait(self) -> int:
        """Wait until it has ended; return its code."""
        code = await self._process.wait()
        if self._guarded:
            self._guarded = False
            self._guarding.ended(self.pid)
        return code

    async def end(self, limit: float, hurry: asyncio.Event) -> None:
        """Ask it to end, and end it and its group by force after `limit` seconds or when `hurry` is set."""
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)
            ended = asyncio.ensure_future(self._process.wait())
            hurried = asyncio.ensure_future(hurry.wait())
            try:
                await asyncio.wait({ended, hurried}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            finally:
                hurried.cancel()
                if not ended.done():
                    self.killed = True
                    with contextlib.suppress(OSError):
                        kill_group(self.pid)
        await self.wait()

    def news(self) -> list[str]:
        """Return the lines it said since the last call; a line that is not ended yet comes with the next."""
        if self._log is None:
            return []
        with self._log.open("rb") as file:
            file.seek(self._read_to)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._read_to += len(whole) + len(newline)
        return whole.decode("utf-8", "replace").splitlines() if newline else []

    def last_words(self) -> str:
        """Return a sentence with the last lines it said, or one that says that there are none."""
        if self._log is None:
            return "Its own message stands above."
        with self._log.open("rb") as file:
            file.seek(max(0, self._log.stat().st_size - _MOST))
            lines = file.read().decode("utf-8", "replace").splitlines()
        said = deque((line.rstrip() for line in lines if line.strip()), LAST_WORDS)
        return "It said:\n" + "\n".join(f"  {line}" for line in said) if said else "It said nothing."
