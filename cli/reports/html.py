"""The report as one HTML file to publish and to print: no script, nothing loaded from anywhere.

The template `html.html.j2` beside this module holds the structure, `html.css` the looks. Everything a
template prints passes `shown` (control and direction characters become visible escapes) and then Jinja's
escaping, so no value of a capture can become markup.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from cli import consent_words, link_words, sentences, setups, typed, wording
from cli.lanes import drawing
from cli.schema import Event, Finding, OtherCategories, Persona, Report, Story, StoryLine
from cli.summary import Entry, OtherSite, Quote, Segment, Summary, Timeline, excerpt, summarise
from cli.terminal import printable
from rules.model import Band

_AROUND: Final = 180
_LONGEST: Final = 600
_MOST: Final = 6
_LONGEST_LIST: Final = 8
_LONGEST_PAGES: Final = 15
_LONGEST_STORY: Final = 12
_LANES: Final[dict[Band, int]] = {"critical": 54, "high": 84, "medium": 114, "low": 144, "none": 174}
_WHOLE: Final = "whole in the JSON report"


class Cell(NamedTuple):
    """One cell of a table; `code` sets it in fixed width, `note` adds a remark."""

    text: str
    code: bool = False
    note: str = ""


class Row(NamedTuple):
    """One row of a table."""

    cells: tuple[Cell, ...]


class StoryRow(NamedTuple):
    """One line of a story; `day` stands where the date changes."""

    time: str
    day: str
    line: StoryLine


class Mark(NamedTuple):
    """One act drawn on a timeline."""

    x: str
    y: int
    shape: str
    title: str


def shown(value: object) -> object:
    """Return what a template prints for a value: text without active characters, nothing for None."""
    if type(value) is str:  # most are
        return value if value.isprintable() else printable(value)
    if value is None:
        return ""
    if isinstance(value, Markup):
        return value
    return printable(str(value))


def cut(text: str | None, longest: int = _LONGEST) -> str:
    """Shorten a very long value and say so."""
    if text is None or len(text) <= longest:
        return text or ""
    return f"{text[:longest]} … ({len(text):,} characters, {_WHOLE})"


def first_sentence(text: str) -> str:
    """Return the first sentence of a meaning, without its full stop."""
    return text.partition(". ")[0].rstrip(".")


def quoted(quote: Quote) -> tuple[Segment, ...]:
    """Return the shown parts of a quoted value."""
    return excerpt(quote.segments, _AROUND)


def quote_note(quote: Quote) -> str:
    """Return what is to be said about how a value is shown."""
    length = sum(len(part.text) for part in quote.segments)
    if not quote.in_value:
        return "the matched words alone: the value is not shown in full"
    if length > sum(len(part.text) for part in excerpt(quote.segments, _AROUND)):
        return f"shortened: {length:,} characters, {_WHOLE}"
    return ""


def request_rows(event: Event, sources: dict[str, str]) -> list[Row]:
    """Return an event's requests as rows."""
    return [
        Row(
            (
                Cell(wording.instant(request.started_at)),
                Cell(
                    cut(f"{request.method} {request.url}"),
                    code=True,
                    note=f"{wording.TRANSPORTS[request.transport]}; {request.http_version}"
                    f"{f'; to {request.server_address}' if request.server_address else ''}",
                ),
                Cell(
                    wording.DELIVERIES_SHORT[request.delivery],
                    note="no status" if request.status is None else f"status {request.status}",
                ),
                Cell(
                    request.sha256,
                    code=True,
                    note=f"{sources.get(request.source, request.source)}, position {request.position:,}",
                ),
            )
        )
        for request in event.requests
    ]


def parameter_rows(event: Event) -> list[Row]:
    """Return an event's parameters as rows."""
    return [
        Row(
            (
                Cell(cut(parameter.name), code=True),
                Cell(cut(parameter.value), code=True),
                Cell(parameter.meaning or "", note="" if parameter.documented else "not documented"),
                Cell(wording.CONTEXTS[parameter.context]),
            )
        )
        for parameter in event.parameters
    ]


