"""The ledger against a plain formulation of the policy, which looks through everything again for each question."""

from hypothesis import given
from hypothesis import strategies as st

from rules import score
from rules.engine import Matcher
from rules.model import Assessment, ContextKind, Evidence, Field, FieldName, Finding, NearMiss, RuleKind
from rules.score import Met, RuleHead, assess, near_miss


def head(number, kind, **more):
    given = {
        "id": f"en/x/{number}", "version": 1, "kind": kind, "role": more.get("context") or kind,
        "category": f"c{number % 4}", "tier": None, "context": None, "care_action": False, "absolute": False,
        "points": 0, "reason": "r", "legal_basis": "l",
    }  # fmt: skip
    given |= more
    specialist = given["context"] is ContextKind.SPECIALIST
    topic = kind is RuleKind.TOPIC
    risk = given["tier"] == "special_risk" if topic else specialist and given["tier"] != "health"
    return RuleHead(names_topic=topic or specialist, special_risk=risk, **given)


HEADS = [
    *(head(n, RuleKind.TOPIC, tier=tier, points=p) for n, (tier, p) in enumerate(
        [("special_risk", 70), ("health", 40), ("health", 25), ("health", 25), ("health", 30), (None, 40)]
    )),
    *(head(10 + n, RuleKind.ACTION, care_action=care, points=p) for n, (care, p) in enumerate(
        [(True, 25), (False, 25), (False, 27)]
    )),
    *(head(20 + n, RuleKind.CONTEXT, context=kind, tier=tier, points=p) for n, (kind, tier, p) in enumerate(
        [(ContextKind.PROVIDER, None, 10), (ContextKind.SPECIALIST, None, 20), (ContextKind.SPECIALIST, "health", 20),
         (ContextKind.PORTAL, None, 20), (ContextKind.UNDER_18, None, 10)]
    )),
    *(head(30 + n, RuleKind.SUPPRESSOR, absolute=absolute, care_action=care) for n, (absolute, care) in enumerate(
        [(False, False), (True, False), (False, True)]
    )),
]  # fmt: skip

PLACES = st.builds(
    lambda name, start, text: Evidence(name, "p", text, start, start + 1),
    st.sampled_from(FieldName),
    st.integers(0, 2),
    st.sampled_from("xy"),
)
METS = st.lists(st.builds(Met, st.sampled_from(HEADS), PLACES), max_size=12)
MISSES = st.lists(
    st.builds(NearMiss, st.just("m"), st.sampled_from(FieldName), st.just("p"), st.just("t"), st.just("w"))
)


def plain_order(item):
    evidence = item.evidence
    return (-item.worth, item.rule.id, evidence.field, evidence.parameter, evidence.start, evidence.end)


class PlainLedger:
    def __init__(self, counted):
        self.counted, self.steps, self.brought = list(counted), [], {}

    @property
    def total(self):
        return sum(delta for _, delta in self.steps)

    def add(self, label, delta):
        if delta:
            self.steps.append((label, delta))

    def bring(self, item, label, points):
        percent = score.FIELD_PERCENT.get(item.evidence.field, 100)
        portion = (points * percent + 50) // 100
        before = self.total
        self.add(f"{label} ({item.rule.id})", points)
        self.add(f"only {percent} % counts in {item.evidence.field.value}", portion - points)
        self.brought[item] = self.total - before


def plain_sum(items):
    def first(wanted):
        return next((item for item in items if wanted(item.rule)), None)

    def context(kind):
        return first(lambda rule: rule.kind is RuleKind.CONTEXT and rule.context is kind)

    ledger = PlainLedger(items)
    topic, action = (first(lambda rule, k=k: rule.kind is k) for k in (RuleKind.TOPIC, RuleKind.ACTION))
    specialist = context(ContextKind.SPECIALIST)
    if topic:
        ledger.bring(topic, f"topic {topic.rule.category}", topic.rule.points)
        if topic.worth == topic.rule.points < 40:
            percent = score.FIELD_PERCENT.get(topic.evidence.field, 100)
            for item in items:
                other = item.rule.kind is RuleKind.TOPIC and item.rule.id != topic.rule.id
                if other and score.FIELD_PERCENT.get(item.evidence.field, 100) == percent:
                    before = ledger.total
                    ledger.add(f"topic {item.rule.category} beside it ({item.rule.id})", max(0, 40 - before))
                    ledger.brought[item] = ledger.total - before
                    break
    if any(
        item.evidence.field is FieldName.SEARCH_TERM and item.rule.kind is RuleKind.TOPIC and item.rule.points >= 40
        for item in items
    ):
        ledger.add("typed by the visitor into a search", 10)
    if specialist:
        ledger.bring(specialist, "specialist care provider", max(specialist.rule.points, 60 - ledger.total))
    if action:
        generic = topic is not None and not specialist and topic.rule.points < 40
        least = 40 - ledger.total
        ledger.bring(action, f"action {action.rule.category}", least if generic else max(action.rule.points, least))
    labels = {
        ContextKind.PROVIDER: "health care provider",
        ContextKind.PORTAL: "patient portal or signed-in page",
        ContextKind.UNDER_18: "about a child or young person",
    }
    for kind, label in labels.items():
        if context(kind):
            ledger.bring(context(kind), label, context(kind).rule.points)
    told = [item.evidence.field.value for item in (topic, specialist, action) if item]
    if context(ContextKind.PROVIDER) and context(ContextKind.PORTAL):
        ledger.add("a provider's portal is used by its patients", max(0, 40 - ledger.total))
    elif not told:
        ledger.add("context alone is no health content", min(0, 24 - ledger.total))
    elif all(name.startswith(("referrer.", "hidden.")) for name in told):
        where = "referrer" if all(name.startswith("referrer.") for name in told) else "hidden address"
        ledger.add(f"told in the {where} only", min(0, 39 - ledger.total))
    return ledger


