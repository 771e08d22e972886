"""The beginning of a rule file, for people who write their first."""

import re

from rules.model import RuleKind

_ID = re.compile(r"[a-z]{2,3}(?:/[a-z0-9][a-z0-9_-]{0,60}){1,4}")

_KIND_LINES = {
    RuleKind.TOPIC: "tier: health            # or special_risk, where being known harms in particular",
    RuleKind.ACTION: "care_action: false      # true only where the object is care of the visitor",
    RuleKind.CONTEXT: "context: provider       # or specialist, portal, under_18",
    RuleKind.SUPPRESSOR: "absolute: false         # true where even a care action on the page cancels nothing",
}


class TemplateError(ValueError):
    """The id or kind of a new rule cannot be used."""


def rule_template(rule: str, kind: str) -> str:
    """Return the text of a new rule file. Raises TemplateError."""
    if not _ID.fullmatch(rule):
        raise TemplateError(f"“{rule}” is no rule id such as en/my-topic/my-rule: small letters, digits, - and _")
    try:
        chosen = RuleKind(kind)
    except ValueError:
        raise TemplateError(f"“{kind}” is none of: {', '.join(item.value for item in RuleKind)}") from None
    category = (
        rule.split("/")[-2].replace("-", "_") if rule.count("/") > 1 else rule.rpartition("/")[2].replace("-", "_")
    )
    name = rule.rpartition("/")[2].replace("-", " ").replace("_", " ")
    return f"""version: 1
kind: {chosen.value}
category: {category}
title: "{name.capitalize()}"
{_KIND_LINES[chosen]}
reason: ""              # one sentence: why does this text indicate something about the visitor's health?
legal_basis: "GDPR Art. 9(1): data concerning health"
terms: []               # words and phrases that count alone
ambiguous: []           # words with everyday meanings: they count beside a second health signal
unless: []              # phrases in which a term does not count
examples:
  match: []             # at least two texts from real pages, each as: {{field: page.title, text: "…"}}
  no_match: []          # the nearest texts that must not match
"""
