"""The report as data: what every format renders and what a program may rely on.

Names and value lists are closed within one schema version (`SCHEMA`); names may be added. The JSON format
is these models written out; `pixelwitness schema` prints them as JSON Schema. Every value in here has
passed `addon.redaction` already: a renderer escapes, it never decides what may be shown.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from addon.vocabulary import (
    ActKind,
    ConsentBasis,
    ConsentState,
    Delivery,
    EventKind,
    Frame,
    Linkability,
    MarkKind,
    PageClass,
    PageUrlFrom,
    ParameterContext,
    Provenance,
    ReviewState,
    SourceKind,
    Transport,
    Trigger,
)
from rules.model import Band, Tier

SCHEMA = "pixelwitness/report/1"


class Frozen(BaseModel):
    """A part of the report."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PublicAddress(Frozen):
    """The address under test, as the investigator states it."""

    value: str
    stated_by: str | None
    stated_at: str


class Clock(Frozen):
    """How far the pixel's clock stood from the capture's: median and spread of start minus `ts`."""

    skew_ms: int | None
    spread_ms: int | None
    basis: str


class Session(Frozen):
    """One investigation session."""

    id: str
    name: str
    provenance: Provenance
    started_at: str | None
    ended_at: str | None
    tool_version: str
    ruleset_digest: str
    complete: bool
    public_address: PublicAddress | None
    clock: Clock


class Source(Frozen):
    """One capture the session holds. `read_to` is a byte offset (.mitm) or an entry count (HAR, live)."""

    id: str
    name: str
    sha256: str | None
    bytes: int | None
    kind: SourceKind
    read_to: int
    complete: bool


class Coverage(Frozen):
    """What was seen, what could be read, and what could not be seen at all."""

    requests_seen: int
    requests_matched: int
    requests_decoded: int
    requests_failed: int
    requests_held: int = 0
    pages_visited: int
    blind_spots: tuple[str, ...]
    other_requests: dict[str, int] = Field(default_factory=dict)


class Act(Frozen):
    """One thing the visitor did, and the events it made the browser send."""

    id: str
    kind: ActKind
    site: str | None
    page_url: str | None
    at: str
    event_ids: tuple[str, ...]
    band: Band
    topics: tuple[str, ...]


class ConsentProof(Frozen):
    """The state that something seen in the traffic, or a mark, proves for one moment."""

    state: ConsentState
    at: str
    proof: str


class Consent(Frozen):
    """What is known of the visitor's choice at the moment of an event."""

    state: ConsentState
    basis: ConsentBasis
    last_before: ConsentProof | None
    first_after: ConsentProof | None


class Review(Frozen):
    """What a person decided about a finding."""

    state: ReviewState
    reason: str | None
    by: str | None
    at: str | None


class Request(Frozen):
    """One wire request that carried an event. `held`: the investigator's proxy kept it from leaving."""

    id: str
    source: str
    position: int
    sha256: str
    method: str
    url: str
    http_version: str
    status: int | None
    delivery: Delivery
    server_address: str | None
    started_at: str
    transport: Transport
    held: bool = False


class Parameter(Frozen):
    """One parameter, decoded, with its meaning in plain words; `raw` is given where it reads otherwise."""

    name: str
    value: str
    raw: str | None = None
    context: ParameterContext
    meaning: str | None
    documented: bool


class Identifier(Frozen):
    """Something that ties the event to a person or browser; `value` is shortened unless revealed."""

    kind: str
    source: str
    value: str
    person_matched: bool | None
    parameter: str
    form: str
    meaning: str
    created_at: str | None
    note: str | None


class RuleText(Frozen):
    """A rule that counted in this report, as it read when the session was evaluated. `text` is JSON.

    `tier` is that of the topics it names; rules of other kinds have none.
    """

    rule: str
    version: int
    title: str
    category: str = ""
    tier: Tier = "none"
    reason: str
    legal_basis: str
    text: str


class Finding(Frozen):
    """A rule that counted and the words it counted for.

    `start` and `end` count code points in the decoded value of `parameter`; both are null where that value
    is not shown in full.
    """

    rule: str
    version: int
    category: str
    kind: str
    field: str
    parameter: str
    text: str
    start: int | None
    end: int | None
    points: int
    reason: str
    legal_basis: str


class NearMiss(Frozen):
    """A text that looked like health content and did not count, and why."""

    rule: str
    field: str
    text: str
    why: str


class Step(Frozen):
    """One line of the score's ledger."""

    label: str
    delta: int
    total: int


class Filter(Frozen):
    """A sign that Meta's client filtered something, in words."""

    parameter: str
    text: str


class OtherCategories(Frozen):
    """What optional packs say of an event, by the same scale as health content and never part of it.

    `categories` are those of the rules that counted, strongest first.
    """

    score: int
    band: Band
    categories: tuple[str, ...]
    findings: tuple[Finding, ...]
    near_misses: tuple[NearMiss, ...]
    steps: tuple[Step, ...]


