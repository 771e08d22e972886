"""A process that ends what `pixelwitness live` started, should that be killed before it can do so itself.

It reads one word and one value per line from standard input: `started PID`, `ended PID`, `folder PATH` (as JSON).
When the input ends, what was started and has not ended is ended and the folders are removed. After an orderly end
nothing is left to do. Started with `python -m cli.guard`.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import IO

PATIENCE = 60.0
"""Seconds that a proxy has to close its session."""


class Guard:
    """What the starting process tells its guard."""

    def __init__(self) -> None:
        """Start the guard. Raises OSError."""
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "cli.guard"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=os.name == "posix",  # a Ctrl-C at the terminal is not for it
        )

    def started(self, pid: int) -> None:
        """Say that a process runs."""
        self._tell("started", pid)

    def ended(self, pid: int) -> None:
        """Say that a process is no more: its number may be another's soon."""
        self._tell("ended", pid)

    def folder(self, path: Path) -> None:
        """Say that a folder is to be removed in the end."""
        self._tell("folder", str(path))

    def dismiss(self) -> None:
        """Let the guard end; it removes what is left."""
        with contextlib.suppress(OSError):
            self._input().close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(PATIENCE)

    def _tell(self, word: str, value: object) -> None:
        with contextlib.suppress(OSError):  # a guard that was killed guards nothing; the session goes on
            self._input().write(f"{word} {json.dumps(value)}\n".encode())
            self._input().flush()

    def _input(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin


def watch(lines: Iterable[str]) -> None:
    """Read until the lines end, then end and remove what is left."""
    running: list[int] = []
    folders: list[Path] = []
    for line in lines:
        word, _, value = line.partition(" ")
        content = json.loads(value)
        if word == "started":
            running.append(int(content))
        elif word == "ended":
            running.remove(int(content))
        else:
            folders.append(Path(content))
    for pid in reversed(running):  # the browser before the proxy it speaks through
        end(pid)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def end(pid: int) -> None:
    """Ask the process to end; where it does not, end its whole group."""
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGTERM)
        limit = time.monotonic() + PATIENCE
        while not _gone(pid):
            if time.monotonic() > limit:
                kill_group(pid)
                return
            time.sleep(0.1)


def _gone(pid: int) -> bool:
    """Tell whether a process has ended, though nobody may have asked yet how (state Z in proc(5))."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] == b"Z"
    except ProcessLookupError:
        return True
    except OSError:
        return False  # no /proc here


def kill_group(pid: int) -> None:
    """End a process and the others of its group at once, where it leads one."""
    if os.name != "posix":
        os.kill(pid, signal.SIGTERM)
    elif os.getpgid(pid) == pid:
        os.killpg(pid, signal.SIGKILL)
    else:
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)
    watch(sys.stdin)
