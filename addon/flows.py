"""mitmproxy's flows as captured requests, one of the few modules that import mitmproxy."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, BinaryIO, ClassVar, NamedTuple

from mitmproxy import flow as mitm_flow
from mitmproxy import http
from mitmproxy.io import FlowReader
from mitmproxy.net.http import url as mitm_url

from addon.bodies import MAX_KEPT_RESPONSE, is_looked_into, unpacked
from addon.model import CapturedRequest, Lines
from addon.reader import CaptureReader, broken, storable_address
from addon.vocabulary import Delivery, SourceKind

HELD_KEY = "pixelwitness_held"
"""Flow metadata: the investigator's proxy answered this request itself."""

PROVENANCE_KEY = "pixelwitness_provenance"
"""Flow metadata: `reconstruction` where a flow was built, not recorded."""


class _Client(NamedTuple):
    peername: tuple[Any, ...] | None


class _Server(NamedTuple):
    peername: tuple[Any, ...] | None
    address: tuple[Any, ...] | None
    timestamp_tcp_setup: float | None
    timestamp_start: float | None
    error: str | None


class FlowSnapshot:
    """What a flow holds at one moment, for another thread. Bytes are shared, not copied; nothing is decoded.

    It reads like a flow as far as `flow_request` goes. `flow` is the flow itself, which may go on changing.
    """

    __slots__ = (
        "_lines",
        "_request",
        "_response",
        "_response_lines",
        "client_conn",
        "flow",
        "id",
        "intercepted",
        "is_connected",
        "metadata",
        "server_conn",
        "timestamp_created",
    )

    def __init__(self, flow: http.HTTPFlow) -> None:
        """Take down what `flow` holds now; must be called in the proxy's own thread."""
        server, data = flow.server_conn, flow.request.data
        self.flow = flow
        self.id = flow.id
        self.intercepted = flow.intercepted
        self.metadata = flow.metadata.copy()
        self.timestamp_created = flow.timestamp_created
        self.client_conn = _Client(flow.client_conn.peername)
        self.server_conn = _Server(
            server.peername, server.address, server.timestamp_tcp_setup, server.timestamp_start, server.error
        )
        self.is_connected = (
            server.timestamp_tcp_setup is not None
            and (not server.tls or server.tls_established)
            and server.error is None
            and server.connected
            and (server.via is not None or (server.address or ())[:2] == (data.host, data.port))
        )
        self._request: dict[str, Any] | http.Request = vars(data).copy()
        self._lines = data.headers.fields  # a tuple, which a change replaces
        self._response: dict[str, Any] | http.Response | None = None
        self._response_lines: tuple[tuple[bytes, bytes], ...] = ()
        if flow.response is not None:
            answer = vars(flow.response.data).copy()
            if len(answer["content"] or b"") > MAX_KEPT_RESPONSE:
                answer["content"] = None
            self._response, self._response_lines = answer, flow.response.data.headers.fields

    @property
    def request(self) -> http.Request:
        """Return the request as it was at that moment."""
        if isinstance(self._request, dict):
            self._request = _thawed(http.Request, http.RequestData, self._request, self._lines)
        return self._request

    @property
    def response(self) -> http.Response | None:
        """Return the answer as it was at that moment, or None."""
        if isinstance(self._response, dict):
            self._response = _thawed(http.Response, http.ResponseData, self._response, self._response_lines)
        return self._response

    def captured(self, position: int) -> CapturedRequest:
        """Return the request with its answer, or with what is known of its arrival without one."""
        return flow_request(self, position, "live")

    def leaving(self, position: int) -> CapturedRequest:
        """Return the request while nothing is known of its end.

        The proxy forwards a request once every addon has seen it and a connection stands: until then it is
        not known whether it will leave.
        """
        state: Delivery = "sent" if self.is_connected else "unknown"
        return self.captured(position)._replace(delivery=state)


def _thawed[T: http.Message](
    kind: type[T], data_kind: type[http.MessageData], values: dict[str, Any], lines: tuple[tuple[bytes, bytes], ...]
) -> T:
    """Return a message with these contents.

    They were a message's before, so mitmproxy's checks of every type, which take most of a constructor's time, are
    left out.
    """
    message, data, headers = kind.__new__(kind), data_kind.__new__(data_kind), http.Headers.__new__(http.Headers)
    headers.fields = lines
    vars(data).update(values)
    data.headers = headers
    message.data = data
    return message


