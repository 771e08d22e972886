"""HAR files as captured requests, entry by entry, each read or reported.

A HAR holds what a browser tells of its own requests: no client address, no connection, often no cookies.
Format: HAR 1.2 (http://www.softwareishard.com/blog/har-12-spec/) as browsers really write it.
"""

import base64
import binascii
import re
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, NamedTuple
from urllib.parse import quote, quote_plus, unquote

import ijson

from addon.consent.setcookie import may_set_telling
from addon.glimpses import Runs
from addon.model import CapturedRequest, Epoch, Lines, Problem
from addon.observation import Glimpse
from addon.reader import CaptureReader
from addon.sieve import Host, Shown, host_of, may_matter, outline
from addon.vocabulary import Delivery, SourceKind

MAX_PROBLEMS = 200
"""Most broken entries that are named one by one."""

MAX_DEPTH = 500
"""Deepest nesting that is read; a HAR needs about ten levels. Building a path for every level takes quadratic time."""

ROUND = 500
"""After so many entries what was found may be kept elsewhere."""

_UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, RecursionError)
_OUTLINED = frozenset({"accept", "cookie", "host", "sec-fetch-dest", "sec-fetch-site", "sec-gpc"})
_SET_COOKIE = frozenset({"set-cookie"})
_ORIGIN = re.compile(r"https?://([A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,250}[A-Za-z0-9_])?)(?::[0-9]{1,5})?")


class _PassedOver(NamedTuple):
    """An entry that cannot matter: when it began, whose it is, and what its cookies can show."""

    at: Epoch
    site: str
    shown: Shown | None


class _Depth:
    """Counts how deep the JSON is nested, ahead of what builds objects from it."""

    def __init__(self) -> None:
        self._events = ijson.sendable_list()
        self._parser: Any = ijson.basic_parse_coro(self._events)
        self._depth = 0

    def check(self, read: bytes) -> None:
        """Take in what follows; raise ValueError where it is nested too deep."""
        if self._parser is None:
            return
        try:
            self._parser.send(read)
        except (ijson.JSONError, ValueError, StopIteration):
            self._parser = None  # what builds the objects finds the same and says so
        for event, _ in self._events:
            if event in {"start_map", "start_array"}:
                self._depth += 1
                if self._depth > MAX_DEPTH:
                    raise ValueError(f"it is nested more than {MAX_DEPTH} levels deep")
            elif event in {"end_map", "end_array"}:
                self._depth -= 1
        del self._events[:]


class _Watched:
    """An open file of which every byte that is read is shown to somebody."""

    def __init__(self, file: BinaryIO, watch: Callable[[memoryview], None]) -> None:
        self._file = file
        self._watch = watch
        self._held = b""
        self._depth: _Depth | None = _Depth()

    def skip_mark(self) -> None:
        """Leave out the byte order mark that some programs write."""
        start = self._file.read(3)
        self._watch(memoryview(start))
        self._held = start.removeprefix(b"\xef\xbb\xbf")

    def read(self, size: int) -> bytes:
        """Return the next bytes, at most `size`."""
        if self._held and size >= len(self._held):
            read, self._held = self._held, b""
        else:
            read = self._file.read(size)
            if read:
                self._watch(memoryview(read))
        if self._depth is not None and read:
            self._depth.check(read)
        return read

    def read_rest(self) -> None:
        """Read, for the watcher's sake, what nobody wanted."""
        self._depth = None
        while self.read(1 << 20):
            pass

    def tell(self) -> int:
        """Return how many bytes were read."""
        return self._file.tell()


