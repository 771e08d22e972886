"""A set of rules that is evaluated as one, and a digest that names exactly this set."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Literal

from rules.model import Frozen, Rule

Origin = Literal["built-in", "user"]


class RuleSource(Frozen):
    """Where a rule was read.

    `lines` gives the line of each attribute (`terms`) and list item (`terms.3`); `replaces` is the path
    of the rule of the same id that this one stands in for.
    """

    rule: str
    path: str
    origin: Origin = "user"
    replaces: str | None = None
    lines: Mapping[str, int] = {}


class RuleSet(Frozen):
    """Rules sorted by id, the SHA-256 of their content in hexadecimal digits, and their files."""

    rules: tuple[Rule, ...]
    digest: str
    sources: tuple[RuleSource, ...] = ()


def make_ruleset(rules: Iterable[Rule], sources: Iterable[RuleSource] = ()) -> RuleSet:
    """Return a set of these rules.

    Raises ValueError if two rules have the same id.
    """
    ordered = tuple(sorted(rules, key=lambda rule: rule.id))
    for first, second in pairwise(ordered):
        if first.id == second.id:
            raise ValueError(f"two rules have the id {first.id}")
    by_rule = tuple(sorted(sources, key=lambda source: source.rule))
    return RuleSet(rules=ordered, digest=digest_of(ordered), sources=by_rule)


def digest_of(rules: Iterable[Rule]) -> str:
    """Return the SHA-256 over what the rules say, whatever their files look like."""
    content = [rule.model_dump(mode="json") for rule in sorted(rules, key=lambda rule: rule.id)]
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()
