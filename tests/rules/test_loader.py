import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import rules.cache
import rules.loader
from rules.cache import MAX_CACHED
from rules.engine import Matcher
from rules.errors import RuleFileError, RuleSetError
from rules.loader import MAX_BYTES, PACKS, load_packs, load_rules
from rules.model import Field, FieldName

RULE = """\
version: 1
kind: topic
category: hiv
tier: special_risk
title: HIV
reason: The text is about HIV and its treatment.
legal_basis: GDPR Art. 9(1)
terms:
  - hiv
  - no
examples:
  match:
    - text: HIV test
    - field: page.url
      text: https://x.example/hiv
  no_match:
    - text: archive
    - text: hives
"""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder / "pixelwitness"


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "rules"
    folder.mkdir()
    return folder


def write(folder, name, text=RULE):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def load(*paths):
    return load_rules(paths, built_in=False)


def errors(*paths):
    with pytest.raises(RuleSetError) as caught:
        load(*paths)
    return [(error.path.name, error.line, error.field, error.problem) for error in caught.value.errors]


def test_a_folder_of_rules(folder):
    write(folder, "en/hiv/treatment.yaml")
    write(folder, "cy/hiv.yml")
    write(folder, "README.md", "no rule")
    write(folder, ".hidden/x.yaml", "no rule")
    ruleset = load(folder)
    assert [(rule.id, rule.language) for rule in ruleset.rules] == [
        ("cy/hiv", "cy"),
        ("en/hiv/treatment", "en"),
    ]
    assert ruleset.rules[0].terms == ("hiv", "no")
    assert ruleset.sources[0].lines["terms.1"] == 10
    assert [source.origin for source in ruleset.sources] == ["user", "user"]


def test_a_single_file(folder):
    assert load(write(folder, "mine.yaml")).rules[0].id == "user/mine"
    assert load(write(folder, "packs/en/hiv/mine.yaml")).rules[0].id == "en/hiv/mine"


def test_the_later_rule_of_an_id_counts(folder):
    first = write(folder, "one/en/hiv.yaml")
    write(folder, "two/en/hiv.yaml", RULE.replace("version: 1", "version: 2"))
    ruleset = load(folder / "one", folder / "two")
    assert [rule.version for rule in ruleset.rules] == [2]
    assert ruleset.sources[0].replaces == str(first)


def test_a_user_rule_replaces_a_built_in_one(folder, monkeypatch):
    monkeypatch.setattr(rules.loader, "PACKS", folder / "packs")
    write(folder, "packs/en/hiv.yaml")
    write(folder, "mine/en/hiv.yaml", RULE.replace("version: 1", "version: 7"))
    ruleset = load_rules([folder / "mine"])
    assert ruleset.rules[0].version == 7
    assert ruleset.sources[0].origin == "user"
    assert load_rules().sources[0].origin == "built-in"


def test_the_digest_is_of_the_content(folder):
    write(folder, "en/hiv.yaml")
    first = load(folder).digest
    write(folder, "en/hiv.yaml", "# a remark\n" + RULE)
    assert load(folder).digest == first
    write(folder, "en/hiv.yaml", RULE.replace("- no", "- nope"))
    assert load(folder).digest != first


def test_all_errors_of_all_files_at_once(folder):
    write(folder, "a.yaml", RULE.replace("kind: topic", "kind: topik").replace("terms:", "term:"))
    write(folder, "b.yaml", RULE.replace("legal_basis: GDPR Art. 9(1)\n", ""))
    write(folder, "c.yaml")
    found = errors(folder)
    assert [(name, line, field) for name, line, field, _ in found] == [
        ("a.yaml", 2, "kind"),
        ("a.yaml", 8, "term"),
        ("b.yaml", 0, "legal_basis"),
    ]
    assert found[1][3] == "is not known; did you mean terms?"
    assert found[2][3] == "is missing"


@pytest.mark.parametrize(
    ("text", "line", "field", "problem"),
    [
        (RULE + "title: again\n", 19, "title", "stands twice; first in line 5"),
        (RULE.replace("  - no", "  -"), 10, "terms.1", "is empty"),
        (RULE.replace("  - hiv\n  - no", "  hiv"), 8, "terms", "input should be a valid tuple"),
        (RULE.replace("version: 1", "version: one"), 1, "version", "input should be a valid integer"),
        (RULE.replace("field: page.url", "field: page.uri"), 14, "examples.match.1.field", "input should be"),
        (
            RULE.replace("- no", "- &a no") + "category2: *a\n",
            10,
            "category2",
            "is an alias; write the value out",
        ),
        (RULE + "id: en/hiv\n", 19, "id", "is the file's path; leave it out"),
        ("- a\n- b\n", 0, "", "is not a mapping"),
        ("", 0, "", "is not a mapping"),
        ("title: [a\nb: c", 2, "", "is not YAML"),
        ("title: !!python/object:os.system a\n" + RULE, 0, "", ""),
        (b"title: ok\nreason: \xff\n", 2, "", "is not UTF-8 text"),
        ("x" * (MAX_BYTES + 1), 0, "", "larger than 256 KiB"),
        ("[" * 20_000, 0, "", "is not YAML"),
        ("a: " + "[" * 50 + "]" * 50, 1, None, "nested too deeply"),
        ("? [a]\n: b\n", 1, "", "has a name that is not a word"),
        ("---\na: b\n---\nc: d\n", 0, "", ""),
    ],
)
def test_errors_say_where(folder, text, line, field, problem):
    write(folder, "x.yaml", text)
    found = errors(folder)[0]
    assert problem in found[3]
    if problem:
        assert found[1] == line
    if problem and field is not None:
        assert found[2] == field


