"""Every command: what it prints where, what it changes, and how it ends."""

import csv
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer.main

from addon.version import TOOL_VERSION
from cli import main
from cli.exits import ExitCode
from cli.schema import SCHEMA, Report
from rules import loader
from rules.errors import RuleSetError

RULE = """\
version: 1
kind: topic
category: zorbitis
tier: special_risk
title: Zorbitis
reason: "The text names an illness that nobody has."
legal_basis: "GDPR Art. 9(1): data concerning health"
terms:
  - zorbitis
examples:
  match:
    - text: Living with zorbitis
    - text: zorbitis
  no_match:
    - text: Living with a cat
    - text: zorbitol
"""


class Result(NamedTuple):
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


Run = Callable[..., Result]


@pytest.fixture(scope="module", autouse=True)
def _surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep out of the home folder of whoever runs the tests, and replace the built-in packs by a small one."""
    packs = tmp_path_factory.mktemp("packs") / "packs"
    (packs / "en" / "quillfever").mkdir(parents=True)
    built_in = RULE.replace("zorbit", "quillfev").replace("Zorbitis", "Quillfever").replace("quillfevis", "quillfever")
    (packs / "en" / "quillfever" / "quillfever.yaml").write_text(built_in.replace("quillfevol", "quill"), "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rules.loader.PACKS", packs)
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("COLUMNS", "200")
        patch.setattr(main, "app", typer.main.get_command(main.app))  # not anew for every command
        for name in ("PIXELWITNESS_DB", "PIXELWITNESS_TRACEBACK", "NO_COLOR", "FORCE_COLOR"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments: object, stdin: str = "") -> Result:
        monkeypatch.setattr(sys, "argv", ["pixelwitness", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capsys.readouterr()
        code = main._outcome()
        told = capsys.readouterr()
        assert "Traceback" not in told.err + told.out
        return Result(code, told.out, told.err)

    return command


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """Return a folder with one rule about an invented illness."""
    folder = tmp_path / "own" / "en" / "zorbitis"
    folder.mkdir(parents=True)
    (folder / "zorbitis.yaml").write_text(RULE, encoding="utf-8")
    return tmp_path / "own"


@pytest.fixture
def capture(clinic, tmp_path: Path) -> Path:
    return clinic.save(tmp_path / "visit.mitm")


@pytest.fixture
def kept(run: Run, capture: Path, pack: Path, replayed: dict[str, bytes], tmp_path: Path) -> Run:
    """Run commands in a folder whose database holds the session `visit`, replayed with the pack."""
    database = tmp_path / "pixelwitness.db"
    if not replayed:
        assert run("replay", capture, "--session", "visit", "--rules", pack).code == 0
        replayed["database"] = database.read_bytes()
    else:
        database.write_bytes(replayed["database"])
    return run


@pytest.fixture(scope="module")
def replayed() -> dict[str, bytes]:
    """Hold the database that the first test which needs one makes."""
    return {}


def report(run: Run, *arguments: object) -> dict[str, Any]:
    result = run("report", "visit", "--format", "json", *arguments)
    assert result.code == 0, result.err
    return json.loads(result.out)


def by_name(content: dict[str, Any], name: str) -> dict[str, Any]:
    return next(event for event in content["events"] if event["event_name"] == name)


# replay


def test_replay_prints_the_session_last_and_talks_on_stderr(run: Run, capture: Path, pack: Path) -> None:
    result = run("replay", capture, "--rules", pack)
    assert result.code == ExitCode.OK
    (session,) = result.lines
    assert session.startswith("visit-")
    assert "visit.mitm: 8 requests, 5 concern Meta" in result.err
    assert "5 events in 4 visitor acts" in result.err
    assert f"Next: pixelwitness report {session}" in result.err
    assert run("report", session).code == 0


def test_replay_twice_changes_nothing(kept: Run, capture: Path, pack: Path) -> None:
    before = report(kept)
    result = kept("replay", capture, "--session", "visit", "--rules", pack)
    assert result.code == 0
    assert "was in the session already" in result.err
    after = report(kept)
    assert {**after, "generated_at": ""} == {**before, "generated_at": ""}


def test_replay_of_several_captures_is_one_session(run: Run, clinic, capture: Path, tmp_path: Path) -> None:
    result = run("replay", capture, clinic.save_har(tmp_path / "visit.har"), "--session", "both")
    assert result.lines == ["both"]
    content = json.loads(run("report", "both", "--format", "json").out)
    assert len(content["events"]) == 5
    assert {len(event["requests"]) for event in content["events"]} == {2}
    assert [source["kind"] for source in content["sources"]] == ["mitm", "har"]


def test_replay_each_is_a_session_per_capture(run: Run, clinic, capture: Path, tmp_path: Path) -> None:
    result = run("replay", "--each", capture, clinic.save_har(tmp_path / "archive.har"))
    assert result.code == 0
    assert [name.rpartition("-")[0] for name in result.lines] == ["visit", "archive"]
    assert len(run("sessions").lines) == 3


def test_replay_of_a_cut_capture_keeps_what_can_be_read_and_ends_with_3(run: Run, capture: Path) -> None:
    capture.write_bytes(capture.read_bytes()[:-50])
    result = run("replay", capture, "--session", "visit")
    assert result.code == ExitCode.CAPTURE
    assert result.lines == ["visit"]
    assert "byte" in result.err
    content = json.loads(run("report", "visit", "--format", "json").out)
    assert len(content["events"]) == 4
    assert content["session"]["complete"] is False


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "no such file"), (b"", "is empty"), (b"shopping list", "neither a mitmproxy flow file nor a HAR")],
)
def test_replay_of_no_capture_ends_with_3_and_leaves_no_database(
    run: Run, tmp_path: Path, capture: Path, content: bytes | None, words: str
) -> None:
    other = tmp_path / "other.mitm"
    if content is not None:
        other.write_bytes(content)
    result = run("replay", capture, other)
    assert result.code == ExitCode.CAPTURE
    assert result.out == ""
    assert "other.mitm" in result.err
    assert words in result.err
    assert not (tmp_path / "pixelwitness.db").exists()


def test_replay_states_the_public_address(run: Run, capture: Path) -> None:
    run("replay", capture, "--session", "visit", "--public-address", "203.0.113.7", "--by", "R. Reviewer")
    content = report(run)
    assert content["session"]["public_address"]["value"] == "203.0.…"
    assert content["session"]["public_address"]["stated_by"] == "R. Reviewer"
    assert report(run, "--reveal")["session"]["public_address"]["value"] == "203.0.113.7"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--each", "--session", "a"), "--each makes a session per capture"),
        (("--public-address", "my house"), "is no IP address"),
        (("--nonsense",), "No such option"),
    ],
)
def test_replay_says_what_is_wrong_with_its_arguments(
    run: Run, tmp_path: Path, capture: Path, arguments: tuple[str, ...], words: str
) -> None:
    result = run("replay", capture, *arguments)
    assert result.code == ExitCode.USAGE
    assert words in result.err
    assert not (tmp_path / "pixelwitness.db").exists()


def test_the_database_may_be_named_or_stand_in_the_environment(
    run: Run, capture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("replay", capture, "--db", tmp_path / "a.db", "--session", "one").code == 0
    monkeypatch.setenv("PIXELWITNESS_DB", str(tmp_path / "b.db"))
    assert run("replay", capture, "--session", "two").code == 0
    assert "two" in run("sessions").out
    assert "one" in run("sessions", "--db", tmp_path / "a.db").out
    assert not (tmp_path / "pixelwitness.db").exists()
    if os.name == "posix":
        assert {(tmp_path / name).stat().st_mode & 0o777 for name in ("a.db", "b.db")} == {0o600}


# demo


def test_demo_writes_its_reports_and_names_them(run: Run, tmp_path: Path) -> None:
    result = run("demo", "--folder", tmp_path / "demo")
    assert result.code == 0
    assert result.lines == [str(tmp_path / "demo" / f"{name}.html") for name in ("recordings", "reconstruction-2023")]
    for line in result.lines:
        assert Path(line).read_text(encoding="utf-8").lstrip().startswith("<!doctype html>")
    assert run("sessions", "--db", tmp_path / "demo" / "demo.db").code == 0


# report


@pytest.mark.parametrize(
    ("form", "beginning"),
    [("html", "<!doctype html>"), ("json", "{"), ("csv", ""), ("markdown", "# "), ("text", "")],
)
def test_every_format_is_written(kept: Run, form: str, beginning: str) -> None:
    result = kept("report", "visit", "--format", form)
    assert result.code == 0
    assert result.out.lstrip().startswith(beginning)
    assert "zorbitis" in result.out.lower()
    assert result.err == ""


@pytest.mark.parametrize(
    ("name", "form"),
    [("a.html", "html"), ("a.HTM", "html"), ("a.json", "json"), ("a.csv", "csv"), ("a.md", "markdown"), ("a", "text")],
)
def test_the_format_follows_the_name_of_the_file(kept: Run, tmp_path: Path, name: str, form: str) -> None:
    result = kept("report", "visit", "-o", name)
    assert (result.code, result.out) == (0, "")
    assert f"Written: {tmp_path / name}" in result.err
    written = (tmp_path / name).read_bytes().decode()
    expected = kept("report", "visit", "--format", form).out
    stamp = json.loads(written)["generated_at"] if form == "json" else ""
    assert len(written.replace(stamp, "")) == pytest.approx(len(expected), abs=30)
    assert written[:40] == expected[:40]
    if os.name == "posix":
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


def test_a_report_that_cannot_be_written_is_a_sentence(kept: Run, tmp_path: Path) -> None:
    result = kept("report", "visit", "-o", tmp_path / "nowhere" / "a.html")
    assert result.code == ExitCode.USAGE
    assert "cannot be written" in result.err
    assert "-o" in result.err


def test_a_report_never_replaces_a_file_by_half_of_one(kept: Run, tmp_path: Path) -> None:
    (tmp_path / "a.html").mkdir()
    result = kept("report", "visit", "-o", "a.html")
    assert result.code == ExitCode.USAGE
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".a.html")] == []


def test_json_is_the_contract(kept: Run) -> None:
    content = report(kept)
    assert content["schema"] == SCHEMA
    parsed = Report.model_validate_json(json.dumps(content))
    assert [event.event_name for event in parsed.events] == [
        "PageView", "SubscribedButtonClick", "PageView", "Search", "PageView",
    ]  # fmt: skip
    click = by_name(content, "SubscribedButtonClick")
    assert click["clicked"] == "Book a zorbitis test"
    assert click["score"] == click["steps"][-1]["total"] == sum(step["delta"] for step in click["steps"])
    (finding, *_) = [item for item in click["findings"] if item["parameter"] == "cd[buttonText]"]
    (value,) = [item["value"] for item in click["parameters"] if item["name"] == "cd[buttonText]"]
    assert value[finding["start"] : finding["end"]] == finding["text"] == "zorbitis"
    assert by_name(content, "Search")["searched"] == "zorbitis help"
    assert {act["kind"] for act in content["acts"]} == {"page_view", "click", "search"}


def test_the_schema_of_a_comparison_is_printed(run: Run) -> None:
    assert json.loads(run("schema", "comparison").out)["title"] == "Comparison"


def test_the_schema_describes_a_report(kept: Run) -> None:
    schema = json.loads(kept("schema").out)
    content = report(kept)
    assert set(content) <= set(schema["properties"])
    assert set(schema["required"]) <= set(content)
    event = schema["$defs"]["Event"]
    assert all(set(item) == set(event["properties"]) for item in content["events"])


def test_identifiers_are_shortened_unless_revealed(kept: Run) -> None:
    account, browser = "100000000000007", "fb.1.1789999999000.4440001"
    for form in ("html", "json", "csv", "markdown", "text"):
        shown = kept("report", "visit", "--format", form, "-vv").out
        assert account not in shown
        assert browser not in shown
    revealed = report(kept, "--reveal")
    assert revealed["revealed"] is True
    values = {item["value"] for event in revealed["events"] for item in event["identifiers"]}
    assert {account, browser} <= values


def test_secrets_are_not_revealed_either(kept: Run, clinic) -> None:
    for form in ("html", "json", "csv", "markdown", "text"):
        shown = kept("report", "visit", "--format", form, "-vv", "--reveal").out
        assert clinic.session_secret not in shown
        assert "invented-session-secret" not in shown


def test_min_score_leaves_events_out_and_says_so(kept: Run) -> None:
    content = report(kept, "--min-score", "1")
    assert content["min_score"] == 1
    assert len(content["events"]) == 4
    assert all(event["score"] >= 1 for event in content["events"])
    assert {event for act in content["acts"] for event in act["event_ids"]} == {e["id"] for e in content["events"]}
    assert "only events of 1 points" in kept("report", "visit", "--min-score", "1").out


def test_fail_over_ends_with_10(kept: Run) -> None:
    highest = max(event["score"] for event in report(kept)["events"])
    over = kept("report", "visit", "--format", "json", "--fail-over", highest)
    assert over.code == ExitCode.FINDINGS
    assert json.loads(over.out)["events"]
    assert f"have {highest} points or more" in over.err
    assert kept("report", "visit", "--fail-over", min(highest + 1, 100)).code == (0 if highest < 100 else 10)


def test_fail_over_counts_what_min_score_leaves_out_of_sight(kept: Run) -> None:
    highest = max(event["score"] for event in report(kept)["events"])
    assert kept("report", "visit", "--fail-over", "1", "--min-score", highest).code == ExitCode.FINDINGS


@pytest.mark.parametrize("value", ["0", "101", "many"])
def test_a_limit_that_is_none_is_usage(kept: Run, value: str) -> None:
    assert kept("report", "visit", "--fail-over", value).code == ExitCode.USAGE


def test_verbosity_adds_requests_and_parameters(kept: Run) -> None:
    lengths = [len(kept("report", "visit", *flags).out) for flags in ((), ("-v",), ("-vv",), ("-vvvv",))]
    assert lengths[0] < lengths[1] < lengths[2] == lengths[3]


def test_the_newest_session_is_reported_without_a_name(kept: Run, clinic, tmp_path: Path) -> None:
    kept("replay", clinic.save_har(tmp_path / "later.har"), "--session", "later")
    assert json.loads(kept("report", "--format", "json").out)["session"]["id"] == "later"
    assert json.loads(kept("report", "vis", "--format", "json").out)["session"]["id"] == "visit"


# what is not there


@pytest.mark.parametrize(
    "arguments",
    [
        ("report", "nobody"),
        ("events", "nobody"),
        ("explain", "e00000000000"),
        ("rescore", "nobody"),
        ("forget", "nobody", "--yes"),
        ("review", "e00000000000", "--confirm"),
        ("mark", "nobody", "--at", "2026-05-04T10:31:02Z", "--kind", "note"),
    ],
)
def test_what_is_not_there_ends_with_7(kept: Run, arguments: tuple[str, ...]) -> None:
    result = kept(*arguments)
    assert result.code == ExitCode.NOT_FOUND
    assert result.out == ""
    assert result.err.startswith("Error: ")


@pytest.mark.parametrize(
    "arguments",
    [
        ("report",),
        ("sessions",),
        ("events",),
        ("explain", "e1"),
        ("rescore",),
        ("forget", "a", "--yes"),
        ("review", "e1", "--confirm"),
        ("mark", "a", "--at", "2026-05-04T10:31:02Z", "--kind", "note"),
    ],
)
def test_a_missing_database_ends_with_5_and_is_not_made(run: Run, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.code == ExitCode.DATABASE
    assert "pixelwitness.db: no such database; run a replay first" in result.err
    assert list(tmp_path.glob("*.db*")) == []


def test_an_unusable_database_ends_with_5(run: Run, capture: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"this is no database at all, it is a letter " * 50)
    for arguments in (("report",), ("replay", capture)):
        for name in (broken, tmp_path):
            result = run(*arguments, "--db", name)
            assert result.code == ExitCode.DATABASE
            assert "cannot be used as a database" in result.err


def test_a_session_that_was_never_evaluated_says_what_to_run(kept: Run, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "pixelwitness.db")) as connection:
        connection.execute("DELETE FROM der_sessions")
        connection.commit()
    result = kept("report", "visit")
    assert result.code == ExitCode.NOT_FOUND
    assert "pixelwitness rescore visit" in result.err
    assert kept("rescore", "visit").code == 0
    assert kept("report", "visit").code == 0


# lists


def test_sessions_are_listed(kept: Run) -> None:
    head, row = kept("sessions").lines
    assert head.split()[:2] == ["session", "made"]
    assert row.startswith("visit ")
    assert " recorded " in row


def test_events_are_listed_in_order(kept: Run) -> None:
    head, *rows = kept("events", "visit").lines
    assert head.split()[0] == "event"
    assert len(rows) == 5
    assert rows == sorted(rows, key=lambda row: row.split()[1])
    assert "Book a zorbitis test" in rows[1]


def test_events_are_found_by_words(kept: Run) -> None:
    assert len(kept("events", "visit", "--search", "zorbitis help").lines) == 3
    assert len(kept("events", "visit", "--search", "nothing of it").lines) == 1
    assert len(kept("events", "visit", "--min-score", "1").lines) == 5


# explain


def test_explain_shows_every_word_step_and_parameter(kept: Run) -> None:
    click = by_name(report(kept), "SubscribedButtonClick")
    result = kept("explain", click["id"])
    assert result.code == 0
    assert "en/zorbitis/zorbitis" in result.out
    assert "cd[buttonText]" in result.out
    assert str(click["score"]) in result.out
    assert "100000000000007" not in result.out
    assert "100000000000007" in kept("explain", click["id"], "--reveal").out


def test_explain_takes_a_pasted_address(run: Run, pack: Path) -> None:
    address = "https://www.facebook.com/tr/?id=1&ev=PageView&dl=https%3A%2F%2Fa.example%2Fzorbitis%2F&cd[x]=a b"
    result = run("explain", address, "--rules", pack)
    assert result.code == 0
    assert "en/zorbitis/zorbitis" in result.out
    assert "cd[x]" in result.out


def test_explain_takes_a_pasted_form(run: Run, pack: Path) -> None:
    body = "id=1&ev=Lead&dl=https%3A%2F%2Fa.example%2F&cd%5Bcontent_name%5D=zorbitis+group"
    result = run("explain", "https://www.facebook.com/tr/", "--body", body, "--rules", pack)
    assert result.code == 0
    assert "zorbitis" in result.out


@pytest.mark.parametrize(
    "address", ["https://a.example/zorbitis/", "https://connect.facebook.net/en_US/fbevents.js", "https://[", "://"]
)
def test_explain_says_where_an_address_carries_no_event(run: Run, tmp_path: Path, address: str) -> None:
    result = run("explain", address)
    assert result.code == ExitCode.USAGE
    assert "cannot be explained" in result.err
    assert list(tmp_path.glob("*.db")) == []


# review


def test_a_review_is_shown_and_counts(kept: Run) -> None:
    ids = [event["id"] for event in report(kept)["events"] if event["score"]]
    assert kept("review", ids[0], "--confirm", "--by", "R. Reviewer").code == 0
    assert kept("review", *ids[1:], "--dismiss", "--reason", "job advertisement", "--by", "R. Reviewer").code == 0
    content = report(kept)
    reviews = {event["id"]: event["review"] for event in content["events"]}
    assert (reviews[ids[0]]["state"], reviews[ids[0]]["by"]) == ("confirmed", "R. Reviewer")
    assert (reviews[ids[1]]["state"], reviews[ids[1]]["reason"]) == ("dismissed", "job advertisement")
    assert kept("report", "visit", "--fail-over", "1").code == ExitCode.FINDINGS  # the confirmed one
    kept("review", ids[0], "--dismiss", "--reason", "seen again")
    assert kept("report", "visit", "--fail-over", "1").code == 0


def test_reviews_are_added_and_never_overwritten(kept: Run, tmp_path: Path) -> None:
    (event, *_) = report(kept)["events"]
    kept("review", event["id"], "--dismiss", "--reason", "first")
    kept("review", event["id"], "--confirm", "--reason", "second")
    with closing(sqlite3.connect(tmp_path / "pixelwitness.db")) as connection:
        assert connection.execute("SELECT state, reason FROM obs_reviews ORDER BY id").fetchall() == [
            ("dismissed", "first"),
            ("confirmed", "second"),
        ]
    assert report(kept)["events"][0]["review"]["state"] == "confirmed"


def test_reviews_come_from_a_table(kept: Run, tmp_path: Path) -> None:
    first, second, *_ = (event["id"] for event in report(kept)["events"])
    table = tmp_path / "decisions.csv"
    table.write_text(
        f"\ufeffevent,decision,reason,by,more\n{first},Confirm,,,x\n,,,,\n{second},dismissed,a job,N. Body,y\n",
        encoding="utf-8",
    )
    result = kept("review", "--from", table, "--by", "R. Reviewer")
    assert result.code == 0
    assert "2 decisions kept" in result.err
    reviews = [event["review"] for event in report(kept)["events"]]
    assert [(item["state"], item["by"]) for item in reviews[:3]] == [
        ("confirmed", "R. Reviewer"),
        ("dismissed", "N. Body"),
        ("unreviewed", None),
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("event,decision\n{event},maybe\n", "line 2: needs an event and a decision"),
        ("event,decision\n{event},dismiss\n", "line 2: dismissing {event} needs a reason"),
        ("event,decision\n,confirm\n", "line 2"),
        ("other\n1\n", "name the events"),
        ("", "name the events"),
    ],
)
def test_a_table_that_is_wrong_changes_nothing(kept: Run, tmp_path: Path, content: str, words: str) -> None:
    event = report(kept)["events"][0]["id"]
    table = tmp_path / "decisions.csv"
    table.write_text(content.format(event=event), encoding="utf-8")
    result = kept("review", "--from", table)
    assert result.code == ExitCode.USAGE
    assert words.format(event=event) in " ".join(result.err.split()).replace("│ ", "")
    assert {item["review"]["state"] for item in report(kept)["events"]} == {"unreviewed"}


def test_one_unknown_event_in_a_table_keeps_all_of_it_out(kept: Run, tmp_path: Path) -> None:
    event = report(kept)["events"][0]["id"]
    table = tmp_path / "decisions.csv"
    table.write_text(f"event,decision\n{event},confirm\ne00000000000,confirm\n", encoding="utf-8")
    assert kept("review", "--from", table).code == ExitCode.NOT_FOUND
    assert {item["review"]["state"] for item in report(kept)["events"]} == {"unreviewed"}


@pytest.mark.parametrize(
    "arguments", [(), ("e1",), ("e1", "--confirm", "--dismiss"), ("e1", "--dismiss"), ("--from", "nothing.csv")]
)
def test_a_review_that_says_nothing_is_usage(kept: Run, arguments: tuple[str, ...]) -> None:
    assert kept("review", *arguments).code == ExitCode.USAGE


# mark, rescore, forget


def test_a_mark_changes_the_consent_of_what_comes_after(kept: Run, pack: Path) -> None:
    content = report(kept)
    moment = content["events"][1]["occurred_at"]
    assert content["events"][1]["consent"]["basis"] != "marked"
    result = kept("mark", "visit", "closed the banner", "--at", moment, "--kind", "refused", "--by", "R. Reviewer")
    assert result.code == 0
    after = report(kept)
    assert [event["consent"]["state"] for event in after["events"][1:4]] == ["refused"] * 3
    assert after["events"][1]["consent"]["basis"] == "marked"
    assert after["events"][0]["consent"]["state"] == content["events"][0]["consent"]["state"]
    (mark,) = after["marks"]
    assert (mark["kind"], mark["text"], mark["by"], mark["at"]) == (
        "refused", "closed the banner", "R. Reviewer", moment,
    )  # fmt: skip


def test_a_mark_leaves_the_assessments_as_they_were(kept: Run) -> None:
    before = [event["score"] for event in report(kept)["events"]]
    kept("mark", "visit", "--at", "2026-09-21T14:13:20Z", "--kind", "note", "--site", "www.example-clinic.example")
    content = report(kept)
    assert [event["score"] for event in content["events"]] == before
    assert content["marks"][0]["site"] == "example-clinic.example"


def test_a_mark_takes_an_address_and_a_local_time(kept: Run) -> None:
    result = kept("mark", "visit", "--at", "2026-09-21 15:13:20", "--zone", "Europe/London", "--kind", "logged_in",
        "--site", "HTTPS://www.Example-Clinic.example/login?next=/")  # fmt: skip
    assert result.code == ExitCode.OK, result.err
    assert "Mark 1 of visit: logged_in at 2026-09-21T14:13:20.000Z, for example-clinic.example." in result.err
    content = json.loads(kept("report", "visit", "--format", "json").out)
    assert {event["logged_in"] for event in content["events"]} == {"marked"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--at", "yesterday"), "is no time such as"),
        (("--at", "2026-09-21"), "a day without a time"),
        (("--at", "2030-01-01T00:00:00Z"), "is far away from"),
        (("--at", "2026-09-21T14:13:20", "--zone", "Mars/Base"), "is no time zone"),
        (("--at", "2026-09-21T14:13:20Z", "--site", "nowhere.example"), "holds nothing of nowhere.example"),
        (("--at", "2026-09-21T14:13:20Z", "--site", "a b <c>"), "is no host or address"),
        (("--at", "2026-09-21T14:13:20Z", "--site", ""), "is no host or address"),
    ],
)
def test_a_mark_that_makes_no_sense_is_refused(kept: Run, arguments: tuple[str, ...], words: str) -> None:
    result = kept("mark", "visit", "--kind", "refused", *arguments)
    assert result.code == ExitCode.USAGE
    assert words in " ".join(result.err.replace("│", " ").split())
    assert kept("marks", "visit").err.strip() == "Session visit has no marks."


def test_marks_are_listed_and_withdrawn(kept: Run) -> None:
    kept("mark", "visit", "first", "--at", "2026-09-21T14:13:19Z", "--kind", "refused")
    kept("mark", "visit", "second", "--at", "2026-09-21T14:13:18Z", "--kind", "accepted", "--by", "R. Reviewer")
    listed = kept("marks", "visit").out.splitlines()
    assert [line.split()[0] for line in listed] == ["No.", "2", "1"]
    done = kept("marks", "visit", "--withdraw", "1", "--reason", "wrong minute", "--by", "R. Reviewer")
    assert done.code == ExitCode.OK, done.err
    content = json.loads(kept("report", "visit", "--format", "json").out)
    assert [mark["number"] for mark in content["marks"]] == [2]
    assert [(mark["number"], mark["reason"]) for mark in content["withdrawn_marks"]] == [(1, "wrong minute")]
    assert {event["consent"]["state"] for event in content["events"] if event["consent"]["basis"] == "marked"} <= {
        "accepted"
    }
    assert "withdrawn" in kept("marks", "visit").out
    assert kept("marks", "visit", "--withdraw", "1").code == ExitCode.NOT_FOUND
    assert kept("marks", "visit", "--withdraw", "9").code == ExitCode.NOT_FOUND
    assert kept("marks", "visit", "--reason", "x").code == ExitCode.USAGE


@pytest.mark.parametrize(
    "arguments",
    [("--at", "yesterday", "--kind", "note"), ("--at", "2026-05-04", "--kind", "dance"), ("--kind", "note")],
)
def test_a_mark_without_time_or_kind_is_usage(kept: Run, arguments: tuple[str, ...]) -> None:
    assert kept("mark", "visit", *arguments).code == ExitCode.USAGE


def test_rescore_uses_the_rules_of_today(kept: Run, pack: Path) -> None:
    before = report(kept)
    result = kept("rescore", "visit")  # without the pack of the first replay
    assert result.code == 0
    assert "events changed" in result.err
    after = report(kept)
    assert after["session"]["ruleset_digest"] != before["session"]["ruleset_digest"]
    assert not any(item["rule"] == "en/zorbitis/zorbitis" for event in after["events"] for item in event["findings"])
    kept("rescore", "visit", "--rules", pack)
    again = report(kept)
    assert {**again, "generated_at": ""} == {**before, "generated_at": ""}


def test_rescore_says_what_changed_and_why(kept: Run, pack: Path) -> None:
    result = kept("rescore", "visit")
    lost = [line for line in result.lines if line.startswith("    - en/zorbitis/zorbitis “Zorbitis”, version 1: “")]
    assert lost
    heads = [line for line in result.lines if not line.startswith(" ")]
    assert all(" → " in line for line in heads)
    assert f"visit: {len(heads)} of " in result.err
    assert "Rules " in result.err
    again = kept("rescore", "visit")
    assert (again.out, "The rules are the same." in again.err) == ("", True)
    rule = pack / "en" / "zorbitis" / "zorbitis.yaml"
    kept("rescore", "visit", "--rules", pack)
    rule.write_text(rule.read_text("utf-8").replace("version: 1", "version: 2\npoints: 41"), "utf-8")
    newer = kept("rescore", "visit", "--rules", pack)
    assert any("~ en/zorbitis/zorbitis “Zorbitis”: version 1 → 2" in line for line in newer.lines)


def test_rescore_evaluates_every_session(kept: Run, capture: Path) -> None:
    kept("replay", capture, "--session", "second")
    result = kept("rescore", "--all")
    assert result.code == 0
    assert "visit: " in result.err
    assert "second: 0 of " in result.err
    assert "2 sessions evaluated" in result.err
    assert kept("rescore", "visit", "--all").code == ExitCode.USAGE


def test_forget_asks_and_forgets(kept: Run, tmp_path: Path) -> None:
    refused = kept("forget", "visit", stdin="n\n")
    assert refused.code == ExitCode.INTERRUPTED
    assert kept("report", "visit").code == 0
    assert kept("forget", "visit", stdin="y\n").code == 0
    assert kept("report", "visit").code == ExitCode.NOT_FOUND
    assert b"zorbitis" not in (tmp_path / "pixelwitness.db").read_bytes()


def test_forget_takes_whole_names_only(kept: Run) -> None:
    result = kept("forget", "vis", "--yes")
    assert result.code == ExitCode.NOT_FOUND
    assert "did you mean “visit”?" in result.err
    assert kept("report", "visit").code == 0


# rules


def test_rules_are_listed(run: Run, pack: Path) -> None:
    result = run("rules", "list", "--rules", pack)
    assert result.code == 0
    assert any(line.startswith("en/zorbitis/zorbitis ") for line in result.lines)
    assert "digest" in result.err
    own = run("rules", "list", "--rules", pack, "--category", "zorbitis")
    assert len(own.lines) == 2


def test_rules_that_are_right_pass(run: Run, pack: Path) -> None:
    assert run("rules", "check", pack).code == 0
    result = run("rules", "test", pack)
    assert (result.code, result.out) == (0, "")
    assert "4 examples, 0 do not hold" in result.err


def test_a_rule_whose_example_does_not_hold_ends_with_4(run: Run, pack: Path) -> None:
    path = pack / "en" / "zorbitis" / "zorbitis.yaml"
    path.write_text(path.read_text().replace("Living with a cat", "zorbitis again"), encoding="utf-8")
    result = run("rules", "test", pack)
    assert result.code == ExitCode.RULES
    assert "zorbitis again" in result.out
    checked = run("rules", "check", pack)
    assert checked.code == ExitCode.RULES
    assert "zorbitis.yaml:" in checked.out


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("kind: topic", "kind: tropic", 2, "kind"),
        ("tier: special_risk", "teir: special_risk", 4, "did you mean tier?"),
        ("version: 1", "version: one", 1, "version"),
        ("terms:\n  - zorbitis", "terms: [", 8, ""),
        ("title: Zorbitis\n", "", 0, "title: is missing"),
    ],
)
def test_a_broken_rule_names_file_line_and_field(
    run: Run, pack: Path, capture: Path, old: str, new: str, line: int, words: str
) -> None:
    path = pack / "en" / "zorbitis" / "zorbitis.yaml"
    path.write_text(RULE.replace(old, new), encoding="utf-8")
    for command in (("rules", "check", pack), ("replay", capture, "--rules", pack), ("rules", "list", "--rules", pack)):
        result = run(*command)
        assert result.code == ExitCode.RULES
        assert result.out == ""
        place = result.err.partition(str(path))[2]
        assert place, result.err
        if line:
            assert int(place[1:].partition(":")[0]) in range(line, line + 3)
        assert words in result.err
    with pytest.raises(RuleSetError):
        loader.load_rules((pack,))


def test_a_missing_pack_ends_with_4(run: Run, capture: Path, tmp_path: Path) -> None:
    result = run("replay", capture, "--rules", tmp_path / "nothing")
    assert result.code == ExitCode.RULES
    assert "no such file or folder" in result.err


def test_a_broken_rule_leaves_no_session(run: Run, pack: Path, capture: Path, tmp_path: Path) -> None:
    (pack / "en" / "zorbitis" / "zorbitis.yaml").write_text("kind: [", encoding="utf-8")
    assert run("replay", capture, "--rules", pack).code == ExitCode.RULES
    assert not (tmp_path / "pixelwitness.db").exists()


def test_a_text_is_scored_step_by_step(run: Run, pack: Path) -> None:
    result = run("rules", "score", "Living with zorbitis", "--rules", pack)
    assert result.code == 0
    score = int(result.lines[0].split()[0])
    assert score > 0
    assert "“zorbitis” at 12-20 in page.title" in result.out
    assert f"= {score:3d}" in result.out
    address = run("rules", "score", "https://a.example/zorbitis/", "--rules", pack)
    assert "in page.path" in address.out
    button = run("rules", "score", "Zorbitis", "--field", "button.text", "--rules", pack)
    assert "in button.text" in button.out


def test_a_table_is_scored(run: Run, pack: Path, tmp_path: Path) -> None:
    table = tmp_path / "pages.csv"
    table.write_text(
        "\ufeffn,url,title_or_button,note\n"
        "1,https://a.example/,Living with zorbitis,kept\n"
        '2,https://a.example/cats/,"Cats, ""big"" ones",\n'
        "3,,,\n",
        encoding="utf-8",
    )
    result = run("rules", "score", "--csv", table, "-o", tmp_path / "scored.csv", "--rules", pack)
    assert (result.code, result.out) == (0, "")
    assert "3 rows scored" in result.err
    with (tmp_path / "scored.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["n", "url", "title_or_button", "note", "score", "band", "tier", "categories"]
    assert [row["categories"] for row in rows] == ["zorbitis", "", ""]
    assert int(rows[0]["score"]) > 0
    assert (rows[1]["score"], rows[1]["band"], rows[1]["title_or_button"]) == ("0", "none", 'Cats, "big" ones')
    assert run("rules", "score", "--csv", table, "--rules", pack).out == (tmp_path / "scored.csv").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "give either a text or a table"),
        (("text", "--csv", "a.csv"), "give either a text or a table"),
        (("text", "--field", "page.nose"), "is none of"),
        (("--csv", "nothing.csv"), "cannot be read"),
        (("--csv", "wrong.csv"), "url"),
        (("--csv", "binary.csv"), "cannot be read"),
    ],
)
def test_scoring_says_what_is_wrong(run: Run, tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    (tmp_path / "wrong.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    (tmp_path / "binary.csv").write_bytes(b"url,title_or_button\n\xff\xfe,\x00\n")
    result = run("rules", "score", *arguments)
    assert result.code == ExitCode.USAGE
    assert words in result.err


def test_a_vocabulary_is_measured(run: Run, pack: Path, tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("zorbitis\nbicycles\n", encoding="utf-8")
    result = run("rules", "coverage", "words.txt", "--rules", pack)
    assert (result.code, result.lines) == (0, ["bicycles"])
    assert "1 of 2 entries are met" in result.err
    assert run("rules", "coverage", "nothing.txt").code == ExitCode.USAGE


def test_a_new_rule_is_begun_and_never_overwritten(run: Run, tmp_path: Path) -> None:
    result = run("rules", "new", "en/rare/zorbitis", "--folder", "mine")
    assert result.code == 0
    assert (tmp_path / result.out.strip()).is_file()
    assert run("rules", "new", "en/rare/zorbitis", "--folder", "mine").code == ExitCode.USAGE
    assert run("rules", "check", "mine").code in {0, ExitCode.RULES}


@pytest.mark.parametrize("rule", ["../../outside", "/etc/outside", "en/../../outside", "en", "en/a b/C"])
def test_a_new_rule_stays_in_its_folder(run: Run, tmp_path: Path, rule: str) -> None:
    assert run("rules", "new", rule, "--folder", tmp_path / "deep" / "mine").code == ExitCode.USAGE
    assert list(tmp_path.rglob("*.yaml")) == []


@pytest.mark.parametrize(
    "arguments", [("rules", "new", "en/rare/zorbitis", "--folder", "file"), ("demo", "--folder", "file")]
)
def test_a_folder_that_cannot_be_made_is_a_sentence(run: Run, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "file").touch()
    result = run(*arguments)
    assert result.code == ExitCode.USAGE
    assert "file" in result.err
    assert "cannot be made" in result.err


# all of them


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--help",),
        ("-h",),
        *((name, "--help") for name in (
            "live", "watch", "demo", "replay", "proxy", "addon-path", "report", "compare", "links", "sessions",
            "events", "explain", "schema", "mark", "marks", "persona", "review", "rescore", "forget", "rules",
        )),
        *(("rules", name, "--help") for name in ("list", "check", "test", "score", "coverage", "new")),
    ],
    ids=" ".join,
)  # fmt: skip
def test_help_is_there(run: Run, arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.code in ({0, ExitCode.USAGE} if not arguments else {0})
    assert "Usage:" in result.out + result.err


def test_the_version_is_printed(run: Run) -> None:
    assert run("--version") == Result(0, f"pixelwitness {TOOL_VERSION}\n", "")


def test_the_addons_path_is_printed(run: Run) -> None:
    result = run("addon-path")
    assert Path(result.out.strip()).name == "script.py"
    assert Path(result.out.strip()).is_file()


@pytest.mark.parametrize(
    "arguments", [("nonsense",), ("report", "--format", "pdf"), ("replay",), ("rules", "nonsense")]
)
def test_what_is_not_understood_is_usage(run: Run, arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.code == ExitCode.USAGE
    assert result.out == ""
    assert result.err


def test_a_defect_of_ours_is_a_sentence_and_70(kept: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("something of ours")

    monkeypatch.setattr("cli.report.build_report", broken)
    result = kept("report", "visit")
    assert result.code == ExitCode.DEFECT
    assert "This is a defect of Pixelwitness: ZeroDivisionError: something of ours" in result.err
    monkeypatch.setenv("PIXELWITNESS_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        kept("report", "visit")


def test_an_interruption_ends_with_130(kept: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cli.report.build_report", interrupted)
    result = kept("report", "visit")
    assert result.code == ExitCode.INTERRUPTED
    assert "Interrupted" in result.err


def test_a_full_disk_is_a_sentence(kept: Run, capture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("addon.store.store.Store.rewrite_derivation", full)
    result = kept("replay", capture, "--session", "second")
    assert result.code == ExitCode.DATABASE
    assert "cannot be written: database or disk is full" in result.err
    monkeypatch.undo()
    monkeypatch.chdir(capture.parent)
    assert kept("report", "second").code == ExitCode.NOT_FOUND


def test_captured_control_characters_never_reach_the_terminal(run: Run, visit, pack: Path, tmp_path: Path) -> None:
    hostile = "\x1b]0;owned\x07\x1b[2J\u202ezorbitis\r\nfake line"
    visit.pixel("SubscribedButtonClick", "/\x1b[31m/", more={"cd[buttonText]": hostile, "cd[\x1b[1m]": hostile})
    visit.pixel("\x1b[5mzorbitis", "/")
    assert run("replay", visit.save(tmp_path / "v.mitm"), "--session", "visit", "--rules", pack).code == 0
    for command in (
        *(("report", "visit", "-vv", "--format", form) for form in ("text", "json", "csv", "markdown", "html")),
        ("events", "visit"),
        ("sessions",),
    ):
        result = run(*command)
        assert result.code == 0
        assert "\x1b" not in result.out + result.err, command
        assert "\x07" not in result.out + result.err, command


# true processes


PROGRAM = (
    "import sys, pathlib, rules.loader; rules.loader.PACKS = pathlib.Path(sys.argv.pop(1)); "
    "from cli.main import run; run()"
)
"""The command line with the small packs of these tests: reading the built-in ones takes seconds."""


def start(*arguments: object, cwd: Path, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(loader.PACKS), *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(Path(main.__file__).parents[1]), "PYTHONUTF8": "1", **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def process(*arguments: object, cwd: Path, **environment: str) -> Result:
    with start(*arguments, cwd=cwd, **environment) as running:
        out, err = running.communicate(timeout=60)
        return Result(running.returncode, out, err)


def test_a_process_ends_with_the_code_and_keeps_data_and_talk_apart(capture: Path, tmp_path: Path) -> None:
    replayed = process("replay", capture, "--session", "visit", cwd=tmp_path)
    assert (replayed.code, replayed.out) == (0, "visit\n")
    assert "\x1b" not in replayed.err  # no colour and no progress bar where nobody looks
    shown = process("report", "visit", "--format", "json", cwd=tmp_path)
    assert Report.model_validate_json(shown.out).session.id == "visit"
    assert shown.err == ""


def test_no_color_is_honoured_even_where_color_is_forced(capture: Path, tmp_path: Path) -> None:
    result = process("report", "--nonsense", cwd=tmp_path, NO_COLOR="1", FORCE_COLOR="1", TERM="xterm-256color")
    assert result.code == ExitCode.USAGE
    assert "\x1b[3" not in result.err
    assert "\x1b[9" not in result.err


def test_who_stops_reading_gets_no_traceback(kept: Run, tmp_path: Path) -> None:
    with start("report", "visit", "--format", "html", cwd=tmp_path) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.read(10)
        running.stdout.close()
        err = running.stderr.read()
        code = running.wait(60)
    assert (code, err) == (0, "")


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
def test_a_signal_ends_a_process_with_130_and_leaves_nothing(clinic, tmp_path: Path) -> None:
    for number in range(800):
        clinic.pixel("PageView", f"/zorbitis/{number}/")
    capture = clinic.save(tmp_path / "long.mitm")
    capture.write_bytes(capture.read_bytes() * 10)  # some seconds of work, however busy the machine is
    with start("replay", capture, "--session", "visit", cwd=tmp_path) as running:
        database = tmp_path / "pixelwitness.db"
        while not database.exists() and running.poll() is None:
            pass
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert running.returncode == ExitCode.INTERRUPTED
    assert out == ""
    assert "Traceback" not in err
    assert process("report", "visit", cwd=tmp_path).code in {ExitCode.NOT_FOUND, ExitCode.DATABASE}


def test_output_that_the_terminal_cannot_show_does_no_harm(kept: Run, tmp_path: Path) -> None:
    result = process("report", "visit", cwd=tmp_path, PYTHONUTF8="0", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert result.code == 0
    assert "Traceback" not in result.err


# compare


def test_compare_sets_sessions_side_by_side(kept: Run, clinic, tmp_path: Path) -> None:
    assert kept("replay", clinic.save(tmp_path / "again.mitm"), "--session", "again").code == 0
    result = kept("compare", "visit", "again", "--format", "json")
    assert result.code == 0, result.err
    content = json.loads(result.out)
    assert [column["session"] for column in content["columns"]] == ["visit", "again"]
    assert sum(column["events"] for column in content["columns"]) > 0
    assert kept("compare", "visit", "again").out.startswith("What left, side by side\n")
    assert kept("compare", "visit", "again", "-o", "c.html").code == 0
    assert (tmp_path / "c.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_compare_of_one_session_needs_two_phases(kept: Run) -> None:
    result = kept("compare", "visit:before")
    assert result.code == ExitCode.USAGE
    assert "name a second part" in " ".join(result.err.split())
    events = json.loads(kept("report", "visit", "--format", "json").out)["events"]
    first, last = events[0]["occurred_at"], events[-1]["occurred_at"]
    assert first < last
    assert kept("mark", "visit", "--at", first, "--kind", "refused").code == 0
    assert kept("mark", "visit", "--at", last, "--kind", "accepted").code == 0
    result = kept("compare", "visit")
    assert result.code == ExitCode.OK
    assert "visit, after refusal" in result.out
    assert "visit, after acceptance" in result.out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("visit", "elsewhere"), ExitCode.NOT_FOUND),
        (("visit", "visit:later"), ExitCode.USAGE),
        (("visit", "visit@noon.."), ExitCode.USAGE),
        (("visit",) * 27, ExitCode.USAGE),
    ],
)
def test_compare_says_what_is_wrong_with_its_arguments(kept: Run, arguments: tuple[str, ...], code: int) -> None:
    assert kept("compare", *arguments).code == code
