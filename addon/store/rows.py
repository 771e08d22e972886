"""What the tables hold, as models, and the way from our models to rows and back.

The way from a model to a row is a pure function, and so is the way back; rows are plain tuples of texts, numbers and
bytes, which one process can hand to another as they are:

    request_row(ObservedRequest) -> RequestRow          observed_request(RequestRow) -> ObservedRequest
    event_rows(AssessedEvent) -> EventRows

`StoredRequests` yields the rows of requests themselves (`rows_in_order`, `row_at`), and `StoredEvents.put` and
`Store.add_request_rows` write rows without looking into them.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from pydantic_core import from_json

from addon.audit import AssessedEvent, Clock, VisitorStamp
from addon.consent.login import LoginStamp
from addon.consent.timeline import ConsentStamp, Mark
from addon.model import Act, CapturedRequest, Frozen, Identifier, Lines, Problem
from addon.observation import ConsentEvidence, ObservedRequest, PageVisit
from addon.remembered import OncePerObject, Remembered
from addon.store.encoding import (
    RuleTexts,
    assessment_of,
    assessment_text,
    event_of,
    event_text,
    findings_text,
    json_text,
    lines_text,
)
from addon.vocabulary import Delivery, Provenance, ReviewState, SourceKind
from rules.memory import Memory
from rules.model import Assessment, Band


class SessionRow(Frozen):
    """One session as stored."""

    id: str
    name: str
    created_at: str
    provenance: Provenance
    complete: bool
    tool_version: str
    public_address: str | None
    public_address_stated_by: str | None
    public_address_stated_at: str | None


class SourceRow(Frozen):
    """One source of a session as stored."""

    id: str
    name: str
    kind: SourceKind
    sha256: str | None
    bytes: int | None
    read_to: int
    complete: bool
    requests_seen: int
    requests_matched: int
    cookies_seen: bool
    first_at: float | None
    last_at: float | None


class LiveProxyRow(Frozen):
    """A proxy that records, or did, into this database. Times are epoch seconds.

    `listening` are its addresses as `host:port`, joined by a comma and a space; `recording` is the path of the
    `.mitm` file it writes. `holding`: pixel requests do not leave. `beat_at` is refreshed about every second,
    `ended_at` set at an orderly end. `wanted_session` is what another program asks it to record into from now on.
    `seen` counts the requests that went through it.
    """

    id: str
    session: str
    pid: int
    listening: str
    recording: str | None
    holding: bool
    started_at: float
    beat_at: float
    ended_at: float | None = None
    wanted_session: str | None = None
    seen: int = 0


class EventStanding(NamedTuple):
    """What decides whether an event counts in a headline."""

    site: str | None
    delivery: Delivery
    band: Band
    dismissed: bool


class ReviewRow(Frozen):
    """One decision of a reviewer about one event, kept with the requests it was made on."""

    state: ReviewState
    reason: str | None
    by: str | None
    at: str


class StoredDerivation(Frozen):
    """The derivation of a session as stored, for building a report.

    `packs` are the optional packs that were switched on, `other_digest` names their rules.
    """

    tool_version: str
    ruleset_digest: str
    decoded: int
    failed: int
    clock: Clock
    events: tuple[AssessedEvent, ...]
    acts: tuple[Act, ...]
    problems: tuple[Problem, ...]
    other_digest: str | None = None
    packs: tuple[str, ...] = ()


RequestRow = tuple[Any, ...]
"""A request as plain values, in the order of `REQUEST_COLUMNS`."""

REQUEST_COLUMNS = (
    "source", "key", "position", "sha256", "vendor", "role", "method", "url", "http_version", "headers", "body",
    "body_problem", "started_at", "client_ip", "server_address", "delivery", "status", "response_headers",
    "response_body", "held", "reconstruction",
)  # fmt: skip


def request_row(item: ObservedRequest) -> RequestRow:
    """Return the row of an observed request."""
    request = item.request
    return (
        item.source_id,
        item.key,
        request.position,
        item.digest,
        item.vendor,
        item.role,
        request.method,
        request.url,
        request.http_version,
        lines_text(request.headers),
        request.body,
        request.body_problem,
        request.started_at,
        request.client_ip,
        request.server_address,
        request.delivery,
        request.status,
        json_text(request.response_headers),
        request.response_body,
        int(request.held),
        int(request.reconstruction),
    )


def observed_request(row: RequestRow) -> ObservedRequest:
    """Return the observed request in a row."""
    (
        source, key, position, digest, vendor, role, method, url, http_version, headers, body, body_problem, started_at,
        client_ip, server_address, delivery, status, response_headers, response_body, held, reconstruction,
    ) = row  # fmt: skip
    kind: SourceKind = source.partition("-")[0]
    return ObservedRequest(
        key=key,
        digest=digest,
        source_id=source,
        vendor=vendor,
        role=role,
        request=CapturedRequest(
            source_kind=kind,
            position=position,
            method=method,
            url=url,
            http_version=http_version,
            headers=_known_lines(headers),
            body=body,
            body_problem=body_problem,
            started_at=started_at,
            client_ip=client_ip,
            server_address=server_address,
            delivery=delivery,
            status=status,
            response_headers=_lines(response_headers),
            response_body=response_body,
            held=bool(held),
            reconstruction=bool(reconstruction),
        ),
    )


def of_source(source: str, rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """Yield rows of observations, whose first column is always their source, as those of `source`."""
    return ((source, *row[1:]) for row in rows)


def _lines(text: str) -> Lines:
    return () if text == "[]" else tuple([(name, value) for name, value in from_json(text)])


_known_lines = Memory[str, Lines](_lines, lambda text, lines: 2 * len(text) + 100 * len(lines))


class Withdrawal(Frozen):
    """That a mark no longer counts: why, who says so, and when (RFC 3339)."""

    reason: str | None
    by: str | None
    at: str


class MarkRow(Frozen):
    """A mark as it is kept: its number in the session, in the order in which marks were made, and its end, if any."""

    number: int
    identity: int
    mark: Mark
    stated_at: str
    withdrawn: Withdrawal | None


def mark_row(row: dict[str, Any], number: int) -> MarkRow:
    """Return the mark in a row of marks joined with withdrawals."""
    at = row["withdrawn_at"]
    return MarkRow(
        number=number,
        identity=row["id"],
        mark=Mark.model_validate({name: row[name] for name in ("at", "kind", "site", "text", "by")}),
        stated_at=row["stated_at"],
        withdrawn=Withdrawal(reason=row["reason"], by=row["withdrawn_by"], at=at) if at is not None else None,
    )


PAGE_COLUMNS = (
    "source", "position", "at", "url", "site", "title", "status", "top", "asks", "cookie_names", "cookies_set",
)  # fmt: skip


def page_row(page: PageVisit) -> tuple[Any, ...]:
    """Return the row of a visited page, in the order of `PAGE_COLUMNS`."""
    return (
        page.source_id,
        page.position,
        page.at,
        page.url,
        page.site,
        page.title,
        page.status,
        int(page.top),
        None if page.asks is None else int(page.asks),
        json.dumps(page.cookie_names),
        json.dumps(page.cookies_set),
    )


def page_visit(row: dict[str, Any]) -> PageVisit:
    """Return the visited page in a row."""
    return PageVisit.model_validate(
        {
            **{name: value for name, value in row.items() if name not in {"session", "source"}},
            "source_id": row["source"],
            "cookie_names": json.loads(row["cookie_names"]),
            "cookies_set": json.loads(row["cookies_set"]),
        }
    )


CONSENT_COLUMNS = (
    "source", "position", "at", "site", "state", "proof", "kind", "chosen_at", "name", "says", "against",
)  # fmt: skip


def consent_row(item: ConsentEvidence) -> tuple[Any, ...]:
    """Return the row of evidence of a choice, in the order of `CONSENT_COLUMNS`."""
    return (
        item.source_id,
        item.position,
        item.at,
        item.site,
        item.state,
        item.proof,
        item.kind,
        item.chosen_at,
        item.name,
        item.says,
        json.dumps(item.against),
    )


def consent_evidence(row: dict[str, Any]) -> ConsentEvidence:
    """Return what one request shows of a choice."""
    values = {name: value for name, value in row.items() if name not in {"session", "source", "against"}}
    return ConsentEvidence.model_validate({**values, "source_id": row["source"], "against": json.loads(row["against"])})


ACT_COLUMNS = ("id", "kind", "site", "page_url", "at", "event_ids")


def act_row(act: Act) -> tuple[Any, ...]:
    """Return the row of a visitor act, in the order of `ACT_COLUMNS`."""
    return (act.id, act.kind, act.site, act.page_url, act.at, json_text(act.event_ids))


class EventRows(NamedTuple):
    """Everything the tables hold of one derived event, but for its session and its number: plain values only.

    `event` is in the order of `EVENT_COLUMNS`, every row of `requests` in that of `LINK_COLUMNS`.
    """

    id: str
    event: tuple[Any, ...]
    requests: tuple[tuple[Any, ...], ...]


EVENT_COLUMNS = (
    "id", "occurred_at", "event_name", "pixel_id", "site", "page_url", "page_title", "clicked", "searched", "delivery",
    "linkability", "page_class", "consent_state", "ruleset_digest", "score", "band", "tier", "topics", "actions",
    "derived_from", "words", "consent", "login", "identifiers", "findings", "assessment", "event", "other",
)  # fmt: skip
LINK_COLUMNS = ("request_key", "request_index", "event", "ordinal", "transport")
SEARCH_COLUMNS = ("event_name", "page_url", "page_title", "clicked", "searched", "words")
"""What of an event the full-text index holds."""

_OF_EVENT = (
    "id", "occurred_at", "event_name", "pixel_id", "site", "page_url", "delivery", "linkability", "page_class",
    "derived_from",
)  # fmt: skip
_OF_ASSESSMENT = ("ruleset_digest", "score", "band", "tier")


def event_rows(item: AssessedEvent) -> EventRows:
    """Return the rows of an assessed event."""
    event, assessment, other = item.event, item.assessment, item.other
    identity = event.id
    texts = _assessment_texts(assessment)
    words = texts.words
    if other is not None:
        counted = [words] if assessment.findings else []
        words = " ".join([*counted, *[finding.evidence.text for finding in other.findings]])
    return EventRows(
        id=identity,
        event=(
            identity,
            event.occurred_at,
            event.event_name,
            event.pixel_id,
            event.site,
            event.page_url,
            item.page_title,
            item.clicked,
            item.searched,
            event.delivery,
            event.linkability,
            event.page_class,
            item.consent.state,
            assessment.ruleset_digest,
            assessment.score,
            assessment.band,
            assessment.tier,
            ", ".join(assessment.topics),
            ", ".join(assessment.actions),
            event.derived_from,
            words,
            _text_of(item.consent),
            _text_of(item.login),
            _identifiers_text[event.identifiers],
            texts.findings,
            texts.whole,
            event_text(event),
            other.model_dump_json() if other is not None else None,
        ),
        requests=tuple(
            [(hit.request_key, hit.index, identity, ordinal, hit.transport) for ordinal, hit in enumerate(event.hits)]
        ),
    )


class _AssessmentTexts(NamedTuple):
    """What is written of an assessment: the words that counted, the findings, and the rest of it."""

    words: str
    findings: str
    whole: str


def _written(assessment: Assessment) -> _AssessmentTexts:
    return _AssessmentTexts(
        " ".join([finding.evidence.text for finding in assessment.findings]),
        findings_text(assessment.findings),
        assessment_text(assessment),
    )


_assessment_texts = OncePerObject(_written, 512)
_text_of = OncePerObject(Frozen.model_dump_json, 512)
_identifiers_text = Remembered[tuple[Identifier, ...], str](
    json_text,
    entries=512,
    longest=4096,
    size=lambda items: sum(len(item.parameter) + len(item.value) for item in items),
)


_CONSENT_STATE, _CONSENT, _LOGIN = (EVENT_COLUMNS.index(name) for name in ("consent_state", "consent", "login"))


def stamped_rows(rows: EventRows, stamp: VisitorStamp) -> EventRows:
    """Return the rows of an event with what is known of the visitor at its moment."""
    event = list(rows.event)
    event[_CONSENT_STATE] = stamp.consent.state
    event[_CONSENT] = _text_of(stamp.consent)
    event[_LOGIN] = _text_of(stamp.login)
    return rows._replace(event=tuple(event))


def assessed_event(row: dict[str, Any], rules: RuleTexts) -> AssessedEvent:
    """Return the assessed event in a row; `rules` gives the text of those that counted."""
    return AssessedEvent(
        event=event_of(row["event"], row["identifiers"], {name: row[name] for name in _OF_EVENT}),
        assessment=assessment_of(
            row["assessment"], row["findings"], {name: row[name] for name in _OF_ASSESSMENT}, rules
        ),
        consent=ConsentStamp.model_validate_json(row["consent"]),
        login=LoginStamp.model_validate_json(row["login"]),
        page_title=row["page_title"],
        clicked=row["clicked"],
        searched=row["searched"],
        other=Assessment.model_validate_json(row["other"]) if row["other"] else None,
    )