def test_an_alias_bomb_is_an_error_not_a_hang(folder):
    bomb = "a: &a [x, x]\n" + "".join(f"b{i}: &b{i} [*{'a' if i == 0 else f'b{i - 1}'}, x]\n" for i in range(60))
    write(folder, "x.yaml", bomb)
    assert any("alias" in problem for *_, problem in errors(folder))


def test_what_is_not_there(folder):
    assert errors(folder / "nothing") == [("nothing", 0, "", "no such file or folder")]
    write(folder, "en/a.yaml")
    write(folder, "en/a.yml")
    assert "same id" in errors(folder)[0][3]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read(folder):
    write(folder, "a.yaml").chmod(0)
    assert errors(folder)[0][3] == "Permission denied"


def test_an_error_reads_as_one_line():
    assert str(RuleFileError(Path("a.yaml"), 3, "terms", "is empty")) == "a.yaml:3: terms: is empty"
    assert str(RuleFileError(Path("a.yaml"), 0, "", "is empty")) == "a.yaml: is empty"


def entries(cache):
    return sorted(cache.iterdir())


def judged(ruleset):
    """Return what the rules say of a text that the rule of these tests meets."""
    return Matcher(ruleset).evaluate([Field(FieldName.PAGE_TITLE, "p", "HIV treatment, no, and Lyme")])


def test_what_was_read_is_kept(folder, cache, monkeypatch):
    write(folder, "en/hiv.yaml")
    first = load(folder)
    kept = entries(cache)
    assert len(kept) == 1
    assert stat.S_IMODE(kept[0].stat().st_mode) == 0o600
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    seal, _, content = kept[0].read_bytes().partition(b"\n")
    assert len(seal) == 64
    assert json.loads(content)
    monkeypatch.setattr(rules.loader, "_read_all", None)
    assert load(folder) == first


def test_tables_are_kept_and_no_rule_is_made_for_them(folder, cache, monkeypatch):
    write(folder, "en/hiv.yaml")
    write(folder, "en/lyme.yaml", RULE.replace("- hiv", "- lyme"))
    first = load(folder)
    said = judged(first)
    assert [path.name.partition("-")[0] for path in entries(cache)] == ["rules", "tables"]
    monkeypatch.setattr(rules.loader, "_read", None)
    monkeypatch.setattr("rules.ruleset.make_tables", None)
    second = load(folder)
    assert (second.digest, judged(second)) == (first.digest, said)
    assert second.named({"en/lyme", "en/unknown"}) == first.named({"en/lyme"}) != ()
    assert [rule.id for rule in second.named({"en/lyme", "en/hiv"})] == ["en/hiv", "en/lyme"]
    monkeypatch.setattr("rules.loader._some", None)
    assert second.named({"en/hiv"}) == first.named({"en/hiv"})  # what was asked for once is known


@pytest.mark.parametrize("kind", ["rules", "tables"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: b"[]",
        lambda content: content[:-1],
        lambda content: content[:-20] + b"x" + content[-19:],
        lambda content: content + b" ",
        lambda content: content.replace(b"hiv", b"flu"),
        lambda content: b"\n".join([b"0" * 64, *content.splitlines()[1:]]),
    ],
)
def test_a_damaged_cache_is_ignored(folder, cache, kind, damage):
    write(folder, "en/hiv.yaml")
    first = load(folder)
    said = judged(first)
    for path in cache.glob(f"{kind}-*"):
        path.write_bytes(damage(path.read_bytes()))
    again = load(folder)
    assert judged(again) == said
    assert again == first
    assert judged(load(folder)) == said


def test_an_entry_of_other_rules_is_ignored(folder, cache):
    """Somebody copied an entry to the name of another."""
    write(folder, "en/hiv.yaml")
    judged(load(folder))
    old = entries(cache)
    write(folder, "en/hiv.yaml", RULE.replace("- hiv", "- lyme"))
    said = judged(load(folder))
    new = [path for path in entries(cache) if path not in old]
    for before, after in zip(old, new, strict=True):
        after.write_bytes(before.read_bytes())
    assert judged(load(folder)) == said
    assert said.findings[0].evidence.text == "no"


