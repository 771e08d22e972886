"""The scoring policy: what findings are worth, as data, and the arithmetic that adds them up.

topic, specialist, action, context, then suppressors, then the cap. All numbers are integers and every one
of them ends up in the ledger, so that a score can be checked with pencil and paper:

* the strongest **topic** counts; an **action** adds to it, or counts more where it stands alone;
* **where** a text stood weighs it: a referrer tells of an earlier page, an attribute of a button was perhaps
  never seen;
* **context** alone says that somebody visited a health site, not that it was for their health: it stays below
  the first band, except for a provider's portal, which only its patients use;
* a **suppressor** (careers, press, privacy notice) speaks for the text it stands in: on the page's own
  path, host or title for the whole page, on a button or link for that click, elsewhere for that text only.
  A care action cancels it, unless it is absolute.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Literal, NamedTuple

from rules.model import (
    Assessment,
    Band,
    ContextKind,
    Evidence,
    FieldName,
    Finding,
    NearMiss,
    Rule,
    RuleKind,
    ScoreStep,
    Tier,
)
from rules.unchecked import unchecked

TOPIC_POINTS: Mapping[str | None, int] = {"special_risk": 70, "health": 40, None: 40}
"""What a topic brings, by tier; a rule for a generic health word sets its own `points`."""

WEAK_TOPICS_TOGETHER = 40
"""What two topics reach where neither is a named condition: the site's subject and a generic health word.

"Treatments" says little, and so does the address of a charity for Parkinson's; "Treatments" on its site says
as much as the condition's name.
"""

ACTION_POINTS = 25
"""What an action adds to a topic."""

ACTION_ALONE = 40
"""What an action brings by itself; with a weak topic the two reach at least this.

With a generic health word they reach no more: an appointment at a hospital says less than one at its
sexual-health clinic (ICO, special category guidance: an appointment in isolation).
"""

SPECIALIST_ALONE = 60
"""What a specialist care provider brings by itself; with a weak topic the two reach at least this."""

CONTEXT_POINTS: Mapping[ContextKind, int] = {
    ContextKind.SPECIALIST: 20,
    ContextKind.PROVIDER: 10,
    ContextKind.PORTAL: 20,
    ContextKind.UNDER_18: 10,
}
"""What a context adds to a topic or an action."""

CONTEXT_ONLY_LIMIT = 24
"""What provider, portal and audience can reach without a topic, an action or a specialist."""

PROVIDER_PORTAL = 40
"""What a portal on a provider's host is worth at least: its user is a patient."""

SUPPRESSED_PERCENT = 30
"""What a suppressor leaves."""

SEARCH_POINTS = 10
"""What it adds that the visitor typed a named topic into a search: nobody else put the words there."""

INDIRECT_LIMIT = 39
"""What is reached where health words are told only indirectly.

They stand in the referrer, which tells of an earlier page, or in an address of which only a fingerprint left.
"""

CAP = 100

BANDS: Sequence[tuple[int, Band]] = ((80, "critical"), (60, "high"), (40, "medium"), (25, "low"), (0, "none"))
"""The lowest score of each band."""

FIELD_PERCENT: Mapping[FieldName, int] = {
    FieldName.PAGE_DESCRIPTION: 60,
    FieldName.PAGE_KEYWORDS: 50,
    FieldName.PAGE_STRUCTURED: 80,
    FieldName.PAGE_FRAGMENT: 90,
    FieldName.REFERRER_URL: 50,
    FieldName.REFERRER_HOST: 50,
    FieldName.REFERRER_PATH: 50,
    FieldName.REFERRER_QUERY: 50,
    FieldName.REFERRER_FRAGMENT: 50,
    FieldName.HIDDEN_URL: 50,
    FieldName.HIDDEN_HOST: 50,
    FieldName.HIDDEN_PATH: 50,
    FieldName.HIDDEN_QUERY: 50,
    FieldName.HIDDEN_FRAGMENT: 50,
    FieldName.DESTINATION_URL: 90,
    FieldName.DESTINATION_HOST: 90,
    FieldName.DESTINATION_PATH: 90,
    FieldName.DESTINATION_QUERY: 90,
    FieldName.DESTINATION_FRAGMENT: 90,
    FieldName.BUTTON_ATTRIBUTE: 50,
    FieldName.CAMPAIGN: 80,
}
"""How much of its points a finding keeps in a field; the whole where a field is not listed."""

