"""Files of mitmproxy flows, read by their frames: what cannot matter is stepped over, not built.

The request of a flow is found by stepping over the answer (`addon.frameshape`); its address, header lines and
body say whether it can matter (`addon.sieve`), and only then is it built. Whatever is not of the usual shape,
such as older versions, other protocols, edited or marked flows and damage, is given to mitmproxy's own loader
(`addon.flows`), which decides what it is.

The file is read in windows, not mapped: a file that is cut while it is read ends early instead of ending the
program, and memory stays flat. What nobody needs is not examined: damage inside the answer or the connection
of a request that cannot matter is not noticed, and reading goes on.
"""

from collections.abc import Callable, Iterator
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, ClassVar

from addon.consent.setcookie import may_set_telling
from addon.frameshape import Parts, answer_lines, ends_of, frame_length, read_answer, read_lines, split
from addon.glimpses import Runs
from addon.model import CapturedRequest
from addon.netstrings import NetstringError
from addon.observation import Glimpse
from addon.reader import CaptureReader, broken, storable_address
from addon.sieve import may_matter
from addon.stride import Found, Repeats, Target, step_over
from addon.vocabulary import Delivery, SourceKind

WINDOW = 1 << 20
"""How many bytes are read at once."""

SMALL_WINDOW = 1 << 16
"""How many are read after a flow of another shape, of which there may be more."""

_MOST_LENT = 8
"""How many windows may be with whoever watches before one of them is given up."""


class FrameReader(CaptureReader):
    """Reads a file of mitmproxy flows (see `addon.reader.CaptureReader`), or the part from `start` to `stop`.

    `start` and `stop` must be places where a frame begins or ends.
    """

    kind: ClassVar[SourceKind] = "mitm"

    def __init__(
        self, path: Path, size: int, start: int = 0, stop: int | None = None, repeats: Repeats | None = None
    ) -> None:
        """Prepare to read `path`, which has `size` bytes; nothing is opened yet.

        Readers of parts of the same file may share `repeats`.
        """
        super().__init__(path, size)
        self.read_to = start
        self._stop = size if stop is None else stop
        self._repeats = repeats or Repeats()
        self._runs = Runs()

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
        windows = _Windows()
        with self._open() as file:
            start = self.read_to
            while start < self.size:
                file.seek(start)
                window = windows.read(file, self.size - start)
                end = _last_boundary(window)
                if end:
                    self._note(windows.lend(window, end))
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
                    yield from self._runs.end()
                    self.note_boundary(self.read_to)
                    yield None
                    wanted = min(2 * wanted, WINDOW) if wanted < WINDOW else WINDOW
                    continue
                length = frame_length(window)
                if length is not None and len(window) < length <= self._stop - self.read_to:
                    wanted = max(length, 2 * wanted)  # a frame that is longer than the window
                    continue
                yield from self._runs.end()
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
            yield from self._runs.end()
            self._note_again(file, self.read_to, self._stop)

    def _items(
        self, window: bytes, base: int, may_be_site: Callable[[str], bool] | None
    ) -> Iterator[tuple[int, CapturedRequest | Glimpse | None]]:
        """Yield what the whole frames of a window hold, with how many of its bytes are read by then.

        A frame of another shape ends it before that frame.
        """
        position = 0
        repeats, runs = self._repeats, self._runs
        while position < len(window):
            found = None
            if may_be_site is not None:
                passed = step_over(window, position, base, repeats, runs, may_be_site)
                position, found = passed.position, passed.found
                self.add(passed.seen, passed.first_at, passed.last_at)
                for glimpse in passed.glimpses:
                    yield position, glimpse
            try:
                parts, target = found or self._taken_apart(window, position)
                facts = repeats.outlines[parts.lines]
                if (
                    may_be_site is None
                    or found is not None
                    or facts.page_like
                    or target.host.whole
                    or may_matter(target.method, parts.target, parts.content or b"")
                    or (may_be_site(target.host.site) and self._answer_tells(window, parts))
                ):
                    request = self._request(window, base + position, parts, target)
                    for last in runs.end():
                        yield position, last
                    self.add(1, parts.at, parts.at)
                    position = parts.end
                    yield position, request
                    continue
                if facts.shown is not None and may_be_site(target.host.site):
                    for glimpse in runs.add(base + position, parts.at, target.host.site, facts.shown):
                        yield position, glimpse
            except NetstringError:
                break
            self.add(1, parts.at, parts.at)
            position = parts.end
        yield position, None

    # requests

    def _taken_apart(self, window: bytes, position: int) -> Found:
        """Return the frame at `position`, and where its request goes. Raises NetstringError for another shape."""
        parts = split(window, position)
        if parts is None:
            raise NetstringError("a frame that is cut or of another shape")
        facts = self._repeats.outlines[parts.lines]
        return Found(parts, self._repeats.targets[parts.place, parts.version, facts.host])

    def _request(self, window: bytes, position: int, parts: Parts, target: Target) -> CapturedRequest:
        if not parts.target.startswith(b"/"):
            raise NetstringError("a path that is none")
        ends = self._repeats.ends[ends_of(window, parts.rest, parts.end)]
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
            http_version=parts.version.decode("ascii"),
            headers=self._repeats.lines[parts.lines],
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
            self.add(1, request.started_at, request.started_at)
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


class _Windows:
    """Windows that are read into again once nobody looks at them any more: fresh memory costs as much as reading."""

    def __init__(self) -> None:
        self._lent: list[tuple[bytearray, memoryview]] = []

    def read(self, file: BufferedReader, left: int) -> bytearray:
        """Read on in a file of which so many bytes are left."""
        window = self._returned() if left >= WINDOW else bytearray(left)
        found = file.readinto(window)
        del window[found:]  # a file that was cut while it was read
        return window

    def lend(self, window: bytearray, size: int) -> memoryview:
        """Return the beginning of a window for somebody who releases it after use."""
        view = memoryview(window)[:size]
        if len(window) == WINDOW:
            self._lent.append((window, view))
            del self._lent[:-_MOST_LENT]
        return view

    def _returned(self) -> bytearray:
        for number, (window, view) in enumerate(self._lent):
            if _is_released(view):
                del self._lent[number]
                return window
        return bytearray(WINDOW)


def _is_released(view: memoryview) -> bool:
    try:
        return view.nbytes < 0
    except ValueError:
        return True


def _last_boundary(window: bytearray) -> int:
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
