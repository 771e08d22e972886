"""The phrases of all rules in one dictionary of word sequences, found by their first word."""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from functools import lru_cache
from itertools import accumulate, product
from typing import NamedTuple

from rules.model import Rule
from rules.text import Reading, readings

MAX_POSSESSIVES = 3
"""How many possessives of one phrase are tried in all their spellings."""

_POSSESSIVE = re.compile(r"['\u2019]s\b", re.IGNORECASE)


class Role(StrEnum):
    """How a phrase counts."""

    SURE = "sure"
    AMBIGUOUS = "ambiguous"
    EXCEPTED = "excepted"

    __hash__ = str.__hash__  # an enumeration's own is written in Python


class Hit(NamedTuple):
    """Rule number `rule` met `text[start:end]`; `exception` is the text that makes it not count."""

    rule: int
    role: Role
    start: int
    end: int
    exception: str = ""


class Entry(NamedTuple):
    """What a phrase stands for: how it counts for which rule; `whole` only as a whole path segment."""

    rule: int
    role: Role
    whole: bool = False


class PhraseTable(NamedTuple):
    """The phrases of rules, found by their words with a space between them.

    `phrases` gives the number of a group of entries, and `sizes`, for the first word of phrases, the number of
    one of the `lengths` in words that phrases have.
    """

    groups: Sequence[tuple[Entry, ...]]
    phrases: dict[str, int]
    lengths: Sequence[Sequence[int]]
    sizes: dict[str, int]


@lru_cache(maxsize=32_768)
def spellings(phrase: str) -> frozenset[tuple[str, ...]]:
    """Return the word sequences a phrase is found by; none if it has no letters or digits.

    `Crohn's disease` is also written `crohns-disease` and `crohn-s-disease` in addresses.
    """
    pieces = _POSSESSIVE.split(phrase, maxsplit=MAX_POSSESSIVES)
    if len(pieces) == 1:
        words = readings(phrase)[0].words
        return frozenset({words} if words else ())
    found: set[tuple[str, ...]] = set()
    for endings in product(("", "s", " s"), repeat=len(pieces) - 1):
        spelling = "".join(piece + ending for piece, ending in zip(pieces, (*endings, ""), strict=True))
        words = readings(spelling)[0].words
        if words:
            found.add(words)
    return frozenset(found)


def phrase_table(rules: Iterable[Rule]) -> PhraseTable:
    """Return the phrases of rules, which go by their number in `rules`."""
    phrases: dict[tuple[str, ...], list[Entry]] = defaultdict(list)
    for number, rule in enumerate(rules):
        for entry, texts in (
            (Entry(number, Role.SURE), rule.terms),
            (Entry(number, Role.AMBIGUOUS), rule.ambiguous),
            (Entry(number, Role.EXCEPTED), rule.unless),
            (Entry(number, Role.SURE, whole=True), rule.path_words),
        ):
            for words in {words for text in texts for words in spellings(text)}:
                phrases[words].append(entry)
    lengths: dict[str, set[int]] = defaultdict(set)
    for words in phrases:
        lengths[words[0]].add(len(words))
    groups: dict[tuple[Entry, ...], int] = {}
    sizes: dict[tuple[int, ...], int] = {}
    return PhraseTable(
        phrases={" ".join(words): groups.setdefault(tuple(found), len(groups)) for words, found in phrases.items()},
        sizes={word: sizes.setdefault(tuple(sorted(found)), len(sizes)) for word, found in lengths.items()},
        groups=tuple(groups),
        lengths=tuple(sizes),
    )


class PhraseIndex:
    """Finds terms, ambiguous terms and path words of rules in a text."""

    def __init__(self, table: PhraseTable) -> None:
        self._groups, self._phrases, self._lengths, self._sizes = table

    def hits(self, text: str, *, segment: bool = False) -> tuple[Hit, ...]:
        """Return what the rules meet in a text, by rule and place.

        `segment` says that the text is a whole path segment. Of a rule's hits one inside the other only
        the longer one is given.
        """
        found: set[Hit] = set()
        for reading in readings(text):
            found.update(self._raw(reading, segment=segment))
        if not found:
            return ()
        return settle(found, text)

    def _raw(self, reading: Reading, *, segment: bool) -> Iterator[Hit]:
        words = reading.words
        count = len(words)
        found: list[tuple[int, int, Entry]] = []
        for first, word in enumerate(words):
            sizes = self._sizes.get(word)
            if sizes is None:
                continue
            for size in self._lengths[sizes]:
                last = first + size
                group = self._phrases.get(" ".join(words[first:last])) if last <= count else None
                if group is not None:
                    found.extend(
                        (first, last - 1, entry)
                        for entry in self._groups[group]
                        if not entry.whole or (segment and size == count)
                    )
        if not found:
            return
        tokens = reading.tokens()
        for first, last, entry in found:
            yield Hit(entry.rule, entry.role, tokens[first].start, tokens[last].end)


def settle(hits: Iterable[Hit], text: str) -> tuple[Hit, ...]:
    """Return what is left of hits in a text once exceptions and longer hits of the same rule are heeded."""
    by_rule: dict[int, list[Hit]] = defaultdict(list)
    for hit in hits:
        by_rule[hit.rule].append(hit)
    return tuple(hit for rule in sorted(by_rule) for hit in _settle_rule(by_rule[rule], text))


def _settle_rule(hits: Iterable[Hit], text: str) -> Iterator[Hit]:
    """Go through one rule's hits once, by place: a long text can hold very many."""
    ordered = sorted(hits, key=lambda hit: (hit.start, -hit.end, hit.role is not Role.SURE))
    exceptions = _Exceptions([hit for hit in ordered if hit.role is Role.EXCEPTED])
    covered = {Role.SURE: -1, Role.AMBIGUOUS: -1}
    for hit in ordered:
        if hit.role is Role.EXCEPTED:
            continue
        exception = exceptions.to(hit)
        if exception:
            yield hit._replace(role=Role.EXCEPTED, exception=text[exception.start : exception.end])
        elif hit.end > max(covered[Role.SURE], covered[hit.role]):
            covered[hit.role] = hit.end
            yield hit


class _Exceptions:
    """The exceptions of one rule in one text, by place."""

    def __init__(self, ordered: Sequence[Hit]) -> None:
        self._starts = [hit.start for hit in ordered]
        # For the first n exceptions, the one that reaches furthest: if any overlaps what follows, it does.
        self._furthest = list(accumulate(ordered, _further))

    def to(self, hit: Hit) -> Hit | None:
        """Return an exception that a hit is part of or runs into; one inside the hit is none."""
        if not self._starts:
            return None
        for before, reach in ((hit.start, hit.start + 1), (hit.start + 1, hit.end), (hit.end, hit.end + 1)):
            count = bisect_left(self._starts, before)
            if count and self._furthest[count - 1].end >= reach:
                return self._furthest[count - 1]
        return None


def _further(one: Hit, other: Hit) -> Hit:
    """Return the hit that reaches further."""
    return other if other.end > one.end else one
