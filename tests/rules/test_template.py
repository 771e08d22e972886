"""The beginning of a rule file."""

import pytest

from rules.errors import RuleSetError
from rules.loader import load_rules
from rules.model import RuleKind
from rules.template import TemplateError, rule_template


@pytest.mark.parametrize("kind", list(RuleKind))
def test_a_template_is_yaml_that_says_what_is_missing(tmp_path, kind):
    path = tmp_path / "en" / "my-topic" / "my-rule.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(rule_template("en/my-topic/my-rule", kind.value), encoding="utf-8")
    with pytest.raises(RuleSetError) as caught:
        load_rules([tmp_path], built_in=False)
    assert any(error.field == "reason" for error in caught.value.errors)


def test_a_filled_template_loads(tmp_path):
    path = tmp_path / "en" / "my-topic" / "my-rule.yaml"
    path.parent.mkdir(parents=True)
    text = rule_template("en/my-topic/my-rule", "topic").replace('reason: ""', 'reason: "It is about a condition."')
    path.write_text(text.replace("terms: []", "terms: [ehlers danlos]"), encoding="utf-8")
    (rule,) = load_rules([tmp_path], built_in=False).rules
    assert (rule.id, rule.category, rule.terms) == ("en/my-topic/my-rule", "my_topic", ("ehlers danlos",))


@pytest.mark.parametrize("name", ["", "x", "EN/a/b", "en/../b", "en//b", "en/a b", "en/a/b.yaml", "/etc/passwd"])
def test_ids_are_checked(name):
    with pytest.raises(TemplateError, match="no rule id"):
        rule_template(name, "topic")


def test_kinds_are_checked():
    with pytest.raises(TemplateError, match="topic, action, context, suppressor"):
        rule_template("en/a/b", "rule")
