"""The matcher: which rules meet which texts of an event, and what that says."""

from collections.abc import Sequence
from typing import NamedTuple

from rules.address import Part, PartKind, parts
from rules.hosts import HostIndex
from rules.memory import Memory
from rules.model import Assessment, ContextKind, Evidence, Field, FieldName, NearMiss, RuleKind
from rules.phrases import Hit, PhraseIndex, Role
from rules.ruleset import RuleSet
from rules.score import Met, assess, near_miss

MAX_LENGTH = 200_000
"""Code points of a field that are read; of a longer one a near miss says how much was not."""

MAX_OCCURRENCES = 8
"""How often one rule is recorded in one field; of further occurrences a near miss gives the number."""

KNOWN_LENGTH = 20_000
"""What texts up to this length met is kept in memory; longer ones seldom come twice."""

KNOWN_EVENT = 10_000
"""Events whose texts have at most so many characters in all are assessed once: two pixels tell of one page alike."""

HIT_BYTES = 150
MET_BYTES = 900
"""What a hit and what is kept of one in a field take in memory, roughly."""

LIMIT_RULE = "engine/limit"
"""Stands for a rule in near misses that say what was not read."""


class _Told(NamedTuple):
    """What one text says by itself."""

    sure: tuple[Met, ...]
    unsure: tuple[Met, ...]
    misses: tuple[NearMiss, ...]


_NOTHING = _Told((), (), ())
_Hits = tuple[tuple[Part, Hit], ...]


class Matcher:
    """Rules made ready to be matched. It has no state but memory: one serves any number of events."""

    def __init__(self, ruleset: RuleSet) -> None:
        self.ruleset = ruleset
        tables = ruleset.tables
        self._digest = tables.digest
        self._heads = tables.heads
        self._fields = tables.fields
        self._phrases = PhraseIndex(tables.phrases)
        self._hosts = HostIndex(tables.hosts)
        self._hits = Memory(self._find, _size_of_hits)
        self._met = Memory(self._meet, _size_of_hits)
        self._told = Memory(self._read, _size_of_told)
        self._known = Memory(self._assess, _size_of_assessment)
        self._scored = Memory(self._score, _size_of_score)

    def __reduce__(self) -> tuple[type["Matcher"], tuple[RuleSet]]:
        """Let another process make its own."""
        return Matcher, (self.ruleset,)

    def evaluate(self, fields: Sequence[Field]) -> Assessment:
        """Assess the texts of one event.

        It never raises, whatever the texts are, and the result does not depend on their order.
        """
        texts = tuple(fields)
        if sum([len(field.text) for field in texts]) <= KNOWN_EVENT:
            return self._known(texts)
        return self._assess(texts)

    def _assess(self, fields: tuple[Field, ...]) -> Assessment:
        sure: list[Met] = []
        unsure: list[Met] = []
        misses: list[NearMiss] = []
        for field in fields:
            told = self._told(field) if len(field.text) <= KNOWN_LENGTH else self._read(field)
            if told is not _NOTHING:
                sure += told.sure
                unsure += told.unsure
                misses += told.misses
        confirmed: list[Met] = []
        for item in unsure:
            if any(_confirms(other, item) for other in sure):
                confirmed.append(item)
            else:
                misses.append(near_miss(item, "ambiguous: needs a second signal in the event"))
        return self._scored((tuple(sure + confirmed), tuple(misses)))

    def _score(self, said: tuple[tuple[Met, ...], tuple[NearMiss, ...]]) -> Assessment:
        """Return what comes of all that was met: the same for most of what is done on one page."""
        return assess(*said, self._digest)

    def _read(self, field: Field) -> _Told:
        """Return what a field says by itself."""
        text = field.text
        sure: list[Met] = []
        unsure: list[Met] = []
        misses: list[NearMiss] = []
        if len(text) > MAX_LENGTH:
            misses.append(_limit(field, f"only the first {MAX_LENGTH} of {len(text)} code points were read"))
            text = text[:MAX_LENGTH]
        counts: dict[int, int] = {}
        for part, hit in self._met((field.name, text)) if len(text) <= KNOWN_LENGTH else self._meet((field.name, text)):
            count = counts[hit.rule] = counts.get(hit.rule, 0) + 1
            if count > MAX_OCCURRENCES:
                continue
            item = Met(self._heads[hit.rule], _evidence(field, part, hit))
            if hit.role is Role.SURE:
                sure.append(item)
            elif hit.role is Role.AMBIGUOUS:
                unsure.append(item)
            else:
                misses.append(near_miss(item, f"part of an exception: {hit.exception}"))
        for number, count in counts.items():
            if count > MAX_OCCURRENCES:
                more = count - MAX_OCCURRENCES
                misses.append(_limit(field, f"{more} more texts that {self._heads[number].id} meets"))
        return _Told(tuple(sure), tuple(unsure), tuple(misses)) if counts or misses else _NOTHING

    def _meet(self, named: tuple[FieldName, str]) -> _Hits:
        """Return what the rules that read a field of a name meet in a text, part by part."""
        name, text = named
        found: list[tuple[Part, Hit]] = []
        for part in parts(name, text):
            piece = text[part.start : part.end]
            hits = (self._hits if len(piece) <= KNOWN_LENGTH else self._find)((part.kind, piece))
            found += [(part, hit) for hit in hits if part.name in self._fields[hit.rule]]
        return tuple(found)

    def _find(self, given: tuple[PartKind, str]) -> tuple[Hit, ...]:
        kind, text = given
        if kind is PartKind.HOST:
            return self._hosts.hits(text)
        return self._phrases.hits(text, segment=kind is PartKind.SEGMENT)


def _size_of_hits(key: tuple[str, str], hits: Sequence[object]) -> int:
    return 200 + 4 * len(key[1]) + HIT_BYTES * len(hits)


def _size_of_told(field: Field, told: _Told) -> int:
    found = len(told.sure) + len(told.unsure) + len(told.misses)
    return 300 + 4 * len(field.text) + 8 * len(field.positions or ()) + MET_BYTES * found


def _size_of_assessment(fields: tuple[Field, ...], assessment: Assessment) -> int:
    texts = sum([200 + 4 * len(field.text) + 8 * len(field.positions or ()) for field in fields])
    return 1_000 + texts + HIT_BYTES * (len(assessment.findings) + len(assessment.near_misses))


def _size_of_score(said: tuple[tuple[Met, ...], tuple[NearMiss, ...]], assessment: Assessment) -> int:
    return 1_000 + HIT_BYTES * (sum(map(len, said)) + len(assessment.findings) + len(assessment.near_misses))


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
