"""The recorder behind a real proxy: what is visible while a request is under way, and what is left after a crash."""

import json
import signal
import sqlite3
import time

import pytest

from addon.consent.timeline import Mark
from addon.replay import replay, restamp
from addon.store.store import Store
from cli.report import build_report
from rules.engine import Matcher
from rules.loader import load_rules

PIXEL = (
    "/tr/?id=900000000000077&ev={ev}&dl=https%3A%2F%2Fwww.clinic.example%2Fhiv-clinic%2F"
    "&if=false&ts=179531422{n:04}&v=2.9.383&ec={n}&it=1"
)
PAGE = {"Accept": "text/html", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "none"}


def rows(db, sql, *values):
    connection = sqlite3.connect(f"file:{db}?mode=ro", uri=True)
    try:
        return connection.execute(sql, values).fetchall()
    finally:
        connection.close()


def deliveries(running):
    return [row[0] for row in rows(running.db, "SELECT delivery FROM events ORDER BY occurred_at")]


@pytest.fixture(scope="module")
def matcher():
    return Matcher(load_rules())


def comparable(report):
    data = json.loads(report.model_dump_json())["events"]
    for event in data:
        for request in event["requests"]:
            request.pop("source")
            request.pop("position")
    return data


def test_a_request_is_visible_when_it_leaves_and_completed_once_when_it_is_answered(proxy, origin, matcher):
    running = proxy()
    running.wait_until_open()
    connection = running.connect()
    running.send(connection, "www.facebook.com", PIXEL.format(ev="PageView", n=0) + "&wait=1")
    assert origin.arrived.wait(90)
    (delivery,) = running.until(lambda: deliveries(running))
    assert delivery in {"unknown", "sent"}  # never `answered`, never `not_sent`: it is under way
    before = rows(running.db, "SELECT key, sha256, method, url, headers, body, status, position FROM obs_requests")
    assert before[0][6] is None

    origin.gate.set()
    assert connection.getresponse().status == 200
    connection.close()
    running.until(lambda: deliveries(running) == ["answered"])
    after = rows(running.db, "SELECT key, sha256, method, url, headers, body, status, position FROM obs_requests")
    assert after == [(*before[0][:6], 200, before[0][7])]

    assert running.close() == 0
    with Store(running.db, create=False) as store:
        live = build_report(store, store.session("visit"))
        replay(store, matcher, "again", [running.recording])
        again = build_report(store, store.session("again"))
        replay(store, matcher, "visit", [running.recording])
        merged = build_report(store, store.session("visit"))
    assert comparable(live) == comparable(again) == comparable(merged)
    assert len(merged.sources) == 2


def test_a_request_that_nobody_waits_for_is_not_called_answered(proxy, origin, matcher):
    running = proxy()
    running.wait_until_open()
    connection = running.connect()
    running.send(connection, "www.facebook.com", PIXEL.format(ev="PageView", n=0) + "&wait=1")
    assert origin.arrived.wait(90)
    connection.close()  # the page was left
    running.until(lambda: deliveries(running) == ["sent"])
    assert running.close() == 0
    with Store(running.db, create=False) as store:
        replay(store, matcher, "again", [running.recording])
        live, again = (build_report(store, store.session(name)) for name in ("visit", "again"))
    assert comparable(live) == comparable(again)


def test_a_refused_connection_is_told_apart_from_one_under_way(proxy, origin):
    origin.close()
    running = proxy()
    running.wait_until_open()
    assert running.get("www.facebook.com", PIXEL.format(ev="PageView", n=0)) == 502
    running.until(lambda: deliveries(running) == ["not_sent"])
    assert running.close() == 0


