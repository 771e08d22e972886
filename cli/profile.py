"""What a session says more than its events: the story of each site in order, and what could be inferred.

Both are put together from acts that hold health content, by fixed sentences; nothing is guessed. A statement
names the acts and events that support it and the identifier that joins them, so that a reader can check it.
Events of band low, dismissed events and events that did not leave support nothing; that somebody is under 18
is no health content and is told from any event, where it is joined to one that counts.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple
from urllib.parse import unquote

from addon.vocabulary import DELIVERY_STRENGTH, LINKABILITY_ORDER, Delivery, Linkability
from cli import wording
from cli.bonds import Bond, carrier, joined
from cli.schema import Act, Event, Finding, Inference, Story, StoryLine, Support
from rules.model import Band, Tier
from rules.unchecked import unchecked

RANK: dict[Band, int] = {"none": 0, "low": 1, "medium": 2, "high": 3, "critical": 4}
COUNTS_FROM = RANK["medium"]
MOST_STATEMENTS = 24
MOST_WORDS = 3
LONGEST_QUOTE = 100
LONGEST_PAGE = 70

BROAD = frozenset({"general_conditions", "medicines", "tests_treatments"})
"""Topics that name no condition by themselves: told of an act only where no other topic says more."""

BROADEST = "general_health"
UNDER_18 = "under_18"
INDIRECT = ("referrer.", "hidden.")
"""Fields that tell of a page before, or of an address of which only a fingerprint left."""

UNDONE = (*INDIRECT, "page.description", "page.keywords", "page.structured")
"""Fields that describe a page and say nothing of what the visitor did there."""

UNTOLD_KINDS = frozenset({"page_view", "other"})

_made_line = unchecked(StoryLine)
_made_support = unchecked(Support)

Kind = Literal["topic", "action", "context"]


class Member(NamedTuple):
    """An act that supports a statement, with its events that do; `indirect`: not by what was done there itself."""

    act: Act
    events: tuple[Event, ...]
    indirect: bool = False


class _Profile:
    """One session's acts, read for statements."""

    def __init__(self, acts: Sequence[Act], events: Sequence[Event], bonds: Mapping[str, Sequence[Bond]]) -> None:
        known = {event.id: event for event in events}
        self.bonds = bonds
        self.acts = [(act, [known[id_] for id_ in act.event_ids if id_ in known]) for act in acts]
        self.members: dict[tuple[Kind, str], list[Member]] = {}

    def gather(self) -> None:
        """Find what supports each statement."""
        for act, own in self.acts:
            counted = [event for event in own if _supports(event)]
            for topic in _told_topics(counted):
                self._add("topic", topic, act, [event for event in counted if topic in event.topics])
            for action in dict.fromkeys(action for event in counted for action in event.actions):
                self._add("action", action, act, [event for event in counted if action in event.actions])
        for key, found in self.members.items():
            if not all(member.indirect for member in found):
                self.members[key] = [member for member in found if not member.indirect]
        self._drop_repeated()
        if young := self._under_18():
            self.members["context", UNDER_18] = young

    def _add(self, kind: Kind, category: str, act: Act, events: Sequence[Event]) -> None:
        if not events:
            return
        direct = [event for event in events if not _is_indirect(event, kind, category)]
        member = Member(act, tuple(direct or events), not direct)
        self.members.setdefault((kind, category), []).append(member)

    def _drop_repeated(self) -> None:
        """Drop a broad topic all of whose acts support one statement that says more."""
        for topic in (BROADEST, *sorted(BROAD)):
            mine = {member.act.id for member in self.members.get(("topic", topic), ())}
            others = [
                {member.act.id for member in found}
                for (kind, category), found in self.members.items()
                if kind == "action" or category not in {topic, BROADEST}
            ]
            if mine and any(mine <= theirs for theirs in others):
                del self.members["topic", topic]

    def _under_18(self) -> list[Member]:
        """Return the acts that tell of somebody under 18 and count, or are joined to one that does."""
        counted = [
            carrier(act.site, [event.id for event in own if _supports(event)], self.bonds)
            for act, own in self.acts
            if any(_supports(event) for event in own)
        ]
        found = []
        for act, own in self.acts:
            signs = tuple(event for event in own if is_under_18(event) and _left(event))
            mine = carrier(act.site, [event.id for event in signs], self.bonds).bonds
            if signs and (
                any(_supports(event) for event in signs)
                or any(other.site == act.site and other.bonds & mine for other in counted)
            ):
                found.append(Member(act, signs))
        return found


