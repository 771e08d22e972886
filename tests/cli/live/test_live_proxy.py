"""`pixelwitness live` without a browser of ours: how it starts, fails, is interrupted and ends."""

import contextlib
import fcntl
import http.client
import os
import pty
import re
import select
import shutil
import signal
import socket
import sqlite3
import ssl
import stat
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from addon.store.store import Store
from cli.report import build_report

SITE = "www.example-clinic.example"
PIXEL = (
    "/tr/?id=900000000000077&ev=PageView&dl=https%3A%2F%2Fwww.example-clinic.example%2Fhiv-clinic%2F"
    "&if=false&ts=1795314223676&v=2.9.383&ec=0&it=1"
)


def proxy_of(visit) -> tuple[str, int]:
    host, port = visit.wait_until_said(r"Proxy on ([\d.]+):(\d+)").groups()
    return host, int(port)


def get(place: tuple[str, int], host: str, path: str) -> int:
    connection = http.client.HTTPConnection(*place, timeout=30)
    connection.request("GET", f"http://{host}{path}", headers={"Referer": f"https://{SITE}/"})
    status = connection.getresponse().status
    connection.close()
    return status


def test_a_device_of_ones_own_is_recorded_until_ctrl_c(live, tmp_path: Path) -> None:
    visit = live("--no-browser", "--session", "visit", "--port", str(free_port()), "--format", "csv")
    place = proxy_of(visit)
    assert "http://mitm.it" in visit.err
    assert "keep it safe" in visit.err
    assert get(place, "www.facebook.com", PIXEL) == 200
    visit.wait_until_said("hiv_sexual_health")  # each event is said as it happens
    assert visit.end() == 0, visit.err
    assert visit.out == [str(tmp_path / "visit.csv"), "visit"]
    assert "1 events" in visit.err
    assert "hiv" in (tmp_path / "visit.csv").read_text()
    assert stat.S_IMODE((tmp_path / "visit.mitm").stat().st_mode) == 0o600
    assert visit.left() == []
    with Store(tmp_path / "visits.db") as store:
        assert build_report(store, store.session("visit")).marks == ()  # nothing is known of that browser
    # its certificate is mitmproxy's own, so that a device has to trust it only once
    assert (tmp_path / ".mitmproxy" / "mitmproxy-ca-cert.pem").exists()


