"""The sentences a report opens with and the facts under each finding, one wording for every format.

Everything here is plain text, not yet escaped: values of a capture stand in it as they are.
"""

from collections.abc import Mapping, Sequence

from addon.vocabulary import Linkability
from cli import typed, wording
from cli.headline import Headline, acts_by_kind, headline_of
from cli.schema import (
    Consent,
    ConsentContradiction,
    ConsentStatement,
    Event,
    Identifier,
    Inference,
    Mark,
    Page,
    PublicAddress,
    Report,
    StoryLine,
    Support,
)
from cli.summary import (
    ConsentCount,
    Entry,
    Group,
    OtherAct,
    OtherSite,
    Quote,
    SilentSite,
    Site,
    Summary,
    Tally,
    Tie,
    TimelineMark,
    Totals,
)

EXAMPLES = 4
EXAMPLES_UNDER_18 = 2
_SITES = 4


def inferring(summary: Summary) -> str:
    """Return how every statement on what could be inferred begins."""
    return wording.MIGHT_INFER_RECONSTRUCTED if summary.reconstruction else wording.MIGHT_INFER


def examples(
    support: Sequence[Support], numbers: Mapping[str, int], most: int
) -> tuple[tuple[Support, ...], tuple[Support, ...]]:
    """Return the acts of a statement that are told in words, no wording twice, and the rest in order of number."""
    first = tuple({act.text: act for act in reversed(support)}.values())[::-1][:most]
    rest = [act for act in support if act not in first]
    return first, tuple(sorted(rest, key=lambda act: numbers[act.act_id]))


def supported(found: Inference) -> str:
    """Return how many acts support a statement, and where."""
    sites = sorted({act.site or "" for act in found.support}, key=lambda site: (not site, site))
    named = [site or "a site not known" for site in sites[:_SITES]]
    if len(sites) > _SITES:
        named.append(wording.count(len(sites) - _SITES, "further site"))
    return f"{wording.count(len(found.support), 'act')} on {wording.listed(named)}"


def young(found: Inference) -> tuple[str, tuple[Support, ...]]:
    """Return what is said of acts that tell of somebody under 18 and are joined to a statement, and those to name."""
    own = {act.act_id for act in found.support}
    others = tuple(act for act in found.under_18 if act.act_id not in own)
    inside = len(found.under_18) - len(others)
    said = ""
    if inside:
        which = (
            ("This act tells" if inside == 1 else "These acts tell")
            if inside == len(found.support)
            else f"{inside} of these acts {'tells' if inside == 1 else 'tell'}"
        )
        said = f"{which} of somebody under 18."
    if others:
        tell = "tells" if len(others) == 1 else "tell"
        one = wording.count(len(others), "further act")
        where = "the same site" if len({act.site for act in others}) == 1 else "the same sites"
        said = f"{said} {one} on {where}, with the same identifier, {tell} of somebody under 18:".strip()
    return said, others


def inference_details(found: Inference, numbers: Mapping[str, int]) -> tuple[str, ...]:
    """Return what stands under a statement: its acts, those that tell of somebody under 18, what joins them."""

    def told(acts: Sequence[Support], most: int) -> str:
        first, rest = examples(acts, numbers, most)
        text = "; ".join(f"{act.text} (no. {numbers[act.act_id]})" for act in first)
        more = ", ".join(str(numbers[act.act_id]) for act in rest)
        return f"{text}{f'; and no. {more}' if rest else ''}."

    said, others = young(found)
    return tuple(
        part
        for part in (
            f"{wording.capital(supported(found))}: {told(found.support, EXAMPLES)}",
            f"{said} {told(others, EXAMPLES_UNDER_18)}" if others else said,
            found.joined,
        )
        if part
    )


def story_line(line: StoryLine) -> str:
    """Return what happened at one line of a story, and what it was about."""
    return f"{wording.capital(line.text)}{f' — {"; ".join(line.about)}' if line.about else ''}"


