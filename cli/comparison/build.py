"""From reports to a comparison: columns, pages matched by host and path, and how each differs from the first."""

from collections.abc import Iterable, Sequence
from itertools import count
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from addon.times import now, optional_rfc3339, parse_moment
from addon.version import TOOL_VERSION
from addon.vocabulary import LINKABILITY_ORDER
from cli import wording
from cli.comparison import words
from cli.comparison.model import (
    Change,
    Column,
    Comparison,
    Difference,
    PageCell,
    PageRow,
    Signal,
    SignalCell,
    Total,
)
from cli.comparison.selection import PHASES, Selection
from cli.schema import Act, Event, Page, Report
from cli.summary import GENERAL_TOPICS
from rules.model import Band

MOST_COLUMNS: Final = 26
"""Columns are called by one letter each."""

_HEALTH: Final[frozenset[Band]] = frozenset({"medium", "high", "critical"})
_UNCERTAIN: Final = frozenset({"undetermined", "unknown"})
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}


class _Part(NamedTuple):
    """What of a report falls into one column."""

    column: Column
    pages: tuple[Page, ...]
    acts: tuple[Act, ...]
    events: dict[str, Event]


def phases_of(report: Report) -> tuple[Selection, ...]:
    """Return the phases of consent in which the session of `report` has pages or events, in their order."""
    states = {event.consent.state for event in report.events} | {page.consent for page in report.pages}
    return tuple(Selection(report.session.id, phase) for phase, state in PHASES.items() if state in states)


def compare(selected: Sequence[tuple[Selection, Report]]) -> Comparison:
    """Return the comparison of the selected parts of reports, each with the first one.

    Reports must hold every event (`min_score` 0). Raises ValueError for fewer than two or more than 26.
    """
    if not 2 <= len(selected) <= MOST_COLUMNS:
        raise ValueError(f"a comparison has two to {MOST_COLUMNS} columns")
    parts = [
        _part(chr(ord("A") + number), selection, report)
        for number, (selection, report) in zip(count(), selected, strict=False)
    ]
    columns = tuple(part.column for part in parts)
    keys = dict.fromkeys(key for part in parts for key in _keys(part))
    found = (_row(key, parts) for key in keys)
    rows = tuple(sorted(found, key=lambda row: (not row.comparable, row.page is None, row.page or "")))
    return Comparison(
        generated_at=now(),
        tool_version=TOOL_VERSION,
        revealed=any(report.revealed for _, report in selected),
        columns=columns,
        totals=tuple(_total(number, columns, rows) for number in range(1, len(columns))),
        pages=rows,
        cautions=words.cautions(columns, [report for _, report in selected], rows),
    )


def page_key(url: str | None) -> str | None:
    """Return what pages are matched by: host and path, without scheme, port of the scheme, query and last slash.

    None for no address, and for one that is no web address.
    """
    if not url:
        return None
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2].lower().removesuffix(_DEFAULT_PORTS.get(parts.scheme, " "))
    except ValueError:
        return None
    return f"{host}{parts.path.rstrip('/') or '/'}" if host else None


def _part(letter: str, selection: Selection, report: Report) -> _Part:
    """Return what of `report` the selection holds."""
    events = {
        event.id: event
        for event in report.events
        if selection.holds(event.consent.state, parse_moment(event.occurred_at))
    }
    pages = tuple(page for page in report.pages if selection.holds(page.consent, parse_moment(page.at)))
    acts = tuple(act for act in report.acts if any(event in events for event in act.event_ids))
    moments = [*(event.occurred_at for event in events.values()), *(page.at for page in pages)]
    uncertain = [event for event in report.events if event.consent.state in _UNCERTAIN] if selection.phase else []
    return _Part(
        Column(
            letter=letter,
            session=report.session.id,
            phase=selection.phase,
            label=words.label(selection),
            from_at=min(moments, default=optional_rfc3339(selection.start)),
            to_at=max(moments, default=optional_rfc3339(selection.end)),
            provenance=report.session.provenance,
            complete=report.session.complete,
            ruleset_digest=report.session.ruleset_digest,
            pages_opened=len(pages),
            acts=len(acts),
            health_acts=sum(_about_health(events[id_] for id_ in act.event_ids if id_ in events) for act in acts),
            events=len(events),
            held_events=sum(event.delivery == "not_sent" for event in events.values()),
            uncertain_events=len(uncertain),
        ),
        pages,
        acts,
        events,
    )


def _about_health(events: Iterable[Event]) -> bool:
    return any(event.band in _HEALTH and event.review.state != "dismissed" for event in events)


def _keys(part: _Part) -> list[str | None]:
    found = [page_key(page.url) for page in part.pages]
    return [*(key for key in found if key), *(page_key(event.page_url) for event in part.events.values())]


