"""Browsing of any length for benchmarks, made from the recordings in captures/.

    python benchmarks/browsing.py ordinary|dense FLOWS FILE.mitm

`ordinary`: about 14 KB a flow, of which 1.5 % are requests to Meta's pixel: pages with their scripts, pictures and
requests to third parties, a consent cookie that changes during a visit, a consent platform here and there.
`dense`: about 5 KB a flow, 28 % of them pixel requests.

Every flow has its own id and time; every event has its own time, counter, event id and browser id, so that no two
of them fold together. Bodies come from pools of random bytes and of text taken from the recorded scripts. The same
arguments give the same file.
"""

import argparse
import random
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mitmproxy import http
from mitmproxy.io import FlowReader, tnetstring

from captures import RECORDINGS

START = 1_790_000_000.0
SITES = 60
PAGES_A_VISIT = 6
ORDINARY_PAGE = 66
"""Flows of an ordinary page, its pixel request among them: 1 in 66 is 1.5 %."""
DENSE_PAGE = 25
DENSE_EVENTS = 7

Header = tuple[bytes, bytes]


class Recorded(NamedTuple):
    """A recorded pixel request: what of its state stays the same in every copy."""

    host: str
    method: bytes
    path: bytes
    headers: tuple[Header, ...]
    content: bytes
    rest: bytes
    answer: bytes


class Asset(NamedTuple):
    """A kind of request that a page makes beside its pixel's."""

    kind: str
    destination: bytes
    accept: bytes
    content_type: bytes
    sizes: tuple[int, int]
    text: bool
    third_party: bool
    method: bytes = b"GET"


_SCRIPT, _PICTURE, _STYLE, _FONT, _ANY = (
    b"*/*", b"image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", b"text/css,*/*;q=0.1", b"*/*", b"*/*",
)  # fmt: skip
ASSETS = (
    *[Asset("app.js", b"script", _SCRIPT, b"text/javascript", (8_000, 60_000), True, False)] * 8,
    *[Asset("style.css", b"style", _STYLE, b"text/css", (4_000, 20_000), True, False)] * 4,
    *[Asset("picture.webp", b"image", _PICTURE, b"image/webp", (1_000, 30_000), False, False)] * 14,
    *[Asset("font.woff2", b"font", _FONT, b"font/woff2", (12_000, 24_000), False, False)] * 2,
    *[Asset("api/state", b"empty", _ANY, b"application/json", (100, 3_000), True, False)] * 3,
    *[Asset("tag.js", b"script", _SCRIPT, b"application/javascript", (5_000, 50_000), True, True)] * 10,
    *[Asset("banner.jpg", b"image", _PICTURE, b"image/jpeg", (2_000, 30_000), False, True)] * 12,
    *[Asset("collect?v=2&tid=G-0", b"empty", _ANY, b"text/plain", (0, 60), True, True, b"POST")] * 6,
    *[Asset("frame.html", b"iframe", b"text/html,*/*;q=0.8", b"text/html", (1_000, 6_000), True, True)],
    *[Asset("i.gif", b"image", _PICTURE, b"image/gif", (43, 43), False, True)] * 4,
)
_MOMENT = b"%.6f"
_BROWSER = (
    (b"sec-ch-ua-platform", b'"Linux"'),
    (
        b"user-agent",
        b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
    ),
    (b"sec-ch-ua", b'"Not:A-Brand";v="8", "Chromium";v="156"'),
    (b"sec-ch-ua-mobile", b"?0"),
)


def string(value: bytes) -> bytes:
    """Return `value` as a netstring of bytes."""
    return b"%d:%b," % (len(value), value)


def number(value: bytes) -> bytes:
    """Return a float's digits as a netstring."""
    return b"%d:%b^" % (len(value), value)


def listed(headers: Iterable[Header]) -> bytes:
    """Return header lines as mitmproxy writes them."""
    items = [string(name) + string(value) for name, value in headers]
    content = b"".join(b"%d:%b]" % (len(item), item) for item in items)
    return b"%d:%b]" % (len(content), content)


def moment(at: float) -> bytes:
    """Return a time with six digits, none of them a zero at the end, as a float's repr has them."""
    digits = _MOMENT % at
    return digits[:-1] + b"7" if digits.endswith(b"0") else digits


def framed(content: bytes) -> bytes:
    return b"%d:%b}" % (len(content), content)


