"""The process that ends what a killed `pixelwitness live` left."""

import json
import signal
import subprocess
import sys
from pathlib import Path

from cli.guard import Guard, watch

WAITS = [sys.executable, "-c", "import sys, time; print(1, flush=True); time.sleep(600)"]


def waiting() -> subprocess.Popen[bytes]:
    process = subprocess.Popen(WAITS, stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    return process


def test_what_has_not_ended_is_ended_and_folders_go(tmp_path: Path) -> None:
    left, other = waiting(), waiting()
    folder = tmp_path / "a folder"
    (folder / "profile").mkdir(parents=True)
    try:
        watch(
            [
                f"started {left.pid}\n", f"started {other.pid}\n", f"folder {json.dumps(str(folder))}\n",
                f"ended {other.pid}\n",
            ]
        )  # fmt: skip
        assert left.wait(30) == -signal.SIGTERM
        assert other.poll() is None
        assert not folder.exists()
    finally:
        for process in (left, other):
            process.kill()
            process.wait(10)


def test_a_guard_that_is_dismissed_removes_what_is_left(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    left = waiting()
    try:
        guard = Guard()
        guard.folder(folder)
        guard.started(left.pid)
        guard.dismiss()
        assert left.wait(30) == -signal.SIGTERM
        assert not folder.exists()
    finally:
        left.kill()
        left.wait(10)


def test_a_guard_that_was_killed_is_no_error() -> None:
    guard = Guard()
    guard._process.kill()
    guard._process.wait(10)
    guard.started(1)
    guard.dismiss()
