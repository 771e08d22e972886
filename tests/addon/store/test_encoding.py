"""What is left out of a row is found again: an event and an assessment read back are the ones that were written."""

import json
import marshal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from addon.audit import AssessedEvent
from addon.consent.login import LoginStamp
from addon.consent.timeline import NOT_KNOWN
from addon.model import CapturedRequest, Event, Hit, Identifier, PageReason, Param
from addon.observation import ObservedRequest
from addon.store.rows import (
    EVENT_COLUMNS,
    LINK_COLUMNS,
    REQUEST_COLUMNS,
    assessed_event,
    event_rows,
    observed_request,
    request_row,
)
from addon.vocabulary import SourceKind
from rules.model import (
    Assessment,
    ContextKind,
    Evidence,
    Example,
    Examples,
    FieldName,
    Finding,
    NearMiss,
    Rule,
    RuleKind,
    ScoreStep,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
some = st.sampled_from(["", "a", "b&c", "é ,"])
maybe = st.none() | some
moments = st.none() | st.sampled_from([0.0, 1.5, 1_790_000_000.123])
contexts = st.sampled_from(["query", "body", "header", "cookie"])

params = st.builds(Param, texts, some | texts, some | texts, contexts) | some.flatmap(
    lambda text: st.builds(Param, texts, st.just(text), st.just(text), contexts)
)
identifiers = st.lists(
    st.builds(Identifier, some, some, some, some, some, moments, maybe), max_size=4, unique_by=lambda item: item
).map(tuple)

RULES = {
    name: Rule(
        id=name, version=version, kind=kind, category=f"of {name}", title=name, reason=f"because {name}",
        legal_basis="Art. 9", tier=tier,
        examples=Examples(match=(Example(text="x"),), no_match=(Example(text="y"),)),
    )
    for name, version, kind, tier in (("en/one", 3, RuleKind.TOPIC, "health"), ("en/two", 1, RuleKind.ACTION, None))
}  # fmt: skip

evidence = st.builds(Evidence, st.sampled_from(FieldName), texts, texts, st.integers(0, 2**40), st.integers(0, 2**40))


def finding_of(rule: Rule, where: Evidence, points: int) -> Finding:
    return Finding(
        rule.id, rule.version, rule.kind, rule.category, rule.tier, where, points, rule.reason, rule.legal_basis
    )


findings = st.builds(finding_of, st.sampled_from(list(RULES.values())), evidence, st.integers(-100, 100))
names = st.lists(some, max_size=3).map(tuple)
assessments = st.builds(
    Assessment,
    ruleset_digest=st.just("digest"),
    score=st.integers(0, 100),
    band=st.sampled_from(["none", "low", "critical"]),
    tier=st.sampled_from(["none", "health"]),
    topics=names,
    actions=names,
    suppressed_by=names,
    contexts=st.lists(st.sampled_from(ContextKind), max_size=2).map(tuple),
    findings=st.lists(findings, max_size=4).map(tuple),
    near_misses=st.lists(st.builds(NearMiss, texts, st.sampled_from(FieldName), texts, texts, texts), max_size=3).map(
        tuple
    ),
    steps=st.lists(st.builds(ScoreStep, texts, st.integers(-100, 100), st.integers(0, 100)), max_size=3).map(tuple),
)

shared: dict[str, st.SearchStrategy[Any]] = {
    "event_name": some,
    "kind": st.sampled_from(["standard", "custom"]),
    "trigger": st.sampled_from(["unknown", "automatic"]),
    "pixel_id": some,
    "recipient_host": some,
    "page_url": maybe,
    "page_url_from": st.sampled_from(["dl", "none"]),
    "frame": st.sampled_from(["top", "unknown"]),
    "referrer_url": maybe,
    "client_time": moments,
}
hits = st.builds(
    Hit,
    request_key=texts,
    index=st.integers(0, 5),
    transport=st.sampled_from(["image", "beacon"]),
    counter=maybe,
    init_time=maybe,
    dedupe_id=maybe,
    derived_by_rule=maybe,
    parameters=st.lists(params, max_size=8).map(tuple),
    identifiers=identifiers,
    **shared,
)
events = st.builds(
    Event,
    id=texts,
    hits=st.lists(hits, min_size=1, max_size=3).map(tuple),
    site=maybe,
    page_evidence=maybe,
    occurred_at=st.floats(0, 2e9),
    client_ip=maybe,
    delivery=st.sampled_from(["answered", "unknown"]),
    linkability=st.sampled_from(["account", "address_only"]),
    linkability_complete=st.booleans(),
    page_class=st.sampled_from(["condition", "unknown"]),
    page_reason=st.none() | st.builds(PageReason, text=some, rule=maybe, matched=maybe, start=st.none() | st.just(0)),
    derived_from=maybe,
    identifiers=identifiers,
    **shared,
)


def with_identifiers_of_the_event(event: Event) -> Event:
    """Return the event with hits that carry its own identifiers, in another order, as they mostly do."""
    hits = tuple(
        hit.model_copy(update={"identifiers": (*event.identifiers[::-1], *hit.identifiers)}) for hit in event.hits
    )
    return event.model_copy(update={"hits": hits})


@given(events | events.map(with_identifiers_of_the_event), assessments, st.none() | assessments, maybe)
def test_an_event_reads_back_as_it_was(
    event: Event, assessment: Assessment, other: Assessment | None, text: str | None
) -> None:
    item = AssessedEvent(
        event=event, assessment=assessment, consent=NOT_KNOWN, login=LoginStamp(), page_title=text, clicked=text,
        searched=None, other=other,
    )  # fmt: skip
    rows = event_rows(item)
    assert {len(link) for link in rows.requests} == {len(LINK_COLUMNS)}
    assert marshal.loads(marshal.dumps(tuple(rows))) == tuple(rows)  # plain values, which any process can take
    row = dict(zip(EVENT_COLUMNS, rows.event, strict=True))
    back = assessed_event(row, {"digest": RULES}.__getitem__)
    assert back == item
    assert repr(back) == repr(item)  # of the same types too


@given(events, assessments)
def test_what_an_earlier_version_wrote_reads_as_it_did(event: Event, assessment: Assessment) -> None:
    item = AssessedEvent(
        event=event, assessment=assessment, consent=NOT_KNOWN, page_title=None, clicked=None, searched=None
    )
    row = dict(zip(EVENT_COLUMNS, event_rows(item).event, strict=True))
    row |= {"event": event.model_dump_json(), "assessment": assessment.model_dump_json(), "derived_from": None}
    assert assessed_event(row, {}.__getitem__) == item


def test_what_stands_elsewhere_is_not_written_again(make_event: Any) -> None:
    event = make_event("PageView", parameters={"cd[one]": "plain"})
    (hit,) = event.hits
    item = AssessedEvent(
        event=event,
        assessment=Assessment(ruleset_digest="digest", score=0, band="none", tier="none"),
        consent=NOT_KNOWN,
        page_title=None,
        clicked=None,
        searched=None,
    )
    row = dict(zip(EVENT_COLUMNS, event_rows(item).event, strict=True))
    (written,) = json.loads(row["event"])["hits"]
    assert written["values"] == [param.value for param in hit.parameters]
    assert not written.keys() & {"page_url", "event_name", "pixel_id", "identifiers"}
    assert row["assessment"] == "{}"


header_lines = st.lists(
    st.tuples(st.text(st.characters(max_codepoint=255), max_size=5), st.text(st.characters(max_codepoint=255))),
    max_size=3,
).map(tuple)


def observed(kind: SourceKind) -> st.SearchStrategy[ObservedRequest]:
    return st.builds(
        ObservedRequest,
        key=texts,
        digest=texts,
        source_id=st.just(f"{kind}-1"),
        vendor=some,
        role=st.sampled_from(["event", "lookalike"]),
        request=st.builds(
            CapturedRequest,
            source_kind=st.just(kind),
            position=st.integers(0, 2**50),
            method=some,
            url=texts,
            http_version=some,
            headers=header_lines,
            body=st.binary(max_size=9),
            body_problem=maybe,
            started_at=st.floats(0, 2e9),
            client_ip=maybe,
            status=st.none() | st.integers(100, 599),
            response_headers=header_lines,
            response_body=st.none() | st.binary(max_size=9),
            held=st.booleans(),
            reconstruction=st.booleans(),
        ),
    )


@given(observed("mitm") | observed("har") | observed("live"))
def test_a_request_reads_back_as_it_was(item: ObservedRequest) -> None:
    row = request_row(item)
    assert len(row) == len(REQUEST_COLUMNS)
    assert marshal.loads(marshal.dumps(row)) == row
    assert observed_request(row) == item
    assert repr(observed_request(row)) == repr(item)
