"""What a report adds up to: counts, groups and timelines that several formats show.

One pure function, `summarise`, turns a `Report` into frozen models; renderers write them out and never
count for themselves. The unit of every headline is the visitor's act (a page view, a click, a search). An
act counts when at least one of its events is of band medium or above, was not dismissed by a person, and
was not held back. Acts of band low, acts held back and dismissed events are listed apart.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Literal

from addon.vocabulary import (
    DELIVERY_STRENGTH,
    LINKABILITY_ORDER,
    ActKind,
    ConsentState,
    Delivery,
    Linkability,
)
from cli.headline import BAND_RANK, COUNTS_FROM, KindCount, Standing, kind_counts, standing_of
from cli.schema import (
    Act,
    Configuration,
    Consent,
    Event,
    Filter,
    Finding,
    Frozen,
    Identifier,
    Mark,
    Parameter,
    Report,
)
from rules.model import Band, Tier
from rules.unchecked import changed, unchecked

_TIER_RANK: dict[Tier, int] = {"none": 0, "health": 1, "special_risk": 2}
_BEFORE: frozenset[ConsentState] = frozenset({"no_choice_yet", "refused"})
_KINDS = (
    *("c_user", "nhs_number", "em", "ph", "fn", "ln", "db", "ge", "ct", "st", "zp", "country"),
    *("external_id", "uid", "fbc", "fbclid", "fbp", "datr", "sb", "fr"),
)
_FORMS = ("plain", "sha256", "md5", "mask", "empty")
GENERAL_TOPICS = frozenset({"general_health"})
_GAP_FACTOR = 6
_SHORTEST_BREAK = 60.0


class Tally(Frozen):
    """A value and the number of counted acts it applies to."""

    key: str
    acts: int
    band: Band


class LinkCount(Frozen):
    """How many counted acts are tied to a person by one thing, as the strongest."""

    linkability: Linkability
    acts: int


class ConsentCount(Frozen):
    """How many counted acts fell into one state of consent; `before` says that this was before consent."""

    state: ConsentState
    before: bool
    acts: int


class DeliveryCount(Frozen):
    """How many counted acts arrived in one way, as far as known."""

    delivery: Delivery
    acts: int


class ReviewCount(Frozen):
    """What people decided about the events of band medium and above."""

    total: int
    confirmed: int
    dismissed: int

    @property
    def reviewed(self) -> int:
        """Return how many a person has looked at."""
        return self.confirmed + self.dismissed


class Segment(Frozen):
    """A part of a value, and whether a rule counted for it."""

    text: str
    marked: bool


class Quote(Frozen):
    """One captured value with the words that matched in it, and the findings about them.

    `findings` brought points, `repeated` matched too and added none. `in_value` is False where the value is
    not shown in full or the positions are unknown: then the segments hold the matched words alone.
    """

    parameter: str
    meaning: str | None
    fields: tuple[str, ...]
    segments: tuple[Segment, ...]
    in_value: bool
    event_names: tuple[str, ...]
    findings: tuple[Finding, ...]
    repeated: tuple[Finding, ...]


class Tie(Frozen):
    """What came along of one kind: the plainest identifier first, then its other forms."""

    kind: str
    identifier: Identifier
    others: tuple[Identifier, ...]
    person_matched: bool


class Entry(Frozen):
    """One act with what is stated about it; `events` put it where it stands, strongest first.

    `filters` are the signs of filtering in these events, `still_left` what left in the same requests, and
    `unfiltered` the number of these events without such a sign.
    """

    number: int
    act: Act
    standing: Standing
    kind: ActKind
    at: str
    site: str | None
    page_url: str | None
    page_title: str | None
    clicked: str | None
    searched: str | None
    band: Band
    score: int
    tier: Tier
    topics: tuple[str, ...]
    actions: tuple[str, ...]
    events: tuple[Event, ...]
    other_events: tuple[Event, ...]
    quotes: tuple[Quote, ...]
    ties: tuple[Tie, ...]
    linkability: Linkability
    linkability_complete: bool
    consent: Consent
    before_consent: bool
    delivery: Delivery
    filters: tuple[Filter, ...]
    still_left: tuple[str, ...]
    unfiltered: int


class Group(Frozen):
    """Acts about one topic (or, without a topic, with one action)."""

    key: str
    kind: Literal["topic", "action", "other"]
    band: Band
    entries: tuple[Entry, ...]


class TimelinePoint(Frozen):
    """One act on the timeline; `position` runs from 0 to 1."""

    position: float
    at: str
    kind: ActKind
    band: Band
    standing: Standing


_made_entry = unchecked(Entry)
_made_point = unchecked(TimelinePoint)
_made_quote = unchecked(Quote)
_made_segment = unchecked(Segment)
_made_tie = unchecked(Tie)


class TimelineBreak(Frozen):
    """A long pause that the timeline shortens."""

    position: float
    seconds: float


class TimelineMark(Frozen):
    """What is known of consent: one state from its first to its last proof, or a mark at one moment."""

    number: int
    start: float
    end: float
    starts_at: str
    ends_at: str
    kind: Literal["proof", "mark"]
    state: ConsentState | None
    proofs: int
    text: str


class Timeline(Frozen):
    """The acts of one site in time. Between two breaks the scale is even."""

    starts_at: str
    ends_at: str
    points: tuple[TimelinePoint, ...]
    breaks: tuple[TimelineBreak, ...]
    marks: tuple[TimelineMark, ...]


class Totals(Frozen):
    """The counts over a set of acts: a site's, or all."""

    acts: int
    events: int
    requests: int
    counted: int
    withheld: int
    low: int
    dismissed: int
    kinds: tuple[KindCount, ...]
    bands: tuple[Tally, ...]
    topics: tuple[Tally, ...]
    actions: tuple[Tally, ...]
    special_risk: int
    links: tuple[LinkCount, ...]
    links_incomplete: int
    person_matched: int
    consents: tuple[ConsentCount, ...]
    before_consent: int
    deliveries: tuple[DeliveryCount, ...]
    reviews: ReviewCount

    @property
    def strongest_link(self) -> Linkability | None:
        """Return what ties a counted act to a person most strongly."""
        return self.links[0].linkability if self.links else None

    @property
    def band(self) -> Band:
        """Return the strongest band of a counted act."""
        return self.bands[0].band if self.bands else "none"


