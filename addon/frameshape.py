"""The frame of one HTTP flow in a mitmproxy file, taken apart where it stands.

A flow is a typed netstring of netstrings whose order mitmproxy's writer always keeps (format version 21,
mitmproxy 12; seen in the recordings of this repository). What is read here is that shape alone, and only of
flows that nobody edited, marked or commented; `split` returns None for everything else.
"""

import re
from typing import NamedTuple

from addon.bodies import MAX_KEPT_RESPONSE, is_looked_into, unpacked
from addon.model import Lines
from addon.netstrings import NetstringError, read_pairs, read_value
from addon.remembered import Remembered

_frame_at = re.compile(rb"(\d{1,12}):9:websocket;0:~8:response;(\d{1,12}):").match
_request_at = re.compile(rb"([}~])7:request;(\d{1,12}):4:path;(\d{1,9}):").match
_place_at = re.compile(
    rb",(9:authority;[^,]*+,6:scheme;[^,]*+,6:method;[^,]*+,4:port;[^#]*+#4:host;[^;]*+;)"
    rb"13:timestamp_end;(\d\d?:[0-9.]++\^|0:~)15:timestamp_start;(\d\d?):([0-9.]++)\^8:trailers;0:~"
    rb"7:content;(\d{1,12}):(?:,7:headers;(\d{1,9}):)?"
).match
headers_at = re.compile(rb"[,~]7:headers;(\d{1,9}):").match
_VERSIONS = {
    b"]12:http_version;%d:%b," % (len(name), name): name for name in (b"HTTP/1.0", b"HTTP/1.1", b"HTTP/2.0", b"HTTP/3")
}
answered_at = re.compile(
    rb"(\d{1,12}):9:websocket;0:~8:response;(\d{1,12}):6:reason;\d{1,9}:[^,]*+,11:status_code;3:\d{3}#"
    rb"13:timestamp_end;(?:\d\d?:[0-9.]++\^|0:~)15:timestamp_start;\d\d?:[0-9.]++\^8:trailers;0:~7:content;(\d{1,12}):"
).match
"""Matches a frame with an answer up to the answer's body.

Groups: length of the frame; length of the answer; length of the body.
"""

plain_request_at = re.compile(
    rb"}7:request;(\d{1,12}):4:path;(\d{1,9}):([^,]*+),"
    rb"(9:authority;[^,]*+,6:scheme;[^,]*+,6:method;[^,]*+,4:port;[^#]*+#4:host;[^;]*+;)"
    rb"13:timestamp_end;(\d\d?:[0-9.]++\^|0:~)15:timestamp_start;(\d\d?):([0-9.]++)\^8:trailers;0:~"
    rb"7:content;(\d{1,12}):(?:,7:headers;(\d{1,9}):)?"
).match
"""Matches, where an answer ends, its request up to the header lines, if there is no comma in its path.

Groups: length of the request; length and text of path and query; the place (see `Parts`); when it ended, as written;
length and text of when it began; length of the body; where there is no body, length of the header lines.
"""

_MOMENT = re.compile(rb"\d\d?:[0-9.]+\^")
_HEADERS = b",7:headers;"
_HEADERS_OR_NONE = (_HEADERS, b"~7:headers;")
_AFTER_REQUEST = b"}6:backup;0:~17:timestamp_created;"
_AFTER_CREATED = b"^7:comment;0:;8:metadata;0:}6:marked;0:;9:is_replay;0:~11:intercepted;5:false!11:server_conn;"
behind_lines_at = re.compile(
    rb"(\]12:http_version;8:(HTTP/(?:2\.0|1\.1)),)"
    + re.escape(_AFTER_REQUEST)
    + rb"\d\d?:[0-9.]++"
    + re.escape(_AFTER_CREATED)
).match
"""Matches what stands behind the header lines of a request that nobody edited, marked or commented.

Groups: the end of the request; the version.
"""

