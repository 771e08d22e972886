"""What a rule is, what it is applied to, and what comes out: frozen models without behaviour."""

from enum import StrEnum
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic import Field as Attribute
from pydantic_core import CoreSchema

from rules.tuples import tuple_schema

Band = Literal["none", "low", "medium", "high", "critical"]
"""How strong the indication of health content is: 0-24, 25-39, 40-59, 60-79, 80-100 points."""

Tier = Literal["none", "health", "special_risk"]
"""Whether the strongest topic is one whose disclosure does particular harm."""


class Frozen(BaseModel):
    """A model that cannot be changed after it was made and refuses unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class RuleKind(StrEnum):
    """What a rule contributes to a score."""

    TOPIC = "topic"
    ACTION = "action"
    CONTEXT = "context"
    SUPPRESSOR = "suppressor"

    __hash__ = str.__hash__  # an enumeration's own is written in Python, and kinds are looked up without end


class ContextKind(StrEnum):
    """What a context rule says about where the text was found."""

    PROVIDER = "provider"
    SPECIALIST = "specialist"
    PORTAL = "portal"
    UNDER_18 = "under_18"

    __hash__ = str.__hash__  # an enumeration's own is written in Python, and kinds are looked up without end


class FieldName(StrEnum):
    """Where in an event a text stood. The scoring policy weighs fields differently.

    `page.url`, `referrer.url`, `hidden.url` and `destination.url` hold whole addresses; a hidden address was
    not sent, only a fingerprint by which it can be recognised; the engine splits each into
    the parts below it (host, path, query, fragment, search term, campaign) before matching.
    """

    PAGE_URL = "page.url"
    PAGE_HOST = "page.host"
    PAGE_PATH = "page.path"
    PAGE_QUERY = "page.query"
    PAGE_FRAGMENT = "page.fragment"
    PAGE_TITLE = "page.title"
    PAGE_DESCRIPTION = "page.description"
    PAGE_KEYWORDS = "page.keywords"
    PAGE_STRUCTURED = "page.structured"
    REFERRER_URL = "referrer.url"
    REFERRER_HOST = "referrer.host"
    REFERRER_PATH = "referrer.path"
    REFERRER_QUERY = "referrer.query"
    REFERRER_FRAGMENT = "referrer.fragment"
    HIDDEN_URL = "hidden.url"
    HIDDEN_HOST = "hidden.host"
    HIDDEN_PATH = "hidden.path"
    HIDDEN_QUERY = "hidden.query"
    HIDDEN_FRAGMENT = "hidden.fragment"
    DESTINATION_URL = "destination.url"
    DESTINATION_HOST = "destination.host"
    DESTINATION_PATH = "destination.path"
    DESTINATION_QUERY = "destination.query"
    DESTINATION_FRAGMENT = "destination.fragment"
    BUTTON_TEXT = "button.text"
    BUTTON_ATTRIBUTE = "button.attribute"
    FORM_FIELD = "form.field"
    SEARCH_TERM = "search.term"
    CAMPAIGN = "campaign"
    EVENT_NAME = "event.name"
    CONTENT = "content"

    __hash__ = str.__hash__  # an enumeration's own is written in Python, and fields are looked up without end


class Field(NamedTuple):
    """One text of an event, and where it stands in the wire parameter that carried it.

    `text` is decoded text. `offset` is the position of its first code point in the decoded value of
    `parameter`; where escapes make the distance uneven (a string inside JSON), `positions` gives the
    position of every code point of `text` and, as its last item, of its end.
    """

    name: FieldName
    parameter: str
    text: str
    offset: int = 0
    positions: tuple[int, ...] | None = None

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return tuple_schema(source, handler)


class Example(Frozen):
    """A text that a rule must match, or must not."""

    field: FieldName = FieldName.PAGE_TITLE
    text: str


class Examples(Frozen):
    """The texts every rule carries to prove itself, both ways."""

    match: tuple[Example, ...]
    no_match: tuple[Example, ...]


class Rule(Frozen):
    """One rule file.

    `terms`, `ambiguous` and `unless` are words or phrases in plain spelling (they are normalised like the
    text they meet). An ambiguous term counts only where a second health signal stands in the same event.
    A term inside one of the phrases in `unless` does not count. `host_words` are words of a host name,
    alone or glued to others (`sexualhealth`); `hosts` are registrable names of known providers;
    `path_words` are whole segments of a path (`careers`).
    """

    id: str
    version: Annotated[int, Attribute(ge=1)]
    kind: RuleKind
    category: str
    title: str
    reason: str
    legal_basis: str
    language: str = "en"
    tier: Literal["health", "special_risk"] | None = None
    context: ContextKind | None = None
    care_action: bool = False
    absolute: bool = False
    points: int | None = None
    terms: tuple[str, ...] = ()
    ambiguous: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    host_words: tuple[str, ...] = ()
    path_words: tuple[str, ...] = ()
    fields: tuple[FieldName, ...] = ()
    examples: Examples


class Evidence(NamedTuple):
    """Where a rule met a text: code points `start` to `end` of the decoded value of `parameter`."""

    field: FieldName
    parameter: str
    text: str
    start: int
    end: int

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return tuple_schema(source, handler)


class Finding(NamedTuple):
    """A rule that counted, with the text it counted for.

    `points` is what the rule brought to the score; of several findings with the same role only the
    strongest brings points, the others are listed with 0.
    """

    rule: str
    version: int
    kind: RuleKind
    category: str
    tier: Literal["health", "special_risk"] | None
    evidence: Evidence
    points: int
    reason: str
    legal_basis: str

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return tuple_schema(source, handler)


class NearMiss(NamedTuple):
    """A text that looked like a match and did not count, and why."""

    rule: str
    field: FieldName
    parameter: str
    text: str
    why: str

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return tuple_schema(source, handler)


class ScoreStep(NamedTuple):
    """One line of the ledger: what was added or taken away, and the sum after it."""

    label: str
    delta: int
    total: int

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return tuple_schema(source, handler)


class Assessment(Frozen):
    """What the rules say about one event.

    `score` is 0-100 and equals the sum of the steps. `topics` are the categories of the topic rules that
    counted, strongest first; `actions` those of the action rules; `contexts` the kinds of context.
    """

    ruleset_digest: str
    score: Annotated[int, Attribute(ge=0, le=100)]
    band: Band
    tier: Tier
    topics: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    contexts: tuple[ContextKind, ...] = ()
    suppressed_by: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    near_misses: tuple[NearMiss, ...] = ()
    steps: tuple[ScoreStep, ...] = ()
