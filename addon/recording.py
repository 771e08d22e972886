"""One session being recorded: requests in, observations and events into the database.

What is taken in is worked out at once and kept in memory until `write` has put it into the database, so a
database that is busy or full loses nothing while the program runs.
"""

import weakref
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from addon.audit import AssessedEvent, Observations, VisitorStamp, other_rules_of, rules_of
from addon.consent.clicks import banner_clicks
from addon.consent.history import ConsentHistory
from addon.consent.timeline import Mark
from addon.derivation import derive
from addon.model import Act, CapturedRequest, Epoch, Problem
from addon.observation import ConsentEvidence, Glimpse, ObservedRequest, Observer, PageVisit, vendor_role
from addon.persona.matching import match
from addon.persona.person import Person
from addon.recent import Change, RecentEvents
from addon.settling import LOOKALIKE, problem_at
from addon.store.rows import LiveProxyRow, SourceRow
from addon.store.store import Store
from rules.engine import Matcher
from rules.loader import load_packs, pack_names

MOST_FLOWS = 400
"""How many of the latest requests are known by their flows, so that these can be marked."""


class Passing(Protocol):
    """A request on its way through the proxy, as it was at one moment (see `addon.flows.FlowSnapshot`)."""

    @property
    def id(self) -> str:
        """Return what the request is recognised by while it is under way."""
        ...

    @property
    def flow(self) -> object:
        """Return what the proxy knows the request by."""
        ...

    def captured(self, position: int) -> CapturedRequest:
        """Return the request with how it ended."""
        ...

    def leaving(self, position: int) -> CapturedRequest:
        """Return the request while nothing is known of its end."""
        ...


class PassedOver(NamedTuple):
    """Requests of which nothing but their cookies can matter: how many, when the first and the last began.

    `glimpses` are what the cookies showed; their positions count these requests from 1.
    """

    seen: int
    first_at: Epoch
    last_at: Epoch
    glimpses: tuple[Glimpse, ...]


class Told(NamedTuple):
    """An event that is new or says more than before, with the flows that carried it.

    `is_news`: nobody was told of it, or of that score, before. `held`: none of its requests left.
    """

    session: str
    item: AssessedEvent
    flows: tuple[object, ...]
    is_news: bool
    held: bool


class _Unwritten:
    """What the database does not hold yet."""

    def __init__(self) -> None:
        self.requests: list[ObservedRequest] = []
        self.completed: list[ObservedRequest] = []
        self.pages: list[PageVisit] = []
        self.consent: list[ConsentEvidence] = []
        self.problems: list[Problem] = []
        self.derived_problems: list[Problem] = []
        self.marks: list[Mark] = []
        self.events: dict[str, AssessedEvent] = {}
        self.gone: set[str] = set()
        self.former_acts: set[str] = set()
        self.acts: dict[str, Act] = {}
        self.stamps: dict[str, VisitorStamp] = {}
        self.decoded = 0
        self.failed = 0
        self.told: list[Told] = []

    def add(self, change: Change) -> None:
        """Add what requests changed."""
        for former in change.gone:
            self.events.pop(former, None)
            self.gone.add(former)
        for item in change.events:
            self.events[item.event.id] = item
            self.gone.discard(item.event.id)
            self.stamps.pop(item.event.id, None)
        for act in change.former_acts:
            self.acts.pop(act, None)
            self.former_acts.add(act)
        self.acts.update((act.id, act) for act in change.acts)

    def stamp(self, stamps: Mapping[str, VisitorStamp]) -> None:
        """Add what is known now of the visitor at the moment of events."""
        for key, stamp in stamps.items():
            if key in self.events:
                self.events[key] = self.events[key].model_copy(update={"consent": stamp.consent, "login": stamp.login})
            else:
                self.stamps[key] = stamp

    def is_empty(self) -> bool:
        """Tell whether there is nothing to write but how many requests were seen."""
        parts = (self.requests, self.completed, self.pages, self.consent, self.problems, self.derived_problems)
        return not any(parts) and not any((self.marks, self.events, self.gone, self.acts, self.stamps))


class _Left(NamedTuple):
    """A request that was observed when it left."""

    observed: ObservedRequest
    position: int