def story_state(line: StoryLine) -> str:
    """Return what is known of consent, identity and arrival at one line of a story."""
    parts = [
        f"consent: {wording.CONSENT_STATES[line.consent]}",
        f"tied by: {wording.LINKABILITY[line.tied_by]}",
    ]
    if line.delivery == "not_sent":
        parts.append("not sent")
    if line.dismissed:
        parts.append("dismissed by a person")
    return "; ".join(parts)


def packs(report: Report) -> str:
    """Return which optional packs were switched on."""
    return wording.listed([wording.plain(pack) for pack in report.packs])


def others(report: Report) -> str:
    """Return what optional packs looked for, and how their findings are to be read."""
    text = f"Looked for: {packs(report)}. {wording.OTHER}"
    return f"{text} {wording.OTHER_VULNERABLE}" if "vulnerable_situations" in report.packs else text


def other_site(found: OtherSite) -> str:
    """Return how many acts of a site hold another special category, and which."""
    return f"{wording.count(len(found.acts), 'act')}: {tallies(found.categories)}"


def other_words(found: OtherAct) -> list[str]:
    """Return the words by which an act holds another special category, and where each stood."""
    counted = [item for item in found.findings if item.points > 0] or list(found.findings)
    return list(dict.fromkeys(f"“{item.text}” in the {wording.field(item.field)}" for item in counted))


def other_state(found: OtherAct) -> str:
    """Return that an act did not leave or was dismissed, or nothing."""
    if all(event.delivery == "not_sent" for event in found.events):
        return "not sent"
    return "dismissed by a person" if all(event.review.state == "dismissed" for event in found.events) else ""


def site_name(site: str | None) -> str:
    """Return a site's name, or words where it is not known."""
    return site or "site not known"


def headline(summary: Summary) -> str:
    """Return the first sentence of a report."""
    totals = summary.totals
    return headline_of(
        Headline(
            acts=totals.acts,
            events=totals.events,
            left=sum(event.delivery != "not_sent" for site in summary.sites for event in site.events),
            counted=totals.counted,
            withheld=totals.withheld,
            kinds=totals.kinds,
            sites=summary.sites_with_health,
            unknown_site=any(site.site is None and site.totals.counted for site in summary.sites),
            reconstruction=summary.reconstruction,
        )
    )


def tallies(counts: tuple[Tally, ...], most: int | None = None) -> str:
    """Return topics or actions with their number of acts."""
    shown = counts if most is None else counts[:most]
    parts = [f"{wording.category(tally.key)} ({tally.acts})" for tally in shown]
    if len(shown) < len(counts):
        parts.append(wording.count(len(counts) - len(shown), "further topic"))
    return wording.listed(parts)


def topics(totals: Totals) -> str:
    """Return what the counted acts were about."""
    if totals.topics:
        return wording.capital(tallies(totals.topics))
    if totals.actions:
        return f"No topic by name; actions: {tallies(totals.actions)}"
    return "None"


def links(totals: Totals) -> str:
    """Return what tied the counted acts to a person, strongest first."""
    if not totals.links:
        return "Nothing to tie"
    text = wording.capital(
        "; ".join(
            f"{wording.LINKABILITY[link.linkability]}: {wording.count(link.acts, 'act')}" for link in totals.links
        )
    )
    if totals.person_matched:
        text += f". On {wording.count(totals.person_matched, 'act')} an identifier is that of the test person"
    if totals.links_incomplete:
        text += (
            f". For {wording.count(totals.links_incomplete, 'act')} the capture lacks cookies or addresses, "
            "so the tie may be stronger than shown"
        )
    return text


def link(linkability: Linkability, *, complete: bool) -> str:
    """Return what ties one act or event to a person."""
    text = wording.LINKABILITY[linkability]
    return text if complete else f"{text} (cookies or the address are missing in the capture: it may be more)"


