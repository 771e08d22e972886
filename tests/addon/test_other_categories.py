"""Optional packs in a session: off by default, beside the health score, kept until others are chosen."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from addon.audit import Observations
from addon.derivation import derive
from addon.observation import Observer
from addon.replay import rederive, replay
from addon.store.schema import DERIVED, OBSERVED
from addon.store.store import Store
from cli.report import build_report
from rules.engine import Matcher
from rules.errors import UnknownPackError
from rules.loader import ALL_PACKS, load_packs

SOME_WORDS = (
    "zorbitis", "Book a zorbitis test", "mosque", "Mass times", "zakat calculator", "trade union", "join labour",
    "debt advice", "asylum", "am i gay", "careers", "vacancy", "cat", "Union Jack",
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def packs(_cache) -> Matcher:
    return Matcher(load_packs([ALL_PACKS]))


@pytest.fixture
def capture(new_visit, tmp_path: Path) -> Path:
    """Return the recording of a visit to pages about an invented illness, worship and a union."""
    visit = new_visit()
    visit.page("/zorbitis/", title="Living with zorbitis")
    visit.pixel("PageView", "/zorbitis/")
    visit.page("/mass-times/", title="Mass times")
    visit.pixel("PageView", "/mass-times/", more={"pmd[title]": "Mass times and zorbitis"})
    visit.page("/join/", title="Join a union")
    visit.pixel("SubscribedButtonClick", "/join/", more={"cd[buttonText]": "Join a union"})
    visit.pixel("PageView", "/about/")
    return visit.save(tmp_path / "visit.mitm")


def dump(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    with closing(sqlite3.connect(f"file:{store.path}?mode=ro", uri=True)) as connection:
        return {
            table: sorted(connection.execute(f"SELECT * FROM {table}").fetchall(), key=repr)
            for table in (*OBSERVED, *DERIVED)
        }


def report(store: Store) -> dict[str, Any]:
    content = build_report(store, store.session("visit"), reveal=True)
    return json.loads(content.model_copy(update={"generated_at": ""}).model_dump_json())


def without_packs(content: dict[str, Any]) -> dict[str, Any]:
    """Return a report as it would be had no pack been switched on."""
    events = [{**event, "other": None} for event in content["events"]]
    return {**content, "events": events, "packs": [], "packs_digest": None, "other_rules": []}


def others(store: Store) -> dict[str, tuple[str, ...]]:
    stored = store.derivation("visit")
    assert stored is not None
    return {item.event.page_url or "": item.other.topics for item in stored.events if item.other is not None}


def test_nothing_of_them_by_default(store: Store, judge: Matcher, capture: Path) -> None:
    replay(store, judge, "visit", [capture])
    stored = store.derivation("visit")
    assert stored is not None
    assert (stored.packs, stored.other_digest) == ((), None)
    assert {item.other for item in stored.events} == {None}
    content = report(store)
    assert without_packs(content) == content
    held = json.dumps(dump(store), default=str)
    assert "en/religion" not in held
    assert "trade_union" not in held


def test_switched_on_they_are_found_and_explained(store: Store, judge: Matcher, capture: Path) -> None:
    replay(store, judge, "visit", [capture], packs=["trade_union", "religion"])
    content = report(store)
    assert content["packs"] == ["religion", "trade_union"]
    assert len(content["packs_digest"]) == 64
    assert content["packs_digest"] != content["session"]["ruleset_digest"]
    by_path = {
        event["page_url"].removeprefix("https://www.example-clinic.example"): event for event in content["events"]
    }
    worship = by_path["/mass-times/"]["other"]
    assert worship["categories"] == ["religion"]
    assert worship["band"] == "high"
    assert worship["score"] == worship["steps"][-1]["total"] == sum(step["delta"] for step in worship["steps"])
    (named,) = [item for item in worship["findings"] if item["parameter"] == "pmd[title]"]
    (value,) = [item["value"] for item in by_path["/mass-times/"]["parameters"] if item["name"] == "pmd[title]"]
    assert value[named["start"] : named["end"]] == named["text"] == "Mass times"
    assert named["legal_basis"].startswith("GDPR Art. 9(1)")
    assert by_path["/join/"]["other"]["categories"] == ["trade_union"]
    assert by_path["/about/"]["other"] == {
        "score": 0, "band": "none", "categories": [], "findings": [], "near_misses": [], "steps": [],
    }  # fmt: skip
    assert {rule["rule"] for rule in content["other_rules"]} == {"en/religion/worship", "en/trade_union/trade-union"}
    assert not {rule["rule"] for rule in content["rules"]} & {rule["rule"] for rule in content["other_rules"]}


def test_health_is_told_as_without_them(store: Store, judge: Matcher, capture: Path) -> None:
    replay(store, judge, "visit", [capture])
    plain, rows = report(store), dump(store)
    rederive(store, judge, "visit", [ALL_PACKS])
    switched_on = report(store)
    assert switched_on != plain
    assert without_packs(switched_on) == plain
    rederive(store, judge, "visit", ())
    assert dump(store) == rows  # switching off leaves nothing behind


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.lists(st.sampled_from(SOME_WORDS), max_size=4).map(" ".join), min_size=1, max_size=4))
def test_health_scores_never_depend_on_packs(captured, judge: Matcher, packs: Matcher, texts: list[str]) -> None:
    observer = Observer("mitm-test")
    for number, text in enumerate(texts):
        slug = text.lower().replace(" ", "-")
        url = f"https://www.facebook.com/tr/?id=1&ev=PageView&ts={number}&dl=https%3A%2F%2Fa.example%2F{slug}"
        observer.observe(captured(f"{url}&pmd%5Btitle%5D={text.replace(' ', '%20')}", position=number))
    observations = Observations(requests=tuple(observer.requests))
    plain, beside = derive(observations, judge), derive(observations, judge, packs)
    off = {"other_digest": None, "other_rules": ()}
    events = tuple(item.model_copy(update={"other": None}) for item in beside.events)
    assert beside.model_copy(update={**off, "events": events}) == plain
    assert all(item.other is not None and item.other.ruleset_digest == beside.other_digest for item in beside.events)


def test_a_rebuild_gives_the_same(store: Store, judge: Matcher, capture: Path) -> None:
    replay(store, judge, "visit", [capture], packs=[ALL_PACKS])
    before, content = dump(store), report(store)
    rederive(store, judge, "visit")
    assert dump(store) == before
    with store.transaction():
        store.drop_derivations()
    rederive(store, judge, "visit", [ALL_PACKS])
    assert dump(store) == before
    assert report(store) == content


def test_a_session_keeps_its_packs_until_others_are_chosen(store: Store, judge: Matcher, capture: Path) -> None:
    replay(store, judge, "visit", [capture], packs=["religion"])
    first = dump(store)
    replay(store, judge, "visit", [capture])
    rederive(store, judge, "visit")
    assert dump(store) == first
    replay(store, judge, "visit", [capture], packs=["trade_union"])
    assert store.packs("visit") == ("trade_union",)
    assert [topics for topics in others(store).values() if topics] == [("trade_union",)]
    assert "en/religion" not in json.dumps(dump(store), default=str)
    replay(store, judge, "visit", [capture], packs=[])
    assert store.packs("visit") == ()
    assert others(store) == {}


def test_a_rule_that_counted_is_kept_as_it_read(store: Store, judge: Matcher, capture: Path) -> None:
    replay(store, judge, "visit", [capture], packs=["religion"])
    stored = store.derivation("visit")
    assert stored is not None
    assert stored.other_digest is not None
    (rule,) = store.rules("visit", stored.other_digest)
    assert rule == next(item for item in load_packs(["religion"]).rules if item.id == "en/religion/worship")


def test_an_unknown_pack_changes_nothing(store: Store, judge: Matcher, capture: Path) -> None:
    with pytest.raises(UnknownPackError, match="religion"):
        replay(store, judge, "visit", [capture], packs=["astrology"])
    assert store.sessions() == ()


def test_words_that_packs_met_can_be_searched(store: Store, judge: Matcher, capture: Path) -> None:
    replay(store, judge, "visit", [capture], packs=["religion"])
    stored = store.derivation("visit")
    assert stored is not None
    found = set(store.search("visit", "mass times"))
    assert {item.page_title for item in stored.events if item.event.id in found} == {"Mass times and zorbitis"}
