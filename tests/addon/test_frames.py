"""Reading by frames gives what reading by mitmproxy's own loader gives, whatever a capture holds."""

import gzip
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy import connection, flow, http
from mitmproxy.io import tnetstring
from mitmproxy.test import tflow

import captures
from addon import frames as frames_module
from addon.bodies import MAX_KEPT_RESPONSE
from addon.capture import read_capture
from addon.flows import HELD_KEY, PROVENANCE_KEY, FlowFileReader
from addon.frames import FrameReader
from addon.model import CapturedRequest
from addon.observation import Glimpse, Observer
from addon.reader import CaptureReader

Frames = Sequence[bytes]
SHARED = Path(__file__).resolve().parents[3] / "shared"


def observe(reader: CaptureReader) -> Observer:
    observer = Observer("source")
    for request in reader:
        observer.observe(request)
    observer.finish()
    return observer


def observe_relevant(reader: FrameReader, *, knows_sites: bool) -> Observer:
    observer = Observer("source")
    for item in reader.relevant(observer.is_site if knows_sites else bool):
        if isinstance(item, Glimpse):
            observer.glimpse(item)
        elif item is not None:
            observer.observe(item)
    observer.finish()
    return observer


def kept(observer: Observer) -> dict[str, Any]:
    names = ("requests", "pages", "consent", "reconstruction", "cookies_seen")
    return {name: getattr(observer, name) for name in names}


def told(reader: CaptureReader) -> dict[str, Any]:
    names = ("seen", "read_to", "complete", "problems", "first_at", "last_at")
    return {name: getattr(reader, name) for name in names}


def assert_same(path: Path) -> tuple[CaptureReader, Observer]:
    """Read a capture in every way and return what mitmproxy's loader alone gives."""
    size = path.stat().st_size
    by_mitmproxy = FlowFileReader(path, size)
    whole = list(by_mitmproxy)
    reference = observe(FlowFileReader(path, size))
    everything = FrameReader(path, size)
    assert list(everything) == whole
    assert told(everything) == told(by_mitmproxy)
    for knows_sites in (True, False):
        reader = FrameReader(path, size)
        watched = bytearray()
        reader.watch = watched.extend
        assert kept(observe_relevant(reader, knows_sites=knows_sites)) == kept(reference)
        assert told(reader) == told(by_mitmproxy)
        assert watched == path.read_bytes()
    return by_mitmproxy, reference


def write(path: Path, frames: Iterable[bytes]) -> Path:
    path.write_bytes(b"".join(frames))
    return path


def dumped(*flows: flow.Flow) -> list[bytes]:
    return [tnetstring.dumps(item.get_state()) for item in flows]


def clinic_frames(clinic) -> list[bytes]:
    return dumped(*clinic.flows)


def all_captures() -> list[Path]:
    return sorted([*captures.RECORDINGS.glob("*.mitm"), captures.RECONSTRUCTION])


def all_shared() -> list[Path]:
    return sorted(SHARED.rglob("*.mitm")) if SHARED.is_dir() else []


@pytest.mark.parametrize("path", all_captures(), ids=lambda path: path.stem)
def test_the_sample_captures_read_the_same(path: Path) -> None:
    reader, observer = assert_same(path)
    assert reader.seen
    assert observer.pages


@pytest.mark.skipif(not all_shared(), reason="the shared captures are not beside this checkout")
@pytest.mark.parametrize("path", all_shared(), ids=lambda path: path.stem)
def test_shared_captures_read_the_same(path: Path) -> None:
    assert_same(path)


