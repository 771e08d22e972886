"""docs/evidence.md: its queries run, and its script finds the hashes that the database holds."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from addon.replay import replay
from addon.store.store import Store
from captures import SAME_BROWSING_HAR, SAME_BROWSING_MITM
from cli.rulebook import matcher

DAMAGED = 54_000


@pytest.fixture(scope="module")
def database(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("evidence")
    path = folder / "pixelwitness.db"
    cut = folder / "cut.mitm"
    cut.write_bytes(SAME_BROWSING_MITM.read_bytes()[:DAMAGED])
    judge = matcher(None)
    with Store(path) as store:
        replay(store, judge, "visit", [SAME_BROWSING_MITM, SAME_BROWSING_HAR])
        replay(store, judge, "cut", [cut])
    return path


def test_every_query_runs_and_finds_something(page, database: Path) -> None:
    queries = page("evidence.md").blocks("sql")
    assert len(queries) == 6
    with closing(sqlite3.connect(database)) as connection:
        for query in queries:
            assert connection.execute(query).fetchall(), query


def test_the_views_named_are_the_views_there_are(page, code_in, database: Path) -> None:
    named = {code_in(row[0])[0] for row in page("evidence.md").table("View")}
    with closing(sqlite3.connect(database)) as connection:
        there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'view'")}
    assert named == there


def test_the_script_gives_the_hashes_that_are_stored(page, database: Path, tmp_path: Path) -> None:
    (script,) = page("evidence.md").blocks("python")
    path = tmp_path / "hashes.py"
    path.write_text(script, "utf-8")
    result = subprocess.run(
        [sys.executable, path, SAME_BROWSING_MITM], capture_output=True, text=True, check=True, timeout=120
    )
    printed = {line.split()[0] for line in result.stdout.splitlines()}
    with closing(sqlite3.connect(database)) as connection:
        stored = {
            digest
            for (digest,) in connection.execute(
                "SELECT r.sha256 FROM obs_requests r JOIN obs_sources s ON s.session = r.session AND s.id = r.source "
                "WHERE s.name = ? AND s.session = 'visit'",
                (SAME_BROWSING_MITM.name,),
            )
        }
    assert stored
    assert stored <= printed