_REFERRER = frozenset(
    {
        FieldName.REFERRER_URL,
        FieldName.REFERRER_HOST,
        FieldName.REFERRER_PATH,
        FieldName.REFERRER_QUERY,
        FieldName.REFERRER_FRAGMENT,
    },
)
_HIDDEN = frozenset(
    {
        FieldName.HIDDEN_URL,
        FieldName.HIDDEN_HOST,
        FieldName.HIDDEN_PATH,
        FieldName.HIDDEN_QUERY,
        FieldName.HIDDEN_FRAGMENT,
    },
)
_INDIRECT = _REFERRER | _HIDDEN
_CLICK = frozenset(
    {
        FieldName.BUTTON_TEXT,
        FieldName.BUTTON_ATTRIBUTE,
        FieldName.DESTINATION_URL,
        FieldName.DESTINATION_HOST,
        FieldName.DESTINATION_PATH,
        FieldName.DESTINATION_QUERY,
        FieldName.DESTINATION_FRAGMENT,
    },
)
_OWN_PAGE = frozenset({FieldName.PAGE_HOST, FieldName.PAGE_PATH, FieldName.PAGE_TITLE})

_WHOLE_EVENT = frozenset(FieldName) - _REFERRER

SUPPRESSED_BY: Mapping[FieldName, frozenset[FieldName]] = (
    {name: frozenset({name}) for name in FieldName}
    | dict.fromkeys(_REFERRER, _REFERRER)
    | dict.fromkeys(_HIDDEN, _HIDDEN)
    | dict.fromkeys(_CLICK, _CLICK)
    | dict.fromkeys(_OWN_PAGE, _WHOLE_EVENT)
)
"""Which fields a suppressor in a field speaks for."""

NO_SUPPRESSOR = frozenset({FieldName.PAGE_DESCRIPTION, FieldName.PAGE_KEYWORDS, FieldName.PAGE_STRUCTURED})
"""Fields in which suppressors are not looked for: the same words stand on every page of a site."""

NO_CONTEXT = _INDIRECT | _CLICK - {FieldName.BUTTON_TEXT} | {FieldName.CAMPAIGN, FieldName.CONTENT}
"""Fields that say nothing about the page's own context; a specialist counts wherever it is named."""

_CONTEXT_LABELS: Mapping[ContextKind, str] = {
    ContextKind.SPECIALIST: "specialist care provider",
    ContextKind.PROVIDER: "health care provider",
    ContextKind.PORTAL: "patient portal or signed-in page",
    ContextKind.UNDER_18: "about a child or young person",
}


class RuleHead(NamedTuple):
    """What scoring needs to know of a rule: all but its words and examples.

    `role` is what it can bring to a score: a context's is its kind of context. `points` is what it is worth
    before its field is weighed, in company of others. A specialist's field is a topic, and one of special risk
    unless the rule says otherwise.
    """

    id: str
    version: int
    kind: RuleKind
    role: RuleKind | ContextKind | None
    category: str
    tier: Literal["health", "special_risk"] | None
    context: ContextKind | None
    care_action: bool
    absolute: bool
    points: int
    names_topic: bool
    special_risk: bool
    reason: str
    legal_basis: str


def head_of(rule: Rule) -> RuleHead:
    """Return what scoring needs to know of a rule."""
    specialist = rule.context is ContextKind.SPECIALIST
    topic = rule.kind is RuleKind.TOPIC
    return RuleHead(
        id=rule.id,
        version=rule.version,
        kind=rule.kind,
        role=rule.context if rule.kind is RuleKind.CONTEXT else rule.kind,
        category=rule.category,
        tier=rule.tier,
        context=rule.context,
        care_action=rule.care_action,
        absolute=rule.absolute,
        points=_points(rule),
        names_topic=topic or specialist,
        special_risk=rule.tier == "special_risk" if topic else specialist and rule.tier != "health",
        reason=rule.reason,
        legal_basis=rule.legal_basis,
    )


