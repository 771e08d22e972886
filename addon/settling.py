"""One event from the requests that carried it: put together, assessed, and what is kept of it to a session's end."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from addon.acts import Told, told_by
from addon.audit import AssessedEvent, assess, build_event, decode, visitor_at, witness_of
from addon.consent.clicks import BannerClick, banner_clicks
from addon.consent.contradictions import StatementMade
from addon.consent.meta import limited_data_use
from addon.consent.timeline import ConsentTimeline
from addon.decoders.meta.hidden_page import HiddenPage, hides_its_page
from addon.fold import Folder, Member
from addon.model import Event, Problem
from addon.observation import ObservedRequest
from addon.sighting import Sighting, Traits, ranked, traits_of
from rules.engine import Matcher
from rules.model import Assessment

LOOKALIKE = "a host that bears Meta's name is not Meta's: not an event"
"""What is said of a request that only looks like one to Meta."""


class Judge(NamedTuple):
    """The rules that events are assessed by; `other` holds those of optional packs."""

    matcher: Matcher
    other: Matcher | None


class Trace(NamedTuple):
    """What is kept of an event to the end: what acts, links, the clock and the consent timelines need."""

    told: Told
    clock_gap: float | None
    clicks: tuple[BannerClick, ...]
    limited: StatementMade | None
    from_setup_tool: bool
    rules: frozenset[str]
    other_rules: frozenset[str]
    problems: tuple[Problem, ...]


def settle(
    group: Sequence[Sighting],
    judge: Judge,
    with_cookies: frozenset[str],
    hidden: HiddenPage | None,
    by_site: dict[str, ConsentTimeline],
) -> tuple[AssessedEvent, Trace]:
    """Return the event of a group, its most complete request first, and its trace.

    `with_cookies` are the sources that show cookies, `hidden` is the page that the event hides and which was found,
    `by_site` are the timelines that tell of the visitor.
    """
    main = group[0].hit
    event = build_event(group, with_cookies, hidden)
    limited = limited_data_use(event)
    visitor = visitor_at(event.site, event.occurred_at, limited, by_site)
    item = assess(event, judge.matcher, visitor, judge.other)
    return item, Trace(
        told=told_by(event, searches=item.searched is not None),
        clock_gap=None if main.client_time is None else (group[0].at - main.client_time) * 1000,
        clicks=banner_clicks([event]),
        limited=limited,
        from_setup_tool=event.trigger == "event_setup_tool",
        rules=_rules(item.assessment),
        other_rules=frozenset() if item.other is None else _rules(item.other),
        problems=tuple(disagreements(group, event)) if len(group) > 1 else (),
    )


def _rules(assessment: Assessment) -> frozenset[str]:
    return frozenset([finding.rule for finding in assessment.findings])


class RequestRead(NamedTuple):
    """One request of a session that is an event or looks like one: its hits by their traits, and what is wrong."""

    place: int
    hits: tuple[Traits, ...]
    counts: bool
    problem: Problem | None


class PartEvent[R](NamedTuple):
    """An event that follows from a part of a session, written without what is known of the visitor."""

    members: tuple[Member, ...]
    written: R
    trace: Trace


class PartRead[R](NamedTuple):
    """A part of a session's requests, in order, and the events that follow from this part alone.

    An event that hides its page is not among them: which page it is, only the whole session shows.
    """

    requests: list[RequestRead]
    events: list[PartEvent[R]]


def read_part[R](
    requests: Iterable[tuple[int, ObservedRequest]],
    judge: Judge,
    with_cookies: frozenset[str],
    written: Callable[[AssessedEvent], R],
) -> PartRead[R]:
    """Return what a part of a session's requests comes to by itself. A pure function, for any process."""
    read: list[RequestRead] = []
    folder: Folder[Sighting] = Folder()
    for place, observed in requests:
        sightings, counts, problem = sightings_of(observed)
        read.append(RequestRead(place, tuple([traits_of(sighting) for sighting in sightings]), counts, problem))
        for sighting in sightings:
            for _ in folder.add(sighting, place):
                pass  # without a window nothing is given away before the end
    events: list[PartEvent[R]] = []
    for group in folder.rest():
        sightings = ranked(group.sightings)
        if not hides_its_page(sightings[0].hit):
            item, trace = settle(sightings, judge, with_cookies, None, {})
            events.append(PartEvent(tuple(group.members), written(item), trace))
    return PartRead(read, events)


def sightings_of(observed: ObservedRequest) -> tuple[list[Sighting], bool, Problem | None]:
    """Return the hits of a request, whether it counts as one that carries events, and what is wrong with it."""
    if observed.role == "lookalike":
        return [], False, problem_at(observed, LOOKALIKE)
    decoded = decode(observed)
    witness = witness_of(observed)
    problem = None if decoded.problem is None else problem_at(observed, decoded.problem)
    return [Sighting(hit, witness) for hit in decoded.hits], True, problem


def disagreements(group: Sequence[Sighting], event: Event) -> Iterable[Problem]:
    """Name parameters that two captures of the same request show with different values."""
    by_transport: dict[str, Sighting] = {}
    for sighting in group:
        known = by_transport.setdefault(sighting.hit.transport, sighting)
        if known.witness.source_id == sighting.witness.source_id:
            continue
        mine = {(param.name, param.value) for param in known.hit.parameters if param.context != "header"}
        theirs = {(param.name, param.value) for param in sighting.hit.parameters if param.context != "header"}
        names = sorted({name for name, _ in mine ^ theirs})
        if names:
            yield Problem(
                where=f"event {event.id}",
                what="two captures of this request disagree on " + ", ".join(names[:20]),
                request_key=sighting.witness.key,
            )


def problem_at(observed: ObservedRequest, what: str) -> Problem:
    """Return what is wrong with a request as a problem that says where it stands."""
    unit = {"mitm": "byte", "har": "entry", "live": "request"}[observed.request.source_kind]
    return Problem(
        where=f"{observed.source_id}, {unit} {observed.request.position}", what=what, request_key=observed.key
    )
