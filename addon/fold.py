"""One event, however many requests carried it.

Two hits are the same event when Meta's client says so: same pixel, same name, same client time, counter and
start (`ts`, `ec`, `it`), or, where one of them lacks these (a gateway copy, a hand-made request), the same
deduplication id. Hits that say neither are one event each, unless one is the redirect of the other or both
are the same request seen by two captures.
"""

from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from addon.decoders.meta.events import BUTTON_CLICK, GATEWAY_BUTTON_CLICK
from addon.model import Hit, Witness

SAME_REQUEST_SECONDS = 2.0
"""How far two captures of one request, or a request and its redirect, may stand apart."""

DEDUPE_SECONDS = 300.0
"""How far apart requests with one deduplication id may stand and still be one event."""

_SLACK = 1.0
"""Added where old candidates are skipped, so that rounding cannot skip one that the exact test would take."""

_TRANSPORT_MARKS = frozenset({"rqm", "redirect", "cf", "ie[i]", "Referer"})
"""Parameters that say how a request travelled, not what it says."""

_OWN = frozenset({"query", "body"})

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


class Group:
    """The sightings of one event, in the order of time, and its number in the order of first requests.

    `before` holds what the group had when it was last given away, `changed` whether it has gained a sighting since.
    """

    __slots__ = ("before", "changed", "number", "sightings")

    def __init__(self, number: int, sightings: list[Sighting], before: int = 0) -> None:
        self.number = number
        self.sightings = sightings
        self.before = before
        self.changed = False

    def ranked(self) -> list[Sighting]:
        """Return the sightings with the most complete request first."""
        return sorted(self.sightings, key=_rank)

    def ranked_before(self) -> list[Sighting]:
        """Return the sightings that the group had when it was last given away, ranked."""
        return sorted(self.sightings[: self.before], key=_rank)


Load = Callable[[int], Sequence[Sighting]]
"""Gives the sightings of the request at a place, decoded anew."""

_INDEXES = 1 << 20


