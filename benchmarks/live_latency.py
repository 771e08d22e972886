"""What the addon costs the proxy: added latency and throughput on ordinary browsing, beside the bare proxy.

Run it with the project's Python, on a machine that does nothing else:

    .venv/bin/python benchmarks/live_latency.py

Three `mitmdump` run beside each other before one origin: one bare, one with a script that has the addon's hooks and
does nothing in them, one with the addon. What the second costs is what mitmproxy takes to ask any script. First,
latency: requests one after the other, alternately through all, so that whatever else the machine does hits all alike.
Then throughput: the same requests over several connections as fast as they go, in short rounds, through one after the
other in changing order. Each round is compared with that of the bare proxy beside it; the median of these shares
counts, and how far they spread says what it is worth.

Ordinary browsing here: pages with the scripts, images and requests for data of one site, with cookies and the headers
that a browser sends, and 1.5 % pixel requests. Where the system tells it (Linux), the processor time of each proxy is
compared in the same way: it says more than the clock where other programs are running.
"""

import argparse
import contextlib
import http.client
import http.server
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

GOAL_LATENCY_MS = 1.0
GOAL_THROUGHPUT = 0.95
PIXEL_EVERY = 66
SETTLE_SECONDS = 0.5
"""How long after a round the recorder may still be at work on it."""

PROXIES = ("bare", "idle script", "addon")
IDLE_SCRIPT = """class Idle:
    def request(self, flow): pass
    def response(self, flow): pass
    def error(self, flow): pass
    def update(self, flows): pass

addons = [Idle()]
"""

PAGE = b"<html><head><title>Clinic</title></head><body>" + b"<p>Opening hours and how to find us.</p>" * 250
KINDS = {
    "/page": ("text/html; charset=utf-8", PAGE, "document"),
    "/app.js": ("application/javascript", b"void 0;" * 4000, "script"),
    "/photo.jpg": ("image/jpeg", b"\xff\xd8" + b"x" * 30_000, "image"),
    "/api/data": ("application/json", b'{"items": [1, 2, 3]}' * 40, "empty"),
}


class Site(http.server.BaseHTTPRequestHandler):
    """Answers every request at once."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        kind, body, _ = KINDS.get(self.path.partition("?")[0], ("image/gif", b"GIF89a", "image"))
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nSet-Cookie: a=b\r\n\r\n"
        self.wfile.write(head.encode() + body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def serve(ready: str) -> None:
    """Be the origin, in a process of its own so that it does not slow the client."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    Path(ready).write_text(str(server.server_address[1]))
    server.serve_forever()


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextmanager
def running(command: list[str]) -> Iterator[int]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(timeout=60)


def wait_for_answer(port: int, origin: int) -> None:
    """Wait until a proxy answers; the first requests may come before its scripts are loaded."""
    for _ in range(600):
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=3)
            connection.request("GET", f"http://127.0.0.1:{origin}/", headers={"Host": "www.clinic.example"})
            if connection.getresponse().status == 200:
                return
        time.sleep(0.2)
    sys.exit(f"no proxy answers on port {port}")


def requests(count: int, first: int) -> Iterator[tuple[str, str, str]]:
    """Yield host, path and destination of so many requests."""
    paths = ["/page", *["/photo.jpg", "/app.js", "/api/data", "/photo.jpg"] * 6]
    for number in range(first, first + count):
        if number % PIXEL_EVERY == PIXEL_EVERY - 1:
            page = "https%3A%2F%2Fwww.clinic.example%2Fhiv-clinic%2F"
            yield (
                "www.facebook.com",
                f"/tr/?id=1&ev=PageView&dl={page}&ts={1_795_000_000_000 + number}&ec={number}",
                "image",
            )
        else:
            path = paths[number % len(paths)]
            yield "www.clinic.example", f"{path}?n={number}", KINDS[path][2]


