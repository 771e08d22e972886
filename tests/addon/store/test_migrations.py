"""A database of an earlier version is opened, reports what it did, and is derived anew like any other."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
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


def derived_rows(store: Store, session: str, *, with_names: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what earlier versions wrote of events: name of the table and row."""

    def text(model: BaseModel) -> str:
        return json.dumps(named(json.loads(model.model_dump_json()))) if with_names else model.model_dump_json()

    derivation = store.derivation(session)
    assert derivation is not None
    for number, item in enumerate(derivation.events, 1):
        event, assessment, digest = item.event, item.assessment, item.assessment.ruleset_digest
        of_event = {"session": session, "event": event.id}
        columns = (
            "id",
            "occurred_at",
            "event_name",
            "pixel_id",
            "site",
            "page_url",
            "delivery",
            "linkability",
            "page_class",
        )
        yield (
            "der_events",
            {
                "number": number,
                "session": session,
                **{name: getattr(event, name) for name in columns},
                **{name: getattr(item, name) for name in ("page_title", "clicked", "searched")},
                "consent_state": item.consent.state,
                "event": text(event),
                "consent": item.consent.model_dump_json(),
                "login": item.login.model_dump_json(),
                "other": None,
            },
        )
        yield (
            "der_assessments",
            {
                **of_event,
                **{name: getattr(assessment, name) for name in ("ruleset_digest", "score", "band", "tier")},
                "topics": ", ".join(assessment.topics),
                "actions": ", ".join(assessment.actions),
                "assessment": text(assessment),
            },
        )
        yield (
            "der_search",
            {
                "rowid": number,
                **of_event,
                "event_name": event.event_name,
                "page_url": event.page_url,
                "page_title": item.page_title,
                "clicked": item.clicked,
                "searched": item.searched,
                "words": " ".join(found.evidence.text for found in assessment.findings),
            },
        )
        for ordinal, hit in enumerate(event.hits):
            names = {"request_key": hit.request_key, "request_index": hit.index, "transport": hit.transport}
            yield "der_event_requests", {**of_event, **names, "ordinal": ordinal}
        for ordinal, found in enumerate(event.identifiers):
            values = {name: getattr(found, name) for name in ("kind", "source", "parameter", "value", "form")}
            yield "der_identifiers", {**of_event, "ordinal": ordinal, **values}
        for ordinal, met in enumerate(assessment.findings):
            values = {name: getattr(met, name) for name in ("rule", "version", "category", "kind", "points", "reason")}
            yield (
                "der_findings",
                {**of_event, "ruleset_digest": digest, "ordinal": ordinal, **values, **met.evidence._asdict()},
            )


BEFORE = {"0003": "0003_compact_events", "0007": "0007_one_row_per_event"}
"""Versions of the database that are tried, by the first change that they do not have yet."""


@pytest.fixture(params=BEFORE)
def earlier(request: pytest.FixtureRequest, clinic, tmp_path: Path, judge: Matcher) -> Path:
    """Return a database as an earlier version wrote it."""
    new, old = tmp_path / "new.db", tmp_path / "old.db"
    with closing(sqlite3.connect(old)) as connection, Store(new) as store:
        visit = clinic.save(tmp_path / "visit.mitm")
        replay(store, judge, "visit", [captures.SAME_BROWSING_MITM, captures.SAME_BROWSING_HAR, visit])
        database = Database(connection)
        migrations.apply(database, stop_before=BEFORE[request.param])
        database.execute("ATTACH ? AS new", [str(new)])
        columns = {
            table: [column.name for column in database[table].columns]
            for table in database.table_names()
            if table.startswith(("obs_", "der_", "live_")) and not table.startswith("der_search_")
        }
        derived = (
            "der_events",
            "der_assessments",
            "der_search",
            "der_event_requests",
            "der_identifiers",
            "der_findings",
        )
        for table in columns.keys() - set(derived):
            listed = ", ".join(f'"{name}"' for name in columns[table])
            known = f" WHERE kind IN {KINDS_KNOWN}" if (table, request.param) == ("obs_consent", "0003") else ""
            database.execute(f"INSERT INTO {table} ({listed}) SELECT {listed} FROM new.{table}{known}")
        for table, row in derived_rows(store, "visit", with_names=request.param == "0003"):
            kept = {name: row[name] for name in row if name in columns[table]}
            if table == "der_search" and request.param == "0007":
                kept["rowid"] = row["rowid"]
            listed, marks = ", ".join(f'"{name}"' for name in kept), ", ".join("?" * len(kept))
            database.execute(f"INSERT INTO {table} ({listed}) VALUES ({marks})", list(kept.values()))
        connection.commit()
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
        assert old.derivation("visit").events == new.derivation("visit").events
        assert old.search("visit", "PageView") == new.search("visit", "PageView") != ()
    for view in ("events", "findings", "identifiers"):
        assert sorted(map(repr, rows(earlier, view))) == sorted(map(repr, rows(tmp_path / "new.db", view))) != []


def test_what_other_rules_said_stays(earlier: Path) -> None:
    with closing(sqlite3.connect(earlier)) as connection:
        columns = "session, event, score, band, tier, topics, actions, assessment"
        connection.execute(
            f"INSERT INTO der_assessments (ruleset_digest, {columns}) SELECT 'former', {columns} FROM der_assessments"
        )
        number = connection.execute("SELECT count(*) FROM der_events").fetchone()[0]
        connection.commit()
    with Store(earlier) as store:
        assert len(store.derivation("visit").events) == number
    assert [row["ruleset_digest"] for row in rows(earlier, "der_assessments")] == ["former"] * number


def test_an_earlier_database_is_derived_anew(earlier: Path, tmp_path: Path, judge: Matcher) -> None:
    with Store(tmp_path / "new.db") as new, Store(earlier) as old:
        rederive(old, judge, "visit")
        assert report(old) == report(new)
        old.forget("visit")
        assert old.sessions() == ()
