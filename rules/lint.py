"""What is wrong, or probably wrong, with rules that could be read.

Every check is a small class with a name, a recommendation and a severity, and looks at one rule, or at how
the rules of a set get on with each other. The same checks serve `rules check` and the tests.
"""

import re
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Literal, NamedTuple

from rules.address import PartKind, parts
from rules.engine import Matcher
from rules.hosts import glued, plain_host
from rules.model import ContextKind, Example, Field, FieldName, Frozen, Rule, RuleKind
from rules.phrases import spellings
from rules.ruleset import RuleSet, RuleSource
from rules.score import is_read

Severity = Literal["error", "warning"]

MIN_EXAMPLES = 2
"""How many examples each way a rule needs at least."""

SHORT = 3
"""Terms of so few letters mean too many things to count alone."""

SHORT_TERMS = frozenset(
    {
        "a1c",
        "cjd",
        "hiv",
        "hpv",
        "ibs",
        "iud",
        "iui",
        "ivf",
        "mmr",
        "mri",
        "ocd",
        "std",
        "sti",
        "t1d",
        "t2d",
        "tmj",
    }
)
"""Short terms that mean little else."""

MIN_WORDS = 5
"""How many words the sentence of a reason has at least."""

PARAMETER = "example"
"""The parameter that examples are evaluated in."""

_ID = re.compile(r"[a-z]{2,8}(?:/[a-z0-9]+(?:[_-][a-z0-9]+)*)+")
_CATEGORY = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)*")
_PATTERN = re.compile(r"\.\*|\.\+|\\[bdswBDSW]|\[[^\]]*\]|\(\?|[|^$]")
_TEXT_ATTRIBUTES = ("terms", "ambiguous", "unless", "path_words")


class Issue(Frozen):
    """A problem, where it is (`line` counts from 1, 0 if unknown) and what to do about it."""

    rule: str
    path: str
    line: int
    check: str
    problem: str
    recommendation: str
    severity: Severity


class Problem(NamedTuple):
    """What a check found: at which attribute or list item (`terms.3`) of a rule."""

    rule: Rule
    where: str
    text: str


class Check(ABC):
    """One thing that can be wrong."""

    name: ClassVar[str]
    recommendation: ClassVar[str]
    severity: ClassVar[Severity] = "error"

    @abstractmethod
    def problems(self, ruleset: RuleSet) -> Iterator[Problem]:
        """Yield what is wrong with the rules of a set."""


class RuleCheck(Check):
    """A check that looks at one rule at a time."""

    def problems(self, ruleset: RuleSet) -> Iterator[Problem]:
        """Yield what is wrong with each rule."""
        for rule in ruleset.rules:
            for where, text in self.check(rule):
                yield Problem(rule, where, text)

    @abstractmethod
    def check(self, rule: Rule) -> Iterator[tuple[str, str]]:
        """Yield the place in the rule and the problem."""


class IdShape(RuleCheck):
    """Ids and categories are said aloud, typed and sorted."""

    name = "id-shape"
    recommendation = "Name the file language/topic/rule in lower case, and the category with underscores."

    def check(self, rule: Rule) -> Iterator[tuple[str, str]]:
        """Yield ids and categories of another shape."""
        if not _ID.fullmatch(rule.id):
            yield "id", f"the id {rule.id} is not of the form en/topic/rule-name"
        if not _CATEGORY.fullmatch(rule.category):
            yield "category", f"the category {rule.category} is not one word in lower case"


class Wording(RuleCheck):
    """A report prints title, reason and legal basis."""

    name = "wording"
    recommendation = "Say in one sentence why the text tells something about the visitor's health."

    def check(self, rule: Rule) -> Iterator[tuple[str, str]]:
        """Yield reasons that are no sentence and texts that are empty."""
        reason = rule.reason.strip()
        if not (reason[:1].isupper() and reason.endswith(".") and len(reason.split()) >= MIN_WORDS):
            yield "reason", "the reason is not a sentence"
        for attribute in ("title", "legal_basis"):
            if not getattr(rule, attribute).strip():
                yield attribute, f"the {attribute} is empty"