def consent_counts(totals: Totals) -> str:
    """Return how many counted acts are known to have happened before consent, and the other states."""
    if not totals.counted:
        return "Nothing to count"
    before = [count for count in totals.consents if count.before]
    others = [count for count in totals.consents if not count.before]
    text = f"{totals.before_consent} of {wording.count(totals.counted, 'act')}"
    if before:
        text += f": {_states(before)}"
    return f"{text}. The other acts: {_states(others)}" if others else text


def _states(counts: list[ConsentCount]) -> str:
    """Return states of consent with their number of acts."""
    return wording.listed([f"{wording.CONSENT_STATES[count.state]} ({count.acts})" for count in counts])


def consent_short(totals: Totals) -> str:
    """Return the states of consent of a site's counted acts in few words."""
    if not totals.counted:
        return "—"
    if len(totals.consents) == 1 and not totals.before_consent:
        return wording.capital(wording.CONSENT_STATES[totals.consents[0].state])
    unknown = sum(count.acts for count in totals.consents if count.state in {"unknown", "undetermined"})
    text = f"{totals.before_consent} of {totals.counted}"
    return f"{text}, {unknown} not known" if unknown else text


def deliveries(totals: Totals) -> str:
    """Return what is known of the arrival of the counted acts."""
    return "; ".join(
        f"{wording.DELIVERIES_SHORT[count.delivery]}: {wording.count(count.acts, 'act')}" for count in totals.deliveries
    )


def reviews(totals: Totals) -> str:
    """Return how many findings a person has looked at."""
    count = totals.reviews
    if not count.total:
        return "No event of band medium or above to review"
    return (
        f"{count.reviewed} of {wording.count(count.total, 'event')} of band medium or above: "
        f"{count.confirmed} confirmed, {count.dismissed} dismissed, {count.total - count.reviewed} not yet "
        "reviewed"
    )


def apart(totals: Totals) -> tuple[str, ...]:
    """Return what is not part of the headline count, each in a sentence."""
    said = []
    if totals.low:
        said.append(
            f"{wording.count(totals.low, 'further act')} scored low: listed with {_its(totals.low)} site, "
            "not counted above."
        )
    if totals.withheld:
        said.append(
            f"{wording.count(totals.withheld, 'further act')} did not leave: every request was held back or "
            f"found no connection. Listed with {_its(totals.withheld)} site as not sent, not counted above."
        )
    if totals.dismissed:
        was = "was" if totals.dismissed == 1 else "were"
        said.append(
            f"{wording.count(totals.dismissed, 'further act')} {was} dismissed by a person: listed in the "
            "appendix with the reason, not counted above."
        )
    return tuple(said)


def _its(number: int) -> str:
    """Return the possessive for that many acts."""
    return "its" if number == 1 else "their"


def consent(value: Consent) -> str:
    """Return the state of consent at one moment with its basis."""
    text = wording.CONSENT_EXPLAINED[value.state]
    if value.basis != "none":
        text = f"{text} (basis: {wording.CONSENT_BASES[value.basis]})"
    if not value.contradictions:
        return text
    number = len(value.contradictions)
    return f"{text}; {wording.count(number, 'thing')} named below {'contradicts' if number == 1 else 'contradict'} it"


def contradiction(found: ConsentContradiction) -> str:
    """Return one thing that contradicts a state of consent."""
    state = f"{wording.CONSENT_STATES[found.state]} " if found.state else ""
    proof = f"({found.proof})" if state else found.proof
    return f"contradicted, {wording.instant(found.at)}: {state}{proof}"


def statement(found: ConsentStatement) -> str:
    """Return what was said of consent beside the choice itself."""
    return f"also said, {wording.instant(found.at)}, {wording.STATEMENTS[found.kind]}: {found.text}"


def page_class(event: Event) -> str:
    """Return the class of an event's page and what decided it."""
    text = wording.PAGE_CLASSES[event.page_class]
    reason = event.page_class_reason
    if reason is None:
        return text
    where = f" in the {wording.field(reason.field)}" if reason.field and reason.matched else ""
    met = f": “{reason.matched}”{where}" if reason.matched else ""
    rule = f", rule {reason.rule}" if reason.rule else ""
    return f"{text} ({reason.text}{met}{rule})"


