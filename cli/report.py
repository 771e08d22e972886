"""The report of one session, built from the store: everything a format renders, redacted already."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import lru_cache

from addon.audit import AssessedEvent
from addon.consent.clicks import banner_clicks
from addon.consent.timeline import ConsentStamp, Proof, timelines
from addon.decoders.meta.dictionary import lookup
from addon.decoders.meta.filters import filtering
from addon.decoders.meta.identity import identifiers, linkability
from addon.decoders.meta.wire import query_parameters
from addon.fold import SAME_REQUEST_SECONDS
from addon.linkability import keys
from addon.model import Act as FoundAct
from addon.model import Event as FoundEvent
from addon.model import Hit, Param
from addon.model import Identifier as FoundIdentifier
from addon.observation import ObservedRequest, PageVisit
from addon.redaction import Redactor, mask_email, shorten, shorten_address
from addon.sites import registrable_domain, site_of
from addon.store.rows import MarkRow, ReviewRow, SessionRow, SourceRow, StoredDerivation
from addon.store.store import Store
from addon.times import now, optional_rfc3339, rfc3339
from addon.vocabulary import ParameterContext
from cli import wording
from cli.bonds import Bond
from cli.consent_words import consent_findings
from cli.jurisdiction import jurisdictions
from cli.linked import EventTies
from cli.persons import NOBODY, Persons, guessed
from cli.pixels import configurations
from cli.profile import inferences, stories
from cli.schema import (
    Act,
    Clock,
    Consent,
    ConsentContradiction,
    ConsentProof,
    ConsentStatement,
    Coverage,
    Event,
    Filter,
    Finding,
    Identifier,
    Mark,
    NearMiss,
    OtherCategories,
    Page,
    PageReason,
    Parameter,
    Problem,
    PublicAddress,
    Report,
    Request,
    Review,
    RuleText,
    Session,
    Source,
    Step,
    WithdrawnMark,
)
from cli.ties import consent_facts, name_of, session_ties, ties_of_one
from rules.model import Assessment, Band, Rule
from rules.unchecked import changed, unchecked

BANDS: tuple[Band, ...] = ("none", "low", "medium", "high", "critical")
PIXEL_PROGRAM = frozenset({"configuration", "library", "plugin"})
"""Roles of requests that fetch a part of Meta's pixel program."""

UNREVIEWED = Review(state="unreviewed", reason=None, by=None, at=None)

MOST_SHARED = 8_192
LONGEST_SHARED = 512
"""Parameters and steps that read alike, up to this many characters, are one object: most come with many events."""

_made_act = unchecked(Act)
_made_consent = unchecked(Consent)
_made_contradiction = unchecked(ConsentContradiction)
_made_event = unchecked(Event)
_made_finding = unchecked(Finding)
_made_identifier = unchecked(Identifier)
_made_near_miss = unchecked(NearMiss)
_made_other = unchecked(OtherCategories)
_made_page = unchecked(Page)
_made_parameter = unchecked(Parameter)
_made_proof = unchecked(ConsentProof)
_made_request = unchecked(Request)
_made_statement = unchecked(ConsentStatement)
_made_step = unchecked(Step)

_ALWAYS_UNSEEN = (
    "What a site's own servers send to Meta (Conversions API) never passes the browser: no proxy can see it.",
    "Requests that the browser gave up before they left are in no capture.",
)
_REPLAY_UNSEEN = (
    "Failed TLS connections and hosts that refuse the proxy's certificate are not recorded in this kind of capture."
)
_HAR_UNSEEN = "A HAR holds no client address and no connections: whether an unanswered request arrived is unknown."
_NO_COOKIES = "{name} holds no cookies: whether the visitor was logged in to Facebook cannot be told from it."


class NotDerivedError(LookupError):
    """A session has observations and no derivation yet."""