def identifier_rows(event: Event) -> list[Row]:
    """Return an event's identifiers as rows."""
    return [
        Row(
            (
                Cell(name := wording.identifier(found.kind), note="" if found.meaning == name else found.meaning),
                Cell(cut(found.value), code=True, note=wording.identifier_form(found.form)),
                Cell(wording.identifier_source(found.source), note=found.parameter),
                Cell(
                    wording.person_match(found.person_matched),
                    note="; ".join(
                        part
                        for part in (
                            found.person_note or "",
                            f"created {wording.instant(found.created_at)}" if found.created_at else "",
                            found.note or "",
                            typed.guessed(found.guessed) if found.guessed else "",
                        )
                        if part
                    ),
                ),
            )
        )
        for found in event.identifiers
    ]


def person_rows(event: Event) -> list[Row]:
    """Return the test person's details in an event that its identifiers do not tell of already."""
    return [
        Row((Cell(cut(wording.capital(seen.words))), Cell(cut(typed.place(seen))))) for seen in typed.outside(event)
    ]


def left_rows(persona: Persona) -> list[Row]:
    """Return the details of a test person that left."""
    return [Row(tuple(Cell(cut(text)) for text in line)) for line in typed.lines(persona)]


def unmatched_rows(persona: Persona) -> list[Row]:
    """Return the identifiers that are no form of what was typed."""
    return [
        Row(
            (
                Cell(wording.capital(wording.identifier(found.kind))),
                Cell(cut(found.value, 200), code=True, note=wording.identifier_form(found.form)),
                Cell(
                    cut(wording.listed(list(found.parameters))),
                    note=wording.count(len(found.event_ids), "event"),
                ),
                Cell(wording.capital(typed.guessed(found.guessed)) if found.guessed else "—"),
            )
        )
        for found in persona.unmatched
    ]


def tie_rows(event: Event) -> list[Row]:
    """Return what ties an event to a person as rows, the strongest first."""
    return [
        Row(
            (
                Cell(
                    wording.capital(found.name or found.what),
                    note="; ".join(
                        part
                        for part in (
                            cut(found.value, 120),
                            f"joins nothing: {link_words.NO_JOINS[found.why_not]}" if found.why_not else "",
                        )
                        if part
                    ),
                ),
                Cell(wording.capital(link_words.RESOLVERS[found.resolvable_by])),
                Cell(
                    wording.capital(found.lifetime.text) if found.lifetime else "Not stated",
                    note=f"made {wording.instant(found.created_at)}" if found.created_at else "",
                ),
                Cell(wording.instant(found.first_seen_at) if found.first_seen_at else "—"),
            )
        )
        for found in event.ties
    ]


def page_rows(report: Report) -> list[Row]:
    """Return the pages visited as rows; the date stands where it changes."""
    days = [page.at.partition("T")[0] for page in report.pages]
    return [
        Row(
            (
                Cell(wording.clock_time(page.at), note="" if day == before else day),
                Cell(cut(page.url, 300), code=True, note=cut(page.title, 200)),
                Cell(sentences.page_events(page)),
            )
        )
        for page, day, before in zip(report.pages, days, ["", *days], strict=False)
    ]


def undeclared_rows(summary: Summary) -> list[Row]:
    """Return the pixels whose script the capture does not hold, with what was observed of them."""
    return [
        Row(
            (
                Cell(cut(setup.configuration.pixel_id, 60), note=wording.listed(list(setup.sites))),
                Cell(
                    wording.capital(wording.NO_SCRIPT_TEXT),
                    note=f"requested {wording.instant(setup.configuration.fetched_at)}",
                ),
                Cell(setups.observed(setup.configuration.observed)),
            )
        )
        for setup in summary.setups
        if setup.configuration.declared is None
    ]


