"""From observations to events, assessments and acts: the one path that live, replay and rebuild share."""

import hashlib
from collections.abc import Iterable, Sequence
from statistics import median, quantiles

from addon.acts import acts
from addon.consent.clicks import banner_clicks
from addon.consent.timeline import NOT_KNOWN, ConsentStamp, ConsentTimeline, Mark, timelines
from addon.decoders.base import Decoded
from addon.decoders.meta import content
from addon.decoders.meta.hidden_page import HiddenPage, find_hidden_page
from addon.decoders.meta.identity import linkability
from addon.fold import Sighting, client_key, fold
from addon.model import Act, Epoch, Event, Frozen, Hit, Identifier, Problem, Witness
from addon.observation import DECODERS, ConsentEvidence, ObservedRequest, PageVisit
from addon.pageclass import page_class
from addon.sites import site_of
from addon.vocabulary import DELIVERY_STRENGTH, Delivery
from rules.engine import Matcher
from rules.model import Assessment, Field, FieldName, Rule

DERIVED_SECONDS = 2.0
"""An event that Meta's tool derives follows the event it was derived from within this time."""

LOOKALIKE = "a host that bears Meta's name is not Meta's: not an event"
"""What is said of a request that only looks like one to Meta."""

_DECODERS = {decoder.name: decoder for decoder in DECODERS}


class Observations(Frozen):
    """Everything that was observed in one session: the input of `derive`."""

    requests: tuple[ObservedRequest, ...]
    pages: tuple[PageVisit, ...] = ()
    consent: tuple[ConsentEvidence, ...] = ()
    marks: tuple[Mark, ...] = ()
    sources_with_cookies: frozenset[str] = frozenset()


class AssessedEvent(Frozen):
    """An event with what the rules and the timeline say of it.

    `other` is what the optional packs say, None where none were switched on; it counts for nothing else.
    """

    event: Event
    assessment: Assessment
    consent: ConsentStamp
    page_title: str | None
    clicked: str | None
    searched: str | None
    other: Assessment | None = None


class Clock(Frozen):
    """How far the pixel's clock stood from the capture's, in milliseconds: start minus `ts`."""

    skew_ms: int | None
    spread_ms: int | None
    samples: int


class Derivation(Frozen):
    """Everything that follows from the observations of one session under one set of rules.

    `other_digest` and `other_rules` are those of the optional packs, where some were switched on.
    """

    ruleset_digest: str
    events: tuple[AssessedEvent, ...]
    acts: tuple[Act, ...]
    rules: tuple[Rule, ...]
    problems: tuple[Problem, ...]
    clock: Clock
    decoded: int
    failed: int
    other_digest: str | None = None
    other_rules: tuple[Rule, ...] = ()


def decode(observed: ObservedRequest) -> Decoded:
    """Return what an observed request holds; a defect of ours becomes a problem, never an exception."""
    try:
        decoded = _DECODERS[observed.vendor].decode(observed.request, observed.key)
    except Exception as error:  # noqa: BLE001 - one request must not cost the others
        return Decoded(observed.role, (), f"the decoder failed: {type(error).__name__}: {error}"[:300])
    return decoded or Decoded(observed.role, (), "the request is no longer recognised")


def witness_of(observed: ObservedRequest) -> Witness:
    """Return the wire request that the hits of `observed` are read from."""
    return Witness(
        key=observed.key,
        digest=observed.digest,
        source_id=observed.source_id,
        position=observed.request.position,
        request=observed.request,
    )


