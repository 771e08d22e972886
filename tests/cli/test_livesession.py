"""A live session with a page: started after the proxy, stopped after it, and ended with everything else."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

DRIVER = """
import asyncio, socket, sys
from pathlib import Path
from cli.livesession import LiveSettings, record
from cli.mitm import Interface, ProxySettings, free_port

class Page:
    def __init__(self, db, session, proxy, alert):
        self.about = f"{db.name} {session} {alert}"

    async def start(self):
        if sys.argv[2] == "broken":
            raise OSError("no page today")
        print("started", self.about, flush=True)
        return "http://127.0.0.1:9/secret"

    async def stop(self):
        with socket.socket() as sock:
            print("stopped, proxy gone:", sock.connect_ex(("127.0.0.1", PORT)) != 0, flush=True)

PORT = free_port("127.0.0.1", 0)
proxy = ProxySettings(Interface.DUMP, Path(sys.argv[1]) / "a.db", "visit", "127.0.0.1", PORT)
ending = asyncio.run(record(LiveSettings(proxy, make_page=Page, opens_page=False)))
print(ending.reason, ending.orderly, *ending.sessions)
"""

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals end the session")


@pytest.fixture
def drive(tmp_path: Path):
    running = []

    def start(how: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
        command = [sys.executable, "-c", DRIVER, str(tmp_path), how]
        with (tmp_path / "err.txt").open("w") as said:
            process = subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=said)
        running.append(process)
        return running[-1]

    yield start
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=30)


def test_the_page_is_there_until_the_session_is_closed(drive, tmp_path: Path) -> None:
    process = drive("whole")
    assert process.stdout is not None
    assert process.stdout.readline() == "started a.db visit 0\n"
    while "Live page: http://127.0.0.1:9/secret" not in (tmp_path / "err.txt").read_text():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=120)
    assert said.splitlines() == ["stopped, proxy gone: True", "signal True visit"]
    assert list(tmp_path.glob("pixelwitness-*")) == []


def test_a_page_that_fails_leaves_no_proxy_behind(drive, tmp_path: Path) -> None:
    process = drive("broken")
    process.communicate(timeout=120)
    assert process.returncode == 1
    assert "LiveError: the live page cannot be shown: no page today" in (tmp_path / "err.txt").read_text()
    assert list(tmp_path.glob("pixelwitness-*")) == []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert str(tmp_path) not in place.read_text() or place.parent.name == str(os.getpid())
        except OSError:
            continue