def inferences(
    acts: Sequence[Act],
    events: Sequence[Event],
    bonds: Mapping[str, Sequence[Bond]],
    *,
    tiers: Mapping[str, Tier] | None = None,
    reconstruction: bool = False,
) -> tuple[Inference, ...]:
    """Return what the recipient could infer of this browser's user, topics of special risk first.

    `bonds` are the identifiers of each event by its id, `tiers` those of the topics as their rules state.
    """
    profile = _Profile(acts, events, bonds)
    profile.gather()
    young = profile.members.get(("context", UNDER_18), [])
    found = [
        _inference(kind, category, members, profile, young, tiers or {}, reconstruction=reconstruction)
        for (kind, category), members in profile.members.items()
    ]
    kinds: tuple[Kind, ...] = ("topic", "context", "action")
    found.sort(
        key=lambda item: (
            item.tier != "special_risk",
            kinds.index(item.kind),
            item.category in {*BROAD, BROADEST},
            -len(item.act_ids),
            item.category,
        )
    )
    return tuple(found[:MOST_STATEMENTS])


def _inference(
    kind: Kind,
    category: str,
    members: Sequence[Member],
    profile: _Profile,
    young: Sequence[Member],
    tiers: Mapping[str, Tier],
    *,
    reconstruction: bool,
) -> Inference:
    events = [event for member in members for event in member.events]
    ids = {event.id for event in events}
    bond = joined(
        [carrier(member.act.site, [event.id for event in member.events], profile.bonds) for member in members],
        complete=all(event.linkability_complete for event in events),
    )
    strongest = max((event.tier for event in events), key=("none", "health", "special_risk").index)
    who = wording.MIGHT_INFER_RECONSTRUCTED if reconstruction else wording.MIGHT_INFER
    claim = _claim(kind, category, events)
    ordered = sorted(members, key=lambda member: (-_telling(member, category), member.act.at, member.act.id))
    return Inference(
        kind=kind,
        category=category,
        tier=(tiers.get(category) or strongest) if kind == "topic" else strongest,
        text=f"{who} {claim}{', for themselves or for somebody else' if kind == 'topic' else ''}.",
        claim=claim,
        tied_by=_strongest(events),
        joined_by=bond.link,
        joined=bond.text,
        sites=tuple(sorted({event.site for event in events if event.site})),
        act_ids=tuple(dict.fromkeys(member.act.id for member in members)),
        event_ids=tuple(dict.fromkeys(event.id for event in events)),
        support=tuple(_support(member, category) for member in ordered),
        under_18=()
        if kind == "context"
        else tuple(
            _support(member, UNDER_18)
            for member in sorted(young, key=lambda member: (-_telling(member, UNDER_18), member.act.at, member.act.id))
            if {event.id for event in member.events} & ids or _is_joined(member, members, profile.bonds)
        ),
    )


def _is_joined(one: Member, others: Sequence[Member], bonds: Mapping[str, Sequence[Bond]]) -> bool:
    """Tell whether an act carried an identifier that one of `others` on the same site carried too."""
    mine = carrier(one.act.site, [event.id for event in one.events], bonds).bonds
    return any(
        other.act.site == one.act.site
        and mine & carrier(other.act.site, [event.id for event in other.events], bonds).bonds
        for other in others
    )