class Site(Frozen):
    """One site with all that is reported about it."""

    number: int
    site: str | None
    totals: Totals
    groups: tuple[Group, ...]
    low: tuple[Entry, ...]
    withheld: tuple[Entry, ...]
    timeline: Timeline | None
    pixel_ids: tuple[str, ...]
    events: tuple[Event, ...]
    notes: tuple[Mark, ...] = ()
    """What the investigator noted about this site; choices on cookies stand on the timeline."""

    @property
    def has_finding(self) -> bool:
        """Return whether an act here counts, was held back, scored low or was dismissed."""
        totals = self.totals
        return bool(totals.counted or totals.withheld or totals.low or totals.dismissed)


class SilentSite(Frozen):
    """A site whose pages were opened and made the browser send no event that was seen.

    `fetched` names the parts of Meta's pixel program that its pages asked for.
    """

    site: str
    pages: int
    fetched: tuple[str, ...]
    notes: tuple[Mark, ...]


class Setup(Frozen):
    """How one pixel was set up, and the sites of this report that it was seen on."""

    configuration: Configuration
    sites: tuple[str, ...]


class OtherAct(Frozen):
    """One act in which optional packs found another special category; `events` are those that hold it."""

    entry: Entry
    band: Band
    score: int
    categories: tuple[str, ...]
    findings: tuple[Finding, ...]
    events: tuple[Event, ...]


class OtherSite(Frozen):
    """The acts of one site with other special categories, strongest first, apart from all that is about health."""

    site: str | None
    categories: tuple[Tally, ...]
    acts: tuple[OtherAct, ...]