class Browsing:
    """Writes flows one after the other; `requests` counts them, `events` the pixel requests among them."""

    def __init__(self, seed: int = 7) -> None:
        self.random = random.Random(seed)
        self.requests = 0
        self.events = 0
        self.clock = START
        self.recorded, self.scripts, self.page, self.rest = _recorded()
        self.noise = self.random.randbytes(1 << 20)
        self.text = b"".join(self.scripts)[: 1 << 20]

    def ordinary(self, flows: int) -> Iterator[bytes]:
        """Yield the frames of ordinary browsing."""
        yield from self._visits(flows, ORDINARY_PAGE, 1, (24_000, 90_000), 1.38)

    def dense(self, flows: int) -> Iterator[bytes]:
        """Yield the frames of browsing whose pages mostly talk to the pixel."""
        yield from self._visits(flows, DENSE_PAGE, DENSE_EVENTS, (3_000, 12_000), 0.18)

    def _visits(
        self, flows: int, page_flows: int, events: int, page_size: tuple[int, int], scale: float
    ) -> Iterator[bytes]:
        visit = 0
        while self.requests < flows:
            host = b"www.site-%02d.example" % (visit % SITES)
            visit += 1
            browser = b"fb.1.%d.%d" % (int(self.clock * 1000), self.random.randrange(10**17, 10**18))
            for page in range(PAGES_A_VISIT):
                frames = list(self._page(host, page, browser, page_flows, events, page_size, scale))
                for frame in frames[: flows - self.requests]:
                    self.requests += 1
                    yield frame

    def _page(
        self,
        host: bytes,
        page: int,
        browser: bytes,
        flows: int,
        events: int,
        page_size: tuple[int, int],
        scale: float,
    ) -> Iterator[bytes]:
        path = b"/services/page-%d/" % self.random.randrange(10**6)
        address = b"https://" + host + path
        accepted = page >= PAGES_A_VISIT // 2
        cookies = b"_ga=GA1.1.%d.1790000000; _fbp=%b; session=%d" % (page, browser, self.random.randrange(10**12))
        if page:
            cookies += b"; cookie_consent=" + (b"accepted" if accepted else b"declined")
        document = self.page + self._bytes(self.text, self.random.randint(*page_size))
        yield self._frame(
            host, b"GET", path,
            (
                *_BROWSER,
                (b"accept", b"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"),
                (b"sec-fetch-site", b"none"),
                (b"sec-fetch-mode", b"navigate"),
                (b"sec-fetch-dest", b"document"),
                (b"accept-encoding", b"gzip, deflate, br, zstd"),
                (b"cookie", cookies),
            ),
            b"", b"text/html; charset=utf-8", document,
        )  # fmt: skip
        for index in range(flows - events - 1):
            yield self._asset(host, address, cookies, self.random.choice(ASSETS), index, scale)
        for _ in range(events):
            yield self._event(address, browser)

    def _asset(self, host: bytes, address: bytes, cookies: bytes, asset: Asset, index: int, scale: float) -> bytes:
        low, high = asset.sizes
        size = int(self.random.randint(low, high) * scale)
        body = self._bytes(self.text if asset.text else self.noise, size)
        target = b"cdn-%02d.third-party.example" % self.random.randrange(40) if asset.third_party else host
        site = b"cross-site" if asset.third_party else b"same-origin"
        path = b"/assets/%d/%b" % (self.random.randrange(10**7), asset.kind.encode())
        headers: tuple[Header, ...] = (
            *_BROWSER,
            (b"accept", asset.accept),
            (b"sec-fetch-site", site),
            (b"sec-fetch-mode", b"no-cors"),
            (b"sec-fetch-dest", asset.destination),
            (b"referer", address),
            (b"accept-encoding", b"gzip, deflate, br, zstd"),
            *(() if asset.third_party else ((b"cookie", cookies),)),
        )
        content = b'{"hits":[%d]}' % index if asset.method == b"POST" else b""
        return self._frame(target, asset.method, path, headers, content, asset.content_type, body)

    def _event(self, address: bytes, browser: bytes) -> bytes:
        self.events += 1
        made = self.random.choice(self.recorded)
        serial = b"%d" % self.events
        stamp = b"%d" % int(self.clock * 1000)
        page = address.replace(b":", b"%3A").replace(b"/", b"%2F")

        def fresh(text: bytes) -> bytes:
            text = re.sub(rb"(?<=[?&]dl=)[^&]*?(?=%3F|&)", page, text, count=1)
            text = re.sub(rb"(?<=[?&]ts=)\d+", stamp, text)
            text = re.sub(rb"(?<=[?&]ec=)\d+", serial, text)
            text = re.sub(rb"(?<=[?&]eid=)[^&]+", b"id." + serial, text)
            text = re.sub(rb"(?<=[?&]fbp=)[^&]+", browser, text)
            for name, value in ((b"ts", stamp), (b"ec", serial), (b"eid", b"id." + serial), (b"fbp", browser)):
                text = re.sub(rb'(name="%b"\r\n\r\n)[^\r]*' % name, rb"\g<1>" + value, text)
            text = re.sub(rb'("event_id":")[^"]*', rb"\g<1>ob3." + serial, text)
            return re.sub(rb'("event_time":)\d+', rb"\g<1>" + stamp[:10], text)

        return self._frame(
            made.host.encode(), made.method, fresh(made.path), made.headers, fresh(made.content), b"image/gif",
            b"GIF89a" + bytes(37), rest=made.rest,
        )  # fmt: skip

    def _frame(
        self,
        host: bytes,
        method: bytes,
        path: bytes,
        headers: Iterable[Header],
        content: bytes,
        content_type: bytes,
        body: bytes,
        rest: bytes | None = None,
    ) -> bytes:
        self.clock += 0.031
        begin = self.clock
        answer = (
            b"6:reason;0:,11:status_code;3:200#13:timestamp_end;" + number(moment(begin + 0.02))
            + b"15:timestamp_start;" + number(moment(begin + 0.015)) + b"8:trailers;0:~7:content;" + string(body)
            + b"7:headers;"
            + listed(
                (
                    (b"content-type", content_type),
                    (b"content-length", b"%d" % len(body)),
                    (b"date", b"Sun, 22 Nov 2026 02:23:43 GMT"),
                    (b"etag", b'"%x"' % self.random.getrandbits(64)),
                    (b"cache-control", b"max-age=3600"),
                    (b"server", b"hypercorn-h2"),
                )
            )
            + b"12:http_version;8:HTTP/2.0,"
        )  # fmt: skip
        asked = (
            b"4:path;" + string(path) + b"9:authority;" + string(host) + b"6:scheme;5:https,6:method;" + string(method)
            + b"4:port;3:443#4:host;%d:%b;" % (len(host), host) + b"13:timestamp_end;" + number(moment(begin + 0.001))
            + b"15:timestamp_start;" + number(moment(begin)) + b"8:trailers;0:~7:content;" + string(content)
            + b"7:headers;" + listed(headers) + b"12:http_version;8:HTTP/2.0,"
        )  # fmt: skip
        identity = b"%032x" % self.random.getrandbits(128)
        name = b"-".join((identity[:8], identity[8:12], identity[12:16], identity[16:20], identity[20:]))
        return framed(
            b"9:websocket;0:~8:response;" + framed(answer) + b"7:request;" + framed(asked) + b"6:backup;0:~"
            b"17:timestamp_created;" + number(moment(begin)) + (rest or self.rest)
            + b"5:error;0:~2:id;36:" + name + b";4:type;4:http;7:version;2:21#"
        )  # fmt: skip

    def _bytes(self, pool: bytes, size: int) -> bytes:
        start = self.random.randrange(max(1, len(pool) - size))
        return pool[start : start + size]