class Met:
    """A rule and a text it met, with all that can be said before the rest of the event is known.

    `worth` is what it brings in that field, in company of others; `order` puts the strongest first, and
    `standing` the strongest category. `finding` is the record of it as long as it brings no points.
    """

    __slots__ = ("evidence", "finding", "order", "rule", "standing", "worth")

    def __init__(self, rule: RuleHead, evidence: Evidence) -> None:
        field, parameter, _, start, end = evidence
        percent = FIELD_PERCENT.get(field, 100)
        worth = _portion(rule.points, percent)
        alone = _portion(SPECIALIST_ALONE, percent) if rule.context is ContextKind.SPECIALIST else worth
        self.rule = rule
        self.evidence = evidence
        self.worth = worth
        self.order = (-worth, rule.id, field, parameter, start, end)
        self.standing = (-alone, rule.category)
        self.finding = Finding(
            rule.id, rule.version, rule.kind, rule.category, rule.tier, evidence, 0, rule.reason, rule.legal_basis
        )


def is_read(rule: Rule, name: FieldName) -> bool:
    """Tell whether the policy lets this kind of rule read this field."""
    if rule.kind is RuleKind.SUPPRESSOR:
        return name not in NO_SUPPRESSOR
    if rule.kind is RuleKind.CONTEXT and rule.context is not ContextKind.SPECIALIST:
        return name not in NO_CONTEXT
    return True


def band_of(score: int) -> Band:
    """Return the band of a score of 0-100 points."""
    return next(band for lowest, band in BANDS if score >= lowest)


def assess(met: Iterable[Met], near_misses: Iterable[NearMiss], digest: str) -> Assessment:
    """Score what the rules met in one event.

    The result does not depend on the order of `met`. What a suppressor took away and what almost matched is
    in `near_misses`; texts that were suppressed only in part of the event count for the rest of it.
    """
    ordered = _distinct(met)
    suppressors = [item for item in ordered if item.rule.kind is RuleKind.SUPPRESSOR]
    if not suppressors:
        result = _sum_up(ordered)
        result.cap()
        return _assessment(result, ordered, (), near_misses, digest)
    contributing = [item for item in ordered if item.rule.kind is not RuleKind.SUPPRESSOR]
    active = _active(suppressors, contributing)
    covered = {name for item in active for name in SUPPRESSED_BY[item.evidence.field]}
    spared = [item for item in contributing if item.evidence.field not in covered]
    result = _sum_up(contributing)
    if active and len(spared) < len(contributing):
        suppressed = _suppress(result, active)
        partly = _sum_up(spared)
        # Whichever is more: all of it, suppressed, or in full what no suppressor speaks for.
        result = partly if partly.total > suppressed.total else suppressed
    result.cap()
    names = tuple(sorted({item.rule.id for item in active}))
    counted = {*result.counted, *suppressors}
    listed = [item for item in ordered if item in counted]
    misses = [*near_misses, *_not_counted(ordered, active, covered, names)]
    return _assessment(result, listed, names, misses, digest)


def _distinct(met: Iterable[Met]) -> list[Met]:
    """Return what was met, strongest first, each rule once for a place."""
    ordered = sorted(met, key=_ORDER)
    kept: list[Met] = []
    before = None
    for item in ordered:
        if item.order == before:
            kept[-1] = item
        else:
            kept.append(item)
            before = item.order
    return kept


def _percent(name: FieldName) -> int:
    return FIELD_PERCENT.get(name, 100)


def _portion(points: int, percent: int) -> int:
    """Return so many percent of points, halves rounded up."""
    return (points * percent + 50) // 100