def test_mitmproxy_is_not_needed_for_a_plain_capture(clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = clinic.save(tmp_path / "visit.mitm")
    monkeypatch.setattr("addon.flows.read_flow", None)
    reader = FrameReader(path, path.stat().st_size)
    assert len(observe_relevant(reader, knows_sites=True).requests) == 5
    assert reader.complete


def test_a_request_that_cannot_matter_is_not_built(clinic, tmp_path: Path) -> None:
    for number in range(20):
        clinic.add("GET", f"https://cdn.example/picture-{number}.png", response_body=b"x" * 50)
    path = clinic.save(tmp_path / "visit.mitm")
    reader = FrameReader(path, path.stat().st_size)
    built = [item for item in reader.relevant() if isinstance(item, CapturedRequest)]
    assert reader.seen == 28
    assert not [item for item in built if "cdn.example" in item.url]


# every kind of flow


def odd_flows() -> dict[str, flow.Flow]:
    """Return flows that are no plain HTTP flow of this version, each kept at by a name."""
    page = http_flow("https://www.a.example/", dest="document", kind="text/html", body=b"<title>A</title>")
    made: dict[str, flow.Flow] = {
        "tcp": tflow.ttcpflow(),
        "udp": tflow.tudpflow(),
        "dns": tflow.tdnsflow(resp=True),
        "dns error": tflow.tdnsflow(err=True),
        "websocket": tflow.twebsocketflow(),
        "error": tflow.tflow(err=True),
        "no answer": http_flow(answered=False),
        "no answer, no connection": http_flow(answered=False),
        "no answer, refused": http_flow(answered=False),
        "no answer, cut": http_flow(answered=False),
        "marked": http_flow(),
        "comment": http_flow(),
        "held": http_flow(answered=False),
        "reconstruction": http_flow(),
        "other metadata": http_flow(),
        "backup": http_flow(),
        "trailers": http_flow(),
        "answer trailers": http_flow(),
        "no body": http_flow(),
        "no answer body": http_flow(),
        "connect": http_flow(),
        "no version": http_flow(),
        "http 1": http_flow("https://www.facebook.com/tr/?id=1&ev=A"),
        "http 1 by address": http_flow("https://203.0.113.9/tr/?id=1&ev=A"),
        "http 1 by odd host": http_flow("https://203.0.113.9/tr/?id=1&ev=A"),
        "port": http_flow("https://www.facebook.com:8443/tr/?id=1&ev=A"),
        "plain": http_flow("http://www.facebook.com/tr/?id=1&ev=A"),
        "international": http_flow("https://xn--bcher-kva.example/tr/?id=1&ev=A"),
        "no utf-8": http_flow(),
        "star": http_flow(),
        "no path": http_flow(),
        "tab in path": http_flow(),
        "space after path": http_flow(),
        "upper case": http_flow("https://WWW.FACEBOOK.COM/tr/?id=1&ev=A"),
        "lower method": http_flow(),
        "dot": http_flow("https://www.facebook.com./tr/?id=1&ev=A"),
        "replayed": http_flow(),
        "whole seconds": http_flow(),
        "before 1970": http_flow(),
        "no time": http_flow(),
        "page": page,
        "huge header": http_flow(headers=[(b"x-long", b"y" * 200_000)]),
        "headers like netstrings": http_flow(headers=[(b"x", b"1,],]3:a,]"), (b"", b""), (b"a:b", b"5:hello,")]),
        "text like a tail": http_flow(content=b"5:error;0:~2:id;36:" + b"0" * 36 + b";"),
        "text like a request": http_flow("https://a.example/7:request;1:4:path;9:authority;2:"),
        "ipv6": http_flow("https://[2001:db8::1]/tr/?id=1&ev=A"),
        "empty reason": http_flow(),
        "comma in reason": http_flow(),
    }  # fmt: skip
    bare = connection.Server(address=("www.facebook.com", 443))
    made["no answer, no connection"].server_conn = bare
    made["no answer, refused"].server_conn.error = "TLS handshake failed"
    made["no answer, cut"].request.timestamp_end = None
    made["marked"].marked = ":red_circle:"
    made["comment"].comment = "look here"
    made["held"].metadata[HELD_KEY] = True
    made["reconstruction"].metadata[PROVENANCE_KEY] = "reconstruction"
    made["other metadata"].metadata["k"] = [1, {"a": None}]
    made["backup"].backup()
    made["backup"].request.path = "/edited"
    made["trailers"].request.trailers = http.Headers([(b"a", b"b")])
    made["answer trailers"].response.trailers = http.Headers([(b"a", b"b")])
    made["no body"].request.raw_content = None
    made["no answer body"].response.raw_content = None
    made["connect"].request.method = "CONNECT"
    made["no version"].request.http_version = "HTTP/9"
    for name in ("http 1", "http 1 by address", "http 1 by odd host"):
        made[name].request.http_version = "HTTP/1.1"
    made["http 1 by address"].request.data.headers = http.Headers([(b"Host", b"www.facebook.com")])
    made["http 1 by odd host"].request.data.headers = http.Headers([(b"Host", b"a"), (b"host", b"www.facebook.com")])
    made["no utf-8"].request.data.path = b"/caf\xe9?dl=\xff"
    made["star"].request.data.path = b"*"
    made["no path"].request.data.path = b""
    made["tab in path"].request.data.path = b"/x/t\tr?id=1&ev=PageView"
    made["space after path"].request.data.path = b"/x/tr "
    made["lower method"].request.data.method = b"post"
    made["replayed"].is_replay = "request"
    made["whole seconds"].request.timestamp_start = 1_790_000_000.0
    made["before 1970"].request.timestamp_start = -5.5
    made["no time"].request.timestamp_start = 0.0
    made["empty reason"].response.data.reason = b""
    made["comma in reason"].response.data.reason = b"OK, then"
    return made


def http_flow(
    url: str = "https://www.facebook.com/tr/?id=1&ev=PageView",
    *,
    method: str = "GET",
    answered: bool = True,
    dest: str | None = None,
    kind: str = "image/gif",
    body: bytes = b"GIF",
    packing: str | None = None,
    content: bytes = b"",
    headers: Iterable[tuple[bytes, bytes]] = (),
    answer_headers: Iterable[tuple[bytes, bytes]] = (),
    at: float = 1_790_000_000.25,
) -> http.HTTPFlow:
    made = tflow.tflow(resp=answered)
    made.request = http.Request.make(method, url, content, http.Headers(list(headers)))
    if dest is not None:
        made.request.headers["sec-fetch-dest"] = dest
    made.request.http_version = "HTTP/2.0"
    made.request.timestamp_start = at
    made.request.timestamp_end = at + 0.001
    if answered:
        made.response = http.Response.make(200, body, http.Headers([(b"content-type", kind.encode()), *answer_headers]))
        if packing is not None:
            made.response.headers["content-encoding"] = packing
        made.response.timestamp_start = at + 0.02
        made.response.timestamp_end = at + 0.03
    return made


@pytest.mark.parametrize("name", odd_flows())
def test_every_kind_of_flow_reads_the_same(clinic, tmp_path: Path, name: str) -> None:
    around = clinic_frames(clinic)
    odd = tnetstring.dumps(odd_flows()[name].get_state())
    assert_same(write(tmp_path / "visit.mitm", [*around[:3], odd, *around[3:], odd]))


@pytest.mark.parametrize("version", range(4, 22))
def test_older_versions_read_the_same(clinic, tmp_path: Path, version: int) -> None:
    # whether mitmproxy can migrate such a state or refuses it: both readers say the same
    plain = clinic_frames(clinic)
    old = [frame.replace(b"7:version;2:21#", b"7:version;%d:%d#" % (len(str(version)), version)) for frame in plain]
    old = [b"%d:%b" % (len(frame.partition(b":")[2]) - 1, frame.partition(b":")[2]) for frame in old]
    assert_same(write(tmp_path / "visit.mitm", [*plain[:2], *old, *plain[2:]]))


PAGE = b"<html><title>A page</title><div class='cookie-banner'>Accept all cookies</div>" + b"x" * 400


@pytest.mark.parametrize(
    ("packing", "body"),
    [
        ("gzip", gzip.compress(PAGE)),
        ("gzip", gzip.compress(PAGE)[:-12]),
        ("deflate", zlib.compress(PAGE)),
        ("deflate", zlib.compress(PAGE)[2:-4]),
        ("br", brotli.compress(PAGE)),
        ("br", brotli.compress(PAGE)[:-9]),
        ("zstd", zstandard.compress(PAGE)),
        ("zstd", b"no such thing"),
        ("rot13", PAGE),
        ("", PAGE),
        (None, b""),
        ("gzip", b""),
        (None, b"<title>A</title>" + b"y" * MAX_KEPT_RESPONSE),
    ],
    ids=[f"body {number}" for number in range(13)],
)
def test_packed_pages_read_the_same(tmp_path: Path, packing: str | None, body: bytes) -> None:
    page = http_flow("https://www.a.example/", dest="document", kind="text/html", body=b"", packing=packing)
    page.response.raw_content = body
    _, observer = assert_same(write(tmp_path / "visit.mitm", dumped(page, http_flow())))
    assert len(observer.pages) == 1


@pytest.mark.parametrize("packing", ["gzip", "br", "zstd", "deflate", "identity"])
def test_packed_requests_read_the_same(tmp_path: Path, packing: str) -> None:
    content = b'{"fb.pixel_id":"1","event_name":"PageView","event_id":"a"}'
    packed = {"gzip": gzip.compress, "br": brotli.compress, "zstd": zstandard.compress, "deflate": zlib.compress}
    made = http_flow("https://gateway.example/events", method="POST", headers=[(b"content-encoding", packing.encode())])
    made.request.raw_content = packed.get(packing, bytes)(content)
    assert_same(write(tmp_path / "visit.mitm", dumped(made, http_flow())))


def test_a_flow_longer_than_a_window_reads_the_same(clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = clinic_frames(clinic)
    big = tnetstring.dumps(http_flow("https://www.a.example/film.mp4", body=b"z" * 900_000).get_state())
    path = write(tmp_path / "visit.mitm", [*frames, big, *frames])
    for window in (1, 100, 7_000, 65_536):
        monkeypatch.setattr(frames_module, "WINDOW", window)
        assert_same(path)


# damage


def test_a_capture_cut_anywhere_reads_the_same(tmp_path: Path) -> None:
    content = b"".join(dumped(http_flow("https://a.example/1"), http_flow(), http_flow("https://a.example/2")))
    path = tmp_path / "visit.mitm"
    for cut in range(5, len(content), 37):
        path.write_bytes(content[:cut])
        assert_same(path)


@pytest.mark.parametrize(
    "damage", [b"\x00", b"garbage that is no length", b"99999999:", b"12:x", b"5:hello!", b"3:abc,", b"{}", b" 3:abc,"]
)
def test_damage_between_flows_reads_the_same(clinic, tmp_path: Path, damage: bytes) -> None:
    frames = clinic_frames(clinic)
    assert_same(write(tmp_path / "visit.mitm", [*frames[:3], damage, *frames[3:]]))
    assert_same(write(tmp_path / "tail.mitm", [*frames, damage]))


@given(place=st.integers(min_value=0), byte=st.integers(0, 255), which=st.sampled_from(["pixel", "page", "other"]))
def test_a_changed_byte_never_costs_more_than_mitmproxys_loader_loses(
    tmp_path_factory: pytest.TempPathFactory, place: int, byte: int, which: str
) -> None:
    changed = {
        "pixel": http_flow(),
        "page": http_flow("https://www.a.example/", dest="document", kind="text/html", body=PAGE),
        "other": http_flow("https://www.a.example/a.png"),
    }[which]
    first, frame, last = dumped(http_flow("https://www.a.example/b.png"), changed, http_flow(at=1_790_000_009.5))
    damaged = bytearray(frame)
    damaged[place % len(frame)] = byte
    path = write(tmp_path_factory.mktemp("damage") / "visit.mitm", [first, bytes(damaged), last])
    size = path.stat().st_size
    slow, fast = FlowFileReader(path, size), FrameReader(path, size)
    reference, found = observe(slow), observe_relevant(fast, knows_sites=True)
    if slow.complete:
        assert (kept(found), told(fast)) == (kept(reference), told(slow))
    else:
        assert found.requests[: len(reference.requests)] == reference.requests
        assert found.pages[: len(reference.pages)] == reference.pages
        assert fast.seen >= slow.seen
        assert fast.read_to >= slow.read_to


def test_a_capture_that_becomes_shorter_while_it_is_read_is_said(
    clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = clinic_frames(clinic)
    path = write(tmp_path / "visit.mitm", frames)
    monkeypatch.setattr(frames_module, "WINDOW", len(frames[0]) + len(frames[1]))
    reader = FrameReader(path, path.stat().st_size)
    items = iter(reader)
    next(items)
    path.write_bytes(b"".join(frames[:2]))
    assert len(list(items)) == 1
    assert not reader.complete
    assert "became shorter" in reader.problems[0].what


# invented traffic

HOSTS = (
    "www.facebook.com", "connect.facebook.net", "graph.facebook.com", "notfacebook.example", "www.a.example",
    "a.example", "cdn.b.example", "www.b.example", "consent.cookiebot.com", "api.privacy-center.org",
    "app.usercentrics.eu", "www.nhs.uk", "gateway.example",
)  # fmt: skip
TARGETS = (
    "/", "/tr", "/tr/?id=1&ev=PageView", "/x/tr?id=12&ev=A", "/try", "/a/b.png", "/?u=/tr", "/tr#x", "/events",
    "/123/activities", "/signals/config/900000000000077?v=1", "/en_US/fbevents.js", "/?policy-action=accepted",
    "/?nhsa.sc=0", "/wrapper/v2/choice/reject-all?x=1", "/d/eu-cookie-compliance/store_consent/banner",
    "/logconsent.ashx?action=decline&referer=www.a.example", "/v1/events", "/consent/uw/1", "/t%72/",
    "/g/collect?v=2&gcs=G100", "/sync?us_privacy=1YYN&gdpr_consent=x", "/my/login.php", "/account/Logout.aspx?x=1",
)  # fmt: skip
BODIES = (
    b"", b"id=1&ev=Lead", b'{"fb.pixel_id":"1","event_name":"Lead"}', b' {"event_name":"a","user_data":{}}', b"{}",
    b'{"data":[{"event_name":"a","user_data":{}}]}', b'"consent.given"', b"{\xff\xfe",
)  # fmt: skip
COOKIES = (
    b"_ga=1", b"cookie_consent=accepted", b"cookie_consent=declined; a=b", b"OptanonConsent=groups=C0004:1",
    b"nhsuk-cookie-consent=%7B%22preferences%22%3Afalse%7D", b"broken", b"consent=", b"xs=secret-session-value",
)  # fmt: skip
header_lines = st.lists(
    st.one_of(
        st.tuples(st.sampled_from([b"cookie", b"Cookie"]), st.sampled_from(COOKIES)),
        st.tuples(
            st.sampled_from([b"sec-fetch-dest", b"Sec-Fetch-Dest"]),
            st.sampled_from([b"document", b"iframe", b"image", b"", b"Document"]),
        ),
        st.tuples(st.just(b"sec-fetch-site"), st.sampled_from([b"none", b"cross-site", b"same-origin", b"x"])),
        st.tuples(st.just(b"accept"), st.sampled_from([b"text/html", b"TEXT/HTML,*/*", b"*/*"])),
        st.tuples(st.just(b"sec-gpc"), st.sampled_from([b"1", b"0"])),
        st.tuples(st.sampled_from([b"referer", b"origin"]), st.sampled_from([b"https://www.a.example/x", b"null"])),
        st.tuples(st.just(b"host"), st.sampled_from([b"www.facebook.com", b"www.a.example:8080", b"", b"\xff"])),
        st.tuples(st.binary(max_size=9), st.binary(max_size=30)),
    ),
    max_size=7,
)
answer_lines = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from([b"set-cookie", b"Set-Cookie"]),
            st.sampled_from(
                [b"cookie_consent=accepted; Path=/", b"cookie_consent=; Max-Age=0", b"usprivacy=1YYN", b"a=b", b"x"]
            ),
        ),
        st.tuples(st.just(b"location"), st.sampled_from([b"/home", b"/login?failed"])),
        st.tuples(st.just(b"content-type"), st.sampled_from([b"text/html", b"image/png", b"application/javascript"])),
        st.tuples(st.binary(max_size=9), st.binary(max_size=30)),
    ),
    max_size=4,
)


