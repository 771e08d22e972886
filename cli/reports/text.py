"""The report for a terminal: plain text of bounded width, control characters of captured values escaped.

Verbosity 0 shows the headline and the findings; 1 adds every event with its requests and the ledger of its
score; 2 adds every parameter.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from cli import consent_words, link_words, sentences, setups, typed, wording
from cli.reports import linked_text
from cli.schema import Event, Filter, Finding, Mark, PublicAddress, Report
from cli.summary import Entry, Quote, Setup, Site, Summary, excerpt, summarise
from cli.terminal import columns, printable, wrap

WIDTH = 88
_AROUND = 60
_LONGEST = 400
_TIES = 4
_LONGEST_LIST = 8
_LONGEST_PAGES = 15


class Page:
    """Lines of bounded width under construction."""

    def __init__(self, width: int) -> None:
        self.width = max(width, 40)
        self.lines: list[str] = []

    def blank(self) -> None:
        """Leave one line empty."""
        if self.lines and self.lines[-1]:
            self.lines.append("")

    def say(self, text: str, *, indent: int = 0, first: str = "") -> None:
        """Add a paragraph; `first` begins its first line and the others are set under its text."""
        lead = " " * indent + first
        self.lines += wrap(text, self.width, first=lead, rest=" " * columns(lead))

    def fact(self, name: str, text: str, *, indent: int = 0, column: int = 16) -> None:
        """Add a named fact; the text begins at one column."""
        self.say(text, indent=indent, first=f"{f'{name}:' if name else '':<{column}} ")

    def heading(self, text: str, rule: str) -> None:
        """Add a heading with a line under it."""
        self.blank()
        before = len(self.lines)
        self.say(text)
        longest = max(columns(line) for line in self.lines[before:])
        self.lines.append(rule * longest)

    def __str__(self) -> str:
        return "\n".join(self.lines).rstrip() + "\n"


def pieces(report: Report, verbosity: int = 0) -> Iterable[str]:
    """Yield the report."""
    yield render(report, verbosity)


def render(report: Report, verbosity: int = 0, *, width: int = WIDTH) -> str:
    """Return the report as plain text."""
    summary = summarise(report)
    page = Page(width)
    _banners(page, report, summary)
    _opening(page, report, summary)
    _inferred(page, report, summary, verbosity)
    _test_persons(page, report, verbosity)
    for site in summary.with_finding:
        _site(page, site, report, verbosity)
    _without_finding(page, summary)
    if summary.dismissed:
        page.heading("Dismissed by a person", "-")
        for item in summary.dismissed:
            page.say(
                f"{item.event.occurred_at}  {sentences.site_name(item.site)}  {item.event.event_name}  "
                f"score {item.event.score}",
                first="- ",
            )
            page.say(sentences.review(item.event), indent=2)
    linked_text.write(page, report, verbosity)
    _others(page, report, summary)
    if verbosity >= 1:
        _events(page, report, summary, verbosity)
    _setups(page, summary, verbosity)
    _pages(page, report, verbosity)
    _unseen(page, report)
    _method(page, report, verbosity)
    _banners(page, report, summary)
    return str(page)


def _banners(page: Page, report: Report, summary: Summary) -> None:
    """Say what every reader must know before anything else."""
    texts = [text for _, text in sentences.banners(report)]
    if not summary.complete:
        texts.append(wording.INCOMPLETE)
    for text in texts:
        page.blank()
        page.lines.append("!" * page.width)
        page.say(text, first="!! ")
        page.lines.append("!" * page.width)


def _opening(page: Page, report: Report, summary: Summary) -> None:
    """Say what a reader needs in ten seconds."""
    totals = summary.totals
    page.heading(f"Pixelwitness report: {report.session.name}", "=")
    page.say(sentences.headline(summary))
    page.blank()
    if totals.counted:
        page.fact("Topics", sentences.topics(totals))
        page.fact(
            "Sites",
            wording.listed(
                [
                    f"{sentences.site_name(site.site)} ({site.totals.counted})"
                    for site in summary.sites
                    if site.totals.counted
                ]
            ),
        )
        page.fact("Tied by", sentences.links(totals))
        page.fact("Before consent", sentences.consent_counts(totals))
    if early := consent_words.headline(report.consent_findings):
        page.fact("Ids, scripts", early)
    if joined := link_words.summary(report.histories, len(report.unjoined_events)):
        page.fact("Joined", joined)
    page.fact("Reviewed", sentences.reviews(totals))
    for text in sentences.apart(totals):
        page.fact("Apart", text)
    if report.min_score:
        page.fact("Filter", f"only events of {report.min_score} points or more are in this report")


def _inferred(page: Page, report: Report, summary: Summary, verbosity: int) -> None:
    """Write what could be inferred; at verbosity 0 the first statements only."""
    if not report.inferences:
        return
    numbers = {entry.act.id: entry.number for entry in summary.entries}
    shown = report.inferences if verbosity else report.inferences[:_LONGEST_LIST]
    page.heading(wording.INFERRED_TITLE, "-")
    page.say(wording.INFERRED)
    page.blank()
    page.say(f"{sentences.inferring(summary)} ...")
    for found in shown:
        page.blank()
        page.say(f"... {found.claim}.", first="* ")
        for text in sentences.inference_details(found, numbers):
            page.say(text, indent=4)
    if len(shown) < len(report.inferences):
        page.blank()
        page.say(f"{wording.count(len(report.inferences) - len(shown), 'further statement')}: with -v")


def _story(page: Page, site: Site, report: Report) -> None:
    """Write what happened on a site in order."""
    found = next((story for story in report.stories if story.site == site.site), None)
    if found is None or len(found.lines) < 2:
        return
    page.blank()
    page.say(f"{wording.IN_ORDER.upper()} (times in UTC)")
    for line in found.lines:
        page.say(
            sentences.story_line(line),
            first=f"{wording.BAND_GLYPHS[line.band]} {wording.clock_time(line.at)}  ",
            indent=2,
        )
        page.say(sentences.story_state(line), indent=14)


def _site(page: Page, site: Site, report: Report, verbosity: int) -> None:
    """Write one site's findings; at verbosity 1 what happened there in order as well."""
    page.heading(sentences.site_name(site.site), "-")
    page.say(sentences.site_line(site))
    _notes(page, site.notes, indent=0)
    if verbosity:
        _story(page, site, report)
    for group in site.groups:
        page.blank()
        page.say(sentences.group_title(group).upper())
        for entry in group.entries:
            _entry(page, entry, verbosity)
    for title, entries in (("LOW", site.low), ("NOT SENT", site.withheld)):
        if entries:
            page.blank()
            page.say(title)
            for entry in entries:
                page.say(
                    f"{wording.clock_time(entry.at)}  score {entry.score}  {sentences.entry_title(entry)}",
                    indent=2,
                    first=f"{wording.BAND_GLYPHS[entry.band]} ",
                )