def plainly_assessed(met, misses):
    distinct = {plain_order(item): item for item in met}
    ordered = [distinct[key] for key in sorted(distinct)]
    contributing = [item for item in ordered if item.rule.kind is not RuleKind.SUPPRESSOR]
    cared = any(
        item.rule.care_action and not item.evidence.field.value.startswith(("referrer.", "hidden.")) for item in ordered
    )
    active = [item for item in ordered if item.rule.kind is RuleKind.SUPPRESSOR and (item.rule.absolute or not cared)]
    names = sorted({item.rule.id for item in active})
    covered = {name for item in active for name in score.SUPPRESSED_BY[item.evidence.field]}
    spared = [item for item in contributing if item.evidence.field not in covered]
    ledger = plain_sum(contributing)
    if active and len(spared) < len(contributing):
        ledger.add(f"suppressed to 30 % ({', '.join(names)})", (ledger.total * 30 + 50) // 100 - ledger.total)
        ledger.brought[active[0]] = ledger.steps[-1][1] if ledger.steps and "suppressed" in ledger.steps[-1][0] else 0
        partly = plain_sum(spared)
        ledger = partly if partly.total > ledger.total else ledger
    ledger.add("cap at 100", min(0, 100 - ledger.total))
    near = list(misses)
    for item in ordered:
        if item.rule.kind in {RuleKind.TOPIC, RuleKind.ACTION} and item.evidence.field in covered:
            near.append(near_miss(item, f"suppressed by {', '.join(names)}"))
        elif item.rule.kind is RuleKind.SUPPRESSOR and item not in active:
            near.append(near_miss(item, "cancelled by a care action"))

    def categories(items):
        def strength(item):
            specialist = item.rule.context is ContextKind.SPECIALIST
            points = 60 if specialist else item.rule.points
            return (points * score.FIELD_PERCENT.get(item.evidence.field, 100) + 50) // 100

        ranked = sorted(items, key=lambda item: (-strength(item), item.rule.category))
        return tuple(dict.fromkeys(item.rule.category for item in ranked))

    band = score.band_of(ledger.total)
    risk = any(item.rule.special_risk for item in ledger.counted)
    totals = [sum(delta for _, delta in ledger.steps[: n + 1]) for n in range(len(ledger.steps))]
    return Assessment(
        ruleset_digest="d",
        score=ledger.total,
        band=band,
        tier="none" if band == "none" else "special_risk" if risk else "health",
        topics=categories([item for item in ledger.counted if item.rule.names_topic]),
        actions=categories([item for item in ledger.counted if item.rule.kind is RuleKind.ACTION]),
        contexts=tuple(dict.fromkeys(item.rule.context for item in ledger.counted if item.rule.context)),
        suppressed_by=tuple(names),
        findings=tuple(
            Finding(
                item.rule.id, item.rule.version, item.rule.kind, item.rule.category, item.rule.tier, item.evidence,
                ledger.brought.get(item, 0), item.rule.reason, item.rule.legal_basis,
            )
            for item in ordered
            if item in ledger.counted or item.rule.kind is RuleKind.SUPPRESSOR
        ),
        near_misses=tuple(sorted(set(near))),
        steps=tuple(
            score.ScoreStep(label, delta, total) for (label, delta), total in zip(ledger.steps, totals, strict=True)
        ),
    )  # fmt: skip


@given(METS, MISSES)
def test_the_policy_in_one_pass_is_the_policy(met, misses):
    assert assess(met, misses, "d").model_dump_json() == plainly_assessed(met, misses).model_dump_json()


TEXTS = st.sampled_from(
    [
        "HIV test", "hearing aids", "aids", "Book an appointment", "Careers", "hiv " * 12, "", "Crohn%27s disease",
        "https://hospital.example/hiv?q=prep", "https://sexualhealthclinic.example/careers/", "symptoms", "apply",
    ]
)  # fmt: skip
FIELDS = st.lists(
    st.builds(
        lambda name, parameter, text, offset, uneven: Field(
            name, parameter, text, offset, tuple(range(offset, offset + 2 * len(text) + 2, 2)) if uneven else None
        ),
        st.sampled_from(FieldName),
        st.sampled_from(["a", "b"]),
        TEXTS,
        st.integers(0, 1),
        st.booleans(),
    ),
    max_size=5,
)


@given(st.lists(FIELDS, max_size=6))
def test_what_is_remembered_changes_nothing(matcher, events):
    """One matcher for all events says what a new one says of each."""
    seasoned = Matcher(matcher.ruleset)
    for fields in events:
        assert (
            seasoned.evaluate(fields).model_dump_json() == Matcher(matcher.ruleset).evaluate(fields).model_dump_json()
        )