class FitsItsKind(RuleCheck):
    """Attributes that mean something for one kind of rule only."""

    name = "kind"
    recommendation = "Give a topic a tier, a context rule its context, and no rule what is another kind's."

    def check(self, rule: Rule) -> Iterator[tuple[str, str]]:
        """Yield attributes that are missing or out of place."""
        if rule.kind is RuleKind.TOPIC and rule.tier is None:
            yield "tier", "a topic has no tier"
        if rule.kind is RuleKind.CONTEXT and rule.context is None:
            yield "context", "a context rule does not say which context"
        if rule.kind is not RuleKind.CONTEXT and rule.context is not None:
            yield "context", f"a rule of kind {rule.kind} has a context"
        if rule.tier and rule.kind is not RuleKind.TOPIC and rule.context is not ContextKind.SPECIALIST:
            yield "tier", "only a topic and a specialist have a tier"
        if rule.care_action and rule.kind is not RuleKind.ACTION:
            yield "care_action", "only an action is a care action"
        if rule.absolute and rule.kind is not RuleKind.SUPPRESSOR:
            yield "absolute", "only a suppressor is absolute"
        if rule.points is not None and (rule.kind is RuleKind.SUPPRESSOR or not 0 <= rule.points <= 100):
            yield "points", "points are 0-100, and a suppressor has none"


class HasSomethingToMatch(RuleCheck):
    """A rule without terms never counts."""

    name = "empty"
    recommendation = "Add terms, ambiguous terms, host names, host words or path words."

    def check(self, rule: Rule) -> Iterator[tuple[str, str]]:
        """Yield rules that can match nothing."""
        if not (rule.terms or rule.ambiguous or rule.hosts or rule.host_words or rule.path_words):
            yield "", "the rule has nothing to match"


class Reachable(RuleCheck):
    """Texts that cannot be met, and fields that are not read."""

    name = "unreachable"
    recommendation = "Write words as a reader sees them: no patterns, no addresses among the words."

    def check(self, rule: Rule) -> Iterator[tuple[str, str]]:
        """Yield texts without letters or digits, patterns, and host names that are none."""
        for where, text in _texts(rule, _TEXT_ATTRIBUTES):
            if not spellings(text):
                yield where, f"{text!r} has no letters or digits"
            elif _PATTERN.search(text):
                yield where, f"{text!r} looks like a pattern; it is read letter by letter"
        for where, text in _texts(rule, ("host_words",)):
            if not glued(text) or "." in text:
                yield where, f"{text!r} is not a word of a host name"
        for where, text in _texts(rule, ("hosts",)):
            given = parts(FieldName.PAGE_URL, f"https://{text}/")
            if [part.kind for part in given] != [PartKind.HOST] or "." not in text or plain_host(text) != text:
                yield where, f"{text!r} is not a plain host name such as clinic.example.org"
        for where, text in _texts(rule, ("path_words",)):
            if "/" in text:
                yield where, f"{text!r} is more than one path segment"
        for index, name in enumerate(rule.fields):
            if not is_read(rule, name):
                yield f"fields.{index}", f"rules of kind {rule.kind} do not read {name.value}"


class ShortTerms(RuleCheck):
    """ED, MS and PIP mean many things."""

    name = "short-term"
    recommendation = "Move the term to `ambiguous`, or write it out."

    def check(self, rule: Rule) -> Iterator[tuple[str, str]]:
        """Yield terms of topics and actions that are too short to count alone."""
        if rule.kind not in {RuleKind.TOPIC, RuleKind.ACTION}:
            return
        for where, text in _texts(rule, ("terms",)):
            letters = glued(text)
            if 0 < len(letters) <= SHORT and letters not in SHORT_TERMS:
                yield where, f"{text!r} is too short to count without a second health signal"


class SaidOnce(RuleCheck):
    """The same words twice in one rule."""

    name = "said-twice"
    recommendation = "Delete one of the two."
    severity = "warning"

    def check(self, rule: Rule) -> Iterator[tuple[str, str]]:
        """Yield texts that another text of the same list already says."""
        for attribute in _TEXT_ATTRIBUTES:
            seen: dict[frozenset[tuple[str, ...]], str] = {}
            for where, text in _texts(rule, (attribute,)):
                words = frozenset(spellings(text))
                if words in seen:
                    yield where, f"{text!r} says the same as {seen[words]!r}"
                seen.setdefault(words, text)
        for where, text in _texts(rule, ("ambiguous",)):
            if spellings(text) & {words for term in rule.terms for words in spellings(term)}:
                yield where, f"{text!r} is ambiguous and a term at once"