class HarReader(CaptureReader):
    """Reads a HAR (see `addon.reader.CaptureReader`). `read_to` counts entries."""

    kind: ClassVar[SourceKind] = "har"

    def __init__(self, path: Path, size: int) -> None:
        """Prepare to read `path`, which has `size` bytes; nothing is opened yet."""
        super().__init__(path, size)
        self._shows_cookies = False

    def __iter__(self) -> Iterator[CapturedRequest]:
        """Yield the requests of the file in order; broken entries and a broken end are problems."""
        for number, entry in self._entries():
            request = self._request(entry, number)
            if request is not None:
                yield request

    def relevant(self, may_be_site: Callable[[str], bool] = bool) -> Iterator[CapturedRequest | Glimpse | None]:
        """Yield, in order, the requests that can matter and glimpses of those passed over.

        Sites of which `may_be_site` is False show nothing, and None says that what came before may be kept elsewhere
        (see `addon.frames.FrameReader.relevant`).
        """
        runs = Runs()
        for number, entry in self._entries():
            if number % ROUND == 0 and self._shows_cookies:  # until then, what is held may turn out to show nothing
                yield from runs.end()
                yield None
            seen = self._passed_over(entry, may_be_site)
            if seen is not None:
                self._note_time(seen.at)
                if seen.shown is not None and may_be_site(seen.site):
                    yield from runs.add(number, seen.at, seen.site, seen.shown)
                continue
            request = self._request(entry, number)
            if request is not None:
                self._shows_cookies = self._shows_cookies or _shows_cookies(request)
                yield from runs.end()
                yield request
        yield from runs.end()

    @property
    def resumes_at(self) -> int | None:
        """Return None: the entries of a HAR are counted, and not found by a place."""
        return None

    def _entries(self) -> Iterator[tuple[int, Any]]:
        """Yield number and content of every entry."""
        with self._open() as opened:
            file = _Watched(opened, self._note)
            file.skip_mark()
            entries = ijson.items(file, "log.entries.item", use_float=True)
            while (entry := self._next(entries, file)) is not None:
                number = self.read_to
                self.read_to += 1
                self.seen += 1
                yield number, entry[0]
            file.read_rest()
        if self.complete and not self.read_to:
            self.problems.append(
                Problem(where=self.path.name, what="the file is JSON without any log.entries: it may not be a HAR")
            )
            self.complete = False

    def _next(self, entries: Iterator[Any], file: _Watched) -> tuple[Any] | None:
        """Return the next entry, or None where there is none or none that can be read, which is a problem."""
        try:
            return (next(entries),)
        except StopIteration:
            self.complete = True
        except (ijson.JSONError, UnicodeDecodeError, ValueError) as error:
            reason = " ".join(str(error).split())[:160]
            self.problems.append(
                Problem(
                    where=f"{self.path.name}, after entry {self.read_to}, before byte {file.tell()}",
                    what=f"the JSON is cut or damaged ({reason}); the {self.read_to} entries before were read",
                )
            )
        return None

    def _request(self, entry: Any, number: int) -> CapturedRequest | None:
        try:
            request = har_request(entry, number)
        except _UNREADABLE as error:
            self._name(number, f"the entry cannot be read: {type(error).__name__} {error}"[:300])
            return None
        self._note_time(request.started_at)
        return request

    def _name(self, number: int, what: str) -> None:
        """Name what is wrong with an entry."""
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(where=f"{self.path.name}, entry {number}", what=what))

    def _passed_over(self, entry: Any, may_be_site: Callable[[str], bool]) -> "_PassedOver | None":
        """Return what an entry that cannot matter shows of cookies, or None where it must be built (or cannot be)."""
        try:
            return self._outlined(entry, may_be_site)
        except _UNREADABLE:
            return None

    def _outlined(self, entry: Any, may_be_site: Callable[[str], bool]) -> "_PassedOver | None":
        request, response = entry["request"], entry.get("response") or {}
        method, url = str(request["method"]).upper(), _text(str(request["url"])).partition("#")[0]
        path = url.find("/", len("https://"))
        host = _host_at(url[:path] if path > 0 else "")
        if host.whole:
            return None
        lines = _outlined(request)
        told = outline(lines)
        if told.page_like:
            return None
        body = _body(request.get("postData"), _headers(request))[0] if method == "POST" else b""
        if may_matter(method, url[path:].encode("utf-8"), body):
            return None
        sets = _header_list(response.get("headers"), _SET_COOKIE)
        if not self._shows_cookies and (sets or any(name.lower() == "cookie" for name, _ in lines)):
            return None  # one entry that shows cookies must be seen: a HAR without any was sanitised
        if may_be_site(host.site) and may_set_telling(sets):
            return None
        if not isinstance(response, dict):
            return None
        return _PassedOver(_epoch(str(entry["startedDateTime"])), host.site, told.shown)


def _shows_cookies(request: CapturedRequest) -> bool:
    names = (name.lower() for name, _ in (*request.headers, *request.response_headers))
    return any(name in {"cookie", "set-cookie"} for name in names)


def _outlined(request: dict[str, Any]) -> Lines:
    """Return the header lines that `outline` asks for. Raises where they are not written as they should be."""
    items = request["headers"]
    names = [item["name"].lower() for item in items]
    if "cookie" not in names and request.get("cookies"):
        return _headers(request, _OUTLINED)
    return tuple(
        [
            (name, _text(str(item.get("value", ""))))
            for name, item in zip(names, items, strict=True)
            if name in _OUTLINED
        ]
    )


@lru_cache(maxsize=1024)
def _host_at(origin: str) -> Host:
    """Return the host of an address up to its path."""
    found = _ORIGIN.fullmatch(origin)
    return host_of(found[1].lower().rstrip(".") if found else "")


