"""Which events could be joined into one history: connected by identifiers that several of them carried.

Two events are joined where the same identifier came with both; an event that carried two identifiers joins the
events of both, so that a history is a connected component of events and identifiers. Every identifier of a history
but the first says through which other it is reached, and with which event both came.
"""

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from addon.linkability import KIND_ORDER, Key, Tie, ties
from addon.linkability import Lifetime as FoundLifetime
from addon.model import Epoch, Event
from addon.redaction import Redactor, shorten
from addon.times import rfc3339
from addon.vocabulary import LINKABILITY_ORDER, HistoryLevel
from cli import link_words
from cli.linked import History, Joint, LinkedIdentifier, Visit
from rules.unchecked import unchecked

PIXEL_FAMILIES: Final = frozenset({"em", "ph", "nhs_number", "external_id", "madid", "fbc", "fbp"})
"""What the site that has a pixel can read itself: cookies of facebook.com are not among it."""

PERSONAL_FAMILIES: Final = ("account", "em", "ph", "nhs_number")
"""Families of which a person mostly has one: several in one history may be several persons at one browser."""


_made_visit = unchecked(Visit)


class Member(NamedTuple):
    """An event as a history counts it: with its session, its act and whether it holds counted health content."""

    session: str
    event: Event
    act: str
    health: bool


class Sets[Item: Hashable]:
    """Disjoint sets of items that grow together (union by size)."""

    def __init__(self) -> None:
        self._parent: dict[Item, Item] = {}
        self._size: dict[Item, int] = {}

    def find(self, item: Item) -> Item:
        """Return the item that stands for the set of `item`."""
        root = self._parent.setdefault(item, item)
        self._size.setdefault(item, 1)
        while self._parent[root] != root:
            self._parent[root] = self._parent[self._parent[root]]
            root = self._parent[root]
        self._parent[item] = root
        return root

    def join(self, one: Item, other: Item) -> None:
        """Make one set of the sets of two items."""
        first, second = self.find(one), self.find(other)
        if first == second:
            return
        if self._size[first] < self._size[second]:
            first, second = second, first
        self._parent[second] = first
        self._size[first] += self._size[second]


class Named(NamedTuple):
    """An identifier with the name it has in everything that is made of the same events."""

    name: str
    shown: str
    tie: Tie
    family: str
    first_seen: Epoch


class Names:
    """Gives every joining identifier of some events a name, its letter by the order in which they were first met."""

    def __init__(
        self,
        members: Iterable[Member],
        *,
        reveal: bool,
        set_by_answers: Mapping[str, FoundLifetime] | None = None,
    ) -> None:
        """Take the events that are shown together."""
        self._sets: Sets[Key] = Sets()
        ordered = sorted(members, key=lambda member: (member.event.occurred_at, member.session, member.event.id))
        self._ties: dict[tuple[str, str], tuple[Tie, ...]] = {}
        for member in ordered:
            own = ties(member.event, set_by_answers)
            self._ties[member.session, member.event.id] = own
            for tie in own:
                for key in tie.keys[1:]:
                    self._sets.join(tie.keys[0], key)
        self._named: dict[Key, Named] = {}
        letters: dict[str, int] = defaultdict(int)
        for member in ordered:
            for tie in self.ties(member):
                if not tie.keys or tie.item is None or (root := self._sets.find(tie.keys[0])) in self._named:
                    continue
                item = tie.item
                self._named[root] = Named(
                    name=f"{link_words.FAMILIES[root.family]} {letter(letters[root.family])}",
                    shown=item.value if reveal else shorten(item.kind, item.value, item.form),
                    tie=tie,
                    family=root.family,
                    first_seen=member.event.occurred_at,
                )
                letters[root.family] += 1

    def ties(self, member: Member) -> tuple[Tie, ...]:
        """Return what ties an event that the names were made of."""
        return self._ties[member.session, member.event.id]

    def of(self, tie: Tie) -> Named | None:
        """Return the identifier behind a tie, or None where it joins nothing."""
        return self._named[self._sets.find(tie.keys[0])] if tie.keys else None

    def of_key(self, key: Key) -> str | None:
        """Return the name of the identifier with this key, or None where no event carried it."""
        named = self._named.get(self._sets.find(key))
        return named.name if named else None

    def carried(self, member: Member) -> dict[str, Named]:
        """Return the identifiers that came with an event and join it to others, by name."""
        found = (self.of(tie) for tie in self.ties(member))
        return {named.name: named for named in found if named is not None}


