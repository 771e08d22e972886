"""How a wire request is recognised again: the digest of its bytes and its key among equals."""

import hashlib
from collections import Counter
from collections.abc import Iterable

from addon.model import CapturedRequest, Lines
from addon.remembered import Remembered


def request_digest(request: CapturedRequest) -> str:
    """Return the SHA-256 (hex) of the request as sent: method, URL, version, header lines, body.

    Must be given the untouched request, before `redaction.scrub`.
    """
    first = f"{request.method} {request.url} {request.http_version}\r\n"
    head = f"{first}{_written[request.headers]}\r\n"
    digest = hashlib.sha256(head.encode("utf-8", "surrogateescape"))
    digest.update(request.body)
    return digest.hexdigest()


def _as_sent(headers: Lines) -> str:
    return "".join([f"{name}: {value}\r\n" for name, value in headers])


_written = Remembered[Lines, str](
    _as_sent,
    entries=512,
    longest=8192,
    size=lambda headers: sum(len(name) + len(value) for name, value in headers),
)
"""Header lines as sent. The requests of one page have the same ones, mostly."""


MAX_REMEMBERED = 20_000
"""How many of the latest requests an endless source is searched in for equals."""


class KeyMaker:
    """Gives every request of one source its key.

    The key is SHA-256 over the request's bytes and its recorded start, with an ordinal among requests that
    are equal in both, so that live traffic, its recording and a second reading agree.
    """

    def __init__(self) -> None:
        self._seen: Counter[tuple[str, float]] = Counter()

    def known(self, starts: Iterable[tuple[str, float]]) -> None:
        """Take in digests and starts of requests that have their keys already."""
        self._seen.update(starts)

    def key(self, request: CapturedRequest, digest: str) -> str:
        """Return the key (hex) of `request`, whose `request_digest` is `digest`."""
        equal = (digest, request.started_at)
        ordinal = self._seen.get(equal, 0)  # a counter's own answer to what it does not know is slow
        self._seen[equal] = ordinal + 1
        return hashlib.sha256(f"{digest} {request.started_at!r} {ordinal}".encode()).hexdigest()

    def forget_old(self) -> None:
        """Forget requests from long ago: a later one cannot have started at the same moment."""
        if len(self._seen) > 2 * MAX_REMEMBERED:
            kept = list(self._seen.items())[-MAX_REMEMBERED:]
            self._seen = Counter(dict(kept))