def _entry(page: Page, entry: Entry, verbosity: int) -> None:
    """Write one act: at verbosity 0 the words that scored, further the words that matched as well."""
    page.blank()
    page.say(
        f"[{entry.number}] {wording.BANDS[entry.band]} {entry.score}  {_cut(sentences.entry_title(entry))}",
        indent=2,
        first=f"{wording.BAND_GLYPHS[entry.band]} ",
    )

    def fact(name: str, text: str) -> None:
        page.fact(name, text, indent=6, column=11)

    fact("Page", _cut(entry.page_url or "not known"))
    for text in sorted({event.page_evidence for event in entry.events if event.page_evidence}):
        fact("", _cut(text))
    if entry.clicked and entry.kind != "click":
        fact("Clicked", _cut(entry.clicked))
    if entry.searched and entry.kind != "search":
        fact("Searched", _cut(entry.searched))
    scored = [quote for quote in entry.quotes if quote.findings] or list(entry.quotes[:1])
    for quote in entry.quotes if verbosity else scored:
        fact("Words", _quote(quote))
    _filtered(fact, entry.filters, entry.still_left)
    if text := sentences.unfiltered(entry):
        fact("", text)
    fact("When", f"{wording.instant(entry.at)}; {wording.DELIVERIES_SHORT[entry.delivery]}")
    fact("Consent", sentences.consent(entry.consent))
    for found in entry.consent.contradictions:
        fact("", _cut(sentences.contradiction(found)))
    fact("Tied by", sentences.link(entry.linkability, complete=entry.linkability_complete))
    if entry.ties:
        shown = entry.ties if verbosity else entry.ties[:_TIES]
        rest = len(entry.ties) - len(shown)
        more = [wording.count(rest, "further kind")] if rest else []
        fact("With", _cut("; ".join([*(sentences.tie_short(tie) for tie in shown), *more])))
    fact("Events", ", ".join(f"{_cut(event.event_name)} {event.id}" for event in entry.events))
    for text in sorted({sentences.review(event) for event in entry.events}):
        fact("Review", text)