def derive(observations: Observations, matcher: Matcher, other: Matcher | None = None) -> Derivation:
    """Return events, assessments, acts and problems of a session.

    `other` holds the rules of optional packs: what they say stands beside the assessment of each event.
    """
    sightings: list[Sighting] = []
    problems: list[Problem] = []
    decoded_count = failed = 0
    for observed in observations.requests:
        if observed.role != "event":
            if observed.role == "lookalike":
                problems.append(request_problem(observed, LOOKALIKE))
            continue
        decoded = decode(observed)
        if decoded.problem is not None:
            problems.append(request_problem(observed, decoded.problem))
        if decoded.hits:
            decoded_count += 1
        else:
            failed += 1
        witness = witness_of(observed)
        sightings.extend(Sighting(hit, witness) for hit in decoded.hits)
    groups = fold(sightings)
    page_urls = [page.url for page in observations.pages]
    hidden = [find_hidden_page(group[0].hit, page_urls) for group in groups]
    events = [
        build_event(group, observations.sources_with_cookies, page) for group, page in zip(groups, hidden, strict=True)
    ]
    events = _link_derived(events)
    for group, event in zip(groups, events, strict=True):
        problems.extend(_disagreements(group, event))
    by_site = timelines(observations.pages, observations.consent, observations.marks, banner_clicks(events))
    assessed = [assess(event, matcher, by_site, other) for event in events]
    return Derivation(
        ruleset_digest=matcher.ruleset.digest,
        events=tuple(assessed),
        acts=acts_of(assessed),
        rules=rules_of(assessed, matcher),
        problems=tuple(problems),
        clock=_clock(groups),
        decoded=decoded_count,
        failed=failed,
        other_digest=other.ruleset.digest if other else None,
        other_rules=other_rules_of(assessed, other),
    )


def rules_of(events: Iterable[AssessedEvent], matcher: Matcher) -> tuple[Rule, ...]:
    """Return the rules that counted in any of the events, so that their text is kept with the findings."""
    return _counted((item.assessment for item in events), matcher)


def other_rules_of(events: Iterable[AssessedEvent], other: Matcher | None) -> tuple[Rule, ...]:
    """Return the rules of optional packs that counted in any of the events."""
    return _counted((item.other for item in events if item.other is not None), other) if other else ()


def _counted(assessments: Iterable[Assessment], matcher: Matcher) -> tuple[Rule, ...]:
    met = {finding.rule for assessment in assessments for finding in assessment.findings}
    return tuple(rule for rule in matcher.ruleset.rules if rule.id in met)


def acts_of(events: Sequence[AssessedEvent]) -> tuple[Act, ...]:
    """Return the visitor acts behind the events."""
    searched = {item.event.id for item in events if item.searched is not None}
    return acts([item.event for item in events], lambda event: event.id in searched)


def assess(
    event: Event, matcher: Matcher, by_site: dict[str, ConsentTimeline], other: Matcher | None = None
) -> AssessedEvent:
    """Return `event` with its assessment, its consent state and the texts a reader looks for first.

    The rules of `other` read the same texts and say what they say apart.
    """
    fields = content.fields(event.hits)
    if event.page_evidence is not None and event.page_url is not None:
        fields = (*fields, Field(name=FieldName.HIDDEN_URL, parameter="hrl", text=event.page_url))
    assessment = matcher.evaluate(fields)
    return AssessedEvent(
        event=event.model_copy(update={"page_class": page_class(event.page_url, fields, assessment)}),
        assessment=assessment,
        consent=consent_of(event, by_site),
        page_title=_first(fields, FieldName.PAGE_TITLE),
        clicked=_first(fields, FieldName.BUTTON_TEXT),
        searched=_first(fields, FieldName.SEARCH_TERM) or content.search_term(event.page_url),
        other=other.evaluate(fields) if other else None,
    )


def consent_of(event: Event, by_site: dict[str, ConsentTimeline]) -> ConsentStamp:
    """Return what is known of the visitor's choice at the moment of `event`."""
    timeline = by_site.get(event.site or "")
    return timeline.at(event.occurred_at) if timeline else NOT_KNOWN


