"""Rules made ready to be matched: the plain tables that the matcher reads, and nothing of the rules beside them.

Making them of hundreds of rules takes longer than most commands run, so they can be written as JSON and read back.
"""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from rules.hosts import HostTable, host_table
from rules.model import ContextKind, FieldName, Rule, RuleKind
from rules.phrases import Entry, PhraseTable, Role, phrase_table
from rules.score import RuleHead, head_of, is_read

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


class Tables(NamedTuple):
    """What the matcher reads. Rules go by their number: their place in the order of ids.

    `digest` is that of the rule set, `fields` what each rule reads.
    """

    digest: str
    heads: tuple[RuleHead, ...]
    fields: tuple[frozenset[FieldName], ...]
    phrases: PhraseTable
    hosts: HostTable


def make_tables(rules: Sequence[Rule], digest: str) -> Tables:
    """Return the tables of rules in the order of their ids."""
    return Tables(
        digest=digest,
        heads=tuple(head_of(rule) for rule in rules),
        fields=tuple(_fields_read(rule) for rule in rules),
        phrases=phrase_table(rules),
        hosts=host_table(rules),
    )


def tables_to_json(tables: Tables) -> bytes:
    """Write tables as JSON."""
    plain = {
        "digest": tables.digest,
        "heads": tables.heads,
        "fields": [sorted(names) for names in tables.fields],
        "phrases": tables.phrases._asdict(),
        "hosts": tables.hosts._asdict(),
    }
    return json.dumps(plain, separators=(",", ":")).encode("ascii")


def tables_from_json(content: bytes) -> Tables:
    """Read tables that `tables_to_json` wrote. Raises ValueError, KeyError or TypeError for anything else."""
    plain = json.loads(content)
    sets: dict[tuple[str, ...], frozenset[FieldName]] = {}
    fields = []
    for names in plain["fields"]:
        key = tuple(names)
        if key not in sets:
            sets[key] = frozenset(FieldName(name) for name in key)
        fields.append(sets[key])
    groups = [
        tuple(Entry(rule, Role(role), whole) for rule, role, whole in group) for group in plain["phrases"].pop("groups")
    ]
    return Tables(
        digest=plain["digest"],
        heads=tuple(_head(values) for values in plain["heads"]),
        fields=tuple(fields),
        phrases=PhraseTable(groups=groups, **plain["phrases"]),
        hosts=HostTable(**plain["hosts"]),
    )


def _head(values: Sequence[Any]) -> RuleHead:
    head = RuleHead._make(values)
    kind = RuleKind(head.kind)
    context = None if head.context is None else ContextKind(head.context)
    return head._replace(kind=kind, context=context, role=context if kind is RuleKind.CONTEXT else kind)


def _fields_read(rule: Rule) -> frozenset[FieldName]:
    """Return the fields a rule reads: its own choice, or all, as far as the policy lets its kind."""
    chosen = set(rule.fields) or set(FieldName)
    for name in rule.fields:
        chosen.update(URL_PARTS.get(name, ()))
    return frozenset(name for name in chosen if is_read(rule, name))
