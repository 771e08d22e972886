"""The pages of a session: what each made the browser send and fetch, and what of it is shown."""

from pathlib import Path
from typing import Any

import pytest

from addon.replay import replay
from addon.store.store import Store
from cli.report import build_report
from cli.schema import Page, Report
from rules.engine import Matcher

QUIET = "www.quiet.example"
CLICK_ID = "IwAR0invented-click-id"


def fetch(visit: Any, url: str, host: str | None = None, at: float | None = None) -> None:
    headers = [("referer", f"https://{host}/")] if host else []
    visit.add("GET", url, headers=headers, at=at)


@pytest.fixture
def report(visit: Any, store: Store, judge: Matcher, tmp_path: Path) -> Report:
    """Return the report of a visit to three sites: one sends, one fetches the pixel's program, one does nothing."""
    configuration = f"https://connect.facebook.net/signals/config/{visit.pixel_id}?v=2.9.383"
    visit.page("/zorbitis/", title="Living with zorbitis")
    fetch(visit, "https://connect.facebook.net/en_US/fbevents.js", visit.site)
    visit.pixel("PageView", "/zorbitis/", more={"a": "tmgoogletagmanager", "up": "ward"})
    visit.pixel("SubscribedButtonClick", "/zorbitis/", more={"cd[buttonText]": "Book a zorbitis test"})
    visit.page("/about/", title="About us")
    visit.page("/", host=QUIET, title="Quiet")
    fetch(visit, "https://connect.facebook.net/en_US/fbevents.js", QUIET)
    fetch(visit, f"{configuration}&domain={QUIET}")
    fetch(visit, configuration)
    visit.page(f"/?fbclid={CLICK_ID}", host="www.silent.example", title="Ask alice@mail.example")
    replay(store, judge, "visit", [visit.save(tmp_path / "visit.mitm")])
    return build_report(store, store.session("visit"))


def shown(page: Page) -> tuple[str, int, tuple[str, ...]]:
    return page.site, page.events, page.fetched


def test_events_and_fetches_belong_to_the_page_that_was_open(report: Report) -> None:
    assert [shown(page) for page in report.pages] == [
        ("example-clinic.example", 2, ("library",)),
        ("example-clinic.example", 0, ()),
        ("quiet.example", 0, ("configuration", "library")),
        ("silent.example", 0, ()),
    ]
    assert report.coverage.pages_visited == 4


def test_identifiers_in_pages_are_shortened(report: Report, store: Store) -> None:
    last = report.pages[-1]
    assert CLICK_ID not in last.url
    assert last.url.startswith("https://www.silent.example/?fbclid=IwAR…")
    assert last.title is not None
    assert "alice@" not in last.title
    revealed = build_report(store, store.session("visit"), reveal=True).pages[-1]
    assert (revealed.url.endswith(CLICK_ID), revealed.title) == (True, "Ask alice@mail.example")


def test_pages_count_events_below_the_least_score_too(report: Report, store: Store) -> None:
    few = build_report(store, store.session("visit"), min_score=100)
    assert few.pages == report.pages


def test_events_carry_what_filters_and_software_show(report: Report) -> None:
    event = report.events[0]
    assert (event.library, event.agent) == ("2.9.383", "tmgoogletagmanager")
    assert [note.parameter for note in event.filters] == ["up"]
    assert "the page's address with its path" in event.still_left
    assert report.events[1].filters == ()


def test_rules_carry_topic_and_tier(report: Report) -> None:
    assert {rule.category: rule.tier for rule in report.rules} == {"zorbitis": "special_risk", "appointment": "none"}
