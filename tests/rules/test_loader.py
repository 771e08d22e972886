import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import rules.loader
from rules.errors import RuleFileError, RuleSetError
from rules.loader import MAX_BYTES, MAX_CACHED, PACKS, load_rules

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


def test_what_was_read_is_kept(folder, cache, monkeypatch):
    write(folder, "en/hiv.yaml")
    first = load(folder)
    kept = list(cache.iterdir())
    assert len(kept) == 1
    assert stat.S_IMODE(kept[0].stat().st_mode) == 0o600
    assert json.loads(kept[0].read_bytes())
    monkeypatch.setattr(rules.loader, "_read_all", None)
    assert load(folder) == first


@pytest.mark.parametrize("damage", [b"", b"[]", b"{", b'[{"rule": 1}]'])
def test_a_damaged_cache_is_ignored(folder, cache, damage):
    write(folder, "en/hiv.yaml")
    first = load(folder)
    next(cache.iterdir()).write_bytes(damage)
    assert load(folder) == first


def test_old_sets_are_deleted(folder, cache):
    for version in range(1, MAX_CACHED + 4):
        write(folder, "en/hiv.yaml", RULE.replace("version: 1", f"version: {version}"))
        load(folder)
    assert len(list(cache.iterdir())) == MAX_CACHED


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
