"""What the addon knows about one request and one event: frozen models without behaviour."""

from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic import Field as Attribute
from pydantic_core import CoreSchema

from addon.vocabulary import (
    ActKind,
    Delivery,
    EventKind,
    Frame,
    Linkability,
    PageClass,
    PageUrlFrom,
    ParameterContext,
    SourceKind,
    Transport,
    Trigger,
)
from rules.tuples import tuple_schema

Epoch = Annotated[float, Attribute(description="seconds since 1970-01-01 UTC")]

Lines = tuple[tuple[str, str], ...]
"""Header lines: names and values."""


class Frozen(BaseModel):
    """A model that cannot be changed after it was made and refuses unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class CapturedRequest(NamedTuple):
    """One HTTP request as a capture holds it, with what is known of its answer.

    Whoever makes one answers for its types: it is made for every request that may matter, and nothing checks it.
    `headers` are the lines as sent, in order, decoded as ISO-8859-1 so that no byte is lost. `body` is the
    content as it was on the wire. `client_ip` is what the proxy saw (None: the capture cannot tell).
    `position` says where in its source the request stands: a byte offset (.mitm), an entry number (HAR) or
    an ordinal (live).
    """

    source_kind: SourceKind
    position: int
    method: str
    url: str
    http_version: str
    headers: Lines
    started_at: Epoch
    body: bytes = b""
    body_problem: str | None = None
    client_ip: str | None = None
    server_address: str | None = None
    delivery: Delivery = "unknown"
    status: int | None = None
    response_headers: Lines = ()
    response_body: bytes | None = None
    held: bool = False
    reconstruction: bool = False

    def header(self, name: str) -> str | None:
        """Return the first value of header `name` (any case), or None."""
        return _first_line(self.headers, name.lower())

    def response_header(self, name: str) -> str | None:
        """Return the first value of response header `name` (any case), or None."""
        return _first_line(self.response_headers, name.lower())

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return tuple_schema(source, handler)


def _first_line(headers: Lines, wanted: str) -> str | None:
    length = len(wanted)
    for key, value in headers:
        if len(key) == length and key.lower() == wanted:
            return value
    return None


class Param(NamedTuple):
    """One parameter of one request: `raw` as it stood on the wire, `value` decoded.

    Names are decoded; a name that stands several times is several parameters.
    """

    name: str
    value: str
    raw: str
    context: ParameterContext

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return tuple_schema(source, handler)


class Identifier(NamedTuple):
    """Something that ties an event to a person, a browser or an advertisement.

    `kind` is what it identifies by (`fbp`, `fbc`, `c_user`, `external_id`, `em`, `ph`, ...), `source` how it
    came along (`cookie`, `parameter`, `ud`, `udff`, `aud`, `audff`, `cud`, ..., `gateway`), `form` how it
    reads (`plain`, `sha256`, `md5`, `mask`, `empty`: a hash of nothing). `created_at` is the creation time
    that the value itself states.
    """

    kind: str
    source: str
    parameter: str
    value: str
    form: str
    created_at: Epoch | None = None
    note: str | None = None

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return tuple_schema(source, handler)


class Hit(Frozen, defer_build=False):  # made for every event: one that is built before `Event` costs less in it
    """One event as one wire request carried it."""

    request_key: str
    index: int
    transport: Transport
    pixel_id: str
    event_name: str
    page_url: str | None
    page_url_from: PageUrlFrom
    referrer_url: str | None
    frame: Frame
    client_time: Epoch | None
    counter: str | None
    init_time: str | None
    dedupe_id: str | None
    kind: EventKind
    trigger: Trigger
    derived_by_rule: str | None
    recipient_host: str
    parameters: tuple[Param, ...]
    identifiers: tuple[Identifier, ...]


class Witness(NamedTuple):
    """The wire request that a hit was read from, as the store keeps it."""

    key: str
    digest: str
    source_id: str
    position: int
    request: CapturedRequest


class PageReason(Frozen):
    """What decided the class of a page, in words and as the text that was met.

    `start` and `end` count code points in the decoded value of `parameter`, or in the page's address where no
    parameter is named.
    """

    text: str
    rule: str | None = None
    field: str | None = None
    parameter: str | None = None
    matched: str | None = None
    start: int | None = None
    end: int | None = None


class Event(Frozen):
    """One thing a page made the browser tell Meta, with every request that carried it.

    What the requests agree on stands here; `hits` are its children, the most complete one first.
    """

    id: str
    hits: tuple[Hit, ...]
    event_name: str
    kind: EventKind
    trigger: Trigger
    pixel_id: str
    recipient_host: str
    site: str | None
    page_url: str | None
    page_url_from: PageUrlFrom
    page_evidence: str | None = None
    frame: Frame
    referrer_url: str | None
    occurred_at: Epoch
    client_time: Epoch | None
    client_ip: str | None
    delivery: Delivery
    linkability: Linkability
    linkability_complete: bool
    page_class: PageClass
    page_reason: PageReason | None = None
    derived_from: str | None = None
    identifiers: tuple[Identifier, ...] = ()

    @property
    def parameters(self) -> tuple[Param, ...]:
        """Return the parameters of the most complete request."""
        return self.hits[0].parameters


class Act(Frozen):
    """One thing the visitor did, with the events it made the browser send."""

    id: str
    kind: ActKind
    site: str | None
    page_url: str | None
    at: Epoch
    event_ids: tuple[str, ...]


class Problem(Frozen):
    """Something that was seen and could not be read, or two witnesses that disagree."""

    where: str
    what: str
    request_key: str | None = None
