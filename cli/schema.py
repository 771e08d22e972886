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
    ConsentFindingKind,
    ConsentState,
    Delivery,
    EventKind,
    Frame,
    Linkability,
    LoginState,
    MarkKind,
    PageClass,
    PageUrlFrom,
    ParameterContext,
    Provenance,
    ReviewState,
    Says,
    SourceKind,
    StatementKind,
    TiesMissing,
    Transport,
    Trigger,
)
from cli.linked import EventTie, History
from rules.model import Band, Tier

SCHEMA = "pixelwitness/report/1"


class Frozen(BaseModel):
    """A part of the report."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


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


class ConsentContradiction(Frozen):
    """Something that does not agree with a state of consent, or casts doubt on its proof; `state` is what it says."""

    state: ConsentState | None
    at: str
    proof: str


class ConsentStatement(Frozen):
    """What was said of consent beside the choice itself; it decides no state."""

    kind: StatementKind
    says: Says | None
    at: str
    text: str


class Consent(Frozen):
    """What is known of the visitor's choice at the moment of an event, and what contradicts it."""

    state: ConsentState
    basis: ConsentBasis
    last_before: ConsentProof | None
    first_after: ConsentProof | None
    contradictions: tuple[ConsentContradiction, ...] = ()
    statements: tuple[ConsentStatement, ...] = ()


class PageReason(Frozen):
    """What decided the class of a page. Offsets are null where redaction shortened the text they count in."""

    text: str
    rule: str | None = None
    field: str | None = None
    parameter: str | None = None
    matched: str | None = None
    start: int | None = None
    end: int | None = None


class Jurisdiction(Frozen):
    """The criteria of one jurisdiction and the facts of an event that bear on them, without a verdict."""

    area: str
    criterion: str
    facts: tuple[str, ...]


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


class Guessed(Frozen):
    """That the value behind a hash is found by trying a short list: what the list holds, and how many were tried."""

    what: str
    tried: int


class Identifier(Frozen):
    """Something that ties the event to a person or browser; `value` is shortened unless revealed.

    `person_matched` is null where no test person was given, or no detail of this kind; `person_note` says in words
    which detail the value is, or that it is none. `guessed` says how cheaply the hash is reversed.
    """

    kind: str
    source: str
    value: str
    person_matched: bool | None
    parameter: str
    form: str
    meaning: str
    created_at: str | None
    note: str | None
    person_note: str | None = None
    guessed: Guessed | None = None


