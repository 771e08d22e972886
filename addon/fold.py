"""One event, however many requests carried it.

Two hits are the same event when Meta's client says so: same pixel, same name, same client time, counter and
start (`ts`, `ec`, `it`), or, where one of them lacks these (a gateway copy, a hand-made request), the same
deduplication id. Hits that say neither are one event each, unless one is the redirect of the other or both
are the same request seen by two captures.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from addon.decoders.meta.events import BUTTON_CLICK, GATEWAY_BUTTON_CLICK
from addon.model import Hit, Witness

SAME_REQUEST_SECONDS = 2.0
"""How far two captures of one request, or a request and its redirect, may stand apart."""

DEDUPE_SECONDS = 300.0
"""How far apart requests with one deduplication id may stand and still be one event."""

_TRANSPORT_MARKS = frozenset({"rqm", "redirect", "cf", "ie[i]", "Referer"})
"""Parameters that say how a request travelled, not what it says."""

_PREFERRED = (
    "form_post", "beacon", "image", "text_post", "fetch", "batch", "noscript", "gateway", "sandbox_copy", "redirect",
)  # fmt: skip
"""Which request of an event speaks for it: the client's own first, copies last."""


class Sighting(NamedTuple):
    """One hit with the request it was read from."""

    hit: Hit
    witness: Witness

    @property
    def at(self) -> float:
        """Return when the request started, in epoch seconds."""
        return self.witness.request.started_at


def fold(sightings: Iterable[Sighting]) -> list[list[Sighting]]:
    """Return the sightings grouped by event, each group with its most complete request first.

    Groups are in the order of their first request.
    """
    ordered = sorted(sightings, key=lambda item: (item.at, item.witness.key, item.hit.index))
    groups: list[list[Sighting]] = []
    by_client_key: dict[tuple[str, ...], list[list[Sighting]]] = defaultdict(list)
    by_dedupe_id: dict[tuple[str, str, str], list[list[Sighting]]] = defaultdict(list)
    by_content: dict[tuple[object, ...], list[list[Sighting]]] = defaultdict(list)
    for sighting in ordered:
        hit = sighting.hit
        group = _same_client_event(sighting, by_client_key)
        if group is None:
            group = _same_dedupe_id(sighting, by_dedupe_id)
        if group is None and hit.client_time is None:
            group = _same_content(sighting, by_content)
        if group is None:
            group = []
            groups.append(group)
        group.append(sighting)
        key = client_key(hit)
        if key is not None:
            _enter(by_client_key[key], group)
        if hit.dedupe_id:
            _enter(by_dedupe_id[_dedupe_key(hit)], group)
        if hit.client_time is None:
            _enter(by_content[_content_key(hit)], group)
    for group in groups:
        group.sort(key=_rank)
    return groups


def _enter(groups: list[list[Sighting]], group: list[Sighting]) -> None:
    if not any(known is group for known in groups):
        groups.append(group)


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


def _same_client_event(sighting: Sighting, index: dict[tuple[str, ...], list[list[Sighting]]]) -> list[Sighting] | None:
    key = client_key(sighting.hit)
    if key is None:
        return None
    for group in index.get(key, ()):
        if sighting.hit.counter is not None or _says_the_same(sighting.hit, group):
            return group
    return None


def _says_the_same(hit: Hit, group: Sequence[Sighting]) -> bool:
    """Tell whether a hit without counter repeats a group's content: builds without `ec` can send two alike."""
    content = _content_key(hit)
    return any(_content_key(other.hit) == content for other in group)


def _dedupe_key(hit: Hit) -> tuple[str, str, str]:
    name = BUTTON_CLICK if hit.event_name == GATEWAY_BUTTON_CLICK else hit.event_name
    return hit.pixel_id, name, hit.dedupe_id or ""


def _same_dedupe_id(
    sighting: Sighting, index: dict[tuple[str, str, str], list[list[Sighting]]]
) -> list[Sighting] | None:
    """Return the group that carries the same id by another way.

    A site may reuse an id (a constant, an order number), so two requests of the same way, or two that the
    client counted apart, stay two events.
    """
    hit = sighting.hit
    if not hit.dedupe_id:
        return None
    fitting = [
        group
        for group in index.get(_dedupe_key(hit), ())
        if abs(group[0].at - sighting.at) <= DEDUPE_SECONDS and all(_may_join(hit, other, sighting) for other in group)
    ]
    return min(fitting, key=lambda group: abs(group[0].at - sighting.at), default=None)


def _may_join(hit: Hit, other: Sighting, sighting: Sighting) -> bool:
    if (hit.transport == "gateway") != (other.hit.transport == "gateway"):
        return True
    if other.witness.source_id != sighting.witness.source_id:
        return _content_key(hit) == _content_key(other.hit) and abs(other.at - sighting.at) <= SAME_REQUEST_SECONDS
    if client_key(hit) is not None and client_key(other.hit) is not None:
        return client_key(hit) == client_key(other.hit)
    # a gateway that is retried at its fallback sends the same words again
    return _content_key(hit) == _content_key(other.hit) and hit.recipient_host != other.hit.recipient_host


def _content_key(hit: Hit) -> tuple[object, ...]:
    said = sorted((param.name, param.value) for param in hit.parameters if param.name not in _TRANSPORT_MARKS)
    return hit.pixel_id, hit.event_name, tuple(said)


def _same_content(sighting: Sighting, index: dict[tuple[object, ...], list[list[Sighting]]]) -> list[Sighting] | None:
    for group in index.get(_content_key(sighting.hit), ()):
        first = group[0]
        if abs(first.at - sighting.at) > SAME_REQUEST_SECONDS:
            continue
        if sighting.hit.transport == "redirect" and first.hit.transport != "redirect":
            return group
        sources = {other.witness.source_id for other in group}
        if sighting.witness.source_id not in sources:
            return group
    return None


def _rank(sighting: Sighting) -> tuple[int, int, float]:
    sanitised = sighting.witness.request.source_kind == "har"
    return _PREFERRED.index(sighting.hit.transport), int(sanitised), sighting.at