def build_report(store: Store, session: SessionRow, *, reveal: bool = False, min_score: int = 0) -> Report:
    """Return the report of `session` with events of at least `min_score` points.

    Raises NotDerivedError where the session was never derived, StoreError where the database refuses.
    """
    derivation = store.derivation(session.id)
    if derivation is None:
        raise NotDerivedError(f"session {session.id} has not been evaluated; run: pixelwitness rescore {session.id}")
    sources = store.sources(session.id)
    observed = store.observed_requests(session.id)
    reviews = store.reviews(session.id)
    persons = Persons(store.personas(session.id), observed)
    kept = [item for item in derivation.events if item.assessment.score >= min_score]
    pages = _pages(store, session, derivation, observed.values(), persons, reveal=reveal)
    bands = {item.event.id: item for item in derivation.events}
    kept_ids = {item.event.id for item in kept}
    acts = tuple(
        act_of(act.model_copy(update={"event_ids": own}), [bands[event] for event in own], persons, reveal=reveal)
        for act in derivation.acts
        if (own := tuple(event for event in act.event_ids if event in kept_ids))
    )
    # a person's details are followed through the whole session, whatever events are shown
    listed = derivation.events if persons.rows else kept
    tied = session_ties(session.id, derivation, reviews, observed, reveal=reveal)
    every = tuple(
        event_of(item, observed, reviews.get(item.event.id), persons, reveal=reveal, tied=tied.events[item.event.id])
        for item in listed
    )
    events = tuple(event for event in every if event.id in kept_ids)
    known = {item.event.id: item.event for item in derivation.events}
    rules = store.rules(session.id, derivation.ruleset_digest)
    kept_marks = store.kept_marks(session.id)
    return Report(
        generated_at=now(),
        revealed=reveal,
        min_score=min_score,
        session=_session(session, sources, derivation, reveal=reveal),
        sources=tuple(_source(source) for source in sources),
        coverage=_coverage(
            store, session, sources, derivation, len(pages), sum(item.request.held for item in observed.values())
        ),
        acts=acts,
        events=events,
        inferences=inferences(
            acts,
            events,
            {item.event.id: _bonds(item.event, reveal=reveal) for item in kept},
            tiers={rule.category: rule.tier for rule in rules if rule.tier},
            reconstruction=session.provenance == "reconstruction",
        ),
        stories=stories(acts, events),
        histories=tied.histories,
        unjoined_events=tied.unjoined_events,
        consent_findings=consent_findings(
            [(fact, name_of(fact, known, tied.names)) for fact in consent_facts(store, session, derivation, observed)],
            reveal=reveal,
        ),
        rules=tuple(_rule_text(rule) for rule in rules),
        configurations=configurations(observed.values(), [item.event for item in derivation.events]),
        pages=pages,
        marks=tuple(Mark.model_validate(_mark(row)) for row in kept_marks if row.withdrawn is None),
        withdrawn_marks=tuple(
            WithdrawnMark.model_validate(
                {
                    **_mark(row),
                    "withdrawn_at": row.withdrawn.at,
                    "withdrawn_by": row.withdrawn.by,
                    "reason": row.withdrawn.reason,
                }
            )
            for row in kept_marks
            if row.withdrawn is not None
        ),
        problems=tuple(
            Problem(where=item.where, what=item.what)
            for item in (*store.source_problems(session.id), *derivation.problems)
        ),
        packs=derivation.packs,
        packs_digest=derivation.other_digest,
        other_rules=tuple(
            _rule_text(rule)
            for digest in (derivation.other_digest,)
            if digest is not None
            for rule in store.rules(session.id, digest)
        ),
        test_persons=persons.sections(every, observed),
    )


def _rule_text(rule: Rule) -> RuleText:
    return RuleText(
        rule=rule.id,
        version=rule.version,
        title=rule.title,
        category=rule.category,
        tier=rule.tier or "none",
        reason=rule.reason,
        legal_basis=rule.legal_basis,
        text=rule.model_dump_json(exclude_defaults=True),
    )


