"""The first sentence of a report and what it counts: short enough to be said at the end of every command.

Nothing here needs the models of a report, which take longer to load than a small capture to read.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from addon.model import Frozen
from addon.vocabulary import ActKind, Delivery
from cli import wording
from rules.model import Band

BAND_RANK: dict[Band, int] = {"none": 0, "low": 1, "medium": 2, "high": 3, "critical": 4}
COUNTS_FROM = BAND_RANK["medium"]
"""An act counts as one with health content from this band on."""

Standing = Literal["counted", "withheld", "low", "dismissed", "nothing"]
"""Where an act is listed: in the headline, held back, of band low only, dismissed, without health content."""


class KindCount(Frozen):
    """How many counted acts are of one kind."""

    kind: ActKind
    acts: int


class Headline(NamedTuple):
    """What the first sentence of a report says: counts of acts and events, and of sites with health content.

    `left` are the events that were not held back; `unknown_site`: some health content came from a site not known.
    """

    acts: int
    events: int
    left: int
    counted: int
    withheld: int
    kinds: tuple[KindCount, ...]
    sites: int
    unknown_site: bool
    reconstruction: bool


class _Judged(Protocol):
    """What of an event decides where its act is listed."""

    @property
    def band(self) -> Band:
        """Return its band."""

    @property
    def delivery(self) -> Delivery:
        """Return what is known of its arrival."""

    @property
    def dismissed(self) -> bool:
        """Tell whether a person dismissed it."""


def standing_of[E: _Judged](events: Sequence[E]) -> tuple[Standing, list[E]]:
    """Return where an act with these events is listed, and which of them put it there."""
    health = [event for event in events if BAND_RANK[event.band] >= COUNTS_FROM]
    standing = [event for event in health if not event.dismissed]
    left = [event for event in standing if event.delivery != "not_sent"]
    if left:
        return "counted", left
    if standing:
        return "withheld", standing
    low = [event for event in events if event.band == "low" and not event.dismissed]
    if low:
        return "low", low
    dismissed = [event for event in events if event.dismissed]
    return ("dismissed", dismissed) if dismissed else ("nothing", list(events))


def kind_counts(kinds: Mapping[ActKind, int]) -> tuple[KindCount, ...]:
    """Return how many acts are of each kind, in the order in which they are told."""
    order: tuple[ActKind, ...] = ("page_view", "click", "search", "form", "other")
    return tuple(KindCount(kind=kind, acts=kinds[kind]) for kind in order if kinds.get(kind))


def headline_of(totals: Headline) -> str:
    """Return the first sentence for these counts."""
    if not totals.events:
        return "No event to Meta was seen in this session. That does not prove that no pixel is installed."
    if not totals.counted and (totals.withheld or not totals.left):
        acts = wording.count(totals.withheld or totals.acts, "act")
        browser = "a browser" if totals.reconstruction else "this browser"
        told = "As reconstructed from published reporting: on" if totals.reconstruction else "On"
        if totals.withheld:
            told += f" {acts}, pages would have made {browser} send health content to Meta. None of it left:"
        else:
            told += f" {acts}, pages would have made {browser} send events to Meta. None of them left:"
        more = f" {wording.count(totals.left, 'other event')} without such content left." if totals.left else ""
        return f"{told} every request was held back or found no connection.{more}"
    if not totals.counted:
        return (
            f"No act in this session scored medium or above. {wording.count(totals.acts, 'act')} made this "
            f"browser send {wording.count(totals.events, 'event')} to Meta."
        )
    known = totals.sites
    pages = "pages" if not known else f"pages of {wording.count(known, 'site')}"
    if known and totals.unknown_site:
        pages += " and of a site not known"
    if totals.reconstruction:
        return (
            f"As reconstructed from published reporting: on {acts_by_kind(totals.kinds)}, {pages} made a browser "
            "send health content to Meta."
        )
    return f"On {acts_by_kind(totals.kinds)}, {pages} made this browser send health content to Meta."


def acts_by_kind(kinds: Iterable[KindCount]) -> str:
    """Return counted acts in words: `5 page views, 3 clicks and 1 search`."""
    return wording.listed([wording.count(count.acts, *wording.ACT_COUNTS[count.kind]) for count in kinds])
