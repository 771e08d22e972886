import pytest

from rules.ruleset import digest_of, make_ruleset


def test_rules_are_sorted_and_the_digest_does_not_depend_on_order(make_rule):
    rules = [make_rule("en/b/b", "topic"), make_rule("en/a/a", "topic")]
    ruleset = make_ruleset(rules)
    assert [rule.id for rule in ruleset.rules] == ["en/a/a", "en/b/b"]
    assert ruleset.digest == digest_of(reversed(rules)) == make_ruleset(reversed(rules)).digest
    assert len(ruleset.digest) == 64


def test_two_rules_of_one_id(make_rule):
    with pytest.raises(ValueError, match="two rules have the id en/a/a"):
        make_ruleset([make_rule("en/a/a", "topic"), make_rule("en/a/a", "action")])