def login(event: Event) -> str:
    """Return what is known of a login to the site at an event."""
    reason = f" ({event.logged_in_reason})" if event.logged_in_reason else ""
    return f"logged in to the site: {wording.LOGINS[event.logged_in]}{reason}"


def consent_proofs(value: Consent) -> tuple[str, ...]:
    """Return the proofs before and after that moment, what contradicts the state, and what else was said of it."""
    proofs = tuple(
        f"{label} {wording.instant(proof.at)}: {wording.CONSENT_STATES[proof.state]} ({proof.proof})"
        for label, proof in (
            ("last proof before,", value.last_before),
            ("first proof after,", value.first_after),
        )
        if proof is not None
    )
    against = tuple(contradiction(item) for item in value.contradictions)
    return (*proofs, *against, *(statement(item) for item in value.statements))


def consent_proved(value: Consent) -> str:
    """Return the state of consent at one moment with its basis and proofs, in one line."""
    return "; ".join((consent(value), *consent_proofs(value)))


def address(client_ip: str | None, stated: PublicAddress | None) -> str:
    """Return what is known of the network address the event came from."""
    public = (
        "public address not stated"
        if stated is None
        else f"public address stated{f' by {stated.stated_by}' if stated.stated_by else ''}: {stated.value}"
    )
    if client_ip is None:
        return f"not recorded in this kind of capture ({public})"
    if wording.on_own_network(client_ip):
        return f"from the investigator's own network ({public})"
    return f"{client_ip}, as the proxy saw it ({public})"


def identifier(value: Identifier) -> str:
    """Return an identifier on one line."""
    parts = [f"{wording.identifier(value.kind)}: {value.value}"]
    details = [wording.identifier_source(value.source), wording.identifier_form(value.form)]
    if value.created_at:
        details.append(f"created {wording.instant(value.created_at)}")
    if value.person_note:
        details.append(value.person_note)
    elif value.person_matched:
        details.append("the test person's")
    if value.note:
        details.append(value.note)
    if value.guessed:
        details.append(typed.guessed(value.guessed))
    return f"{parts[0]} ({'; '.join(details)})"


def tie_short(value: Tie) -> str:
    """Return what came along of one kind, in few words."""
    whose = " (the test person's)" if value.person_matched else ""
    return f"{wording.identifier(value.kind)} {value.identifier.value}{whose}"


def tie_details(value: Tie) -> str:
    """Return how the plainest identifier of a kind came along and how it is written."""
    found = value.identifier
    details = [wording.identifier_source(found.source), wording.identifier_form(found.form)]
    if found.created_at:
        details.append(f"created {wording.instant(found.created_at)}")
    if found.person_matched and found.person_note:
        details.append(found.person_note)
    if found.note:
        details.append(found.note)
    if found.guessed:
        details.append(typed.guessed(found.guessed))
    if value.others:
        details.append(f"also in {wording.count(len(value.others), 'other form')}")
    return "; ".join(details)


def known_consent(mark: TimelineMark) -> str:
    """Return what is known of consent at one place of a timeline."""
    who = "stated by the investigator: " if mark.kind == "mark" else ""
    state = f"{wording.CONSENT_STATES[mark.state]}: " if mark.state else ""
    if mark.starts_at == mark.ends_at:
        return f"{wording.instant(mark.starts_at)}: {who}{state}{mark.text}"
    return (
        f"{wording.instant(mark.starts_at)} to {wording.clock_time(mark.ends_at)}: {who}{state}{mark.text} "
        f"(first of {wording.count(mark.proofs, 'proof')})"
    )


def repeated(quote: Quote) -> str:
    """Return what else matched in a value without adding points."""
    also = list(dict.fromkeys(wording.category(found.category) for found in quote.repeated))
    return f"{'also ' if quote.findings else ''}{wording.listed(also)}, no further points" if also else ""


