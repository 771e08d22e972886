"""What is said at the end of a replay is what the report says first."""

from pathlib import Path

import pytest

import captures
from addon.replay import replay
from addon.store.rows import ReviewRow
from addon.store.store import Store
from cli import sentences
from cli.headline import headline_of
from cli.outcome import counts_of
from cli.report import build_report
from cli.summary import summarise
from rules.engine import Matcher
from rules.loader import load_rules


@pytest.fixture(scope="module")
def health() -> Matcher:
    return Matcher(load_rules())


def assert_same(store: Store) -> None:
    report = build_report(store, store.session("visit"))
    found = counts_of(store, "visit")
    assert headline_of(found) == sentences.headline(summarise(report))
    assert (found.events, found.acts) == (len(report.events), len(report.acts))


@pytest.mark.parametrize("path", captures.demo_captures(), ids=lambda path: path.stem)
def test_the_sentence_is_that_of_the_report(path: Path, tmp_path: Path, health: Matcher) -> None:
    with Store(tmp_path / "a.db") as store:
        replay(store, health, "visit", [path])
        assert_same(store)
        derivation = store.derivation("visit")
        assert derivation is not None
        for item in derivation.events[::2]:
            store.add_review(
                "visit", item.event.id, ReviewRow(state="dismissed", reason="no", by=None, at="2026-01-01")
            )
        assert_same(store)
