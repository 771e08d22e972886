"""A user's own vocabulary against the rules."""

import pytest

from rules.coverage import VocabularyError, covered, entries
from rules.engine import Matcher
from rules.loader import load_rules


@pytest.fixture(scope="module")
def judge():
    return Matcher(load_rules())


def test_lines_are_entries_once_and_in_order(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("\ufeffasthma\n\n gout \nasthma\n", encoding="utf-8")
    assert entries(path) == ["asthma", "gout"]


def test_a_table_gives_one_column(tmp_path):
    path = tmp_path / "words.tsv"
    path.write_text("code\tname\nA1\tasthma\nB2\tgout\n", encoding="utf-8")
    assert entries(path) == ["A1", "B2"]
    assert entries(path, "name") == ["asthma", "gout"]
    with pytest.raises(VocabularyError, match="has no column “title”; it has: code, name"):
        entries(path, "title")


@pytest.mark.parametrize(("name", "content"), [("words.csv", b""), ("words.txt", b"\xff\xfe\x00")])
def test_what_cannot_be_read_is_named(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(VocabularyError, match=name):
        entries(path)


def test_a_list_has_no_columns(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("asthma\n")
    with pytest.raises(VocabularyError, match="no column"):
        entries(path, "name")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(VocabularyError, match="nowhere"):
        entries(tmp_path / "nowhere.txt")


def test_met_and_not_met(judge):
    assert covered("Asthma", judge)
    assert not covered("Wheelbarrow", judge)


def test_on_a_providers_site_ambiguous_words_count(judge):
    assert covered("Treatments", judge, on_provider=True)
    assert not covered("Wheelbarrow", judge, on_provider=True)