class PersonSighting(Frozen):
    """A detail of a test person found in an event: where and in which form, never the detail itself.

    `start` and `end` count code points in the value of `parameter`; both are null where that is not shown in full.
    """

    label: str
    kind: str
    detail: str
    written: str
    form: str
    words: str
    place: Literal["query", "body", "path", "header", "cookie"]
    parameter: str
    start: int | None
    end: int | None
    request: str


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
    page_class_reason: PageReason | None = None
    logged_in: LoginState = "unknown"
    logged_in_reason: str | None = None
    linkability: Linkability
    linkability_complete: bool
    ties: tuple[EventTie, ...] = ()
    ties_missing: tuple[TiesMissing, ...] = ()
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
    person: tuple[PersonSighting, ...] = ()
    jurisdictions: tuple[Jurisdiction, ...] = ()

    @property
    def dismissed(self) -> bool:
        """Tell whether a person dismissed it."""
        return self.review.state == "dismissed"


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
    `consent` is the state of the visitor's choice when it was opened.
    """

    url: str
    title: str | None
    site: str
    at: str
    events: int
    fetched: tuple[str, ...] = ()
    consent: ConsentState = "unknown"


class ConsentFinding(Frozen):
    """What was made, sent, set or loaded on a site, held against what the visitor had chosen at that moment.

    A fact about consent, never part of a score. `what` says of what kind, `name` which cookie or script, `identifier`
    which value, by its name in `histories`. `at` is the moment that `state` is of; `created_at` is what a value says
    of itself by the browser's clock, `first_seen_at` when a request first carried it, `not_before` the last page of
    the site that was asked for without it. `brought_along`: it is older than the capture's first page of the site.
    `states` count the events or requests with it by what had been chosen at their moments; `lifetime_seconds` is how
    long an answer told the browser to keep a cookie.
    """

    what: ConsentFindingKind
    site: str | None
    name: str
    identifier: str | None
    value: str | None
    at: str
    state: ConsentState
    basis: ConsentBasis
    last_before: ConsentProof | None
    first_after: ConsentProof | None
    created_at: str | None
    first_seen_at: str
    not_before: str | None
    brought_along: bool
    states: dict[ConsentState, int]
    lifetime_seconds: int | None
    event_ids: tuple[str, ...]
    request_ids: tuple[str, ...]
    text: str
    notes: tuple[str, ...]


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
    """What the investigator stated about a moment. `number` is the one by which it can be withdrawn."""

    at: str
    kind: MarkKind
    site: str | None
    text: str
    by: str | None
    number: int | None = None


class WithdrawnMark(Mark):
    """A mark that counts no longer: why, and who withdrew it when."""

    withdrawn_at: str
    withdrawn_by: str | None
    reason: str | None


class Problem(Frozen):
    """Something that was seen and could not be read."""

    where: str
    what: str


class LeftDetail(Frozen):
    """A detail of a test person that left, in which forms, on which pages, to which pixels, under which consent.

    `before_consent` counts the events at whose moment the visitor is known not to have accepted.
    """

    kind: str
    detail: str
    forms: tuple[str, ...]
    event_ids: tuple[str, ...]
    sites: tuple[str, ...]
    pages: tuple[str, ...]
    pixels: tuple[str, ...]
    recipients: tuple[str, ...]
    consent: dict[ConsentState, int]
    before_consent: int
    first_at: str
    last_at: str


class Elsewhere(Frozen):
    """A detail in requests to Meta that carry no event, such as those for the pixel's program."""

    kind: str
    detail: str
    words: str
    role: str
    host: str
    place: str
    parameter: str
    requests: int


class Unmatched(Frozen):
    """An identifier of a kind that was given, and that is no form of what was given."""

    kind: str
    form: str
    value: str
    parameters: tuple[str, ...]
    event_ids: tuple[str, ...]
    guessed: Guessed | None


class Persona(Frozen):
    """A test person against the whole session, whatever events the report shows.

    `details` were given. `left`, `held_back` (only in events that were not sent) and `never_left` divide them up.
    `not_given` are kinds of personal details that events carry and the person's file does not state.
    """

    label: str
    stated_at: str
    by: str | None
    details: tuple[str, ...]
    requests_searched: int
    requests_not_searched: int
    requests_cut: int
    left: tuple[LeftDetail, ...]
    held_back: tuple[str, ...]
    never_left: tuple[str, ...]
    elsewhere: tuple[Elsewhere, ...]
    unmatched: tuple[Unmatched, ...]
    not_given: tuple[str, ...]


class Report(Frozen):
    """One session, ready to be rendered. `schema` names the version of this structure.

    `packs` are the optional packs that were switched on, `packs_digest` names the set of their rules, and
    `other_rules` are those of them that counted. `histories`, `unjoined_events` (which carried nothing that joins
    them to others) and `consent_findings` are of all events of the session, also of those below `min_score`.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", serialize_by_alias=True, validate_by_name=True, defer_build=True
    )

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
    histories: tuple[History, ...] = ()
    unjoined_events: tuple[str, ...] = ()
    consent_findings: tuple[ConsentFinding, ...] = ()
    marks: tuple[Mark, ...]
    withdrawn_marks: tuple[WithdrawnMark, ...] = ()
    problems: tuple[Problem, ...]
    packs: tuple[str, ...] = ()
    packs_digest: str | None = None
    other_rules: tuple[RuleText, ...] = ()
    test_persons: tuple[Persona, ...] = ()