def _quote(quote: Quote) -> str:
    """Return a value with the words that matched between guillemets, where they stood, and the points."""
    shown = "".join(f"»{part.text}«" if part.marked else part.text for part in excerpt(quote.segments, _AROUND))
    where = wording.listed([wording.field(field) for field in quote.fields])
    points = [f"{found.points:+d} {wording.category(found.category)}" for found in quote.findings]
    also = sentences.repeated(quote)
    return f"{shown}  — {where}, parameter {quote.parameter}: {'; '.join([*points, also] if also else points)}"


def _cut(text: str) -> str:
    """Shorten a very long value and say so."""
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]} … ({len(text):,} characters; whole in the JSON report)"


def render_event(
    event: Event,
    verbosity: int = 2,
    *,
    stated: PublicAddress | None = None,
    others: Sequence[Event] = (),
    titles: Mapping[str, str] | None = None,
    width: int = WIDTH,
) -> str:
    """Return one event as plain text: what it says, why it scored, and at verbosity 2 every parameter.

    `others` are events that it may have been derived from, `titles` those of the rules by id.
    """
    page = Page(width)
    _event(page, event, stated, verbosity, {found.id: found for found in others}, titles or {})
    return str(page)


def _filtered(fact: Callable[[str, str], None], filters: Sequence[Filter], still_left: Sequence[str]) -> None:
    """Write the signs of filtering and, beside them, what left all the same."""
    for number, note in enumerate(filters):
        fact("" if number else "Filtered", _cut(f"{note.text} ({note.parameter})"))
    if filters:
        fact("Still left", _cut("; ".join(still_left) or wording.NOTHING_LISTED))


def _notes(page: Page, notes: Sequence[Mark], *, indent: int) -> None:
    """Write what the investigator noted about a site."""
    if notes and not indent:
        page.blank()
        page.say("INVESTIGATOR'S NOTES")
    for mark in notes:
        page.say(_cut(sentences.mark(mark)), indent=indent, first=f"  {wording.clock_time(mark.at)}  ")


def _without_finding(page: Page, summary: Summary) -> None:
    """Write the sites with events and no finding, and those without any event."""
    if summary.without_finding:
        page.heading("Sites with no health finding", "-")
        for site in summary.without_finding:
            seen = f"{wording.count(site.totals.acts, 'act')}, {wording.count(site.totals.events, 'event')}"
            page.say(f"{sentences.site_name(site.site)}: {seen}", first="- ")
            _notes(page, site.notes, indent=2)
    if summary.silent:
        page.heading("Sites where no event was seen", "-")
        page.say(wording.NOT_SEEN_IS_NO_PROOF)
        for silent in summary.silent:
            page.say(f"{silent.site}: {sentences.silent(silent)}", first="- ")
            _notes(page, silent.notes, indent=2)
        if sentences.fetched_without_event(summary):
            page.say(wording.FETCHED_WITHOUT_EVENT)


