"""How an event and what the rules say of it read in the database: what stands elsewhere in the row is left out.

An event's hits repeat the event, most parameters read on the wire as they are meant, and every finding repeats its
rule. So a hit has only what differs from the event, a parameter its wire form only where that differs from its value,
and a finding only what the rule's own text does not say. Nothing is lost: reading back gives an equal model. What an
earlier version wrote, the models' own JSON, is read as well.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain, groupby, repeat
from operator import attrgetter
from typing import Any

from pydantic_core import from_json, to_json

from addon.model import Event, Hit, Identifier, Lines, Param
from rules.memory import Memory
from rules.model import Assessment, Evidence, FieldName, Finding, NearMiss, Rule, ScoreStep

RuleTexts = Callable[[str], Mapping[str, Rule]]
"""Gives the rules that counted under a ruleset, by their ids, as they read then; asked for by its digest."""

_SHARED = (
    "event_name", "kind", "trigger", "pixel_id", "recipient_host", "page_url", "page_url_from", "frame",
    "referrer_url", "client_time",
)  # fmt: skip
"""What a hit and its event both have."""

_shared_of = attrgetter(*_SHARED)

_MAY_LACK = ("counter", "init_time", "dedupe_id", "derived_by_rule")
"""What a hit often has nothing for."""

_FIELD_TEXTS = {field: field.value for field in FieldName}
"""An enumeration's members take twice as long to write as their texts."""


def json_text(value: object) -> str:
    """Return plain values as JSON."""
    return to_json(value, inf_nan_mode="null").decode()


def _size(lines: Lines, text: str) -> int:
    return 2 * len(text) + 100 * len(lines)


lines_text = Memory[Lines, str](json_text, _size)
"""Returns header lines as JSON. The requests of one page have the same ones, mostly."""


def event_text(event: Event) -> str:
    """Return what the columns do not hold of an event."""
    values: dict[str, Any] = {
        "kind": event.kind,
        "trigger": event.trigger,
        "recipient_host": event.recipient_host,
        "page_url_from": event.page_url_from,
        "frame": event.frame,
        "linkability_complete": event.linkability_complete,
        "hits": [_hit_values(hit, event) for hit in event.hits],
    }
    for name in ("page_evidence", "referrer_url", "client_time", "client_ip"):
        value = getattr(event, name)
        if value is not None:
            values[name] = value
    if event.page_reason is not None:
        reason = event.page_reason
        values["page_reason"] = {name: value for name, value in reason if value is not None}
    return json_text(values)


def _hit_values(hit: Hit, event: Event) -> dict[str, Any]:
    values: dict[str, Any] = {"request_key": hit.request_key, "index": hit.index, "transport": hit.transport}
    if _shared_of(hit) != _shared_of(event):
        values |= {name: getattr(hit, name) for name in _SHARED if getattr(hit, name) != getattr(event, name)}
    for name in _MAY_LACK:
        value = getattr(hit, name)
        if value is not None:
            values[name] = value
    if hit.parameters:
        # four loops in C take less time than one in which every parameter is taken apart
        parameters = hit.parameters
        values["names"] = [param[0] for param in parameters]
        decoded = values["values"] = [param[1] for param in parameters]
        raw = [param[2] for param in parameters]
        values["contexts"] = [(context, len(list(run))) for context, run in groupby([param[3] for param in parameters])]
        if raw != decoded:
            values["raw"] = {str(place): wire for place, wire in enumerate(raw) if wire is not decoded[place] != wire}
    if hit.identifiers != event.identifiers:
        places = {item: place for place, item in enumerate(event.identifiers)}
        values["identifiers"] = [places.get(item, item) for item in hit.identifiers]
    return values


def event_of(text: str, identifiers: str, columns: Mapping[str, Any]) -> Event:
    """Return the event of a row: its `event_text`, its identifiers, and what else of it stands in columns."""
    values = from_json(text)
    if "id" in values:
        return Event.model_validate_json(text)
    found = tuple([Identifier._make(item) for item in from_json(identifiers)])
    values = {"referrer_url": None, "client_time": None, "client_ip": None, **values, **columns, "identifiers": found}
    values["hits"] = tuple([_hit_of(hit, values) for hit in values["hits"]])
    return Event(**values)


def _hit_of(values: dict[str, Any], event: Mapping[str, Any]) -> Hit:
    decoded = values.pop("values", ())
    raw = list(decoded)
    for place, wire in values.pop("raw", {}).items():
        raw[int(place)] = wire
    contexts = chain.from_iterable(repeat(context, count) for context, count in values.pop("contexts", ()))
    parameters = tuple(map(Param, values.pop("names", ()), decoded, raw, contexts))
    known = event["identifiers"]
    given = values.pop("identifiers", None)
    identifiers = (
        known
        if given is None
        else tuple([known[item] if isinstance(item, int) else Identifier._make(item) for item in given])
    )
    whole = {**dict.fromkeys(_MAY_LACK), **{name: event[name] for name in _SHARED}, **values}
    return Hit(**whole, parameters=parameters, identifiers=identifiers)


def assessment_text(assessment: Assessment) -> str:
    """Return what the columns do not hold of an assessment."""
    values: dict[str, Any] = {
        "topics": assessment.topics,
        "actions": assessment.actions,
        "contexts": assessment.contexts,
        "suppressed_by": assessment.suppressed_by,
        "near_misses": assessment.near_misses,
        "steps": assessment.steps,
    }
    return json_text({name: value for name, value in values.items() if value})


def findings_text(findings: Iterable[Finding]) -> str:
    """Return what of findings their rules do not say: rule, field, parameter, text, start, end and points."""
    rows = []
    for item in findings:
        field, parameter, text, start, end = item.evidence
        rows.append((item.rule, _FIELD_TEXTS[field], parameter, text, start, end, item.points))
    return json_text(rows)


def assessment_of(text: str, findings: str, columns: Mapping[str, Any], rules: RuleTexts) -> Assessment:
    """Return the assessment of a row: its `assessment_text` and `findings_text`, and what else stands in columns."""
    values = from_json(text)
    if "ruleset_digest" in values:
        return Assessment.model_validate_json(text)
    known = rules(columns["ruleset_digest"])
    return Assessment(
        **columns,
        **{name: tuple(values.get(name, ())) for name in ("topics", "actions", "contexts", "suppressed_by")},
        findings=tuple([_finding_of(item, known) for item in from_json(findings)]),
        near_misses=tuple(
            [NearMiss(rule, FieldName(field), *rest) for rule, field, *rest in values.get("near_misses", ())]
        ),
        steps=tuple([ScoreStep._make(item) for item in values.get("steps", ())]),
    )


def _finding_of(values: Sequence[Any], rules: Mapping[str, Rule]) -> Finding:
    name, field, parameter, text, start, end, points = values
    rule = rules[name]
    evidence = Evidence(FieldName(field), parameter, text, start, end)
    return Finding(
        rule.id, rule.version, rule.kind, rule.category, rule.tier, evidence, points, rule.reason, rule.legal_basis
    )