def _recorded() -> tuple[list[Recorded], list[bytes], bytes, bytes]:
    """Return the pixel requests, the scripts, a page and the connections of the recordings."""
    events: list[Recorded] = []
    scripts: list[bytes] = []
    page = rest = b""
    for path in sorted(RECORDINGS.glob("*.mitm")):
        with path.open("rb") as file:
            for flow in FlowReader(file).stream():
                if not isinstance(flow, http.HTTPFlow) or flow.response is None:
                    continue
                state: dict[str, Any] = flow.get_state()
                request = flow.request
                content = request.raw_content or b""
                if request.path.startswith("/tr/") or b'"fb.pixel_id"' in content:
                    events.append(
                        Recorded(
                            request.host,
                            request.data.method,
                            request.data.path,
                            request.headers.fields,
                            content,
                            _rest(state),
                            flow.response.raw_content or b"",
                        )
                    )
                elif "javascript" in flow.response.headers.get("content-type", ""):
                    scripts.append(flow.response.raw_content or b"")
                elif "html" in flow.response.headers.get("content-type", "") and not page:
                    page, rest = flow.response.raw_content or b"", _rest(state)
    return events, scripts, page, rest


def _rest(state: dict[str, Any]) -> bytes:
    """Return what stands between the creation time and the error of a flow, as mitmproxy writes it."""
    names = ("client_conn", "server_conn", "intercepted", "is_replay", "marked", "metadata", "comment")
    dumped = tnetstring.dumps({name: state[name] for name in names})
    return dumped.partition(b":")[2][:-1]


KINDS = {"ordinary": Browsing.ordinary, "dense": Browsing.dense}


def write(kind: str, flows: int, path: Path) -> Browsing:
    """Write a capture of `flows` flows to `path`; return what made it."""
    browsing = Browsing()
    with path.open("wb") as file:
        for frame in KINDS[kind](browsing, flows):
            file.write(frame)
    return browsing


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("flows", type=int)
    parser.add_argument("path", type=Path)
    arguments = parser.parse_args()
    made = write(arguments.kind, arguments.flows, arguments.path)
    size = arguments.path.stat().st_size
    print(
        f"{made.requests} flows, {made.events} events ({100 * made.events / made.requests:.2f} %), {size / 1e6:.1f} MB,"
        f" {size / made.requests / 1000:.1f} KB a flow"
    )