def letter(number: int) -> str:
    """Return the letter of a number from 0: A to Z, then AA, AB and so on."""
    text = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(ord("A") + rest) + text
    return text


def histories(members: Sequence[Member], names: Names, *, reveal: bool) -> tuple[History, ...]:
    """Return Meta's histories across all pixels, then those of every pixel, the largest of each first."""
    left = [member for member in members if member.event.delivery != "not_sent"]
    found = _level(left, names, "meta", None, reveal=reveal)
    for pixel in dict.fromkeys(member.event.pixel_id for member in left):
        own = [member for member in left if member.event.pixel_id == pixel]
        found += _level(own, names, "pixel", pixel, reveal=reveal)
    return tuple(found)


def unjoined(members: Iterable[Member], names: Names) -> list[Member]:
    """Return the events that left and carried nothing that could join them to others."""
    return [member for member in members if member.event.delivery != "not_sent" and not names.carried(member)]


def _level(
    members: Sequence[Member], names: Names, level: HistoryLevel, pixel: str | None, *, reveal: bool
) -> list[History]:
    carried = [
        (
            member,
            {
                name: named
                for name, named in names.carried(member).items()
                if level == "meta" or named.family in PIXEL_FAMILIES
            },
        )
        for member in members
    ]
    found = [
        _history(group, level, pixel, reveal=reveal) for group in components([item for item in carried if item[1]])
    ]
    found.sort(key=lambda item: (-item.health_acts, -item.events, item.started_at, item.event_ids))
    return found


type Carried = tuple[Member, Mapping[str, Named]]


def components(carried: Sequence[Carried], without: Collection[str] = ()) -> list[list[Carried]]:
    """Return the events in groups joined by identifiers, each in the order given; `without` are families left out."""
    sets: Sets[tuple[str, str]] = Sets()
    for number, (_, own) in enumerate(carried):
        for named in own.values():
            if named.family not in without:
                sets.join(("event", str(number)), ("identifier", named.name))
    groups: dict[tuple[str, str], list[Carried]] = {}
    for number, item in enumerate(carried):
        groups.setdefault(sets.find(("event", str(number))), []).append(item)
    return list(groups.values())


def _history(group: list[Carried], level: HistoryLevel, pixel: str | None, *, reveal: bool) -> History:
    group.sort(key=lambda item: (item[0].event.occurred_at, item[0].session, item[0].event.id))
    met: dict[str, Named] = {}
    events: dict[str, list[Member]] = defaultdict(list)
    for member, own in group:
        met.update(own)
        for name in own:
            events[name].append(member)
    ordered = sorted(met.values(), key=lambda named: (*_strength(named), events[named.name][0].event.occurred_at))
    reached = _chain(ordered, group, reveal=reveal)
    identifiers = tuple(_identifier(met[name], events[name], joint) for name, joint in reached.items())
    members = [member for member, _ in group]
    direct = len(events[identifiers[0].name])
    sites = tuple(sorted({member.event.site for member in members if member.event.site}))
    sessions = tuple(dict.fromkeys(member.session for member in members))
    return History(
        level=level,
        pixel_id=pixel,
        strongest=identifiers[0].link,
        text=link_words.history(identifiers, len(members), direct, len(sites), len(sessions)),
        cautions=tuple(_cautions(group, ordered)),
        identifiers=identifiers,
        visits=tuple(_visits(group)),
        event_ids=tuple(dict.fromkeys(member.event.id for member in members)),
        sessions=sessions,
        sites=sites,
        pixel_ids=tuple(dict.fromkeys(member.event.pixel_id for member in members)),
        started_at=rfc3339(members[0].event.occurred_at),
        ended_at=rfc3339(members[-1].event.occurred_at),
        events=len(members),
        direct=direct,
        acts=len({(member.session, member.act) for member in members}),
        health_acts=_health_acts(members),
    )


