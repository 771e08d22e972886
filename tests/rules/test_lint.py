import pytest

from rules.lint import CHECKS, check
from rules.model import Example, Examples
from rules.ruleset import RuleSource, make_ruleset

GOOD = Examples(
    match=(Example(text="An abortion clinic"), Example(text="Abortion advice")),
    no_match=(Example(text="Absorption"), Example(text="Aborted take-off")),
)


def issues(make_rule, *, rule_id="en/abortion/care", kind="topic", **attributes):
    given = {"tier": "special_risk", "terms": ("abortion",), "examples": GOOD, **attributes}
    return check(make_ruleset([make_rule(rule_id, kind, **given)]))


def test_a_good_rule_has_no_issues(make_rule):
    assert issues(make_rule) == []


@pytest.mark.parametrize(
    ("attributes", "name"),
    [
        ({"rule_id": "en/Abortion/care"}, "id-shape"),
        ({"category": "Abortion care"}, "id-shape"),
        ({"reason": "abortion"}, "wording"),
        ({"legal_basis": " "}, "wording"),
        ({"tier": None}, "kind"),
        ({"care_action": True}, "kind"),
        ({"absolute": True}, "kind"),
        ({"context": "portal"}, "kind"),
        ({"points": 101}, "kind"),
        ({"terms": ()}, "empty"),
        ({"terms": ("abortion", "--")}, "unreachable"),
        ({"terms": ("abortion", "clinics?.*")}, "unreachable"),
        ({"hosts": ("https://clinic.example/x",)}, "unreachable"),
        ({"hosts": ("www.clinic.example",)}, "unreachable"),
        ({"host_words": ("clinic.example",)}, "unreachable"),
        ({"path_words": ("a/b",)}, "unreachable"),
        ({"terms": ("abortion", "top")}, "short-term"),
        ({"terms": ("abortion", "Abortion")}, "said-twice"),
        ({"ambiguous": ("abortion",)}, "said-twice"),
        ({"examples": Examples(match=GOOD.match[:1], no_match=GOOD.no_match)}, "examples"),
        ({"examples": Examples(match=GOOD.match, no_match=())}, "examples"),
        ({"examples": Examples(match=GOOD.no_match, no_match=GOOD.no_match)}, "example-fails"),
        ({"examples": Examples(match=GOOD.match, no_match=GOOD.match)}, "example-fails"),
    ],
)
def test_each_check(make_rule, attributes, name):
    assert name in {issue.check for issue in issues(make_rule, **attributes)}


def test_rules_of_other_kinds(make_rule):
    assert {issue.check for issue in issues(make_rule, kind="context")} == {"kind"}
    found = issues(make_rule, kind="suppressor", tier=None, points=3, fields=("page.description",))
    assert {issue.check for issue in found} == {"kind", "unreachable", "example-fails"}


def test_a_term_of_two_rules(make_rule):
    rules = [make_rule(f"en/{name}/x", "topic", tier="health", terms=("abortion",), examples=GOOD) for name in "ab"]
    found = check(make_ruleset(rules))
    assert [(issue.rule, issue.check, issue.severity) for issue in found] == [("en/b/x", "shared-term", "warning")]


def test_an_issue_says_where(make_rule):
    rule = make_rule("en/a/a", "topic", tier="health", terms=("abortion", "--"), examples=GOOD)
    source = RuleSource(rule="en/a/a", path="packs/en/a/a.yaml", lines={"terms": 8, "terms.1": 10})
    found = check(make_ruleset([rule], [source]))
    assert [(issue.path, issue.line) for issue in found] == [("packs/en/a/a.yaml", 10)]


def test_checks_have_names_and_advice():
    assert len({one.name for one in CHECKS}) == len(CHECKS)
    assert all(one.recommendation.endswith(".") for one in CHECKS)
