"""One pixel request in words: what it is, what it is about and why, what ties it to a person, how it travelled."""

from collections.abc import Iterator

from addon.audit import AssessedEvent, assess, build_event, decode, visitor_of, witness_of
from addon.decoders.base import Decoded
from addon.decoders.meta.dictionary import lookup
from addon.decoders.meta.filters import filtering
from addon.model import CapturedRequest, Hit
from addon.observation import Observer
from addon.redaction import Redactor
from addon.sighting import Sighting
from addon.telling import about, one_line
from rules.engine import Matcher
from rules.model import Assessment, Finding

MOST_PARAMETERS = 200
"""How many parameters of a request are listed."""

_WIDTH = 12


def describe(request: CapturedRequest, matcher: Matcher, other: Matcher | None = None) -> str:
    """Return `request` as plain text, with its identifiers shortened and without its secrets.

    Events are evaluated by this request alone: another request of the same event may add to the score.
    """
    observed = Observer("shown").observe(request)
    if observed is None:
        return "This request is nothing that Pixelwitness looks at."
    decoded = decode(observed)
    witness = witness_of(observed)
    events = [build_event([Sighting(hit, witness)], frozenset({"shown"}), None) for hit in decoded.hits]
    items = [assess(event, matcher, visitor_of(event, {}), other) for event in events]
    lines = list(_head(request, decoded))
    for number, (hit, item) in enumerate(zip(decoded.hits, items, strict=True), start=1):
        if len(items) > 1:
            lines += ["", f"==== event {number} of {len(items)} ===="]
        lines += _event(hit, item)
    return "\n".join(lines)


def _head(request: CapturedRequest, decoded: Decoded) -> Iterator[str]:
    if request.held:
        yield "HELD: this request did not leave. The proxy answered it itself."
        yield ""
    if not decoded.hits:
        yield f"A request to Meta that carries no event: {decoded.role.replace('_', ' ')}."
    if decoded.problem is not None:
        yield f"It could not be read as it stands: {one_line(decoded.problem)}"


def _event(hit: Hit, item: AssessedEvent) -> Iterator[str]:
    event, assessment = item.event, item.assessment
    redactor = Redactor(event.identifiers, reveal=False)
    yield f"{one_line(event.event_name or '(no name)')}: {assessment.score} of 100, {assessment.band}. {about(item)}"
    yield ""
    for label, value in (
        ("Page", event.page_url),
        ("Title", item.page_title),
        ("Clicked", item.clicked),
        ("Searched", item.searched),
        ("Came from", event.referrer_url),
        ("Pixel", event.pixel_id),
        ("Recipient", event.recipient_host),
        ("Travelled", _travelled(hit)),
    ):
        if value:
            yield f"{label:<{_WIDTH}}{_shown(redactor, value)}"
    yield from _words("What it is about", assessment, redactor)
    if item.other is not None and item.other.findings:
        yield from _words("Apart from health", item.other, redactor)
    yield ""
    yield f"What ties it to a person: {event.linkability.replace('_', ' ')}"
    for found in event.identifiers:
        yield f"  {found.kind:<14}{_shown(redactor, redactor.identifier(found))}  ({found.source})"
    filtered = filtering(hit)
    if filtered.notes:
        yield ""
        yield "What Meta's client filtered"
        for note in filtered.notes:
            yield f"  {_shown(redactor, note.text)}"
        for text in filtered.still_left:
            yield f"  Still left: {_shown(redactor, text)}"
    yield ""
    yield "Parameters"
    for param in hit.parameters[:MOST_PARAMETERS]:
        meaning = lookup(param.name)
        yield f"  {one_line(param.name)} = {_cut(redactor.parameter(param.name, param.value))}"
        yield f"      {meaning.meaning if meaning else 'not documented'}"
    if len(hit.parameters) > MOST_PARAMETERS:
        yield f"  and {len(hit.parameters) - MOST_PARAMETERS} more"


def _words(title: str, assessment: Assessment, redactor: Redactor) -> Iterator[str]:
    yield ""
    yield f"{title}: {assessment.score} of 100"
    if not assessment.findings:
        yield "  no word that the rules know"
    by_rule: dict[str, list[Finding]] = {}
    for finding in assessment.findings:
        by_rule.setdefault(finding.rule, []).append(finding)
    for rule, found in by_rule.items():
        yield f"  {found[0].reason} [{rule}]"
        for item in found:
            place = f"{item.evidence.field.value.replace('.', ' ')}, parameter {one_line(item.evidence.parameter)}"
            yield f"      “{_shown(redactor, item.evidence.text)}” in the {place}"
    yield "  Score, step by step"
    for step in assessment.steps:
        yield f"    {step.delta:+4} → {step.total:3}  {_shown(redactor, step.label)}"


def _travelled(hit: Hit) -> str:
    trigger = {
        "site_code": "the site's own code called it",
        "automatic": "Meta's code sent it by itself",
        "event_setup_tool": "a rule set up in Meta's Event Setup Tool sent it",
        "unknown": "",
    }[hit.trigger]
    return "; ".join(part for part in (hit.transport.replace("_", " "), trigger) if part)


def _shown(redactor: Redactor, text: str) -> str:
    return _cut(redactor.text(text))


def _cut(text: str) -> str:
    return one_line(text)
