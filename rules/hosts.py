"""Rules that read host names: known providers by name, and words alone or glued into a label."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from rules.model import Rule
from rules.phrases import Hit, Role, settle
from rules.text import normalise

MAX_HOST = 255
"""Characters of a host name that are searched for words: the most DNS allows, and two more."""

MAX_LABEL = 63
"""Characters of a label that DNS allows; pieces of longer ones are not taken apart."""

MAX_PIECES = 8
"""How many hyphenated pieces of a label one word may be written in."""

GLUED_ANYWHERE = 9
"""Host words of this many letters are found anywhere in a label; shorter ones turn up by chance."""

GLUED_AT_BORDER = 6
"""Host words of this many letters are found at the start or end of a label, too.

Where that is wrong (`stroke` in `keystroke`), the longer word belongs in the rule's `unless`.
"""

GLUED_REMAINDER = 3
"""How many letters must be left beside a host word found at the start or end of a label."""

HOST_AFFIXES = frozenset(
    [
        "uk",
        "gb",
        "us",
        "eu",
        "ni",
        "nhs",
        "my",
        "our",
        "the",
        "your",
        "get",
        "go",
        "for",
        "and",
        "of",
        "me",
        "you",
        "hello",
        "online",
        "web",
        "net",
        "direct",
        "digital",
        "now",
        "today",
        "care",
        "clinic",
        "clinics",
        "centre",
        "center",
        "service",
        "services",
        "support",
        "help",
        "helpline",
        "trust",
        "hospital",
        "hospitals",
        "health",
        "advice",
        "test",
        "tests",
        "testing",
        "kit",
        "kits",
        "doctor",
        "doctors",
        "group",
        "team",
        "hub",
        "app",
        "plus",
        "first",
    ],
)
"""Words that shorter host words may be glued to (`hivclinic`), beside the other host words of the rules."""

_LABEL_PART = re.compile(r"[^.\-_]+")


class HostTable(NamedTuple):
    """Names of hosts, words in them and exceptions to these, each with the numbers of the rules that have it."""

    names: dict[str, list[int]]
    words: dict[str, list[int]]
    exceptions: dict[str, list[int]]


def host_table(rules: Iterable[Rule]) -> HostTable:
    """Return what rules look for in host names; the rules go by their number in `rules`."""
    names: dict[str, list[int]] = defaultdict(list)
    words: dict[str, list[int]] = defaultdict(list)
    exceptions: dict[str, list[int]] = defaultdict(list)
    for number, rule in enumerate(rules):
        for name in {plain_host(name) for name in rule.hosts}:
            names[name].append(number)
        if rule.host_words:
            for found, texts in ((words, rule.host_words), (exceptions, rule.unless)):
                for word in {glued(text) for text in texts} - {""}:
                    found[word].append(number)
    return HostTable(dict(names), dict(words), dict(exceptions))


class HostIndex:
    """Finds `hosts` and `host_words` of rules in a host name."""

    def __init__(self, table: HostTable) -> None:
        self._names = table.names
        self._words = _Words(table.words)
        self._exceptions = _Words(table.exceptions)
        self._vocabulary = HOST_AFFIXES | table.words.keys()

    def hits(self, host: str) -> tuple[Hit, ...]:
        """Return what the rules meet in a host name (without `www.`, port and credentials)."""
        host = host[:MAX_HOST]
        lowered = host.lower()
        if len(lowered) != len(host):  # a letter whose lower case is longer: offsets would slip
            lowered = host
        found = {*self._name_hits(lowered), *self._word_hits(lowered)}
        return settle(found, host)

    def _name_hits(self, host: str) -> Iterator[Hit]:
        bare = host.rstrip(".")
        start = 0
        while True:
            for rule in self._names.get(bare[start:], ()):
                yield Hit(rule, Role.SURE, start, len(bare))
            dot = bare.find(".", start)
            if dot < 0:
                return
            start = dot + 1

    def _word_hits(self, host: str) -> Iterator[Hit]:
        for label in re.finditer(r"[^.]+", host):
            pieces = [(label.start() + m.start(), label.start() + m.end()) for m in _LABEL_PART.finditer(label[0])]
            for start, end in pieces:
                yield from self._words_inside(host, start, end)
            for first in range(len(pieces)):
                yield from self._words_across(host, pieces[first : first + MAX_PIECES])

    def _words_inside(self, host: str, start: int, end: int) -> Iterator[Hit]:
        """Find words alone or glued to others: `sexualhealthclinic`."""
        label = host[start:end]
        for first, last in self._words.places(label):
            if self._stands_out(label, first, last):
                for rule in self._words.rules[label[first:last]]:
                    yield Hit(rule, Role.SURE, start + first, start + last)
        for first, last in self._exceptions.places(label):
            for rule in self._exceptions.rules[label[first:last]]:
                yield Hit(rule, Role.EXCEPTED, start + first, start + last)

    def _words_across(self, host: str, pieces: Sequence[tuple[int, int]]) -> Iterator[Hit]:
        """Find words written with hyphens, from the first piece on: `sexual-health` for `sexualhealth`."""
        start, end = pieces[0]
        word = host[start:end]
        for first, end in pieces[1:]:
            word += host[first:end]
            if len(word) < GLUED_AT_BORDER:
                continue
            for role, words in ((Role.SURE, self._words), (Role.EXCEPTED, self._exceptions)):
                for rule in words.rules.get(word, ()):
                    yield Hit(rule, role, start, end)

    def _stands_out(self, label: str, start: int, end: int) -> bool:
        """Tell whether a word in a label is there on purpose."""
        size, rest = end - start, len(label) - (end - start)
        if rest == 0 or size >= GLUED_ANYWHERE:
            return True
        if size >= GLUED_AT_BORDER and (start == 0 or end == len(label)) and rest >= GLUED_REMAINDER:
            return True
        return self._is_known(label[:start]) and self._is_known(label[end:])

    def _is_known(self, text: str) -> bool:
        """Tell whether a piece of a label is made of words that host names are made of."""
        if len(text) > MAX_LABEL:
            return False
        reachable = {0}
        for start in range(len(text)):
            if start in reachable:
                reachable.update(end for end in range(start + 1, len(text) + 1) if text[start:end] in self._vocabulary)
        return len(text) in reachable


class _Words:
    """Words and the numbers of the rules that have them, by length for searching inside a label."""

    def __init__(self, rules: Mapping[str, Sequence[int]]) -> None:
        self.rules = dict(rules)
        self._sizes = sorted({len(word) for word in rules})

    def places(self, label: str) -> Iterator[tuple[int, int]]:
        for size in self._sizes:
            for start in range(len(label) - size + 1):
                if label[start : start + size] in self.rules:
                    yield start, start + size


def glued(phrase: str) -> str:
    """Return a phrase as host names write it: normalised, without borders."""
    return normalise(phrase).replace(" ", "")


def plain_host(name: str) -> str:
    """Return a host name of a rule as it is compared: lower case, no `www.`, no final dot."""
    return name.strip().lower().removeprefix("www.").rstrip(".")
