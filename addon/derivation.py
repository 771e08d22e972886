"""Every event of a session in one pass over its requests, none of them held longer than it takes.

What is kept of each event to the end is a handful of values: what the acts, the links between events, the clock
and the consent timelines need. Requests come in the order of time and are decoded once; an event that gains a
late request (another capture of the same browsing, a copy that waited) is put together and written again.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import median, quantiles
from typing import NamedTuple, Protocol

from addon.acts import Told, acts_behind, in_order, told_by
from addon.audit import (
    DERIVED_SECONDS,
    AssessedEvent,
    Clock,
    VisitorStamp,
    assess,
    build_event,
    decode,
    event_id,
    visitor_at,
    witness_of,
)
from addon.consent.clicks import BannerClick, banner_clicks
from addon.consent.contradictions import StatementMade
from addon.consent.meta import departures, limited_data_use
from addon.consent.timeline import Mark, timelines
from addon.decoders.base import RequestRole
from addon.decoders.meta.hidden_page import HiddenPages
from addon.fold import Folder, Group, Sighting
from addon.model import Act, Event, Frozen, Problem
from addon.observation import LIBRARY_FIRST, ConsentEvidence, ObservedRequest, PageVisit
from rules.engine import Matcher
from rules.model import Assessment

EVENT_ROLES: frozenset[RequestRole] = frozenset({"event", "lookalike"})

LOOKALIKE = "a host that bears Meta's name is not Meta's: not an event"

HELD_GROUPS = 300
"""How many of the latest events are held whole, in case another request of theirs follows."""

BATCH = 200
"""How many events are handed to the sink at a time."""


class Surroundings(Frozen):
    """What was observed in a session beside the requests that carry events."""

    pages: tuple[PageVisit, ...] = ()
    consent: tuple[ConsentEvidence, ...] = ()
    marks: tuple[Mark, ...] = ()
    sources_with_cookies: frozenset[str] = frozenset()


class RequestLog(Protocol):
    """The requests of a session that are events, or look like one."""

    def in_order(self) -> Iterable[tuple[int, ObservedRequest]]:
        """Yield them by start and key, each with the place by which it can be had again."""
        ...

    def at(self, place: int) -> ObservedRequest:
        """Return the request at a place."""
        ...


class EventSink(Protocol):
    """What takes derived events, batch by batch."""

    def put(self, events: Sequence[AssessedEvent]) -> None:
        """Take events that are new."""
        ...

    def drop(self, events: Sequence[str]) -> None:
        """Forget events, by their ids: they follow anew with more requests."""
        ...

    def stamp(self, stamps: Mapping[str, VisitorStamp]) -> None:
        """Change what is known of the visitor at the moment of events, by their ids."""
        ...

    def link(self, origins: Mapping[str, str]) -> None:
        """Say which event another was derived from, both by their ids."""
        ...


class Totals(NamedTuple):
    """What follows from the events of a session together. `acts` are to be read once."""

    acts: Iterable[Act]
    problems: tuple[Problem, ...]
    clock: Clock
    decoded: int
    failed: int
    rules: frozenset[str]
    other_rules: frozenset[str]


def derive_events(
    log: RequestLog,
    around: Surroundings,
    matcher: Matcher,
    other: Matcher | None,
    sink: EventSink,
    *,
    window: int | None = HELD_GROUPS,
) -> Totals:
    """Derive the events of a session, hand them to `sink`, and return what follows from all of them.

    `other` holds the rules of optional packs. The result does not depend on `window`, the number of events held.
    """
    return _Derivation(log, around, matcher, other, sink).run(window)


class _Trace(NamedTuple):
    """What is kept of an event to the end."""

    told: Told
    clock_gap: float | None
    clicks: tuple[BannerClick, ...]
    limited: StatementMade | None
    from_setup_tool: bool
    rules: frozenset[str]
    other_rules: frozenset[str]
    problems: tuple[Problem, ...]


class _Derivation:
    """One pass over the requests of one session."""

    def __init__(
        self, log: RequestLog, around: Surroundings, matcher: Matcher, other: Matcher | None, sink: EventSink
    ) -> None:
        self._log = log
        self._around = around
        self._matcher = matcher
        self._other = other
        self._sink = sink
        self._hidden = HiddenPages(page.url for page in around.pages)
        self._timelines = timelines(around.pages, around.consent, around.marks)
        self._traces: list[_Trace | None] = []
        self._batch: list[AssessedEvent] = []
        self._same: dict[str, str] = {}
        self._rule_sets: dict[frozenset[str], frozenset[str]] = {}
        self._problems: list[Problem] = []

    def run(self, window: int | None) -> Totals:
        decoded_count = failed = 0
        folder = Folder(self._sightings_at, window)
        for place, observed in self._log.in_order():
            if observed.role == "lookalike":
                self._problems.append(problem_at(observed, LOOKALIKE))
                continue
            decoded = decode(observed)
            if decoded.problem is not None:
                self._problems.append(problem_at(observed, decoded.problem))
            if decoded.hits:
                decoded_count += 1
            else:
                failed += 1
            witness = witness_of(observed)
            for hit in decoded.hits:
                for group in folder.add(Sighting(hit, witness), place):
                    self._settle(group)
        for group in folder.rest():
            self._settle(group)
        self._hand_over()
        del folder
        traces = [trace for trace in self._traces if trace is not None]
        self._traces.clear()
        self._link(traces)
        self._restamp(traces)
        return Totals(
            acts=acts_behind(in_order(trace.told for trace in traces)),
            problems=(*self._problems, *(problem for trace in traces for problem in trace.problems)),
            clock=clock_of([trace.clock_gap for trace in traces if trace.clock_gap is not None]),
            decoded=decoded_count,
            failed=failed,
            rules=frozenset().union(*{trace.rules for trace in traces}),
            other_rules=frozenset().union(*{trace.other_rules for trace in traces}),
        )

    def _sightings_at(self, place: int) -> list[Sighting]:
        observed = self._log.at(place)
        witness = witness_of(observed)
        return [Sighting(hit, witness) for hit in decode(observed).hits]

    def _settle(self, group: Group) -> None:
        """Put the event of a group together, in place of an earlier version with fewer requests."""
        if group.before:
            self._hand_over()
            self._sink.drop([event_id(group.ranked_before())])
        ranked = group.ranked()
        main = ranked[0].hit
        event = build_event(ranked, self._around.sources_with_cookies, self._hidden.of(main))
        item = assess(event, self._matcher, self._timelines, self._other)
        while len(self._traces) <= group.number:
            self._traces.append(None)
        self._traces[group.number] = _Trace(
            told=self._interned(told_by(event, searches=item.searched is not None)),
            clock_gap=None if main.client_time is None else (ranked[0].at - main.client_time) * 1000,
            clicks=banner_clicks([event]),
            limited=limited_data_use(event),
            from_setup_tool=event.trigger == "event_setup_tool",
            rules=self._shared(item.assessment),
            other_rules=frozenset() if item.other is None else self._shared(item.other),
            problems=tuple(disagreements(ranked, event)) if len(ranked) > 1 else (),
        )
        self._batch.append(item)
        if len(self._batch) >= BATCH:
            self._hand_over()

    def _interned(self, told: Told) -> Told:
        """Keep one copy of texts that events have in common."""
        same = self._same.setdefault
        moment, event, name, pixel, site, page, init, frame, occurred, searches, submits = told
        return Told(
            moment,
            event,
            same(name, name),
            same(pixel, pixel),
            site and same(site, site),
            page and same(page, page),
            init and same(init, init),
            frame,
            occurred,
            searches,
            submits,
        )

    def _shared(self, assessment: Assessment) -> frozenset[str]:
        rules = frozenset([finding.rule for finding in assessment.findings])
        return self._rule_sets.setdefault(rules, rules)

    def _hand_over(self) -> None:
        if self._batch:
            self._sink.put(self._batch)
            self._batch = []

    def _link(self, traces: Sequence[_Trace]) -> None:
        """Tell of events that Meta's Event Setup Tool derived which event they were derived from."""
        derived = [trace.told for trace in traces if trace.from_setup_tool]
        origins: dict[tuple[str, str | None], list[tuple[float, int, str]]] = {
            (told.pixel_id, told.page_url): [] for told in derived
        }
        for number, trace in enumerate(traces if derived else ()):
            told = trace.told
            near = origins.get((told.pixel_id, told.page_url))
            if near is not None and not trace.from_setup_tool:
                near.append((told.moment, number, told.id))
        for near in origins.values():
            near.sort()
        found: dict[str, str] = {}
        for told in derived:
            origin = _nearest(told.moment, origins[told.pixel_id, told.page_url])
            if origin is not None:
                found[told.id] = origin
        if found:
            self._sink.link(found)

    def _restamp(self, traces: Sequence[_Trace]) -> None:
        """Work out anew what events themselves tell of: a click on a banner, or nothing left since the program came."""
        around = self._around
        clicks = [click for trace in traces for click in trace.clicks]
        sites = {click.site for click in clicks} | {item.site for item in around.consent if item.name == LIBRARY_FIRST}
        if not sites:
            return
        left = departures(trace.told for trace in traces if trace.told.site in sites)
        whole = timelines(around.pages, around.consent, around.marks, clicks, left)
        stamps: dict[str, VisitorStamp] = {}
        for trace in traces:
            told = trace.told
            if told.site in sites:
                stamp = visitor_at(told.site, told.occurred_at, trace.limited, whole)
                if stamp != visitor_at(told.site, told.occurred_at, trace.limited, self._timelines):
                    stamps[told.id] = stamp
        if stamps:
            self._sink.stamp(stamps)


