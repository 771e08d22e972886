"""A database of an earlier version is opened, reports what it did, and is derived anew like any other."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

import captures
from addon.replay import rederive, replay
from addon.store.schema import migrations
from addon.store.store import Store
from cli.report import build_report
from rules.engine import Matcher

NAMES = {
    "parameters": ("name", "value", "raw", "context"),
    "identifiers": ("kind", "source", "parameter", "value", "form", "created_at", "note"),
    "findings": (
        "rule", "version", "kind", "category", "tier", "evidence", "points", "reason", "legal_basis",
    ),
    "evidence": ("field", "parameter", "text", "start", "end"),
    "near_misses": ("rule", "field", "parameter", "text", "why"),
    "steps": ("label", "delta", "total"),
}  # fmt: skip


KINDS_KNOWN = ("cookies", "choice", "asks", "hides")
"""The kinds of evidence that the earlier version kept."""


def named(value: Any, key: str = "") -> Any:
    """Return stored JSON as earlier versions wrote it: every part an object with names."""
    if isinstance(value, dict):
        return {name: named(item, name) for name, item in value.items()}
    if isinstance(value, list):
        if key == "evidence":
            return dict(zip(NAMES[key], value, strict=True))
        if key in NAMES and value and isinstance(value[0], list):
            return [{n: named(v, n) for n, v in zip(NAMES[key], item, strict=True)} for item in value]
        return [named(item) for item in value]
    return value


def rows(path: Path, table: str) -> Iterator[dict[str, Any]]:
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        yield from (dict(row) for row in connection.execute(f"SELECT * FROM {table}"))


@pytest.fixture
def earlier(tmp_path: Path, judge: Matcher) -> Path:
    """Return a database as the version before the compact tables wrote it."""
    new, old = tmp_path / "new.db", tmp_path / "old.db"
    with Store(new) as store:
        replay(store, judge, "visit", [captures.SAME_BROWSING_MITM, captures.SAME_BROWSING_HAR])
    database = Database(old)
    migrations.apply(database, stop_before="0003_compact_events")
    database.execute("ATTACH ? AS new", [str(new)])
    for table in database.table_names():
        if not table.startswith(("obs_", "der_", "live_")) or table.startswith("der_search_"):
            continue
        columns = [column.name for column in database[table].columns if column.name != "reason"]
        listed = ", ".join(f'"{name}"' for name in columns)
        extra = (", reason", ", 'why'") if table == "der_findings" else ("", "")
        known = f" WHERE kind IN {KINDS_KNOWN}" if table == "obs_consent" else ""
        database.execute(f"INSERT INTO {table} ({listed}{extra[0]}) SELECT {listed}{extra[1]} FROM new.{table}{known}")
    for table, column in (("der_events", "event"), ("der_assessments", "assessment")):
        for row in list(database.query(f"SELECT rowid, {column} FROM {table}")):
            text = json.dumps(named(json.loads(row[column])))
            assert '"name"' in text or table == "der_assessments"
            database.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", [text, row["rowid"]])
    database.conn.commit()
    database.close()
    return old


def report(store: Store) -> Any:
    found = build_report(store, store.session("visit"))
    content = json.loads(found.model_copy(update={"generated_at": ""}).model_dump_json())
    for event in content["events"]:
        event["consent"].pop("statements")  # the earlier version kept no evidence for them
    return content


def test_an_earlier_database_reports_what_it_did(earlier: Path, tmp_path: Path) -> None:
    with Store(tmp_path / "new.db") as new, Store(earlier) as old:
        assert report(old) == report(new)
        assert len(report(old)["events"]) > 5
        assert {row["value"] for row in rows(earlier, "der_identifiers")} == {
            row["value"] for row in rows(tmp_path / "new.db", "der_identifiers")
        }
        assert old.search("visit", "PageView") == new.search("visit", "PageView") != ()
        with closing(sqlite3.connect(earlier)) as connection:
            assert connection.execute("SELECT count(*) FROM findings").fetchone() == (
                len(list(rows(earlier, "der_findings"))),
            )
            assert connection.execute("SELECT count(*) FROM events").fetchone()[0] == len(report(old)["events"])


def test_an_earlier_database_is_derived_anew(earlier: Path, tmp_path: Path, judge: Matcher) -> None:
    with Store(tmp_path / "new.db") as new, Store(earlier) as old:
        rederive(old, judge, "visit")
        assert report(old) == report(new)
        old.forget("visit")
        assert old.sessions() == ()