class Folder:
    """Folds sightings that come in the order of time, holding the latest groups whole and of the others a trace.

    Of a group that was given away only numbers are kept: by which keys it is known, and where its requests stand.
    A sighting that fits one of these keys brings the group back (`load` decodes its requests anew), so that what
    is folded does not depend on `window`, the number of groups that are held.
    """

    def __init__(self, load: Load | None = None, window: int | None = None) -> None:
        self._load = load
        self._window = window
        self._held: OrderedDict[int, Group] = OrderedDict()
        self._places: list[int | tuple[int, ...]] = []
        self._first_at = array("d")
        self._known: dict[int, int | list[tuple[int, float]]] = {}

    def add(self, sighting: Sighting, place: int) -> Iterator[Group]:
        """Take in the next sighting, read from the request at `place`; yield groups that are given away."""
        hit = sighting.hit
        key = client_key(hit)
        client = None if key is None else hash(("client", key))
        dedupe = hash(("dedupe", _dedupe_key(hit))) if hit.dedupe_id else None
        content = hash(("content", content_key(hit))) if hit.client_time is None else None
        group = None
        if key is not None and client is not None:
            group = self._same_client_event(sighting, key, client)
        if group is None and dedupe is not None:
            group = self._same_dedupe_id(sighting, dedupe)
        if group is None and content is not None:
            group = self._same_content(sighting, content)
        member = place * _INDEXES + hit.index
        if group is None:
            group = Group(len(self._places), [])
            self._held[group.number] = group
            self._places.append(member)
            self._first_at.append(sighting.at)
        else:
            known = self._places[group.number]
            self._places[group.number] = (*known, member) if isinstance(known, tuple) else (known, member)
        group.sightings.append(sighting)
        group.changed = True
        for mark in (client, dedupe, content):
            if mark is not None:
                self._enter(mark, group.number, sighting.at)
        while self._window is not None and len(self._held) > self._window:
            _, oldest = self._held.popitem(last=False)
            if oldest.changed:
                yield oldest

    def rest(self) -> Iterator[Group]:
        """Yield the groups that were not given away since they last changed, in order."""
        held = sorted(self._held.values(), key=lambda group: group.number)
        self._held.clear()
        return (group for group in held if group.changed)

    def _enter(self, mark: int, number: int, at: float) -> None:
        known = self._known.get(mark)
        if known is None:
            self._known[mark] = number if at == self._first_at[number] else [(number, at)]
        elif isinstance(known, int):
            if known != number:
                self._known[mark] = [(known, self._first_at[known]), (number, at)]
        elif not any(other == number for other, _ in known):
            known.append((number, at))

    def _candidates(self, mark: int, since: float | None = None) -> Iterator[int]:
        """Return the groups known by `mark`, in the order in which they became so; `since`: those of late only."""
        known = self._known.get(mark)
        if known is None:
            return iter(())
        if isinstance(known, int):
            known = [(known, self._first_at[known])]
        first = 0 if since is None else bisect_left(known, since, key=lambda entry: entry[1])
        return (number for number, _ in known[first:])

    def _open(self, number: int) -> Group:
        """Return a group whole, brought back where it was given away."""
        group = self._held.get(number)
        if group is None:
            members = self._places[number]
            group = Group(number, [self._found(m) for m in (members if isinstance(members, tuple) else (members,))])
            group.before = len(group.sightings)
            self._held[number] = group
        self._held.move_to_end(number)
        return group

    def _found(self, member: int) -> Sighting:
        assert self._load is not None, "a window needs a way back"
        place, index = divmod(member, _INDEXES)
        return next(sighting for sighting in self._load(place) if sighting.hit.index == index)

    def _same_client_event(self, sighting: Sighting, key: tuple[str, ...], mark: int) -> Group | None:
        for number in self._candidates(mark):
            group = self._open(number)
            if not any(client_key(other.hit) == key for other in group.sightings):
                continue  # two keys with one mark
            if sighting.hit.counter is not None or _says_the_same(sighting.hit, group.sightings):
                return group
        return None

    def _same_dedupe_id(self, sighting: Sighting, mark: int) -> Group | None:
        """Return the group that carries the same id by another way.

        A site may reuse an id (a constant, an order number), so two requests of the same way, or two that the
        client counted apart, stay two events.
        """
        key = _dedupe_key(sighting.hit)
        fitting: list[Group] = []
        for number in self._candidates(mark, sighting.at - DEDUPE_SECONDS - _SLACK):
            if abs(self._first_at[number] - sighting.at) > DEDUPE_SECONDS:
                continue
            group = self._open(number)
            if not any(_has_dedupe_key(other.hit, key) for other in group.sightings):
                continue  # two keys with one mark
            if all(_may_join(sighting.hit, other, sighting) for other in group.sightings):
                fitting.append(group)
        return min(fitting, key=lambda group: abs(group.sightings[0].at - sighting.at), default=None)

    def _same_content(self, sighting: Sighting, mark: int) -> Group | None:
        content = content_key(sighting.hit)
        for number in self._candidates(mark, sighting.at - SAME_REQUEST_SECONDS - _SLACK):
            if abs(self._first_at[number] - sighting.at) > SAME_REQUEST_SECONDS:
                continue
            group = self._open(number)
            if not any(o.hit.client_time is None and content_key(o.hit) == content for o in group.sightings):
                continue  # two contents with one mark
            if sighting.hit.transport == "redirect" and group.sightings[0].hit.transport != "redirect":
                return group
            if sighting.witness.source_id not in {other.witness.source_id for other in group.sightings}:
                return group
        return None


def fold(sightings: Iterable[Sighting]) -> list[list[Sighting]]:
    """Return the sightings grouped by event, each group with its most complete request first.

    Groups are in the order of their first request.
    """
    folder = Folder()
    for place, sighting in enumerate(sorted(sightings, key=lambda item: (item.at, item.witness.key, item.hit.index))):
        for _ in folder.add(sighting, place):
            pass  # without a window nothing is given away before the end
    return [group.ranked() for group in folder.rest()]


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


def _says_the_same(hit: Hit, group: Sequence[Sighting]) -> bool:
    """Tell whether a hit without counter repeats a group's content: builds without `ec` can send two alike."""
    content = content_key(hit)
    return any(content_key(other.hit) == content for other in group)


def _dedupe_key(hit: Hit) -> tuple[str, str, str]:
    name = BUTTON_CLICK if hit.event_name == GATEWAY_BUTTON_CLICK else hit.event_name
    return hit.pixel_id, name, hit.dedupe_id or ""


def _has_dedupe_key(hit: Hit, key: tuple[str, str, str]) -> bool:
    return bool(hit.dedupe_id) and _dedupe_key(hit) == key


def _may_join(hit: Hit, other: Sighting, sighting: Sighting) -> bool:
    if (hit.transport == "gateway") != (other.hit.transport == "gateway"):
        return True
    if other.witness.source_id != sighting.witness.source_id:
        return content_key(hit) == content_key(other.hit) and abs(other.at - sighting.at) <= SAME_REQUEST_SECONDS
    if client_key(hit) is not None and client_key(other.hit) is not None:
        return client_key(hit) == client_key(other.hit)
    # a gateway that is retried at its fallback sends the same words again
    return content_key(hit) == content_key(other.hit) and hit.recipient_host != other.hit.recipient_host


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
