"""The report as Markdown, for an editor, a wiki or an issue.

A captured value stands in a code span where that is safe and is escaped character by character where it is
not; no value can become a heading, a link, an image or HTML. Verbosity 1 adds every event with its requests
and ledger, 2 every parameter.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from cli import sentences, setups, typed, wording
from cli.reports import linked_markdown
from cli.reports.markup import code, cut, escaped, inline, table, tag
from cli.schema import Event, Filter, Finding, Mark, Report, Step
from cli.summary import Entry, Quote, Setup, Site, Summary, excerpt, summarise
from rules.model import Band

_AROUND: Final = 120
_LONGEST_LIST: Final = 8
_LONGEST_PAGES: Final = 15
_LONGEST_STORY: Final = 12


def pieces(report: Report, verbosity: int = 0) -> Iterable[str]:
    """Yield the report."""
    yield render(report, verbosity)


def render(report: Report, verbosity: int = 0) -> str:
    """Return the report as Markdown."""
    summary = summarise(report)
    lines = [f"# {escaped(report.session.name)}: Pixelwitness report", ""]
    lines += _warnings(report, summary)
    lines += _brief(report, summary)
    lines += _inferred(report, summary, verbosity)
    lines += _test_persons(report, summary, verbosity)
    for site in summary.with_finding:
        lines += _site(site, report, summary, verbosity)
        if verbosity >= 1:
            lines += _events(site, report, verbosity)
    lines += _without_finding(report, summary, verbosity)
    lines += linked_markdown.choices(report, summary, verbosity)
    lines += linked_markdown.joined(report, summary, verbosity)
    lines += _others(report, summary)
    lines += _setups(summary, verbosity)
    lines += _pages(report, summary, verbosity)
    if summary.dismissed:
        lines += ["", f"## Dismissed findings{tag(summary)}", ""]
        lines += [
            f"- {wording.instant(item.event.occurred_at)}, {escaped(sentences.site_name(item.site))}, "
            f"{escaped(item.event.event_name)}, score {item.event.score}: "
            f"{escaped(sentences.review(item.event))}"
            for item in summary.dismissed
        ]
    lines += _legend(summary)
    lines += _unseen(report)
    lines += _method(report, summary)
    lines += ["", *_warnings(report, summary)]
    text = "\n".join(lines)
    return re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"


def _warnings(report: Report, summary: Summary) -> list[str]:
    """Return what every reader must know before anything else."""
    texts = [text for _, text in sentences.banners(report)]
    if not summary.complete:
        texts.append(wording.INCOMPLETE)
    return [line for text in texts for line in (f"> **⚠ {escaped(text)}**", "")]


def _brief(report: Report, summary: Summary) -> list[str]:
    """Return what a reader needs in ten seconds."""
    totals = summary.totals
    lines = [f"**{escaped(sentences.headline(summary))}**", ""]
    facts = [("Reviewed by a person", sentences.reviews(totals))]
    if totals.counted:
        facts = [
            ("Topics", sentences.topics(totals)),
            ("Tied to a person by", sentences.links(totals)),
            ("Before consent", sentences.consent_counts(totals)),
            ("Arrival", wording.capital(sentences.deliveries(totals))),
            *facts,
        ]
    lines += [f"- **{name}:** {escaped(text)}" for name, text in facts]
    lines += [f"- {escaped(text)}" for text in sentences.apart(totals)]
    if report.min_score:
        lines.append(f"- Only events of {report.min_score} points or more are in this report.")
    lines += [
        "",
        "Bands are indications from written rules, for a person to check. An act counts from medium.",
    ]
    lines += table(
        ("Site", "Acts", "Strongest", "Topics", "Tied by", "Before consent"),
        (
            (
                escaped(cut(sentences.site_name(site.site), 100)),
                f"{site.totals.counted} of {site.totals.acts}",
                _band(site.totals.band),
                escaped(wording.capital(sentences.tallies(site.totals.topics or site.totals.actions, 4))) or "—",
                wording.LINKABILITY[site.totals.strongest_link] if site.totals.strongest_link else "—",
                sentences.consent_short(site.totals),
            )
            for site in summary.with_finding
        ),
    )
    return lines


def _band(band: Band, score: int | None = None) -> str:
    """Return a band with its sign, and the score."""
    text = f"{wording.BAND_GLYPHS[band]} {wording.BANDS[band]}"
    return text if score is None else f"{text} {score}"


def _inferred(report: Report, summary: Summary, verbosity: int) -> list[str]:
    """Return what could be inferred; at verbosity 0 the first statements only."""
    if not report.inferences:
        return []
    numbers = {entry.act.id: entry.number for entry in summary.entries}
    shown = report.inferences if verbosity >= 1 else report.inferences[:_LONGEST_LIST]
    lines = ["", f"## {wording.INFERRED_TITLE}{tag(summary)}", "", escaped(wording.INFERRED), ""]
    lines += [f"{sentences.inferring(summary)} …", ""]
    for number, found in enumerate(shown, 1):
        lines.append(f"{number}. **… {inline(found.claim)}.**")
        lines += [f"   - {escaped(text)}" for text in sentences.inference_details(found, numbers)]
    if len(shown) < len(report.inferences):
        rest = wording.count(len(report.inferences) - len(shown), "further statement")
        lines += ["", f"{wording.capital(rest)}: with -v."]
    return [*lines, ""]


def _story(site: Site, report: Report, verbosity: int) -> list[str]:
    """Return what happened on a site in order; of a long story at verbosity 0 the beginning."""
    found = next((story for story in report.stories if story.site == site.site), None)
    if found is None or len(found.lines) < 2:
        return []
    shown = found.lines if verbosity >= 1 else found.lines[:_LONGEST_STORY]
    lines = [f"**{wording.IN_ORDER}** (times in UTC)", ""]
    lines += [
        f"{number}. {wording.clock_time(line.at)} {_band(line.band)}: {inline(sentences.story_line(line))} "
        f"({inline(sentences.story_state(line))})"
        for number, line in enumerate(shown, 1)
    ]
    if len(shown) < len(found.lines):
        lines += ["", f"{wording.capital(wording.count(len(found.lines) - len(shown), 'further act'))}: with -v."]
    return [*lines, ""]


def _site(site: Site, report: Report, summary: Summary, verbosity: int) -> list[str]:
    """Return one site's findings."""
    lines = ["", f"## {escaped(cut(sentences.site_name(site.site), 200))}{tag(summary)}", ""]
    lines += [escaped(sentences.site_line(site)), "", *_notes(site.notes), *_story(site, report, verbosity)]
    titles = {rule.rule: rule.title for rule in report.rules}
    for group in site.groups:
        lines += ["", f"### {escaped(cut(sentences.group_title(group), 200))}", ""]
        for entry in group.entries:
            lines += _entry(entry, summary, titles)
    for title, entries in (
        ("Not sent: held back, or no connection to the recipient", site.withheld),
        ("Band low: listed apart, not counted", site.low),
    ):
        if entries:
            lines += ["", f"### {title}", ""]
            lines += [
                f"- No. {entry.number}, {wording.instant(entry.at)}, {_band(entry.band, entry.score)}: "
                f"{escaped(cut(sentences.entry_title(entry), 200))}"
                for entry in entries
            ]
    return lines


