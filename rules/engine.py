"""The matcher: which rules meet which texts of an event, and what that says."""

from collections.abc import Sequence
from functools import lru_cache

from rules.address import Part, PartKind, parts
from rules.hosts import HostIndex
from rules.model import Assessment, ContextKind, Evidence, Field, FieldName, NearMiss, Rule, RuleKind
from rules.phrases import Hit, PhraseIndex, Role
from rules.ruleset import RuleSet
from rules.score import Met, assess, is_read, near_miss

MAX_LENGTH = 200_000
"""Code points of a field that are read; of a longer one a near miss says how much was not."""

MAX_OCCURRENCES = 8
"""How often one rule is recorded in one field; of further occurrences a near miss gives the number."""

CACHED_LENGTH = 2_000
LONG_LENGTH = 20_000
"""What texts up to these lengths met is kept in memory, of many and of few; longer ones seldom come twice."""

CACHED_EVENT = 10_000
"""Events whose texts have at most so many characters in all are assessed once: two pixels tell of one page alike."""

LIMIT_RULE = "engine/limit"
"""Stands for a rule in near misses that say what was not read."""

URL_PARTS = {
    FieldName.PAGE_URL: (
        FieldName.PAGE_HOST,
        FieldName.PAGE_PATH,
        FieldName.PAGE_QUERY,
        FieldName.PAGE_FRAGMENT,
        FieldName.SEARCH_TERM,
        FieldName.CAMPAIGN,
    ),
    FieldName.REFERRER_URL: (
        FieldName.REFERRER_HOST,
        FieldName.REFERRER_PATH,
        FieldName.REFERRER_QUERY,
        FieldName.REFERRER_FRAGMENT,
    ),
    FieldName.HIDDEN_URL: (
        FieldName.HIDDEN_HOST,
        FieldName.HIDDEN_PATH,
        FieldName.HIDDEN_QUERY,
        FieldName.HIDDEN_FRAGMENT,
    ),
    FieldName.DESTINATION_URL: (
        FieldName.DESTINATION_HOST,
        FieldName.DESTINATION_PATH,
        FieldName.DESTINATION_QUERY,
        FieldName.DESTINATION_FRAGMENT,
    ),
}
"""What a whole address stands for in the `fields` of a rule."""


class Matcher:
    """Rules made ready to be matched. It has no state but caches: one serves any number of events."""

    def __init__(self, ruleset: RuleSet) -> None:
        self.ruleset = ruleset
        self._rules = ruleset.rules
        self._fields = [_fields_read(rule) for rule in ruleset.rules]
        self._phrases = PhraseIndex(ruleset.rules)
        self._hosts = HostIndex(ruleset.rules)
        self._cached_hits = lru_cache(maxsize=16_384)(self._find)
        self._cached_met = lru_cache(maxsize=4_096)(self._met)
        self._cached_long = lru_cache(maxsize=64)(self._met)
        self._cached_assessments = lru_cache(maxsize=512)(self._assess)

    def __reduce__(self) -> tuple[type["Matcher"], tuple[RuleSet]]:
        """Let another process make its own."""
        return Matcher, (self.ruleset,)

    def evaluate(self, fields: Sequence[Field]) -> Assessment:
        """Assess the texts of one event.

        It never raises, whatever the texts are, and the result does not depend on their order.
        """
        texts = tuple(fields)
        if sum([len(field.text) for field in texts]) <= CACHED_EVENT:
            return self._cached_assessments(texts)
        return self._assess(texts)

    def _assess(self, fields: tuple[Field, ...]) -> Assessment:
        sure: list[Met] = []
        unsure: list[Met] = []
        misses: list[NearMiss] = []
        for field in fields:
            self._read(field, sure, unsure, misses)
        confirmed: list[Met] = []
        for item in unsure:
            if any(_confirms(other, item) for other in sure):
                confirmed.append(item)
            else:
                misses.append(near_miss(item, "ambiguous: needs a second signal in the event"))
        return assess(sure + confirmed, misses, self.ruleset.digest)

    def _read(self, field: Field, sure: list[Met], unsure: list[Met], misses: list[NearMiss]) -> None:
        text = field.text[:MAX_LENGTH]
        if len(field.text) > MAX_LENGTH:
            misses.append(_limit(field, f"only the first {MAX_LENGTH} of {len(field.text)} code points were read"))
        find = self._met
        if len(text) <= LONG_LENGTH:
            find = self._cached_met if len(text) <= CACHED_LENGTH else self._cached_long
        met: dict[int, int] = {}
        for part, hit in find(field.name, text):
            count = met[hit.rule] = met.get(hit.rule, 0) + 1
            if count > MAX_OCCURRENCES:
                continue
            item = Met(self._rules[hit.rule], _evidence(field, part, hit))
            if hit.role is Role.SURE:
                sure.append(item)
            elif hit.role is Role.AMBIGUOUS:
                unsure.append(item)
            else:
                misses.append(near_miss(item, f"part of an exception: {hit.exception}"))
        for number, count in met.items():
            if count > MAX_OCCURRENCES:
                more = count - MAX_OCCURRENCES
                misses.append(_limit(field, f"{more} more texts that {self._rules[number].id} meets"))

    def _met(self, name: FieldName, text: str) -> tuple[tuple[Part, Hit], ...]:
        """Return what the rules that read a field of this name meet in a text, part by part."""
        found: list[tuple[Part, Hit]] = []
        for part in parts(name, text):
            piece = text[part.start : part.end]
            find = self._cached_hits if len(piece) <= CACHED_LENGTH else self._find
            found += [(part, hit) for hit in find(piece, part.kind) if part.name in self._fields[hit.rule]]
        return tuple(found)

    def _find(self, text: str, kind: PartKind) -> tuple[Hit, ...]:
        if kind is PartKind.HOST:
            return self._hosts.hits(text)
        return self._phrases.hits(text, segment=kind is PartKind.SEGMENT)


def _fields_read(rule: Rule) -> frozenset[FieldName]:
    """Return the fields a rule reads: its own choice, or all, as far as the policy lets its kind."""
    chosen = set(rule.fields) or set(FieldName)
    for name in rule.fields:
        chosen.update(URL_PARTS.get(name, ()))
    return frozenset(name for name in chosen if is_read(rule, name))


def _evidence(field: Field, part: Part, hit: Hit) -> Evidence:
    _, parameter, text, offset, positions = field
    start, end = part.start + hit.start, part.start + hit.end
    if positions is None:
        return _new(Evidence, (part.name, parameter, text[start:end], offset + start, offset + end))
    first, last = _position(positions, start), _position(positions, end)
    return _new(Evidence, (part.name, parameter, text[start:end], first, last))


_new = tuple.__new__  # a named tuple's own constructor is written in Python


def _position(positions: Sequence[int], index: int) -> int:
    """Return the position of a code point; positions that are too few end at their last."""
    return positions[min(index, len(positions) - 1)] if positions else index


def _confirms(other: Met, item: Met) -> bool:
    """Tell whether a sure finding is a second health signal beside an ambiguous one."""
    match other.rule.kind:
        case RuleKind.SUPPRESSOR:
            return False
        case RuleKind.CONTEXT if other.rule.context in {ContextKind.UNDER_18, None}:
            return False
    one, two = other.evidence, item.evidence
    apart = one.end <= two.start or two.end <= one.start
    return apart or (one.field, one.parameter) != (two.field, two.parameter)


def _limit(field: Field, why: str) -> NearMiss:
    return NearMiss(rule=LIMIT_RULE, field=field.name, parameter=field.parameter, text="", why=why)
