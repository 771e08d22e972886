"""A hit with the request it was read from, and what folding looks at in it."""

from collections.abc import Callable, Hashable, Iterable
from hashlib import blake2b
from typing import NamedTuple, Protocol

from addon.decoders.meta.events import BUTTON_CLICK, GATEWAY_BUTTON_CLICK
from addon.model import Hit, Witness
from addon.vocabulary import Transport

_TRANSPORT_MARKS = frozenset({"rqm", "redirect", "cf", "ie[i]", "Referer"})
"""Parameters that say how a request travelled, not what it says."""

_OWN = frozenset({"query", "body"})

_PREFERRED = (
    "form_post", "beacon", "image", "text_post", "fetch", "batch", "noscript", "gateway", "sandbox_copy", "redirect",
)  # fmt: skip
"""Which request of an event speaks for it: the client's own first, copies last."""


class Foldable(Protocol):
    """One hit with its request, as far as folding looks at it."""

    @property
    def nth(self) -> int:
        """Return which hit of its request it is, from 0."""
        ...

    @property
    def at(self) -> float:
        """Return when the request started, in epoch seconds."""
        ...

    @property
    def source_id(self) -> str:
        """Return the source that holds the request."""
        ...

    @property
    def transport(self) -> Transport:
        """Return how the hit travelled."""
        ...

    @property
    def recipient_host(self) -> str:
        """Return the host that it was sent to."""
        ...

    @property
    def is_timed(self) -> bool:
        """Tell whether the client stated its time."""
        ...

    @property
    def is_counted(self) -> bool:
        """Tell whether the client stated a counter."""
        ...

    @property
    def client_key(self) -> tuple[str, ...] | None:
        """Return what Meta's client tells an event by (see `client_key`)."""
        ...

    @property
    def dedupe_key(self) -> tuple[str, str, str] | None:
        """Return pixel, name and deduplication id, or None where there is no id."""
        ...

    @property
    def content_key(self) -> Hashable:
        """Return what tells apart hits that say different things (see `content_key`)."""
        ...


class Sighting(NamedTuple):
    """One hit with the request it was read from."""

    hit: Hit
    witness: Witness

    @property
    def nth(self) -> int:
        """Return which hit of its request it is, from 0."""
        return self.hit.index

    @property
    def at(self) -> float:
        """Return when the request started, in epoch seconds."""
        return self.witness.request.started_at

    @property
    def source_id(self) -> str:
        """Return the source that holds the request."""
        return self.witness.source_id

    @property
    def transport(self) -> Transport:
        """Return how the hit travelled."""
        return self.hit.transport

    @property
    def recipient_host(self) -> str:
        """Return the host that it was sent to."""
        return self.hit.recipient_host

    @property
    def is_timed(self) -> bool:
        """Tell whether the client stated its time."""
        return self.hit.client_time is not None

    @property
    def is_counted(self) -> bool:
        """Tell whether the client stated a counter."""
        return self.hit.counter is not None

    @property
    def client_key(self) -> tuple[str, ...] | None:
        """Return what Meta's client tells an event by (see `client_key`)."""
        return client_key(self.hit)

    @property
    def dedupe_key(self) -> tuple[str, str, str] | None:
        """Return pixel, name and deduplication id, or None where there is no id."""
        return _dedupe_key(self.hit) if self.hit.dedupe_id else None

    @property
    def content_key(self) -> Hashable:
        """Return what tells apart hits that say different things (see `content_key`)."""
        return content_key(self.hit)


class Traits(NamedTuple):
    """What folding looks at in a sighting: little, so that one process can hand it to another.

    `content` is a digest of the content key, left out where folding is not likely to look at it.
    """

    nth: int
    at: float
    source_id: str
    transport: Transport
    recipient_host: str
    is_timed: bool
    is_counted: bool
    client_key: tuple[str, ...] | None
    dedupe_key: tuple[str, str, str] | None
    content: bytes | None


def traits_of(sighting: Sighting, *, whole: bool = False) -> Traits:
    """Return what folding looks at in a sighting; `whole`: with its content in any case."""
    key, dedupe = sighting.client_key, sighting.dedupe_key
    needed = whole or key is None or dedupe is not None or not sighting.is_counted
    content = blake2b(repr(sighting.content_key).encode(), digest_size=16).digest() if needed else None
    return Traits(
        sighting.nth,
        sighting.at,
        sighting.source_id,
        sighting.transport,
        sighting.recipient_host,
        sighting.is_timed,
        sighting.is_counted,
        key,
        dedupe,
        content,
    )


class Token:
    """A sighting that somebody else holds, by its traits."""

    __slots__ = (
        "_content",
        "_whole",
        "at",
        "client_key",
        "dedupe_key",
        "is_counted",
        "is_timed",
        "nth",
        "recipient_host",
        "source_id",
        "transport",
    )  # fmt: skip

    def __init__(self, traits: Traits, whole: Callable[[], Sighting]) -> None:
        """Stand for a sighting of these traits, which `whole` can get."""
        (
            self.nth, self.at, self.source_id, self.transport, self.recipient_host, self.is_timed, self.is_counted,
            self.client_key, self.dedupe_key, self._content,
        ) = traits  # fmt: skip
        self._whole = whole

    @property
    def content_key(self) -> Hashable:
        """Return what tells apart tokens of hits that say different things."""
        if self._content is None:
            self._content = traits_of(self._whole(), whole=True).content
        return self._content


def ranked(sightings: Iterable[Sighting]) -> list[Sighting]:
    """Return the sightings of an event with the most complete request first."""
    return sorted(sightings, key=_rank)


def client_key(hit: Hit) -> tuple[str, ...] | None:
    """Return what Meta's client tells an event by, or None where the hit does not carry it."""
    if hit.client_time is None or hit.transport == "gateway":
        return None
    return (
        hit.pixel_id,
        hit.event_name,
        repr(hit.client_time),
        hit.counter or "",
        hit.init_time or "",
        hit.page_url or "" if hit.page_url_from == "dl" else "",
    )


def _dedupe_key(hit: Hit) -> tuple[str, str, str]:
    name = BUTTON_CLICK if hit.event_name == GATEWAY_BUTTON_CLICK else hit.event_name
    return hit.pixel_id, name, hit.dedupe_id or ""


def content_key(hit: Hit) -> tuple[object, ...]:
    """Return what a hit says in its own parameters: headers and cookies are missing in some captures."""
    said = sorted(
        (param.name, param.value)
        for param in hit.parameters
        if param.context in _OWN and param.name not in _TRANSPORT_MARKS
    )
    return hit.pixel_id, hit.event_name, tuple(said)


def _rank(sighting: Sighting) -> tuple[int, int, float]:
    sanitised = sighting.witness.request.source_kind == "har"
    return _PREFERRED.index(sighting.hit.transport), int(sanitised), sighting.at
