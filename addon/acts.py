"""Visitor acts: what the visitor did, each with the events it made the browser send.

A page view is one act however many pixels and events report it; so is a click. Headlines count acts.
"""

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Reversible
from typing import NamedTuple

from addon.decoders.meta.events import BUTTON_CLICK, GATEWAY_BUTTON_CLICK
from addon.model import Act, Event
from addon.vocabulary import ActKind, Frame
from rules.unchecked import unchecked

SAME_VIEW_SECONDS = 2.0
"""Two pixels on one page report its view within this time."""

SCRAPED_SECONDS = 30.0
"""Meta's client scrapes a page some time after it was opened, later on slow machines."""

FOLLOWS_SECONDS = 2.0
"""An event that the site sends because of a click or a page view follows it within this time."""

OPEN_ACTS = 50
"""How many of the latest acts an event may still belong to."""

_PAGE_EVENTS = frozenset({"PageView", "Microdata", "fb_page_view", "PixelInitialized"})
_CLICKS = frozenset({BUTTON_CLICK, GATEWAY_BUTTON_CLICK})
_FORMS = frozenset(
    {"Lead", "CompleteRegistration", "SubmitApplication", "Schedule", "Contact", "Subscribe", "StartTrial"}
)


class Told(NamedTuple):
    """What an event tells of the act behind it."""

    moment: float
    id: str
    event_name: str
    pixel_id: str
    site: str | None
    page_url: str | None
    init_time: str | None
    frame: Frame
    occurred_at: float
    searches: bool
    submits: bool


def told_by(event: Event, *, searches: bool) -> Told:
    """Return what `event` tells of its act; `searches`: it tells of a search.

    Its moment is when the page's own clock saw it; copies and queues reach the wire later.
    """
    return Told(
        event.client_time if event.client_time is not None else event.occurred_at,
        event.id,
        event.event_name,
        event.pixel_id,
        event.site,
        event.page_url,
        event.hits[0].init_time,
        event.frame,
        event.occurred_at,
        searches,
        event.event_name in _CLICKS and _submits(event),
    )


class _OpenAct:
    """An act that may still gain events."""

    __slots__ = ("events", "kind")

    def __init__(self, kind: ActKind, first: Told) -> None:
        self.kind = kind
        self.events = [first]

    def reports(self, event: Told) -> bool:
        """Tell whether a pixel has already reported this act by an event of the same name."""
        told = event.pixel_id, event.event_name
        return told in [(other.pixel_id, other.event_name) for other in self.events]


def in_order(events: Iterable[Told]) -> list[Told]:
    """Return `events` in the order of their moments and ids."""
    return sorted(events, key=lambda told: (told.moment, told.id))


def acts_behind(events: Iterable[Told]) -> Iterator[Act]:
    """Yield the acts behind `events`, which come in the order of their moments and ids."""
    open_acts: deque[_OpenAct] = deque()
    by_page: dict[tuple[str | None, Frame], deque[_OpenAct]] = {}
    viewed: set[tuple[str | None, str | None]] = set()
    for event in events:
        here = by_page.get((event.page_url, event.frame))
        act = _belongs_to(event, here) if here else None
        if act is None:
            kind = _kind(event, viewed=_load(event) in viewed)
            act = _OpenAct(kind, event)
            open_acts.append(act)
            by_page.setdefault((event.page_url, event.frame), deque()).append(act)
            if kind in {"page_view", "search"}:
                viewed.add(_load(event))
            if len(open_acts) > OPEN_ACTS:
                yield _close(_oldest(open_acts, by_page))
        else:
            act.events.append(event)
            if act.kind == "page_view" and event.searches:
                act.kind = "search"
    yield from map(_close, open_acts)


def _oldest(open_acts: deque[_OpenAct], by_page: dict[tuple[str | None, Frame], deque[_OpenAct]]) -> _OpenAct:
    """Return the act that was opened first, which is no longer open."""
    act = open_acts.popleft()
    page = act.events[0].page_url, act.events[0].frame
    by_page[page].popleft()
    if not by_page[page]:
        del by_page[page]
    return act


def _belongs_to(event: Told, here: Reversible[_OpenAct]) -> _OpenAct | None:
    """Return the act that an event is part of, among the open ones on its page in the order of their opening."""
    for act in reversed(here):
        first = act.events[0]
        gap = abs(event.moment - first.moment)
        if event.event_name in _CLICKS:
            if act.kind in {"click", "form"} and gap <= SAME_VIEW_SECONDS / 2 and not act.reports(event):
                return act
        elif event.event_name in _PAGE_EVENTS:
            if act.kind not in {"page_view", "search"} or first.event_name in _CLICKS:
                continue
            same_load = _load(first) == _load(event)
            if gap <= SAME_VIEW_SECONDS and (same_load or not act.reports(event)):
                return act
            if event.event_name == "Microdata" and same_load and gap <= SCRAPED_SECONDS:
                return act
        elif gap <= FOLLOWS_SECONDS:
            return act
    return None


def _load(event: Told) -> tuple[str | None, str | None]:
    """Return what events of one load of one page have in common."""
    return event.page_url, event.init_time


def _kind(event: Told, *, viewed: bool) -> ActKind:
    """Return what the visitor did, where `event` is the first to tell of it; `viewed`: the view was told before."""
    if event.event_name in _CLICKS:
        return "form" if event.submits else "click"
    if event.searches or event.event_name == "Search":
        return "search"
    if event.event_name in _PAGE_EVENTS or (event.event_name == "ViewContent" and not viewed):
        return "page_view"
    return "form" if event.event_name in _FORMS else "other"


def _submits(event: Event) -> bool:
    """Tell whether a click sent a form: a submit button with fields around it."""
    values = {param.name: param.value for param in event.parameters}
    fields = values.get("cd[formFeatures]", "")
    return '"type":"submit"' in values.get("cd[buttonFeatures]", "").replace(" ", "") and len(fields) > len("[]")


def _close(act: _OpenAct) -> Act:
    first = act.events[0]
    digest = hashlib.sha256(("act " + first.id).encode()).hexdigest()
    return _made(
        id="a" + digest[:11],
        kind=act.kind,
        site=first.site,
        page_url=first.page_url,
        at=min([event.occurred_at for event in act.events]),
        event_ids=tuple([event.id for event in act.events]),
    )


_made = unchecked(Act)
