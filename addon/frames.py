"""Files of mitmproxy flows, read by their frames: what cannot matter is stepped over, not built.

The request of a flow is found by stepping over the answer (`addon.frameshape`); its address, header lines and
body say whether it can matter (`addon.sieve`), and only then is it built. Whatever is not of the usual shape,
such as older versions, other protocols, edited or marked flows and damage, is given to mitmproxy's own loader
(`addon.flows`), which decides what it is.

The file is read in windows, not mapped: a file that is cut while it is read ends early instead of ending the
program, and memory stays flat. What nobody needs is not examined: damage inside the answer or the connection
of a request that cannot matter is not noticed, and reading goes on.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, ClassVar, NamedTuple

from addon.consent.belief import era
from addon.consent.evidence import read_told
from addon.consent.setcookie import may_set_telling
from addon.frameshape import (
    Ends,
    Parts,
    answer_lines,
    ends_of,
    frame_length,
    read_answer,
    read_ends,
    read_lines,
    read_place,
    split,
)
from addon.model import CapturedRequest
from addon.netstrings import NetstringError
from addon.observation import Glimpse
from addon.reader import CaptureReader, broken, storable_address
from addon.sieve import Host, Outline, host_of, may_matter, outline
from addon.vocabulary import Delivery, SourceKind

WINDOW = 4 << 20
"""How many bytes are read at once."""

SMALL_WINDOW = 1 << 16
"""How many are read after a flow of another shape, of which there may be more."""

MAX_REMEMBERED = 2048
"""How many header blocks, targets and connections are remembered, each."""

MAX_BLOCK = 16_384
"""Longest block, in bytes, that is remembered."""

_AUTHORITY = re.compile(r"([A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,250}[A-Za-z0-9_])?)(?::([0-9]{1,5}))?")
_LABELS = re.compile(r"[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class _Target(NamedTuple):
    """Where a request goes: its method, its address before the path, and its host."""

    method: str
    begin: str
    host: Host


class Memory:
    """What repeats from flow to flow and is read once: header blocks, targets, connections."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.outlines: dict[bytes, Outline] = {}
        self.targets: dict[tuple[bytes, str, str | None], _Target] = {}
        self.ends: dict[bytes, Ends] = {}