def _entry(entry: Entry, summary: Summary, titles: Mapping[str, str]) -> list[str]:
    """Return one act."""
    lines = [
        "",
        f"#### No. {entry.number}: {escaped(cut(sentences.entry_title(entry), 200))}",
        "",
        f"{_band(entry.band, entry.score)} of 100. {escaped(sentences.sent(entry, summary))}",
        "",
        *(_quote(quote, titles) for quote in entry.quotes),
        *_filtered(entry.filters, entry.still_left),
        *([f"  - {escaped(text)}"] if (text := sentences.unfiltered(entry)) else []),
        f"- Page: {code(cut(entry.page_url)) if entry.page_url else 'not known'}",
        *(
            f"  - {escaped(cut(text))}"
            for text in sorted({event.page_evidence or "" for event in entry.events})
            if text
        ),
    ]
    if entry.clicked and entry.kind != "click":
        lines.append(f"- Clicked: {code(cut(entry.clicked))}")
    if entry.searched and entry.kind != "search":
        lines.append(f"- Searched for: {code(cut(entry.searched))}")
    lines += [
        f"- When: {wording.instant(entry.at)}",
        f"- Consent: {escaped(sentences.consent_proved(entry.consent))}",
        f"- Tied to a person by: {sentences.link(entry.linkability, complete=entry.linkability_complete)}",
        *(f"  - {escaped(cut(f'{sentences.tie_short(tie)} ({sentences.tie_details(tie)})'))}" for tie in entry.ties),
        f"- Arrival: {wording.DELIVERIES[entry.delivery]}",
        (f"- Events: {', '.join(f'{escaped(cut(event.event_name, 80))} {code(event.id)}' for event in entry.events)}"),
    ]
    lines += [f"- Review: {escaped(text)}" for text in sorted({sentences.review(event) for event in entry.events})]
    return [*lines, ""]