def _session(
    session: SessionRow, sources: Sequence[SourceRow], derivation: StoredDerivation, *, reveal: bool
) -> Session:
    starts = [source.first_at for source in sources if source.first_at is not None]
    ends = [source.last_at for source in sources if source.last_at is not None]
    address = None
    if session.public_address is not None and session.public_address_stated_at is not None:
        address = PublicAddress(
            value=session.public_address if reveal else shorten_address(session.public_address),
            stated_by=session.public_address_stated_by,
            stated_at=session.public_address_stated_at,
        )
    clock = derivation.clock
    whose = "the browser's clock" if {source.kind for source in sources} == {"har"} else "the proxy's clock"
    return Session(
        id=session.id,
        name=session.name,
        provenance=session.provenance,
        started_at=optional_rfc3339(min(starts, default=None)),
        ended_at=optional_rfc3339(max(ends, default=None)),
        tool_version=derivation.tool_version,
        ruleset_digest=derivation.ruleset_digest,
        complete=session.complete and all(source.complete for source in sources),
        public_address=address,
        clock=Clock(
            skew_ms=clock.skew_ms,
            spread_ms=clock.spread_ms,
            basis=f"start of the request by {whose} minus the pixel's own ts; median and interquartile range "
            f"over {clock.samples} events",
        ),
    )


def _source(source: SourceRow) -> Source:
    return Source(
        id=source.id,
        name=source.name,
        sha256=source.sha256,
        bytes=source.bytes,
        kind=source.kind,
        read_to=source.read_to,
        complete=source.complete,
    )


def _coverage(
    store: Store, session: SessionRow, sources: Sequence[SourceRow], derivation: StoredDerivation, pages: int, held: int
) -> Coverage:
    roles = store.role_counts(session.id)
    again = store.second_witnesses(session.id)
    unseen = list(_ALWAYS_UNSEEN)
    if any(source.kind != "live" and source.id not in again for source in sources):
        unseen.append(_REPLAY_UNSEEN)
    if any(source.kind == "har" for source in sources):
        unseen.append(_HAR_UNSEEN)
    unseen.extend(
        _NO_COOKIES.format(name=source.name) for source in sources if not source.cookies_seen and roles.get("event")
    )
    return Coverage(
        requests_seen=sum(source.requests_seen for source in sources if source.id not in again),
        requests_matched=sum(roles.values()),
        requests_decoded=derivation.decoded,
        requests_failed=derivation.failed,
        requests_held=held,
        pages_visited=pages,
        blind_spots=tuple(unseen),
        other_requests={role: count for role, count in sorted(roles.items()) if role != "event"},
    )


def _pages(
    store: Store,
    session: SessionRow,
    derivation: StoredDerivation,
    requests: Iterable[ObservedRequest],
    persons: Persons,
    *,
    reveal: bool,
) -> tuple[Page, ...]:
    """Return the pages the browser opened, two captures of one visit once, with what each made it send or fetch."""
    starts: list[PageVisit] = []
    for page in store.pages(session.id):
        if page.top and not any(
            known.url == page.url
            and known.source_id != page.source_id
            and abs(known.at - page.at) <= SAME_REQUEST_SECONDS
            for known in starts[-50:]
        ):
            starts.append(page)
    moments = [page.at for page in starts]

    def open_page(site: str | None, at: float) -> int | None:
        """Return the page of `site` that was opened last before `at`."""
        before = range(bisect_right(moments, at) - 1, -1, -1) if site else ()
        return next((index for index in before if starts[index].site == site), None)

    by_site = timelines(
        store.pages(session.id),
        store.consent(session.id),
        store.marks(session.id),
        banner_clicks(item.event for item in derivation.events),
    )
    sent = [0] * len(starts)
    fetched: list[set[str]] = [set() for _ in starts]
    for item in derivation.events:
        if (index := open_page(item.event.site, item.event.occurred_at)) is not None:
            sent[index] += 1
    for observed in requests:
        if observed.role in PIXEL_PROGRAM:
            request = observed.request
            site = site_of(request.header("referer")) or _named_site(request.url)
            if (index := open_page(site, request.started_at)) is not None:
                fetched[index].add(observed.role)
    redactor = Redactor(
        [
            *(identifier for item in derivation.events for identifier in item.event.identifiers),
            *(identifier for item in derivation.events for identifier in persons.hidden(item.event)),
            *(identifier for page in starts for identifier in identifiers_in(page.url)),
        ],
        reveal=reveal,
    )
    return tuple(
        _made_page(
            url=redactor.text(page.url),
            title=redactor.optional(page.title),
            site=page.site,
            at=rfc3339(page.at),
            events=count,
            fetched=tuple(sorted(roles)),
            consent=by_site[page.site].at(page.at).state,
        )
        for page, count, roles in zip(starts, sent, fetched, strict=True)
    )