def came_about(event: Event) -> str:
    """Return what made an event leave, and what is said of the software that made it."""
    said = [wording.TRIGGERS[event.trigger], wording.EVENT_KINDS[event.kind]]
    if event.library:
        said.append(f"Meta's client of build {event.library}")
    if event.agent:
        said.append(f"placed by {wording.agent(event.agent)}, as the request states")
    return "; ".join(said)


def derived_from(event: Event, others: Mapping[str, Event]) -> str:
    """Return the event that Meta's Event Setup Tool derived this one from, in few words."""
    source = others.get(event.derived_from or "")
    if source is None:
        return f"event {event.derived_from}, which is not shown here"
    return f"{source.event_name or '(no name)'}, {wording.clock_time(source.occurred_at)}, event {source.id}"


def unfiltered(entry: Entry) -> str:
    """Return how many events of a partly filtered act show no sign of filtering, or nothing."""
    if not entry.filters or not entry.unfiltered:
        return ""
    show = "shows" if entry.unfiltered == 1 else "show"
    return f"{wording.count(entry.unfiltered, 'event')} of this act {show} no sign of filtering."


def common_author(marks: Sequence[Mark]) -> str:
    """Return who stated all of several marks, or nothing where they differ or nobody is named."""
    authors = {mark.by for mark in marks}
    return (authors.pop() or "") if len(authors) == 1 else ""


def mark(value: Mark, said_already: str = "") -> str:
    """Return what the investigator stated about a moment, and who, unless that is said already."""
    kind = "" if value.kind == "note" and value.text else wording.capital(wording.MARKS[value.kind])
    text = ": ".join(part for part in (kind, value.text) if part)
    return f"{text} ({value.by})" if value.by and value.by != said_already else text


def page_events(page: Page) -> str:
    """Return how many events a page made the browser send, as far as seen."""
    if page.events:
        return wording.count(page.events, "event")
    return f"{wording.NO_EVENT}; fetched: {wording.fetched(page.fetched)}" if page.fetched else wording.NO_EVENT


def pages(report: Report) -> str:
    """Return in a sentence how many pages were visited and how many made the browser send nothing that was seen."""
    quiet = sum(not page.events for page in report.pages)
    text = (
        f"{wording.count(len(report.pages), 'page')} visited. Beside each stand the events that it made the browser "
        "send: those of its site until the site's next page was opened."
    )
    if not quiet:
        return text
    return f"{text} On {wording.count(quiet, 'page')} no event was seen. {wording.NOT_SEEN_IS_NO_PROOF}"


def silent(site: SilentSite) -> str:
    """Return that no event was seen on a site, and what was fetched there all the same."""
    text = f"{wording.count(site.pages, 'page')}, {wording.NO_EVENT}"
    return f"{text}; fetched: {wording.fetched(site.fetched)}" if site.fetched else text


def fetched_without_event(summary: Summary) -> bool:
    """Return whether a site without any event had parts of Meta's pixel program fetched."""
    return any(site.fetched for site in summary.silent)


def event_name(name: str) -> str:
    """Return an event's name with what it says happened, where that is known."""
    words = wording.event_name(name)
    return f"{name}: {words}" if words else name or "(no name)"


def sent(entry: Entry, summary: Summary) -> str:
    """Return who made the browser send an act's events, and to whom."""
    return made_to_send(entry, reconstruction=summary.reconstruction)


def made_to_send(entry: Entry, *, reconstruction: bool) -> str:
    """Return `sent` for an act by itself; `reconstruction` says that its session was not recorded."""
    hosts = wording.listed(list(dict.fromkeys(event.recipient_host for event in entry.events)))
    where = "a frame embedded in a page" if {event.frame for event in entry.events} == {"embedded"} else "a page"
    where, browser = f"{where} of {entry.site or 'a site that is not known'}", "this browser"
    if reconstruction:
        where, browser = f"as reconstructed, {where}", "a browser"
    if entry.standing == "withheld":
        return wording.capital(f"{where} tried to make {browser} send this to {hosts}; it was not sent.")
    return wording.capital(f"{where} made {browser} send this to {hosts}.")


