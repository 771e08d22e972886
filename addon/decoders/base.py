"""What every vendor's decoder offers, and the registry of decoders."""

from typing import Literal, NamedTuple, Protocol

from addon.model import CapturedRequest, Hit

RequestRole = Literal[
    "event",
    "library",
    "configuration",
    "plugin",
    "topics_registration",
    "cookie_sync",
    "log",
    "sdk",
    "app_events",
    "social_plugin",
    "lookalike",
    "other",
]
"""What a request to a vendor is, where it is not an event it is still evidence."""


REMOVED_FROM_ADDRESSES = b"\t\n\r"
"""Bytes that every reader of addresses leaves out (URL standard, basic URL parser)."""


class Decoded(NamedTuple):
    """What one request turned out to be. `problem` says what of a known endpoint could not be read."""

    role: RequestRole
    hits: tuple[Hit, ...] = ()
    problem: str | None = None


class Decoder(Protocol):
    """A pure function of one request; it never raises on what a request holds."""

    name: str

    target_marks: tuple[bytes, ...]
    """Without a body, `may_concern` is true only of an address with one of these in path or query."""

    def concerns(self, request: CapturedRequest) -> bool:
        """Tell cheaply whether `decode` would find anything in the request."""
        ...

    def role(self, request: CapturedRequest) -> RequestRole | None:
        """Return the role that `decode` gives the request, without decoding more than that takes."""
        ...

    def may_concern_host(self, host: str) -> bool:
        """Tell whether `concerns` may be true of any request to this host (lower case, without port)."""
        ...

    def may_concern(self, method: str, target: bytes, content: bytes) -> bool:
        """Tell whether `concerns` may be true of a request to any host, from what a reader sees first.

        `target` is path and query as sent, without REMOVED_FROM_ADDRESSES. It must never be False where
        `concerns` is True and `may_concern_host` is not.
        """
        ...

    def decode(self, request: CapturedRequest, request_key: str) -> Decoded | None:
        """Return what the request is to this vendor, or None where it is nothing to it."""
        ...
