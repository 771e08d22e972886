"""A small rule set of the tests' own, so that they say nothing about the built-in packs."""

from collections.abc import Callable
from typing import Any

import pytest

from rules.engine import Matcher
from rules.model import Example, Examples, Field, FieldName, Rule
from rules.ruleset import make_ruleset

MakeRule = Callable[..., Rule]
Evaluate = Callable[..., Any]

NO_EXAMPLES = Examples(match=(), no_match=())


def _make_rule(rule_id: str, kind: str, **attributes: Any) -> Rule:
    given = {
        "id": rule_id,
        "version": 1,
        "kind": kind,
        "category": rule_id.split("/")[1],
        "title": "A rule of the tests",
        "reason": "The text says something that the tests look at.",
        "legal_basis": "GDPR Art. 9(1)",
        "examples": NO_EXAMPLES,
    }
    return Rule.model_validate({**given, **attributes})


RULES = (
    _make_rule(
        "en/hiv/hiv",
        "topic",
        tier="special_risk",
        terms=("hiv", "hiv test", "hivclinic"),
        ambiguous=("aids", "prep"),
        unless=("hearing aids", "race for life hiv"),
        host_words=("hiv",),
    ),
    _make_rule("en/sexual_health/sexual-health", "topic", tier="special_risk", terms=("sexual health",)),
    _make_rule(
        "en/gut/crohns",
        "topic",
        tier="health",
        terms=("crohn's disease",),
        examples=Examples(
            match=(Example(text="Crohn's disease"), Example(text="crohns-disease")),
            no_match=(Example(text="Disease"), Example(text="Krone")),
        ),
    ),
    _make_rule("en/general/health", "topic", tier="health", points=25, terms=("medicine", "symptoms")),
    _make_rule("en/appointment/book", "action", care_action=True, terms=("book an appointment",)),
    _make_rule("en/apply/apply", "action", terms=("apply",)),
    _make_rule("en/provider/nhs", "context", context="provider", hosts=("nhs.uk",), host_words=("hospital",)),
    _make_rule(
        "en/specialist/clinic",
        "context",
        context="specialist",
        category="sexual_health",
        host_words=("sexualhealthclinic",),
        terms=("sexual health clinic",),
    ),
    _make_rule("en/portal/portal", "context", context="portal", path_words=("my record",), terms=("patient portal",)),
    _make_rule("en/young/young", "context", context="under_18", terms=("teenagers",)),
    _make_rule(
        "en/careers/careers",
        "suppressor",
        absolute=True,
        path_words=("careers",),
        terms=("vacancy",),
        host_words=("careers",),
    ),
    _make_rule("en/shop/shop", "suppressor", path_words=("shop",), terms=("gift shop",)),
)


@pytest.fixture(scope="session")
def make_rule() -> MakeRule:
    """Make a rule from its id, kind and whatever differs from an ordinary one."""
    return _make_rule


@pytest.fixture(scope="session")
def matcher() -> Matcher:
    """Return a matcher of the tests' rules."""
    return Matcher(make_ruleset(RULES))


@pytest.fixture(scope="session")
def evaluate(matcher: Matcher) -> Evaluate:
    """Evaluate texts given by field name: `page_title="…"`."""

    def run(**texts: str) -> Any:
        return matcher.evaluate(
            [
                Field(name=FieldName(name.replace("_", ".", 1)), parameter=name, text=text)
                for name, text in texts.items()
            ],
        )

    return run