def _quote(quote: Quote, titles: Mapping[str, str]) -> str:
    """Return a value with the words that scored in bold, and the rules they met."""
    shown = "".join(
        f"**{inline(part.text)}**" if part.marked else inline(part.text) for part in excerpt(quote.segments, _AROUND)
    )
    where = wording.capital(wording.listed([wording.field(field) for field in quote.fields]))
    rules = [
        f"{found.points:+d} {escaped(wording.category(found.category))} ({_rule(found.rule, titles)})"
        for found in quote.findings
    ]
    also = sentences.repeated(quote)
    found = "; ".join([*rules, inline(also)] if also else rules)
    return f"- {escaped(where)}, parameter {code(cut(quote.parameter, 120))}: “{shown}” — {found}"


def _rule(rule: str, titles: Mapping[str, str]) -> str:
    """Return the title of a rule, where it is known, and its id."""
    title = titles.get(rule)
    return f"“{inline(title)}”, {code(rule)}" if title else code(rule)


def _filtered(filters: Sequence[Filter], still_left: Sequence[str], *, full: bool = False) -> list[str]:
    """Return the signs of filtering and, beside them, what left all the same."""
    if not filters:
        return []
    return [
        f"- {wording.FILTERED}:",
        *(f"  - {escaped(cut(note.text))}{f' (parameter {code(note.parameter)})' if full else ''}" for note in filters),
        f"- {wording.STILL_LEFT}:",
        *(f"  - {escaped(cut(text))}" for text in still_left or (wording.NOTHING_LISTED,)),
    ]


def _notes(notes: Sequence[Mark]) -> list[str]:
    """Return what the investigator noted about a site."""
    if not notes:
        return []
    return [
        "**Investigator's notes**",
        "",
        *(f"- {wording.clock_time(mark.at)}: {escaped(cut(sentences.mark(mark)))}" for mark in notes),
        "",
    ]


def _without_finding(report: Report, summary: Summary, verbosity: int) -> list[str]:
    """Return the sites with events and no finding, and those without any event."""
    lines = []
    if summary.without_finding:
        lines += ["", f"## Sites with no health finding{tag(summary)}", ""]
        for site in summary.without_finding:
            seen = f"{wording.count(site.totals.acts, 'act')}, {wording.count(site.totals.events, 'event')}"
            lines.append(f"- **{inline(cut(sentences.site_name(site.site), 100))}**: {seen}")
            lines += [f"  - {escaped(cut(sentences.mark(mark)))}" for mark in site.notes]
        for site in summary.without_finding if verbosity >= 1 else ():
            lines += ["", f"### {escaped(cut(sentences.site_name(site.site), 200))}"]
            for event in site.events:
                lines += _event(event, report, verbosity)
    if summary.silent:
        lines += ["", f"## Sites where no event was seen{tag(summary)}", "", wording.NOT_SEEN_IS_NO_PROOF, ""]
        for silent in summary.silent:
            lines.append(f"- **{inline(cut(silent.site, 100))}**: {escaped(sentences.silent(silent))}")
            lines += [f"  - {escaped(cut(sentences.mark(mark)))}" for mark in silent.notes]
        if sentences.fetched_without_event(summary):
            lines += ["", escaped(wording.FETCHED_WITHOUT_EVENT)]
    return lines


