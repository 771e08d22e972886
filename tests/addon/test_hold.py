"""Holding pixel requests back, in the real proxy, with an origin that counts what reaches it."""

import json
import ssl

import pytest
from mitmproxy import http
from mitmproxy.io import FlowReader

from addon.flows import HELD_KEY, FlowSnapshot
from addon.hold import PIXEL as IMAGE
from addon.hold import answer_headers, is_held
from addon.recording import Recording
from addon.replay import replay
from addon.store.store import Store
from cli import sentences
from cli.report import build_report
from cli.summary import summarise
from rules.engine import Matcher
from rules.loader import load_rules

PIXEL = (
    "/tr/?id=900000000000077&ev=PageView&dl=https%3A%2F%2Fwww.clinic.example%2Fhiv-clinic%2F"
    "&if=false&ts=1795314223676&v=2.9.383&ec=0&it=1"
)
FORM = b"id=900000000000077&ev=Lead&dl=https%3A%2F%2Fwww.clinic.example%2Fhiv-clinic%2F&ts=1795314223777&ec=1&it=1"
GATEWAY = json.dumps(
    {"fb.pixel_id": "900000000000077", "event_name": "Search", "event_id": "1",
     "website_context": {"location": "https://www.clinic.example/hiv-clinic/"}}
).encode()  # fmt: skip


def test_the_image_is_the_smallest_that_loads():
    assert len(IMAGE) == 43
    assert IMAGE.startswith(b"GIF89a\x01\x00\x01\x00")
    assert IMAGE.endswith(b";")


def test_a_script_of_another_origin_may_read_the_answer():
    headers = answer_headers("https://www.clinic.example")
    assert headers["Access-Control-Allow-Origin"] == "https://www.clinic.example"
    assert "Set-Cookie" not in headers
    assert "Access-Control-Allow-Origin" not in answer_headers(None)


@pytest.mark.parametrize(
    ("held", "changes"),
    [
        (True, {"url": "https://www.facebook.com" + PIXEL}),
        (True, {"url": "https://www.facebook.com/tr/", "method": "POST", "body": FORM}),
        (True, {"url": "https://www.facebook.com/tr/"}),  # an event that cannot be read
        (True, {"url": "https://m.clinic.example/capig/x", "method": "POST", "body": GATEWAY}),
        (True, {"url": "https://www.clinic.example/metrics/tr?id=1234&ev=PageView"}),
        (False, {"url": "https://www.facebook.com/tr/", "method": "OPTIONS"}),
        (False, {"url": "https://connect.facebook.net/en_US/fbevents.js"}),
        (False, {"url": "https://connect.facebook.net/signals/config/900000000000077"}),
        (False, {"url": "https://www.facebook.com/plugins/like.php"}),
        (False, {"url": "https://notfacebook.example/tr/?id=1&ev=PageView"}),
        (False, {"url": "https://www.clinic.example/hiv-clinic/"}),
    ],
)
def test_exactly_what_the_decoders_take_for_an_event_is_held(make_request, held, changes):
    assert is_held(make_request(**changes)) is held


def test_nothing_held_reaches_anybody_and_everything_else_passes(proxy, origin):
    running = proxy("--set", "pixelwitness_hold=true", "--set", "stream_large_bodies=1")
    running.wait_until_open()
    origin.requests.clear()
    before = origin.connections
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Referer": "https://www.clinic.example/"}
    assert running.get("www.facebook.com", PIXEL) == 200
    assert running.body == IMAGE
    assert running.get("www.facebook.com", "/tr/", headers, FORM) == 200
    assert running.get("m.clinic.example", "/capig/x", {"Content-Type": "application/json"}, GATEWAY) == 200
    # over TLS the proxy must not even connect: the name of the host would tell
    connection = running.connect()
    connection.set_tunnel("www.facebook.com", 443)
    connection.connect()
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection.sock = context.wrap_socket(connection.sock, server_hostname="www.facebook.com")
    connection.request("GET", PIXEL.replace("ec=0", "ec=5"), headers={"Host": "www.facebook.com"})
    assert connection.getresponse().read() == IMAGE
    connection.close()
    assert (origin.requests, origin.connections) == ([], before)

    assert running.get("connect.facebook.net", "/en_US/fbevents.js") == 200
    assert [path for _, path, _ in origin.requests] == ["/en_US/fbevents.js"]
    assert running.close() == 0
    log = running.output()
    assert "HOLDING: pixel requests do not leave" in log
    assert log.count("HELD ") == 4
    with running.recording.open("rb") as file:
        flows = [flow for flow in FlowReader(file).stream() if isinstance(flow, http.HTTPFlow)]
    assert [bool(flow.metadata.get(HELD_KEY)) for flow in flows] == [True, True, True, True, False]
    with Store(running.db, create=False) as store:
        replay(store, Matcher(load_rules()), "again", [running.recording])
        live, again = (build_report(store, store.session(name)) for name in ("visit", "again"))
        (row,) = store.live_proxies()
    assert row.holding
    for report in (live, again):
        assert len(report.events) == 4
        for event in report.events:
            assert event.delivery == "not_sent"
            for request in event.requests:
                assert (request.held, request.status, request.server_address) == (True, None, None)
        ((kind, text),) = sentences.banners(report)
        assert kind == "held"
        assert text.startswith("Held back: 4 pixel requests did not leave")
    assert {event.id for event in live.events} == {event.id for event in again.events}


def test_without_the_option_nothing_is_held(proxy, origin):
    running = proxy()
    running.wait_until_open()
    assert running.get("www.facebook.com", PIXEL) == 200
    assert [path for _, path, _ in origin.requests] == [PIXEL]
    assert running.close() == 0
    assert "HELD" not in running.output()
    with Store(running.db, create=False) as store:
        report = build_report(store, store.session("visit"))
    assert sentences.banners(report) == ()


def test_the_headline_never_says_that_a_held_event_was_sent(store, judge, visit):
    for path in ("/zorbitis/", "/about/"):
        visit.pixel("PageView", path, status=None).metadata[HELD_KEY] = True
        visit.wait(60)
    recording = Recording(store, "visit", "live-1", judge, ())
    recording.open()
    for number, flow in enumerate(visit.flows):
        flow.request.path += f"&n={number}"
        recording.ended(FlowSnapshot(flow))
    recording.close()
    report = build_report(store, store.session("visit"))
    assert sentences.headline(summarise(report)) == (
        "On 1 act, pages would have made this browser send health content to Meta. None of it left: every request was "
        "held back or found no connection."
    )
    nothing = report.model_copy(update={"events": report.events[1:], "acts": report.acts[1:]})
    assert sentences.headline(summarise(nothing)) == (
        "On 1 act, pages would have made this browser send events to Meta. None of them left: every request was held "
        "back or found no connection."
    )
