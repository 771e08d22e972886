"""Steps over the frames of flows that cannot matter, without taking them apart.

Everything here decides in favour of a closer look: what it steps over is of the usual shape, shows nothing by its
address, header lines or body (`addon.sieve`) but what its cookies say, which is noted.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from addon.frameshape import (
    TAIL,
    Ends,
    Parts,
    answered_at,
    behind_lines_at,
    headers_at,
    plain_request_at,
    read_ends,
    read_lines,
    read_place,
)
from addon.glimpses import Runs
from addon.model import Epoch, Lines
from addon.netstrings import NetstringError
from addon.observation import Glimpse
from addon.remembered import Remembered
from addon.sieve import Host, Outline, host_of, may_matter, outline

MOST_REMEMBERED = 2048
"""How many header blocks, targets and connections are remembered, each."""

MAX_BLOCK = 16_384
"""Longest block, in bytes, that is remembered."""

_AUTHORITY = re.compile(r"([A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,250}[A-Za-z0-9_])?)(?::([0-9]{1,5}))?")
_LABELS = re.compile(r"[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Target(NamedTuple):
    """Where a request goes: its method, its address before the path, and its host."""

    method: str
    begin: str
    host: Host


class Repeats:
    """What repeats from flow to flow and is read once: header blocks, targets, connections.

    Readers of parts of the same file may share one.
    """

    def __init__(self) -> None:
        """Start with nothing."""
        self.lines = Remembered[bytes, Lines](read_lines, MOST_REMEMBERED, MAX_BLOCK)
        """Header lines of requests by the same as written. Raises NetstringError."""
        self.outlines = Remembered[bytes, Outline](lambda lines: outline(read_lines(lines)), MOST_REMEMBERED, MAX_BLOCK)
        """What header lines, as written, tell by themselves. Raises NetstringError."""
        self.ends = Remembered[bytes, Ends](read_ends, MOST_REMEMBERED, MAX_BLOCK)
        """The addresses of a flow's two ends by its connections as written. Raises NetstringError."""
        self.targets = Remembered[tuple[bytes, bytes, str | None], Target](
            lambda key: _target(*key), MOST_REMEMBERED, MAX_BLOCK, lambda key: len(key[0])
        )
        """Where a request goes, as mitmproxy tells it, by its place, version and `Host` header.

        Raises NetstringError where that takes mitmproxy.
        """


def _target(place: bytes, version: bytes, host: str | None) -> Target:
    read = read_place(place)
    header = read.authority or host if not version.startswith(b"HTTP/1") else host
    default = _DEFAULT_PORTS.get(read.scheme)
    found = _AUTHORITY.fullmatch(header or read.host)
    if (
        default is None
        or found is None
        or not read.method.isascii()
        or not read.method.isupper()
        or read.method == "CONNECT"
        or _LABELS.fullmatch(found[1]) is None
        or "xn--" in found[1].lower()
    ):
        raise NetstringError("a target that is not read here")
    port = int(found[2] or default) if header else read.port
    if port > 65535 or (found[2] and not header):
        raise NetstringError("a target that is not read here")
    authority = found[1] if port == default else f"{found[1]}:{port}"
    return Target(read.method, f"{read.scheme}://{authority}", host_of(found[1].lower().rstrip(".")))


class Found(NamedTuple):
    """A frame taken apart, and where its request goes."""

    parts: Parts
    target: Target


class Passed(NamedTuple):
    """What was stepped over: up to which place, how many requests, when the first and the last of them began.

    `glimpses` are those that are due. `found` is the frame that stands there, where it was taken apart because it may
    matter by its address, header lines or body.
    """

    position: int
    seen: int
    first_at: Epoch | None
    last_at: Epoch | None
    glimpses: list[Glimpse]
    found: Found | None


def step_over(
    window: bytes, position: int, base: int, repeats: Repeats, runs: Runs, may_be_site: Callable[[str], bool]
) -> Passed:
    """Step over frames from `position` on that cannot matter, to the first that may.

    `base` is where the window begins in its file. What the cookies show of requests is noted in `runs`.
    """
    size = len(window)
    seen = 0
    first_at = last_at = None
    outlines, targets, shown_by, lasts = repeats.outlines, repeats.targets, runs.shown, runs.lasts
    sites: dict[str, bool] = {}
    glimpses: list[Glimpse] = []
    found = None
    while position < size:
        frame = answered_at(window, position)
        if frame is None:
            break
        length, answer_length, body_length = frame.groups()
        answer_end = frame.end(2) + 1 + int(answer_length)
        end = position + len(length) + 1 + int(length)
        if end >= size or not window.startswith(TAIL, end - 29):
            break
        request = plain_request_at(window, answer_end)
        if request is None:
            break
        (
            request_length, target_length, target, place, ended, digits, moment, content_length, lines_length,
        ) = request.groups()  # fmt: skip
        content = b""
        if lines_length is not None and content_length == b"0":
            lines = request.end()
        else:
            begin = request.end(8) + 1
            stop = begin + int(content_length)
            headers = headers_at(window, stop)
            if headers is None or window[stop] != 0x2C:
                break
            content = window[begin:stop]
            lines, lines_length = headers.end(), headers[1]
        lines_end = lines + int(lines_length)
        behind = behind_lines_at(window, lines_end)
        if (
            behind is None
            or request.end(1) + 1 + int(request_length) != behind.end(1)
            or int(target_length) != len(target)
            or int(digits) != len(moment)
        ):
            break
        version = behind[2]
        written = window[lines:lines_end]
        try:
            at = float(moment)
            facts = outlines[written]
            where = targets[place, version, facts.host]
        except ValueError:
            break
        if not at:
            break
        host = where.host
        if facts.page_like or host.whole or may_matter(where.method, target, content):
            answer, rest = answer_end - int(answer_length), behind.end()
            if rest < end:
                found = Found(
                    Parts(
                        end + 1, answer, answer_end, target, place, ended != b"0:~", at, content, written, version, rest
                    ),
                    where,
                )
            break
        site = host.site
        is_site = sites.get(site)
        if is_site is None:
            is_site = sites[site] = may_be_site(site)
        if is_site:
            answer_lines = window[frame.end() + int(body_length) : answer_end]
            if answer_lines.lower().find(b"set-cookie") >= 0:
                break
            shown = facts.shown
            if shown is not None:
                if shown_by.get(site) is shown and shown.timeless:
                    lasts[site] = (base + position, at)
                else:
                    glimpses += runs.add(base + position, at, site, shown)
        if first_at is None or last_at is None:
            first_at = last_at = at
        elif at > last_at:
            last_at = at
        elif at < first_at:
            first_at = at
        seen += 1
        position = end + 1
    return Passed(position, seen, first_at, last_at, glimpses, found)