def _row(key: str | None, parts: Sequence[_Part]) -> PageRow:
    """Return one page with a cell for each column and how the later ones differ."""
    events = [[event for event in part.events.values() if page_key(event.page_url) == key] for part in parts]
    cells = tuple(_cell(key, part, own) for part, own in zip(parts, events, strict=True))
    kinds = sorted({(event.event_name, event.pixel_id) for own in events for event in own})
    signals = tuple(
        Signal(event_name=name, pixel_id=pixel, cells=tuple(_signal(name, pixel, own) for own in events))
        for name, pixel in kinds
    )
    titles = dict.fromkeys(
        title
        for part, own in zip(parts, events, strict=True)
        for title in (
            *(page.title for page in part.pages if page_key(page.url) == key),
            *(event.page_title for event in own),
        )
        if title
    )
    return PageRow(
        page=key,
        titles=tuple(titles),
        comparable=key is not None and cells[0].seen and any(cell.seen for cell in cells[1:]),
        cells=cells,
        signals=signals,
        changes=tuple(
            _change(part.column.letter, number, cells, signals) for number, part in enumerate(parts) if number
        ),
    )


def _cell(key: str | None, part: _Part, events: Sequence[Event]) -> PageCell:
    own = {event.id for event in events}
    standing = [event for event in events if event.review.state != "dismissed"]
    strongest = max(standing, key=lambda event: event.score, default=None)
    opened = sum(page_key(page.url) == key for page in part.pages) if key else 0
    ties = {event.linkability for event in events}
    return PageCell(
        opened=opened,
        seen=bool(opened or events),
        acts=sum(any(event in own for event in act.event_ids) for act in part.acts),
        events=len(events),
        score=strongest.score if strongest else 0,
        band=strongest.band if strongest else "none",
        topics=_topics(standing),
        actions=tuple(dict.fromkeys(action for event in standing for action in event.actions)),
        tied_by=min(ties, key=LINKABILITY_ORDER.index, default=None),
        ties=tuple(sorted({item.kind for event in events for item in event.identifiers if item.form != "empty"})),
    )


def _topics(events: Iterable[Event]) -> tuple[str, ...]:
    """Return what events are about; health in general only where nothing more is said."""
    found = tuple(dict.fromkeys(topic for event in events for topic in event.topics))
    return tuple(topic for topic in found if topic not in GENERAL_TOPICS) or found


def _signal(name: str, pixel: str, events: Sequence[Event]) -> SignalCell | None:
    mine = [event for event in events if (event.event_name, event.pixel_id) == (name, pixel)]
    if not mine:
        return None
    return SignalCell(
        events=len(mine),
        not_sent=sum(event.delivery == "not_sent" for event in mine),
        said=tuple(dict.fromkeys(said for event in mine for said in (event.clicked, event.searched) if said)),
        event_ids=tuple(event.id for event in mine),
    )


def _facts(number: int, cells: Sequence[PageCell], signals: Sequence[Signal]) -> dict[str, None]:
    """Return what a page made the browser send in one column, as the words in which differences are told."""
    cell = cells[number]
    return dict.fromkeys(
        [
            *(words.signal(item) for item in signals if item.cells[number] is not None),
            *(f"topic: {wording.category(topic)}" for topic in cell.topics),
            *(f"identifier: {wording.identifier(kind)}" for kind in cell.ties),
        ]
    )


def _change(letter: str, number: int, cells: Sequence[PageCell], signals: Sequence[Signal]) -> Change:
    """Return how column `number` differs from the first one on one page."""
    before, after = _facts(0, cells, signals), _facts(number, cells, signals)
    gone = tuple(fact for fact in before if fact not in after)
    new = tuple(fact for fact in after if fact not in before)
    difference = _difference(cells[0], cells[number], gone=bool(gone), new=bool(new))
    told = difference in {"fewer", "more", "other"}
    return Change(
        letter=letter,
        difference=difference,
        gone=gone if told else (),
        new=new if told else (),
        text=words.change(difference, letter, seen_first=cells[0].seen),
    )


def _difference(before: PageCell, after: PageCell, *, gone: bool, new: bool) -> Difference:
    if not (before.seen and after.seen):
        return "not_comparable"
    if not before.events or not after.events:
        return "stopped" if before.events else "started" if after.events else "nothing"
    if gone and new:
        return "other"
    return "fewer" if gone else "more" if new else "same"


def _total(number: int, columns: Sequence[Column], rows: Sequence[PageRow]) -> Total:
    """Return how many pages a later column shares with the first, and how they differ."""
    found = [row.changes[number - 1].difference for row in rows if row.page is not None]
    shared = [difference for difference in found if difference != "not_comparable"]
    counts: dict[Difference, int] = {}
    for difference in shared:
        counts[difference] = counts.get(difference, 0) + 1
    column = columns[number]
    return Total(
        letter=column.letter,
        pages_in_both=len(shared),
        differences=counts,
        text=words.total(columns[0], column, len(shared), counts),
    )
