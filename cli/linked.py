"""What joins events to one another, as data: parts of the report and of `pixelwitness links`.

Everything here is a capability: the same identifier came with several events, so that whoever received them could
join them. Nothing here says that anybody did. Values have passed `addon.redaction`; since two values may look alike
once they are shortened, each has a name of its own (“browser id A”).
"""

from addon.model import Frozen
from addon.vocabulary import HistoryLevel, LifetimeBasis, Linkability, NoJoin, Provenance, Resolver, TiesMissing

LINKS_SCHEMA = "pixelwitness/links/1"


class Lifetime(Frozen):
    """How long an identifier is kept, and who says so. `text` says both in words."""

    seconds: int
    basis: LifetimeBasis
    text: str


class EventTie(Frozen):
    """One thing that ties an event to a person, in words.

    `name` is the one its value has throughout the report; null where it joins nothing (`why_not`). `first_seen_at`
    is when the session first met the value, `created_at` when the value itself says it was made.
    """

    link: Linkability
    kind: str
    name: str | None
    what: str
    value: str | None
    form: str | None
    sources: tuple[str, ...]
    joins: bool
    why_not: NoJoin | None
    resolvable_by: Resolver
    lifetime: Lifetime | None
    created_at: str | None
    first_seen_at: str | None


class EventTies(Frozen):
    """What ties one event to a person, the strongest first, and what is missing."""

    ties: tuple[EventTie, ...]
    missing: tuple[TiesMissing, ...]


class Joint(Frozen):
    """The event with which an identifier came beside another: what makes a chain of them.

    `name` is the other identifier.
    """

    name: str
    session: str
    event_id: str
    event_name: str
    site: str | None
    page_url: str | None
    at: str


class LinkedIdentifier(Frozen):
    """An identifier of a history. `through` is null for the one the history begins from."""

    name: str
    link: Linkability
    kind: str
    value: str
    resolvable_by: Resolver
    lifetime: Lifetime | None
    created_at: str | None
    first_seen_at: str
    last_seen_at: str
    events: int
    sites: tuple[str, ...]
    pixel_ids: tuple[str, ...]
    sessions: tuple[str, ...]
    through: Joint | None


class Visit(Frozen):
    """Events of one session on one site that carried the same identifiers, given by their names."""

    session: str
    site: str | None
    pixel_ids: tuple[str, ...]
    started_at: str
    ended_at: str
    event_ids: tuple[str, ...]
    act_ids: tuple[str, ...]
    health_act_ids: tuple[str, ...]
    pages: int
    identifiers: tuple[str, ...]


class History(Frozen):
    """Events that could be joined into one history, and the identifiers that make it so.

    `level` says whose view it is: of one pixel (`pixel_id`), by what the site that has it can read, or Meta's
    across all pixels. `direct` counts the events that carried the first of the identifiers; the others are joined to
    it through what came with it elsewhere. Events that did not leave the browser are in no history.
    """

    level: HistoryLevel
    pixel_id: str | None
    strongest: Linkability
    text: str
    cautions: tuple[str, ...]
    identifiers: tuple[LinkedIdentifier, ...]
    visits: tuple[Visit, ...]
    event_ids: tuple[str, ...]
    sessions: tuple[str, ...]
    sites: tuple[str, ...]
    pixel_ids: tuple[str, ...]
    started_at: str
    ended_at: str
    events: int
    direct: int
    acts: int
    health_acts: int


class LinkedSession(Frozen):
    """A session that was compared. `unjoined_events` carried nothing that joins them to others."""

    id: str
    name: str
    provenance: Provenance
    started_at: str | None
    ended_at: str | None
    events: int
    unjoined_events: int
    linkability_complete: bool


class SharedEvents(Frozen):
    """Two sessions that hold the same events: two captures of one browsing, so what ties them says nothing new."""

    sessions: tuple[str, str]
    events: int


class Links(Frozen):
    """What ties sessions of one database to one another: the object of `pixelwitness links --format json`."""

    schema_version: str = LINKS_SCHEMA
    generated_at: str
    revealed: bool
    sessions: tuple[LinkedSession, ...]
    shared_events: tuple[SharedEvents, ...]
    histories: tuple[History, ...]