class EnoughExamples(RuleCheck):
    """A rule proves itself, both ways."""

    name = "examples"
    recommendation = "Add texts from real pages: some it must match, and the nearest it must not."

    def check(self, rule: Rule) -> Iterator[tuple[str, str]]:
        """Yield rules with too few examples."""
        for kind in ("match", "no_match"):
            count = len(getattr(rule.examples, kind))
            if count < MIN_EXAMPLES:
                yield f"examples.{kind}", f"{count} examples under {kind}, {MIN_EXAMPLES} are needed"


class ExamplesHold(Check):
    """Each rule does with its own examples what it says, among all the rules."""

    name = "example-fails"
    recommendation = "Change the terms until the example holds, or the example if it is wrong."

    def problems(self, ruleset: RuleSet) -> Iterator[Problem]:
        """Yield examples that do not hold."""
        matcher = Matcher(ruleset)
        for rule in ruleset.rules:
            for kind, examples in (("match", rule.examples.match), ("no_match", rule.examples.no_match)):
                for index, example in enumerate(examples):
                    found = is_found(rule, example, matcher)
                    if found != (kind == "match"):
                        what = "matches" if found else "does not match"
                        yield Problem(rule, f"examples.{kind}.{index}", f"the rule {what} {example.text!r}")


class SaidByOneRule(Check):
    """The same words in two rules of one kind bring two findings for one text."""

    name = "shared-term"
    recommendation = "Leave the term to the rule it says more about."
    severity = "warning"

    def problems(self, ruleset: RuleSet) -> Iterator[Problem]:
        """Yield terms that another rule of the same kind and language has, too."""
        first: dict[tuple[str, str, str, tuple[str, ...]], str] = defaultdict(str)
        for rule in ruleset.rules:
            for where, text in _texts(rule, ("terms",)):
                for words in sorted(spellings(text))[:1]:
                    key = (rule.kind.value, rule.context or "", rule.language, words)
                    other = first.setdefault(key, rule.id)
                    if other != rule.id:
                        yield Problem(rule, where, f"{text!r} is a term of {other}, too")


CHECKS: tuple[Check, ...] = (
    IdShape(),
    Wording(),
    FitsItsKind(),
    HasSomethingToMatch(),
    Reachable(),
    ShortTerms(),
    SaidOnce(),
    EnoughExamples(),
    ExamplesHold(),
    SaidByOneRule(),
)
"""Every check, in the order of the issues."""


def check(ruleset: RuleSet) -> list[Issue]:
    """Return every issue of a rule set, by file and line."""
    sources = {source.rule: source for source in ruleset.sources}
    issues = [
        Issue(
            rule=problem.rule.id,
            path=sources[problem.rule.id].path if problem.rule.id in sources else problem.rule.id,
            line=_line(sources.get(problem.rule.id), problem.where),
            check=one.name,
            problem=problem.text,
            recommendation=one.recommendation,
            severity=one.severity,
        )
        for one in CHECKS
        for problem in one.problems(ruleset)
    ]
    return sorted(issues, key=lambda issue: (issue.path, issue.line, issue.check, issue.problem))


def is_found(rule: Rule, example: Example, matcher: Matcher) -> bool:
    """Tell whether a rule of the matcher has a finding in an example that stands alone."""
    field = Field(name=example.field, parameter=PARAMETER, text=example.text)
    return any(finding.rule == rule.id for finding in matcher.evaluate([field]).findings)


def _texts(rule: Rule, attributes: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the place and text of every item of these lists."""
    for attribute in attributes:
        for index, text in enumerate(getattr(rule, attribute)):
            yield f"{attribute}.{index}", text


def _line(source: RuleSource | None, where: str) -> int:
    """Return the line of a place in a rule file, or of what holds it."""
    lines: Mapping[str, int] = source.lines if source else {}
    while where and where not in lines:
        where = where.rpartition(".")[0]
    return lines.get(where, 0)
