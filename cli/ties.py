"""What ties the events of one session: each by itself, joined into histories, and held against consent."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from addon.audit import AssessedEvent
from addon.consent.clicks import banner_clicks
from addon.consent.findings import Clocks, ConsentFact, ConsentSubjects
from addon.consent.timeline import timelines
from addon.linkability import Lifetime as FoundLifetime
from addon.linkability import Tie, cookies_set, keys, lifetimes, missing
from addon.model import Act, Event
from addon.observation import ObservedRequest
from addon.redaction import shorten
from addon.store.rows import ReviewRow, SessionRow, StoredDerivation
from addon.store.store import Store
from addon.times import optional_rfc3339, rfc3339
from cli import link_words, wording
from cli.history import Member, Named, Names, histories, unjoined
from cli.linked import EventTie, EventTies, History
from rules.unchecked import unchecked

_made_tie = unchecked(EventTie)
_made_ties = unchecked(EventTies)

COUNTED_BANDS = frozenset({"medium", "high", "critical"})


class SessionTies(NamedTuple):
    """What ties the events of a session: by event id, as histories, and what joined nothing."""

    names: Names
    events: dict[str, EventTies]
    histories: tuple[History, ...]
    unjoined_events: tuple[str, ...]


def members_of(
    session: str, events: Sequence[AssessedEvent], acts: Sequence[Act], reviews: Mapping[str, ReviewRow]
) -> list[Member]:
    """Return the events of a session as histories count them: a dismissed one holds no health content."""
    act_of = {event: act.id for act in acts for event in act.event_ids}
    return [
        Member(
            session=session,
            event=item.event,
            act=act_of.get(item.event.id, item.event.id),
            health=item.assessment.band in COUNTED_BANDS
            and not ((review := reviews.get(item.event.id)) is not None and review.state == "dismissed"),
        )
        for item in events
    ]


def answered_lifetimes(observed: Mapping[str, ObservedRequest]) -> dict[str, FoundLifetime]:
    """Return how long the answers of a session told the browser to keep each kind of cookie."""
    return lifetimes(cookies_set(observed.values()))


def session_ties(
    session: str,
    derivation: StoredDerivation,
    reviews: Mapping[str, ReviewRow],
    observed: Mapping[str, ObservedRequest],
    *,
    reveal: bool,
) -> SessionTies:
    """Return what ties the events of a session, shortened unless `reveal`."""
    members = members_of(session, derivation.events, derivation.acts, reviews)
    names = Names(members, reveal=reveal, set_by_answers=answered_lifetimes(observed))
    return SessionTies(
        names=names,
        events={member.event.id: event_ties(member, names, reveal=reveal, seen=True) for member in members},
        histories=histories(members, names, reveal=reveal),
        unjoined_events=tuple(member.event.id for member in unjoined(members, names)),
    )


def ties_of_one(event: Event, *, reveal: bool) -> EventTies:
    """Return what ties an event of which nothing else is known."""
    member = Member("", event, event.id, health=False)
    return event_ties(member, Names([member], reveal=reveal), reveal=reveal, seen=False)


def event_ties(member: Member, names: Names, *, reveal: bool, seen: bool) -> EventTies:
    """Return what ties an event, in words; `seen` tells that the session says when it first met each value."""
    return _made_ties(
        ties=tuple(_tie(tie, names.of(tie), reveal=reveal, seen=seen) for tie in names.ties(member)),
        missing=missing(member.event),
    )


def _tie(tie: Tie, named: Named | None, *, reveal: bool, seen: bool) -> EventTie:
    item = tie.item
    return _made_tie(
        link=tie.link,
        kind=tie.kind,
        name=named.name if named else None,
        what=wording.identifier(tie.kind),
        value=None if item is None else item.value if reveal else shorten(item.kind, item.value, item.form),
        form=None if item is None else item.form,
        sources=tie.sources,
        joins=named is not None,
        why_not=tie.why_not,
        resolvable_by=tie.resolver,
        lifetime=link_words.lifetime(tie.lifetime),
        created_at=optional_rfc3339(tie.created_at),
        first_seen_at=rfc3339(named.first_seen) if named is not None and seen else None,
    )


def consent_facts(
    store: Store, session: SessionRow, derivation: StoredDerivation, observed: Mapping[str, ObservedRequest]
) -> tuple[ConsentFact, ...]:
    """Return what was made, sent, set and loaded in a session, held against what had been chosen."""
    events = [item.event for item in derivation.events]
    pages = store.pages(session.id)
    by_site = timelines(pages, store.consent(session.id), store.marks(session.id), banner_clicks(events))
    clock = derivation.clock
    clocks = Clocks((clock.skew_ms or 0) / 1000, (clock.spread_ms or 0) / 1000)
    return ConsentSubjects(pages, observed.values(), events, by_site, clocks).facts()


def name_of(fact: ConsentFact, events: Mapping[str, Event], names: Names) -> str | None:
    """Return the name under which histories know the identifier of a fact; `events` are the session's by id."""
    if fact.item is None or not fact.event_ids:
        return None
    event = events.get(fact.event_ids[0])
    if event is None:
        return None
    own = keys(fact.item, event.pixel_id, event.site)
    return names.of_key(own[0]) if own else None