def method(summary: Summary) -> str:
    """Return how a report came about."""
    origin = (
        "The requests of this session were written after published reporting and then read like a recording."
        if summary.reconstruction
        else "A browser was used while its traffic passed a proxy, or was saved by the browser itself."
    )
    return (
        f"{origin} Every request to a known address of Meta's pixel was decoded; requests that carried the "
        "same event were joined to one; the text of each event was compared with written rules. Only "
        "marks, notes, reviews and the stated address come from a person."
    )


def entry_title(entry: Entry) -> str:
    """Return the name of an act: what was clicked or searched, else the page."""
    if entry.kind == "search" and entry.searched:
        return f"Search: “{entry.searched}”"
    if entry.kind == "click" and entry.clicked:
        return f"Click: “{entry.clicked}”"
    place = entry.page_title
    if not place and entry.page_url:
        place = entry.page_url.partition("://")[2] or entry.page_url
    return f"{wording.ACTS[entry.kind]}: {place or 'page not known'}"


def group_title(group: Group) -> str:
    """Return the heading of a group of acts."""
    if group.kind == "topic":
        return wording.capital(wording.category(group.key))
    if group.kind == "action":
        return f"Care action without a named topic: {wording.category(group.key)}"
    return "Other health content"


def site_line(site: Site) -> str:
    """Return a site's result in one sentence."""
    totals = site.totals
    if not totals.counted:
        return (
            f"No act scored medium or above; {wording.count(totals.acts, 'act')}, "
            f"{wording.count(totals.events, 'event')}."
        )
    return f"{acts_by_kind(totals.kinds)} with health content, of {wording.count(totals.acts, 'act')} on this site."


def pause(seconds: float) -> str:
    """Return a length of time in rough words."""
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            return wording.count(round(seconds / size), unit)
    return wording.count(round(seconds), "second")


def review(event: Event) -> str:
    """Return what a person decided about an event."""
    decided = event.review
    text = wording.REVIEWS[decided.state]
    if decided.state == "unreviewed":
        return text
    by = f" ({decided.by})" if decided.by else ""
    at = f", {wording.instant(decided.at)}" if decided.at else ""
    return f"{text}{by}{at}{f': {decided.reason}' if decided.reason else ''}"


def clock(report: Report) -> str:
    """Return how the pixel's clock stood to the capture's."""
    found = report.session.clock
    if found.skew_ms is None:
        return f"{wording.capital(found.basis)}: could not be compared."
    spread = "" if found.spread_ms is None else f", spread {found.spread_ms:,} ms"
    return f"{found.skew_ms:,} ms{spread} ({found.basis})."


def coverage(report: Report) -> tuple[str, ...]:
    """Return what was seen and what of it could be read."""
    found = report.coverage
    lines = [
        (
            f"{wording.count(found.requests_seen, 'request')} seen in the captures, "
            f"{found.requests_matched:,} of them recognised as going to Meta's pixel. "
            f"{found.requests_decoded:,} carried events and could be read; {found.requests_failed:,} could "
            "not be read."
        ),
        f"{wording.count(found.pages_visited, 'page')} visited.",
    ]
    others = [f"{wording.role(kind)} ({number:,})" for kind, number in found.other_requests.items()]
    if others:
        lines.append(f"Recognised requests that carry no event: {wording.listed(others)}.")
    return tuple(lines)


def banners(report: Report) -> tuple[tuple[str, str], ...]:
    """Return the warnings every page of every format carries, each with its kind."""
    shown = []
    if report.session.provenance == "reconstruction":
        shown.append(("reconstruction", wording.RECONSTRUCTION))
    if report.coverage.requests_held:
        shown.append(("held", wording.held(report.coverage.requests_held)))
    if report.revealed:
        shown.append(("revealed", wording.REVEALED))
    return tuple(shown)
