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

from addon.sighting import Foldable, Sighting, ranked

SAME_REQUEST_SECONDS = 2.0
"""How far two captures of one request, or a request and its redirect, may stand apart."""

DEDUPE_SECONDS = 300.0
"""How far apart requests with one deduplication id may stand and still be one event."""

_SLACK = 1.0
"""Added where old candidates are skipped, so that rounding cannot skip one that the exact test would take."""

_INDEXES = 1 << 20

Member = tuple[int, int]
"""The place of a request, and which of its hits."""


class Group[S: Foldable]:
    """The sightings of one event, in the order of time, and its number in the order of first requests.

    `before` holds how many the group had when it was last given away, `changed` whether it has gained one since;
    `members` are the places of their requests, and which hits of these they are.
    """

    __slots__ = ("before", "changed", "members", "number", "sightings")

    def __init__(self, number: int, sightings: list[S], members: list[Member], before: int = 0) -> None:
        self.number = number
        self.sightings = sightings
        self.members = members
        self.before = before
        self.changed = False


def marks_of(sighting: Foldable) -> tuple[int | None, int | None, int | None]:
    """Return what a sighting is found by: the hashes of its client key, deduplication key and content, or None.

    Sightings become one event only where they share one of these, or others stand between them that do.
    """
    client, dedupe = sighting.client_key, sighting.dedupe_key
    return (
        None if client is None else hash(("client", client)),
        None if dedupe is None else hash(("dedupe", dedupe)),
        None if sighting.is_timed else hash(("content", sighting.content_key)),
    )


def related(marks: Sequence[frozenset[int | None]], some: Iterable[int]) -> list[int]:
    """Return, in order, the indexes of sightings with these `marks` that may be folded with some of them."""
    found = new = set(some)
    while new:
        shared = frozenset[int | None]().union(*(marks[index] for index in new)) - {None}
        new = {index for index, own in enumerate(marks) if not shared.isdisjoint(own)} - found
        found = found | new
    return sorted(found)


class Folder[S: Foldable]:
    """Folds sightings that come in the order of time, holding the latest groups whole and of the others a trace.

    Of a group that was given away only numbers are kept: by which keys it is known, and where its requests stand.
    A sighting that fits one of these keys brings the group back (`load` decodes the request at a place anew), so that
    what is folded does not depend on `window`, the number of groups that are held.
    """

    def __init__(self, load: Callable[[int], Sequence[S]] | None = None, window: int | None = None) -> None:
        self._load = load
        self._window = window
        self._held: OrderedDict[int, Group[S]] = OrderedDict()
        self._places: list[int | tuple[int, ...]] = []
        self._first_at = array("d")
        self._known: dict[int, int | list[tuple[int, float]]] = {}

    def add(self, sighting: S, place: int) -> Iterator[Group[S]]:
        """Take in the next sighting, read from the request at `place`; yield groups that are given away."""
        client, dedupe, content = marks = marks_of(sighting)
        group = None
        if client is not None:
            group = self._same_client_event(sighting, client)
        if group is None and dedupe is not None:
            group = self._same_dedupe_id(sighting, dedupe)
        if group is None and content is not None:
            group = self._same_content(sighting, content)
        member = place * _INDEXES + sighting.nth
        if group is None:
            group = Group(len(self._places), [], [])
            self._held[group.number] = group
            self._places.append(member)
            self._first_at.append(sighting.at)
        else:
            known = self._places[group.number]
            self._places[group.number] = (*known, member) if isinstance(known, tuple) else (known, member)
        group.sightings.append(sighting)
        group.members.append((place, sighting.nth))
        group.changed = True
        for mark in marks:
            if mark is not None:
                self._enter(mark, group.number, sighting.at)
        while self._window is not None and len(self._held) > self._window:
            _, oldest = self._held.popitem(last=False)
            if oldest.changed:
                yield oldest

    def rest(self) -> Iterator[Group[S]]:
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

    def _open(self, number: int) -> Group[S]:
        """Return a group whole, brought back where it was given away."""
        group = self._held.get(number)
        if group is None:
            known = self._places[number]
            members = [divmod(member, _INDEXES) for member in (known if isinstance(known, tuple) else (known,))]
            group = Group(number, [self._found(*member) for member in members], members, before=len(members))
            self._held[number] = group
        self._held.move_to_end(number)
        return group

    def _found(self, place: int, nth: int) -> S:
        assert self._load is not None, "a window needs a way back"
        return next(sighting for sighting in self._load(place) if sighting.nth == nth)

    def _same_client_event(self, sighting: S, mark: int) -> Group[S] | None:
        key = sighting.client_key
        for number in self._candidates(mark):
            group = self._open(number)
            if not any(other.client_key == key for other in group.sightings):
                continue  # two keys with one mark
            if sighting.is_counted or _says_the_same(sighting, group.sightings):
                return group
        return None

    def _same_dedupe_id(self, sighting: S, mark: int) -> Group[S] | None:
        """Return the group that carries the same id by another way.

        A site may reuse an id (a constant, an order number), so two requests of the same way, or two that the
        client counted apart, stay two events.
        """
        key = sighting.dedupe_key
        fitting: list[Group[S]] = []
        for number in self._candidates(mark, sighting.at - DEDUPE_SECONDS - _SLACK):
            if abs(self._first_at[number] - sighting.at) > DEDUPE_SECONDS:
                continue
            group = self._open(number)
            if not any(other.dedupe_key == key for other in group.sightings):
                continue  # two keys with one mark
            if all(_may_join(sighting, other) for other in group.sightings):
                fitting.append(group)
        return min(fitting, key=lambda group: abs(group.sightings[0].at - sighting.at), default=None)

    def _same_content(self, sighting: S, mark: int) -> Group[S] | None:
        content = sighting.content_key
        for number in self._candidates(mark, sighting.at - SAME_REQUEST_SECONDS - _SLACK):
            if abs(self._first_at[number] - sighting.at) > SAME_REQUEST_SECONDS:
                continue
            group = self._open(number)
            if not any(not other.is_timed and other.content_key == content for other in group.sightings):
                continue  # two contents with one mark
            if sighting.transport == "redirect" and group.sightings[0].transport != "redirect":
                return group
            if sighting.source_id not in {other.source_id for other in group.sightings}:
                return group
        return None


def fold(sightings: Iterable[Sighting]) -> list[list[Sighting]]:
    """Return the sightings grouped by event, each group with its most complete request first.

    Groups are in the order of their first request.
    """
    folder: Folder[Sighting] = Folder()
    for place, sighting in enumerate(sorted(sightings, key=lambda item: (item.at, item.witness.key, item.hit.index))):
        for _ in folder.add(sighting, place):
            pass  # without a window nothing is given away before the end
    return [ranked(group.sightings) for group in folder.rest()]


def _says_the_same(sighting: Foldable, group: Iterable[Foldable]) -> bool:
    """Tell whether a hit without counter repeats a group's content: builds without `ec` can send two alike."""
    content = sighting.content_key
    return any(other.content_key == content for other in group)


def _may_join(sighting: Foldable, other: Foldable) -> bool:
    if (sighting.transport == "gateway") != (other.transport == "gateway"):
        return True
    if other.source_id != sighting.source_id:
        same = sighting.content_key == other.content_key
        return same and abs(other.at - sighting.at) <= SAME_REQUEST_SECONDS
    if sighting.client_key is not None and other.client_key is not None:
        return sighting.client_key == other.client_key
    # a gateway that is retried at its fallback sends the same words again
    return sighting.content_key == other.content_key and sighting.recipient_host != other.recipient_host