def _claim(kind: Kind, category: str, events: Sequence[Event]) -> str:
    """Return what could be inferred, as it goes on after `Meta could infer that this browser's user`."""
    if kind == "context":
        return "is under 18, or acts for somebody who is"
    if kind == "action":
        doing = wording.ACTIONS_DONE.get(category)
        return f"was {doing}, or meant to" if doing else f"took a step of the kind “{wording.plain(category)}”"
    label = wording.category(category)
    if category in BROAD:
        words = dict.fromkeys(
            " ".join(found.text.split()).lower()
            for event in events
            for found in event.findings
            if found.category == category and not found.field.startswith(INDIRECT)
        )
        if words:
            label += f" ({', '.join(f'“{_cut(word, LONGEST_PAGE)}”' for word in list(words)[:MOST_WORDS])})"
    return f"took an interest in {label}"


def _told_topics(events: Sequence[Event]) -> list[str]:
    """Return the topics of an act, broad ones only where no other says more."""
    topics = dict.fromkeys(topic for event in events for topic in event.topics)
    named = [topic for topic in topics if topic not in BROAD and topic != BROADEST]
    return named or [topic for topic in topics if topic in BROAD] or list(topics)


def _telling(member: Member, category: str) -> int:
    """Return how much an act says of a category by itself: typed, clicked, opened, or merely on such a page."""
    fields = {
        found.field.partition(".")[0] + ("" if found.field != "button.attribute" else " attribute")
        for event in member.events
        for found in event.findings
        if found.category == category
    }
    order: Sequence[Callable[[], bool]] = (
        lambda: "search" in fields,
        lambda: member.act.kind in {"click", "form"} and bool({"button", "form"} & fields),
        lambda: member.act.kind in {"click", "form"} and "destination" in fields,
        lambda: member.act.kind == "page_view",
    )
    return next((len(order) - place for place, fits in enumerate(order) if fits()), 0)


def _support(member: Member, category: str) -> Support:
    text = _told(member.act, member.events, _strongest_event(member.events))
    return _made_support(
        act_id=member.act.id,
        event_ids=tuple(event.id for event in member.events),
        at=member.act.at,
        site=member.act.site,
        text=text + _words_unseen(text, category, member),
    )


def _words_unseen(text: str, category: str, member: Member) -> str:
    """Return the words by which an act holds a category, where what is told of it does not show them."""
    found = [item for event in member.events for item in event.findings if item.category == category]
    chosen = [item for item in found if member.indirect or not item.field.startswith(INDIRECT)]
    if not chosen or any(_plain(item.text) in _plain(text) for item in chosen):
        return ""
    best = max(chosen, key=lambda item: item.points)
    return f" (“{_cut(unquote(best.text), LONGEST_PAGE)}” in the {wording.field(best.field)})"


def _plain(text: str) -> str:
    """Return a text by its words alone."""
    return " ".join(re.split(r"[\W_]+", unquote(text).lower())).strip()


def stories(acts: Sequence[Act], events: Sequence[Event]) -> tuple[Story, ...]:
    """Return, for every site with a counted act, what happened there in order.

    Acts of low band and clicks without health words are told too where they stand among counted acts of the
    same site: that the visitor is under 18 says something beside the click that follows.
    """
    known = {event.id: event for event in events}
    by_site: dict[str | None, list[Act]] = {}
    for act in acts:
        by_site.setdefault(act.site, []).append(act)
    found = []
    for site, own in by_site.items():
        if not any(_counts(known[id_]) for act in own for id_ in act.event_ids if id_ in known):
            continue
        ordered = sorted(own, key=lambda item: (item.at, item.id))
        lines: list[StoryLine] = []
        before = None
        for act in ordered:
            line = _line(act, known, before)
            if line is not None:
                lines.append(line)
                before = act.page_url
        found.append(Story(site=site, lines=tuple(lines)))
    return tuple(found)