def _test_persons(report: Report, summary: Summary, verbosity: int) -> list[str]:
    """Return what became of the details of the test persons, where any were given."""
    if not report.test_persons:
        return []
    lines = ["", f"## {typed.TITLE}{tag(summary)}", "", escaped(typed.INTRODUCTION), ""]
    for persona in report.test_persons:
        if typed.heading(persona):
            lines += ["", f"### {escaped(cut(typed.heading(persona), 100))}", ""]
        lines += [f"**{escaped(typed.headline(persona))}** {escaped(' '.join(typed.searched(persona)))}", ""]
        lines += table(
            ("What was typed", "How it left", "On which pages", "To which pixel", "Consent"),
            (tuple(escaped(cut(cell)) for cell in line) for line in typed.lines(persona)),
        )
        for text in (*typed.stayed(persona), typed.not_given(persona)):
            lines += [escaped(cut(text)), ""] if text else []
        lines += [f"- {escaped(cut(typed.elsewhere(item)))}" for item in persona.elsewhere]
        if persona.unmatched:
            shown = persona.unmatched if verbosity else persona.unmatched[:_LONGEST_LIST]
            lines += ["", escaped(typed.UNMATCHED), ""]
            lines += [f"- {escaped(cut(typed.unmatched(found)))}" for found in shown]
            if len(shown) < len(persona.unmatched):
                rest = wording.count(len(persona.unmatched) - len(shown), "further value")
                lines += [f"- {rest}: with -v"]
    return [*lines, ""]


def _others(report: Report, summary: Summary) -> list[str]:
    """Return what optional packs found, where some were switched on."""
    if not report.packs:
        return []
    lines = ["", f"## {wording.OTHER_TITLE}{tag(summary)}", ""]
    lines.append(escaped(sentences.others(report)))
    if not summary.others:
        return [*lines, "", wording.OTHER_NOTHING]
    for found in summary.others:
        lines += ["", f"### {escaped(cut(sentences.site_name(found.site), 200))}", ""]
        lines.append(escaped(wording.capital(sentences.other_site(found))))
        lines += table(
            ("No.", "Time", "Act", "Category", "Words", "Band"),
            (
                (
                    str(act.entry.number),
                    wording.instant(act.entry.at),
                    escaped(
                        cut(sentences.entry_title(act.entry), 200)
                        + (f" ({state})" if (state := sentences.other_state(act)) else "")
                    ),
                    escaped(", ".join(wording.category(name) for name in act.categories)),
                    escaped(cut("; ".join(sentences.other_words(act)))),
                    _band(act.band, act.score),
                )
                for act in found.acts
            ),
        )
    return lines


def _setups(summary: Summary, verbosity: int) -> list[str]:
    """Return how the pixels were set up; long lists of what is declared only from verbosity 1."""
    if not summary.setups:
        return []
    lines = ["", f"## How the pixels were set up{tag(summary)}", "", escaped(setups.INTRODUCTION)]
    for setup in summary.setups:
        lines += _setup(setup, verbosity)
    unread = [setup for setup in summary.setups if setup.configuration.declared is None]
    lines += table(
        ("Pixel", "Seen on", "Declared by its script", "Observed in the events"),
        (
            (
                code(cut(setup.configuration.pixel_id, 60)),
                escaped(cut(", ".join(setup.sites), 200)) or "—",
                wording.NO_SCRIPT_TEXT,
                escaped(setups.observed(setup.configuration.observed)),
            )
            for setup in unread
        ),
    )
    if text := setups.without_request(summary):
        lines += ["", escaped(cut(text))]
    return lines