def test_a_device_that_does_not_trust_the_certificate_is_noticed(live) -> None:
    visit = live("--no-browser", "--no-record")
    host, port = proxy_of(visit)
    connection = http.client.HTTPSConnection(host, port, timeout=30, context=ssl.create_default_context())
    connection.set_tunnel(SITE)
    with pytest.raises(ssl.SSLCertVerificationError):
        connection.request("GET", "/")
    connection.close()
    visit.wait_until_said(f"does not trust the proxy's certificate, so nothing of {re.escape(SITE)} is seen")
    assert visit.end() == 0
    assert visit.err.count("does not trust the proxy's certificate, so nothing") == 1


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def test_a_port_in_use_is_named_and_nothing_is_made(live, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        visit = live("--no-browser", "--port", str(taken.getsockname()[1]))
        assert visit.wait() == 2
    assert "is in use by another program" in visit.err
    assert visit.out == []
    assert not (tmp_path / "visits.db").exists()


def test_a_proxy_that_does_not_start_says_why(live, tmp_path: Path) -> None:
    visit = live("--no-browser", extra=("--mode", "nonsense"))
    assert visit.wait() == 1
    assert "mitmdump did not start. It said:" in visit.err
    assert "nonsense" in visit.err
    assert "Traceback" not in visit.err
    assert visit.out == []
    assert visit.left() == []
    assert list(visit.temporary.iterdir()) == []


def test_ctrl_c_before_it_has_begun_is_an_interruption(live, tmp_path: Path) -> None:
    started = tmp_path / "started"
    slow = tmp_path / "slow.py"
    slow.write_text(f"import pathlib, time\npathlib.Path({str(started)!r}).touch()\ntime.sleep(600)\naddons = []\n")
    visit = live("--no-browser", "--no-record", extra=("-s", str(slow)))
    while not started.exists():
        visit.check()
        time.sleep(0.1)
    assert visit.end() == 130
    assert "Interrupted" in visit.err
    assert visit.out == []
    assert visit.left() == []
    assert list(visit.temporary.iterdir()) == []


def test_a_second_ctrl_c_ends_a_proxy_that_does_not(live, tmp_path: Path) -> None:
    slow = tmp_path / "slow.py"
    slow.write_text(
        "import asyncio\nclass Slow:\n    async def done(self):\n        await asyncio.sleep(600)\naddons = [Slow()]\n"
    )
    visit = live("--no-browser", "--session", "visit", extra=("-s", str(slow)))
    proxy_of(visit)
    visit.process.send_signal(signal.SIGINT)
    visit.wait_until_said("Closing the session")
    assert visit.end() == 0
    assert "did not close its session itself" in visit.err
    assert visit.out[-1] == "visit"
    assert visit.left() == []


def test_a_proxy_that_dies_ends_it_with_a_report_that_says_so(live, tmp_path: Path) -> None:
    visit = live("--no-browser", "--session", "visit")
    assert get(proxy_of(visit), "www.facebook.com", PIXEL) == 200
    visit.wait_until_said("hiv_sexual_health")
    os.kill(visit.children()["mitmdump"], signal.SIGKILL)
    assert visit.wait() == 1
    assert "did not close its session itself" in visit.err
    assert "mitmdump was ended from outside (signal 9)" in visit.err
    assert visit.out == [str(tmp_path / "visit.html"), "visit"]
    with Store(tmp_path / "visits.db") as store:
        report = build_report(store, store.session("visit"))
    assert not report.session.complete
    assert [event.event_name for event in report.events] == ["PageView"]
    assert visit.left() == []


def test_a_session_that_goes_on_overwrites_no_file(live, tmp_path: Path) -> None:
    first = live("--no-browser", "--session", "visit")
    assert get(proxy_of(first), "www.facebook.com", PIXEL) == 200
    assert first.end(signal.SIGTERM) == 0
    kept = {name: (tmp_path / name).read_bytes() for name in ("visit.mitm", "visit.html")}
    again = live("--no-browser", "--session", "visit")
    proxy_of(again)
    assert again.end() == 0
    assert again.out == [str(tmp_path / "visit-2.html"), "visit"]
    assert "1 events" in again.err
    assert (tmp_path / "visit-2.mitm").exists()
    assert {name: (tmp_path / name).read_bytes() for name in kept} == kept


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("file:///etc/passwd",), "no address of a website"),
        (("--no-browser", "--record", "there.mitm"), "exists already and is not overwritten"),
        (("--no-browser", "--record", "a.mitm", "--no-record"), "does not go with --no-record"),
        (("--no-browser", "-o", "nowhere/report.html"), "there is no such folder"),
        (("--browser", "no-such-browser"), "no such program"),
        (("--no-browser", "--host", "203.0.113.77"), "cannot listen there"),
        (("--no-browser", "--packs", "astrology"), "astrology"),
    ],
)
def test_what_cannot_work_is_said_before_anything_starts(live, tmp_path: Path, arguments, words) -> None:
    (tmp_path / "there.mitm").write_bytes(b"mine")
    visit = live(*arguments)
    assert visit.wait() == 2
    assert words in " ".join(visit.err.split())
    assert visit.out == []
    assert not (tmp_path / "visits.db").exists()
    assert (tmp_path / "there.mitm").read_bytes() == b"mine"


def test_a_broken_rule_file_ends_with_4(live, tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("version: one")
    visit = live("--no-browser", "--rules", str(tmp_path / "broken.yaml"))
    assert visit.wait() == 4
    assert "broken.yaml" in visit.err


def test_mitmweb_says_where_it_is(live) -> None:
    visit = live("--no-browser", "--no-record", "--ui", "web")
    visit.wait_until_said(r"Web server listening at http://127\.0\.0\.1:\d+/\?token=")
    proxy_of(visit)
    assert "mitmweb" in visit.children()
    assert visit.end(signal.SIGTERM) == 0
    assert visit.left() == []


def records(db: Path) -> bool:
    with contextlib.closing(sqlite3.connect(db, timeout=60)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        return "obs_sources" in tables and bool(connection.execute("SELECT 1 FROM obs_sources").fetchall())


@pytest.mark.skipif(shutil.which("setsid") is None, reason="setsid gives a process a terminal of its own")
def test_the_console_has_the_terminal_to_itself(tmp_path: Path) -> None:
    """Nothing of ours is written before the console has written its last."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    command = [
        "setsid", "--ctty", "--wait",
        sys.executable, "-m", "cli.main", "live", "--no-browser", "--ui", "console", "--session", "visit",
        "--db", str(tmp_path / "visits.db"), "--no-open", "--no-record",
    ]  # fmt: skip
    environment = {**os.environ, "TERM": "xterm-256color", "HOME": str(tmp_path)}
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdin=follower, stdout=follower, stderr=follower,
    )  # fmt: skip
    os.close(follower)
    shown, asked = b"", False
    with contextlib.suppress(OSError):  # the terminal is gone when all have ended
        while select.select([leader], [], [], 120)[0]:
            shown += os.read(leader, 65536)
            if not asked and b"\x1b[" in shown and records(tmp_path / "visits.db"):
                asked = True
                os.write(leader, b"Q")  # mitmproxy's key for leaving at once
    os.close(leader)
    assert process.wait(60) == 0, shown
    text = shown.decode("utf-8", "replace")
    last = text.rindex("\x1b[")
    assert text.index("Proxy on") > last
    assert "Session visit: 0 events" in text[last:]
