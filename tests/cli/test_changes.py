"""What a second evaluation changed, and why."""

import pytest

from addon.audit import AssessedEvent, Clock
from addon.consent.timeline import NOT_KNOWN
from addon.model import Event
from addon.store.rows import StoredDerivation
from cli import changes
from rules.model import Assessment, Evidence, FieldName, Finding, RuleKind, ScoreStep


def found(rule: str, points: int, *, version: int = 1, text: str = "HIV clinic") -> Finding:
    return Finding(
        rule=rule,
        version=version,
        kind=RuleKind.TOPIC,
        category="hiv_sexual_health",
        tier="special_risk",
        evidence=Evidence(field=FieldName.PAGE_TITLE, parameter="dl", text=text, start=0, end=len(text)),
        points=points,
        reason="It names HIV.",
        legal_basis="Art. 9(1) GDPR",
    )


def assessed(
    score: int, *findings: Finding, topics: tuple[str, ...] = (), steps: tuple[ScoreStep, ...] = ()
) -> Assessment:
    bands = ((80, "critical"), (60, "high"), (40, "medium"), (25, "low"), (0, "none"))
    return Assessment.model_validate(
        {
            "ruleset_digest": "sha256:x",
            "score": score,
            "band": next(band for lowest, band in bands if score >= lowest),
            "tier": "special_risk" if topics else "none",
            "topics": topics,
            "findings": findings,
            "steps": steps,
        }
    )


def derivation(
    assessment: Assessment, *, digest: str = "sha256:new", other: Assessment | None = None
) -> StoredDerivation:
    event = Event(
        id="e1",
        hits=(),
        event_name="PageView",
        kind="standard",
        trigger="site_code",
        pixel_id="1",
        recipient_host="www.facebook.com",
        site="clinic.example",
        page_url="https://clinic.example/",
        page_url_from="dl",
        frame="top",
        referrer_url=None,
        occurred_at=1.0,
        client_time=None,
        client_ip=None,
        delivery="answered",
        linkability="address_only",
        linkability_complete=True,
        page_class="public",
        identifiers=(),
    )
    item = AssessedEvent(
        event=event,
        assessment=assessment,
        consent=NOT_KNOWN,
        page_title=None,
        clicked=None,
        searched=None,
        other=other,
    )
    return StoredDerivation(
        tool_version="1",
        ruleset_digest=digest,
        decoded=1,
        failed=0,
        clock=Clock(skew_ms=None, spread_ms=None, samples=0),
        events=(item,),
        acts=(),
        problems=(),
    )


OLD = derivation(assessed(70, found("hiv", 70), topics=("hiv_sexual_health",)), digest="sha256:old")


def said(new: StoredDerivation, old: StoredDerivation | None = OLD) -> tuple[list[str], str]:
    """Return the lines and the summary of what changed."""
    compared = changes.compare("visit", old, new)
    shown = [line for change in compared.changed for line in changes.lines(change, {"hiv": "HIV", "prep": "PrEP"})]
    return shown, changes.summary(compared)


def test_a_rule_gained() -> None:
    shown, summary = said(derivation(assessed(80, found("hiv", 70), found("prep", 10), topics=("hiv_sexual_health",))))
    assert shown == [
        "e1  PageView on clinic.example: 70 high → 80 critical",
        "    + prep “PrEP”, version 1: “HIV clinic” in the page title, +10 points",
    ]
    assert summary == ("visit: 1 of 1 events changed (1 higher, 0 lower, 0 with the same score). Rules old → new.")


def test_a_rule_lost_takes_its_topic() -> None:
    shown, summary = said(derivation(assessed(0)))
    assert shown[0].endswith("70 high → 0 none")
    assert "    - hiv “HIV”, version 1: “HIV clinic” in the page title, +70 points" in shown
    assert "    topics: lost HIV and sexual health" in shown
    assert "(0 higher, 1 lower, 0 with the same score)" in summary


def test_a_rule_rewritten() -> None:
    shown, _ = said(derivation(assessed(40, found("hiv", 40, version=2), topics=("hiv_sexual_health",))))
    assert "    ~ hiv “HIV”: version 1 → 2, +70 → +40 points" in shown


def test_the_same_rules_added_up_otherwise() -> None:
    step = ScoreStep(label="provider's host", delta=10, total=80)
    shown, _ = said(derivation(assessed(80, found("hiv", 70), topics=("hiv_sexual_health",), steps=(step,))))
    assert "    step +10 provider's host: new" in shown


def test_another_version_with_the_same_score_is_counted_apart() -> None:
    shown, summary = said(derivation(assessed(70, found("hiv", 70, version=2), topics=("hiv_sexual_health",))))
    assert shown == []
    assert summary.startswith("visit: 0 of 1 events changed; 1 further event unchanged by other rules or versions.")


def test_nothing_changed() -> None:
    shown, summary = said(OLD)
    assert (shown, summary) == ([], "visit: 0 of 1 events changed. The rules are the same.")


def test_a_first_evaluation_lists_events_without_reasons() -> None:
    shown, summary = said(OLD, None)
    assert shown == ["e1  PageView on clinic.example: no such event → 70 high"]
    assert "Rules none → old." in summary


@pytest.mark.parametrize("score", [0, 60])
def test_optional_packs_are_told_apart(score: int) -> None:
    other = assessed(score, *([found("faith", 60)] if score else []), topics=("religion",) if score else ())
    health = OLD.events[0].assessment
    shown, summary = said(derivation(health, digest="sha256:old", other=other))
    assert bool(shown) == bool(score)
    assert summary.startswith("visit: 0 of 1 events changed")
    if score:
        assert shown[0] == "e1  PageView on clinic.example: other special categories not looked for → 60 high"
        assert "other special categories changed on 1 event" in summary


def test_long_words_are_cut() -> None:
    shown, _ = said(derivation(assessed(80, found("prep", 80, text="x" * 500), topics=("hiv_sexual_health",))))
    assert max(map(len, shown)) < 200
