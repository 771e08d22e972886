"""A set of rules that is evaluated as one, and a digest that names exactly this set."""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property
from itertools import pairwise
from typing import Literal, NamedTuple

from rules.model import Frozen, Rule
from rules.tables import Tables, make_tables

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


class RuleContent(NamedTuple):
    """Rules sorted by id, and their files."""

    rules: tuple[Rule, ...]
    sources: tuple[RuleSource, ...] = ()


class RuleSet:
    """Rules sorted by id, the SHA-256 of their content in hexadecimal digits, and their files.

    It is never changed, and another process can be handed it. Where its tables are
    known it can be matched without a single rule having been made: `content` is read when somebody asks for the
    rules themselves.
    """

    def __init__(
        self,
        digest: str,
        content: RuleContent | Callable[[], RuleContent],
        tables: Tables | None = None,
        keep: Callable[[Tables], None] | None = None,
        some: Callable[[Collection[str]], tuple[Rule, ...]] | None = None,
    ) -> None:
        """Take a digest, and the rules or what gives them when they are asked for.

        `keep` is handed tables that had to be made; `some` gives rules by their ids at less cost than all of them.
        """
        self.digest = digest
        self._given = content
        self._known = tables
        self._keep = keep
        self._some = some
        self._found: dict[str, Rule] = {}

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Return the rules, sorted by id."""
        return self._content.rules

    @property
    def sources(self) -> tuple[RuleSource, ...]:
        """Return where the rules were read, sorted by id."""
        return self._content.sources

    @cached_property
    def tables(self) -> Tables:
        """Return the rules as the matcher reads them."""
        if self._known is not None:
            return self._known
        tables = make_tables(self.rules, self.digest)
        if self._keep:
            self._keep(tables)
        return tables

    def named(self, ids: Collection[str]) -> tuple[Rule, ...]:
        """Return the rules that have these ids, sorted by id."""
        if not self._some or "_content" in self.__dict__:
            return tuple(rule for rule in self.rules if rule.id in ids)
        missing = [rule for rule in ids if rule not in self._found]
        if missing:
            self._found.update((rule.id, rule) for rule in self._some(missing))
        return tuple(self._found[rule] for rule in sorted(ids) if rule in self._found)

    @cached_property
    def _content(self) -> RuleContent:
        return self._given if isinstance(self._given, RuleContent) else self._given()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RuleSet) and (self.digest, self._content) == (other.digest, other._content)

    def __hash__(self) -> int:
        return hash(self.digest)


def make_ruleset(
    rules: Iterable[Rule], sources: Iterable[RuleSource] = (), keep: Callable[[Tables], None] | None = None
) -> RuleSet:
    """Return a set of these rules; `keep` is handed its tables once they are made.

    Raises ValueError if two rules have the same id.
    """
    content = sorted_content(rules, sources)
    return RuleSet(digest_of(content.rules), content, keep=keep)


def sorted_content(rules: Iterable[Rule], sources: Iterable[RuleSource] = ()) -> RuleContent:
    """Return rules and their files in the order of ids. Raises ValueError if two rules have the same id."""
    ordered = tuple(sorted(rules, key=lambda rule: rule.id))
    for first, second in pairwise(ordered):
        if first.id == second.id:
            raise ValueError(f"two rules have the id {first.id}")
    return RuleContent(ordered, tuple(sorted(sources, key=lambda source: source.rule)))


def digest_of(rules: Iterable[Rule]) -> str:
    """Return the SHA-256 over what the rules say, whatever their files look like."""
    content = [rule.model_dump(mode="json") for rule in sorted(rules, key=lambda rule: rule.id)]
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()