def build_event(group: Sequence[Sighting], with_cookies: frozenset[str], hidden: HiddenPage | None) -> Event:
    """Return the event that the requests of `group`, most complete first, carried together."""
    main = group[0].hit
    hits = tuple(sighting.hit for sighting in group)
    first = min(group, key=lambda sighting: sighting.at)
    page_url = next((hit.page_url for hit in hits if hit.page_url), None)
    found = _identifiers(hits)
    strongest: Delivery = max(
        (sighting.witness.request.delivery for sighting in group), key=lambda value: DELIVERY_STRENGTH[value]
    )
    return Event(
        id=_event_id(main, first),
        hits=hits,
        event_name=main.event_name,
        kind=main.kind,
        trigger=next((hit.trigger for hit in hits if hit.trigger != "unknown"), "unknown"),
        pixel_id=main.pixel_id,
        recipient_host=main.recipient_host,
        site=site_of(page_url),
        page_url=hidden.url if hidden else page_url,
        page_url_from="hrl" if hidden else main.page_url_from,
        page_evidence=hidden.evidence if hidden else None,
        frame=main.frame,
        referrer_url=next((hit.referrer_url for hit in hits if hit.referrer_url), None),
        occurred_at=first.at,
        client_time=next((hit.client_time for hit in hits if hit.client_time is not None), None),
        client_ip=next((s.witness.request.client_ip for s in group if s.witness.request.client_ip), None),
        delivery=strongest,
        linkability=linkability(found),
        linkability_complete=any(sighting.witness.source_id in with_cookies for sighting in group),
        page_class="unknown",
        identifiers=found,
    )


def _event_id(main: Hit, first: Sighting) -> str:
    """Return an id that a second capture of the same browsing, or a rebuild, gives again."""
    key = client_key(main)
    text = "\n".join(key) if key is not None else f"{first.witness.key} {first.hit.index}"
    return "e" + hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:11]


def _identifiers(hits: Iterable[Hit]) -> tuple[Identifier, ...]:
    found: dict[tuple[str, str, str], Identifier] = {}
    for hit in hits:
        for item in hit.identifiers:
            found.setdefault((item.kind, item.source, item.value), item)
    return tuple(found.values())


def _link_derived(events: list[Event]) -> list[Event]:
    """Give events that Meta's Event Setup Tool derived the id of the event they were derived from."""
    linked = []
    for event in events:
        if event.trigger == "event_setup_tool":
            origin = min(
                (
                    other
                    for other in events
                    if other.pixel_id == event.pixel_id
                    and other.page_url == event.page_url
                    and other.trigger != "event_setup_tool"
                    and abs(_moment(other) - _moment(event)) <= DERIVED_SECONDS
                ),
                key=lambda other: abs(_moment(other) - _moment(event)),
                default=None,
            )
            if origin is not None:
                event = event.model_copy(update={"derived_from": origin.id})  # noqa: PLW2901 - the list is rebuilt
        linked.append(event)
    return linked


def _moment(event: Event) -> Epoch:
    return event.client_time if event.client_time is not None else event.occurred_at


def _disagreements(group: Sequence[Sighting], event: Event) -> Iterable[Problem]:
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


def request_problem(observed: ObservedRequest, what: str) -> Problem:
    """Return what could not be read of a request as a problem that names its place."""
    unit = {"mitm": "byte", "har": "entry", "live": "request"}[observed.request.source_kind]
    return Problem(
        where=f"{observed.source_id}, {unit} {observed.request.position}", what=what, request_key=observed.key
    )


def _first(fields: Sequence[Field], name: FieldName) -> str | None:
    return next((field.text for field in fields if field.name == name), None)


def _clock(groups: Sequence[Sequence[Sighting]]) -> Clock:
    gaps = sorted(
        (group[0].at - group[0].hit.client_time) * 1000 for group in groups if group[0].hit.client_time is not None
    )
    if not gaps:
        return Clock(skew_ms=None, spread_ms=None, samples=0)
    if len(gaps) < 2:
        return Clock(skew_ms=round(gaps[0]), spread_ms=0, samples=1)
    quarters = quantiles(gaps, n=4, method="inclusive")
    return Clock(skew_ms=round(median(gaps)), spread_ms=round(quarters[2] - quarters[0]), samples=len(gaps))
