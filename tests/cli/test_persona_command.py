"""The commands about the test person, and what every format says of it."""

import csv
import hashlib
import io
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from addon.persona.person import read_person
from cli.exits import ExitCode
from cli.main import _explained, app

EMAIL = "jo.bloggs@example.com"
PERSON = (
    "email: Jo.Bloggs@example.com\nfirst_name: Jo\nlast_name: Bloggs\nphone: 07700 900123\naddress:\n  country: GB\n"
)

Run = Callable[..., Any]


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def run() -> Run:
    def call(*words: object, code: int = 0) -> Any:
        result = CliRunner().invoke(app, [str(word) for word in words])
        ended = result.exit_code
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            ended = _explained(result.exception)
        assert ended == code, result.output
        return result

    return call


@pytest.fixture
def session(visit, tmp_path: Path, run: Run) -> tuple[Path, Path]:
    """Return a database with a session that was searched for the person, and the person's file."""
    visit.page("/zorbitis/", title="Living with zorbitis", asks=True)
    visit.pixel("Lead", f"/zorbitis/?m={EMAIL}", more={"ud[em]": sha256(EMAIL), "ud[fn]": sha256("martha"),
                                                        "ud[ln]": sha256("smith"), "cd[who]": "Jo Bloggs"})  # fmt: skip
    person = tmp_path / "person.yaml"
    person.write_text(PERSON, "utf-8")
    db = tmp_path / "visit.db"
    capture = visit.save(tmp_path / "visit.mitm")
    run("replay", capture, "--db", db, "--session", "visit", "--persona", person, "--by", "A. Tester")
    return db, person


def report(run: Run, db: Path, form: str, *more: str) -> str:
    return str(run("report", "visit", "--db", db, "--format", form, *more).stdout)


def test_a_person_is_invented_into_a_file_of_ones_own(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "person.yaml"
    result = run("persona", "new", "-o", path, "--seed", "a")
    assert result.stdout.strip() == str(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text("utf-8")
    assert len(read_person(path).details) == 13
    assert run("persona", "new", "--seed", "a").stdout == text
    run("persona", "new", "-o", path, code=ExitCode.USAGE)
    assert path.read_text("utf-8") == text
    run("persona", "new", "-o", path, "--force")
    assert path.read_text("utf-8") != text


def test_the_forms_are_shown(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "person.yaml"
    path.write_text(PERSON, "utf-8")
    shown = run("persona", "show", path).stdout
    for text in ("jo.bloggs@example.com", "447700900123", "bloggs-jo", "lower-cased"):
        assert text in shown
    assert (
        f"{sha256(EMAIL)}  the SHA-256 of the e-mail address, lower-cased"
        in run("persona", "show", path, "--hashes").stdout
    )


def test_a_mistake_in_the_file_ends_with_the_code_for_wrong_use(session, tmp_path: Path, run: Run, capsys) -> None:
    db, _ = session
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("emial: a@b.example\n", "utf-8")
    for words in (("persona", "show", wrong), ("persona", "match", "visit", "--persona", wrong, "--db", db),
                  ("replay", tmp_path / "visit.mitm", "--persona", wrong, "--db", tmp_path / "other.db"),
                  ("proxy", "--persona", wrong)):  # fmt: skip
        run(*words, code=ExitCode.USAGE)
        assert f"{wrong}:1: emial: is not known; did you mean email?" in capsys.readouterr().err
    assert not (tmp_path / "other.db").exists()
    run("persona", "match", "nobody", "--persona", session[1], "--db", db, code=ExitCode.NOT_FOUND)


def test_matching_again_says_that_nothing_is_new(session, run: Run) -> None:
    db, person = session
    result = run("persona", "match", "visit", "--persona", person, "--db", db)
    assert "looked for in 1 request: found in 1 request: e-mail address" in result.stderr
    assert "as known already" in result.stderr


def test_json_says_of_every_identifier_whose_it_is(session, run: Run) -> None:
    found = json.loads(report(run, session[0], "json"))
    (event,) = found["events"]
    by_parameter = {item["parameter"]: item for item in event["identifiers"]}
    em, fn, ln = (by_parameter[f"ud[{key}]"] for key in ("em", "fn", "ln"))
    assert (em["person_matched"], fn["person_matched"], ln["person_matched"]) == (True, False, False)
    assert em["person_note"] == "this value is the SHA-256 of the e-mail address you typed, lower-cased"
    assert fn["person_note"] == "this value is no form of the first name you typed"
    assert em["guessed"] is None
    assert ln["guessed"]["what"] == "a common last name"
    assert by_parameter["fbp"]["person_matched"] is None
    assert {(item["place"], item["parameter"], item["written"]) for item in event["person"]} == {
        ("query", "ud[em]", "sha256"), ("query", "dl", "plain"), ("query", "cd[who]", "plain"),
    }  # fmt: skip
    (section,) = found["test_persons"]
    assert section["by"] == "A. Tester"
    assert [item["detail"] for item in section["left"]] == ["e-mail address", "first and last name"]
    assert section["never_left"] == ["phone number", "country"]
    assert {item["kind"] for item in section["unmatched"]} == {"fn", "ln"}
    assert section["left"][0]["before_consent"] == 1


def test_details_in_clear_are_shortened_unless_revealed(session, run: Run) -> None:
    for form in ("json", "html", "csv", "markdown", "text"):
        text = report(run, session[0], form, "-vv")
        assert EMAIL not in text
        assert "Jo Bloggs" not in text
        assert EMAIL in report(run, session[0], form, "-vv", "--reveal")


@pytest.mark.parametrize("form", ["html", "markdown", "text"])
def test_every_format_for_readers_has_the_section(session, run: Run, form: str) -> None:
    text = " ".join(report(run, session[0], form, "-v").replace("&#39;", "'").replace("\\", "").split())
    for words in (
        "The test person", "3 of 5 details typed left this browser, in 1 event.", "SHA-256, lower-cased",
        "Never found: phone number and country.", "no form of what was typed", "found among", "A. Tester",
        "Stated by A. Tester",
    ):  # fmt: skip
        assert words in text, words


def test_csv_has_columns_of_its_own(session, run: Run) -> None:
    (row,) = csv.DictReader(io.StringIO(report(run, session[0], "csv")))
    assert row["person_details"] == "e-mail address | first and last name"
    assert (
        "the SHA-256 of the e-mail address you typed, lower-cased, in the address of the request" in row["person_forms"]
    )
    assert row["person_unmatched"].startswith("fn=")


def test_explain_tells_of_the_person(session, run: Run) -> None:
    db, _ = session
    (event,) = json.loads(report(run, db, "json"))["events"]
    text = " ".join(run("explain", event["id"], "--db", db).stdout.split())
    assert "this value is the SHA-256 of the e-mail address you typed, lower-cased" in text
    assert "Person: The first and last name you typed, in clear: in the address of the request," in text


def test_without_a_person_nothing_is_said(clinic, tmp_path: Path, run: Run) -> None:
    run("replay", clinic.save(tmp_path / "visit.mitm"), "--db", tmp_path / "a.db", "--session", "visit")
    for form in ("html", "markdown", "text", "csv"):
        text = report(run, tmp_path / "a.db", form, "-vv").partition("<body>")[2 if form == "html" else 0]
        assert "The test person\n" not in text
        assert "person_details" not in text
    assert json.loads(report(run, tmp_path / "a.db", "json"))["test_persons"] == []