class Event(Frozen):
    """One thing a page made the browser tell Meta.

    `other` is null unless optional packs were switched on. Score, band, tier, topics and actions are of health alone.
    """

    id: str
    event_name: str
    kind: EventKind
    trigger: Trigger
    pixel_id: str
    recipient_host: str
    site: str | None
    page_url: str | None
    page_url_from: PageUrlFrom
    page_evidence: str | None = None
    page_title: str | None
    frame: Frame
    referrer_url: str | None
    clicked: str | None
    searched: str | None
    occurred_at: str
    client_time: str | None
    client_ip: str | None
    delivery: Delivery
    consent: Consent
    page_class: PageClass
    linkability: Linkability
    linkability_complete: bool
    derived_from: str | None
    library: str | None = None
    agent: str | None = None
    filters: tuple[Filter, ...] = ()
    still_left: tuple[str, ...] = ()
    score: int
    band: Band
    tier: Tier
    topics: tuple[str, ...]
    actions: tuple[str, ...]
    review: Review
    requests: tuple[Request, ...]
    parameters: tuple[Parameter, ...]
    identifiers: tuple[Identifier, ...]
    findings: tuple[Finding, ...]
    near_misses: tuple[NearMiss, ...]
    steps: tuple[Step, ...]
    other: OtherCategories | None = None


class Feature(Frozen):
    """A switch in a pixel's configuration; `meaning` is null where it is not documented."""

    name: str
    enabled: bool
    meaning: str | None


class BlockedKeys(Frozen):
    """Keys whose values Meta's client removes from one event.

    `hashed` are SHA-256 of names; `found` are the names among them that are known, because their hash fits.
    """

    event: str
    custom_data: tuple[str, ...]
    address: tuple[str, ...]
    hashed: tuple[str, ...]
    found: tuple[str, ...] = ()


class ToolRule(Frozen):
    """A rule of the Event Setup Tool, of an audience or of a conversion, in words."""

    kind: str
    id: str
    text: str


class Declared(Frozen):
    """What the configuration script of a pixel declares."""

    sha256: str
    library_version: str | None
    features: tuple[Feature, ...]
    matched_keys: tuple[str, ...]
    allowed_in_protected_mode: tuple[str, ...]
    blocked: tuple[BlockedKeys, ...]
    rules: tuple[ToolRule, ...]
    gateways: tuple[str, ...]
    not_read: int


class Observed(Frozen):
    """What the events of a pixel in this session show of how it is set up."""

    events: int
    automatic_events: int
    event_setup_tool_events: int
    matched_keys: tuple[str, ...]
    page_texts: bool
    gateway_copies: int
    protected_mode: bool
    filtered_events: int = 0
    events_naming_rules: int = 0


class Configuration(Frozen):
    """How a pixel was set up: what its script declares and, apart from it, what was observed.

    `declared` is null where the capture holds the request for the script but not its text.
    """

    pixel_id: str
    domain: str | None
    fetched_at: str
    source: str
    declared: Declared | None
    observed: Observed


class Page(Frozen):
    """A page the browser opened, and how many events it made the browser send.

    `fetched` names the parts of Meta's pixel program that were asked for while it was open (`library`,
    `configuration`, `plugin`): a page with such a part and no event had a pixel that was not seen to send.
    """

    url: str
    title: str | None
    site: str
    at: str
    events: int
    fetched: tuple[str, ...] = ()


class Support(Frozen):
    """An act that supports a statement, in words, with those of its events that do."""

    act_id: str
    event_ids: tuple[str, ...]
    at: str
    site: str | None
    text: str


class Inference(Frozen):
    """What the recipient could infer of this browser's user, with the acts and events that support it.

    A `topic` or an `action` of the rules, or a `context`: that somebody is under 18. `claim` is how `text` goes
    on after `... could infer that this browser's user`. `joined` says what joins
    the acts to one another; `joined_by` is the strongest identifier that all of them carried, null where there
    is none. `tied_by` is the strongest that any of them carried. `support` names the most telling act first;
    `under_18` are acts that tell of somebody under 18 and are joined to these.
    """

    kind: Literal["topic", "action", "context"]
    category: str
    tier: Tier
    text: str
    claim: str = ""
    tied_by: Linkability
    joined_by: Linkability | None = None
    joined: str = ""
    sites: tuple[str, ...]
    act_ids: tuple[str, ...]
    event_ids: tuple[str, ...]
    support: tuple[Support, ...] = ()
    under_18: tuple[Support, ...] = ()


class StoryLine(Frozen):
    """One act in the story of a site; `about` are topics, actions and context in plain words."""

    at: str
    act_id: str
    event_ids: tuple[str, ...]
    band: Band
    text: str
    about: tuple[str, ...] = ()
    consent: ConsentState
    tied_by: Linkability
    delivery: Delivery
    dismissed: bool


class Story(Frozen):
    """What happened on one site, in order."""

    site: str | None
    lines: tuple[StoryLine, ...]


class Mark(Frozen):
    """What the investigator stated about a moment."""

    at: str
    kind: MarkKind
    site: str | None
    text: str
    by: str | None


class Problem(Frozen):
    """Something that was seen and could not be read."""

    where: str
    what: str


class Report(Frozen):
    """One session, ready to be rendered. `schema` names the version of this structure.

    `packs` are the optional packs that were switched on, `packs_digest` names the set of their rules, and
    `other_rules` are those of them that counted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True, validate_by_name=True)

    schema_version: str = Field(default=SCHEMA, alias="schema")
    generated_at: str
    revealed: bool
    min_score: int
    session: Session
    sources: tuple[Source, ...]
    coverage: Coverage
    acts: tuple[Act, ...]
    events: tuple[Event, ...]
    rules: tuple[RuleText, ...] = ()
    configurations: tuple[Configuration, ...] = ()
    pages: tuple[Page, ...] = ()
    inferences: tuple[Inference, ...] = ()
    stories: tuple[Story, ...] = ()
    marks: tuple[Mark, ...]
    problems: tuple[Problem, ...]
    packs: tuple[str, ...] = ()
    packs_digest: str | None = None
    other_rules: tuple[RuleText, ...] = ()