def other_rows(found: OtherSite) -> list[Row]:
    """Return the acts of a site that hold another special category as rows."""
    return [
        Row(
            (
                Cell(str(act.entry.number)),
                Cell(wording.instant(act.entry.at)),
                Cell(cut(sentences.entry_title(act.entry), 200), note=sentences.other_state(act)),
                Cell(wording.capital(", ".join(wording.category(name) for name in act.categories))),
                Cell(cut("; ".join(sentences.other_words(act)), 400)),
                Cell(f"{wording.BAND_GLYPHS[act.band]} {wording.BANDS[act.band]} {act.score}"),
            )
        )
        for act in found.acts
    ]


def finding_rows(event: Event | OtherCategories, titles: Mapping[str, str]) -> list[Row]:
    """Return the rules that counted for an event as rows; `titles` are those of the rules by id."""
    return [
        Row(
            (
                Cell(f"{found.points:+d}"),
                Cell(cut(found.text), code=True),
                Cell(wording.field(found.field), note=found.parameter),
                Cell(
                    f"{wording.capital(wording.rule_kind(found.kind))}: {wording.category(found.category)}. "
                    f"{found.reason}",
                    note=f"{rule_name(found, titles)}. {found.legal_basis}",
                ),
            )
        )
        for found in event.findings
    ]


def rule_name(found: Finding, titles: Mapping[str, str]) -> str:
    """Return the title of the rule that counted, with its id and version."""
    title = titles.get(found.rule)
    name = f"{found.rule}, version {found.version}"
    return f"Rule “{title}” ({name})" if title else f"Rule {name}"


def step_rows(event: Event | OtherCategories) -> list[Row]:
    """Return the ledger of an event's score as rows."""
    return [Row((Cell(step.label), Cell(f"{step.delta:+d}"), Cell(str(step.total)))) for step in event.steps]


def near_miss_rows(event: Event | OtherCategories) -> list[Row]:
    """Return what looked like health content and did not count."""
    return [
        Row(
            (
                Cell(cut(miss.text), code=True),
                Cell(wording.field(miss.field)),
                Cell(miss.why, note=miss.rule),
            )
        )
        for miss in event.near_misses
    ]


def entry_rows(entries: Iterable[Entry]) -> list[Row]:
    """Return acts as rows of a short list."""
    return [
        Row(
            (
                Cell(str(entry.number)),
                Cell(wording.instant(entry.at)),
                Cell(cut(sentences.entry_title(entry), 200)),
                Cell(cut(entry.page_url, 200), code=True),
                Cell(cut(", ".join(_words(entry)), 200)),
                Cell(f"{wording.BAND_GLYPHS[entry.band]} {wording.BANDS[entry.band]} {entry.score}"),
            )
        )
        for entry in entries
    ]


def _words(entry: Entry) -> list[str]:
    """Return the words of an act that matched, each once."""
    return list(dict.fromkeys(found.text for quote in entry.quotes for found in (*quote.findings, *quote.repeated)))


def reviews_of(entry: Entry) -> list[str]:
    """Return what people decided about an act's events; the event is named where they differ."""
    decided = {event.id: wording.capital(sentences.review(event)) for event in entry.events}
    if len(set(decided.values())) == 1:
        return [next(iter(decided.values()))]
    return [f"{identity}: {text}" for identity, text in decided.items()]


def criteria_of(entry: Entry) -> list[str]:
    """Return the legal criteria that the rules of an act name, each once."""
    return list(
        dict.fromkeys(
            found.legal_basis for quote in entry.quotes for found in quote.findings if found.kind != "suppressor"
        )
    )


def source_rows(report: Report) -> list[Row]:
    """Return the captures as rows."""
    return [
        Row(
            (
                Cell(source.name),
                Cell(wording.SOURCES[source.kind]),
                Cell(source.sha256 or "none: recorded live", code=source.sha256 is not None),
                Cell(
                    "whole" if source.complete else "incomplete",
                    note="" if source.bytes is None else f"{source.bytes:,} bytes",
                ),
            )
        )
        for source in report.sources
    ]


def story_rows(story: Story) -> list[StoryRow]:
    """Return the lines of a story; the date stands with the first and where it changes."""
    days = [line.at.partition("T")[0] for line in story.lines]
    return [
        StoryRow(wording.clock_time(line.at), "" if day == before else day, line)
        for line, day, before in zip(story.lines, days, ["", *days], strict=False)
    ]