class Recording:
    """One session while it is recorded. For one thread."""

    def __init__(self, store: Store, session: str, source: str, matcher: Matcher, packs: Sequence[str]) -> None:
        """Record into `session` as the source `source`; `packs` are optional packs, or none for those it has."""
        self.session = session
        self.seen = 0
        self.healthy = True
        self._store = store
        self._matcher = matcher
        self._packs = tuple(packs)
        self._other: Matcher | None = None
        self._observer = Observer(source)
        self._history = ConsentHistory()
        self._recent = RecentEvents(matcher, None, self._history)
        self._left: dict[str, _Left] = {}
        self._flows: dict[str, weakref.ref[object]] = {}
        self._matched = 0
        self._first_at: Epoch | None = None
        self._last_at: Epoch | None = None
        self._unwritten = _Unwritten()

    @property
    def sites(self) -> tuple[str, ...]:
        """Return the sites that were visited."""
        return self._history.sites

    @property
    def waiting(self) -> int:
        """Return how many requests are in memory only."""
        return len(self._unwritten.requests) + len(self._unwritten.completed)

    def open(self) -> None:
        """Make or extend the session in the database. Raises StoreError, and UnknownPackError for a pack."""
        store = self._store
        with store.transaction():
            store.ensure_session(self.session)
            self._packs = pack_names(self._packs or store.packs(self.session))
            self._other = Matcher(load_packs(self._packs)) if self._packs else None
            stored = store.derivation(self.session)
            digests = (self._matcher.ruleset.digest, self._other.ruleset.digest if self._other else None)
            if stored is None:
                self._write_empty()
            elif (stored.ruleset_digest, stored.other_digest) != digests:
                self._derive()  # what is added is evaluated as what is there
                stored = store.derivation(self.session)
            self._put_source(complete=False)
        self._recent = RecentEvents(self._matcher, self._other, self._history)
        clicks = banner_clicks(item.event for item in stored.events) if stored else ()
        self._history.add(store.pages(self.session), store.consent(self.session), clicks)
        self._history.set_marks(store.marks(self.session))

    # what comes in

    def left(self, passing: Passing) -> None:
        """Take in a request that left, or may have, and was not answered yet."""
        request = passing.leaving(self.seen + 1)
        if passing.id in self._left or vendor_role(request) is None:
            return  # what is nothing to a vendor is taken in when it ends
        observed = self._observe(passing, request)
        if observed is not None:
            self._left[passing.id] = _Left(observed, request.position)

    def ended(self, passing: Passing) -> None:
        """Take in a request that was answered, or will not be."""
        left = self._left.pop(passing.id, None)
        if left is None:
            self._observe(passing, passing.captured(self.seen + 1))
            return
        request = passing.captured(left.position)
        observed = self._observer.answered(left.observed, request)
        if observed is None:
            self._unwritten.problems.append(
                Problem(
                    where=f"request {left.position}",
                    what="it was changed in the proxy after it had left: both versions are kept",
                )
            )
            self._observe(passing, passing.captured(self.seen + 1))
            return
        self._recent.answered(observed)
        self._unwritten.completed.append(observed)

    def passed_over(self, passed: PassedOver) -> None:
        """Take in requests that were passed over."""
        for seen in passed.glimpses:
            self._observer.glimpse(seen._replace(position=self.seen + seen.position))
        self._count(passed.seen, passed.first_at, passed.last_at)

    def awaits(self, flow_id: str) -> bool:
        """Tell whether a request left in this session and its end is awaited."""
        return flow_id in self._left

    def problem(self, problem: Problem) -> None:
        """Keep what could not be seen."""
        self._unwritten.problems.append(problem)

    def mark(self, mark: Mark) -> None:
        """Keep what the investigator states."""
        self._unwritten.marks.append(mark)

    def refresh(self) -> None:
        """Take over what other programs stated of the session. Raises StoreError."""
        if self._history.set_marks(self._store.marks(self.session)):
            stamped = self._store.visitor_stamps(self.session)
            now = {key: (self._history.again(site, moment, before), before) for key, site, moment, before in stamped}
            self._unwritten.stamp({key: stamp for key, (stamp, before) in now.items() if stamp != before})
            self._unwritten.stamp(self._recent.restamped())

    # what goes out

    def write(self, *, counts: bool = False, beat: LiveProxyRow | None = None) -> tuple[Told, ...]:
        """Write what was taken in; return what is new. Raises StoreError; then all of it waits for the next call.

        How many requests were seen is only written along with something else, or where `counts` says so. `beat` is
        the proxy's sign of life, where it is due.
        """
        self._settle()
        new = self._unwritten
        if new.is_empty() and not counts and beat is None:
            return ()
        store, session = self._store, self.session
        with store.transaction():
            store.ensure_session(session)
            if store.digests(session) is None:
                self._write_empty()  # somebody removed the session meanwhile
            store.add_requests(session, new.requests)
            store.complete_requests(session, new.completed)
            store.add_pages(session, new.pages)
            store.add_consent(session, new.consent)
            store.add_problems(session, self._observer.source_id, new.problems)
            for mark in new.marks:
                store.add_mark(session, mark)
            store.add_derived_problems(session, new.derived_problems)
            if new.decoded or new.failed:
                store.count_requests(session, new.decoded, new.failed)
            self._write_events(new)
            if self._observer.reconstruction:
                store.mark_reconstruction(session)
            if not self.healthy:
                store.mark_incomplete(session)
            self._put_source(complete=False)
            if beat is not None:
                store.put_live_proxy(beat)
        self._unwritten = _Unwritten()
        if new.marks:
            self.refresh()
        return tuple(new.told)

    def give_up(self) -> None:
        """Forget what cannot be written: no further try would succeed."""
        self._unwritten = _Unwritten()
        self.healthy = False

    def close(self) -> tuple[Told, ...]:
        """State that the source has come to its end; return what is new. Raises StoreError."""
        self._observer.finish()
        told = self.write(counts=True)
        self.write()  # marks may have changed what is known of consent
        with self._store.transaction():
            self._put_source(complete=True)
        return told

    def size(self) -> int:
        """Return how many requests that carry events the session holds. Raises StoreError."""
        return self._store.role_counts(self.session).get("event", 0)

    def derive(self) -> None:
        """Derive the session anew from everything observed in it. Raises StoreError."""
        with self._store.transaction():
            self._derive()

    def match(self, person: Person) -> None:
        """Look through all requests of the session for what a test person typed. Raises StoreError."""
        match(self._store, self.session, person)

    # inside

    def _derive(self) -> None:
        self._store.rewrite_derivation(self.session, self._matcher, self._other, self._packs)

    def _write_empty(self) -> None:
        empty = derive(Observations(requests=()), self._matcher, self._other)
        self._store.write_derivation(self.session, empty, self._packs)

    def _observe(self, passing: Passing, request: CapturedRequest) -> ObservedRequest | None:
        self._count(1, request.started_at, request.started_at)
        observed = self._observer.observe(request)
        if observed is None:
            return None
        self._flows[observed.key] = weakref.ref(passing.flow)
        if len(self._flows) > MOST_FLOWS:
            del self._flows[next(iter(self._flows))]
        if observed.role == "event":
            decoded = self._recent.add(observed)
            self._unwritten.decoded += bool(decoded.hits)
            self._unwritten.failed += not decoded.hits
            if decoded.problem is not None:
                self._unwritten.derived_problems.append(problem_at(observed, decoded.problem))
        elif observed.role == "lookalike":
            self._unwritten.derived_problems.append(problem_at(observed, LOOKALIKE))
        return observed

    def _count(self, seen: int, first_at: Epoch, last_at: Epoch) -> None:
        self.seen += seen
        self._first_at = first_at if self._first_at is None else min(self._first_at, first_at)
        self._last_at = last_at if self._last_at is None else max(self._last_at, last_at)

    def _settle(self) -> None:
        """Work out what follows from what was taken in since the last time."""
        taken, new = self._observer.hand_over(), self._unwritten
        self._matched += len(taken.requests)
        new.requests += taken.requests
        new.pages += taken.pages
        new.consent += taken.consent
        self._history.add(taken.pages, taken.consent)
        source = self._observer.source_id
        change = self._recent.change(frozenset({source}) if self._observer.cookies_seen else frozenset())
        new.add(change)
        new.stamp(self._recent.restamped())
        for item in change.events:
            flows = [self._flows[hit.request_key]() for hit in item.event.hits if hit.request_key in self._flows]
            new.told.append(
                Told(
                    session=self.session,
                    item=item,
                    flows=tuple(flow for flow in flows if flow is not None),
                    is_news=item.event.id in change.raised,
                    held=item.event.id in change.held,
                )
            )

    def _write_events(self, new: _Unwritten) -> None:
        store, session, events = self._store, self.session, tuple(new.events.values())
        store.drop_events(session, new.gone)
        store.put_events(session, events)
        store.put_rules(session, self._matcher.ruleset.digest, rules_of(events, self._matcher))
        if self._other is not None:
            store.put_rules(session, self._other.ruleset.digest, other_rules_of(events, self._other))
        store.replace_acts(session, new.former_acts, tuple(new.acts.values()))
        if new.stamps:
            store.put_consent(session, new.stamps)

    def _put_source(self, *, complete: bool) -> None:
        self._store.put_source(
            self.session,
            SourceRow(
                id=self._observer.source_id,
                name="live proxy",
                kind="live",
                sha256=None,
                bytes=None,
                read_to=self.seen,
                complete=complete,
                requests_seen=self.seen,
                requests_matched=self._matched,
                cookies_seen=self._observer.cookies_seen,
                first_at=self._first_at,
                last_at=self._last_at,
            ),
        )
