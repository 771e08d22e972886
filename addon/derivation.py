"""Every event of a session in one pass over its requests, none of them held longer than it takes.

What is kept of each event to the end is a handful of values: what the acts, the links between events, the clock
and the consent timelines need. Requests come in the order of time and are decoded once; an event that gains a
late request (another capture of the same browsing, a copy that waited) is put together and written again.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from statistics import median, quantiles
from typing import Any, NamedTuple, Protocol

from addon.acts import Told, acts_behind, in_order
from addon.audit import (
    DERIVED_SECONDS,
    AssessedEvent,
    Clock,
    Derivation,
    Observations,
    VisitorStamp,
    rules_named,
    visitor_at,
)
from addon.consent.meta import departures
from addon.consent.timeline import Mark, timelines
from addon.decoders.base import RequestRole
from addon.decoders.meta.hidden_page import HiddenPages
from addon.fold import Folder, Group, Member
from addon.model import Act, Frozen, Problem
from addon.observation import LIBRARY_FIRST, ConsentEvidence, ObservedRequest, PageVisit
from addon.settling import Judge, PartEvent, PartRead, Trace, settle, sightings_of
from addon.sighting import Sighting, Token, ranked, traits_of
from rules.engine import Matcher

EVENT_ROLES: frozenset[RequestRole] = frozenset({"event", "lookalike"})

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


class EventSink[R](Protocol):
    """What takes derived events, batch by batch, in a form of its own."""

    def written(self, item: AssessedEvent) -> R:
        """Return an event in the form that `put` takes. A pure function."""
        ...

    def stamped(self, event: R, stamp: VisitorStamp) -> R:
        """Return an event in that form with what is known of the visitor. A pure function."""
        ...

    def put(self, events: Sequence[R]) -> None:
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


def derive_events[R](
    log: RequestLog,
    around: Surroundings,
    matcher: Matcher,
    other: Matcher | None,
    sink: EventSink[R],
    *,
    window: int | None = HELD_GROUPS,
    parts: Iterable[PartRead[R]] | None = None,
) -> Totals:
    """Derive the events of a session, hand them to `sink`, and return what follows from all of them.

    `other` holds the rules of optional packs. `parts` are the requests of `log`, in order, as others read them; without
    them every request is read here. The result does not depend on that, nor on `window`, the number of events held.
    """
    derivation = _Derivation(log, around, Judge(matcher, other), sink)
    return derivation.run(window) if parts is None else derivation.run_parts(parts, window)


class _Derivation[R]:
    """One pass over the requests of one session."""

    def __init__(self, log: RequestLog, around: Surroundings, judge: Judge, sink: EventSink[R]) -> None:
        self._log = log
        self._around = around
        self._judge = judge
        self._sink = sink
        self._hidden = HiddenPages(page.url for page in around.pages)
        self._timelines = timelines(around.pages, around.consent, around.marks)
        self._traces: list[Trace | None] = []
        self._batch: list[R] = []
        self._same: dict[str, str] = {}
        self._rule_sets: dict[frozenset[str], frozenset[str]] = {}
        self._problems: list[Problem] = []
        self._decoded = self._failed = 0

    def run(self, window: int | None) -> Totals:
        """Read every request here."""
        folder: Folder[Sighting] = Folder(self._sightings_at, window)
        for place, observed in self._log.in_order():
            sightings, counts, problem = sightings_of(observed)
            self._count(len(sightings), counts=counts, problem=problem)
            for sighting in sightings:
                for group in folder.add(sighting, place):
                    self._settle(group, group.sightings)
        for group in folder.rest():
            self._settle(group, group.sightings)
        del folder
        return self._totals()

    def run_parts(self, parts: Iterable[PartRead[R]], window: int | None) -> Totals:
        """Take over what others read: an event is theirs where all of its requests stand in one part."""
        folder: Folder[Token] = Folder(self._tokens_at, window)
        events: dict[Member, PartEvent[R]] = {}
        for part in parts:
            events.update((event.members[0], event) for event in part.events)
            for place, hits, counts, problem in part.requests:
                self._count(len(hits), counts=counts, problem=problem)
                for traits in hits:
                    for group in folder.add(Token(traits, partial(self._sighting_at, place, traits.nth)), place):
                        self._take_over(group, events)
        for group in folder.rest():
            self._take_over(group, events)
        del folder
        return self._totals()

    def _count(self, hits: int, *, counts: bool, problem: Problem | None) -> None:
        if problem is not None:
            self._problems.append(problem)
        if counts and hits:
            self._decoded += 1
        elif counts:
            self._failed += 1

    def _sightings_at(self, place: int) -> list[Sighting]:
        return sightings_of(self._log.at(place))[0]

    def _sighting_at(self, place: int, nth: int) -> Sighting:
        return next(sighting for sighting in self._sightings_at(place) if sighting.nth == nth)

    def _tokens_at(self, place: int) -> list[Token]:
        return [
            Token(traits_of(sighting), partial(self._sighting_at, place, sighting.nth))
            for sighting in self._sightings_at(place)
        ]

    def _take_over(self, group: Group[Token], events: dict[Member, PartEvent[R]]) -> None:
        """Take the event of a group from those that others put together, or put it together here."""
        members = tuple(group.members)
        found = [event for event in (events.pop(member, None) for member in members) if event is not None]
        if group.before or not found or found[0].members != members:
            self._settle(group, [self._sighting_at(*member) for member in members])
            return
        event = found[0]
        told = event.trace.told
        stamp = visitor_at(told.site, told.occurred_at, event.trace.limited, self._timelines)
        self._add(group.number, self._sink.stamped(event.written, stamp), event.trace)

    def _settle(self, group: Group[Any], sightings: Sequence[Sighting]) -> None:
        """Put the event of a group together, in place of an earlier version with fewer requests."""
        if group.before:
            self._hand_over()
            former = self._traces[group.number]
            assert former is not None, "it was given away before"
            self._sink.drop([former.told.id])
        together = ranked(sightings)
        hidden = self._hidden.of(together[0].hit)
        item, trace = settle(together, self._judge, self._around.sources_with_cookies, hidden, self._timelines)
        self._add(group.number, self._sink.written(item), trace)

    def _add(self, number: int, event: R, trace: Trace) -> None:
        while len(self._traces) <= number:
            self._traces.append(None)
        self._traces[number] = trace._replace(
            told=self._interned(trace.told),
            rules=self._shared(trace.rules),
            other_rules=self._shared(trace.other_rules),
        )
        self._batch.append(event)
        if len(self._batch) >= BATCH:
            self._hand_over()

    def _totals(self) -> Totals:
        self._hand_over()
        traces = [trace for trace in self._traces if trace is not None]
        self._traces.clear()
        self._link(traces)
        self._restamp(traces)
        return Totals(
            acts=acts_behind(in_order(trace.told for trace in traces)),
            problems=(*self._problems, *(problem for trace in traces for problem in trace.problems)),
            clock=clock_of([trace.clock_gap for trace in traces if trace.clock_gap is not None]),
            decoded=self._decoded,
            failed=self._failed,
            rules=frozenset().union(*{trace.rules for trace in traces}),
            other_rules=frozenset().union(*{trace.other_rules for trace in traces}),
        )

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

    def _shared(self, rules: frozenset[str]) -> frozenset[str]:
        return self._rule_sets.setdefault(rules, rules)

    def _hand_over(self) -> None:
        if self._batch:
            self._sink.put(self._batch)
            self._batch = []

    def _link(self, traces: Sequence[Trace]) -> None:
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

    def _restamp(self, traces: Sequence[Trace]) -> None:
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

    def written(self, item: AssessedEvent) -> AssessedEvent:
        """Return the event itself."""
        return item

    def stamped(self, event: AssessedEvent, stamp: VisitorStamp) -> AssessedEvent:
        """Return the event with what is known of the visitor."""
        return event.model_copy(update={"consent": stamp.consent, "login": stamp.login})

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
                self.events[number] = self.stamped(item, stamp)

    def link(self, origins: Mapping[str, str]) -> None:
        """Give events the id of the one they were derived from."""
        for number, item in enumerate(self.events):
            origin = origins.get(item.event.id)
            if origin is not None:
                event = item.event.model_copy(update={"derived_from": origin})
                self.events[number] = item.model_copy(update={"event": event})


def derive(observations: Observations, matcher: Matcher, other: Matcher | None = None) -> Derivation:
    """Return events, assessments, acts and problems of a session.

    `other` holds the rules of optional packs: what they say stands beside the assessment of each event.
    """
    held = EverythingHeld(observations.requests)
    around = Surroundings(
        pages=observations.pages,
        consent=observations.consent,
        marks=observations.marks,
        sources_with_cookies=observations.sources_with_cookies,
    )
    totals = derive_events(held, around, matcher, other, held, window=None)
    return Derivation(
        ruleset_digest=matcher.ruleset.digest,
        events=tuple(held.events),
        acts=tuple(totals.acts),
        rules=rules_named(totals.rules, matcher),
        problems=totals.problems,
        clock=totals.clock,
        decoded=totals.decoded,
        failed=totals.failed,
        other_digest=other.ruleset.digest if other else None,
        other_rules=rules_named(totals.other_rules, other) if other else (),
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
