"""Which requests of a capture can matter, told from little, so that a reader need not build the others.

Everything here is a superset of what `Observer` keeps: a request that is passed over shows at most what its
cookies say, and that is told by `Outline`. What is asked of addresses and bodies stands beside what it
mirrors: `Decoder.may_concern`, `consent.choices.TARGET_MARKS`, `consent.statements.TARGET_MARKS`,
`consent.login.may_be_login_step`, `consent.setcookie.may_set_telling`, `consent.evidence.telling`. A test
compares an observer that saw everything with one that saw what is left.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from addon.consent import choices, statements
from addon.consent.belief import era_ends
from addon.consent.choices import platform_of_host
from addon.consent.evidence import Told, read_told, telling
from addon.consent.login import LOGOUT_MARK, may_be_login_step
from addon.decoders.base import REMOVED_FROM_ADDRESSES
from addon.model import Lines
from addon.observation import DECODERS, PAGE_DESTINATIONS, SAME_SITE
from addon.redaction import cookie_pairs
from addon.remembered import Remembered
from addon.sites import registrable_domain


class Host(NamedTuple):
    """A host: `site` is its registrable domain, `whole` says that every request to it is to be looked at whole."""

    site: str
    whole: bool


class Shown(NamedTuple):
    """What the cookies of a request can show (see `Glimpse`). Requests that show the same share one object, mostly.

    `timeless`: what it comes to does not depend on when the request left.
    """

    told: Told
    same_site: bool
    gpc: bool
    timeless: bool


class Outline(NamedTuple):
    """What the header lines of a request tell by themselves.

    `page_like`: an answer of HTML would make it a page. `shown` is None where its cookies can show nothing.
    """

    page_like: bool
    shown: Shown | None
    host: str | None


_MARKS_OF_ENDPOINTS = tuple(mark for decoder in DECODERS for mark in decoder.target_marks)
_MARKS_OF_CONSENT = (*choices.TARGET_MARKS, *statements.TARGET_MARKS)
_MARKS = (*map(re.escape, (*_MARKS_OF_ENDPOINTS, *_MARKS_OF_CONSENT)), LOGOUT_MARK)
_bears_mark = re.compile(b"|".join(_MARKS)).search


@lru_cache(maxsize=4096)
def host_of(name: str) -> Host:
    """Return what is known of requests to a host, named in lower case without port ("": it cannot be told)."""
    if not name:
        return Host("", whole=True)
    whole = platform_of_host(name) is not None or any(decoder.may_concern_host(name) for decoder in DECODERS)
    return Host(registrable_domain(name), whole)


def may_matter(method: str, target: bytes, content: bytes) -> bool:
    """Tell whether a request to any host may matter by its path and query (`target`) or its body."""
    plain = target.translate(None, REMOVED_FROM_ADDRESSES)
    if not plain.startswith(b"/"):
        return True
    # asked of every request: one search for all of them takes half the time of one for each
    marked = _bears_mark(plain) is not None
    if marked and any(mark in plain for mark in _MARKS_OF_CONSENT):
        return True
    if (marked or content) and any(decoder.may_concern(method, plain, content) for decoder in DECODERS):
        return True
    return (marked or method == "POST") and may_be_login_step(method, plain)


def outline(lines: Iterable[tuple[str, str]]) -> Outline:
    """Return what header lines tell by themselves; of a name that stands twice the first counts."""
    destination = accept = site = gpc = host = None
    cookies = []
    for line in lines:
        name = _told_names[line[0]]
        if name is None:
            continue
        value = line[1]
        if name == "cookie":
            cookies.append(line)
        elif name == "sec-fetch-dest":
            destination = value if destination is None else destination
        elif name == "accept":
            accept = value if accept is None else accept
        elif name == "sec-fetch-site":
            site = value if site is None else site
        elif name == "sec-gpc":
            gpc = value if gpc is None else gpc
        else:
            host = value if host is None else f"{host}, {value}"
    opens_html = "text/html" in (accept or "").lower()
    page_like = opens_html if destination is None else destination in PAGE_DESTINATIONS
    return Outline(page_like, _shown(_told[tuple(cookies)], site in SAME_SITE, gpc == "1"), host)


_TOLD_NAMES = frozenset({"cookie", "sec-fetch-dest", "accept", "sec-fetch-site", "sec-gpc", "host"})


def _told_name(name: str) -> str | None:
    """Return the name of a header line in lower case where an outline tells of it, or None."""
    lowered = name.lower()
    return lowered if lowered in _TOLD_NAMES else None


_told_names = Remembered(_told_name, entries=1024, longest=64)
_told = Remembered[Lines, Told](
    lambda lines: telling(cookie_pairs(lines)),
    entries=512,
    longest=8192,
    size=lambda lines: sum(len(name) + len(value) for name, value in lines),
)
"""The telling cookies of `Cookie` lines. A visitor's cookies stay the same from request to request, mostly."""


@lru_cache(maxsize=1024)
def _shown(told: Told, same_site: bool, gpc: bool) -> Shown | None:
    if not told and not same_site:
        return None
    reading = read_told(told)
    return Shown(told, same_site, gpc, reading is None or not era_ends(reading))
