"""A comparison as data: what every format of it renders and what a program may rely on.

Names and value lists are closed within one schema version (`SCHEMA`); names may be added. Every value comes from
reports, so it has passed `addon.redaction` already.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from addon.vocabulary import Linkability, Provenance
from cli.comparison.selection import Phase
from rules.model import Band

SCHEMA = "pixelwitness/comparison/1"

Difference = Literal["same", "stopped", "fewer", "more", "other", "started", "nothing", "not_comparable"]
"""What a page made the browser send in a later column, against the first one.

`stopped`: nothing any more. `fewer`: some of it and nothing else. `more`: all of it and something else. `other`: some
things no more and others anew. `started`: something where there was nothing. `nothing`: neither time anything.
`not_comparable`: the page was not open in one of the two.
"""


class Frozen(BaseModel):
    """A part of the comparison."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Column(Frozen):
    """One of the visits or phases that are compared.

    `label` is what it is called in words. Counts are of what falls into it; `health_acts` are visitor acts with at
    least one event of band medium or more that nobody dismissed. `uncertain_events` are events of the session that
    no phase holds, because the choice at their moment is not known; it is 0 for a whole session.
    """

    letter: str
    session: str
    phase: Phase | None
    label: str
    from_at: str | None
    to_at: str | None
    provenance: Provenance
    complete: bool
    ruleset_digest: str
    pages_opened: int
    acts: int
    health_acts: int
    events: int
    held_events: int
    uncertain_events: int


class SignalCell(Frozen):
    """How often a page made the browser send one kind of event in one column; `said` are clicks and searches."""

    events: int
    not_sent: int
    said: tuple[str, ...]
    event_ids: tuple[str, ...]


class Signal(Frozen):
    """One kind of event: its name and the pixel it went to, with a cell for each column (null: not seen)."""

    event_name: str
    pixel_id: str
    cells: tuple[SignalCell | None, ...]


class PageCell(Frozen):
    """What a page made the browser send in one column.

    `opened` counts how often the page was loaded; `seen` is also true where an event names the page without its having
    been loaded anew. Without it the cell says nothing. `ties` are the kinds of identifier, `tied_by` the strongest.
    """

    opened: int
    seen: bool
    acts: int
    events: int
    score: int
    band: Band
    topics: tuple[str, ...]
    actions: tuple[str, ...]
    tied_by: Linkability | None
    ties: tuple[str, ...]


class Change(Frozen):
    """How a later column differs from the first one on one page; `gone` and `new` name what, in words."""

    letter: str
    difference: Difference
    gone: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    text: str


class PageRow(Frozen):
    """One page, matched by host and path. `page` is null for events whose page is not known.

    `comparable`: it was open in the first column and in a later one.
    """

    page: str | None
    titles: tuple[str, ...]
    comparable: bool
    cells: tuple[PageCell, ...]
    signals: tuple[Signal, ...]
    changes: tuple[Change, ...]


class Total(Frozen):
    """How many pages a later column has in common with the first one, and how they differ."""

    letter: str
    pages_in_both: int
    differences: dict[Difference, int]
    text: str


class Comparison(Frozen):
    """Two or more columns beside one another, ready to be rendered. `cautions` stand in every format."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", serialize_by_alias=True, validate_by_name=True, defer_build=True
    )

    schema_version: str = Field(default=SCHEMA, alias="schema")
    generated_at: str
    tool_version: str
    revealed: bool
    columns: tuple[Column, ...]
    totals: tuple[Total, ...]
    pages: tuple[PageRow, ...]
    cautions: tuple[str, ...]