def test_a_client_that_dies_in_the_middle_of_a_body_leaves_a_problem_not_an_event(proxy, origin):
    running = proxy()
    running.wait_until_open()
    connection = running.connect()
    connection.putrequest("POST", "http://www.facebook.com/tr/", skip_host=True, skip_accept_encoding=True)
    connection.putheader("Host", "www.facebook.com")
    connection.putheader("Content-Length", "1000")
    connection.endheaders(b"id=1&ev=PageView")
    connection.close()
    (problem,) = running.until(lambda: rows(running.db, "SELECT what FROM problems"))
    assert "body is missing" in problem[0]
    assert not origin.requests
    assert running.close() == 0
    with Store(running.db, create=False) as store:
        report = build_report(store, store.session("visit"))
    assert report.events == ()
    assert report.coverage.requests_failed == 1


def test_a_streamed_body_is_recorded_as_its_recording_holds_it(proxy, matcher):
    running = proxy("--set", "stream_large_bodies=10", "--set", "store_streamed_bodies=true")
    running.wait_until_open()
    body = b"id=1&ev=PageView&dl=https%3A%2F%2Fwww.clinic.example%2Fhiv-clinic%2F&ts=1795314223676&ec=1"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert running.get("www.facebook.com", "/tr/", headers, body) == 200
    running.until(lambda: deliveries(running) == ["answered"])
    assert running.close() == 0
    with Store(running.db, create=False) as store:
        replay(store, matcher, "visit", [running.recording])
        report = build_report(store, store.session("visit"))
    assert [event.event_name for event in report.events] == ["PageView"]
    assert len(report.events[0].requests) == 1


def test_what_was_committed_is_whole_after_a_kill(proxy, origin):
    running = proxy()
    running.wait_until_open()
    assert running.get("www.clinic.example", "/hiv-clinic/", PAGE) == 200
    for number in range(5):
        assert running.get("www.facebook.com", PIXEL.format(ev="PageView", n=number)) == 200
    connection = running.connect()
    running.send(connection, "www.facebook.com", PIXEL.format(ev="Lead", n=9) + "&wait=1")
    running.until(lambda: len(deliveries(running)) == 6)
    assert running.close(signal.SIGKILL) == -signal.SIGKILL
    connection.close()
    with Store(running.db, create=False) as store:
        report = build_report(store, store.session("visit"))
        (row,) = store.live_proxies()
    assert len(report.events) == 6
    assert report.coverage.requests_decoded == 6
    assert not report.session.complete
    assert row.ended_at is None
    assert sum(len(act.event_ids) for act in report.acts) == 6


def test_a_session_goes_on_after_a_crash(proxy, matcher):
    first = proxy()
    first.wait_until_open()
    assert first.get("www.facebook.com", PIXEL.format(ev="PageView", n=0)) == 200
    first.until(lambda: deliveries(first))
    first.close(signal.SIGKILL)
    second = proxy()
    second.wait_until_open()
    assert second.get("www.facebook.com", PIXEL.format(ev="PageView", n=1)) == 200
    second.until(lambda: len(deliveries(second)) == 2)
    with Store(second.db, create=False) as store:
        report = build_report(store, store.session("visit"))
    assert sum(len(act.event_ids) for act in report.acts) == 2
    assert second.close() == 0


def test_the_proxy_says_that_it_lives_and_that_it_has_ended(proxy):
    running = proxy()
    running.wait_until_open()

    def row():
        with Store(running.db, create=False) as store:
            return store.live_proxies()[-1]

    running.until(lambda: row().listening)
    first = row()
    assert first.listening == f"127.0.0.1:{running.port}"
    assert first.pid == running.process.pid
    assert first.recording == str(running.recording)
    assert (first.session, first.holding, first.ended_at) == ("visit", False, None)
    running.until(lambda: row().beat_at > first.beat_at)
    assert running.get("www.clinic.example", "/", PAGE) == 200
    running.until(lambda: row().seen == 1)
    assert running.close() == 0
    assert row().ended_at is not None