def _nearest(moment: float, events: Sequence[tuple[float, int, str]]) -> str | None:
    """Return the id of the event nearest to `moment`, of equally near ones the first seen, or None.

    `events` are moments, numbers and ids in order.
    """
    first = bisect_left(events, moment - DERIVED_SECONDS - 1, key=lambda event: event[0])
    last = bisect_right(events, moment + DERIVED_SECONDS + 1, key=lambda event: event[0])
    near = [event for event in events[first:last] if abs(event[0] - moment) <= DERIVED_SECONDS]
    return min(near, key=lambda event: (abs(event[0] - moment), event[1]), default=(0.0, 0, None))[2]


class EverythingHeld:
    """A log and a sink for observations that are in memory, and for events that shall be."""

    def __init__(self, requests: Iterable[ObservedRequest]) -> None:
        """Take requests in any order."""
        self._requests = sorted(requests, key=lambda observed: (observed.request.started_at, observed.key))
        self.events: list[AssessedEvent] = []

    def in_order(self) -> Iterator[tuple[int, ObservedRequest]]:
        """Yield the requests that are events, or look like one, by start and key."""
        return ((place, item) for place, item in enumerate(self._requests) if item.role in EVENT_ROLES)

    def at(self, place: int) -> ObservedRequest:
        """Return the request at a place."""
        return self._requests[place]

    def put(self, events: Sequence[AssessedEvent]) -> None:
        """Take events."""
        self.events += events

    def drop(self, events: Sequence[str]) -> None:
        """Forget events."""
        self.events = [item for item in self.events if item.event.id not in events]

    def stamp(self, stamps: Mapping[str, VisitorStamp]) -> None:
        """Change what is known of the visitor at events."""
        for number, item in enumerate(self.events):
            stamp = stamps.get(item.event.id)
            if stamp is not None:
                self.events[number] = item.model_copy(update={"consent": stamp.consent, "login": stamp.login})

    def link(self, origins: Mapping[str, str]) -> None:
        """Give events the id of the one they were derived from."""
        for number, item in enumerate(self.events):
            origin = origins.get(item.event.id)
            if origin is not None:
                event = item.event.model_copy(update={"derived_from": origin})
                self.events[number] = item.model_copy(update={"event": event})


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


def clock_of(found: Iterable[float]) -> Clock:
    """Return how far the pixel's clock stood from the capture's, from the gaps of events in milliseconds."""
    gaps = sorted(found)
    if not gaps:
        return Clock(skew_ms=None, spread_ms=None, samples=0)
    if len(gaps) < 2:
        return Clock(skew_ms=round(gaps[0]), spread_ms=0, samples=1)
    quarters = quantiles(gaps, n=4, method="inclusive")
    return Clock(skew_ms=round(median(gaps)), spread_ms=round(quarters[2] - quarters[0]), samples=len(gaps))