def _named_site(url: str) -> str | None:
    """Return the site that the address of a configuration script names, or None."""
    host = next((param.value for param in query_parameters(url) if param.name == "domain"), "")
    return registrable_domain(host) if host else None


def identifiers_in(url: str) -> Iterable[FoundIdentifier]:
    """Return the identifiers that stand in the address of a page, as they would be found in a request."""
    return identifiers([Param(name="dl", value=url, raw=url, context="query")], ())


def _bonds(event: FoundEvent, *, reveal: bool) -> tuple[Bond, ...]:
    """Return what can join an event to others: identifiers that are somebody's, whole and as they may be shown."""
    return tuple(
        Bond(
            link=linkability([item]),
            kind=item.kind,
            value=own[0].value,
            shown=item.value if reveal else shorten(item.kind, item.value, item.form),
        )
        for item in event.identifiers
        if (own := keys(item, event.pixel_id, event.site))
    )


def act_of(act: FoundAct, events: Sequence[AssessedEvent], persons: Persons = NOBODY, *, reveal: bool) -> Act:
    """Return one act as reports show it; `events` are its own."""
    identifiers = [
        identifier for item in events for identifier in (*item.event.identifiers, *persons.hidden(item.event))
    ]
    redactor = Redactor(identifiers, reveal=reveal)
    band = max((item.assessment.band for item in events), key=BANDS.index, default="none")
    return _made_act(
        id=act.id,
        kind=act.kind,
        site=act.site,
        page_url=redactor.optional(act.page_url),
        at=rfc3339(act.at),
        event_ids=act.event_ids,
        band=band,
        topics=tuple(dict.fromkeys(topic for item in events for topic in item.assessment.topics)),
    )


