import contextlib
import http.client
import http.server
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from addon.decoders.meta.decoder import MetaDecoder
from addon.model import CapturedRequest, Hit
from cli.commands.gathering import addon_script

Make = Callable[..., CapturedRequest]


def _request(**changes: Any) -> CapturedRequest:
    """Return a captured request; `headers` may be a mapping, everything else is a field of CapturedRequest."""
    headers = changes.pop("headers", ())
    return CapturedRequest(
        **{
            "source_kind": "mitm",
            "position": 0,
            "method": "POST" if changes.get("body") else "GET",
            "url": "https://www.facebook.com/tr/",
            "http_version": "HTTP/2.0",
            "headers": tuple(headers.items() if isinstance(headers, dict) else headers),
            "started_at": 1_795_314_223.7,
            **changes,
        }
    )


def _hit(**changes: Any) -> Hit:
    """Return the only event that the request built from `changes` carries."""
    decoded = MetaDecoder().decode(_request(**changes), "key")
    assert decoded is not None
    (hit,) = decoded.hits
    return hit


@pytest.fixture(scope="session")
def make_request() -> Make:
    return _request


@pytest.fixture(scope="session")
def make_hit() -> Callable[..., Hit]:
    return _hit


# a real proxy, with every connection ending at an origin on loopback

REDIRECT_SCRIPT = """
import os

class ToLoopback:
    def server_connect(self, data):
        data.server.address = ("127.0.0.1", int(os.environ["ORIGIN_PORT"]))

addons = [ToLoopback()]
"""

PAGE = b"<title>HIV clinic</title><div class='cookie-banner'>cookies?</div>"


class Origin:
    """A site and Meta in one. Requests with `wait` in their address are answered once `gate` is set."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.arrived = threading.Event()
        self.requests: list[tuple[str, str, bytes]] = []
        self.connections = 0
        origin = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                origin.connections += 1
                super().setup()

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                origin.requests.append((self.headers.get("Host") or "", self.path, body))
                if "wait" in self.path:
                    origin.arrived.set()
                    origin.gate.wait(60)
                self.send_response(200)
                self.send_header("Content-Type", "image/gif" if "/tr" in self.path else "text/html")
                self.send_header("Content-Length", str(len(PAGE)))
                self.end_headers()
                self.wfile.write(PAGE)

            do_POST = do_GET  # noqa: N815 - the name that http.server calls

            def log_message(self, *args: object) -> None:
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, request: object, client_address: object) -> None:
                pass  # a proxy that is killed breaks its connections

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()


class Proxy:
    """`mitmdump -s` (or another of its programs) with the addon."""

    def __init__(
        self, folder: Path, origin_port: int, *options: str, program: str = "mitmdump", redirect: bool = True
    ) -> None:
        self.port = _free_port()
        self.db = folder / "live.db"
        self.recording = folder / "live.mitm"
        self.conf = folder / "conf"
        script = folder / "to_loopback.py"
        script.write_text(REDIRECT_SCRIPT)
        command = [
            str(Path(sys.executable).with_name(program)), *(["-s", str(script)] if redirect else []),
            "-s", str(addon_script()),
            "--listen-host", "127.0.0.1", "--listen-port", str(self.port), "-w", str(self.recording),
            "--set", f"confdir={self.conf}", "--set", f"pixelwitness_db={self.db}",
            "--set", "pixelwitness_session=visit", *(["--set", "flow_detail=0"] if program == "mitmdump" else []),
            *options,
        ]  # fmt: skip
        self.log = (folder / "log.txt").open("w+b")
        environment = {**os.environ, "ORIGIN_PORT": str(origin_port), "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(command, stdout=self.log, stderr=subprocess.STDOUT, env=environment)

    def wait_until_open(self) -> None:
        for _ in range(900):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                if "records into session" in self.output():
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        pytest.fail(f"the proxy did not start: {self.output()}")

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=90)

    def send(
        self,
        connection: http.client.HTTPConnection,
        host: str,
        path: str,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
    ) -> None:
        connection.putrequest(
            "GET" if body is None else "POST", f"http://{host}{path}", skip_host=True, skip_accept_encoding=True
        )
        length = {} if body is None else {"Content-Length": str(len(body))}
        for name, value in {"Host": host, **length, **(headers or {})}.items():
            connection.putheader(name, value)
        connection.endheaders(body)

    def get(self, host: str, path: str, headers: dict[str, str] | None = None, body: bytes | None = None) -> int:
        connection = self.connect()
        self.send(connection, host, path, headers, body)
        response = connection.getresponse()
        self.body = response.read()
        connection.close()
        return response.status

    def close(self, how: int = signal.SIGINT) -> int:
        self.process.send_signal(how)
        return self.process.wait(timeout=60)

    def output(self) -> str:
        self.log.seek(0)
        return self.log.read().decode("utf-8", "replace")

    def until[T](self, look: Callable[[], T]) -> T:
        """Return what `look` returns once that is something."""
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            found = look()
            if found:
                return found
            time.sleep(0.05)
        pytest.fail(f"waited in vain; the proxy said: {self.output()}")


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.fixture
def free_port() -> Callable[[], int]:
    return _free_port


@pytest.fixture
def origin() -> Iterator[Origin]:
    made = Origin()
    yield made
    made.close()


@pytest.fixture
def proxy(tmp_path: Path, origin: Origin) -> Iterator[Callable[..., Proxy]]:
    running: list[Proxy] = []

    def start(*options: str, program: str = "mitmdump", redirect: bool = True) -> Proxy:
        running.append(Proxy(tmp_path, origin.port, *options, program=program, redirect=redirect))
        return running[-1]

    yield start
    for item in running:
        if item.process.poll() is None:
            item.process.kill()
            item.process.wait(timeout=10)
        item.log.close()
