"""mitmproxy's flows: what is read of each, what is known of its arrival, and what a damaged file still gives."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mitmproxy import connection, flow, http
from mitmproxy.io import FlowWriter
from mitmproxy.test import tflow, tutils

from addon.bodies import MAX_KEPT_RESPONSE
from addon.capture import read_capture
from addon.flows import HELD_KEY, PROVENANCE_KEY, FlowSnapshot, delivery, flow_request

Capture = Callable[..., Path]


@pytest.fixture
def capture(tmp_path: Path) -> Capture:
    def make(*flows: flow.Flow) -> Path:
        path = tmp_path / "visit.mitm"
        with path.open("wb") as file:
            writer = FlowWriter(file)
            for item in flows:
                writer.add(item)
        return path

    return make


def frames(content: bytes) -> Iterator[tuple[int, int]]:
    """Yield begin and end of every length-prefixed flow of a file."""
    start = 0
    while start < len(content):
        colon = content.index(b":", start)
        end = colon + 1 + int(content[start:colon]) + 1
        yield start, end
        start = end


def http_flow(
    url: str = "https://www.facebook.com/tr/?id=1&ev=PageView", *, resp: bool = True, err: bool = False
) -> http.HTTPFlow:
    made = tflow.tflow(resp=resp, err=err)
    made.request = http.Request.make("GET", url)
    made.request.timestamp_start = 1_790_000_000.5
    made.request.timestamp_end = 1_790_000_000.6
    return made


# what is read


def test_a_flow_is_read_as_it_was_sent() -> None:
    made = http_flow("https://www.facebook.com/tr/?id=1&ev=PageView&x=%C3%A9")
    made.request.method = "POST"
    made.request.headers = http.Headers(
        [(b"cookie", b"a=1"), (b"Cookie", b"b=\xff"), (b"content-type", b"text/plain"), (b"x", b"")]
    )
    made.request.raw_content = b"\x00\xff body"
    made.client_conn.peername = ("192.0.2.10", 50000)
    made.server_conn.peername = ("2001:db8::9", 443, 0, 0)
    read = flow_request(made, 77, "mitm")
    assert read.method == "POST"
    assert read.url == "https://www.facebook.com/tr/?id=1&ev=PageView&x=%C3%A9"
    assert read.headers == (("cookie", "a=1"), ("Cookie", "b=ÿ"), ("content-type", "text/plain"), ("x", ""))
    assert read.body == b"\x00\xff body"
    assert (read.client_ip, read.server_address) == ("192.0.2.10", "2001:db8::9")
    assert (read.position, read.source_kind, read.started_at) == (77, "mitm", 1_790_000_000.5)
    assert read.header("COOKIE") == "a=1"
    assert read.header("nothing") is None


def test_http_2_without_host_header_has_its_address() -> None:
    made = http_flow()
    made.request.http_version = "HTTP/2.0"
    made.request.headers.clear()
    made.request.authority = "www.facebook.com"
    read = flow_request(made, 0, "mitm")
    assert read.url == "https://www.facebook.com/tr/?id=1&ev=PageView"
    assert read.http_version == "HTTP/2.0"


def test_a_transparent_proxys_address_comes_from_the_host_header() -> None:
    made = http_flow()
    made.request.host = "203.0.113.9"
    made.request.headers["host"] = "www.facebook.com"
    assert flow_request(made, 0, "mitm").url.startswith("https://www.facebook.com/tr/")


def test_an_address_with_bytes_that_are_no_utf_8_is_storable_text() -> None:
    made = http_flow()
    made.request.data.path = b"/tr/?id=1&ev=caf\xe9&dl=https://a.example/\xff"
    read = flow_request(made, 0, "mitm")
    assert "caf%E9" in read.url
    assert read.url.endswith("%FF")
    read.url.encode("utf-8")


def test_a_missing_body_is_a_problem_of_the_request_not_of_the_capture() -> None:
    made = http_flow()
    made.request.raw_content = None
    read = flow_request(made, 0, "mitm")
    assert read.body == b""
    assert read.body_problem == "the body is missing in the capture"


def test_an_unknown_peer_is_unknown() -> None:
    made = http_flow()
    made.client_conn.peername = None
    made.server_conn.peername = None
    made.server_conn.address = None
    read = flow_request(made, 0, "mitm")
    assert (read.client_ip, read.server_address) == (None, None)


def test_a_reconstruction_is_marked() -> None:
    made = http_flow()
    assert not flow_request(made, 0, "mitm").reconstruction
    made.metadata[PROVENANCE_KEY] = "reconstruction"
    assert flow_request(made, 0, "mitm").reconstruction


@pytest.mark.parametrize(
    ("content_type", "kept"),
    [
        ("text/html; charset=utf-8", True),
        ("application/xhtml+xml", True),
        ("Application/JavaScript", True),
        ("application/x-javascript", True),
        ("image/gif", False),
        ("application/json", False),
        ("", False),
    ],
)
def test_only_pages_and_scripts_are_looked_into(content_type: str, kept: bool) -> None:
    made = http_flow()
    made.response.headers["content-type"] = content_type
    made.response.raw_content = b"<title>A</title>"
    assert flow_request(made, 0, "mitm").response_body == (b"<title>A</title>" if kept else None)


def test_a_compressed_page_is_unpacked_and_a_broken_one_does_no_harm() -> None:
    made = http_flow()
    made.response.headers["content-type"] = "text/html"
    made.response.headers["content-encoding"] = "gzip"
    made.response.content = b"<title>A</title>"
    assert flow_request(made, 0, "mitm").response_body == b"<title>A</title>"
    made.response.raw_content = b"no gzip at all"
    assert flow_request(made, 0, "mitm").response_body in {None, b"no gzip at all"}


def test_a_huge_answer_is_not_looked_into() -> None:
    made = http_flow()
    made.response.headers["content-type"] = "text/html"
    made.response.raw_content = b"x" * (MAX_KEPT_RESPONSE + 1)
    assert flow_request(made, 0, "mitm").response_body is None


# what is known of its arrival


def unanswered() -> http.HTTPFlow:
    made = http_flow(resp=False, err=True)
    assert made.response is None
    return made


def test_answered() -> None:
    assert delivery(http_flow()) == "answered"


def test_sent_where_the_client_left_before_the_answer() -> None:
    assert delivery(unanswered()) == "sent"


def test_sent_where_the_recording_ended_before_the_answer() -> None:
    made = unanswered()
    made.error = None
    assert delivery(made) == "sent"


def test_not_sent_where_the_request_was_cut() -> None:
    made = unanswered()
    made.request.timestamp_end = None
    assert delivery(made) == "not_sent"


def test_not_sent_without_a_connection() -> None:
    made = unanswered()
    made.server_conn = connection.Server(address=("www.facebook.com", 443))
    assert delivery(made) == "not_sent"


def test_not_sent_where_the_connection_failed() -> None:
    made = unanswered()
    made.server_conn.error = "TLS handshake failed"
    assert delivery(made) == "not_sent"


def test_not_sent_where_it_was_held_back_although_the_proxy_answered_itself() -> None:
    made = http_flow()
    made.metadata[HELD_KEY] = True
    assert delivery(made) == "not_sent"
    assert flow_request(made, 0, "mitm").held


def test_a_refusal_is_an_answer() -> None:
    made = http_flow()
    made.response.status_code = 403
    read = flow_request(made, 0, "mitm")
    assert (read.delivery, read.status) == ("answered", 403)


def test_a_request_that_waited_in_the_interface_until_the_end_did_not_leave() -> None:
    made = unanswered()
    assert delivery(made) == "sent"
    made.intercepted = True
    assert delivery(made) == "not_sent"


def test_what_the_proxy_answered_itself_is_no_answer() -> None:
    made = http_flow()
    made.metadata[HELD_KEY] = True
    read = flow_request(made, 0, "mitm")
    assert (read.status, read.response_headers, read.server_address) == (None, (), None)


# snapshots


def test_a_snapshot_reads_as_its_flow_and_keeps_still() -> None:
    made = http_flow()
    made.request.headers = http.Headers([(b"cookie", b"a=1"), (b"X", b"\xff")])
    made.response.headers["content-type"] = "text/html"
    made.response.content = b"<title>x</title>"
    snapshot, expected = FlowSnapshot(made), flow_request(made, 3, "live")
    made.request.headers["x"] = "changed"
    made.request.path = "/other"
    made.response.content = b"other"
    made.metadata[HELD_KEY] = True
    assert snapshot.captured(3) == expected
    assert flow_request(made, 3, "live") != expected


@pytest.mark.parametrize(
    "host", [None, "www.facebook.com", "www.facebook.com:8443", "WWW.Facebook.com", "[::1]:80", "ü.example"]
)
@pytest.mark.parametrize("path", ["/tr/?id=1", "*", "/a#b"])
@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/2.0"])
def test_an_address_is_mitmproxys_own(host: str | None, path: str, version: str) -> None:
    made = http_flow("http://203.0.113.9:8080/")
    made.request.headers.clear()
    made.request.http_version = version
    if host is not None:
        made.request.data.headers["host"] = host
    made.request.data.path = path.encode()
    assert flow_request(made, 0, "mitm").url == made.request.pretty_url


def test_a_request_under_way_is_sent_only_where_a_connection_to_its_recipient_stands() -> None:
    made = unanswered()
    server = made.server_conn
    server.address, server.tls, server.timestamp_tls_setup = (
        (made.request.host, made.request.port),
        True,
        1_790_000_000.4,
    )
    server.state = connection.ConnectionState.OPEN
    assert FlowSnapshot(made).leaving(1).delivery == "sent"
    server.timestamp_tls_setup = None  # the handshake is not over
    assert FlowSnapshot(made).leaving(1).delivery == "unknown"
    server.tls = False
    assert FlowSnapshot(made).leaving(1).delivery == "sent"
    server.timestamp_tcp_setup = None
    assert FlowSnapshot(made).leaving(1).delivery == "unknown"


def test_a_request_that_is_sent_elsewhere_is_not_called_sent_while_it_is_under_way() -> None:
    made = unanswered()
    made.server_conn.address = ("elsewhere.example", 443)
    made.server_conn.state = connection.ConnectionState.OPEN
    assert FlowSnapshot(made).leaving(1).delivery == "unknown"


# files


def test_other_flows_are_skipped(capture: Capture) -> None:
    web_socket = tflow.twebsocketflow()
    path = capture(tflow.ttcpflow(), tflow.tudpflow(), http_flow(), tflow.tdnsflow(resp=True), web_socket)
    reader = read_capture(path)
    urls = [request.url for request in reader]
    assert urls == ["https://www.facebook.com/tr/?id=1&ev=PageView", web_socket.request.pretty_url]
    assert (reader.seen, reader.complete, reader.problems) == (2, True, [])


def test_flows_without_requests_are_a_whole_capture(capture: Capture) -> None:
    reader = read_capture(capture(tflow.ttcpflow()))
    assert list(reader) == []
    assert (reader.seen, reader.complete) == (0, True)


def test_a_connect_request_does_no_harm(capture: Capture) -> None:
    made = tflow.tflow(req=tutils.treq(method=b"CONNECT", authority=b"www.facebook.com:443", path=b""), resp=True)
    assert [request.method for request in read_capture(capture(made))] == ["CONNECT"]


def test_positions_are_where_the_flows_begin(capture: Capture) -> None:
    path = capture(*(http_flow(f"https://a.example/{number}") for number in range(3)))
    begins = [begin for begin, _ in frames(path.read_bytes())]
    assert [request.position for request in read_capture(path)] == begins


def test_a_file_cut_anywhere_gives_every_flow_before_and_names_the_byte(capture: Capture) -> None:
    path = capture(*(http_flow(f"https://a.example/{number}") for number in range(3)))
    content = path.read_bytes()
    places = list(frames(content))
    ends = {end for _, end in places}
    near = {place + step for place in (0, *ends) for step in range(-3, 8)}  # in and around every length prefix
    for cut in sorted({*range(1, len(content), 61), *near}):
        if not 5 <= cut < len(content):
            continue  # less than a length and its colon is no capture at all
        path.write_bytes(content[:cut])
        reader = read_capture(path)
        whole = sum(end <= cut for end in ends)
        assert len(list(reader)) == whole, cut
        start = max((end for end in ends if end <= cut), default=0)
        assert reader.read_to == start, cut
        if cut in ends:
            assert (reader.complete, reader.problems) == (True, []), cut
        else:
            assert not reader.complete, cut
            (problem,) = reader.problems
            assert problem.where == f"visit.mitm, byte {start}", cut
            assert f"everything before byte {start} of {cut} was read" in problem.what, cut


@pytest.mark.parametrize(
    "damage", [b"\x00", b"garbage that is no length", b"99999999:", b"12:x", b"5:hello!", b"3:abc,"]
)
def test_a_damaged_tail_is_named(capture: Capture, damage: bytes) -> None:
    path = capture(http_flow(), http_flow())
    size = path.stat().st_size
    with path.open("ab") as file:
        file.write(damage)
    reader = read_capture(path)
    assert len(list(reader)) == 2
    assert not reader.complete
    (problem,) = reader.problems
    assert problem.where == f"visit.mitm, byte {size}"
    assert len(problem.what) <= 400


def test_a_flow_with_a_damaged_inside_is_named(capture: Capture) -> None:
    path = capture(http_flow(), http_flow())
    content = path.read_bytes()
    (_, end), _ = frames(content)
    path.write_bytes(content[:end] + content[end:].replace(b"timestamp_start", b"timestamp_stamp"))
    reader = read_capture(path)
    assert len(list(reader)) == 1
    assert reader.problems[0].where == f"visit.mitm, byte {end}"


def test_a_capture_of_a_future_mitmproxy_is_said(capture: Capture) -> None:
    path = capture(http_flow())
    path.write_bytes(path.read_bytes().replace(b"7:version;2:21#", b"7:version;2:99#"))
    reader = read_capture(path)
    assert list(reader) == []
    assert not reader.complete
    assert "version" in reader.problems[0].what