TAIL = b"4:type;4:http;7:version;2:21#}"
_BEFORE_TAIL = re.compile(rb"5:error;(?:0:~|\d{1,9}:.*\})2:id;36:[0-9a-f-]{36};\Z", re.DOTALL)
_CLIENT = b"11:client_conn;"
_PARTS_OF_PLACE = re.compile(
    r"9:authority;(\d+):([^,]*),6:scheme;(\d+):([^,]*),6:method;(\d+):([^,]*),4:port;(\d+):(\d+)#4:host;(\d+):([^;]*);"
)
_ANSWER = re.compile(
    rb"6:reason;(\d{1,9}):[^,]*+,11:status_code;3:(\d{3})#13:timestamp_end;(?:\d\d?:[0-9.]++\^|0:~)"
    rb"15:timestamp_start;\d\d?:[0-9.]++\^8:trailers;0:~7:content;(\d{1,12}):"
)
_ANSWER_END = re.compile(rb"\]12:http_version;\d{1,3}:[^,]*+,\Z")
_LINE = re.compile(rb"(\d{1,7}):((\d{1,7}):([^,]*+),(\d{1,7}):(.*+))", re.DOTALL)
_LENGTHS = tuple(b"%d" % number for number in range(64))


class Parts(NamedTuple):
    """Where the parts of a frame stand in their window, and what of the request was read on the way.

    `place` is the part of the request that says where it goes, `lines` its header lines, both as written.
    """

    end: int
    answer: int
    answer_end: int
    target: bytes
    place: bytes
    ended: bool
    at: float
    content: bytes | None
    lines: bytes
    version: bytes
    rest: int


class Place(NamedTuple):
    """Where a request goes, as far as its first line and its connection say."""

    authority: str
    scheme: str
    method: str
    port: int
    host: str


class Answer(NamedTuple):
    """What is kept of an answer. `body` is None where it is not looked into."""

    status: int
    lines: Lines
    body: bytes | None


class Ends(NamedTuple):
    """The addresses of a flow's two ends, and whether the recipient's was reached."""

    client: str | None
    server: str | None
    reached: bool


def frame_length(window: bytes | bytearray) -> int | None:
    """Return how many bytes the frame has that begins with these, or None where none begins."""
    digits, colon, _ = window[:13].partition(b":")
    return len(digits) + 1 + int(digits) + 1 if colon and digits.isdigit() else None


def split(window: bytes, position: int) -> Parts | None:
    """Return the parts of the frame that begins at `position`, or None where it is cut or of another shape."""
    frame = _frame_at(window, position)
    if frame is None:
        return None
    length, answer_length = frame.groups()
    answer = frame.end()
    answer_end = answer + int(answer_length)
    end = position + len(length) + 1 + int(length)
    if end >= len(window) or not window.startswith(TAIL, end - 29):
        return None
    request = _request_at(window, answer_end)
    if request is None or (request[1] == b"}") != (answer_end > answer):
        return None
    path = request.end()
    path_end = path + int(request[3])
    place = _place_at(window, path_end)
    if place is None:
        return None
    where, ended, digits, moment, content_length, lines_length = place.groups()
    if digits != _LENGTHS[len(moment) & 63]:
        return None
    content: bytes | None = b""
    if content_length == b"0" and lines_length is not None:
        lines = place.end()
    else:
        begin = place.end(5) + 1
        lines = begin + int(content_length)
        content = window[begin:lines] if window[lines : lines + 1] == b"," else None
        headers = headers_at(window, lines)
        if headers is None or (content is None and lines > begin):
            return None
        lines_length = headers[1]
        lines = headers.end()
    lines_end = lines + int(lines_length)
    request_end = request.start(2) + len(request[2]) + 1 + int(request[2])
    version = window[lines_end:request_end]
    created = request_end + len(_AFTER_REQUEST)
    rest = window.find(b"^", created, created + 30)
    if (
        version not in _VERSIONS
        or not window.startswith(_AFTER_REQUEST, request_end)
        or not window.startswith(_AFTER_CREATED, rest)
        or rest + len(_AFTER_CREATED) >= end
        or _MOMENT.fullmatch(window, created, rest + 1) is None
    ):
        return None
    try:
        at = float(moment)
    except ValueError:
        return None
    if not at:
        return None
    return Parts(
        end + 1,
        answer,
        answer_end,
        window[path:path_end],
        where,
        ended != b"0:~",
        at,
        content,
        window[lines:lines_end],
        _VERSIONS[version],
        rest + len(_AFTER_CREATED),
    )


def read_place(text: bytes) -> Place:
    """Return what `Parts.place` says. Raises NetstringError where its lengths do not fit."""
    found = _PARTS_OF_PLACE.fullmatch(text.decode("latin-1"))
    if found is None or any(int(found[n]) != len(found[n + 1]) for n in (1, 3, 5, 7, 9)):
        raise NetstringError("a request whose lengths do not fit")
    return Place(found[2], found[4], found[6], int(found[8]), found[10])


