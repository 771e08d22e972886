"""Every recording against what the browser itself says it sent: each event once, and nothing else."""

import base64
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import captures
from addon.audit import AssessedEvent
from addon.decoders.meta.endpoints import split_address
from addon.observation import ObservedRequest
from addon.replay import replay, restamp
from addon.store.rows import StoredDerivation
from addon.store.store import Store
from captures import expectations
from rules.engine import Matcher

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "real" / "client"
EXPECTED = json.loads(captures.EXPECTED.read_text(encoding="utf-8"))["captures"]
SAME_MOMENT = 1.5
"""Seconds by which the browser's and the proxy's note of one request may differ."""

Wire = dict[str, Any]


class Replayed(NamedTuple):
    """A recording as it stands in the database, and what the browser said."""

    truth: dict[str, Any]
    derivation: StoredDerivation
    observed: dict[str, ObservedRequest]

    @property
    def events(self) -> tuple[AssessedEvent, ...]:
        return self.derivation.events


def folders() -> Iterator[Any]:
    yield from (pytest.param(path, id=path.stem) for path in captures.recordings())
    if SHARED.is_dir():
        yield from (pytest.param(path, id=f"shared-{path.stem}") for path in sorted(SHARED.glob("*.mitm")))
    else:
        yield pytest.param(None, id="shared", marks=pytest.mark.skip(reason=f"{SHARED} is not present"))


@pytest.fixture(scope="module", params=list(folders()))
def replayed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, judge: Matcher) -> Replayed:
    recording: Path = request.param
    with Store(tmp_path_factory.mktemp("truth") / "truth.db") as store:
        session, (source,) = replay(store, judge, None, [recording])
        assert source.complete
        derivation = store.derivation(session)
        assert derivation is not None
        return Replayed(
            json.loads(captures.truth_of(recording).read_text(encoding="utf-8")),
            derivation,
            store.observed_requests(session),
        )


def is_event(entry: Wire) -> bool:
    return expectations.wire_of(entry) is not None


def identity(method: str, url: str, body: bytes) -> tuple[str, str, bytes]:
    return method, url, body


def told(entry: Wire) -> tuple[str, str, bytes]:
    return identity(entry["method"], entry["url"], base64.b64decode(entry["post_data_b64"] or ""))


def seen(observed: ObservedRequest) -> tuple[str, str, bytes]:
    return identity(observed.request.method, observed.request.url, observed.request.body)


def pairs(replayed: Replayed) -> Iterator[tuple[Wire, AssessedEvent, ObservedRequest]]:
    """Yield what the browser says of every request that carried an event, with what was found of it."""
    entries = {told(entry): entry for entry in replayed.truth["facebook_requests"] if entry["sent_on_wire"]}
    for item in replayed.events:
        for hit in item.event.hits:
            observed = replayed.observed[hit.request_key]
            yield entries[seen(observed)], item, observed


def test_every_request_that_was_sent_is_under_exactly_one_event_and_nothing_else_is(replayed: Replayed) -> None:
    said = Counter(
        told(entry) for entry in replayed.truth["facebook_requests"] if entry["sent_on_wire"] and is_event(entry)
    )
    found = Counter(seen(replayed.observed[hit.request_key]) for item in replayed.events for hit in item.event.hits)
    assert found == said
    assert all(count == 1 for count in found.values())


def test_what_was_not_sent_is_nowhere(replayed: Replayed) -> None:
    never = {told(entry) for entry in replayed.truth["facebook_requests"] if not entry["sent_on_wire"]}
    assert never.isdisjoint({seen(item) for item in replayed.observed.values()})


def test_every_other_request_to_meta_is_kept_as_what_it_is(replayed: Replayed) -> None:
    said = Counter(
        told(entry) for entry in replayed.truth["facebook_requests"] if entry["sent_on_wire"] and not is_event(entry)
    )
    found = Counter(seen(item) for item in replayed.observed.values() if item.role != "event")
    assert found == said
    assert all(item.role != "other" for item in replayed.observed.values())