def _test_persons(page: Page, report: Report, verbosity: int) -> None:
    """Write what became of the details of the test persons, where any were given."""
    if not report.test_persons:
        return
    page.heading(typed.TITLE, "-")
    page.say(typed.INTRODUCTION)
    for persona in report.test_persons:
        page.blank()
        if typed.heading(persona):
            page.say(_cut(typed.heading(persona)))
        for text in (typed.headline(persona), *typed.searched(persona)):
            page.say(_cut(text))
        shared: dict[tuple[str, str, str], list[str]] = {}
        for line in typed.lines(persona):
            shared.setdefault((line.consent, line.pixels, line.where), []).append(f"{line.detail}: {line.forms}")
        for (consent, pixels, where), details in shared.items():
            page.blank()
            for detail in details:
                page.say(_cut(detail), indent=2, first="- ")
            page.say(_cut(f"{consent}; pixel {pixels}"), indent=4)
            page.say(_cut(f"on {where}"), indent=4)
        if persona.left:
            page.blank()
        for text in typed.stayed(persona):
            page.say(_cut(text))
        for item in persona.elsewhere:
            page.say(_cut(typed.elsewhere(item)), first="- ")
        if persona.unmatched:
            page.say(typed.UNMATCHED)
            shown = persona.unmatched if verbosity else persona.unmatched[:_LONGEST_LIST]
            for found in shown:
                page.say(_cut(typed.unmatched(found)), first="- ")
            if len(shown) < len(persona.unmatched):
                rest = len(persona.unmatched) - len(shown)
                page.say(f"{wording.count(rest, 'further value')}: with -v", first="- ")
        if text := typed.not_given(persona):
            page.say(_cut(text))


def _others(page: Page, report: Report, summary: Summary) -> None:
    """Write what optional packs found, where some were switched on."""
    if not report.packs:
        return
    page.heading(wording.OTHER_TITLE, "-")
    page.say(sentences.others(report))
    for found in summary.others:
        page.blank()
        page.say(f"{sentences.site_name(found.site)}: {sentences.other_site(found)}")
        for act in found.acts:
            state = sentences.other_state(act)
            page.say(
                f"[{act.entry.number}] {wording.BANDS[act.band]} {act.score}  {_cut(sentences.entry_title(act.entry))}"
                f"{f' ({state})' if state else ''}",
                indent=2,
                first=f"{wording.BAND_GLYPHS[act.band]} ",
            )
            words = "; ".join(sentences.other_words(act))
            page.say(_cut(f"{', '.join(wording.category(name) for name in act.categories)}: {words}"), indent=6)
    if not summary.others:
        page.say(wording.OTHER_NOTHING)


def _setups(page: Page, summary: Summary, verbosity: int) -> None:
    """Write how the pixels were set up; everything that a script declares only from verbosity 1."""
    if not summary.setups:
        return
    page.heading("How the pixels were set up", "-")
    page.say(setups.INTRODUCTION)
    for setup in summary.setups:
        _setup(page, setup, verbosity)
    unread = [setup for setup in summary.setups if setup.configuration.declared is None]
    if unread:
        page.blank()
        number = wording.count(len(unread), "pixel")
        page.say(f"{number} whose script is not in the capture (declared: not known). Observed:")
    shown = unread if verbosity else unread[:_LONGEST_LIST]
    for setup in shown:
        where = f" ({', '.join(setup.sites)})" if setup.sites else ""
        page.say(
            _cut(f"{setup.configuration.pixel_id}{where}: {setups.observed(setup.configuration.observed)}"), first="- "
        )
    if len(shown) < len(unread):
        page.say(f"{wording.count(len(unread) - len(shown), 'further pixel')}: with -v", first="- ")
    if text := setups.without_request(summary):
        page.say(_cut(text))


def _setup(page: Page, setup: Setup, verbosity: int) -> None:
    """Write what one script declares and, apart from it, what was observed of its pixel."""
    declared = setup.configuration.declared
    if declared is None:
        return
    page.blank()
    page.say(_cut(setups.title(setup)))
    page.say(f"{setups.script(setup.configuration, declared)} SHA-256 {declared.sha256}", indent=2)
    aspects = setups.aspects(declared, setup.configuration.observed)
    page.say("Declared by its script", indent=2)
    for aspect in aspects:
        page.say(_cut(f"{aspect.name}: {aspect.declared}"), indent=4, first="- ")
    page.say(f"Observed in {wording.count(setup.configuration.observed.events, 'event')}", indent=2)
    for aspect in aspects:
        page.say(_cut(f"{aspect.name}: {aspect.observed}"), indent=4, first="- ")
    if text := setups.not_read(declared):
        page.say(text, indent=2)
    for listing in setups.listings(declared) if verbosity else ():
        page.say(f"{listing.title}, as declared ({len(listing.items)})", indent=2)
        for item in (", ".join(listing.items),) if listing.names else listing.items:
            page.say(item if listing.names else _cut(item), indent=4, first="- ")


