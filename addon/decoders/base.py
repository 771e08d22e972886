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


class Decoded(NamedTuple):
    """What one request turned out to be. `problem` says what of a known endpoint could not be read."""

    role: RequestRole
    hits: tuple[Hit, ...] = ()
    problem: str | None = None


class Decoder(Protocol):
    """A pure function of one request; it never raises on what a request holds."""

    name: str

    def concerns(self, request: CapturedRequest) -> bool:
        """Tell cheaply whether `decode` would find anything in the request."""
        ...

    def role(self, request: CapturedRequest) -> RequestRole | None:
        """Return the role that `decode` gives the request, without decoding more than that takes."""
        ...

    def decode(self, request: CapturedRequest, request_key: str) -> Decoded | None:
        """Return what the request is to this vendor, or None where it is nothing to it."""
        ...
