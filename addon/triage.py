"""Which requests that pass the proxy must be taken down, told in the proxy's own thread from very little.

Most requests of a page show nothing but their cookies, and mostly the same cookies as those before them. Of these
only their number and the first and the last of every such row go to the recorder. As in a replay, everything
here is a superset of what an observer keeps (see `addon.sieve`).
"""

import re
from typing import Final, NamedTuple

from mitmproxy import http

from addon.consent.setcookie import line_may_tell
from addon.glimpses import Runs
from addon.observation import Glimpse
from addon.recording import PassedOver
from addon.remembered import Remembered
from addon.sieve import Host, Outline, host_of, may_matter, outline

MAX_REMEMBERED: Final = 512
"""How many header blocks and how many targets are remembered."""

MAX_BLOCK: Final = 16_384
"""Longest header block, in bytes, that is remembered."""

_AUTHORITY = re.compile(r"([A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*)(?::[0-9]{1,5})?")
_SCHEMES = frozenset({b"http", b"https"})
_WITH_AUTHORITY = frozenset({b"HTTP/2.0", b"HTTP/3"})
_ANY_HOST = host_of("")
_SET_COOKIE_LENGTH = len(b"set-cookie")

Fields = tuple[tuple[bytes, bytes], ...]


class _Address(NamedTuple):
    """What of a request says where it goes; `header` is its `Host` header."""

    method: bytes
    scheme: bytes
    authority: bytes
    http_version: bytes
    host: str
    header: str | None


class _Target(NamedTuple):
    """What is known of a request by its method and its host."""

    method: str
    host: Host


class Triage:
    """Tells requests that must be taken down from those of which what they show is told here."""

    def __init__(self) -> None:
        """Begin without any page seen."""
        self._outlines = Remembered[Fields, Outline](_outline, MAX_REMEMBERED, MAX_BLOCK, _length_of_lines)
        self._targets = Remembered[_Address, _Target](_target, MAX_REMEMBERED, MAX_BLOCK, _length_of_address)
        self._sites: set[str] = set()
        self._runs = Runs()
        self._glimpses: list[Glimpse] = []
        self._seen = 0
        self._first_at = self._last_at = 0.0

    def passes_over(self, flow: http.HTTPFlow, *, left: bool = False) -> bool:
        """Tell whether a request that has ended need not be taken down; then `passed_over` tells of it.

        `left`: it was taken down when it left, so its end must be, too.
        """
        try:
            return self._passes_over(flow, left=left)
        except (AttributeError, TypeError, ValueError):  # another addon wrote something odd into the flow
            self._sites.add("")
            return False

    def may_matter(self, request: http.Request) -> bool:
        """Tell whether a request may be anything to a vendor, as far as its address and its body say."""
        try:
            told = self._outlines[request.data.headers.fields]
            return self._matters(request.data, self._targets[_address(request.data, told.host)])
        except (AttributeError, TypeError, ValueError):
            return True

    def passed_over(self) -> PassedOver | None:
        """Return what was passed over since the last time; due before anything is taken down."""
        if not self._seen:
            return None
        glimpses = (*self._glimpses, *self._runs.end())
        passed = PassedOver(self._seen, self._first_at, self._last_at, glimpses)
        self._glimpses.clear()
        self._seen = 0
        return passed

    def _passes_over(self, flow: http.HTTPFlow, *, left: bool) -> bool:
        data = flow.request.data
        told = self._outlines[data.headers.fields]
        target = self._targets[_address(data, told.host)]
        site = target.host.site
        if told.page_like:
            self._sites.add(site)  # "" for a host that is not read here, which may be of any site
            return False
        if left or flow.metadata or self._matters(data, target):
            return False
        may_be_site = site in self._sites or "" in self._sites
        if may_be_site and flow.response is not None and _tells(flow.response.data.headers.fields):
            return False
        at = data.timestamp_start or flow.timestamp_created
        self._first_at = min(self._first_at, at) if self._seen else at
        self._last_at = max(self._last_at, at) if self._seen else at
        self._seen += 1
        if may_be_site and told.shown is not None:
            self._glimpses += self._runs.add(self._seen, at, site, told.shown)
        return True

    @staticmethod
    def _matters(data: http.RequestData, target: _Target) -> bool:
        return target.host.whole or may_matter(target.method, data.path, data.content or b"")


def _outline(fields: Fields) -> Outline:
    return outline([(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields])


def _length_of_lines(fields: Fields) -> int:
    return sum(len(name) + len(value) for name, value in fields)


def _address(data: http.RequestData, header: str | None) -> _Address:
    return _Address(data.method, data.scheme, data.authority, data.http_version, data.host, header)


def _length_of_address(address: _Address) -> int:
    return sum(len(part) for part in (address.authority, address.host, address.header or "", address.method))


def _target(address: _Address) -> _Target:
    return _Target(address.method.decode("ascii"), _host(address))


def _host(address: _Address) -> Host:
    """Return where a request goes, as mitmproxy tells it: by the Host header or its like before the connection."""
    name = address.header
    if address.http_version in _WITH_AUTHORITY and address.authority:
        name = address.authority.decode("ascii")
    found = _AUTHORITY.fullmatch(name or address.host)
    unread = address.scheme not in _SCHEMES or not address.method.isupper()
    if found is None or "xn--" in found[1].lower() or unread:
        return _ANY_HOST
    return host_of(found[1].lower())


def _tells(fields: Fields) -> bool:
    """Tell whether an answer may set a cookie that tells of a choice."""
    for name, value in fields:
        if len(name) == _SET_COOKIE_LENGTH and name.lower() == b"set-cookie" and line_may_tell(value.decode("latin-1")):
            return True
    return False