def test_marks_of_other_programs_count_for_old_and_new_events(proxy):
    running = proxy()
    running.wait_until_open()
    assert running.get("www.clinic.example", "/hiv-clinic/", PAGE) == 200
    assert running.get("www.facebook.com", PIXEL.format(ev="PageView", n=0)) == 200
    running.until(lambda: deliveries(running))
    with Store(running.db, create=False) as store, store.transaction():
        store.add_mark("visit", Mark(at=time.time() - 3600, kind="refused", site=None, text=""))

    def states():
        return [row[0] for row in rows(running.db, "SELECT consent_state FROM events ORDER BY occurred_at")]

    running.until(lambda: states() == ["refused"])
    assert running.get("www.facebook.com", PIXEL.format(ev="Lead", n=1)) == 200
    running.until(lambda: states() == ["refused", "refused"])
    with Store(running.db, create=False) as store:
        before = store.visitor_stamps("visit")
        restamp(store, "visit")
        assert store.visitor_stamps("visit") == before
    assert running.close() == 0


def test_another_program_may_ask_for_another_session(proxy, origin):
    running = proxy()
    running.wait_until_open()
    assert running.get("www.facebook.com", PIXEL.format(ev="PageView", n=0)) == 200
    connection = running.connect()
    running.send(connection, "www.facebook.com", PIXEL.format(ev="Lead", n=1) + "&wait=1")
    running.until(lambda: len(deliveries(running)) == 2)
    with Store(running.db, create=False) as store, store.transaction():
        store.want_session(store.live_proxies()[-1].id, "second")

    def proxy_row():
        with Store(running.db, create=False) as store:
            return store.live_proxies()[-1]

    running.until(lambda: proxy_row().session == "second")
    assert proxy_row().wanted_session is None
    assert running.get("www.facebook.com", PIXEL.format(ev="Search", n=2)) == 200
    origin.gate.set()  # the request that left in the first session ends in the second
    assert connection.getresponse().status == 200
    connection.close()
    running.until(lambda: rows(running.db, "SELECT 1 FROM events WHERE session = 'second'"))
    assert running.close() == 0
    with Store(running.db, create=False) as store:
        first, second = (build_report(store, store.session(name)) for name in ("visit", "second"))
    assert [event.event_name for event in first.events] == ["PageView", "Lead"]
    assert [event.delivery for event in first.events] == ["answered", "answered"]
    assert [event.event_name for event in second.events] == ["Search"]
    assert first.session.complete
    assert second.session.complete


def test_a_database_in_use_delays_nothing_and_loses_nothing(proxy, origin):
    running = proxy()
    running.wait_until_open()
    with Store(running.db, create=False) as store, store.transaction():
        for number in range(20):
            assert running.get("www.facebook.com", PIXEL.format(ev="PageView", n=number)) == 200
        assert rows(running.db, "SELECT count(*) FROM obs_requests") == [(0,)]
    running.until(lambda: rows(running.db, "SELECT count(*) FROM obs_requests") == [(20,)])
    assert running.close() == 0
    with Store(running.db, create=False) as store:
        report = build_report(store, store.session("visit"))
    assert report.session.complete
    assert len(report.events) == 20


def test_a_session_that_is_removed_meanwhile_begins_anew(proxy):
    running = proxy()
    running.wait_until_open()
    assert running.get("www.facebook.com", PIXEL.format(ev="PageView", n=0)) == 200
    running.until(lambda: deliveries(running))
    connection = sqlite3.connect(running.db)
    for table in ("obs_requests", "obs_sources", "obs_sessions", "der_sessions", "der_events", "der_event_requests"):
        connection.execute(f"DELETE FROM {table}")
    connection.commit()
    connection.close()
    assert running.get("www.facebook.com", PIXEL.format(ev="Lead", n=1)) == 200
    running.until(lambda: rows(running.db, "SELECT count(*) FROM obs_requests") == [(1,)])
    assert running.close() == 0
    with Store(running.db, create=False) as store:
        report = build_report(store, store.session("visit"))
    assert [event.event_name for event in report.events] == ["Lead"]