def test_nothing_failed_and_nothing_is_a_problem(replayed: Replayed) -> None:
    assert replayed.derivation.failed == 0
    assert replayed.derivation.problems == ()


def test_event_pixel_and_page_are_those_of_the_browser(replayed: Replayed) -> None:
    for entry, item, _ in pairs(replayed):
        wire = expectations.wire_of(entry)
        assert wire is not None
        assert (item.event.event_name, item.event.pixel_id) == (wire.event, wire.pixel)
        assert item.event.page_url == entry["page"], wire.event


def test_a_page_is_read_from_a_fingerprint_where_only_the_origin_was_sent(replayed: Replayed) -> None:
    protected = replayed.truth["scenario"] == "21_protected_data_mode"
    for item in replayed.events:
        assert item.event.page_url_from == ("hrl" if protected else "dl")
        assert bool(item.event.page_evidence) == protected


def test_transports_are_those_that_the_client_named(replayed: Replayed) -> None:
    for entry, item, observed in pairs(replayed):
        wire = expectations.wire_of(entry)
        (hit,) = (hit for hit in item.event.hits if hit.request_key == observed.key)
        assert wire is not None
        assert hit.transport == wire.transport


def test_delivery_is_what_the_browser_saw(replayed: Replayed) -> None:
    for entry, item, observed in pairs(replayed):
        if entry["status"] is not None:
            assert observed.request.delivery == "answered"
            assert observed.request.status == entry["status"]
            assert item.event.delivery == "answered"


def test_starts_agree(replayed: Replayed) -> None:
    for entry, _, observed in pairs(replayed):
        assert abs(observed.request.started_at - entry["t"]) < SAME_MOMENT


def test_browser_id_and_account_are_found(replayed: Replayed) -> None:
    for entry, item, _ in pairs(replayed):
        if split_address(entry["url"]).host == "www.facebook.com":
            given = expectations.parameters(entry).get("fbp")
            found = {one.value for one in item.event.identifiers if (one.kind, one.source) == ("fbp", "parameter")}
            assert found == ({given} if given else set())
        account = "c_user=" in (entry["cookie_header"] or "")
        assert not account or any(one.kind == "c_user" for one in item.event.identifiers)


def test_a_form_that_the_client_hides_in_a_frame_of_its_own_is_no_embedded_frame(replayed: Replayed) -> None:
    for entry, item, _ in pairs(replayed):
        assert entry["frame_url"] in {entry["page"], "about:blank"}
        assert item.event.frame == "top"


def test_where_an_action_did_not_change_the_choice_the_state_is_the_choice(replayed: Replayed) -> None:
    words = {"no choice yet": "no_choice_yet", "accepted": "accepted", "declined": "refused", "refused": "refused"}
    for entry, item, _ in pairs(replayed):
        before, after = entry["consent_before_action"], entry["consent_after_action"]
        if before == after:
            assert item.consent.state == words[before]
        else:
            assert item.consent.state in {words[before], words[after], "undetermined"}


def test_where_an_action_made_the_choice_the_interval_contains_it(replayed: Replayed) -> None:
    for entry, item, _ in pairs(replayed):
        if entry["consent_before_action"] == entry["consent_after_action"]:
            continue
        action = replayed.truth["actions"][entry["action"]]
        before, after = item.consent.last_before, item.consent.first_after
        assert before is None or before.at <= action["t_end"]
        assert after is None or after.at >= action["t_start"]


def test_nothing_contradicts_a_state_where_the_browser_did_as_it_said(replayed: Replayed) -> None:
    assert all(item.consent.contradictions == () for item in replayed.events)


def test_where_nobody_ever_chose_every_event_says_so(replayed: Replayed) -> None:
    states = {entry["consent_after"] for entry in replayed.truth["actions"]}
    if states == {"no choice yet"}:
        assert {item.consent.state for item in replayed.events} == {"no_choice_yet"}