def flow_request(
    flow: http.HTTPFlow | FlowSnapshot, position: int, source_kind: SourceKind, *, answer: bool = True
) -> CapturedRequest:
    """Return the request of `flow`, with its answer if `answer`; `position` is where it stands in its source.

    What the proxy answered itself in place of the recipient is no answer, so a held request has none.
    """
    held = bool(flow.metadata.get(HELD_KEY))
    request, response = flow.request, None if held or not answer else flow.response
    peer = flow.client_conn.peername
    server = None if held else flow.server_conn.peername or flow.server_conn.address
    body = request.raw_content
    return CapturedRequest(
        source_kind=source_kind,
        position=position,
        method=request.method,
        url=storable_address(_url(request)),
        http_version=request.http_version,
        headers=_header_lines(request.headers),
        body=body or b"",
        body_problem="the body is missing in the capture" if body is None else None,
        started_at=float(request.timestamp_start or flow.timestamp_created),
        client_ip=peer[0] if peer else None,
        server_address=server[0] if server else None,
        delivery=delivery(flow),
        status=response.status_code if response else None,
        response_headers=_header_lines(response.headers) if response else (),
        response_body=_kept_response(response),
        held=held,
        reconstruction=flow.metadata.get(PROVENANCE_KEY) == "reconstruction",
    )


def delivery(flow: http.HTTPFlow | FlowSnapshot) -> Delivery:
    """Return what is known of the request's arrival.

    When a client leaves after sending, mitmproxy records an error and no response although the recipient
    got the whole request: that is `sent`. Without a connection to the recipient it is `not_sent`.
    """
    if flow.metadata.get(HELD_KEY):
        return "not_sent"
    if flow.response is not None:
        return "answered"
    if flow.intercepted:
        return "not_sent"  # it waited in mitmproxy's interface until the end
    server = flow.server_conn
    if server.timestamp_tcp_setup is None and server.timestamp_start is None:
        return "not_sent"
    if server.timestamp_tcp_setup is None or server.error is not None:
        return "not_sent"
    return "sent" if flow.request.timestamp_end is not None else "not_sent"


def _kept_response(response: http.Response | None) -> bytes | None:
    if response is None or response.raw_content is None or len(response.raw_content) > MAX_KEPT_RESPONSE:
        return None
    if not is_looked_into(response.headers.get("content-type", "")):
        return None
    return unpacked(response.raw_content, response.headers.get("content-encoding", ""))


def _header_lines(headers: http.Headers) -> Lines:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers.fields)


class _Continued(FlowReader):
    """A reader that begins inside a file, where a brace is damage and not a HAR."""

    def peek(self, n: int) -> bytes:  # noqa: ARG002 - the base class's signature
        return b""


def read_flow(file: BinaryIO, start: int) -> CapturedRequest | None:
    """Return the request of the flow that begins at byte `start` of `file`, or None where it holds none.

    Leaves the file where the flow ends. Raises what mitmproxy raises on damage: nearly anything.
    """
    file.seek(start)
    flow = next(iter(_Continued(file).stream()), None)
    if flow is None:
        raise EOFError("the file became shorter while it was read")
    return flow_request(flow, start, "mitm") if isinstance(flow, http.HTTPFlow) else None


def _url(request: http.Request) -> str:
    """Return mitmproxy's `pretty_url`, whose costly part is the same for every request of a host."""
    if request.first_line_format == "authority" or not request.host_header or request.path == "*":
        return request.pretty_url
    return _origin(request.scheme, request.host_header) + request.path


@lru_cache(maxsize=512)
def _origin(scheme: str, host_header: str) -> str:
    host, port = mitm_url.parse_authority(host_header, check=False)
    return mitm_url.unparse(scheme, host, port or mitm_url.default_port(scheme) or 443, "")


class FlowFileReader(CaptureReader):
    """Reads a file of mitmproxy flows by mitmproxy's own loader alone (see `addon.reader.CaptureReader`).

    `addon.frames.FrameReader` reads the same much faster; this is what it is measured against.
    """

    kind: ClassVar[SourceKind] = "mitm"

    def __iter__(self) -> Iterator[CapturedRequest]:
        """Yield the HTTP requests of the file in order; a break ends the stream and is a problem."""
        with self._open() as file:
            flows = iter(FlowReader(file).stream())
            while True:
                start = file.tell()
                flow = self._next(flows, start)
                if flow is None:
                    return
                self.read_to = file.tell()
                if isinstance(flow, http.HTTPFlow):
                    self.seen += 1
                    request = flow_request(flow, start, "mitm")
                    self._note_time(request.started_at)
                    yield request

    def _next(self, flows: Iterator[mitm_flow.Flow], start: int) -> mitm_flow.Flow | None:
        try:
            flow = next(flows, None)
        except Exception as error:  # noqa: BLE001 - mitmproxy raises many kinds on a damaged file
            self.problems.append(broken(self, start, error))
            return None
        if flow is None:
            self.complete = True
        return flow