def har_request(entry: dict[str, Any], number: int) -> CapturedRequest:
    """Return the request of one HAR entry, which stands at `number` in its file.

    Raises KeyError, TypeError or ValueError where the entry lacks a request with an address or a time.
    """
    request = entry["request"]
    response = entry.get("response") or {}
    headers = _headers(request)
    body, problem = _body(request.get("postData"), headers)
    status = response.get("status")
    status = status if isinstance(status, int) and 100 <= status <= 999 else None
    return CapturedRequest(
        source_kind="har",
        position=number,
        method=str(request["method"]).upper(),
        url=_text(str(request["url"])).partition("#")[0],
        http_version=str(request.get("httpVersion") or "unknown"),
        headers=headers,
        body=body,
        body_problem=problem,
        started_at=_epoch(str(entry["startedDateTime"])),
        client_ip=None,
        server_address=(str(entry.get("serverIPAddress") or "").strip("[]") or None),
        delivery=_delivery(status),
        status=status,
        response_headers=_header_list(response.get("headers")),
        response_body=_page(response),
    )


def _delivery(status: int | None) -> Delivery:
    return "unknown" if status is None else "answered"


def _epoch(text: str) -> float:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    seconds = moment.timestamp()
    if seconds < 0:
        raise ValueError(f"startedDateTime {text} is no time of a recording")
    return seconds


def _header_list(items: Any, wanted: Collection[str] | None = None) -> Lines:
    """Return header lines, those that are `wanted` (in lower case) or all."""
    if not isinstance(items, list):
        return ()
    return tuple(
        (_text(name), _text(str(item.get("value", ""))))
        for item in items
        if isinstance(item, dict) and "name" in item
        for name in (str(item["name"]),)
        if wanted is None or name.lower() in wanted
    )


def _headers(request: dict[str, Any], wanted: Collection[str] | None = None) -> Lines:
    headers = _header_list(request.get("headers"), wanted)
    cookies = request.get("cookies")
    if isinstance(cookies, list) and cookies and not any(name.lower() == "cookie" for name, _ in headers):
        # some browsers leave the header line out and list the cookies only
        pairs = [
            f"{item['name']}={item.get('value', '')}" for item in cookies if isinstance(item, dict) and "name" in item
        ]
        headers = (*headers, ("cookie", _text("; ".join(pairs))))
    return headers


def _body(post: Any, headers: Lines) -> tuple[bytes, str | None]:
    """Return the body's bytes; where only `params` were kept, the form is written again from them."""
    if not isinstance(post, dict):
        return b"", None
    text = post.get("text")
    if isinstance(text, str) and text:
        if post.get("encoding") == "base64" or post.get("_encoding") == "base64":
            try:
                return base64.b64decode(text, validate=True), None
            except (binascii.Error, ValueError):
                return b"", "the body is marked as base64 and is none"
        return text.encode("utf-8", "replace"), None
    params = post.get("params")
    if not isinstance(params, list) or not params:
        return b"", None
    pairs = [
        (_text(str(item["name"])), _text(str(item.get("value") or "")))
        for item in params
        if isinstance(item, dict) and "name" in item
    ]
    content_type = next((value for name, value in headers if name.lower() == "content-type"), "")
    if "multipart" in (content_type or str(post.get("mimeType") or "")).lower():
        return _multipart(pairs, content_type), None
    if _is_encoded(pairs):
        return "&".join(f"{name}={value}" for name, value in pairs).encode("utf-8", "replace"), None
    return "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs).encode("ascii"), None


def _is_encoded(pairs: list[tuple[str, str]]) -> bool:
    """Tell whether `params` were left percent-encoded, as some browsers do and others do not."""
    return any(quote(unquote(name), safe="") == name and "%" in name for name, _ in pairs) and not any(
        char in name + value for name, value in pairs for char in ' []{}"&'
    )


def _multipart(pairs: list[tuple[str, str]], content_type: str) -> bytes:
    boundary = content_type.partition("boundary=")[2].split(";")[0].strip().strip('"') or "--rewritten"
    lines = [
        # browsers write `"` in a field name as %22 (HTML standard, multipart encoding)
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name.replace('"', "%22")}"\r\n\r\n{value}\r\n'
        for name, value in pairs
    ]
    return ("".join(lines) + f"--{boundary}--\r\n").encode("utf-8", "replace")


def _page(response: dict[str, Any]) -> bytes | None:
    content = response.get("content")
    if not isinstance(content, dict):
        return None
    kind = str(content.get("mimeType") or "").lower()
    text = content.get("text")
    if not isinstance(text, str) or ("html" not in kind and "javascript" not in kind):
        return None
    if content.get("encoding") == "base64":
        try:
            return base64.b64decode(text)
        except (binascii.Error, ValueError):
            return None
    return text.encode("utf-8", "replace")


def _text(value: str) -> str:
    """Return `value` without lone surrogates, which JSON escapes can smuggle in."""
    return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
