"""A history as a drawing of lanes: a row for every visit, a lane for every identifier that joins several of them.

A row holds the events of one session on one site that carried the same browser id; what else came along is marked in
its row, so each mark of a row came with that browser id. Where events carried no browser id, those with the same
identifiers are a row. Rows and lanes are bounded; what is left out is counted.
"""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from addon.vocabulary import LINKABILITY_ORDER, Linkability
from cli.linked import History, LinkedIdentifier, Visit

MOST_ROWS: Final = 14
MOST_LANES: Final = 6
MOST_NAMED: Final = 3

Stroke = Literal["none", "up", "down", "through"]


class Lane(NamedTuple):
    """A column: identifiers that came with the same visits. `number` counts from 1."""

    number: int
    link: Linkability
    identifiers: tuple[LinkedIdentifier, ...]


class Cell(NamedTuple):
    """Where a lane crosses a row: whether it is marked, and how its line passes."""

    number: int
    link: Linkability
    marked: bool
    stroke: Stroke


class Row(NamedTuple):
    """One visit as drawn. `own` are the identifiers that were met in no other row, `leads` those of marked lanes.

    `marks` are the first and the last marked column, counted from 0; None where no more than one is.
    """

    session: str
    site: str | None
    started_at: str
    ended_at: str
    events: int
    acts: int
    health_acts: int
    cells: tuple[Cell, ...]
    own: tuple[str, ...]
    more_own: int
    leads: tuple[str, ...]
    marks: tuple[int, int] | None


class Drawing(NamedTuple):
    """Lanes and rows of one history, and how many of each are left out."""

    lanes: tuple[Lane, ...]
    rows: tuple[Row, ...]
    more_lanes: int
    more_rows: int


class _Line(NamedTuple):
    visits: list[Visit]
    names: set[str]


def drawing(history: History) -> Drawing | None:
    """Return how a history is drawn, or None where it is a single row: nothing would be joined in it."""
    known = {item.name: item for item in history.identifiers}
    lines = _lines(history.visits, known)
    if len(lines) < 2:
        return None
    rows_of: dict[str, tuple[int, ...]] = {
        name: tuple(number for number, line in enumerate(lines) if name in line.names) for name in known
    }
    lanes = _lanes(known, rows_of)
    shown, rows = lanes[:MOST_LANES], lines[:MOST_ROWS]
    spans = [[place for place in rows_of[lane.identifiers[0].name] if place < len(rows)] for lane in shown]
    drawn = []
    for number, line in enumerate(rows):
        cells = tuple(_cell(lane, places, number) for lane, places in zip(shown, spans, strict=True))
        own = [name for name in known if name in line.names and len(rows_of[name]) == 1]
        own.sort(key=lambda name: known[name].kind != "fbp")
        drawn.append(
            Row(
                session=line.visits[0].session,
                site=line.visits[0].site,
                started_at=min(visit.started_at for visit in line.visits),
                ended_at=max(visit.ended_at for visit in line.visits),
                events=sum(len(visit.event_ids) for visit in line.visits),
                acts=len({act for visit in line.visits for act in visit.act_ids}),
                health_acts=len({act for visit in line.visits for act in visit.health_act_ids}),
                cells=cells,
                own=tuple(own[:MOST_NAMED]),
                more_own=max(0, len(own) - MOST_NAMED),
                marks=_marks(cells, own=bool(own)),
                leads=tuple(item.name for lane in shown for item in lane.identifiers if item.name in line.names),
            )
        )
    return Drawing(tuple(shown), tuple(drawn), len(lanes) - len(shown), len(lines) - len(rows))


def _lines(visits: Sequence[Visit], known: dict[str, LinkedIdentifier]) -> list[_Line]:
    """Return the visits as rows, in order of time."""
    found: dict[tuple[str, str | None, frozenset[str]], _Line] = {}
    for visit in visits:
        browser = frozenset(name for name in visit.identifiers if known[name].kind == "fbp")
        line = found.setdefault((visit.session, visit.site, browser or frozenset(visit.identifiers)), _Line([], set()))
        line.visits.append(visit)
        line.names.update(visit.identifiers)
    return sorted(found.values(), key=lambda line: min(visit.started_at for visit in line.visits))


def _lanes(known: dict[str, LinkedIdentifier], rows_of: dict[str, tuple[int, ...]]) -> list[Lane]:
    """Return the identifiers of several rows as lanes, those with the same rows as one, the widest first."""
    groups: dict[tuple[int, ...], list[LinkedIdentifier]] = {}
    for name, places in rows_of.items():
        if len(places) > 1:
            groups.setdefault(places, []).append(known[name])
    ordered = sorted(
        groups.items(), key=lambda item: (LINKABILITY_ORDER.index(item[1][0].link), -len(item[0]), item[0])
    )
    return [Lane(number, items[0].link, tuple(items)) for number, (_, items) in enumerate(ordered, 1)]


def _marks(cells: Sequence[Cell], *, own: bool) -> tuple[int, int] | None:
    marked = [place for place, cell in enumerate(cells) if cell.marked] + ([len(cells)] if own else [])
    return (marked[0], marked[-1]) if len(marked) > 1 else None


def _cell(lane: Lane, places: Sequence[int], row: int) -> Cell:
    marked = row in places
    stroke: Stroke = "none"
    if len(places) > 1 and places[0] <= row <= places[-1]:
        stroke = "down" if row == places[0] else "up" if row == places[-1] else "through"
    return Cell(lane.number, lane.link, marked, stroke)
