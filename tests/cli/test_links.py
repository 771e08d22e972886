"""`pixelwitness links`: what ties sessions, in every format, and nothing shown whole."""

import csv
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer.main

import captures
from addon.replay import replay
from addon.store.store import Store
from cli import main
from cli.exits import ExitCode
from cli.links import build_links
from cli.reports.links import LINK_FORMATS, across, summary
from cli.terminal import printable

ACCOUNT = "100000000000007"
FBP = "fb.1.1789999999000.4440001"


class Result(NamedTuple):
    """How the command ended and what it wrote."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Run a command line in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PIXELWITNESS_DB", raising=False)
    monkeypatch.setattr(main, "app", typer.main.get_command(main.app))

    def command(*arguments: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["pixelwitness", *map(str, arguments)])
        capsys.readouterr()
        code = main._outcome()
        told = capsys.readouterr()
        return Result(code, told.out, told.err)

    return command


@pytest.fixture
def visits(new_visit, judge, tmp_path: Path) -> Path:
    """Return a database of three sessions: two with one account, one with another browser id and no account."""
    path = tmp_path / "pixelwitness.db"
    with Store(path) as store:
        for name, fbp, cookies in (
            ("first", FBP, new_visit().pixel.__kwdefaults__["cookies"]),
            ("second", "fb.1.1789999999000.4440002", (f"c_user={ACCOUNT}",)),
            ("third", "fb.1.1789999999000.4440003", ()),
        ):
            visit = new_visit()
            visit.page("/zorbitis/", asks=True)
            visit.pixel("PageView", "/zorbitis/", more={"fbp": fbp}, cookies=cookies)
            visit.wait(5)
            visit.pixel("Lead", "/zorbitis/", more={"fbp": fbp}, cookies=())
            replay(store, judge, name, [visit.save(tmp_path / f"{name}.mitm")])
    return path


def links_of(path: Path, **more: Any):
    with Store(path) as store:
        return build_links(store, store.sessions(), **more)


def test_sessions_are_tied_by_what_came_with_both(visits: Path) -> None:
    links = links_of(visits)
    (found,) = across(links)
    assert found.sessions == ("first", "second")
    assert found.events == 4
    assert found.direct == 2
    assert [one.name for one in found.identifiers if len(one.sessions) > 1] == ["Facebook account A"]
    assert {one.through.name for one in found.identifiers if one.through} == {"Facebook account A"}
    assert summary(links) == "2 of 3 sessions are tied: first and second by Facebook account A."
    assert [item.unjoined_events for item in links.sessions] == [0, 0, 0]


@pytest.mark.parametrize("form", list(LINK_FORMATS))
def test_no_format_shows_a_whole_value(visits: Path, form: str) -> None:
    written = LINK_FORMATS[form](links_of(visits), 1)
    assert ACCOUNT not in written
    assert FBP not in written
    assert ACCOUNT in LINK_FORMATS[form](links_of(visits, reveal=True), 1)


def test_formats_hold_the_same_identifiers(visits: Path) -> None:
    links = links_of(visits)
    names = [one.name for item in links.histories for one in item.identifiers]
    rows = list(csv.DictReader(io.StringIO(LINK_FORMATS["csv"](links, 0), newline="")))
    assert [row["identifier"] for row in rows] == names
    written = json.loads(LINK_FORMATS["json"](links, 0))
    assert written["schema"] == "pixelwitness/links/1"
    assert [one["name"] for item in written["histories"] for one in item["identifiers"]] == names
    for text in (LINK_FORMATS["text"](links, 1), LINK_FORMATS["html"](links, 0)):
        assert all(one.name.lower() in text.lower() for item in across(links) for one in item.identifiers)


def test_the_page_runs_and_loads_nothing(visits: Path) -> None:
    page = LINK_FORMATS["html"](links_of(visits), 0)
    assert "default-src 'none'" in page
    assert "<script" not in page
    assert "http://" not in page
    assert "<svg" in page
    assert "met in this one line only" in page


def test_the_command_names_sessions_and_writes_files(run, visits: Path) -> None:
    assert "2 of 3 sessions are tied" in run("links").out
    told = run("links", "first", "third")
    assert (told.code, "No identifier ties one session to another." in told.out) == (ExitCode.OK, True)
    assert run("links", "first", "first").out.count("- first:") == 1
    assert run("links", "nowhere").code == ExitCode.NOT_FOUND
    for name in ("l.html", "l.json", "l.csv", "l.txt"):
        told = run("links", "-o", name)
        assert (told.code, told.out) == (ExitCode.OK, "")
        assert (visits.parent / name).stat().st_mode & 0o777 == 0o600
    assert all(printable(line) == line for line in run("links", "-v", "--reveal").out.splitlines())


def test_an_empty_database_is_told_in_a_sentence(run, tmp_path: Path) -> None:
    with Store(tmp_path / "pixelwitness.db"):
        pass
    told = run("links")
    assert (told.code, told.out) == (ExitCode.NOT_FOUND, "")
    assert "holds no session yet" in told.err


def test_two_captures_of_one_browsing_are_said_to_be_that(judge, tmp_path: Path) -> None:
    with Store(tmp_path / "pixelwitness.db") as store:
        replay(store, judge, "proxy", [captures.SAME_BROWSING_MITM])
        replay(store, judge, "browser", [captures.SAME_BROWSING_HAR])
    links = links_of(tmp_path / "pixelwitness.db")
    (shared,) = links.shared_events
    assert shared.events == min(item.events for item in links.sessions)
    assert "captures of the same browsing" in LINK_FORMATS["text"](links, 0)
