"""`pixelwitness watch` as a person starts and ends it."""

import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from addon.replay import replay
from addon.store.store import Store
from cli.exits import ExitCode

ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/#[\w-]{40,}\n")


@pytest.fixture
def watch() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Return a function that starts the command."""
    started = []

    def start(*arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", "watch", *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": ""},
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=60)


def test_it_prints_the_address_serves_and_ends_in_order(watch, tmp_path: Path, clinic, judge) -> None:
    db = tmp_path / "sessions.db"
    with Store(db) as store:
        replay(store, judge, "visit", [clinic.save(tmp_path / "visit.mitm")])
    process = watch("vis", "--db", db)
    line = process.stdout.readline()
    assert ADDRESS.fullmatch(line), line
    with urllib.request.urlopen(line.partition("#")[0], timeout=60) as answer:
        assert b"Pixelwitness" in answer.read()
    process.send_signal(signal.SIGINT)
    rest, talk = process.communicate(timeout=60)
    assert (process.returncode, rest) == (ExitCode.OK, "")
    assert "for this computer only" in talk


@pytest.mark.parametrize(("arguments", "code", "words"), [
    (["--db", "none.db"], ExitCode.DATABASE, "no such database"),
    (["nobody", "--db", "there.db"], ExitCode.NOT_FOUND, "no session"),
])  # fmt: skip
def test_what_cannot_be_shown_is_said(watch, tmp_path: Path, monkeypatch, arguments, code, words) -> None:
    with Store(tmp_path / "there.db"):
        pass
    arguments = [str(tmp_path / item) if item.endswith(".db") else item for item in arguments]
    process = watch(*arguments)
    out, talk = process.communicate(timeout=60)
    assert (process.returncode, out) == (code, "")
    assert words in talk
    assert "Traceback" not in talk