class Dismissed(Frozen):
    """An event that a person dismissed."""

    event: Event
    site: str | None


class LegendEntry(Frozen):
    """A parameter that occurs in this report, in plain words (None: not documented)."""

    name: str
    meaning: str | None
    documented: bool
    occurrences: int


class Summary(Frozen):
    """The whole report, counted and ordered."""

    totals: Totals
    entries: tuple[Entry, ...]
    """Every act in order of time."""
    sites: tuple[Site, ...]
    sites_with_health: int
    """How many known sites have an act that counts."""
    silent: tuple[SilentSite, ...]
    setups: tuple[Setup, ...]
    """The pixels whose script was read come first."""
    without_setup: tuple[str, ...]
    """Pixels with events and without a request for their configuration."""
    dismissed: tuple[Dismissed, ...]
    others: tuple[OtherSite, ...]
    """What optional packs found, by site; no count of this summary holds any of it."""
    legend: tuple[LegendEntry, ...]
    complete: bool
    reconstruction: bool

    @property
    def with_finding(self) -> tuple[Site, ...]:
        """Return the sites with something to show, strongest first."""
        return tuple(site for site in self.sites if site.has_finding)

    @property
    def without_finding(self) -> tuple[Site, ...]:
        """Return the sites with events and without health content."""
        return tuple(site for site in self.sites if not site.has_finding)


def before_consent(consent: Consent) -> bool:
    """Return whether it is known that the visitor had not accepted at that moment."""
    return consent.state in _BEFORE and consent.basis != "none"


def segments(value: str, spans: Iterable[tuple[int, int]]) -> tuple[Segment, ...]:
    """Cut a value at the spans that scored; overlapping spans become one."""
    parts: list[Segment] = []
    done = 0
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    for start, end in merged:
        if start > done:
            parts.append(_made_segment(text=value[done:start], marked=False))
        parts.append(_made_segment(text=value[start:end], marked=True))
        done = end
    if done < len(value) or not parts:
        parts.append(_made_segment(text=value[done:], marked=False))
    return tuple(parts)


def excerpt(parts: Sequence[Segment], around: int) -> tuple[Segment, ...]:
    """Shorten the unmarked parts of a value to `around` characters beside each mark, with an ellipsis."""
    shortened: list[Segment] = []
    last = len(parts) - 1
    for number, part in enumerate(parts):
        text = part.text
        if part.marked:
            cut = text if len(text) <= 4 * around else f"{text[: 2 * around]} … {text[-2 * around :]}"
        elif number == 0 and last > 0:
            cut = text if len(text) <= around else f"… {text[-around:]}"
        elif number == last:
            cut = text if len(text) <= around else f"{text[:around]} …"
        else:
            cut = text if len(text) <= 2 * around else f"{text[:around]} … {text[-around:]}"
        shortened.append(_made_segment(text=cut, marked=part.marked))
    return tuple(shortened)


def summarise(report: Report) -> Summary:
    """Count and order a report."""
    events = {event.id: event for event in report.events}
    drafts = [entry_of(act, events) for act in _acts(report)]
    drafts.sort(key=lambda entry: (entry.at, entry.act.id))
    entries = [changed(entry, number=number) for number, entry in enumerate(drafts, 1)]
    by_site: dict[str | None, list[Entry]] = {}
    for entry in entries:
        by_site.setdefault(entry.site, []).append(entry)
    sites = [_site(site, found, report) for site, found in by_site.items()]
    sites.sort(
        key=lambda found: (
            not found.has_finding,
            found.site is None,
            -BAND_RANK[found.totals.band],
            -found.totals.counted,
            found.site or "",
        )
    )
    sites = [found.model_copy(update={"number": number}) for number, found in enumerate(sites, 1)]
    configured = {item.pixel_id for item in report.configurations}
    return Summary(
        totals=_totals(entries, _special(report)),
        entries=tuple(entries),
        sites=tuple(sites),
        sites_with_health=sum(found.totals.counted > 0 and found.site is not None for found in sites),
        silent=_silent(report),
        setups=_setups(report),
        without_setup=_distinct(event.pixel_id for event in report.events if event.pixel_id not in configured),
        dismissed=tuple(
            Dismissed(event=event, site=entry.site)
            for entry in entries
            for event in _events_of(entry)
            if event.review.state == "dismissed"
        ),
        others=_others(entries),
        legend=_legend(report),
        complete=report.session.complete and all(source.complete for source in report.sources),
        reconstruction=report.session.provenance == "reconstruction",
    )


