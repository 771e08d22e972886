"""docs/rules.md: its worked example passes, and its tables are the format and the policy."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from rules.lint import CHECKS, MIN_EXAMPLES
from rules.loader import load_packs, optional_packs
from rules.model import ContextKind, FieldName, Rule, RuleKind
from rules.score import (
    ACTION_ALONE,
    ACTION_POINTS,
    CAP,
    CONTEXT_ONLY_LIMIT,
    CONTEXT_POINTS,
    FIELD_PERCENT,
    INDIRECT_LIMIT,
    PROVIDER_PORTAL,
    SPECIALIST_ALONE,
    SUPPRESSED_PERCENT,
    TOPIC_POINTS,
)

RULE = "my-rules/en/general_conditions/misophonia.yaml"


@pytest.fixture
def folder(page, tmp_path: Path, monkeypatch) -> Path:
    rules = page("rules.md")
    assert f"`{RULE}`" in rules.text
    (block,) = rules.blocks("yaml")
    path = tmp_path / RULE
    path.parent.mkdir(parents=True)
    path.write_text(block, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _run(*words: str) -> str:
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_worked_example_passes_check_and_test(folder: Path) -> None:
    assert _run("rules", "check", "my-rules") == ""
    assert _run("rules", "test", "my-rules") == ""


def test_the_worked_example_scores_as_printed(folder: Path, page) -> None:
    (printed,) = page("rules.md").blocks("text")
    text = "Refer me to the misophonia service"
    assert _run("rules", "score", "--rules", "my-rules", text).startswith(printed)
    assert _run("rules", "score", "Misophonia: when eating noises hurt").startswith("0 none")
    alone = _run("rules", "score", "--rules", "my-rules", "Sound sensitivity")
    assert alone.startswith("0 none")
    assert "near miss en/general_conditions/misophonia" in alone
    beside = _run("rules", "score", "--rules", "my-rules", "Sound sensitivity and tinnitus")
    assert "en/general_conditions/misophonia v1" in beside
    job = _run("rules", "score", "--rules", "my-rules", "Misophonia nurse vacancies: join our team")
    assert "-28 =  12  suppressed to 30 %" in job


def test_the_table_of_fields_is_the_model(page, code_in) -> None:
    rows = page("rules.md").table("Field", "Needed", "What it holds")
    listed = [code_in(row[0])[0] for row in rows]
    assert set(listed) == set(Rule.model_fields) - {"id"}
    needed = {name for name, field in Rule.model_fields.items() if field.is_required()} - {"id"}
    assert {code_in(row[0])[0] for row in rows if row[1] == "yes"} == needed
    text = " ".join(" ".join(row) for row in rows)
    for value in (*RuleKind, *ContextKind):
        assert f"`{value.value}`" in text


def test_every_field_of_an_event_is_named(page) -> None:
    text = page("rules.md").text
    for name in FieldName:
        assert f"`{name.value}`" in text, name


def test_the_table_of_points_is_the_policy(page) -> None:
    points = {row[0]: (row[1], row[2]) for row in page("rules.md").table("What", "Points", "Notes")}
    assert points["topic, `special_risk`"][0] == str(TOPIC_POINTS["special_risk"])
    assert points["topic, `health`"][0] == str(TOPIC_POINTS["health"])
    assert points["specialist care provider"][0] == str(CONTEXT_POINTS[ContextKind.SPECIALIST])
    assert str(SPECIALIST_ALONE) in points["specialist care provider"][1]
    assert points["action"][0] == str(ACTION_POINTS)
    assert str(ACTION_ALONE) in points["action"][1]
    assert points["care provider"][0] == str(CONTEXT_POINTS[ContextKind.PROVIDER])
    assert points["patient portal or signed-in page"][0] == str(CONTEXT_POINTS[ContextKind.PORTAL])
    assert str(PROVIDER_PORTAL) in points["patient portal or signed-in page"][1]
    assert points["about a child or young person"][0] == str(CONTEXT_POINTS[ContextKind.UNDER_18])
    assert points["suppressor"][0] == f"×{SUPPRESSED_PERCENT / 100}"  # noqa: RUF001
    assert points["cap"][0] == str(CAP)
    text = page("rules.md").text
    assert f"stay at {CONTEXT_ONLY_LIMIT} or below" in text
    assert f"the sum stops at {INDIRECT_LIMIT}" in text


def test_the_table_of_weights_is_the_policy(page, code_in) -> None:
    weights: dict[FieldName, int] = {}
    for cell, percent in page("rules.md").table("Field", "Counts"):
        for name in code_in(cell):
            head = name.removesuffix("*")
            fitting = [field for field in FieldName if field.value == name or (head != name and field.startswith(head))]
            assert fitting, name
            weights |= dict.fromkeys(fitting, int(percent.removesuffix(" %")))
    assert weights == dict(FIELD_PERCENT)


def test_the_table_of_packs_is_what_is_there(page, code_in) -> None:
    rows = page("rules.md").table("Pack", "Categories")
    assert tuple(sorted(code_in(row[0])[0] for row in rows)) == optional_packs()
    for pack, categories, *_ in rows:
        name = code_in(pack)[0]
        rules = [rule for rule in load_packs([name]).rules if rule.id.startswith(f"en/{name}/")]
        assert set(code_in(categories)) == {rule.category for rule in rules}, name


def test_the_table_of_checks_is_the_linter(page, code_in) -> None:
    rows = page("rules.md").table("Check", "Finds")
    assert {code_in(row[0])[0] for row in rows} == {check.name for check in CHECKS}
    assert {code_in(row[0])[0] for row in rows if "(warning)" in row[1]} == {
        check.name for check in CHECKS if check.severity == "warning"
    }
    assert MIN_EXAMPLES == 2