def anchors(report: Report, summary: Summary) -> dict[str, str]:
    """Return where in the page each act stands: its own block where it has one, else its first event."""
    ids = {event.id: number for number, event in enumerate(report.events, 1)}
    places = {
        act.id: next((f"event-{ids[event]}" for event in act.event_ids if event in ids), "main") for act in report.acts
    }
    blocks = (entry for site in summary.with_finding for group in site.groups for entry in group.entries)
    return places | {entry.act.id: f"act-{entry.number}" for entry in blocks}


def percent(position: float) -> str:
    """Return a place on a timeline as a percentage."""
    return f"{position * 100:.2f}%"


def timeline_marks(timeline: Timeline) -> list[Mark]:
    """Return the acts of a timeline as shapes; the strongest are drawn last."""
    marks = []
    for point in sorted(timeline.points, key=lambda point: -_LANES[point.band]):
        shape = point.standing if point.standing in {"withheld", "dismissed"} else point.band
        state = {"withheld": ", not sent", "dismissed": ", dismissed"}.get(point.standing, "")
        marks.append(
            Mark(
                x=percent(point.position),
                y=_LANES[point.band],
                shape=shape,
                title=f"{wording.clock_time(point.at)} {wording.ACTS[point.kind]}, {wording.BANDS[point.band]}{state}",
            )
        )
    return marks


def timeline_words(timeline: Timeline) -> str:
    """Return a timeline in a sentence, for those who cannot see it."""
    counts = [
        f"{wording.BANDS[band]} {number}"
        for band in wording.BAND_ORDER
        if (number := sum(point.band == band for point in timeline.points))
    ]
    return (
        f"{wording.count(len(timeline.points), 'act')} from {wording.instant(timeline.starts_at)} "
        f"to {wording.instant(timeline.ends_at)}. By band: {', '.join(counts)}. "
        f"{wording.count(len(timeline.marks), 'consent mark')}."
    )


@cache
def environment() -> Environment:
    """Return the environment of our templates: everything printed is made visible and escaped."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        finalize=shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for helper in (
        criteria_of,
        cut,
        drawing,
        entry_rows,
        finding_rows,
        first_sentence,
        identifier_rows,
        left_rows,
        near_miss_rows,
        other_rows,
        page_rows,
        parameter_rows,
        percent,
        person_rows,
        quote_note,
        quoted,
        request_rows,
        reviews_of,
        rule_name,
        source_rows,
        step_rows,
        story_rows,
        tie_rows,
        timeline_marks,
        timeline_words,
        undeclared_rows,
        unmatched_rows,
    ):
        made.globals[helper.__name__] = helper
    made.globals.update(words=wording, say=sentences, setup=setups, typed=typed, lanes=_LANES, most=_MOST)
    made.globals.update(join=link_words, choice=consent_words)
    made.globals.update(longest_list=_LONGEST_LIST, longest_pages=_LONGEST_PAGES, longest_story=_LONGEST_STORY)
    return made


@cache
def _template() -> Template:
    """Return the compiled template."""
    return environment().get_template("html.html.j2")


def pieces(report: Report, _verbosity: int = 0) -> Iterator[str]:
    """Yield the report as one self-contained HTML document."""
    summary = summarise(report)
    page = _template().generate(
        report=report,
        session=report.session,
        summary=summary,
        reconstruction=summary.reconstruction,
        banners=sentences.banners(report),
        sources={source.id: source.name for source in report.sources},
        ids={event.id: number for number, event in enumerate(report.events, 1)},
        events={event.id: event for event in report.events},
        anchors=anchors(report, summary),
        numbers={entry.act.id: entry.number for entry in summary.entries},
        stories={story.site: story for story in report.stories},
        titles={rule.rule: rule.title for rule in (*report.rules, *report.other_rules)},
    )
    begun = False
    for piece in page:
        yield piece if begun else piece.lstrip()
        begun = begun or bool(piece.strip())
    yield "\n"