def event_of(
    item: AssessedEvent,
    observed: dict[str, ObservedRequest],
    review: ReviewRow | None,
    persons: Persons = NOBODY,
    *,
    reveal: bool,
    tied: EventTies | None = None,
) -> Event:
    """Return one event as reports show it; `observed` holds its requests by key, `tied` what ties it."""
    event, assessment = item.event, item.assessment
    tied = tied or ties_of_one(event, reveal=reveal)
    addresses = (event.client_ip,) if event.client_ip else ()
    redactor = Redactor((*event.identifiers, *persons.hidden(event)), reveal=reveal, addresses=addresses)
    parameters = [(param, redactor.parameter(param.name, param.value)) for param in _parameters(event.hits)]
    filtered = filtering(event.hits[0])
    whole = {param.name for param, shown in parameters if shown == param.value}
    cut = {param.name for param, shown in parameters if shown != param.value}
    shown_event = _made_event(
        id=event.id,
        event_name=event.event_name,
        kind=event.kind,
        trigger=event.trigger,
        pixel_id=event.pixel_id,
        recipient_host=event.recipient_host,
        site=event.site,
        page_url=redactor.optional(event.page_url),
        page_url_from=event.page_url_from,
        page_evidence=event.page_evidence,
        page_title=redactor.optional(item.page_title),
        frame=event.frame,
        referrer_url=redactor.optional(event.referrer_url),
        clicked=redactor.optional(item.clicked),
        searched=redactor.optional(item.searched),
        occurred_at=rfc3339(event.occurred_at),
        client_time=optional_rfc3339(event.client_time),
        client_ip=event.client_ip if reveal or event.client_ip is None else shorten_address(event.client_ip),
        delivery=event.delivery,
        consent=_consent(item.consent),
        page_class=event.page_class,
        page_class_reason=_page_reason(event, redactor, whole),
        logged_in=item.login.state,
        logged_in_reason=redactor.text(item.login.reason),
        linkability=event.linkability,
        linkability_complete=event.linkability_complete,
        ties=tied.ties,
        ties_missing=tied.missing,
        derived_from=event.derived_from,
        library=redactor.optional(_value(event.parameters, "v")),
        agent=redactor.optional(_value(event.parameters, "a")),
        filters=tuple(Filter(parameter=note.parameter, text=redactor.text(note.text)) for note in filtered.notes),
        still_left=tuple(redactor.text(text) for text in filtered.still_left),
        score=assessment.score,
        band=assessment.band,
        tier=assessment.tier,
        topics=assessment.topics,
        actions=assessment.actions,
        review=_review(review),
        requests=tuple(_request(hit, observed[hit.request_key], redactor) for hit in event.hits),
        parameters=tuple(
            _parameter(
                param.name,
                shown,
                None if param.raw == param.value else redactor.parameter(param.name, param.raw),
                param.context,
            )
            for param, shown in parameters
        ),
        identifiers=tuple(_identifier(found, event, persons, redactor) for found in event.identifiers),
        findings=_findings(assessment, redactor, whole, cut),
        near_misses=_near_misses(assessment, redactor),
        steps=_steps(assessment, redactor),
        other=_made_other(
            score=item.other.score,
            band=item.other.band,
            categories=item.other.topics,
            findings=_findings(item.other, redactor, whole, cut),
            near_misses=_near_misses(item.other, redactor),
            steps=_steps(item.other, redactor),
        )
        if item.other is not None
        else None,
        person=persons.in_event(event, whole - cut),
    )
    return changed(shown_event, jurisdictions=jurisdictions(shown_event))


def _findings(assessment: Assessment, redactor: Redactor, whole: set[str], cut: set[str]) -> tuple[Finding, ...]:
    found = []
    for finding in assessment.findings:
        evidence = finding.evidence
        field = evidence.field.value
        # offsets hold where the value was sent, is shown, and is shown in full
        placed = evidence.parameter in whole and evidence.parameter not in cut and not field.startswith("hidden.")
        found.append(
            _made_finding(
                rule=finding.rule,
                version=finding.version,
                category=finding.category,
                kind=finding.kind.value,
                field=field,
                parameter=evidence.parameter,
                text=redactor.text(evidence.text),
                start=evidence.start if placed else None,
                end=evidence.end if placed else None,
                points=finding.points,
                reason=finding.reason,
                legal_basis=finding.legal_basis,
            )
        )
    return tuple(found)


def _near_misses(assessment: Assessment, redactor: Redactor) -> tuple[NearMiss, ...]:
    return tuple(
        _made_near_miss(rule=miss.rule, field=miss.field.value, text=redactor.text(miss.text), why=miss.why)
        for miss in assessment.near_misses
    )


def _steps(assessment: Assessment, redactor: Redactor) -> tuple[Step, ...]:
    return tuple(_step(redactor.text(step.label), step.delta, step.total) for step in assessment.steps)


def _parameter(name: str, value: str, raw: str | None, context: ParameterContext) -> Parameter:
    known = len(name) + len(value) + len(raw or "") <= LONGEST_SHARED
    return (_shared_parameter if known else _own_parameter)(name, value, raw, context)


def _own_parameter(name: str, value: str, raw: str | None, context: ParameterContext) -> Parameter:
    meaning = lookup(name)
    return _made_parameter(
        name=name,
        value=value,
        raw=raw,
        context=context,
        meaning=meaning.meaning if meaning else None,
        documented=meaning is not None,
    )


def _step(label: str, delta: int, total: int) -> Step:
    return (_shared_step if len(label) <= LONGEST_SHARED else _own_step)(label, delta, total)


