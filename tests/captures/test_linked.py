"""What joins the events of the sample captures, against what the browser itself noted."""

import json
import re
from collections import defaultdict
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

import captures
from addon.replay import replay
from addon.store.store import Store
from captures import expectations
from cli.report import build_report
from cli.schema import Report
from rules.engine import Matcher


def read(path: Path, judge: Matcher, folder: Path, **more: bool) -> Report:
    with Store(folder / "linked.db") as store:
        session, _ = replay(store, judge, None, [path])
        return build_report(store, store.session(session), **more)


def browser_ids(truth: dict) -> dict[str, int]:
    """Return how many events carried each `_fbp`, as the browser noted them."""
    events: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for request in truth["facebook_requests"]:
        wire = expectations.wire_of(request) if request["sent_on_wire"] else None
        if wire is None:
            continue
        text = json.dumps(request) + str(expectations.parameters(request)) if wire.transport != "gateway" else ""
        text += request["post_data_text"] or ""
        for value in re.findall(r"fb\.\d\.\d{13}\.\d+", text):
            events[value].add(wire.identity)
    return {value: len(found) for value, found in events.items()}


@pytest.mark.parametrize("recording", captures.recordings(), ids=lambda path: path.stem)
def test_the_same_browser_id_joins_and_a_different_one_does_not(recording: Path, judge, tmp_path) -> None:
    truth = json.loads(captures.truth_of(recording).read_text(encoding="utf-8"))
    report = read(recording, judge, tmp_path, reveal=True)
    wanted = browser_ids(truth)
    found = {
        one.value: one.events
        for item in report.histories
        if item.level == "pixel"
        for one in item.identifiers
        if one.kind == "fbp"
    }
    assert found == wanted
    for item in report.histories:
        if item.level == "pixel":  # nothing but the same browser id joins events of these visits
            assert len([one for one in item.identifiers if one.kind == "fbp"]) == 1
    made = [item for item in report.consent_findings if item.what == "browser_id"]
    assert {item.value for item in made} == set(wanted)
    for item in made:
        assert item.site is not None
        assert item.value.split(".")[1] == str(item.site.count("."))
        labels = {
            request["consent_before_action"]
            for request in truth["facebook_requests"]
            if item.value in json.dumps(request)
        }
        if labels == {"no choice yet"}:
            assert item.state == "no_choice_yet"


@pytest.mark.parametrize("recording", captures.recordings(), ids=lambda path: path.stem)
def test_the_preset_account_joins_everything_that_was_sent(recording: Path, judge, tmp_path) -> None:
    truth = json.loads(captures.truth_of(recording).read_text(encoding="utf-8"))
    report = read(recording, judge, tmp_path)
    carried = [bool(event["account_cookie"]) for event in expectations.recorded(recording)["events"]]
    if not carried or not all(carried):
        pytest.skip("no event of this recording, or not every one, carried the account cookie")
    assert truth["browser"]["facebook_cookies_preset"]
    (history,) = [item for item in report.histories if item.level == "meta"]
    assert history.events == len(report.events)
    assert history.strongest == "account"


def test_the_published_findings_stay_apart_but_for_their_own_sites(judge, tmp_path) -> None:
    report = read(captures.RECONSTRUCTION, judge, tmp_path)
    whole = [item for item in report.histories if item.level == "meta"]
    assert all(len(item.sites) == 1 for item in whole)
    assert sum(item.events for item in whole) == len(report.events)
    named = [item for item in whole if item.strongest == "account"]
    assert [item.sites for item in named] == [("buckshealthcare-reconstruction.example",)]
    made = [item for item in report.consent_findings if item.what == "browser_id"]
    assert {item.site for item in made} == {event.site for event in report.events}
    assert {item.state for item in made} == {"no_choice_yet"}
    scripts = [item for item in report.consent_findings if item.what == "pixel_program"]
    assert all(set(item.states) == {"no_choice_yet"} for item in scripts)
    assert {parse_qs(urlsplit(r.url).query)["fbp"][0][:5] for e in report.events for r in e.requests} == {"fb.1."}
