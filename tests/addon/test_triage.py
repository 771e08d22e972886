"""What is recorded is the same whether every request is taken down or only those that may matter."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mitmproxy import flow as mitm_flow
from mitmproxy import http
from mitmproxy.io import FlowReader

import captures
from addon.flows import HELD_KEY, PROVENANCE_KEY, FlowSnapshot, flow_request
from addon.hold import is_held
from addon.recording import Recording
from addon.store.store import Store
from addon.triage import MAX_BLOCK, MAX_REMEMBERED, Triage

SHARED = Path(__file__).resolve().parents[3] / "shared"


def recorded(path: Path, judge: Any, flows: Iterable[http.HTTPFlow], triage: Triage | None, every: int = 7) -> Any:
    """Return what a session holds after these flows."""
    with Store(path) as store:
        recording = Recording(store, "visit", "live-1", judge, ())
        recording.open()
        for number, flow in enumerate(flows):
            if triage is None or not triage.passes_over(flow):
                hand_over(recording, triage)
                recording.ended(FlowSnapshot(flow))
            if number % every == 0:
                hand_over(recording, triage)
                recording.write()
        hand_over(recording, triage)
        recording.close()
        recording.derive()
        (source,) = store.sources("visit")
        return store.observations("visit"), source, store.derivation("visit")


def hand_over(recording: Recording, triage: Triage | None) -> None:
    passed = triage.passed_over() if triage is not None else None
    if passed is not None:
        recording.passed_over(passed)


def flows_of(path: Path) -> list[http.HTTPFlow]:
    with path.open("rb") as file:
        return [item for item in FlowReader(file).stream() if isinstance(item, http.HTTPFlow)]


def all_captures() -> list[Path]:
    shared = sorted(SHARED.rglob("*.mitm")) if SHARED.is_dir() else []
    return [*sorted(captures.RECORDINGS.glob("*.mitm")), captures.RECONSTRUCTION, *shared]


@pytest.fixture(scope="module")
def compare(judge: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., None]:
    def same(flows: list[http.HTTPFlow], every: int = 7) -> None:
        folder = tmp_path_factory.mktemp("live")
        whole = recorded(folder / "whole.db", judge, flows, None, every)
        assert recorded(folder / "some.db", judge, flows, Triage(), every) == whole

    return same


@pytest.mark.parametrize("path", all_captures(), ids=lambda path: path.stem)
def test_captures_are_recorded_alike(compare: Callable[..., None], path: Path) -> None:
    compare(flows_of(path))


COOKIES = ("cookie_consent=accepted", "cookie_consent=declined", "a=1", "CookieConsent=true; b=2", "broken")
PATHS = (
    "/", "/page/", "/login", "/logout", "/i.png?x=1", "/collect?gcs=G111", "/a?ev=Lead", "/tr/?id=1&ev=PageView",
    "/x?cookieconsent=accepted", "/x/t\tr?id=1&ev=PageView", "*",
)  # fmt: skip
HOSTS = (
    "www.example-clinic.example", "shop.example-clinic.example", "cdn.example", "www.facebook.com", "a.example.",
    "cmp.cookiebot.com", "xn--bcher-kva.example", "[2001:db8::1]", "WWW.Example-Clinic.example", "www.face\xe9.example",
)  # fmt: skip


@st.composite
def passing(draw: st.DrawFn) -> http.HTTPFlow:
    """Draw a flow as browsers make them, and now and then as they do not."""
    names = {
        "sec-fetch-dest": ("document", "iframe", "image", "empty", None, None),
        "accept": ("text/html,*/*", "*/*", None),
        "sec-fetch-site": ("same-origin", "cross-site", None),
        "sec-gpc": ("1", None, None, None),
        "referer": ("https://www.example-clinic.example/", None),
    }
    lines = [(name, value) for name, values in names.items() if (value := draw(st.sampled_from(values))) is not None]
    lines += [("cookie", cookie) for cookie in draw(st.lists(st.sampled_from(COOKIES), max_size=2))]
    host, path = draw(st.sampled_from(HOSTS)), draw(st.sampled_from(PATHS))
    body = draw(st.sampled_from([b"", b"id=1&ev=Lead", b'{"fb.pixel_id":"1","event_name":"Lead"}']))
    flow = http.HTTPFlow(*connections())
    flow.request = http.Request.make(
        draw(st.sampled_from(["GET", "GET", "GET", "POST", "OPTIONS", "get"])),
        "https://" + draw(st.sampled_from(["www.example-clinic.example", "203.0.113.9"])) + "/",
        body,
        http.Headers([(name.encode(), value.encode()) for name, value in lines]),
    )
    flow.request.http_version = draw(st.sampled_from(["HTTP/1.1", "HTTP/2.0", "HTTP/3", "HTTP/9"]))
    flow.request.data.path = path.encode()
    if flow.request.http_version == "HTTP/1.1":
        flow.request.data.headers.fields += ((b"Host", host.encode("latin-1")),)
    elif draw(st.booleans()) and host.isascii():
        flow.request.authority = host
    flow.request.scheme = draw(st.sampled_from(["https", "https", "http", "wss"]))
    flow.request.timestamp_start = draw(st.sampled_from([1_790_000_000.0, 1_790_000_001.5, 1_830_000_000.0]))
    if draw(st.integers(0, 9)):
        answer = [(b"content-type", draw(st.sampled_from([b"text/html", b"image/png"])))]
        answer += [(b"Set-Cookie", cookie.encode()) for cookie in draw(st.lists(st.sampled_from(COOKIES), max_size=1))]
        flow.response = http.Response.make(200, b"<title>A</title>Accept all cookies?", http.Headers(answer))
    if draw(st.integers(0, 15)) == 0:
        flow.metadata[draw(st.sampled_from([HELD_KEY, PROVENANCE_KEY, "other"]))] = "reconstruction"
    return flow


def connections() -> tuple[Any, Any]:
    from mitmproxy.test import tflow

    return tflow.tclient_conn(), tflow.tserver_conn()


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
@given(flows=st.lists(passing(), min_size=1, max_size=15), every=st.integers(1, 5))
def test_whatever_passes_is_recorded_alike(
    compare: Callable[..., None], flows: list[http.HTTPFlow], every: int
) -> None:
    compare(flows, every)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(flow=passing())
def test_what_is_to_be_held_may_matter(flow: http.HTTPFlow) -> None:
    if is_held(flow_request(flow, 0, "live", answer=False)):
        assert Triage().may_matter(flow.request)


def test_of_a_row_of_requests_the_first_and_the_last_are_told(visit: Any) -> None:
    visit.page("/")
    for number in range(50):
        visit.asset(f"/{number}.png", cookies=["cookie_consent=accepted"])
    triage = Triage()
    page, *assets = visit.flows
    assert not triage.passes_over(page)
    assert triage.passed_over() is None
    assert all(triage.passes_over(flow) for flow in assets)
    passed = triage.passed_over()
    assert passed is not None
    assert passed.seen == 50
    assert (passed.first_at, passed.last_at) == (
        assets[0].request.timestamp_start,
        assets[-1].request.timestamp_start,
    )
    assert [seen.position for seen in passed.glimpses] == [1, 50]
    assert triage.passed_over() is None


def test_what_left_is_taken_down_when_it_ends(visit: Any) -> None:
    flow = visit.asset("/picture.png")
    assert Triage().passes_over(flow)
    assert not Triage().passes_over(flow, left=True)


@pytest.mark.parametrize("odd", ["headers", "method", "path"])
def test_what_another_addon_spoilt_is_taken_down(visit: Any, odd: str) -> None:
    flow: mitm_flow.Flow = visit.asset("/picture.png")
    assert isinstance(flow, http.HTTPFlow)
    if odd == "headers":
        flow.request.data.headers.fields = [[b"a", b"b"]]
    elif odd == "method":
        flow.request.data.method = b"\xff"
    else:
        flow.request.data.path = None
    triage = Triage()
    assert not triage.passes_over(flow)
    assert triage.may_matter(flow.request)
    assert triage.passed_over() is None


def test_what_is_remembered_is_bounded(visit: Any) -> None:
    triage = Triage()
    for number in range(2 * MAX_REMEMBERED):
        visit.flows.clear()
        triage.passes_over(visit.asset("/a.png", host=f"host-{number}.example", x=str(number)))
    triage.passes_over(visit.asset("/a.png", x="y" * MAX_BLOCK))
    assert len(triage._outlines) <= MAX_REMEMBERED
    assert len(triage._targets) <= MAX_REMEMBERED
    assert max(sum(map(len, line)) for block in triage._outlines for line in block) < MAX_BLOCK