def _special(report: Report) -> frozenset[str]:
    """Return the topics whose disclosure does particular harm, as the rules of this report say."""
    return frozenset(rule.category for rule in report.rules if rule.tier == "special_risk")


def _notes(report: Report, site: str | None) -> tuple[Mark, ...]:
    """Return what the investigator noted about a site."""
    kinds = ("note", "logged_in")
    return tuple(mark for mark in report.marks if site is not None and mark.site == site and mark.kind in kinds)


def _silent(report: Report) -> tuple[SilentSite, ...]:
    """Return the sites with pages and without any event, in the order in which they were opened."""
    heard = {event.site for event in report.events} | {page.site for page in report.pages if page.events}
    return tuple(
        SilentSite(
            site=site,
            pages=sum(page.site == site for page in report.pages),
            fetched=tuple(sorted({role for page in report.pages if page.site == site for role in page.fetched})),
            notes=_notes(report, site),
        )
        for site in _distinct(page.site for page in report.pages)
        if site not in heard
    )


def _setups(report: Report) -> tuple[Setup, ...]:
    """Return the configurations with the sites on which their pixel was seen."""
    return tuple(
        Setup(
            configuration=found,
            sites=_distinct(event.site for event in report.events if event.pixel_id == found.pixel_id and event.site),
        )
        for found in sorted(report.configurations, key=lambda found: (found.declared is None, found.fetched_at))
    )


def _acts(report: Report) -> list[Act]:
    """Return the acts, with one of its own for every event that belongs to none."""
    claimed = {identity for act in report.acts for identity in act.event_ids}
    orphans = [
        Act(
            id=event.id,
            kind="other",
            site=event.site,
            page_url=event.page_url,
            at=event.occurred_at,
            event_ids=(event.id,),
            band=event.band,
            topics=event.topics,
        )
        for event in report.events
        if event.id not in claimed
    ]
    return [*report.acts, *orphans]


def entry_of(act: Act, known: Mapping[str, Event]) -> Entry:
    """Return an act as an entry, not yet numbered; `known` holds its events by id."""
    present = [known[identity] for identity in act.event_ids if identity in known]
    standing, chosen = standing_of(present)
    chosen.sort(key=lambda event: (-event.score, event.occurred_at, event.id))
    chosen_ids = {event.id for event in chosen}
    consent = next(
        (event.consent for event in chosen if before_consent(event.consent)),
        chosen[0].consent if chosen else _NO_CONSENT,
    )
    return _made_entry(
        number=0,
        act=act,
        standing=standing,
        kind=act.kind,
        at=act.at,
        site=act.site,
        page_url=act.page_url or _first(event.page_url for event in chosen),
        page_title=_first(event.page_title for event in chosen),
        clicked=_first(event.clicked for event in chosen),
        searched=_first(event.searched for event in chosen),
        band=max((event.band for event in chosen), key=BAND_RANK.__getitem__, default=act.band),
        score=max((event.score for event in chosen), default=0),
        tier=max((event.tier for event in chosen), key=_TIER_RANK.__getitem__, default="none"),
        topics=_distinct(topic for event in chosen for topic in event.topics),
        actions=_distinct(action for event in chosen for action in event.actions),
        events=tuple(chosen),
        other_events=tuple(event for event in present if event.id not in chosen_ids),
        quotes=_quotes(chosen),
        ties=_ties(chosen),
        linkability=min((event.linkability for event in chosen), key=LINKABILITY_ORDER.index, default="address_only"),
        linkability_complete=all(event.linkability_complete for event in chosen),
        consent=consent,
        before_consent=before_consent(consent),
        delivery=max((event.delivery for event in chosen), key=DELIVERY_STRENGTH.__getitem__, default="unknown"),
        filters=tuple(dict.fromkeys(note for event in chosen for note in event.filters)),
        still_left=_distinct(text for event in chosen for text in event.still_left),
        unfiltered=sum(not event.filters for event in chosen),
    )


