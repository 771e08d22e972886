"""Captures into sessions: each event once, however often and from however many witnesses it is read."""

import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

import captures
from addon.capture import file_sha256
from addon.consent.timeline import Mark
from addon.derivation import derive
from addon.observation import Observer
from addon.reader import CaptureError
from addon.reading import source_id
from addon.replay import rederive, replay, restamp, session_name
from addon.store.schema import DERIVED, OBSERVED
from addon.store.store import Store, StoreError
from cli.report import build_report
from rules.engine import Matcher

SECRETS = {
    "cookie": "44%3Aq8Zr-distinct-cookie-secret%3A2%3A17",
    "bearer": "eyJhbGciOi-distinct-bearer-secret",
    "token": "EAAB-distinct-access-token",
    "password": "distinct-Passw0rd-of-nobody",
    "form": "distinct-form-password",
    "nested": "distinct-nested-session-token",
    "first_party": "distinct-first-party-session",
}


def dump(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table."""
    connection = sqlite3.connect(f"file:{store.path}?mode=ro", uri=True)
    try:
        return {
            table: sorted(connection.execute(f"SELECT * FROM {table}").fetchall(), key=repr)
            for table in (*OBSERVED, *DERIVED)
        }
    finally:
        connection.close()


def as_json(store: Store, session: str) -> dict[str, Any]:
    report = build_report(store, store.session(session), reveal=True)
    return json.loads(report.model_copy(update={"generated_at": ""}).model_dump_json())


def events(store: Store, session: str) -> dict[str, Any]:
    derivation = store.derivation(session)
    assert derivation is not None
    return {item.event.id: item for item in derivation.events}


def test_a_visit_becomes_a_session(clinic, tmp_path: Path, store: Store, judge: Matcher) -> None:
    capture = clinic.save(tmp_path / "visit.mitm")
    session, (source,) = replay(store, judge, None, [capture])
    assert session == session_name(capture, file_sha256(capture))
    assert session.startswith("visit-")
    assert (source.name, source.requests_seen, source.requests_matched) == ("visit.mitm", 8, 5)
    assert source.complete
    assert not source.known
    assert source.problems == ()
    (row,) = store.sources(session)
    assert row.id == source_id("mitm", file_sha256(capture))
    assert (row.sha256, row.bytes) == (file_sha256(capture), capture.stat().st_size)
    assert row.read_to == row.bytes
    assert [item.event.event_name for item in events(store, session).values()] == [
        "PageView",
        "SubscribedButtonClick",
        "PageView",
        "Search",
        "PageView",
    ]
    assert len(store.pages(session)) == 3


@pytest.mark.parametrize("suffix", ["mitm", "har"])
def test_a_second_replay_changes_nothing(clinic, tmp_path: Path, store: Store, judge: Matcher, suffix: str) -> None:
    capture = tmp_path / f"visit.{suffix}"
    (clinic.save if suffix == "mitm" else clinic.save_har)(capture)
    session, _ = replay(store, judge, None, [capture])
    before = dump(store)
    again, (source,) = replay(store, judge, None, [capture])
    assert again == session
    assert source.known
    assert dump(store) == before


def test_a_second_replay_under_another_name_of_the_file_changes_nothing(
    clinic, tmp_path: Path, store: Store, judge: Matcher
) -> None:
    first = clinic.save(tmp_path / "visit.mitm")
    replay(store, judge, "visit", [first])
    before = dump(store)
    second = tmp_path / "copy.flow"
    second.write_bytes(first.read_bytes())
    replay(store, judge, "visit", [second, first])
    assert dump(store) == before


def test_a_capture_given_twice_is_read_once(clinic, tmp_path: Path, store: Store, judge: Matcher) -> None:
    capture = clinic.save(tmp_path / "visit.mitm")
    session, (first, second) = replay(store, judge, None, [capture, capture])
    assert (first.known, second.known) == (False, True)
    assert len(store.sources(session)) == 1
    assert all(len(item.event.hits) == 1 for item in events(store, session).values())


@pytest.mark.parametrize("capture", [captures.SAME_BROWSING_MITM, captures.RECONSTRUCTION], ids=lambda path: path.stem)
def test_a_rebuild_from_the_observations_gives_the_same_report(capture: Path, store: Store, judge: Matcher) -> None:
    session, _ = replay(store, judge, None, [capture])
    before, report = dump(store), as_json(store, session)
    with store.transaction():
        store.drop_derivations()
    assert store.derivation(session) is None
    assert not any(dump(store)[table] for table in DERIVED)
    rederive(store, judge, session)
    assert as_json(store, session) == report
    assert dump(store) == before


def test_two_witnesses_of_one_browsing_are_one_set_of_events(store: Store, judge: Matcher) -> None:
    alone, _ = replay(store, judge, "alone", [captures.SAME_BROWSING_MITM])
    both, sources = replay(store, judge, "both", [captures.SAME_BROWSING_MITM, captures.SAME_BROWSING_HAR])
    assert [source.known for source in sources] == [False, False]
    one, two = events(store, alone), events(store, both)
    assert set(one) == set(two)
    for name, item in two.items():
        assert len(item.event.hits) == 2 * len(one[name].event.hits)
        kept = store.observed_requests(both)
        assert {kept[hit.request_key].request.source_kind for hit in item.event.hits} == {"mitm", "har"}
        assert item.assessment.score == one[name].assessment.score
        assert item.event.client_ip == one[name].event.client_ip
    assert [act.event_ids for act in store.derivation(both).acts] == [
        act.event_ids for act in store.derivation(alone).acts
    ]
    assert store.derivation(both).problems == ()


def test_witnesses_may_come_in_any_order_and_one_by_one(store: Store, judge: Matcher) -> None:
    replay(store, judge, "one", [captures.SAME_BROWSING_MITM, captures.SAME_BROWSING_HAR])
    replay(store, judge, "other", [captures.SAME_BROWSING_HAR])
    replay(store, judge, "other", [captures.SAME_BROWSING_MITM])
    one, other = as_json(store, "one"), as_json(store, "other")
    assert one["events"] == other["events"]
    assert one["acts"] == other["acts"]


def test_witnesses_that_disagree_are_a_problem(clinic, tmp_path: Path, store: Store, judge: Matcher) -> None:
    flows = clinic.save(tmp_path / "visit.mitm")
    archive = clinic.save_har(tmp_path / "visit.har")
    archive.write_text(archive.read_text().replace("Living%20with%20zorbitis", "Living%20with%20nothing"))
    session, _ = replay(store, judge, None, [flows, archive])
    found = events(store, session)
    assert len(found) == 5
    (problem,) = store.derivation(session).problems
    assert "disagree on pmd[title]" in problem.what
    assert problem.where.removeprefix("event ") in found


@pytest.mark.parametrize("share", [0.3, 0.55, 0.8, 0.97])
def test_a_longer_version_of_a_source_extends_it(
    clinic, tmp_path: Path, store: Store, judge: Matcher, share: float
) -> None:
    whole = clinic.save(tmp_path / "visit.mitm")
    content = whole.read_bytes()
    cut = tmp_path / "cut.mitm"
    cut.write_bytes(content[: int(len(content) * share)])
    _, (short,) = replay(store, judge, "visit", [cut])
    assert not short.complete
    (before,) = store.sources("visit")
    replay(store, judge, "visit", [whole])
    (source,) = store.sources("visit")
    assert source.id == before.id
    assert (source.name, source.sha256, source.complete) == ("visit.mitm", file_sha256(whole), True)
    assert store.source_problems("visit") == ()
    replay(store, judge, "whole", [whole])
    grown, fresh = as_json(store, "visit"), as_json(store, "whole")
    for entry in (*grown["events"], *fresh["events"]):
        for request in entry["requests"]:
            request.pop("source")
    assert grown["events"] == fresh["events"]
    assert grown["acts"] == fresh["acts"]
    assert grown["coverage"] == fresh["coverage"]
    assert grown["session"]["complete"]


def test_a_source_of_pages_only_extends_too(visit, tmp_path: Path, store: Store, judge: Matcher) -> None:
    for number in range(4):
        visit.page(f"/{number}/", asks=True)
    whole = visit.save(tmp_path / "visit.mitm")
    cut = tmp_path / "cut.mitm"
    cut.write_bytes(whole.read_bytes()[:-40])
    replay(store, judge, "visit", [cut])
    replay(store, judge, "visit", [whole])
    assert len(store.pages("visit")) == 4
    assert len(store.sources("visit")) == 1
    assert store.source_problems("visit") == ()


def test_a_version_that_is_longer_by_nothing_that_matters_is_still_the_longer_one(
    clinic, tmp_path: Path, store: Store, judge: Matcher
) -> None:
    clinic.asset("/last.png")
    whole = clinic.save(tmp_path / "visit.mitm")
    cut = tmp_path / "cut.mitm"
    cut.write_bytes(whole.read_bytes()[:-10])
    replay(store, judge, "visit", [cut])
    replay(store, judge, "visit", [whole])
    (source,) = store.sources("visit")
    assert (source.complete, source.requests_seen, source.sha256) == (True, 9, file_sha256(whole))
    assert store.source_problems("visit") == ()


def test_a_shorter_version_of_a_known_source_adds_nothing(clinic, tmp_path: Path, store: Store, judge: Matcher) -> None:
    whole = clinic.save(tmp_path / "visit.mitm")
    cut = tmp_path / "cut.mitm"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    replay(store, judge, "visit", [whole])
    before = as_json(store, "visit")
    replay(store, judge, "visit", [cut])
    after = as_json(store, "visit")
    assert after["events"] == before["events"]
    assert after["session"]["complete"]
    assert len(after["sources"]) == 1


def test_a_cut_capture_is_kept_as_far_as_it_goes_and_said(clinic, tmp_path: Path, store: Store, judge: Matcher) -> None:
    content = clinic.save(tmp_path / "visit.mitm").read_bytes()
    cut = tmp_path / "cut.mitm"
    cut.write_bytes(content[:-100])
    session, (source,) = replay(store, judge, None, [cut])
    assert not source.complete
    assert len(events(store, session)) == 4
    report = as_json(store, session)
    assert not report["session"]["complete"]
    assert not report["sources"][0]["complete"]
    assert report["sources"][0]["read_to"] < report["sources"][0]["bytes"]
    assert any("byte" in problem["where"] for problem in report["problems"])


def test_nothing_is_written_where_one_of_the_captures_is_none(
    clinic, tmp_path: Path, store: Store, judge: Matcher
) -> None:
    capture = clinic.save(tmp_path / "visit.mitm")
    other = tmp_path / "notes.txt"
    other.write_text("shopping list")
    with pytest.raises(CaptureError, match=r"notes\.txt"):
        replay(store, judge, None, [capture, other])
    assert store.sessions() == ()


def test_an_interruption_leaves_nothing_half_written(
    clinic, tmp_path: Path, store: Store, judge: Matcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = clinic.save(tmp_path / "visit.mitm")
    before = dump(store)

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("addon.store.derivations.derive_events", interrupted)
    with pytest.raises(KeyboardInterrupt):
        replay(store, judge, None, [capture])
    assert dump(store) == before
    monkeypatch.undo()
    session, _ = replay(store, judge, None, [capture])
    assert len(events(store, session)) == 5


def test_progress_counts_to_the_end(clinic, tmp_path: Path, store: Store, judge: Matcher) -> None:
    capture = clinic.save(tmp_path / "visit.mitm")
    seen: list[int] = []
    replay(store, judge, None, [capture], seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == capture.stat().st_size


def test_a_read_only_database_is_said(clinic, tmp_path: Path, judge: Matcher) -> None:
    capture = clinic.save(tmp_path / "visit.mitm")
    with Store(tmp_path / "a.db") as store:
        store._connection.execute("PRAGMA query_only=ON")
        with pytest.raises(StoreError, match="cannot be written"):
            replay(store, judge, None, [capture])


@pytest.fixture
def secretive(visit, tmp_path: Path) -> Path:
    """Return a capture with a secret in every place where one can stand."""
    cookies = ("c_user=100000000000007", f"xs={SECRETS['cookie']}", f"presence={SECRETS['cookie']}")
    visit.page(
        "/login/?next=%2F",
        title="Log in",
        asks=True,
        cookies=(f"sessionid={SECRETS['first_party']}",),
        set_cookies=(f"sessionid={SECRETS['first_party']}; HttpOnly",),
        headers=[("authorization", f"Bearer {SECRETS['bearer']}")],
        method="POST",
        body=f"password={SECRETS['form']}".encode(),
    )
    visit.page(f"/account/?password={SECRETS['password']}&access_token={SECRETS['token']}", asks=True)
    page = f"/account/?session_token={SECRETS['nested']}&tab=1"
    visit.pixel("PageView", page, cookies=cookies, headers=[("authorization", f"Bearer {SECRETS['bearer']}")])
    visit.pixel("Lead", page, cookies=cookies, method="POST", more={"cd[password]": SECRETS["password"]})
    visit.pixel("fb_page_view", "/x/", cookies=cookies, more={"at": SECRETS["token"]})
    visit.pixel(
        "ViewContent",
        "/x/",
        more={"cd[contents]": json.dumps([{"id": "1", "access_token": SECRETS["token"], "link": "?a=1"}])},
        cookies=cookies,
    )
    visit.add(
        "GET",
        "https://connect.facebook.net/signals/config/900000000000077",
        headers=[("cookie", f"xs={SECRETS['cookie']}")],
        response_headers=[("content-type", "application/x-javascript"), ("set-cookie", f"fr2={SECRETS['cookie']}")],
        response_body=b"fbq.registerPlugin('900000000000077');",
    )
    return visit.save(tmp_path / "secretive.mitm")


def test_no_secret_reaches_the_database(secretive: Path, tmp_path: Path, judge: Matcher) -> None:
    raw = secretive.read_bytes()
    assert all(secret.encode() in raw for secret in SECRETS.values())
    path = tmp_path / "sessions.db"
    with Store(path) as store:
        session, _ = replay(store, judge, None, [secretive])
        assert len(events(store, session)) == 4
        while_open = b"".join(file.read_bytes() for file in tmp_path.glob("sessions.db*"))
        report = json.dumps(as_json(store, session))
    closed = b"".join(file.read_bytes() for file in tmp_path.glob("sessions.db*"))
    for name, secret in SECRETS.items():
        for content in (while_open, closed, report.encode()):
            assert secret.encode() not in content, name
            assert secret.replace("%3A", ":").encode() not in content, name
    assert b"100000000000007" in closed  # the account is no secret: it is what the report is about


def test_no_body_of_the_site_itself_is_kept(visit, tmp_path: Path, judge: Matcher) -> None:
    visit.page(
        "/form/", asks=True, extra="distinct-words-of-the-page", method="POST", body=b"note=distinct-words-typed"
    )
    visit.pixel("PageView", "/form/")
    path = tmp_path / "sessions.db"
    with Store(path) as store:
        replay(store, judge, None, [visit.save(tmp_path / "visit.mitm")])
    assert b"distinct-words" not in path.read_bytes()


def test_live_its_recording_and_a_second_reading_agree(clinic, tmp_path: Path, judge: Matcher) -> None:
    from addon.flows import flow_request

    observer = Observer("live-1")
    for number, flow in enumerate(clinic.flows):
        observer.observe(flow_request(flow, number, "live"))
    with Store(tmp_path / "sessions.db") as store:
        session, _ = replay(store, judge, None, [clinic.save(tmp_path / "visit.mitm")])
        kept = store.observed_requests(session)
    assert {item.key: item.digest for item in observer.requests} == {key: item.digest for key, item in kept.items()}


def test_clock_skew_is_measured(visit, tmp_path: Path, store: Store, judge: Matcher) -> None:
    for number in range(8):
        visit.wait(3).pixel("PageView", f"/{number}/")
    session, _ = replay(store, judge, None, [visit.save(tmp_path / "visit.mitm")])
    clock = store.derivation(session).clock
    assert (clock.skew_ms, clock.samples) == (20, 8)
    assert clock.spread_ms == 0


def test_a_har_of_the_same_visit_gives_no_address_of_the_client(
    clinic, tmp_path: Path, store: Store, judge: Matcher
) -> None:
    flows, _ = replay(store, judge, "flows", [clinic.save(tmp_path / "visit.mitm")])
    archive, _ = replay(store, judge, "archive", [clinic.save_har(tmp_path / "visit.har")])
    assert {item.event.client_ip for item in events(store, flows).values()} == {"192.0.2.10"}
    assert {item.event.client_ip for item in events(store, archive).values()} == {None}


def test_a_mark_changes_consent_and_nothing_else(clinic, tmp_path: Path, store: Store, judge: Matcher) -> None:
    session, _ = replay(store, judge, None, [clinic.save(tmp_path / "visit.mitm")])
    before = events(store, session)
    first, second, *_ = before.values()
    with store.transaction():
        store.add_mark(session, Mark(at=second.event.occurred_at, kind="refused", site=None, text=""))
    restamp(store, session)
    after = events(store, session)
    assert [item.consent.basis for item in after.values()][:3] == ["inferred", "marked", "marked"]
    assert after[first.event.id].consent.state == "no_choice_yet"
    assert after[second.event.id].consent.state == "refused"
    for name, item in after.items():
        assert item.model_copy(update={"consent": before[name].consent}) == before[name]
    marked = dump(store)
    rederive(store, judge, session)
    assert dump(store) == marked  # the whole way gives the same


def test_restamping_what_was_never_derived_does_no_harm(store: Store) -> None:
    with store.transaction():
        store.ensure_session("new")
    restamp(store, "new")
    assert store.derivation("new") is None


def test_derive_is_a_function_of_the_observations(store: Store, judge: Matcher) -> None:
    session, _ = replay(store, judge, None, [captures.SAME_BROWSING_MITM])
    observations = store.observations(session)
    shuffled = observations.model_copy(update={"requests": tuple(reversed(observations.requests))})
    one, other = derive(observations, judge), derive(shuffled, judge)
    assert one.events == other.events
    assert one.acts == other.acts


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_the_database_is_the_owners_only_under_any_umask(clinic, tmp_path: Path, judge: Matcher) -> None:
    old = os.umask(0)
    try:
        path = tmp_path / "sessions.db"
        with Store(path) as store:
            with store.filling():
                store.ensure_session("first")
                modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.glob("sessions.db*")}
            replay(store, judge, None, [clinic.save(tmp_path / "visit.mitm")])
            modes |= {file.name: file.stat().st_mode & 0o777 for file in tmp_path.glob("sessions.db*")}
    finally:
        os.umask(old)
    assert set(modes.values()) == {0o600}
    assert {"sessions.db-journal", "sessions.db-wal"} <= modes.keys()


def test_an_event_that_comes_while_consent_is_worked_out_anew_gets_the_mark_too(
    store: Store, judge: Matcher, clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replay(store, judge, "visit", [clinic.save(tmp_path / "visit.mitm")])
    stored = store.derivation("visit")
    assert stored is not None
    early, late, accepted = stored.events[0], stored.events[-2], stored.events[-1]
    site = late.event.site
    store.add_mark("visit", Mark(at=early.event.occurred_at - 1, kind="refused", site=site, text=""))
    read = store.derivation

    def and_then_an_event_comes(session: str) -> Any:
        found = read(session)
        assert found is not None
        with Store(store.path) as proxy:
            proxy.put_events(session, [late])
        return found.model_copy(update={"events": tuple(item for item in found.events if item != late)})

    monkeypatch.setattr(store, "derivation", and_then_an_event_comes)
    restamp(store, "visit")
    after = read("visit")
    assert after is not None
    states = {item.event.id: item.consent.state for item in after.events}
    assert states.pop(accepted.event.id) == "accepted", "which its cookies prove"
    assert set(states.values()) == {"refused"}