def test_an_edited_rule_counts_at_once(folder, cache):
    path = write(folder, "en/hiv.yaml")
    assert [finding.evidence.text for finding in judged(load(folder)).findings] == ["HIV", "no"]
    times = path.stat()
    write(folder, "en/hiv.yaml", RULE.replace("- hiv", "- lym").replace("- no", "- and"))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert [finding.evidence.text for finding in judged(load(folder)).findings] == ["and"]


def test_rules_are_those_that_were_listed(folder, cache):
    """The rules that are made later are those of the tables, whatever became of their files."""
    path = write(folder, "en/hiv.yaml")
    first = judged(load(folder))
    ruleset = load(folder)
    write(folder, "en/hiv.yaml", RULE.replace("title: HIV", "title: Other"))
    path.with_name("other.yaml").write_text(RULE)
    for entry in entries(cache):
        entry.unlink()
    assert judged(ruleset) == first
    assert [rule.title for rule in ruleset.named({"en/hiv", "en/other"})] == ["HIV"]
    assert [rule.title for rule in ruleset.rules] == ["HIV"]


def test_another_program_has_its_own_entries(folder, cache, monkeypatch):
    write(folder, "en/hiv.yaml")
    judged(load(folder))
    monkeypatch.setattr("rules.cache._program", lambda: b"a later version")
    judged(load(folder))
    assert len(entries(cache)) == 4


def test_the_program_is_told_by_its_source(tmp_path, monkeypatch):
    (tmp_path / "text.py").write_text("x = 1\n")
    monkeypatch.setattr("rules.cache._PROGRAM", tmp_path)
    first = rules.cache._program.__wrapped__()
    assert rules.cache._program.__wrapped__() == first
    (tmp_path / "text.py").write_text("x = 2\n")
    assert rules.cache._program.__wrapped__() != first


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
def test_a_folder_that_others_may_write_to_is_not_used(folder, cache, mode):
    write(folder, "en/hiv.yaml")
    said = judged(load(folder))
    cache.chmod(mode)
    for path in entries(cache):
        path.write_bytes(b"never read")
    assert judged(load(folder)) == said
    assert {path.read_bytes() for path in entries(cache)} == {b"never read"}


@pytest.mark.parametrize("harm", ["mode", "link", "owner"])
def test_an_entry_that_is_not_surely_ones_own_is_not_read(folder, cache, harm, monkeypatch, tmp_path):
    write(folder, "en/hiv.yaml")
    judged(load(folder))
    kept = next(cache.glob("tables-*"))
    assert rules.cache.kept(kept.name) is not None
    if harm == "mode":
        kept.chmod(0o622)
    elif harm == "link":
        kept.rename(tmp_path / "elsewhere")
        kept.symlink_to(tmp_path / "elsewhere")
    else:
        mine = os.geteuid()
        monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
    assert rules.cache.kept(kept.name) is None


def test_many_at_once_leave_a_whole_cache(folder, cache):
    write(folder, "en/hiv.yaml")
    said = judged(load(folder))
    for path in entries(cache):
        path.unlink()
    code = (
        "from pathlib import Path; from rules.engine import Matcher; from rules.loader import load_rules; "
        f"Matcher(load_rules([Path({str(folder)!r})], built_in=False))"
    )
    running = [subprocess.Popen([sys.executable, "-c", code], cwd=PACKS.parent.parent) for _ in range(4)]
    assert [process.wait() for process in running] == [0] * 4
    assert len(entries(cache)) == 2
    assert all(rules.cache.kept(path.name) for path in entries(cache))
    assert judged(load(folder)) == said


def test_tables_of_packs_are_of_the_packs_that_were_chosen():
    def said(*names):
        found = Matcher(load_packs(names)).evaluate([Field(FieldName.PAGE_TITLE, "p", "Join the Labour Party")])
        return found.ruleset_digest, found.topics

    first = [said("politics"), said("religion"), said("politics", "religion")]
    assert first[0][1] == first[2][1] != first[1][1]
    assert len({digest for digest, _ in first}) == 3
    assert [said("politics"), said("religion"), said("politics", "religion")] == first


def test_old_sets_are_deleted(folder, cache):
    for version in range(1, MAX_CACHED + 4):
        write(folder, "en/hiv.yaml", RULE.replace("version: 1", f"version: {version}"))
        judged(load(folder))
    assert len(list(cache.glob("rules-*"))) == len(list(cache.glob("tables-*"))) == MAX_CACHED


def test_a_cache_that_cannot_be_written(folder, cache):
    cache.parent.write_text("not a folder")
    write(folder, "en/hiv.yaml")
    assert len(load(folder).rules) == 1


def test_no_yaml_parser_where_nothing_is_new(folder, tmp_path):
    write(folder, "en/hiv.yaml")
    code = (
        "import sys; from pathlib import Path; from rules.loader import load_rules; "
        f"load_rules([Path({str(folder)!r})], built_in=False); print('ruamel.yaml' in sys.modules)"
    )
    root = PACKS.parent.parent
    runs = [
        subprocess.run(
            [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
        ).stdout.strip()
        for _ in range(2)
    ]
    assert runs == ["True", "False"]
