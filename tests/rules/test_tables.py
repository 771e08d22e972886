import json

import pytest

from rules.engine import Matcher
from rules.loader import load_rules
from rules.model import Field, FieldName
from rules.tables import make_tables, tables_from_json, tables_to_json

TEXTS = [
    "https://sexualhealthclinic.example/hiv",
    "Crohn's disease",
    "hearing aids and prep",
    "crohn-s-disease symptoms",
]


@pytest.fixture(scope="module")
def ruleset():
    return load_rules()


def test_tables_are_the_same_once_written_and_read(ruleset):
    tables = make_tables(ruleset.rules, ruleset.digest)
    again = tables_from_json(tables_to_json(tables))
    assert (again.digest, again.heads, again.fields, again.hosts) == tables[:3] + tables[4:]
    assert (again.phrases.phrases, again.phrases.sizes) == (tables.phrases.phrases, tables.phrases.sizes)
    assert list(map(tuple, again.phrases.lengths)) == list(tables.phrases.lengths)
    assert again.phrases.groups == list(tables.phrases.groups)
    assert [type(head.kind) for head in again.heads] == [type(head.kind) for head in tables.heads]
    assert [type(head.context) for head in again.heads] == [type(head.context) for head in tables.heads]
    assert tables_to_json(again) == tables_to_json(tables)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"digest": "0"}', b"\xff"])
def test_what_is_no_table_is_refused(content):
    with pytest.raises((ValueError, KeyError, TypeError)):
        tables_from_json(content)


def test_read_tables_say_what_made_ones_say(ruleset, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made, read = Matcher(load_rules()), Matcher(load_rules())
    fields = [Field(name, "p", text) for text in TEXTS for name in (FieldName.PAGE_TITLE, FieldName.PAGE_URL)]
    for field in fields:
        one, other = made.evaluate([field]).model_dump_json(), read.evaluate([field]).model_dump_json()
        assert one == other
        assert json.loads(one)["ruleset_digest"] == ruleset.digest