def _line(act: Act, known: Mapping[str, Event], before: str | None) -> StoryLine | None:
    own = [known[id_] for id_ in act.event_ids if id_ in known]
    if not own:
        return None
    strongest = _strongest_event(own)
    young = any(is_under_18(event) for event in own)
    if act.kind in UNTOLD_KINDS and RANK[strongest.band] < RANK["low"] and not young:
        return None
    about = [wording.category(name) for name in (*_told_topics([strongest]), *strongest.actions)]
    if young:
        about.append(wording.category(UNDER_18))
    delivery: Delivery = max((event.delivery for event in own), key=DELIVERY_STRENGTH.__getitem__)
    return _made_line(
        at=act.at,
        act_id=act.id,
        event_ids=act.event_ids,
        band=strongest.band,
        text=_told(act, own, strongest, before),
        about=tuple(dict.fromkeys(about)),
        consent=strongest.consent.state,
        tied_by=_strongest(own),
        delivery=delivery,
        dismissed=strongest.review.state == "dismissed",
    )


def _told(act: Act, own: Sequence[Event], strongest: Event, before: str | None = None) -> str:
    """Return in words what the visitor did; values of the capture stand in quotes, shortened.

    `before` is the address of the page that was told of last.
    """
    searched = next((event.searched for event in (strongest, *own) if event.searched), None)
    clicked = next((event.clicked for event in (strongest, *own) if event.clicked), None)
    if act.kind == "search" and searched:
        return f"searched for “{_cut(searched)}”"
    page = _page(strongest) if before is None or before != strongest.page_url else "the same page"
    if act.kind in {"click", "form"} and clicked:
        return f"{'sent a form with' if act.kind == 'form' else 'clicked'} “{_cut(clicked)}” on {page}"
    if act.kind in {"page_view", "search"}:
        return f"opened {_page(strongest)}"
    names = ", ".join(dict.fromkeys(event.event_name for event in own if event.event_name))
    return f"made the page report {_cut(names) or 'an event without a name'} on {page}"


def is_under_18(event: Event) -> bool:
    """Tell whether an event stood on a page for or about under-18s, or a text of it says so."""
    return event.page_class == UNDER_18 or any(
        found.category == UNDER_18 and not found.field.startswith(INDIRECT) for found in event.findings
    )


def _is_indirect(event: Event, kind: Kind, category: str) -> bool:
    """Tell whether an event holds a category only by way of another page, or an action only by a page's description."""
    found: list[Finding] = [finding for finding in event.findings if finding.category == category]
    fields = UNDONE if kind == "action" else INDIRECT
    return bool(found) and all(finding.field.startswith(fields) for finding in found)


def _left(event: Event) -> bool:
    return event.review.state != "dismissed" and event.delivery != "not_sent"


def _supports(event: Event) -> bool:
    return _counts(event) and _left(event)


def _counts(event: Event) -> bool:
    return RANK[event.band] >= COUNTS_FROM and event.review.state != "dismissed"


def _strongest_event(events: Sequence[Event]) -> Event:
    return max(events, key=lambda event: (_counts(event), event.score))


def _strongest(events: Iterable[Event]) -> Linkability:
    levels = {event.linkability for event in events}
    return next((level for level in LINKABILITY_ORDER if level in levels), "address_only")


def _page(event: Event) -> str:
    """Return a page as it is told: its title, else its address without what the site's name says already."""
    if event.page_title:
        return f"“{_cut(event.page_title, LONGEST_PAGE)}”"
    if not event.page_url:
        return "a page whose address is not known"
    address = event.page_url.partition("://")[2] or event.page_url
    host, slash, path = address.partition("/")
    if path and event.site and host in {event.site, f"www.{event.site}"}:
        address = slash + path
    return _cut(address, LONGEST_PAGE)


def _cut(text: str, longest: int = LONGEST_QUOTE) -> str:
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 1] + "…"