def _points(rule: Rule) -> int:
    """Return what a rule is worth before its field is weighed, in company of others."""
    if rule.points is not None:
        return rule.points
    match rule.kind:
        case RuleKind.TOPIC:
            return TOPIC_POINTS[rule.tier]
        case RuleKind.ACTION:
            return ACTION_POINTS
        case RuleKind.CONTEXT if rule.context is not None:
            return CONTEXT_POINTS[rule.context]
        case _:
            return 0


class _Ledger:
    """What counts, the steps so far, and which item brought how many points."""

    def __init__(self, counted: Sequence[Met]) -> None:
        self.counted = counted
        self.steps: list[ScoreStep] = []
        self.brought: dict[Met, int] = {}
        self.total = 0

    def add(self, label: str, delta: int) -> None:
        if delta:
            self.total += delta
            self.steps.append(_new(ScoreStep, (label, delta, self.total)))

    def add_item(self, label: str, item: Met, points: int) -> None:
        """Add an item's points and, as a step of its own, what its field takes off them."""
        before = self.total
        name = item.evidence.field
        percent = _percent(name)
        self.add(f"{label} ({item.rule.id})", points)
        if percent != 100:
            self.add(f"only {percent} % counts in {name}", _portion(points, percent) - points)
        self.brought[item] = self.total - before

    def fill_up(self, label: str, item: Met, least: int) -> None:
        """Add what is missing to so many points, and note that an item brought it."""
        before = self.total
        self.add(f"{label} ({item.rule.id})", max(0, least - self.total))
        self.brought[item] = self.total - before

    def cap(self) -> None:
        self.add(f"cap at {CAP}", min(0, CAP - self.total))


def _sum_up(items: Sequence[Met]) -> _Ledger:
    ledger = _Ledger(items)
    strongest: dict[RuleKind | ContextKind | None, Met] = {}
    searched = False
    for item in items:  # they come strongest first
        strongest.setdefault(item.rule.role, item)
        searched = searched or (item.evidence.field is FieldName.SEARCH_TERM and _is_named_topic(item.rule))
    topic = strongest.get(RuleKind.TOPIC)
    specialist = strongest.get(ContextKind.SPECIALIST)
    action = strongest.get(RuleKind.ACTION)
    if topic:
        ledger.add_item(f"topic {topic.rule.category}", topic, topic.rule.points)
        weak = _second_weak_topic(items, topic)
        if weak:
            ledger.fill_up(f"topic {weak.rule.category} beside it", weak, WEAK_TOPICS_TOGETHER)
    if searched:
        ledger.add("typed by the visitor into a search", SEARCH_POINTS)
    if specialist:
        alone = max(specialist.rule.points, SPECIALIST_ALONE - ledger.total)
        ledger.add_item(_CONTEXT_LABELS[ContextKind.SPECIALIST], specialist, alone)
    if action:
        generic = topic is not None and not specialist and topic.rule.points < TOPIC_POINTS["health"]
        least = ACTION_ALONE - ledger.total
        ledger.add_item(f"action {action.rule.category}", action, least if generic else max(action.rule.points, least))
    for kind in (ContextKind.PROVIDER, ContextKind.PORTAL, ContextKind.UNDER_18):
        context = strongest.get(kind)
        if context:
            ledger.add_item(_CONTEXT_LABELS[kind], context, context.rule.points)
    told = [item for item in (topic, specialist, action) if item]
    if ContextKind.PROVIDER in strongest and ContextKind.PORTAL in strongest:
        ledger.add("a provider's portal is used by its patients", max(0, PROVIDER_PORTAL - ledger.total))
    elif not told:
        ledger.add("context alone is no health content", min(0, CONTEXT_ONLY_LIMIT - ledger.total))
    elif all(item.evidence.field in _INDIRECT for item in told):
        where = "referrer" if all(item.evidence.field in _REFERRER for item in told) else "hidden address"
        ledger.add(f"told in the {where} only", min(0, INDIRECT_LIMIT - ledger.total))
    return ledger