def _own_step(label: str, delta: int, total: int) -> Step:
    return _made_step(label=label, delta=delta, total=total)


_shared_parameter = lru_cache(maxsize=MOST_SHARED)(_own_parameter)
_shared_step = lru_cache(maxsize=MOST_SHARED)(_own_step)


def _value(parameters: Sequence[Param], name: str) -> str | None:
    return next((param.value for param in parameters if param.name == name and param.value), None)


def _parameters(hits: Sequence[Hit]) -> Iterable[Param]:
    """Return the parameters of the most complete request, then what only the others say."""
    return hits[0].parameters if len(hits) == 1 else _together(hits)


def _together(hits: Sequence[Hit]) -> Iterable[Param]:
    seen: set[tuple[str, str]] = set()
    for number, hit in enumerate(hits):
        for param in hit.parameters:
            if number and (param.name, param.value) in seen:
                continue
            yield param
        seen.update((param.name, param.value) for param in hit.parameters)


def _consent(stamp: ConsentStamp) -> Consent:
    return _made_consent(
        state=stamp.state,
        basis=stamp.basis,
        last_before=_proof(stamp.last_before),
        first_after=_proof(stamp.first_after),
        contradictions=tuple(
            _made_contradiction(state=item.state, at=rfc3339(item.at), proof=mask_email(item.proof))
            for item in stamp.contradictions
        ),
        statements=tuple(
            _made_statement(kind=item.kind, says=item.says, at=rfc3339(item.at), text=mask_email(item.proof))
            for item in stamp.statements
        ),
    )


def _page_reason(event: FoundEvent, redactor: Redactor, whole: set[str]) -> PageReason | None:
    """Return what decided the class of the page; where its text was shortened, the offsets are not given."""
    reason = event.page_reason
    if reason is None:
        return None
    address = event.page_url or ""
    placed = reason.parameter in whole if reason.parameter else redactor.text(address) == address
    return PageReason(
        text=reason.text,
        rule=reason.rule,
        field=reason.field,
        parameter=reason.parameter,
        matched=redactor.optional(reason.matched),
        start=reason.start if placed else None,
        end=reason.end if placed else None,
    )


def _proof(proof: Proof | None) -> ConsentProof | None:
    return (
        None if proof is None else _made_proof(state=proof.state, at=rfc3339(proof.at), proof=mask_email(proof.proof))
    )


def _mark(row: MarkRow) -> dict[str, object]:
    mark = row.mark
    return {
        "at": rfc3339(mark.at),
        "kind": mark.kind,
        "site": mark.site,
        "text": mark.text,
        "by": mark.by,
        "number": row.number,
    }


def _review(review: ReviewRow | None) -> Review:
    if review is None:
        return UNREVIEWED
    return Review(state=review.state, reason=review.reason, by=review.by, at=review.at)


def _request(hit: Hit, observed: ObservedRequest, redactor: Redactor) -> Request:
    request = observed.request
    return _made_request(
        id=observed.key[:16] if hit.index == 0 else f"{observed.key[:16]}.{hit.index}",
        source=observed.source_id,
        position=request.position,
        sha256=observed.digest,
        method=request.method,
        url=redactor.text(request.url),
        http_version=request.http_version,
        status=request.status,
        delivery=request.delivery,
        server_address=request.server_address,
        started_at=rfc3339(request.started_at),
        transport=hit.transport,
        held=request.held,
    )


def _identifier(found: FoundIdentifier, event: FoundEvent, persons: Persons, redactor: Redactor) -> Identifier:
    matched, note = persons.verdict(event, found)
    return _made_identifier(
        kind=found.kind,
        source=found.source,
        value=redactor.identifier(found),
        person_matched=matched,
        parameter=found.parameter,
        form=found.form,
        meaning=wording.identifier(found.kind),
        created_at=optional_rfc3339(found.created_at),
        note=found.note,
        person_note=note,
        guessed=guessed(found, matched=matched),
    )