def _pages(page: Page, report: Report, verbosity: int) -> None:
    """Write the pages visited: at verbosity 0 those without an event, further all of them."""
    if not report.pages:
        return
    page.heading("Pages visited", "-")
    page.say(sentences.pages(report))
    quiet = [found for found in report.pages if not found.events]
    shown = list(report.pages) if verbosity else quiet[:_LONGEST_PAGES]
    for found in shown:
        title = f"  {found.title}" if found.title else ""
        page.say(_cut(f"{found.url}{title}"), first=f"{wording.clock_time(found.at)}  ")
        page.say(sentences.page_events(found), indent=10)
    if len(shown) < len(report.pages):
        page.say("Listed here are pages on which no event was seen; all of them with -v.")


def _events(page: Page, report: Report, summary: Summary, verbosity: int) -> None:
    """Write every event."""
    page.heading("Every event", "=")
    others = {event.id: event for event in report.events}
    titles = {rule.rule: rule.title for rule in (*report.rules, *report.other_rules)}
    for site in summary.sites:
        for event in site.events:
            page.blank()
            _event(page, event, report.session.public_address, verbosity, others, titles)


def _event(
    page: Page,
    event: Event,
    stated: PublicAddress | None,
    verbosity: int,
    others: Mapping[str, Event],
    titles: Mapping[str, str],
) -> None:
    """Write one event with its requests and ledger; `others` are events by id, `titles` those of rules by id."""
    page.say(
        f"{event.id}  {_cut(event.event_name) or '(no name)'}  {wording.BANDS[event.band]} {event.score}",
        first=f"{wording.BAND_GLYPHS[event.band]} ",
    )

    def fact(name: str, text: str) -> None:
        page.fact(name, text, indent=2, column=11)

    fact("At", f"{wording.instant(event.occurred_at)}; the pixel states {wording.instant(event.client_time)}")
    fact("Site", sentences.site_name(event.site))
    fact("Page", _cut(event.page_url or "not known"))
    fact("", f"from {wording.PAGE_URL_FROM[event.page_url_from]}")
    if event.page_evidence:
        fact("", _cut(event.page_evidence))
    fact("", _cut(sentences.page_class(event)))
    if event.logged_in != "unknown":
        fact("", _cut(sentences.login(event)))
    if event.page_title:
        fact("Title", _cut(event.page_title))
    if event.clicked:
        fact("Clicked", _cut(event.clicked))
    if event.searched:
        fact("Searched", _cut(event.searched))
    fact("Pixel", f"{event.pixel_id}, owner not known; to {event.recipient_host}")
    fact("Came about", _cut(sentences.came_about(event)))
    if event.derived_from:
        fact("", _cut(f"derived from {sentences.derived_from(event, others)}"))
    _filtered(fact, event.filters, event.still_left)
    fact("Sent by", wording.FRAMES[event.frame])
    fact("Address", sentences.address(event.client_ip, stated))
    fact("Consent", sentences.consent(event.consent))
    for text in sentences.consent_proofs(event.consent):
        fact("", _cut(text))
    fact("Tied by", sentences.link(event.linkability, complete=event.linkability_complete))
    for tie in event.ties:
        fact("Tie", _cut(link_words.tie(tie)))
    for item in event.ties_missing:
        fact("", link_words.MISSING[item])
    for identifier in event.identifiers:
        fact("Identifier", _cut(sentences.identifier(identifier)))
    for seen in typed.outside(event):
        fact("Person", _cut(typed.sighting(seen)))
    fact("Review", sentences.review(event))
    for criteria in event.jurisdictions:
        fact("Criteria", f"{criteria.area}: {criteria.criterion}")
        for text in criteria.facts:
            fact("", _cut(f"- {text}"))
    _findings(fact, event.findings, titles)
    _table(page, "Ledger", ((f"{step.delta:+d}", f"= {step.total}  {step.label}") for step in event.steps))
    for miss in event.near_misses:
        fact("Near miss", _cut(f"{miss.text} ({wording.field(miss.field)}, {miss.rule}): {miss.why}"))
    if event.other and event.other.findings:
        fact("Apart", f"{wording.OTHER_TITLE}: {wording.BANDS[event.other.band]} {event.other.score}")
        _findings(fact, event.other.findings, titles)
        _table(page, "Ledger", ((f"{step.delta:+d}", f"= {step.total}  {step.label}") for step in event.other.steps))
    for request in event.requests:
        status = "no status" if request.status is None else f"status {request.status}"
        fact("Request", _cut(f"{request.started_at} {request.method} {request.url}"))
        fact(
            "",
            f"{wording.TRANSPORTS[request.transport]}; {wording.DELIVERIES_SHORT[request.delivery]}; "
            f"{status}; source {request.source} at {request.position}",
        )
        fact("", f"SHA-256 {request.sha256}")
    if verbosity >= 2:
        for parameter in event.parameters:
            fact("Parameter", _cut(f"{parameter.name} = {parameter.value}"))
            fact("", parameter.meaning or ("no meaning given" if parameter.documented else "not documented"))