class FrameReader(CaptureReader):
    """Reads a file of mitmproxy flows (see `addon.reader.CaptureReader`), or the part from `start` to `stop`.

    `start` and `stop` must be places where a frame begins or ends.
    """

    kind: ClassVar[SourceKind] = "mitm"

    def __init__(
        self, path: Path, size: int, start: int = 0, stop: int | None = None, memory: Memory | None = None
    ) -> None:
        """Prepare to read `path`, which has `size` bytes; nothing is opened yet.

        Readers of parts of the same file may share a `memory`.
        """
        super().__init__(path, size)
        self.read_to = start
        self._stop = size if stop is None else stop
        memory = memory or Memory()
        self._outlines, self._targets, self._ends = memory.outlines, memory.targets, memory.ends
        self._runs: dict[str, tuple[object, ...]] = {}
        self._lasts: dict[str, Glimpse] = {}

    def __iter__(self) -> Iterator[CapturedRequest]:
        """Yield every HTTP request of the file in order; a break ends the stream and is a problem."""
        for item in self._read(None):
            if isinstance(item, CapturedRequest):
                yield item

    def relevant(self, may_be_site: Callable[[str], bool] = bool) -> Iterator[CapturedRequest | Glimpse | None]:
        """Yield, in order, the requests that can matter and glimpses of those passed over.

        Of requests that show the same of one site's cookies one after the other, only the first and the last
        are glimpsed. Those to sites of which `may_be_site` is False show nothing. None says that everything
        before `read_to` was yielded, so that somebody can begin anew there.
        """
        return self._read(may_be_site)

    def boundaries(self) -> Iterator[int]:
        """Yield places where frames end, about one for every window from `read_to` on, and the file's end last.

        What lies after damage has no known boundary. `watch` sees every byte.
        """
        with self._open() as file:
            start = self.read_to
            while start < self.size:
                file.seek(start)
                window = file.read(min(WINDOW, self.size - start))
                end = _last_boundary(window)
                if end:
                    self._note(memoryview(window)[:end])
                else:
                    end = frame_length(window) or 0
                    if not len(window) < end <= self.size - start:
                        end = self.size - start
                    self._note_again(file, start, start + end)
                start += end
                yield start

    def _read(self, may_be_site: Callable[[str], bool] | None) -> Iterator[CapturedRequest | Glimpse | None]:
        with self._open() as file:
            wanted = WINDOW
            while self.read_to < self._stop:
                file.seek(self.read_to)
                window = file.read(min(wanted, self._stop - self.read_to))
                used = 0
                for end, item in self._items(window, self.read_to, may_be_site):
                    used = end
                    if item is not None:
                        yield item
                if used:
                    self._note(memoryview(window)[:used])
                    self.read_to += used
                    yield from self._flush()
                    self.note_boundary(self.read_to)
                    yield None
                    wanted = min(2 * wanted, WINDOW) if wanted < WINDOW else WINDOW
                    continue
                length = frame_length(window)
                if length is not None and len(window) < length <= self._stop - self.read_to:
                    wanted = max(length, 2 * wanted)  # a frame that is longer than the window
                    continue
                yield from self._flush()
                start = self.read_to
                request = self._by_mitmproxy(file)
                if request is not None:
                    yield request
                if self.read_to == start:
                    break
                self._note_again(file, start, self.read_to)
                self.note_boundary(self.read_to)
                yield None
                wanted = SMALL_WINDOW
            else:
                self.complete = self._stop == self.size
            yield from self._flush()
            self._note_again(file, self.read_to, self._stop)

    def _items(
        self, window: bytes, base: int, may_be_site: Callable[[str], bool] | None
    ) -> Iterator[tuple[int, CapturedRequest | Glimpse | None]]:
        """Yield what the whole frames of a window hold, with how many of its bytes are read by then.

        A frame of another shape ends it before that frame.
        """
        position = 0
        size = len(window)
        outlines, targets = self._outlines, self._targets
        while position < size:
            parts = split(window, position)
            if parts is None:
                break
            try:
                facts = outlines.get(parts.lines) or self._outline(parts.lines)
                key = (parts.place, parts.version, facts.host)
                target = targets.get(key) or self._target(key)
                if (
                    may_be_site is None
                    or facts.page_like
                    or target.host.whole
                    or may_matter(target.method, parts.target, parts.content or b"")
                    or (may_be_site(target.host.site) and self._answer_tells(window, parts))
                ):
                    request = self._request(window, base + position, parts, target)
                    for last in self._flush():
                        yield position, last
                    self._seen(parts.at)
                    position = parts.end
                    yield position, request
                    continue
                if (facts.told or facts.same_site) and may_be_site(target.host.site):
                    seen = Glimpse(base + position, parts.at, target.host.site, facts.told, facts.same_site, facts.gpc)
                    for glimpse in self._glimpses(seen):
                        yield position, glimpse
            except NetstringError:
                break
            self._seen(parts.at)
            position = parts.end
        yield position, None

    def _seen(self, at: float) -> None:
        self.seen += 1
        self._note_time(at)

    # what repeats from flow to flow

    def _outline(self, lines: bytes) -> Outline:
        found = outline(read_lines(lines))
        if len(lines) <= MAX_BLOCK:
            _remember(self._outlines, lines, found)
        return found

    def _target(self, key: tuple[bytes, str, str | None]) -> _Target:
        """Return where a request goes, as mitmproxy tells it. Raises NetstringError where that takes mitmproxy."""
        place = read_place(key[0])
        header = place.authority or key[2] if not key[1].startswith("HTTP/1") else key[2]
        default = _DEFAULT_PORTS.get(place.scheme)
        found = _AUTHORITY.fullmatch(header or place.host)
        if (
            default is None
            or found is None
            or not place.method.isascii()
            or not place.method.isupper()
            or place.method == "CONNECT"
            or _LABELS.fullmatch(found[1]) is None
            or "xn--" in found[1].lower()
        ):
            raise NetstringError("a target that is not read here")
        port = int(found[2] or default) if header else place.port
        if port > 65535 or (found[2] and not header):
            raise NetstringError("a target that is not read here")
        authority = found[1] if port == default else f"{found[1]}:{port}"
        made = _Target(place.method, f"{place.scheme}://{authority}", host_of(found[1].lower().rstrip(".")))
        if len(key[0]) <= MAX_BLOCK:
            _remember(self._targets, key, made)
        return made

    def _connections(self, window: bytes, parts: Parts) -> Ends:
        written = ends_of(window, parts.rest, parts.end)
        found = self._ends.get(written)
        if found is None:
            found = read_ends(written)
            if len(written) <= MAX_BLOCK:
                _remember(self._ends, written, found)
        return found

    # requests

    def _request(self, window: bytes, position: int, parts: Parts, target: _Target) -> CapturedRequest:
        if not parts.target.startswith(b"/"):
            raise NetstringError("a path that is none")
        ends = self._connections(window, parts)
        answer = None
        if parts.answer_end > parts.answer:
            answer = read_answer(window, parts.answer, parts.answer_end)
        delivery: Delivery = "not_sent"
        if answer is not None:
            delivery = "answered"
        elif ends.reached and parts.ended:
            delivery = "sent"
        return CapturedRequest(
            source_kind="mitm",
            position=position,
            method=target.method,
            url=storable_address(target.begin + parts.target.decode("utf-8", "surrogateescape")),
            http_version=parts.version,
            headers=read_lines(parts.lines),
            body=parts.content or b"",
            body_problem="the body is missing in the capture" if parts.content is None else None,
            started_at=parts.at,
            client_ip=ends.client,
            server_address=ends.server,
            delivery=delivery,
            status=answer.status if answer else None,
            response_headers=answer.lines if answer else (),
            response_body=answer.body if answer else None,
        )

    def _by_mitmproxy(self, file: BinaryIO) -> CapturedRequest | None:
        """Read one flow from `read_to` on by mitmproxy's loader; where it cannot, `read_to` stays: a problem."""
        from addon.flows import read_flow  # noqa: PLC0415 - mitmproxy takes a quarter of a second

        try:
            request = read_flow(file, self.read_to)
        except Exception as error:  # noqa: BLE001 - mitmproxy raises many kinds on a damaged file
            self.problems.append(broken(self, self.read_to, error))
            return None
        self.read_to = file.tell()
        if request is not None:
            self._seen(request.started_at)
        return request

    # glimpses

    def _answer_tells(self, window: bytes, parts: Parts) -> bool:
        """Tell whether the answer may set a cookie that tells of a choice."""
        if parts.answer_end <= parts.answer:
            return False
        lines = answer_lines(window, parts.answer, parts.answer_end)
        if lines is None:
            raise NetstringError("an answer of another shape")
        return b"set-cookie" in lines.lower() and may_set_telling(read_lines(lines))

    def _glimpses(self, seen: Glimpse) -> tuple[Glimpse, ...]:
        """Return the glimpse where it begins a run of those that show the same, after the last of the run before."""
        reading = read_told(seen.told)
        shows = (*seen[3:], era(reading, seen.at) if reading else 0)
        if self._runs.get(seen.site) == shows:
            self._lasts[seen.site] = seen
            return ()
        self._runs[seen.site] = shows
        last = self._lasts.pop(seen.site, None)
        return (seen,) if last is None else (last, seen)

    def _flush(self) -> Iterator[Glimpse]:
        """Yield the last glimpse of every run, and begin new ones."""
        yield from sorted(self._lasts.values())
        self._lasts.clear()
        self._runs.clear()


def _last_boundary(window: bytes) -> int:
    """Return where the last whole frame of a window ends."""
    position, size = 0, len(window)
    while True:
        colon = window.find(b":", position, position + 13)
        digits = window[position:colon] if colon > 0 else b""
        if not digits.isdigit():
            return position
        end = colon + int(digits) + 2
        if end > size:
            return position
        position = end


def _remember[K, V](known: dict[K, V], key: K, value: V) -> None:
    if len(known) >= MAX_REMEMBERED:
        known.clear()
    known[key] = value
