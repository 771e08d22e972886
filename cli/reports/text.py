"""The report for a terminal: plain text of bounded width, control characters of captured values escaped.

Verbosity 0 shows the headline and the findings; 1 adds every event with its requests and the ledger of its
score; 2 adds every parameter.
"""

from collections.abc import Iterable

from cli import sentences, wording
from cli.schema import Event, PublicAddress, Report
from cli.summary import Entry, Quote, Site, Summary, excerpt, summarise
from cli.terminal import columns, printable, wrap

WIDTH = 88
_AROUND = 60
_LONGEST = 400
_TIES = 4


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


def render(report: Report, verbosity: int = 0, *, width: int = WIDTH) -> str:
    """Return the report as plain text."""
    summary = summarise(report)
    page = Page(width)
    _banners(page, report, summary)
    _opening(page, report, summary)
    for site in summary.sites:
        _site(page, site, verbosity)
    if summary.dismissed:
        page.heading("Dismissed by a person", "-")
        for item in summary.dismissed:
            page.say(
                f"{item.event.occurred_at}  {sentences.site_name(item.site)}  {item.event.event_name}  "
                f"score {item.event.score}",
                first="- ",
            )
            page.say(sentences.review(item.event), indent=2)
    if verbosity >= 1:
        _events(page, report, summary, verbosity)
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
    page.fact("Reviewed", sentences.reviews(totals))
    for text in sentences.apart(totals):
        page.fact("Apart", text)
    if report.min_score:
        page.fact("Filter", f"only events of {report.min_score} points or more are in this report")


def _site(page: Page, site: Site, verbosity: int) -> None:
    """Write one site's findings."""
    page.heading(sentences.site_name(site.site), "-")
    page.say(sentences.site_line(site))
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
    if entry.clicked and entry.kind != "click":
        fact("Clicked", _cut(entry.clicked))
    if entry.searched and entry.kind != "search":
        fact("Searched", _cut(entry.searched))
    scored = [quote for quote in entry.quotes if quote.findings] or list(entry.quotes[:1])
    for quote in entry.quotes if verbosity else scored:
        fact("Words", _quote(quote))
    fact("When", f"{wording.instant(entry.at)}; {wording.DELIVERIES_SHORT[entry.delivery]}")
    fact("Consent", sentences.consent(entry.consent))
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


def render_event(event: Event, verbosity: int = 2, *, stated: PublicAddress | None = None, width: int = WIDTH) -> str:
    """Return one event as plain text: what it says, why it scored, and at verbosity 2 every parameter."""
    page = Page(width)
    _event(page, event, stated, verbosity)
    return str(page)


def _events(page: Page, report: Report, summary: Summary, verbosity: int) -> None:
    """Write every event."""
    page.heading("Every event", "=")
    for site in summary.sites:
        for event in site.events:
            page.blank()
            _event(page, event, report.session.public_address, verbosity)


def _event(page: Page, event: Event, stated: PublicAddress | None, verbosity: int) -> None:
    """Write one event with its requests and ledger."""
    page.say(
        f"{event.id}  {_cut(event.event_name) or '(no name)'}  {wording.BANDS[event.band]} {event.score}",
        first=f"{wording.BAND_GLYPHS[event.band]} ",
    )

    def fact(name: str, text: str) -> None:
        page.fact(name, text, indent=2, column=11)

    evidence = f"; {event.page_evidence}" if event.page_evidence else ""
    fact("At", f"{wording.instant(event.occurred_at)}; the pixel states {wording.instant(event.client_time)}")
    fact("Site", sentences.site_name(event.site))
    fact("Page", _cut(event.page_url or "not known"))
    fact("", f"from {wording.PAGE_URL_FROM[event.page_url_from]}{evidence}")
    fact("", wording.PAGE_CLASSES[event.page_class])
    if event.page_title:
        fact("Title", _cut(event.page_title))
    if event.clicked:
        fact("Clicked", _cut(event.clicked))
    if event.searched:
        fact("Searched", _cut(event.searched))
    fact("Pixel", f"{event.pixel_id}, owner not known; to {event.recipient_host}")
    fact("Came about", f"{wording.TRIGGERS[event.trigger]}; {wording.EVENT_KINDS[event.kind]}")
    fact("Sent by", wording.FRAMES[event.frame])
    fact("Address", sentences.address(event.client_ip, stated))
    fact("Consent", sentences.consent_proved(event.consent))
    fact("Tied by", sentences.link(event.linkability, complete=event.linkability_complete))
    for identifier in event.identifiers:
        fact("Identifier", _cut(sentences.identifier(identifier)))
    fact("Review", sentences.review(event))
    for found in event.findings:
        where = f"{wording.field(found.field)}, parameter {found.parameter}"
        fact("Words", _cut(f"»{found.text}«  {found.points:+d}  {where}"))
        role = wording.capital(wording.rule_kind(found.kind))
        fact("", f"{role}: {wording.category(found.category)}. {found.reason}")
        fact("", f"Rule {found.rule}, version {found.version}. {found.legal_basis}")
    _table(page, "Ledger", ((f"{step.delta:+d}", f"= {step.total}  {step.label}") for step in event.steps))
    for miss in event.near_misses:
        fact("Near miss", _cut(f"{miss.text} ({wording.field(miss.field)}, {miss.rule}): {miss.why}"))
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
