"""The addon: records what leaves for Meta into a session, as it happens. It changes and delays nothing.

Each request is kept as an observation first; what follows from it (event, score) is worked out beside it
and worked out anew from all observations when the session ends.
"""

import logging
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mitmproxy import ctx, exceptions, http, tls
from mitmproxy.addonmanager import Loader
from mitmproxy.log import ALERT

from addon.audit import (
    AssessedEvent,
    Observations,
    acts_of,
    assess,
    build_event,
    decode,
    derive,
    other_rules_of,
    rules_of,
    witness_of,
)
from addon.consent.timeline import timelines
from addon.flows import flow_request
from addon.fold import Sighting, fold
from addon.model import Problem
from addon.observation import ConsentEvidence, ObservedRequest, Observer, PageVisit
from addon.persona.matching import match
from addon.persona.person import Person, PersonFileError, read_person
from addon.redaction import Redactor
from addon.store.rows import SourceRow
from addon.store.store import Store, StoreError
from rules.engine import Matcher
from rules.errors import RuleSetError, UnknownPackError
from rules.loader import load_packs, load_rules, pack_names

logger = logging.getLogger("pixelwitness")

RECENT = 200
"""How many of the latest sightings a new one is folded with while the session is open."""


class PixelwitnessAddon:
    """The mitmproxy hooks, each a few lines; the work is done by the modules they call."""

    def __init__(self) -> None:
        self._store: Store | None = None
        self._matcher: Matcher | None = None
        self._packs: tuple[str, ...] = ()
        self._other: Matcher | None = None
        self._observer = Observer("live")
        self._session = ""
        self._kept = _Kept()
        self._recent: list[Sighting] = []
        self._events: dict[str, AssessedEvent] = {}
        self._taken: deque[str] = deque(maxlen=RECENT)
        self._seen = 0
        self._first_at: float | None = None
        self._last_at: float | None = None
        self._healthy = True
        self._person: Person | None = None

    def load(self, loader: Loader) -> None:
        """Declare the options."""
        loader.add_option("pixelwitness_db", str, "pixelwitness.db", "Database that sessions are recorded into.")
        loader.add_option("pixelwitness_session", str, "", "Name of the session; by default the time it began.")
        loader.add_option(
            "pixelwitness_rules", Sequence[str], [], "Your own rule files or folders, beside the built-in ones."
        )
        loader.add_option(
            "pixelwitness_packs", Sequence[str], [], "Optional packs for other special categories, or all of them."
        )
        loader.add_option("pixelwitness_persona", str, "", "File of the invented person whose details are typed.")
        loader.add_option("pixelwitness_min_score", int, 0, "Log only events with at least this score.")
        loader.add_option("pixelwitness_quiet", bool, False, "Record without logging events.")

    def configure(self, updated: set[str]) -> None:
        """Check the options; a bad rule file stops mitmproxy before any traffic."""
        if "pixelwitness_rules" in updated or self._matcher is None:
            try:
                self._matcher = Matcher(load_rules([Path(path) for path in ctx.options.pixelwitness_rules]))
            except RuleSetError as error:
                raise exceptions.OptionsError(str(error)) from error  # type: ignore[no-untyped-call]
        if "pixelwitness_packs" in updated:
            try:
                self._switch_on(ctx.options.pixelwitness_packs)
            except (RuleSetError, UnknownPackError) as error:
                raise exceptions.OptionsError(str(error)) from error  # type: ignore[no-untyped-call]
        if "pixelwitness_persona" in updated and ctx.options.pixelwitness_persona:
            try:
                self._person = read_person(Path(ctx.options.pixelwitness_persona))
            except PersonFileError as error:
                raise exceptions.OptionsError(str(error)) from error  # type: ignore[no-untyped-call]
        if "pixelwitness_min_score" in updated and not 0 <= ctx.options.pixelwitness_min_score <= 100:
            raise exceptions.OptionsError("pixelwitness_min_score must be from 0 to 100")  # type: ignore[no-untyped-call]

    def running(self) -> None:
        """Open the session. Nothing is opened before, because `done` is not called when a start fails."""
        if self._store is not None:
            return
        self._session = ctx.options.pixelwitness_session or time.strftime("live-%Y%m%d-%H%M%S", time.gmtime())
        try:
            self._store = Store(Path(ctx.options.pixelwitness_db), live=True)
            with self._store.transaction():
                self._store.ensure_session(self._session)
                self._observer = Observer(f"live-{int(time.time() * 1000):x}")
                self._put_source(complete=False)
                if not self._packs:
                    self._switch_on(self._store.packs(self._session))
                if self._store.derivation(self._session) is None:
                    self._write(self._store, Observations(requests=()))
        except (StoreError, UnknownPackError) as error:
            self._broken(error)
            return
        logger.log(ALERT, "Pixelwitness records into session %s of %s", self._session, ctx.options.pixelwitness_db)

    def response(self, flow: http.HTTPFlow) -> None:
        """Take in a request that was answered."""
        self._take(flow)

    def error(self, flow: http.HTTPFlow) -> None:
        """Take in a request that was not answered: it may have arrived all the same."""
        self._take(flow)

    def tls_failed_client(self, data: tls.TlsData) -> None:
        """Keep that a host could not be looked into."""
        host = data.context.client.sni or (data.context.server.address or ("an unknown host", 0))[0]
        self._keep_problem(
            Problem(
                where=f"TLS to {host}",
                what="the client ended the TLS handshake with the proxy: its traffic is not seen",
            )
        )

    def done(self) -> None:
        """Close the session: everything is derived anew from what was observed."""
        if self._store is None:
            return
        store, self._store = self._store, None
        try:
            self._observer.finish()
            with store.transaction():
                self._keep(store, self._kept.rest_of(self._observer))
                self._put_source(complete=True, store=store)
                if not self._healthy:
                    store.mark_incomplete(self._session)
                self._write(store, store.observations(self._session))
            if self._person is not None:
                match(store, self._session, self._person)
        except StoreError as error:
            self._broken(error)
        else:
            logger.log(ALERT, "Pixelwitness closed session %s", self._session)
        finally:
            store.close()

    # inside

    def _rules(self) -> Matcher:
        assert self._matcher is not None, "configure runs before any traffic"
        return self._matcher

    def _switch_on(self, packs: Sequence[str]) -> None:
        """Evaluate events with these optional packs, too. Raises RuleSetError and UnknownPackError."""
        self._packs = pack_names(packs)
        self._other = Matcher(load_packs(self._packs)) if self._packs else None

    def _write(self, store: Store, observations: Observations) -> None:
        store.write_derivation(self._session, derive(observations, self._rules(), self._other), self._packs)

    def _take(self, flow: http.HTTPFlow) -> None:
        if flow.id in self._taken:
            return  # an error after the answer concerns a request that was taken in already
        self._taken.append(flow.id)
        self._seen += 1
        if self._store is None:
            return
        request = flow_request(flow, self._seen, "live")
        self._first_at = request.started_at if self._first_at is None else min(self._first_at, request.started_at)
        self._last_at = max(self._last_at or 0.0, request.started_at)
        observed = self._observer.observe(request)
        new = self._kept.rest_of(self._observer)
        if not any(new):
            return
        try:
            with self._store.transaction():
                self._keep(self._store, new)
                self._put_source(complete=False)
                events = self._derive(observed) if observed is not None else []
                news = [item for item in events if self._is_news(item)]
                if events:
                    self._events.update((item.event.id, item) for item in events)
                    self._store.put_events(self._session, events)
                    self._store.put_rules(self._session, self._rules().ruleset.digest, rules_of(events, self._rules()))
                    if self._other is not None:
                        other_rules = other_rules_of(events, self._other)
                        self._store.put_rules(self._session, self._other.ruleset.digest, other_rules)
                    self._store.put_acts(self._session, acts_of(tuple(self._events.values())))
        except StoreError as error:
            self._broken(error)
            return
        self._kept.count(new)
        for event in news:
            self._tell(event)

    def _derive(self, observed: ObservedRequest) -> list[AssessedEvent]:
        """Return the events that a new request starts or adds to, folded with the latest ones."""
        decoded = decode(observed)
        if decoded.problem is not None:
            self._keep_problem(Problem(where=f"request {observed.request.position}", what=decoded.problem))
        witness = witness_of(observed)
        new = [Sighting(hit, witness) for hit in decoded.hits]
        self._recent = [*self._recent, *new][-RECENT:]
        keys = {witness.key}
        by_site = timelines(self._observer.pages, self._observer.consent, ())
        with_cookies = frozenset({observed.source_id}) if self._observer.cookies_seen else frozenset[str]()
        return [
            assess(build_event(group, with_cookies, None), self._rules(), by_site, self._other)
            for group in fold(self._recent)
            if any(sighting.witness.key in keys for sighting in group)
        ]

    def _is_news(self, item: AssessedEvent) -> bool:
        """Tell whether an event is new, or a further request of it says more than the log already did."""
        known = self._events.get(item.event.id)
        return known is None or known.assessment.score < item.assessment.score

    def _tell(self, item: AssessedEvent) -> None:
        if ctx.options.pixelwitness_quiet or item.assessment.score < ctx.options.pixelwitness_min_score:
            return
        event, assessment = item.event, item.assessment
        redactor = Redactor(event.identifiers, reveal=False)
        about = ", ".join((*assessment.topics, *assessment.actions)) or "no health words"
        if item.other is not None and item.other.topics:
            about += f" | apart from health: {', '.join(item.other.topics)} ({item.other.score} {item.other.band})"
        logger.log(
            ALERT,
            "%3d %-8s %s %s | %s | %s | tied by %s",
            assessment.score,
            assessment.band,
            event.event_name or "(no name)",
            _one_line(redactor.text(event.page_url or "page unknown")),
            _one_line(redactor.text(item.clicked or item.searched or item.page_title or "")),
            about,
            event.linkability,
        )

    def _keep(self, store: Store, new: "_Rest") -> None:
        store.add_requests(self._session, new.requests)
        store.add_pages(self._session, new.pages)
        store.add_consent(self._session, new.consent)

    def _put_source(self, *, complete: bool, store: Store | None = None) -> None:
        target = store or self._store
        assert target is not None
        target.put_source(
            self._session,
            SourceRow(
                id=self._observer.source_id,
                name="live proxy",
                kind="live",
                sha256=None,
                bytes=None,
                read_to=self._seen,
                complete=complete,
                requests_seen=self._seen,
                requests_matched=len(self._observer.requests),
                cookies_seen=self._observer.cookies_seen,
                first_at=self._first_at,
                last_at=self._last_at,
            ),
        )

    def _keep_problem(self, problem: Problem) -> None:
        if self._store is None:
            return
        try:
            self._store.add_problems(self._session, self._observer.source_id, [problem])
        except StoreError as error:
            self._broken(error)

    def _broken(self, error: Exception) -> None:
        """Say loudly that the session has a hole: an audit that looks whole and is not is the worst outcome."""
        self._healthy = False
        logger.error("Pixelwitness could not record: %s. This session is incomplete.", error)


class _Rest(NamedTuple):
    """What an observer collected and the database does not hold yet."""

    requests: list[ObservedRequest]
    pages: list[PageVisit]
    consent: list[ConsentEvidence]


class _Kept:
    """How much of what an observer collected is in the database already."""

    def __init__(self) -> None:
        self._requests = self._pages = self._consent = 0

    def rest_of(self, observer: Observer) -> _Rest:
        """Return what is not kept yet."""
        return _Rest(
            observer.requests[self._requests :],
            observer.pages[self._pages :],
            observer.consent[self._consent :],
        )

    def count(self, new: _Rest) -> None:
        """Count what was kept, once it is."""
        self._requests += len(new.requests)
        self._pages += len(new.pages)
        self._consent += len(new.consent)


def _one_line(text: str) -> str:
    """Return text with control characters escaped: a log line must not be one that a capture wrote."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)[:200]
