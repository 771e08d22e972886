"""A website and Meta's hosts on loopback, and the command `pixelwitness live` in front of them."""

import contextlib
import datetime as dt
import http.server
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

SITE = "www.example-clinic.example"
META = "www.facebook.com"
PATIENCE = 120

REDIRECT = """
import os

class ToLoopback:
    def server_connect(self, data):
        secure = data.server.address[1] == 443
        data.server.address = ("127.0.0.1", int(os.environ["TLS_PORT" if secure else "PLAIN_PORT"]))

addons = [ToLoopback()]
"""


class Request(NamedTuple):
    """What arrived at the origin."""

    method: str
    host: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def query(self) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(urlsplit(self.path).query).items()}


class Origin:
    """Every host of the internet, on one machine: pages are served as given, Meta answers as it does."""

    def __init__(self, folder: Path) -> None:
        self.pages: dict[str, tuple[str, str]] = {}
        self.requests: list[Request] = []
        self._arrived = threading.Condition()
        plain, secure = self._server(), self._server()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*_certificate(folder))
        secure.socket = context.wrap_socket(secure.socket, server_side=True, do_handshake_on_connect=False)
        self._servers = (plain, secure)
        self.plain_port, self.tls_port = (server.server_address[1] for server in self._servers)
        for server in self._servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.udp.setblocking(False)

    def close(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()
        self.udp.close()

    def wait_for(self, wanted: Callable[[Request], bool], meanwhile: Callable[[], None]) -> Request:
        """Return the first request that is `wanted`, waiting for it; `meanwhile` fails where waiting is no use."""
        limit = time.monotonic() + PATIENCE
        with self._arrived:
            while True:
                found = next((request for request in self.requests if wanted(request)), None)
                if found is not None:
                    return found
                if time.monotonic() > limit:
                    pytest.fail(f"never asked for; arrived: {[(r.host, r.path[:80]) for r in self.requests]}")
                meanwhile()
                self._arrived.wait(1)

    def datagrams(self) -> int:
        """Return how many datagrams reached the UDP port."""
        count = 0
        with contextlib.suppress(BlockingIOError):
            while self.udp.recv(2048):
                count += 1
        return count

    def take(self, request: Request) -> tuple[int, list[tuple[str, str]], bytes]:
        with self._arrived:
            self.requests.append(request)
            self._arrived.notify_all()
        if request.host == META:
            cookie = "c_user=100000000000042; Domain=.facebook.com; Path=/; Secure; SameSite=None; Max-Age=3600"
            return 200, [("Content-Type", "image/gif"), ("Set-Cookie", cookie)], b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"
        kind, text = self.pages.get(urlsplit(request.path).path, ("text/plain", ""))
        return 200, [("Content-Type", kind)], text.encode()

    def _server(self) -> http.server.ThreadingHTTPServer:
        origin = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                host = self.headers.get("Host", "").partition(":")[0]
                status, headers, content = origin.take(
                    Request(self.command, host, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
                )
                self.send_response(status)
                for name, value in (*headers, ("Content-Length", str(len(content)))):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_HEAD = answer  # noqa: N815 - the names that http.server calls

            def log_message(self, *args: object) -> None:
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, request: object, client_address: object) -> None:
                pass  # a browser that is closed breaks its connections

        return Server(("127.0.0.1", 0), Handler)


def _certificate(folder: Path) -> tuple[Path, Path]:
    """Return the paths of a self-signed certificate and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "origin.example")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=2))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    certificate, secret = folder / "origin.pem", folder / "origin.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, secret


class Live:
    """A running `pixelwitness live`."""

    def __init__(self, folder: Path, origin: Origin, arguments: tuple[str, ...], extra: tuple[str, ...]) -> None:
        self.folder = folder
        self.temporary = Path(tempfile.mkdtemp(prefix="pw-"))  # a browser's sockets need a short path
        (folder / "to_loopback.py").write_text(REDIRECT)
        command = [
            sys.executable, "-m", "cli.main", "live", "--no-open", "--db", str(folder / "visits.db"), *arguments,
            "--", "-s", str(folder / "to_loopback.py"), "--set", "ssl_insecure=true", *extra,
        ]  # fmt: skip
        environment = {
            **os.environ,
            "TLS_PORT": str(origin.tls_port),
            "PLAIN_PORT": str(origin.plain_port),
            "TMPDIR": str(self.temporary),
            "HOME": str(folder),
        }
        self._files = [(folder / name).open("w+") for name in ("out.txt", "err.txt")]
        self.process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=self._files[0],
            stderr=self._files[1], start_new_session=True,
        )  # fmt: skip

    @property
    def out(self) -> list[str]:
        return (self.folder / "out.txt").read_text().splitlines()

    @property
    def err(self) -> str:
        return (self.folder / "err.txt").read_text()

    def check(self) -> None:
        """Fail where it has ended."""
        assert self.process.poll() is None, self.err

    def wait_until_said(self, pattern: str) -> re.Match[str]:
        """Wait until a line on standard error fits."""
        for _ in range(PATIENCE * 10):
            if (found := re.search(pattern, self.err)) is not None:
                return found
            if self.process.poll() is not None and re.search(pattern, self.err) is None:
                break
            time.sleep(0.1)
        pytest.fail(f"{pattern!r} was not said: {self.err}")

    def wait(self) -> int:
        return self.process.wait(PATIENCE)

    def end(self, how: int = signal.SIGINT) -> int:
        self.process.send_signal(how)
        return self.wait()

    def children(self) -> dict[str, int]:
        """Return the numbers of the processes that it started, by what they are."""
        found = {}
        for pid, parent, words in _processes():
            if parent == self.process.pid:
                name = next((n for n in ("cli.guard", "mitmdump", "mitmweb", "user-data-dir") if n in words), "other")
                found[name] = pid
        return found

    def left(self) -> list[str]:
        """Return what still runs of all that it started, by the folder that is theirs alone."""
        own = (str(self.folder), str(self.temporary))
        return [words for pid, _, words in _processes() if any(path in words for path in own) and pid != os.getpid()]

    def wait_until_nothing_is_left(self) -> None:
        for _ in range(PATIENCE * 10):
            if not self.left() and not list(self.temporary.iterdir()):
                return
            time.sleep(0.1)
        pytest.fail(f"left: {self.left()}, {list(self.temporary.iterdir())}")

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        for file in self._files:
            file.close()
        shutil.rmtree(self.temporary, ignore_errors=True)


def _processes() -> Iterator[tuple[int, int, str]]:
    """Yield number, parent and command line of every running process (proc(5))."""
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            state, parent = (place / "stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if words and state != "Z":
            yield int(place.name), int(parent), words


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[Origin]:
    """Return the local internet."""
    made = Origin(tmp_path)
    yield made
    made.close()


@pytest.fixture
def live(tmp_path: Path, origin: Origin) -> Iterator[Callable[..., Live]]:
    """Start `pixelwitness live` with these arguments; `extra` goes to mitmproxy."""
    if not Path("/proc/self/stat").exists():
        pytest.skip("processes are found through /proc")
    running: list[Live] = []

    def start(*arguments: str, extra: tuple[str, ...] = ()) -> Live:
        running.append(Live(tmp_path, origin, arguments, extra))
        return running[-1]

    yield start
    for item in running:
        item.close()


@pytest.fixture(scope="session")
def chromium() -> list[str]:
    """Return the options that choose a Chromium and let it run without a screen."""
    found = next((name for name in ("chromium", "chromium-browser", "google-chrome") if shutil.which(name)), None)
    if found is None:
        pytest.skip("no Chromium on this machine")
    return ["--browser", found, "--browser-option=--ozone-platform=headless"]