def _strength(named: Named) -> tuple[int, int]:
    kind = named.tie.kind
    return LINKABILITY_ORDER.index(named.tie.link), KIND_ORDER.index(kind) if kind in KIND_ORDER else len(KIND_ORDER)


def _health_acts(members: Iterable[Member]) -> int:
    return len({(member.session, member.act) for member in members if member.health})


def _chain(ordered: Sequence[Named], group: Sequence[Carried], *, reveal: bool) -> dict[str, Joint | None]:
    """Return how every identifier is reached from the strongest: in as few steps as can be, by the earliest event."""
    beside: dict[str, dict[str, Member]] = defaultdict(dict)
    for member, own in group:
        for one in own:
            for other in own:
                if one != other:
                    beside[one].setdefault(other, member)
    place = {named.name: number for number, named in enumerate(ordered)}
    reached: dict[str, Joint | None] = {ordered[0].name: None}
    edge = [ordered[0].name]
    while edge:
        following = []
        for name in edge:
            for other, member in sorted(beside[name].items(), key=lambda item: place[item[0]]):
                if other not in reached:
                    reached[other] = _joint(name, member, reveal=reveal)
                    following.append(other)
        edge = following
    return reached


def _joint(name: str, member: Member, *, reveal: bool) -> Joint:
    event = member.event
    redactor = Redactor(event.identifiers, reveal=reveal)
    return Joint(
        name=name,
        session=member.session,
        event_id=event.id,
        event_name=event.event_name,
        site=event.site,
        page_url=redactor.optional(event.page_url),
        at=rfc3339(event.occurred_at),
    )


def _identifier(named: Named, members: Sequence[Member], joint: Joint | None) -> LinkedIdentifier:
    tie = named.tie
    return LinkedIdentifier(
        name=named.name,
        link=tie.link,
        kind=tie.kind,
        value=named.shown,
        resolvable_by=tie.resolver,
        lifetime=link_words.lifetime(tie.lifetime),
        created_at=None if tie.created_at is None else rfc3339(tie.created_at),
        first_seen_at=rfc3339(members[0].event.occurred_at),
        last_seen_at=rfc3339(members[-1].event.occurred_at),
        events=len(members),
        sites=tuple(sorted({member.event.site for member in members if member.event.site})),
        pixel_ids=tuple(dict.fromkeys(member.event.pixel_id for member in members)),
        sessions=tuple(dict.fromkeys(member.session for member in members)),
        through=joint,
    )


def _visits(group: Sequence[Carried]) -> Iterable[Visit]:
    found: dict[tuple[str, str | None, frozenset[str]], list[Carried]] = {}
    for member, own in group:
        found.setdefault((member.session, member.event.site, frozenset(own)), []).append((member, own))
    for (session, site, _), items in found.items():
        members = [member for member, _ in items]
        yield _made_visit(
            session=session,
            site=site,
            pixel_ids=tuple(dict.fromkeys(member.event.pixel_id for member in members)),
            started_at=rfc3339(members[0].event.occurred_at),
            ended_at=rfc3339(members[-1].event.occurred_at),
            event_ids=tuple(member.event.id for member in members),
            act_ids=tuple(dict.fromkeys(member.act for member in members)),
            health_act_ids=tuple(dict.fromkeys(member.act for member in members if member.health)),
            pages=len({member.event.page_url for member in members}),
            identifiers=tuple(items[0][1]),
        )


def _cautions(group: Sequence[Carried], ordered: Sequence[Named]) -> Iterable[str]:
    for family in PERSONAL_FAMILIES:
        several = [named.name for named in ordered if named.family == family]
        if len(several) > 1:
            yield link_words.several(family, len(several))
    if len(components(group, without={"fbc"})) > 1:
        yield link_words.BY_CLICK_ALONE