def read_lines(content: bytes) -> Lines:
    """Return header lines as text, decoded as ISO-8859-1. Raises NetstringError."""
    *lines, rest = content.split(b",]")
    found = [line for written in lines if (line := _line[written]) is not None]
    if rest or len(found) < len(lines):  # a value that holds the mark, or damage
        pairs = read_pairs(content, 0, len(content))
        return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in pairs)
    return tuple(found)


def _read_line(written: bytes) -> tuple[str, str] | None:
    """Return name and value of one header line without its end, or None where its lengths do not fit."""
    found = _LINE.fullmatch(written)
    if found is None:
        return None
    length, rest, name_length, name, value_length, value = found.groups()
    if int(length) != len(rest) + 1 or int(name_length) != len(name) or int(value_length) != len(value):
        return None
    return name.decode("latin-1"), value.decode("latin-1")


_line = Remembered(_read_line, entries=4096, longest=1024)


def answer_lines(window: bytes, answer: int, answer_end: int) -> bytes | None:
    """Return the header lines of an answer as written, or None where it is of another shape."""
    found = _ANSWER.match(window, answer, answer_end)
    if found is None:
        return None
    headers = found.end() + int(found[3]) + len(_HEADERS)
    colon = window.find(b":", headers, headers + 10)
    if not window.startswith(_HEADERS_OR_NONE, headers - len(_HEADERS)) or colon < 0:
        return None
    try:
        stop = colon + 1 + int(window[headers:colon])
    except ValueError:
        return None
    return window[colon + 1 : stop] if stop < answer_end and window[stop] == 0x5D else None


def read_answer(window: bytes, answer: int, answer_end: int) -> Answer:
    """Return what is kept of an answer. Raises NetstringError."""
    found = _ANSWER.match(window, answer, answer_end)
    if found is None:
        raise NetstringError("an answer of another shape")
    content = found.end()
    content_end = content + int(found[3])
    headers = headers_at(window, content_end, answer_end)
    if headers is None or (window[content_end] == 0x7E and content_end > content):
        raise NetstringError("an answer of another shape")
    stop = headers.end() + int(headers[1])
    if _ANSWER_END.match(window, stop, answer_end) is None:
        raise NetstringError("an answer of another shape")
    lines = read_lines(window[headers.end() : stop])
    body = None
    is_kept = window[content_end] == 0x2C and content_end - content <= MAX_KEPT_RESPONSE
    if is_kept and is_looked_into(_joined(lines, "content-type")):
        body = unpacked(window[content:content_end], _joined(lines, "content-encoding"))
    return Answer(int(found[2]), lines, body)


def _joined(lines: Lines, name: str) -> str:
    length = len(name)
    return ", ".join([value for key, value in lines if len(key) == length and key.lower() == name])


def ends_of(window: bytes, rest: int, end: int) -> bytes:
    """Return the connections of a frame as written. Raises NetstringError where something else is in between."""
    stop = end - 30
    error = window.rfind(b"5:error;", rest, stop)
    if error < 0 or _BEFORE_TAIL.match(window, error, stop) is None:
        raise NetstringError("the end of a flow in another shape")
    return window[rest:error]


def read_ends(connections: bytes) -> Ends:
    """Return what `ends_of` found, read. Raises NetstringError."""
    server, stop = read_value(connections, 0, len(connections))
    if not connections.startswith(_CLIENT, stop):
        raise NetstringError("connections in another shape")
    client, stop = read_value(connections, stop + len(_CLIENT), len(connections))
    if stop != len(connections) or not isinstance(server, dict) or not isinstance(client, dict):
        raise NetstringError("connections in another shape")
    try:
        peer, address, client_peer = server["peername"], server["address"], client["peername"]
        refused = server["timestamp_tcp_setup"] is None or server["error"] is not None
        found = Ends(_name(client_peer), _name(peer) or _name(address), not refused)
    except (KeyError, TypeError, IndexError):
        raise NetstringError("connections in another shape") from None
    return found


def _name(address: list[object] | None) -> str | None:
    if not address:
        return None
    if not isinstance(address[0], str):
        raise NetstringError("an address that is no text")
    return address[0]