@st.composite
def traffic(draw: st.DrawFn) -> list[bytes]:
    made = []
    for _ in range(draw(st.integers(1, 12))):
        item = http_flow(
            f"https://{draw(st.sampled_from(HOSTS))}/",
            method=draw(st.sampled_from(["GET", "POST", "OPTIONS"])),
            answered=draw(st.sampled_from([True, True, True, False])),
            headers=draw(header_lines),
            answer_headers=draw(answer_lines),
            kind=draw(st.sampled_from(["text/html", "image/gif", "text/javascript"])),
            body=draw(st.sampled_from([b"", PAGE, b"<title>\xff</title>"])),
            at=1_790_000_000.5 + draw(st.integers(0, 3)),
        )
        item.request.data.path = draw(
            st.one_of(st.sampled_from([target.encode() for target in TARGETS]), st.binary(max_size=20))
        )
        item.request.raw_content = draw(st.one_of(st.sampled_from(BODIES), st.none()))
        item.request.http_version = draw(st.sampled_from(["HTTP/2.0", "HTTP/2.0", "HTTP/1.1", "HTTP/3"]))
        if draw(st.integers(0, 9)) == 0:
            item.request.authority = draw(
                st.sampled_from(["www.facebook.com", "xn--bcher-kva.example", "a:b", "[::1]"])
            )
        made.append(item)
    return dumped(*made)


@given(frames=traffic())
def test_invented_traffic_reads_the_same(tmp_path_factory: pytest.TempPathFactory, frames: Frames) -> None:
    assert_same(write(tmp_path_factory.mktemp("traffic") / "visit.mitm", frames))


def test_the_reader_of_a_flow_file_is_the_one_by_frames(clinic, tmp_path: Path) -> None:
    assert isinstance(read_capture(clinic.save(tmp_path / "visit.mitm")), FrameReader)
