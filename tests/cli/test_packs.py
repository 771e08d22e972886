"""Optional packs at the command line: switched on by name, kept, switched off, listed, checked."""

import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer.main

from cli import main
from cli.commands import gathering
from cli.exits import ExitCode
from cli.reports import FORMATS
from cli.schema import Report
from rules.loader import optional_packs

KNOWN = optional_packs()


class Result(NamedTuple):
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture(scope="module", autouse=True)
def _surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("COLUMNS", "200")
        patch.setattr(main, "app", typer.main.get_command(main.app))
        patch.delenv("PIXELWITNESS_DB", raising=False)
        yield


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["pixelwitness", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(""))
        capsys.readouterr()
        code = main._outcome()
        told = capsys.readouterr()
        assert "Traceback" not in told.err + told.out
        return Result(code, told.out, told.err)

    return command


@pytest.fixture
def capture(visit, tmp_path: Path) -> Path:
    visit.page("/hiv/", title="HIV tests")
    visit.pixel("PageView", "/hiv/")
    visit.page("/mass-times/", title="Mass times")
    visit.pixel("PageView", "/mass-times/", more={"pmd[title]": "Mass times"})
    return visit.save(tmp_path / "visit.mitm")


def report(run: Run) -> dict[str, Any]:
    result = run("report", "visit", "--format", "json")
    assert result.code == 0, result.err
    return {**json.loads(result.out), "generated_at": ""}


def categories(content: dict[str, Any]) -> list[list[str]]:
    return [event["other"]["categories"] for event in content["events"] if event["other"]]


def test_they_are_off_by_default(run: Run, capture: Path) -> None:
    assert run("replay", capture, "--session", "visit").code == 0
    content = report(run)
    assert (content["packs"], content["packs_digest"], content["other_rules"]) == ([], None, [])
    assert {event["other"] for event in content["events"]} == {None}
    for form in FORMATS:
        shown = run("report", "visit", "--format", form, "-vv").out
        assert not any(name in shown for name in ("en/religion", "trade_union", "vulnerable_situations"))


def test_replay_switches_them_on_and_rescore_keeps_changes_and_ends_them(run: Run, capture: Path) -> None:
    assert run("replay", capture, "--session", "visit").code == 0
    plain = report(run)
    result = run("replay", capture, "--session", "visit", "--packs", "religion", "--packs", "politics")
    assert result.code == 0, result.err
    content = report(run)
    assert content["packs"] == ["politics", "religion"]
    assert categories(content) == [[], ["religion"]]
    assert Report.model_validate_json(json.dumps(content)).packs == ("politics", "religion")
    assert [event["score"] for event in content["events"]] == [event["score"] for event in plain["events"]]
    for command in (("rescore", "visit"), ("replay", capture, "--session", "visit")):
        assert run(*command).code == 0
        assert report(run) == content
    assert run("rescore", "visit", "--packs", "debt").code == ExitCode.USAGE
    assert run("rescore", "visit", "--packs", "all").code == 0
    assert report(run)["packs"] == list(KNOWN)
    assert run("rescore", "visit", "--no-packs").code == 0
    assert report(run) == plain


def test_either_packs_or_none(run: Run, capture: Path) -> None:
    run("replay", capture, "--session", "visit")
    assert run("rescore", "visit", "--packs", "religion", "--no-packs").code == ExitCode.USAGE


@pytest.mark.parametrize(
    "command",
    [
        ("replay", "visit.mitm"),
        ("rescore",),
        ("proxy",),
        ("rules", "list"),
        ("rules", "check"),
        ("rules", "test"),
        ("rules", "score", "Mass times"),
    ],
    ids=" ".join,
)
def test_an_unknown_pack_ends_with_2_and_names_the_known(
    run: Run, capture: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    result = run(*command, "--packs", "astrology")
    assert result.code == ExitCode.USAGE
    assert result.out == ""
    assert "“astrology”" in result.err
    assert all(name in result.err for name in KNOWN)
    assert not (tmp_path / "pixelwitness.db").exists()


def test_the_proxy_passes_them_on(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []

    class Process:
        def __init__(self, command: list[str], **_: object) -> None:
            started.append(command)

        def wait(self) -> int:
            return 0

    monkeypatch.setattr(gathering.subprocess, "Popen", Process)
    assert run("proxy", "--port", "0", "--packs", "religion", "--packs", "politics").code == 0
    assert run("proxy", "--port", "0").code == 0
    settings = [[item for item in command if item.startswith("pixelwitness_packs=")] for command in started]
    assert settings == [["pixelwitness_packs=politics", "pixelwitness_packs=religion"], []]


def test_rules_of_packs_are_listed_apart(run: Run) -> None:
    health, packs = run("rules", "list"), run("rules", "list", "--packs", "religion")
    assert "en/religion/worship" in packs.out
    assert "en/politics" not in packs.out
    assert "en/religion" not in health.out
    assert "hiv_sexual_health" not in packs.out


def test_the_rules_of_packs_are_checked_and_tried_with_the_others(run: Run) -> None:
    everything, one = run("rules", "test"), run("rules", "test", "--packs", "religion")
    assert (everything.code, one.code) == (0, 0)
    assert int(everything.err.split()[0]) > int(one.err.split()[0]) > 10
    checked = run("rules", "check", "--packs", "all")
    assert checked.code == 0, checked.out
    rules_of_packs = int(checked.err.split()[0])
    assert rules_of_packs == sum(int(run("rules", "check", "--packs", name).err.split()[0]) for name in KNOWN)


def test_a_broken_rule_of_a_pack_is_found_by_default(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "optional" / "mine" / "en"
    folder.mkdir(parents=True)
    (folder / "wrong.yaml").write_text(
        "version: 1\nkind: topic\ncategory: mine\ntier: special_risk\ntitle: Wrong\n"
        "reason: The text says something that is wrong.\nlegal_basis: none\nterms: [wrong]\n"
        "examples:\n  match: [{text: right}, {text: wrong}]\n  no_match: [{text: a}, {text: b}]\n",
        "utf-8",
    )
    packs = tmp_path / "packs"
    packs.mkdir()
    monkeypatch.setattr("rules.loader.OPTIONAL", tmp_path / "optional")
    monkeypatch.setattr("rules.loader.PACKS", packs)
    checked = run("rules", "check")
    assert checked.code == ExitCode.RULES
    assert f"{folder / 'wrong.yaml'}:10: error: the rule does not match 'right'" in checked.out
    tried = run("rules", "test")
    assert tried.code == ExitCode.RULES
    assert "en/mine/wrong: does not match (page.title) right" in tried.out


def test_a_text_is_scored_by_packs_instead(run: Run) -> None:
    assert run("rules", "score", "Join the Labour Party").out.startswith("0 none")
    assert run("rules", "score", "--packs", "politics", "Join the Labour Party").out.startswith("70 high")
    assert run("rules", "score", "--packs", "politics", "HIV test").out.startswith("0 none")


def test_own_rules_and_packs_do_not_go_together(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    for command in (("rules", "list"), ("rules", "score", "HIV")):
        result = run(*command, "--packs", "religion", "--rules", "mine")
        assert result.code == ExitCode.USAGE
        assert "do not go with --packs" in result.err.replace("\n", " ")


def test_a_table_is_scored_by_packs_instead(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pages.csv").write_text("url,title_or_button\nhttps://a.example/,Mass times\n", "utf-8")
    scored = run("rules", "score", "--csv", "pages.csv", "--packs", "religion").out.splitlines()
    assert scored[1].endswith("70,high,special_risk,religion")