def _setup(setup: Setup, verbosity: int) -> list[str]:
    """Return what one script declares beside what was observed of its pixel."""
    declared = setup.configuration.declared
    if declared is None:
        return []
    lines = [
        "",
        f"### {escaped(cut(setups.title(setup), 200))}",
        "",
        f"{escaped(setups.script(setup.configuration, declared))} SHA-256 of the script {code(declared.sha256)}",
        *table(
            ("", "Declared by its script", "Observed in the events"),
            (
                (aspect.name, escaped(cut(aspect.declared)), escaped(cut(aspect.observed)))
                for aspect in setups.aspects(declared, setup.configuration.observed)
            ),
        ),
    ]
    if text := setups.not_read(declared):
        lines += ["", text]
    for listing in setups.listings(declared):
        if len(listing.items) > _LONGEST_LIST and not verbosity:
            lines += ["", f"**{listing.title}, as declared:** {len(listing.items)} (listed with -v)"]
        elif listing.names:
            lines += ["", f"**{listing.title}, as declared:** {escaped(cut(', '.join(listing.items), 4000))}"]
        else:
            lines += ["", f"**{listing.title}, as declared:**", ""]
            lines += [f"- {escaped(cut(text))}" for text in listing.items]
    return lines


def _pages(report: Report, summary: Summary, verbosity: int) -> list[str]:
    """Return the pages visited; where there are many, at verbosity 0 only those without an event."""
    if not report.pages:
        return []
    few = verbosity >= 1 or len(report.pages) <= _LONGEST_PAGES
    lines = ["", f"## Pages visited{tag(summary)}", "", sentences.pages(report)]
    if not few:
        lines += ["", "Listed here are the pages on which no event was seen; all of them with -v."]
    return lines + table(
        ("Time", "Page", "Title", "Events it made the browser send"),
        (
            (
                wording.instant(page.at),
                escaped(cut(page.url, 300)),
                escaped(cut(page.title or "—", 200)),
                sentences.page_events(page),
            )
            for page in report.pages
            if few or not page.events
        ),
    )


def _events(site: Site, report: Report, verbosity: int) -> list[str]:
    """Return every event of a site."""
    lines = ["", "### Every event", ""]
    for event in site.events:
        lines += _event(event, report, verbosity)
    return lines


def _event(event: Event, report: Report, verbosity: int) -> list[str]:
    """Return one event with its requests and ledger."""
    others = {found.id: found for found in report.events}
    lines = [
        "",
        (f"#### Event {code(event.id)}: {escaped(cut(event.event_name, 80))}, {_band(event.band, event.score)}"),
        "",
        (f"- When: {wording.instant(event.occurred_at)}; the pixel states {wording.instant(event.client_time)}"),
        f"- Page: {code(cut(event.page_url)) if event.page_url else 'not known'}",
        *([f"  - {escaped(cut(event.page_evidence))}"] if event.page_evidence else []),
        f"  - {escaped(cut(sentences.page_class(event)))}",
        *([f"  - {escaped(cut(wording.capital(sentences.login(event))))}"] if event.logged_in != "unknown" else []),
        f"- Recipient: {code(event.recipient_host)}, pixel {code(event.pixel_id)}, owner not known",
        f"- Came about: {escaped(cut(sentences.came_about(event)))}",
        *([f"  - Derived from {escaped(sentences.derived_from(event, others))}"] if event.derived_from else []),
        *_filtered(event.filters, event.still_left, full=True),
        *[f"- The test person: {escaped(cut(typed.sighting(seen)))}" for seen in event.person],
        f"- Address: {escaped(sentences.address(event.client_ip, report.session.public_address))}",
        f"- Consent: {escaped(sentences.consent_proved(event.consent))}",
        f"- Review: {escaped(sentences.review(event))}",
    ]
    for found in event.jurisdictions:
        lines.append(f"- Criteria in the {escaped(found.area)}, without a verdict: {escaped(found.criterion)}")
        lines += [f"  - {escaped(cut(wording.capital(text)))}" for text in found.facts]
    lines += table(
        ("Time", "Request", "How", "Arrival", "SHA-256"),
        (
            (
                escaped(request.started_at),
                escaped(cut(f"{request.method} {request.url}")),
                wording.TRANSPORTS[request.transport],
                wording.DELIVERIES_SHORT[request.delivery],
                code(request.sha256),
            )
            for request in event.requests
        ),
    )
    titles = {rule.rule: rule.title for rule in (*report.rules, *report.other_rules)}
    lines += _findings(event.findings, titles)
    lines += _steps(event.steps)
    if event.other and event.other.findings:
        lines += [
            "",
            f"{wording.OTHER_TITLE}, no part of the health score: {_band(event.other.band, event.other.score)}",
        ]
        lines += _findings(event.other.findings, titles)
        lines += _steps(event.other.steps)
    if verbosity >= 2:
        lines += table(
            ("Parameter", "Value", "Meaning"),
            (
                (
                    escaped(cut(parameter.name)),
                    escaped(cut(parameter.value)),
                    escaped(parameter.meaning or "not documented"),
                )
                for parameter in event.parameters
            ),
        )
    return lines


