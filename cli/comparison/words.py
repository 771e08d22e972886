"""A comparison in sentences: what is the same, what is not, and what that does not show."""

from collections.abc import Mapping, Sequence
from typing import Final

from cli import wording
from cli.comparison.model import Column, Difference, PageCell, PageRow, Signal
from cli.comparison.selection import PHASES, Selection
from cli.schema import Report

DIFFERENCES: Final[Mapping[Difference, str]] = {
    "same": "the same as in A",
    "stopped": "nothing any more",
    "fewer": "less than in A",
    "more": "more than in A",
    "other": "other than in A",
    "started": "something, where A had nothing",
    "nothing": "nothing, as in A",
    "not_comparable": "cannot be compared",
}
"""What a page made the browser send in a later column, in a few words."""

_COUNTED: Final[Mapping[Difference, str]] = {
    "same": "the same kinds of events",
    "stopped": "events only in A",
    "fewer": "less than in A",
    "more": "more than in A",
    "other": "partly other things",
    "started": "events only in {letter}",
    "nothing": "nothing in either",
}
NOT_OPENED: Final = "not opened"
NOTHING: Final = "nothing"
NOT_IN_BOTH: Final = "Pages that cannot be compared"
PAGE_UNKNOWN: Final = "(page not known)"
TITLE: Final = "What left, side by side"

_AFTER_REFUSAL: Final = (
    "After refusing ({letter}), pages made this browser send events on {acts} with health content all the same."
)
_NO_PROOF: Final = (
    "That something did not leave again proves nothing by itself: visits differ in what was clicked, and a page "
    "that was not opened shows nothing about itself."
)


def label(selection: Selection) -> str:
    """Return what a column is called."""
    phase = wording.CONSENT_STATES[PHASES[selection.phase]] if selection.phase else ""
    return ", ".join(part for part in (selection.session, phase, selection.window()) if part)


def signal(item: Signal) -> str:
    """Return one kind of event: its name and its pixel."""
    return f"{item.event_name or '(no name)'} to pixel {item.pixel_id or 'not known'}"


def change(difference: Difference, letter: str, *, seen_first: bool) -> str:
    """Return how a column differs from A on one page; `seen_first`: the page was open in A."""
    if difference == "not_comparable":
        return f"cannot be compared: not opened in {letter if seen_first else 'A'}"
    return DIFFERENCES[difference]


def cell(value: PageCell) -> str:
    """Return what a page made the browser send in one column, in a few words."""
    if not value.seen:
        return NOT_OPENED
    if not value.events:
        return NOTHING
    return f"{wording.count(value.events, 'event')} in {wording.count(value.acts, 'act')}"


def band(value: PageCell) -> str:
    """Return the strongest band of a cell with its points, or nothing where nothing was sent."""
    return f"{wording.BAND_GLYPHS[value.band]} {wording.BANDS[value.band]} {value.score}" if value.events else ""


def about(value: PageCell) -> str:
    """Return the topics of a cell; health in general only where nothing more is said."""
    return ", ".join(wording.category(topic) for topic in value.topics)


def opened(value: PageCell) -> str:
    """Return how often a page was loaded in one column."""
    if value.opened:
        return f"opened {wording.count(value.opened, 'time')}"
    return "shown without being loaded anew" if value.seen else NOT_OPENED


def column(value: Column) -> str:
    """Return the counts of one column in a line."""
    held = f", {value.held_events:,} of them did not leave" if value.held_events else ""
    return (
        f"{wording.count(value.pages_opened, 'page')} opened; {wording.count(value.events, 'event')}{held}, in "
        f"{wording.count(value.acts, 'visitor act')}, {value.health_acts:,} with health content"
    )


def total(first: Column, later: Column, shared: int, counts: Mapping[Difference, int]) -> str:
    """Return how the pages open in both columns differ."""
    if not shared:
        return f"{first.letter} and {later.letter} have no page in common: nothing can be said of a difference."
    parts = [
        f"{counts[difference]:,} made this browser send {what.format(letter=later.letter)}"
        for difference, what in _COUNTED.items()
        if counts.get(difference)
    ]
    text = f"Of {wording.count(shared, 'page')} open in both {first.letter} and {later.letter}: {', '.join(parts)}."
    if later.phase == "refused" and later.health_acts:
        acts = wording.count(later.health_acts, "visitor act")
        return f"{text} {_AFTER_REFUSAL.format(letter=later.letter, acts=acts)}"
    return text


def cautions(columns: Sequence[Column], reports: Sequence[Report], rows: Sequence[PageRow]) -> tuple[str, ...]:
    """Return what a reader must know before drawing a conclusion."""
    found = [_NO_PROOF]
    alone = sum(sum(cell.seen for cell in row.cells) == 1 for row in rows if row.page is not None)
    if alone:
        found.append(f"{wording.count(alone, 'page was', 'pages were')} open in one column only.")
    for session, number in dict.fromkeys((item.session, item.uncertain_events) for item in columns):
        if number:
            stand = wording.count(number, f"event of {session} stands", f"events of {session} stand")
            found.append(f"{stand} in no phase, because the choice at that moment is not known.")
    if len({item.ruleset_digest for item in columns}) > 1:
        found.append("The sessions were scored by different rules; pixelwitness rescore scores them by the same ones.")
    found += [
        f"In {item.letter} pixel requests were held back or found no connection: none of them left."
        for item in columns
        if item.held_events and item.held_events == item.events
    ]
    incomplete = dict.fromkeys(item.session for item in columns if not item.complete)
    found += [f"{session}: {wording.INCOMPLETE}" for session in incomplete]
    without = dict.fromkeys(
        report.session.id
        for report in reports
        if report.events and not all(event.linkability_complete for event in report.events)
    )
    found += [f"Cookies are missing in a capture of {session}: identifiers may be missing too." for session in without]
    return tuple(found)
