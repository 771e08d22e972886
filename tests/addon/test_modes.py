"""The addon in other modes of mitmproxy, over HTTP/2, and beside an addon that answers and changes requests."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from addon.replay import replay
from addon.store.store import Store
from cli.report import build_report
from rules.engine import Matcher
from rules.loader import load_rules

PIXEL = (
    "/tr/?id=900000000000077&ev=PageView&dl=https%3A%2F%2Fwww.clinic.example%2Fhiv-clinic%2F"
    "&if=false&ts=1795314223676&v=2.9.383&ec={n}&it=1"
)


def report_of(running, name="visit"):
    with Store(running.db, create=False) as store:
        return build_report(store, store.session(name))


def test_a_reverse_proxy(proxy, origin):
    running = proxy("--mode", f"reverse:http://127.0.0.1:{origin.port}", "--set", "keep_host_header=true")
    running.wait_until_open()
    connection = running.connect()
    connection.request("GET", PIXEL.format(n=0), headers={"Host": "www.facebook.com"})
    assert connection.getresponse().status == 200
    connection.close()
    assert running.close() == 0
    (event,) = report_of(running).events
    assert (event.delivery, event.recipient_host) == ("answered", "www.facebook.com")


def test_an_upstream_proxy(proxy, tmp_path, origin, free_port):
    port = free_port()
    redirect = tmp_path / "redirect.py"
    redirect.write_text(
        "import os\n"
        "def server_connect(data):\n"
        "    data.server.address = ('127.0.0.1', int(os.environ['ORIGIN_PORT']))\n"
    )
    upstream = subprocess.Popen(
        [
            str(Path(sys.executable).with_name("mitmdump")), "-q", "-s", str(redirect), "--listen-host", "127.0.0.1",
            "--listen-port", str(port), "--set", f"confdir={tmp_path / 'upstream'}",
        ],
        env={**os.environ, "ORIGIN_PORT": str(origin.port)},
    )  # fmt: skip
    try:
        running = proxy("--mode", f"upstream:http://127.0.0.1:{port}", redirect=False)
        running.wait_until_open()
        running.until(lambda: running.get("www.facebook.com", PIXEL.format(n=0)) == 200)
        assert running.close() == 0
    finally:
        upstream.terminate()
        upstream.wait(timeout=60)
    (event,) = report_of(running).events
    assert event.delivery == "answered"
    assert origin.requests


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
def test_http_2(proxy):
    running = proxy("--set", "pixelwitness_hold=true")
    running.wait_until_open()
    done = subprocess.run(
        [
            "curl", "-sS", "-k", "--http2", "-x", f"http://127.0.0.1:{running.port}", "-o", os.devnull,
            "-w", "%{http_version}", "https://www.facebook.com" + PIXEL.format(n=0),
        ],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    if "HTTP2" not in subprocess.run(["curl", "-V"], capture_output=True, text=True, check=True, timeout=60).stdout:
        pytest.skip("this curl has no HTTP/2")
    assert (done.stdout, done.stderr) == ("2", "")
    assert running.close() == 0
    with Store(running.db, create=False) as store:
        replay(store, Matcher(load_rules()), "again", [running.recording])
    live, again = report_of(running), report_of(running, "again")
    assert live.events[0].requests[0].http_version == "HTTP/2.0"
    assert [event.id for event in live.events] == [event.id for event in again.events]


def test_what_other_addons_do_is_recorded_as_the_recording_holds_it(proxy, tmp_path):
    other = tmp_path / "other.py"
    other.write_text(
        "import asyncio\n"
        "class Slow:\n"
        "    async def request(self, flow):\n"
        "        await asyncio.sleep(1)\n"
        "        flow.request.headers['x-changed'] = 'yes'\n"
        "    async def response(self, flow):\n"
        "        await asyncio.sleep(1)\n"
        "        flow.response.headers['x-late'] = 'yes'\n"
        "addons = [Slow()]\n"
    )
    running = proxy("-s", str(other))
    running.wait_until_open()
    assert running.get("www.facebook.com", PIXEL.format(n=0)) == 200
    assert running.close() == 0
    with Store(running.db, create=False) as store:
        replay(store, Matcher(load_rules()), "again", [running.recording])
        (live,) = store.observed_requests("visit").values()
        (again,) = store.observed_requests("again").values()
    assert live.key == again.key
    assert live.request.header("x-changed") == "yes"
    assert live.request.response_header("x-late") == "yes"