_NO_CONSENT = Consent(state="unknown", basis="none", last_before=None, first_after=None)


def _first(values: Iterable[str | None]) -> str | None:
    """Return the first value that says something."""
    return next((value for value in values if value), None)


def _distinct(values: Iterable[str]) -> tuple[str, ...]:
    """Return values once each, in order."""
    return tuple(dict.fromkeys(values))


def _value_of(finding: Finding, parameters: Sequence[Parameter]) -> Parameter | None:
    """Return the parameter in whose value a finding's words stand at the stated place."""
    if finding.start is None or finding.end is None or not 0 <= finding.start < finding.end:
        return None
    same_name = [parameter for parameter in parameters if parameter.name == finding.parameter]
    exact = [parameter for parameter in same_name if parameter.value[finding.start : finding.end] == finding.text]
    return exact[0] if exact else None


def _quotes(events: Sequence[Event]) -> tuple[Quote, ...]:
    """Return the values with words that scored, each once however many events carried it."""
    found: dict[tuple[str, str, bool], list[tuple[Event, Finding, str | None]]] = {}
    for event in events:
        for finding in event.findings:
            parameter = _value_of(finding, event.parameters)
            value = finding.text if parameter is None else parameter.value
            meaning = _first(item.meaning for item in event.parameters if item.name == finding.parameter)
            key = (finding.parameter, value, parameter is not None)
            found.setdefault(key, []).append((event, finding, meaning))
    quotes = []
    for (name, value, in_value), items in found.items():
        distinct = _distinct_findings(finding for _, finding, _ in items)
        spans = [(finding.start or 0, finding.end or 0) for _, finding, _ in items]
        quotes.append(
            _made_quote(
                parameter=name,
                meaning=_first(meaning for _, _, meaning in items),
                fields=_distinct(finding.field for finding in distinct),
                segments=segments(value, spans if in_value else [(0, len(value))]),
                in_value=in_value,
                event_names=_distinct(event.event_name for event, _, _ in items),
                findings=tuple(finding for finding in distinct if finding.points),
                repeated=tuple(finding for finding in distinct if not finding.points),
            )
        )
    return tuple(sorted(quotes, key=lambda quote: -max((item.points for item in quote.findings), default=0)))


