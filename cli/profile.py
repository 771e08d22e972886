"""What a session says more than its events: the story of each site in order, and what could be inferred.

Both are put together from acts that hold health content, by fixed sentences; nothing is guessed. A statement
names the events that support it, so that a reader can check it.
"""

from collections.abc import Iterable, Sequence

from addon.vocabulary import LINKABILITY_ORDER, Linkability
from cli import wording
from cli.schema import Act, Event, Inference, Story, StoryLine
from rules.model import Band

RANK: dict[Band, int] = {"none": 0, "low": 1, "medium": 2, "high": 3, "critical": 4}
COUNTS_FROM = RANK["medium"]
MAX_QUOTES = 4
LONGEST_QUOTE = 120
GENERAL = frozenset({"general_health", "general_conditions", "tests_treatments"})
"""Topics that are told only where no other topic says more."""

UNTOLD_CLICKS = frozenset({"page_view", "other"})


def inferences(acts: Sequence[Act], events: Sequence[Event]) -> tuple[Inference, ...]:
    """Return what the recipient could infer of this browser's user, topics of special risk first."""
    known = {event.id: event for event in events}
    by_topic: dict[tuple[str, str], list[tuple[Act, list[Event]]]] = {}
    for act in acts:
        counted = [
            event
            for id_ in act.event_ids
            if (event := known.get(id_)) and _counts(event) and event.delivery != "not_sent"
        ]
        if not counted:
            continue
        topics = {topic for event in counted for topic in event.topics}
        told = (topics - GENERAL) or topics
        for topic in sorted(told):
            by_topic.setdefault(("topic", topic), []).append((act, [e for e in counted if topic in e.topics]))
        for action in sorted({action for event in counted for action in event.actions}):
            by_topic.setdefault(("action", action), []).append((act, [e for e in counted if action in e.actions]))
    found = [_inference(kind, category, members) for (kind, category), members in by_topic.items()]
    return tuple(
        sorted(found, key=lambda item: (item.tier != "special_risk", item.kind != "topic", -len(item.act_ids)))
    )


def _inference(kind: str, category: str, members: Sequence[tuple[Act, Sequence[Event]]]) -> Inference:
    events = [event for _, own in members for event in own]
    sites = sorted({event.site for event in events if event.site})
    tie = _strongest(events)
    quotes = list(dict.fromkeys(quote for act, own in members if (quote := _quote(act, own))))
    label = wording.category(category)
    doing = "was about" if kind == "topic" else "was"
    counted = wording.count(len(members), "act")
    listed = "; ".join(quotes[:MAX_QUOTES]) + (
        f"; and {len(quotes) - MAX_QUOTES} more" if len(quotes) > MAX_QUOTES else ""
    )
    return Inference(
        kind="topic" if kind == "topic" else "action",
        category=category,
        tier=max((event.tier for event in events), key=("none", "health", "special_risk").index),
        text=f"What this browser's user did {doing} {label}: {counted} on {', '.join(sites) or 'an unknown site'}"
        + (f": {listed}." if listed else "."),
        tied_by=tie,
        sites=tuple(sites),
        act_ids=tuple(dict.fromkeys(act.id for act, _ in members)),
        event_ids=tuple(dict.fromkeys(event.id for event in events)),
    )


def _quote(act: Act, events: Sequence[Event]) -> str:
    first = events[0]
    if act.kind == "search" and (first.searched or first.clicked):
        return f"searched for “{_cut(first.searched or first.clicked or '')}”"
    if act.kind in {"click", "form"} and first.clicked:
        return f"clicked “{_cut(first.clicked)}”"
    if first.page_title:
        return f"opened “{_cut(first.page_title)}”"
    return f"opened {_cut(_path(first.page_url))}" if first.page_url else ""


def stories(acts: Sequence[Act], events: Sequence[Event]) -> tuple[Story, ...]:
    """Return, for every site with a counted act, what happened there in order.

    Acts of low band and clicks without health words are told too where they stand among counted acts of the
    same site: that the visitor is under 18 says something beside the click that follows.
    """
    known = {event.id: event for event in events}
    by_site: dict[str, list[Act]] = {}
    for act in acts:
        by_site.setdefault(act.site or "", []).append(act)
    found = []
    for site, own in by_site.items():
        if not any(_counts(known[id_]) for act in own for id_ in act.event_ids if id_ in known):
            continue
        lines = [line for act in sorted(own, key=lambda item: item.at) if (line := _line(act, known)) is not None]
        found.append(Story(site=site or None, lines=tuple(lines)))
    return tuple(found)


def _line(act: Act, known: dict[str, Event]) -> StoryLine | None:
    own = [known[id_] for id_ in act.event_ids if id_ in known]
    if not own:
        return None
    strongest = max(own, key=lambda event: (_counts(event), event.score))
    if act.kind in UNTOLD_CLICKS and RANK[strongest.band] < RANK["low"]:
        return None
    what = _told(act, own, strongest)
    about = [wording.category(name) for name in (*strongest.topics, *strongest.actions) if name not in GENERAL]
    return StoryLine(
        at=act.at,
        act_id=act.id,
        event_ids=act.event_ids,
        band=strongest.band,
        text=what + (f" ({', '.join(dict.fromkeys(about))})" if about else ""),
        consent=strongest.consent.state,
        tied_by=_strongest(own),
        dismissed=strongest.review.state == "dismissed",
    )


def _told(act: Act, own: Sequence[Event], strongest: Event) -> str:
    page = f"“{_cut(strongest.page_title)}”" if strongest.page_title else _cut(_path(strongest.page_url))
    searched = next((event.searched for event in own if event.searched), None)
    clicked = next((event.clicked for event in own if event.clicked), None)
    if act.kind == "search" and searched:
        return f"searched for “{_cut(searched)}”"
    if act.kind in {"click", "form"} and clicked:
        return f"{'sent a form with' if act.kind == 'form' else 'clicked'} “{_cut(clicked)}” on {page}"
    if act.kind == "page_view":
        return f"opened {page}"
    names = ", ".join(dict.fromkeys(event.event_name for event in own if event.event_name))
    return f"made the page report {names or 'an event without a name'} on {page}"


def _counts(event: Event) -> bool:
    return RANK[event.band] >= COUNTS_FROM and event.review.state != "dismissed"


def _strongest(events: Iterable[Event]) -> Linkability:
    levels = {event.linkability for event in events}
    return next((level for level in LINKABILITY_ORDER if level in levels), "address_only")


def _path(url: str | None) -> str:
    if not url:
        return "a page whose address is not known"
    return url.partition("://")[2] or url


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 1] + "…"
