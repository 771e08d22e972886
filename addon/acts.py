"""Visitor acts: what the visitor did, each with the events it made the browser send.

A page view is one act however many pixels and events report it; so is a click. Headlines count acts.
"""

import hashlib
from collections.abc import Callable, Sequence

from addon.decoders.meta.events import BUTTON_CLICK, GATEWAY_BUTTON_CLICK
from addon.model import Act, Event
from addon.vocabulary import ActKind

SAME_VIEW_SECONDS = 2.0
"""Two pixels on one page report its view within this time."""

SCRAPED_SECONDS = 30.0
"""Meta's client scrapes a page some time after it was opened, later on slow machines."""

FOLLOWS_SECONDS = 2.0
"""An event that the site sends because of a click or a page view follows it within this time."""

_PAGE_EVENTS = frozenset({"PageView", "Microdata", "fb_page_view", "PixelInitialized"})
_CLICKS = frozenset({BUTTON_CLICK, GATEWAY_BUTTON_CLICK})
_FORMS = frozenset(
    {"Lead", "CompleteRegistration", "SubmitApplication", "Schedule", "Contact", "Subscribe", "StartTrial"}
)


class _OpenAct:
    """An act that may still gain events."""

    def __init__(self, kind: ActKind, first: Event) -> None:
        self.kind = kind
        self.events = [first]

    @property
    def last_at(self) -> float:
        return self.events[-1].occurred_at

    def reports(self, event: Event) -> bool:
        """Tell whether a pixel has already reported this act by an event of the same name."""
        return any(e.pixel_id == event.pixel_id and e.event_name == event.event_name for e in self.events)


def acts(events: Sequence[Event], searches: Callable[[Event], bool]) -> tuple[Act, ...]:
    """Return the acts behind `events` in order of time; `searches` tells whether an event tells of a search."""
    found: list[_OpenAct] = []
    viewed: set[tuple[str | None, str | None]] = set()
    for event in sorted(events, key=lambda item: (_moment(item), item.id)):
        act = _belongs_to(event, found)
        if act is None:
            kind = _kind(event, is_search=searches(event), viewed=_load(event) in viewed)
            found.append(_OpenAct(kind, event))
            if kind in {"page_view", "search"}:
                viewed.add(_load(event))
        else:
            act.events.append(event)
            if act.kind == "page_view" and searches(event):
                act.kind = "search"
    return tuple(_close(act) for act in found)


def _moment(event: Event) -> float:
    """Return when the page's own clock saw the event; copies and queues reach the wire later."""
    return event.client_time if event.client_time is not None else event.occurred_at


def _belongs_to(event: Event, found: Sequence[_OpenAct]) -> _OpenAct | None:
    for act in reversed(found[-50:]):
        first = act.events[0]
        if first.page_url != event.page_url or first.frame != event.frame:
            continue
        gap = abs(_moment(event) - _moment(first))
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


def _load(event: Event) -> tuple[str | None, str | None]:
    """Return what events of one load of one page have in common."""
    return event.page_url, event.hits[0].init_time


def _kind(event: Event, *, is_search: bool, viewed: bool) -> ActKind:
    """Return what the visitor did, where `event` is the first to tell of it; `viewed`: the view was told before."""
    if event.event_name in _CLICKS:
        return "form" if _submits(event) else "click"
    if is_search or event.event_name == "Search":
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
    return Act(
        id="a" + digest[:11],
        kind=act.kind,
        site=first.site,
        page_url=first.page_url,
        at=min(event.occurred_at for event in act.events),
        event_ids=tuple(event.id for event in act.events),
    )