def _distinct_findings(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings once per rule: the one that brought points, else the first. Most points come first."""
    best: dict[str, Finding] = {}
    for finding in findings:
        if finding.rule not in best or abs(finding.points) > abs(best[finding.rule].points):
            best[finding.rule] = finding
    return sorted(best.values(), key=lambda finding: -abs(finding.points))


def _rank(order: Sequence[str], value: str) -> int:
    """Return the place of a value in an order; unknown values come last."""
    return order.index(value) if value in order else len(order)


def _ties(events: Sequence[Event]) -> tuple[Tie, ...]:
    """Return what came along with events, by kind, strongest first."""
    kinds: dict[str, dict[tuple[str, str, str], Identifier]] = {}
    for event in events:
        for identifier in event.identifiers:
            key = (identifier.source, identifier.parameter, identifier.value)
            kinds.setdefault(identifier.kind, {}).setdefault(key, identifier)
    ties = []
    for kind in sorted(kinds, key=lambda kind: _rank(_KINDS, kind)):
        forms = sorted(kinds[kind].values(), key=lambda identifier: _rank(_FORMS, identifier.form))
        ties.append(
            _made_tie(
                kind=kind,
                identifier=forms[0],
                others=tuple(forms[1:]),
                person_matched=any(identifier.person_matched for identifier in forms),
            )
        )
    return tuple(ties)


def _events_of(entry: Entry) -> tuple[Event, ...]:
    """Return all events of an act."""
    return (*entry.events, *entry.other_events)


def _tallies(
    entries: Sequence[Entry], keys: Callable[[Entry], Sequence[str]], special: frozenset[str] = frozenset()
) -> tuple[Tally, ...]:
    """Count acts per key; special keys stand first, then the key that comes first in most acts."""
    acts: dict[str, list[Entry]] = {}
    leading: dict[str, int] = {}
    for entry in entries:
        for place, key in enumerate(keys(entry)):
            acts.setdefault(key, []).append(entry)
            leading[key] = leading.get(key, 0) + (place == 0)
    tallies = [
        Tally(
            key=key,
            acts=len(found),
            band=max((entry.band for entry in found), key=BAND_RANK.__getitem__),
        )
        for key, found in acts.items()
    ]
    return tuple(
        sorted(tallies, key=lambda tally: (tally.key not in special, -leading[tally.key], -tally.acts, tally.key))
    )


def _topics(entry: Entry) -> tuple[str, ...]:
    """Return what an act was about; health in general only where nothing more is said."""
    return tuple(topic for topic in entry.topics if topic not in GENERAL_TOPICS) or entry.topics


def _totals(entries: Sequence[Entry], special: frozenset[str]) -> Totals:
    """Count a set of acts; `special` are the topics whose disclosure does particular harm."""
    counted = [entry for entry in entries if entry.standing == "counted"]
    events = [event for entry in entries for event in _events_of(entry)]
    judged = [event for event in events if BAND_RANK[event.band] >= COUNTS_FROM]
    kinds: dict[ActKind, int] = {}
    consents: dict[tuple[ConsentState, bool], int] = {}
    links: dict[Linkability, int] = {}
    deliveries: dict[Delivery, int] = {}
    for entry in counted:
        kinds[entry.kind] = kinds.get(entry.kind, 0) + 1
        state = (entry.consent.state, entry.before_consent)
        consents[state] = consents.get(state, 0) + 1
        links[entry.linkability] = links.get(entry.linkability, 0) + 1
        deliveries[entry.delivery] = deliveries.get(entry.delivery, 0) + 1
    bands = _tallies(counted, lambda entry: (entry.band,))
    return Totals(
        acts=len(entries),
        events=len(events),
        requests=sum(len(event.requests) for event in events),
        counted=len(counted),
        withheld=sum(entry.standing == "withheld" for entry in entries),
        low=sum(entry.standing == "low" for entry in entries),
        dismissed=sum(entry.standing == "dismissed" for entry in entries),
        kinds=kind_counts(kinds),
        bands=tuple(sorted(bands, key=lambda tally: -BAND_RANK[tally.band])),
        topics=_tallies(counted, _topics, special),
        actions=_tallies(counted, lambda entry: entry.actions),
        special_risk=sum(entry.tier == "special_risk" for entry in counted),
        links=tuple(LinkCount(linkability=link, acts=links[link]) for link in LINKABILITY_ORDER if link in links),
        links_incomplete=sum(not entry.linkability_complete for entry in counted),
        person_matched=sum(any(tie.person_matched for tie in entry.ties) for entry in counted),
        consents=tuple(
            ConsentCount(state=state, before=before, acts=acts)
            for (state, before), acts in sorted(consents.items(), key=lambda item: _CONSENT_ORDER.index(item[0][0]))
        ),
        before_consent=sum(entry.before_consent for entry in counted),
        deliveries=tuple(
            DeliveryCount(delivery=delivery, acts=deliveries[delivery])
            for delivery in sorted(deliveries, key=lambda delivery: -DELIVERY_STRENGTH[delivery])
        ),
        reviews=ReviewCount(
            total=len(judged),
            confirmed=sum(event.review.state == "confirmed" for event in judged),
            dismissed=sum(event.review.state == "dismissed" for event in judged),
        ),
    )


_CONSENT_ORDER: tuple[ConsentState, ...] = (
    "no_choice_yet",
    "refused",
    "partly_accepted",
    "accepted",
    "not_asked",
    "undetermined",
    "unknown",
)


def _site(site: str | None, entries: Sequence[Entry], report: Report) -> Site:
    """Return one site, not yet numbered."""
    counted = [entry for entry in entries if entry.standing == "counted"]
    events = sorted(
        (event for entry in entries for event in _events_of(entry)),
        key=lambda event: (event.occurred_at, event.id),
    )
    return Site(
        number=0,
        site=site,
        totals=_totals(entries, _special(report)),
        groups=_groups(counted),
        low=tuple(entry for entry in entries if entry.standing == "low"),
        withheld=tuple(entry for entry in entries if entry.standing == "withheld"),
        timeline=_timeline(site, entries, report),
        pixel_ids=_distinct(event.pixel_id for event in events),
        events=tuple(events),
        notes=_notes(report, site),
    )


def _groups(entries: Sequence[Entry]) -> tuple[Group, ...]:
    """Group counted acts by their strongest topic, or by their action where there is no topic."""
    grouped: dict[tuple[Literal["topic", "action", "other"], str], list[Entry]] = {}
    for entry in entries:
        if entry.topics:
            grouped.setdefault(("topic", _topics(entry)[0]), []).append(entry)
        elif entry.actions:
            grouped.setdefault(("action", entry.actions[0]), []).append(entry)
        else:
            grouped.setdefault(("other", ""), []).append(entry)
    groups = [
        Group(
            key=key,
            kind=kind,
            band=max((entry.band for entry in found), key=BAND_RANK.__getitem__),
            entries=tuple(sorted(found, key=lambda entry: (-entry.score, entry.at))),
        )
        for (kind, key), found in grouped.items()
    ]
    return tuple(sorted(groups, key=lambda group: (-BAND_RANK[group.band], -len(group.entries), group.key)))


def _seconds(text: str) -> float | None:
    """Return an RFC 3339 time as seconds, or None where it is not one."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return None


class _Known(Frozen):
    """One state of consent, from its first to its last proof; not yet placed on a timeline."""

    starts_at: str
    ends_at: str
    kind: Literal["proof", "mark"]
    state: ConsentState | None
    proofs: int
    text: str


def _known(site: str | None, entries: Sequence[Entry], report: Report) -> list[_Known]:
    """Return what was proved or stated about consent on a site; proofs of one state in a row are one."""
    times = [entry.at for entry in entries]
    known = [
        _Known(
            starts_at=mark.at,
            ends_at=mark.at,
            kind="mark",
            state=None if mark.kind == "logged_in" else mark.kind,
            proofs=1,
            text=mark.text or mark.kind.replace("_", " "),
        )
        for mark in report.marks
        if mark.kind != "note" and (mark.site == site if mark.site else min(times) <= mark.at <= max(times))
    ]
    events = [event for entry in entries for event in _events_of(entry)]
    proofs = {
        (proof.at, proof.state): proof
        for event in events
        for proof in (event.consent.last_before, event.consent.first_after)
        if proof is not None
    }
    run: _Known | None = None
    for (at, state), proof in sorted(proofs.items()):
        if run is not None and run.state == state:
            run = run.model_copy(update={"ends_at": at, "proofs": run.proofs + 1})
            known[-1] = run
        else:
            run = _Known(starts_at=at, ends_at=at, kind="proof", state=state, proofs=1, text=proof.proof)
            known.append(run)
    return sorted(known, key=lambda found: found.starts_at)


def _timeline(site: str | None, entries: Sequence[Entry], report: Report) -> Timeline | None:
    """Return the acts of a site in time; pauses much longer than usual are shortened and marked."""
    placed = [(seconds, entry) for entry in entries if (seconds := _seconds(entry.at)) is not None]
    if not placed:
        return None
    known = [
        (start, end, found)
        for found in _known(site, entries, report)
        if (start := _seconds(found.starts_at)) is not None and (end := _seconds(found.ends_at)) is not None
    ]
    stamps = {start: found.starts_at for start, _, found in known}
    stamps |= {end: found.ends_at for _, end, found in known}
    stamps |= {seconds: entry.at for seconds, entry in placed}
    times = sorted(stamps)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    usual = sorted(gaps)[(len(gaps) - 1) // 2] if gaps else 0.0
    longest = max(_SHORTEST_BREAK, usual * _GAP_FACTOR)
    offsets = {times[0]: 0.0}
    breaks: list[tuple[float, float]] = []
    run = 0.0
    for later, gap in zip(times[1:], gaps, strict=True):
        shown = min(gap, longest)
        if gap > longest:
            breaks.append((run + shown / 2, gap))
        run += shown
        offsets[later] = run
    length = run or 1.0
    places = {seconds: offset / length for seconds, offset in offsets.items()}
    if len(times) == 1:
        places[times[0]] = 0.5
    return Timeline(
        starts_at=stamps[times[0]],
        ends_at=stamps[times[-1]],
        points=tuple(
            _made_point(
                position=places[seconds],
                at=entry.at,
                kind=entry.kind,
                band=entry.band,
                standing=entry.standing,
            )
            for seconds, entry in placed
        ),
        breaks=tuple(TimelineBreak(position=place / length, seconds=gap) for place, gap in breaks),
        marks=tuple(
            TimelineMark(number=number, start=places[start], end=places[end], **found.model_dump())
            for number, (start, end, found) in enumerate(known, 1)
        ),
    )


def _others(entries: Sequence[Entry]) -> tuple[OtherSite, ...]:
    """Return what optional packs found, from band low, by site."""
    by_site: dict[str | None, list[OtherAct]] = {}
    for entry in entries:
        held = [(event, event.other) for event in _events_of(entry) if event.other and BAND_RANK[event.other.band]]
        if not held:
            continue
        held.sort(key=lambda pair: (-pair[1].score, pair[0].occurred_at, pair[0].id))
        by_site.setdefault(entry.site, []).append(
            OtherAct(
                entry=entry,
                band=held[0][1].band,
                score=held[0][1].score,
                categories=_distinct(name for _, other in held for name in other.categories),
                findings=tuple(_distinct_findings(found for _, other in held for found in other.findings)),
                events=tuple(event for event, _ in held),
            )
        )
    return tuple(
        OtherSite(
            site=site,
            categories=_other_tallies(found),
            acts=tuple(sorted(found, key=lambda act: (-act.score, act.entry.number))),
        )
        for site, found in sorted(by_site.items(), key=lambda pair: (-max(act.score for act in pair[1]), pair[0] or ""))
    )


def _other_tallies(acts: Sequence[OtherAct]) -> tuple[Tally, ...]:
    """Count acts per category."""
    by_category: dict[str, list[OtherAct]] = {}
    for act in acts:
        for category in act.categories:
            by_category.setdefault(category, []).append(act)
    tallies = [
        Tally(key=key, acts=len(found), band=max((act.band for act in found), key=BAND_RANK.__getitem__))
        for key, found in by_category.items()
    ]
    return tuple(sorted(tallies, key=lambda tally: (-tally.acts, tally.key)))


def _legend(report: Report) -> tuple[LegendEntry, ...]:
    """Return the parameters of a report, each name once."""
    found: dict[str, _Met] = {}
    for event in report.events:
        for parameter in event.parameters:
            met = found.get(parameter.name)
            if met is None:
                met = found[parameter.name] = _Met()
            met.meaning = met.meaning or parameter.meaning
            met.documented = met.documented or parameter.documented
            met.occurrences += 1
    entries = [
        LegendEntry(name=name, meaning=met.meaning, documented=met.documented, occurrences=met.occurrences)
        for name, met in found.items()
    ]
    return tuple(sorted(entries, key=lambda entry: entry.name.lower()))


class _Met:
    """What the events said of one parameter so far."""

    __slots__ = ("documented", "meaning", "occurrences")

    def __init__(self) -> None:
        self.meaning: str | None = None
        self.documented = False
        self.occurrences = 0
