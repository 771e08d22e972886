"""What the tables hold, as models, and the way from our models to rows and back."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from addon.audit import AssessedEvent, Clock
from addon.consent.login import LoginStamp
from addon.consent.timeline import ConsentStamp, Mark
from addon.model import Act, CapturedRequest, Event, Frozen, Problem
from addon.observation import ConsentEvidence, ObservedRequest
from addon.vocabulary import Delivery, Provenance, ReviewState, SourceKind
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


REQUEST_COLUMNS = (
    "key", "source", "position", "sha256", "vendor", "role", "method", "url", "http_version", "headers", "body",
    "body_problem", "started_at", "client_ip", "server_address", "delivery", "status", "response_headers",
    "response_body", "held", "reconstruction",
)  # fmt: skip
"""What `observed_request` reads of a row."""


def request_row(session: str, item: ObservedRequest) -> dict[str, Any]:
    """Return the row of an observed request."""
    request = item.request
    return {
        "session": session,
        "key": item.key,
        "source": item.source_id,
        "position": request.position,
        "sha256": item.digest,
        "vendor": item.vendor,
        "role": item.role,
        "method": request.method,
        "url": request.url,
        "http_version": request.http_version,
        "headers": json.dumps(request.headers, ensure_ascii=False),
        "body": request.body,
        "body_problem": request.body_problem,
        "started_at": request.started_at,
        "client_ip": request.client_ip,
        "server_address": request.server_address,
        "delivery": request.delivery,
        "status": request.status,
        "response_headers": json.dumps(request.response_headers, ensure_ascii=False),
        "response_body": request.response_body,
        "held": request.held,
        "reconstruction": request.reconstruction,
    }


def observed_request(row: dict[str, Any]) -> ObservedRequest:
    """Return the observed request in a row."""
    kind: SourceKind = row["source"].partition("-")[0]
    return ObservedRequest(
        key=row["key"],
        digest=row["sha256"],
        source_id=row["source"],
        vendor=row["vendor"],
        role=row["role"],
        request=CapturedRequest(
            source_kind=kind,
            position=row["position"],
            method=row["method"],
            url=row["url"],
            http_version=row["http_version"],
            headers=_lines(row["headers"]),
            body=row["body"],
            body_problem=row["body_problem"],
            started_at=row["started_at"],
            client_ip=row["client_ip"],
            server_address=row["server_address"],
            delivery=row["delivery"],
            status=row["status"],
            response_headers=_lines(row["response_headers"]),
            response_body=row["response_body"],
            held=bool(row["held"]),
            reconstruction=bool(row["reconstruction"]),
        ),
    )


def _lines(text: str) -> tuple[tuple[str, str], ...]:
    return tuple([(name, value) for name, value in json.loads(text)])


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


def consent_evidence(row: dict[str, Any]) -> ConsentEvidence:
    """Return what one request shows of a choice."""
    values = {name: value for name, value in row.items() if name not in {"session", "source", "against"}}
    return ConsentEvidence.model_validate({**values, "source_id": row["source"], "against": json.loads(row["against"])})


def event_row(session: str, item: AssessedEvent, number: int) -> dict[str, Any]:
    """Return the row of an event; by its `number` the full-text search finds it."""
    event = item.event
    return {
        "number": number,
        "session": session,
        "id": event.id,
        "occurred_at": event.occurred_at,
        "event_name": event.event_name,
        "pixel_id": event.pixel_id,
        "site": event.site,
        "page_url": event.page_url,
        "page_title": item.page_title,
        "clicked": item.clicked,
        "searched": item.searched,
        "delivery": event.delivery,
        "linkability": event.linkability,
        "page_class": event.page_class,
        "consent_state": item.consent.state,
        "event": event.model_dump_json(),
        "consent": item.consent.model_dump_json(),
        "login": item.login.model_dump_json(),
        "other": item.other.model_dump_json() if item.other else None,
    }


def assessed_event(row: dict[str, Any]) -> AssessedEvent:
    """Return the assessed event in a row of event and assessment."""
    return AssessedEvent(
        event=Event.model_validate_json(row["event"]),
        assessment=Assessment.model_validate_json(row["assessment"]),
        consent=ConsentStamp.model_validate_json(row["consent"]),
        login=LoginStamp.model_validate_json(row["login"]),
        page_title=row["page_title"],
        clicked=row["clicked"],
        searched=row["searched"],
        other=Assessment.model_validate_json(row["other"]) if row["other"] else None,
    )


def request_links(session: str, event: Event) -> Iterator[dict[str, Any]]:
    """Yield the rows that tie an event to its requests."""
    for ordinal, hit in enumerate(event.hits):
        yield {
            "session": session,
            "event": event.id,
            "request_key": hit.request_key,
            "request_index": hit.index,
            "ordinal": ordinal,
            "transport": hit.transport,
        }


def identifier_rows(session: str, event: Event) -> Iterator[dict[str, Any]]:
    """Yield the rows of an event's identifiers."""
    for ordinal, item in enumerate(event.identifiers):
        yield {
            "session": session,
            "event": event.id,
            "ordinal": ordinal,
            "kind": item.kind,
            "source": item.source,
            "parameter": item.parameter,
            "value": item.value,
            "form": item.form,
        }


def assessment_row(session: str, item: AssessedEvent) -> dict[str, Any]:
    """Return the row of an event's assessment."""
    assessment = item.assessment
    return {
        "session": session,
        "event": item.event.id,
        "ruleset_digest": assessment.ruleset_digest,
        "score": assessment.score,
        "band": assessment.band,
        "tier": assessment.tier,
        "topics": ", ".join(assessment.topics),
        "actions": ", ".join(assessment.actions),
        "assessment": assessment.model_dump_json(),
    }


def finding_rows(session: str, item: AssessedEvent) -> Iterator[dict[str, Any]]:
    """Yield the rows of an event's findings."""
    event, digest = item.event.id, item.assessment.ruleset_digest
    for ordinal, finding in enumerate(item.assessment.findings):
        evidence = finding.evidence
        yield {
            "session": session,
            "event": event,
            "ruleset_digest": digest,
            "ordinal": ordinal,
            "rule": finding.rule,
            "version": finding.version,
            "category": finding.category,
            "kind": finding.kind,
            "field": evidence.field,
            "parameter": evidence.parameter,
            "text": evidence.text,
            "start": evidence.start,
            "end": evidence.end,
            "points": finding.points,
        }


def search_row(session: str, item: AssessedEvent, number: int) -> dict[str, Any]:
    """Return what the full-text search holds of the event with this number."""
    return {
        "rowid": number,
        "session": session,
        "event": item.event.id,
        "event_name": item.event.event_name,
        "page_url": item.event.page_url,
        "page_title": item.page_title,
        "clicked": item.clicked,
        "searched": item.searched,
        "words": " ".join(
            finding.evidence.text
            for assessment in (item.assessment, item.other)
            if assessment is not None
            for finding in assessment.findings
        ),
    }