class Client:
    """One connection through a proxy that stays open, as a browser's does."""

    def __init__(self, port: int, origin: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.connection.connect()
        self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.origin = origin

    def ask(self, host: str, path: str, destination: str) -> float:
        """Return how many seconds an answer took."""
        headers = {
            "Host": host,
            "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0",
            "Accept": "text/html,*/*;q=0.8",
            "Accept-Language": "en-GB,en;q=0.9",
            "Sec-Fetch-Dest": destination,
            "Sec-Fetch-Site": "same-origin",
            "Referer": "https://www.clinic.example/hiv-clinic/",
            "Cookie": "session=invented; cookieconsent_status=allow; _fbp=fb.1.1789999999000.4440001; theme=light",
        }
        begin = time.perf_counter()
        self.connection.request("GET", f"http://127.0.0.1:{self.origin}{path}", headers=headers)
        self.connection.getresponse().read()
        return time.perf_counter() - begin


def order(number: int) -> list[int]:
    """Return the proxies in an order that changes with every number, so that none is always first."""
    turned = number % len(PROXIES)
    found = [*range(turned, len(PROXIES)), *range(turned)]
    return found if number % 2 else found[::-1]


def latency(ports: Sequence[int], origin: int, count: int) -> list[list[float]]:
    """Return for every proxy the seconds of the same requests, one by one."""
    clients = [Client(port, origin) for port in ports]
    found: list[list[float]] = [[] for _ in ports]
    for index, request in enumerate(requests(count, 0)):
        for which in order(index):
            found[which].append(clients[which].ask(*request))
    return found


def throughput(port: int, origin: int, count: int, connections: int, first: int) -> float:
    """Return requests per second over several connections."""
    share = count // connections

    def work(number: int) -> None:
        client = Client(port, origin)
        for request in requests(share, first + number * share):
            client.ask(*request)

    begin = time.perf_counter()
    with ThreadPoolExecutor(connections) as pool:
        list(pool.map(work, range(connections)))
    return share * connections / (time.perf_counter() - begin)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=2000, help="requests for latency, each through all")
    parser.add_argument("--rounds", type=int, default=20, help="rounds of throughput, each through all")
    parser.add_argument("--per-round", type=int, default=600, help="requests of a round")
    parser.add_argument("--connections", type=int, default=6)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return
    program = str(Path(sys.executable).with_name("mitmdump"))
    script = str(Path(__file__).resolve().parent.parent / "addon" / "script.py")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ready = folder / "port"
        with running([sys.executable, __file__, "--serve", str(ready)]):
            while not ready.exists() or not ready.read_text():
                time.sleep(0.05)
            origin = int(ready.read_text())
            idle = folder / "idle_script.py"
            idle.write_text(IDLE_SCRIPT)
            common = ["--set", f"confdir={folder}", "--set", "flow_detail=0"]
            common += ["--set", "termlog_verbosity=error", "--listen-host", "127.0.0.1"]
            scripts: list[list[str]] = [
                [],
                ["-s", str(idle)],
                ["-s", script, "--set", f"pixelwitness_db={folder / 'bench.db'}"],
            ]
            ports = [free_port() for _ in PROXIES]
            with ExitStack() as stack:
                pids = [
                    stack.enter_context(running([program, *common, *more, "--listen-port", str(port)]))
                    for port, more in zip(ports, scripts, strict=True)
                ]
                for port in ports:
                    wait_for_answer(port, origin)
                latency(ports, origin, 200)  # warm up
                seconds = latency(ports, origin, options.requests)
                rounds: list[list[Round]] = [[] for _ in PROXIES]
                for number in range(options.rounds):
                    for which in order(number):
                        before = processor_seconds(pids[which])
                        first = 10_000 * (number + 1)
                        rate = throughput(ports[which], origin, options.per_round, options.connections, first)
                        time.sleep(SETTLE_SECONDS)
                        each = (processor_seconds(pids[which]) - before) / options.per_round * 1000
                        rounds[which].append(Round(rate, each))
    tell(seconds, rounds, as_json=options.json)


class Round(NamedTuple):
    """One round through one proxy: requests per second, and processor time of the proxy per request."""

    per_second: float
    processor_ms: float


def processor_seconds(pid: int) -> float:
    """Return the processor time that the threads of a process have taken, or 0 where the system does not say."""
    with contextlib.suppress(OSError):
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
    return 0.0


def tell(seconds: list[list[float]], rounds: list[list[Round]], *, as_json: bool) -> None:
    """Print what was measured, and whether the goals are met."""
    found: dict[str, Any] = {}
    for name, times, own in zip(PROXIES, seconds, rounds, strict=True):
        pairs = list(zip(rounds[0], own, strict=True))
        found[name] = {
            "median_ms": round(statistics.median(times) * 1000, 3),
            "added_ms": round(statistics.median((b - a) * 1000 for a, b in zip(seconds[0], times, strict=True)), 3),
            "p95_ms": round(statistics.quantiles(times, n=100)[94] * 1000, 3),
            "requests_per_second": round(statistics.median(item.per_second for item in own)),
            "throughput": rounded(quartiles([with_it.per_second / bare.per_second for bare, with_it in pairs])),
            "processor_ms": round(statistics.median(item.processor_ms for item in own), 3),
            "processor": rounded(
                quartiles([bare.processor_ms / (with_it.processor_ms or 1) for bare, with_it in pairs])
            ),
        }
    ours = found["addon"]
    found["goals_met"] = ours["added_ms"] < GOAL_LATENCY_MS and ours["throughput"][1] >= GOAL_THROUGHPUT
    if as_json:
        print(json.dumps(found))
        return
    print(f"latency, median of {len(seconds[0])} requests (goal: less than {GOAL_LATENCY_MS} ms added)")
    for name in PROXIES:
        own = found[name]
        print(
            f"  {name:12} {own['median_ms']:.2f} ms, added {own['added_ms']:.2f} ms, 95 % within {own['p95_ms']:.2f} ms"
        )
    print(f"throughput, {len(rounds[0])} rounds each (goal: at least {GOAL_THROUGHPUT:.0%})")
    for name in PROXIES:
        own = found[name]
        print(f"  {name:12} {own['requests_per_second']:.0f} a second: {in_words(own['throughput'])}")
    if found["bare"]["processor_ms"]:
        print("processor time of the proxy a request")
        for name in PROXIES:
            own = found[name]
            print(f"  {name:12} {own['processor_ms']:.2f} ms: {in_words(own['processor'])}")
    print("goals met" if found["goals_met"] else "goals not met")


def quartiles(values: list[float]) -> list[float]:
    """Return the first quartile, the median and the third."""
    return statistics.quantiles(values, n=4) if len(values) > 1 else values * 3


def rounded(values: list[float]) -> list[float]:
    return [round(value, 3) for value in values]


def in_words(shares: list[float]) -> str:
    return f"{shares[1]:.1%} (half of the rounds: {shares[0]:.1%} to {shares[2]:.1%})"


if __name__ == "__main__":
    main()
