import pickle

import pytest

from rules.engine import Matcher
from rules.loader import load_packs, load_rules
from rules.model import Field, FieldName
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


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize(
    "make", [load_rules, lambda: load_packs(["politics"]), lambda: make_ruleset(load_rules().rules)]
)
def test_another_process_can_be_handed_a_set(make, kept, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if kept:
        Matcher(make())
    first = make()
    second = pickle.loads(pickle.dumps(first))
    assert second.digest == first.digest
    field = Field(FieldName.PAGE_TITLE, "p", "Join the Labour Party and book an HIV test")
    assert Matcher(second).evaluate([field]) == Matcher(first).evaluate([field])
    assert second == first