def _findings(findings: Sequence[Finding], titles: Mapping[str, str]) -> list[str]:
    """Return the rules that counted as a table."""
    return table(
        ("Points", "Words", "Where", "What", "Rule"),
        (
            (
                f"{found.points:+d}",
                escaped(cut(found.text)),
                escaped(f"{wording.field(found.field)}, {cut(found.parameter, 120)}"),
                escaped(f"{wording.capital(wording.rule_kind(found.kind))}: {wording.category(found.category)}"),
                f"{_rule(found.rule, titles)}, version {found.version}",
            )
            for found in findings
        ),
    )


def _steps(steps: Sequence[Step]) -> list[str]:
    """Return the ledger of a score as a table."""
    return table(
        ("Step", "Points", "Sum"),
        ((escaped(step.label), f"{step.delta:+d}", str(step.total)) for step in steps),
    )


def _legend(summary: Summary) -> list[str]:
    """Return the parameters in plain language."""
    return [
        "",
        "## What the parameters mean",
        *table(
            ("Parameter", "Meaning"),
            ((escaped(cut(item.name, 200)), escaped(item.meaning or "not documented")) for item in summary.legend),
        ),
    ]


def _unseen(report: Report) -> list[str]:
    """Return what was seen and not read, and what could not be seen."""
    return [
        "",
        "## What was seen and could not be read, and what could not be seen",
        "",
        *(f"- {escaped(line)}" for line in (*sentences.coverage(report), *report.coverage.blind_spots)),
        *(f"- Problem at {escaped(cut(found.where))}: {escaped(cut(found.what))}" for found in report.problems),
    ]


def _method(report: Report, summary: Summary) -> list[str]:
    """Return how the report was made, what it cannot prove, and the legal criteria."""
    session = report.session
    lines = [
        "",
        "## Method",
        "",
        escaped(sentences.method(summary)),
        "",
        (f"- Session: {escaped(session.name)}, id {code(session.id)}, {wording.PROVENANCES[session.provenance]}"),
        f"- Pixelwitness {escaped(session.tool_version)}, rules {code(session.ruleset_digest)}",
        *(
            [f"- Optional packs: {escaped(sentences.packs(report))}, {code(report.packs_digest or '')}"]
            if report.packs
            else []
        ),
        f"- Clock: {escaped(sentences.clock(report))}",
        f"- Report made {wording.instant(report.generated_at)}",
        *(
            f"- Capture {code(source.name)}: {wording.SOURCES[source.kind]}, SHA-256 "
            f"{code(source.sha256 or 'none')}{'' if source.complete else ', incomplete'}"
            for source in report.sources
        ),
        *(
            f"- Mark {wording.instant(mark.at)}: {wording.MARKS[mark.kind]}: {escaped(mark.text)}"
            for mark in report.marks
        ),
        *(
            f"- Mark {wording.instant(mark.at)}: {wording.MARKS[mark.kind]}: {escaped(mark.text)} (withdrawn "
            f"{wording.instant(mark.withdrawn_at)}: {escaped(mark.reason or 'no reason given')})"
            for mark in report.withdrawn_marks
        ),
        "",
        "## What this can and cannot prove",
        "",
        *(f"- {escaped(text)}" for text in wording.LIMITS),
        "",
        "## Legal criteria, without a verdict",
    ]
    for note in wording.LEGAL_NOTES:
        lines += ["", f"### {note.title}", ""]
        for text in note.paragraphs:
            lines += [escaped(text), ""]
    return lines