def _findings(fact: Callable[[str, str], None], findings: Sequence[Finding], titles: Mapping[str, str]) -> None:
    """Write the rules that counted, with the words they counted for."""
    for found in findings:
        where = f"{wording.field(found.field)}, parameter {found.parameter}"
        fact("Words", _cut(f"»{found.text}«  {found.points:+d}  {where}"))
        role = wording.capital(wording.rule_kind(found.kind))
        fact("", f"{role}: {wording.category(found.category)}. {found.reason}")
        title = titles.get(found.rule)
        name = (
            f"“{title}” ({found.rule}, version {found.version})" if title else f"{found.rule}, version {found.version}"
        )
        fact("", f"Rule {name}. {found.legal_basis}")


def _table(page: Page, name: str, rows: Iterable[tuple[str, str]]) -> None:
    """Write rows under one name."""
    for number, (left, right) in enumerate(rows):
        page.say(right, indent=2, first=f"{name + ':' if not number else '':<11} {left:>4} ")


def _unseen(page: Page, report: Report) -> None:
    """Say what was seen and not read, and what could not be seen."""
    page.heading("Seen and not read, and not seen", "-")
    for line in (*sentences.coverage(report), *report.coverage.blind_spots):
        page.say(line, first="- ")
    for problem in report.problems:
        page.say(f"Problem at {problem.where}: {problem.what}", first="- ")


def _method(page: Page, report: Report, verbosity: int) -> None:
    """Say how the report was made and what it cannot prove."""
    session = report.session
    page.heading("Method and limits", "-")
    page.say(f"Pixelwitness {session.tool_version}; rules {session.ruleset_digest}; made {report.generated_at}.")
    if report.packs:
        page.say(f"Optional packs: {sentences.packs(report)}; rules {report.packs_digest}.")
    page.say(sentences.clock(report), first="Clock: ")
    for source in report.sources:
        page.say(
            f"{source.name} ({wording.SOURCES[source.kind]}), SHA-256 {source.sha256 or 'none: live'}"
            f"{'' if source.complete else ', incomplete'}",
            first="- ",
        )
    page.blank()
    for limit in wording.LIMITS:
        page.say(limit, first="- ")
    for note in wording.LEGAL_NOTES if verbosity else ():
        page.blank()
        page.say(f"{note.title}: criteria and facts, no verdict")
        for paragraph in note.paragraphs:
            page.say(paragraph, indent=2)
    page.blank()
    if not verbosity:
        page.say("More: -v adds every event with requests and ledger and the legal notes, -vv every parameter.")
    page.say(f"Session {printable(session.id)}, {wording.PROVENANCES[session.provenance]}.")