def _second_weak_topic(items: Sequence[Met], topic: Met) -> Met | None:
    """Return a topic of another rule where both are weak and both stand in fields that count in full."""
    if topic.worth != topic.rule.points or topic.rule.points >= TOPIC_POINTS["health"]:
        return None
    return next(
        (
            item
            for item in items
            if item.rule.kind is RuleKind.TOPIC
            and item.rule.id != topic.rule.id
            and _percent(item.evidence.field) == _percent(topic.evidence.field)
        ),
        None,
    )


def _is_named_topic(rule: RuleHead) -> bool:
    """Tell whether a rule names a topic; a generic health word names none."""
    return rule.kind is RuleKind.TOPIC and rule.points >= TOPIC_POINTS["health"]


def _active(suppressors: Sequence[Met], contributing: Sequence[Met]) -> list[Met]:
    """Return the suppressors that nothing cancels."""
    cared_for = any(
        item.rule.care_action and item.evidence.field not in _INDIRECT for item in (*contributing, *suppressors)
    )
    return [item for item in suppressors if item.rule.absolute or not cared_for]


def _suppress(ledger: _Ledger, active: Sequence[Met]) -> _Ledger:
    names = ", ".join(sorted({item.rule.id for item in active}))
    delta = _portion(ledger.total, SUPPRESSED_PERCENT) - ledger.total
    ledger.add(f"suppressed to {SUPPRESSED_PERCENT} % ({names})", delta)
    ledger.brought[active[0]] = delta
    return ledger


def _not_counted(
    ordered: Iterable[Met], active: Sequence[Met], covered: Collection[FieldName], names: Iterable[str]
) -> Iterator[NearMiss]:
    """Yield what suppressors took away, and the suppressors that a care action cancelled."""
    for item in ordered:
        kind = item.rule.kind
        if kind in {RuleKind.TOPIC, RuleKind.ACTION} and item.evidence.field in covered:
            yield near_miss(item, f"suppressed by {', '.join(names)}")
        elif kind is RuleKind.SUPPRESSOR and item not in active:
            yield near_miss(item, "cancelled by a care action")


def _assessment(
    ledger: _Ledger,
    listed: Iterable[Met],
    suppressed_by: tuple[str, ...],
    near_misses: Iterable[NearMiss],
    digest: str,
) -> Assessment:
    topics: set[tuple[int, str]] = set()
    actions: set[tuple[int, str]] = set()
    contexts: dict[ContextKind, None] = {}
    special_risk = False
    for item in ledger.counted:
        rule = item.rule
        if rule.names_topic:
            topics.add(item.standing)
            special_risk = special_risk or rule.special_risk
        if rule.kind is RuleKind.ACTION:
            actions.add(item.standing)
        if rule.context:
            contexts[rule.context] = None
    band = band_of(ledger.total)
    tier: Tier = "special_risk" if special_risk else "health"
    brought = ledger.brought
    return _made(
        ruleset_digest=digest,
        score=ledger.total,
        band=band,
        tier="none" if band == "none" else tier,
        topics=_categories(topics),
        actions=_categories(actions),
        contexts=tuple(contexts),
        suppressed_by=suppressed_by,
        findings=tuple(
            [_with_points(item.finding, brought[item]) if item in brought else item.finding for item in listed]
        ),
        near_misses=tuple(sorted(set(near_misses))),
        steps=tuple(ledger.steps),
    )


_made = unchecked(Assessment)


def _categories(standings: Iterable[tuple[int, str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([category for _, category in sorted(standings)]))


def _with_points(finding: Finding, points: int) -> Finding:
    rule, version, kind, category, tier, evidence, _, reason, legal_basis = finding
    return Finding(rule, version, kind, category, tier, evidence, points, reason, legal_basis)


def near_miss(item: Met, why: str) -> NearMiss:
    """Return the record of a text that did not count."""
    evidence = item.evidence
    return NearMiss(
        rule=item.rule.id,
        field=evidence.field,
        parameter=evidence.parameter,
        text=evidence.text,
        why=why,
    )


_ORDER = attrgetter("order")
_new = tuple.__new__  # a named tuple's own constructor is written in Python
