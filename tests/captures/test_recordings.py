import base64
import json
from collections import Counter
from pathlib import Path

import pytest
from mitmproxy import http
from mitmproxy.io import FlowReader
from mitmproxy.test import tflow

import captures
from captures import expectations
from captures.har import build as har

EXPECTED = json.loads(captures.EXPECTED.read_text(encoding="utf-8"))["captures"]
META = ("www.facebook.com", "connect.facebook.net", "capig.example-gateway.net")


def read(path: Path) -> list[http.HTTPFlow]:
    with path.open("rb") as file:
        return [flow for flow in FlowReader(file).stream() if isinstance(flow, http.HTTPFlow)]


@pytest.fixture(params=captures.recordings(), ids=lambda path: path.stem)
def recording(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_there_are_twelve() -> None:
    assert len(captures.recordings()) == 12


def test_a_recording_holds_exactly_what_the_browser_says_it_sent(recording: Path) -> None:
    truth = json.loads(captures.truth_of(recording).read_text(encoding="utf-8"))
    assert recording.stem == truth["scenario"]
    said = Counter(
        (entry["method"], entry["url"], base64.b64decode(entry["post_data_b64"] or ""))
        for entry in truth["facebook_requests"]
        if entry["sent_on_wire"]
    )
    held = Counter(
        (flow.request.method, flow.request.url, flow.request.raw_content)
        for flow in read(recording)
        if flow.request.host in META
    )
    assert held == said


def test_bodies_of_metas_scripts_are_not_in_a_recording(recording: Path) -> None:
    for flow in read(recording):
        if flow.request.host == "connect.facebook.net":
            assert flow.response is None or not flow.response.raw_content


def test_every_request_of_a_recording_is_answered(recording: Path) -> None:
    assert all(flow.response and not flow.error for flow in read(recording))


def test_expected_results_are_a_fresh_build() -> None:
    assert captures.EXPECTED.read_text(encoding="utf-8") == expectations.build()


def test_expected_results_name_every_capture_and_no_other() -> None:
    files = {path.relative_to(captures.HERE).as_posix() for path in captures.HERE.rglob("*.mitm")}
    files |= {path.relative_to(captures.HERE).as_posix() for path in captures.HERE.rglob("*.har")}
    assert set(EXPECTED) == files


def test_requests_of_expected_events_add_up(recording: Path) -> None:
    expected = EXPECTED[f"recordings/{recording.name}"]
    assert sum(event["requests"] for event in expected["events"]) == expected["event_requests"]
    flows = [flow for flow in read(recording) if flow.request.host in META]
    assert expected["event_requests"] + expected["supporting_requests"] == len(flows)


@pytest.mark.parametrize(
    ("name", "events"),
    [
        # Counted by hand from the recordings' scripts.
        ("01_before_consent", {"PageView": 8}),
        ("03_after_decline_clean", {}),
        ("06_button_clicks", {"PageView": 2, "SubscribedButtonClick": 8}),
        ("07_repeat_prescription_form", {"PageView": 2}),
        ("11_site_search", {"PageView": 4, "SubscribedButtonClick": 1, "Search": 1}),
        ("21_protected_data_mode", {"PageView": 2, "Lead": 1, "PrEPRequested": 1}),
        ("23_gateway_openbridge_252", {"PageView": 3, "Lead": 1, "SubscribedButtonClick": 2}),
    ],
)
def test_expected_events_agree_with_a_count_by_hand(name: str, events: dict[str, int]) -> None:
    assert Counter(event["event_name"] for event in EXPECTED[f"recordings/{name}.mitm"]["events"]) == events


def test_the_aborted_click_is_expected_as_never_sent() -> None:
    expected = EXPECTED["recordings/07_repeat_prescription_form.mitm"]
    assert expected["events_that_never_left_the_browser"] == ["SubscribedButtonClick"]


def test_gateway_copies_are_the_same_events() -> None:
    expected = EXPECTED["recordings/23_gateway_openbridge_252.mitm"]
    twice = [event["event_name"] for event in expected["events"] if event["requests"] == 2]
    assert sorted(twice) == ["Lead", "PageView", "PageView", "PageView"]


def test_demo_captures_exist_and_begin_with_the_reconstruction() -> None:
    paths = captures.demo_captures()
    assert paths[0] == captures.RECONSTRUCTION
    assert len(paths) == 6
    assert all(path.is_file() for path in paths)


def test_the_har_is_a_fresh_build() -> None:
    assert captures.SAME_BROWSING_HAR.read_text(encoding="utf-8") == har.build()


def test_the_har_and_the_recording_are_the_same_browsing() -> None:
    ours = read(captures.SAME_BROWSING_MITM)
    theirs = read(captures.SAME_BROWSING_HAR)
    assert [flow.request.url for flow in theirs] == [flow.request.url for flow in ours]
    for one, other in zip(ours, theirs, strict=True):
        assert other.request.method == one.request.method
        assert abs(other.request.timestamp_start - one.request.timestamp_start) <= 0.0006
        assert other.response.status_code == one.response.status_code
        assert other.request.headers.get("cookie", "") == "; ".join(one.request.headers.get_all("cookie"))


def test_a_har_has_no_client_address_and_no_response_text() -> None:
    log = json.loads(captures.SAME_BROWSING_HAR.read_text(encoding="utf-8"))["log"]
    assert len(log["pages"]) == 3
    pages = {page["id"] for page in log["pages"]}
    for entry in log["entries"]:
        assert entry["pageref"] in pages
        assert "text" not in entry["response"]["content"]
        assert not [key for key in entry if "client" in key.lower()]


def test_a_har_of_a_form_post_has_text_and_parameters() -> None:
    flow = tflow.tflow(resp=True)
    flow.request.method = "POST"
    flow.request.headers["content-type"] = "application/x-www-form-urlencoded"
    flow.request.raw_content = b"id=1&cd%5Bnote%5D=a+b&rl="
    post = har.har_entry(flow, "page_1")["request"]["postData"]
    assert post["text"] == "id=1&cd%5Bnote%5D=a+b&rl="
    assert post["params"] == [
        {"name": "id", "value": "1"},
        {"name": "cd[note]", "value": "a b"},
        {"name": "rl", "value": ""},
    ]


def test_a_har_of_an_unanswered_request_has_status_0() -> None:
    entry = har.har_entry(tflow.tflow(err=True), "page_1")
    assert entry["response"]["status"] == 0
    assert entry["time"] == 0


def test_a_har_names_the_cookies_that_a_response_sets() -> None:
    flow = tflow.tflow(resp=True)
    flow.response.headers["set-cookie"] = "fr=abc; path=/; domain=.facebook.com; secure; httponly"
    (cookie,) = har.har_entry(flow, "page_1")["response"]["cookies"]
    assert (cookie["name"], cookie["value"], cookie["domain"]) == ("fr", "abc", ".facebook.com")
    assert cookie["secure"]
    assert cookie["httpOnly"]
