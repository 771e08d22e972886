"""From observations to events, assessments and acts: the one path that live, replay and rebuild share."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from addon.consent.clicks import banner_clicks
from addon.consent.contradictions import StatementMade
from addon.consent.login import NO_LOGIN, LoginStamp
from addon.consent.meta import departures, limited_data_use
from addon.consent.timeline import NOT_KNOWN, ConsentStamp, ConsentTimeline, Mark, timelines
from addon.decoders.base import Decoded
from addon.decoders.meta import content
from addon.decoders.meta.hidden_page import HiddenPage
from addon.decoders.meta.identity import linkability
from addon.model import Act, Epoch, Event, Frozen, Hit, Identifier, Problem, Witness
from addon.observation import DECODERS, ConsentEvidence, ObservedRequest, PageVisit
from addon.pageclass import page_class
from addon.sighting import Sighting, client_key, content_key
from addon.sites import site_of
from addon.vocabulary import DELIVERY_STRENGTH, Delivery
from rules.engine import Matcher
from rules.model import Assessment, Field, FieldName, Rule
from rules.unchecked import changed, unchecked

DERIVED_SECONDS = 2.0
"""An event that Meta's tool derives follows the event it was derived from within this time."""

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
    login: LoginStamp = NO_LOGIN


class VisitorStamp(NamedTuple):
    """What is known of the visitor at the moment of an event: the choice on cookies, and whether logged in."""

    consent: ConsentStamp
    login: LoginStamp


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
    request = observed.request
    return Witness(observed.key, observed.digest, observed.source_id, request.position, request)


def rules_of(events: Iterable[AssessedEvent], matcher: Matcher) -> tuple[Rule, ...]:
    """Return the rules that counted in any of the events, so that their text is kept with the findings."""
    return _counted((item.assessment for item in events), matcher)


def other_rules_of(events: Iterable[AssessedEvent], other: Matcher | None) -> tuple[Rule, ...]:
    """Return the rules of optional packs that counted in any of the events."""
    return _counted((item.other for item in events if item.other is not None), other) if other else ()


def _counted(assessments: Iterable[Assessment], matcher: Matcher) -> tuple[Rule, ...]:
    return rules_named({finding.rule for assessment in assessments for finding in assessment.findings}, matcher)


def rules_named(ids: Collection[str], matcher: Matcher) -> tuple[Rule, ...]:
    """Return the rules of `matcher` that have these ids."""
    return matcher.ruleset.named(ids)


def assess(event: Event, matcher: Matcher, visitor: VisitorStamp, other: Matcher | None = None) -> AssessedEvent:
    """Return `event` with its assessment, what is known of the visitor and the texts a reader looks for first.

    The rules of `other` read the same texts and say what they say apart.
    """
    fields = content.fields(event.hits)
    if event.page_evidence is not None and event.page_url is not None:
        fields = (*fields, Field(name=FieldName.HIDDEN_URL, parameter="hrl", text=event.page_url))
    first = {field.name: field.text for field in reversed(fields)}
    assessment = matcher.evaluate(fields)
    kind, reason = page_class(event.page_url, fields, assessment)
    return _assessed(
        event=changed(event, page_class=kind, page_reason=reason),
        assessment=assessment,
        consent=visitor.consent,
        page_title=first.get(FieldName.PAGE_TITLE),
        clicked=first.get(FieldName.BUTTON_TEXT),
        searched=first.get(FieldName.SEARCH_TERM) or content.search_term(event.page_url),
        other=other.evaluate(fields) if other else None,
        login=visitor.login,
    )


_assessed = unchecked(AssessedEvent)


def visitor_of(event: Event, by_site: Mapping[str, ConsentTimeline]) -> VisitorStamp:
    """Return what is known of the visitor's choice and login at the moment of `event`."""
    return visitor_at(event.site, event.occurred_at, limited_data_use(event), by_site)


def visitor_at(
    site: str | None, at: Epoch, limited: StatementMade | None, by_site: Mapping[str, ConsentTimeline]
) -> VisitorStamp:
    """Return what is known of the visitor on a site at a moment; `limited` is what an event itself says."""
    timeline = by_site.get(site or "")
    consent = timeline.at(at) if timeline else NOT_KNOWN
    login = timeline.login_at(at) if timeline else NO_LOGIN
    if limited is not None:
        consent = consent.model_copy(update={"statements": (*consent.statements, limited)})
    return VisitorStamp(consent=consent, login=login)


def timelines_of(observations: Observations, events: Iterable[Event]) -> dict[str, ConsentTimeline]:
    """Return the timeline of every site, from what was observed and from what the events themselves report."""
    events = tuple(events)
    return timelines(
        observations.pages, observations.consent, observations.marks, banner_clicks(events), departures(events)
    )


def build_event(group: Sequence[Sighting], with_cookies: frozenset[str], hidden: HiddenPage | None) -> Event:
    """Return the event that the requests of `group`, most complete first, carried together."""
    main = group[0].hit
    hits = tuple([sighting.hit for sighting in group])
    requests = [sighting.witness.request for sighting in group]
    page_url = _told([hit.page_url for hit in hits])
    found = _identifiers(hits)
    strongest: Delivery = max([request.delivery for request in requests], key=DELIVERY_STRENGTH.__getitem__)
    return _made(
        id=event_id(group),
        hits=hits,
        event_name=main.event_name,
        kind=main.kind,
        trigger=_told([hit.trigger for hit in hits if hit.trigger != "unknown"]) or "unknown",
        pixel_id=main.pixel_id,
        recipient_host=main.recipient_host,
        site=site_of(page_url),
        page_url=hidden.url if hidden else page_url,
        page_url_from="hrl" if hidden else main.page_url_from,
        page_evidence=hidden.evidence if hidden else None,
        frame=main.frame,
        referrer_url=_told([hit.referrer_url for hit in hits]),
        occurred_at=min([request.started_at for request in requests]),
        client_time=_told([hit.client_time for hit in hits]),
        client_ip=_told([request.client_ip for request in requests]),
        delivery=strongest,
        linkability=linkability(found),
        linkability_complete=not with_cookies.isdisjoint([sighting.witness.source_id for sighting in group]),
        page_class="unknown",
        identifiers=found,
    )


_made = unchecked(Event)


def _told[Value](values: Iterable[Value | None]) -> Value | None:
    """Return the first of what several requests tell that is not empty."""
    for value in values:
        if value:
            return value
    return None


def event_id(group: Sequence[Sighting]) -> str:
    """Return the id of the event of `group`, ranked: one that a second capture, or a rebuild, gives again."""
    main = group[0].hit
    key = client_key(main)
    if key is None:
        first = min(group, key=lambda sighting: sighting.at)
        text = f"{first.witness.key} {first.hit.index}"
    elif main.counter is None:  # builds without a counter can send two events in one millisecond
        text = "\n".join((*key, repr(content_key(main))))
    else:
        text = "\n".join(key)
    return "e" + hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:11]


def _identifiers(hits: Sequence[Hit]) -> tuple[Identifier, ...]:
    """Return the identifiers of all hits, of those that are the same in kind, source and value the first."""
    first = hits[0].identifiers
    if len(hits) == 1 and len({(item[0], item[1], item[3]) for item in first}) == len(first):
        return first
    found: dict[tuple[str, str, str], Identifier] = {}
    for hit in hits:
        for item in hit.identifiers:
            found.setdefault((item.kind, item.source, item.value), item)
    return tuple(found.values())