def test_a_click_on_the_banner_dates_the_choice_that_a_cookie_confirms(replayed: Replayed) -> None:
    if replayed.truth["scenario"] != "06_button_clicks":
        return
    (click,) = (item for item in replayed.events if item.clicked == "Accept all cookies")
    assert click.consent.state == "undetermined"
    assert {
        (item.consent.state, item.event.occurred_at < click.event.occurred_at)
        for item in replayed.events
        if item is not click
    } == {("no_choice_yet", True), ("accepted", False)}


def test_stating_nothing_new_changes_no_state(tmp_path: Path, judge: Matcher) -> None:
    for recording in captures.recordings():
        with Store(tmp_path / f"{recording.stem}.db") as store:
            session, _ = replay(store, judge, None, [recording])
            derived = store.derivation(session)
            restamp(store, session)
            assert store.derivation(session) == derived


def test_no_session_secret_is_kept(replayed: Replayed) -> None:
    secrets = {
        value
        for entry in replayed.truth["facebook_requests"]
        for name, _, value in (part.strip().partition("=") for part in (entry["cookie_header"] or "").split(";"))
        if name == "xs"
    }
    kept = repr(replayed.observed) + repr(replayed.derivation)
    assert all(value not in kept for value in secrets)


@pytest.mark.parametrize("recording", captures.recordings(), ids=lambda path: path.stem)
def test_expected_events(recording: Path, tmp_path: Path, judge: Matcher) -> None:
    expected = EXPECTED[f"recordings/{recording.name}"]
    with Store(tmp_path / "expected.db") as store:
        session, _ = replay(store, judge, None, [recording])
        derivation = store.derivation(session)
        roles = store.role_counts(session)
    assert derivation is not None
    found = [
        (
            item.event.event_name,
            item.event.pixel_id,
            item.event.page_url,
            len(item.event.hits),
            sorted({hit.transport for hit in item.event.hits}),
            any(one.kind == "c_user" for one in item.event.identifiers),
        )
        for item in derivation.events
    ]
    wanted = [
        (
            event["event_name"],
            event["pixel_id"],
            event["browser_page"],
            event["requests"],
            event["transports"],
            event["account_cookie"],
        )
        for event in expected["events"]
    ]
    assert sorted(found) == sorted(wanted)
    assert roles.get("event", 0) == expected["event_requests"]
    assert sum(roles.values()) - roles.get("event", 0) == expected["supporting_requests"]


def test_the_same_browsing_as_har_is_the_same_events(tmp_path: Path, judge: Matcher) -> None:
    assert EXPECTED["har/same-browsing.har"]["same_events_as"] == f"recordings/{captures.SAME_BROWSING_MITM.name}"
    with Store(tmp_path / "one.db") as store:
        one, _ = replay(store, judge, None, [captures.SAME_BROWSING_MITM])
        other, _ = replay(store, judge, None, [captures.SAME_BROWSING_HAR])
        mitm, har = store.derivation(one), store.derivation(other)
    assert mitm is not None
    assert har is not None
    assert [item.event.id for item in har.events] == [item.event.id for item in mitm.events]
    assert [item.assessment for item in har.events] == [item.assessment for item in mitm.events]


def test_the_reconstruction_holds_every_published_finding_once(tmp_path: Path, judge: Matcher) -> None:
    expected = EXPECTED["reconstruction/observer-2023.mitm"]
    with Store(tmp_path / "published.db") as store:
        session, _ = replay(store, judge, None, [captures.RECONSTRUCTION])
        derivation = store.derivation(session)
        assert store.session(session).provenance == "reconstruction"
        assert sum(store.role_counts(session).values()) == expected["event_requests"] + expected["supporting_requests"]
    assert derivation is not None
    found = Counter((i.event.event_name, i.event.pixel_id, i.event.page_url) for i in derivation.events)
    wanted = Counter((e["event_name"], e["pixel_id"], e["page_url"]) for e in expected["events"])
    assert found == wanted
    by_page = {(e["event_name"], e["page_url"]): e for e in expected["events"]}
    for item in derivation.events:
        finding = by_page[item.event.event_name, item.event.page_url]
        assert item.consent.state == finding["consent"], finding["finding"]
        assert item.event.linkability == finding["linkability"], finding["finding"]
