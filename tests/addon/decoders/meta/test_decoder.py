import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

import captures
from addon.capture import read_capture
from addon.decoders.base import Decoded
from addon.decoders.meta.decoder import MAX_BATCH, MetaDecoder
from addon.model import CapturedRequest, Hit

Make = Callable[..., CapturedRequest]
MakeHit = Callable[..., Hit]

TR = "https://www.facebook.com/tr/"
PIXEL = "100020003000401"
GRAPH = "https://graph.facebook.com/v18.0/200030004000501"
PAGE = "https://www.example-trust.nhs.uk/our-services/hiv/"
EVENT = {"id": PIXEL, "ev": "PageView", "dl": PAGE, "rl": "", "if": "false", "ts": "1795314223676", "v": "2.9.383",
         "ec": "0", "it": "1795314223514", "fbp": "fb.2.1795314223655.984438989723916406"}  # fmt: skip
GATEWAY = {
    "event_name": "Lead",
    "event_id": "ob3_plugin-set_1",
    "fb.pixel_id": PIXEL,
    "website_context": {"location": PAGE, "referrer": "https://search.example/?q=hiv", "isInIFrame": False},
    "fb.advanced_matching": {"em": "0" * 64},
}


def decode(request: CapturedRequest) -> Decoded | None:
    meta = MetaDecoder()
    decoded = meta.decode(request, "key")
    assert meta.role(request) == (None if decoded is None else decoded.role)
    if decoded is not None:
        assert meta.concerns(request)
    return decoded


def address(url: str = TR, **changes: str) -> str:
    return f"{url}?{urlencode(EVENT | changes)}"


def multipart(fields: dict[str, str]) -> bytes:
    parts = [
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    ]
    return ("".join(parts) + "--b--\r\n").encode()


# what a hit says


def test_an_image_request(make_hit: MakeHit) -> None:
    hit = make_hit(
        url=address(eid="e-1", rl="https://search.example/"), headers={"referer": "https://www.example-trust.nhs.uk/"}
    )
    assert (hit.request_key, hit.index, hit.transport) == ("key", 0, "image")
    assert (hit.pixel_id, hit.event_name, hit.kind, hit.trigger) == (PIXEL, "PageView", "standard", "site_code")
    assert (hit.page_url, hit.page_url_from, hit.referrer_url) == (PAGE, "dl", "https://search.example/")
    assert (hit.frame, hit.client_time, hit.counter, hit.init_time) == ("top", 1795314223.676, "0", "1795314223514")
    assert (hit.dedupe_id, hit.recipient_host, hit.derived_by_rule) == ("e-1", "www.facebook.com", None)
    assert hit.parameters[-1].name == "Referer"
    assert hit.parameters[-1].context == "header"
    assert [param.name for param in hit.parameters[:-1]] == [*EVENT, "eid"][:4] + [*EVENT, "eid"][4:]


@pytest.mark.parametrize(
    ("changes", "transport"),
    [
        ({"url": address(rqm="GET")}, "image"),
        ({"url": address(), "headers": {"sec-fetch-dest": "empty"}}, "fetch"),
        ({"url": address(rqm="fetch")}, "fetch"),
        ({"url": address(noscript="1")}, "noscript"),
        ({"url": address(redirect="0")}, "redirect"),
        (
            {"url": address("https://www.facebook.com/privacy_sandbox/pixel/register/trigger/", rqm="FGET")},
            "sandbox_copy",
        ),
        ({"body": urlencode(EVENT | {"rqm": "formPOST"}).encode()}, "form_post"),
        (
            {"body": multipart(EVENT | {"rqm": "SB"}), "headers": {"content-type": "multipart/form-data; boundary=b"}},
            "beacon",
        ),
        ({"method": "POST", "url": address(rqm="SB")}, "beacon"),
        ({"body": urlencode(EVENT).encode(), "headers": {"content-type": "text/plain;charset=UTF-8"}}, "text_post"),
        ({"body": json.dumps(EVENT).encode()}, "text_post"),
        ({"body": multipart(EVENT | {"rqm": "fetch"})}, "fetch"),
        ({"method": "HEAD", "url": address()}, "image"),
        ({"url": address("https://www.instagram.com/tr/")}, "image"),
    ],
)
def test_every_transport_carries_the_same_event(make_hit: MakeHit, changes: dict[str, object], transport: str) -> None:
    hit = make_hit(**changes)
    assert hit.transport == transport
    assert (hit.pixel_id, hit.event_name, hit.page_url) == (PIXEL, "PageView", PAGE)
    assert (hit.client_time, hit.counter, hit.init_time) == (1795314223.676, "0", "1795314223514")


def test_a_batch_is_several_events(make_request: Make) -> None:
    inner = [urlencode(EVENT | {"ev": name, "cd[n]": "a&b=ü"}) for name in ("ViewContent", "AddToCart")]
    body = "batch=1&" + "&".join(f"events[{index}]={quote(text, safe='')}" for index, text in enumerate(inner))
    for request in (make_request(url=f"{TR}?{body}"), make_request(body=body.encode())):
        decoded = decode(request)
        assert decoded is not None
        assert decoded.problem is None
        assert [(hit.index, hit.event_name, hit.transport) for hit in decoded.hits] == [
            (0, "ViewContent", "batch"), (1, "AddToCart", "batch"),
        ]  # fmt: skip
        values = [param.value for param in decoded.hits[1].parameters if param.name == "cd[n]"]
        assert values == ["a&b=ü"]


def test_a_batch_has_an_end_and_can_be_unreadable(make_request: Make) -> None:
    many = decode(make_request(url=TR + "?batch=1&" + "&".join(f"events[{n}]=id%3D1" for n in range(1000))))
    assert many is not None
    assert len(many.hits) == MAX_BATCH
    assert decode(make_request(url=TR + "?batch=1&events[0]=x")) == Decoded(
        "event", (), "a batch without a readable event"
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://capig.example-gateway.net/events?cee=no",
        "https://www.example-trust.nhs.uk/?ob=open-bridge/events",
        "https://capig.example-gateway.net/events/" + "0" * 64,
    ],
)
def test_a_gateway_event_is_known_by_its_body(make_hit: MakeHit, url: str) -> None:
    hit = make_hit(url=url, headers={"content-type": "text/plain;charset=UTF-8"}, body=json.dumps(GATEWAY).encode())
    assert (hit.transport, hit.pixel_id, hit.event_name) == ("gateway", PIXEL, "Lead")
    assert (hit.page_url, hit.page_url_from, hit.frame) == (PAGE, "dl", "top")
    assert (hit.referrer_url, hit.dedupe_id, hit.trigger) == (
        "https://search.example/?q=hiv",
        "ob3_plugin-set_1",
        "unknown",
    )
    assert hit.recipient_host == url.split("/")[2]
    assert [item.kind for item in hit.identifiers] == ["em"]


def test_a_server_event_sent_by_a_browser(make_request: Make) -> None:
    event = {"event_name": "Lead", "event_time": 1795314223, "event_source_url": PAGE, "action_source": "website",
             "user_data": {"em": ["0" * 64]}}  # fmt: skip
    document = {"data": [event, event | {"event_name": "Search"}], "access_token": "SECRET-20-CHARACTERS"}
    decoded = decode(make_request(url=f"https://gw.example/capi/{PIXEL}/events", body=json.dumps(document).encode()))
    assert decoded is not None
    assert [(hit.index, hit.event_name, hit.pixel_id, hit.page_url) for hit in decoded.hits] == [
        (0, "Lead", PIXEL, PAGE), (1, "Search", PIXEL, PAGE),
    ]  # fmt: skip
    assert decoded.hits[0].client_time == 1795314223


def test_events_of_an_app(make_request: Make) -> None:
    event = {"_eventName": "Book HIV test", "_logTime": 1795314223, "clinic": ["GUM"]}
    for body in (
        json.dumps({"custom_events": [event], "anon_id": "XZ1"}),
        urlencode({"custom_events": json.dumps([event])}),
    ):
        decoded = decode(make_request(url=f"{GRAPH}/activities", body=body.encode()))
        assert decoded is not None
        (hit,) = decoded.hits
        assert (hit.pixel_id, hit.event_name, hit.client_time) == ("200030004000501", "Book HIV test", 1795314223)
        assert ("custom_events.clinic", '["GUM"]') in [(param.name, param.value) for param in hit.parameters]


@pytest.mark.parametrize("seconds", [10**4299, -1, 0, 1.5, "1795314223", None, [1]])
def test_a_time_that_is_none_in_an_app(make_request: Make, seconds: object) -> None:
    body = json.dumps({"custom_events": [{"_eventName": "x\ud800", "_logTime": seconds}]}).encode()
    decoded = decode(make_request(url=f"{GRAPH}/activities", body=body))
    assert decoded is not None
    assert [(hit.event_name, hit.client_time) for hit in decoded.hits] == [("x\ufffd", None)]


@pytest.mark.parametrize(
    "document",
    [
        {"event_name": "Lead"},
        {"fb.pixel_id": "1"},
        {"fb.pixel_id": None, "event_name": "Lead"},
        {"data": []},
        {"data": [1]},
        {"data": [{"event_name": "Lead"}]},
        {"data": [{"event_name": "Lead", "user_data": {}}, None]},
        {"action_source": "website", "event_name": "Lead"},
    ],
)
def test_json_that_is_no_gateway_event(make_request: Make, document: dict[str, object]) -> None:
    assert decode(make_request(url="https://api.example/events", body=json.dumps(document).encode())) is None


def test_the_page_event_of_facebooks_own_kit(make_hit: MakeHit) -> None:
    hit = make_hit(url=f"{TR}?id=200030004000501&ev=fb_page_view&dl={quote(PAGE)}&at=")
    assert (hit.event_name, hit.kind, hit.trigger) == ("fb_page_view", "automatic_only", "automatic")


@pytest.mark.parametrize("query", ["id=1", "id=1&ev=", "ev=PageView", "id=&ev="])
def test_an_event_may_lack_its_name_or_pixel(make_hit: MakeHit, query: str) -> None:
    assert make_hit(url=f"{TR}?{query}").event_name in {"", "PageView"}


@pytest.mark.parametrize("query", ["", "?", "?dl=x", "?batch=1"])
def test_a_known_endpoint_that_says_nothing_is_a_problem(make_request: Make, query: str) -> None:
    decoded = decode(make_request(url=TR + query))
    assert decoded is not None
    assert decoded.hits == ()
    assert decoded.problem


def test_the_first_word_of_the_client_on_the_method_counts(make_request: Make) -> None:
    decoded = decode(make_request(url=address(rqm="SB") + "&rqm=GET"))
    assert decoded is not None
    assert decoded.hits
    assert decoded.problem
    assert "rqm=SB" in decoded.problem


def test_an_unreadable_body_is_a_problem_and_the_query_still_counts(make_request: Make) -> None:
    decoded = decode(make_request(url=address(), method="POST", body=b"\x1f\x8b", headers={"content-encoding": "gzip"}))
    assert decoded is not None
    lost = decode(make_request(method="POST", body_problem="the body is missing in the capture"))
    assert lost == Decoded("event", (), "the body is missing in the capture")


def test_the_page_is_in_the_header_where_the_pixel_does_not_tell_it(make_hit: MakeHit) -> None:
    hit = make_hit(url=f"{TR}?id=1&ev=PageView&noscript=1", headers={"Referer": PAGE})
    assert (hit.page_url, hit.page_url_from) == (PAGE, "referer")
    hit = make_hit(url=f"{TR}?id=1&ev=PageView&noscript=1")
    assert (hit.page_url, hit.page_url_from) == (None, "none")


@pytest.mark.parametrize(
    ("ts", "seconds"),
    [
        ("1795314223676", 1795314223.676),
        ("", None),
        ("-1", None),
        ("1e12", None),
        ("9" * 14, None),
        ("9" * 400, None),
        ("0", None),
        ("\u0661", None),
    ],
)
def test_a_time_must_be_plausible(make_hit: MakeHit, ts: str, seconds: float | None) -> None:
    assert make_hit(url=address(ts=ts)).client_time == seconds


@pytest.mark.parametrize(("flag", "frame"), [("true", "embedded"), ("false", "top"), ("", "unknown"), ("1", "unknown")])
def test_the_frame(make_hit: MakeHit, flag: str, frame: str) -> None:
    assert make_hit(url=address(**{"if": flag})).frame == frame


def test_parameters_stay_text_and_repeat(make_hit: MakeHit) -> None:
    hit = make_hit(url=TR + "?id=00000000000000000001&ev=Lead&expv2[]=a&expv2[]=b&cd[x]=%5B&zz=1")
    assert hit.pixel_id == "00000000000000000001"
    assert [(param.name, param.value, param.raw) for param in hit.parameters[2:]] == [
        ("expv2[]", "a", "a"), ("expv2[]", "b", "b"), ("cd[x]", "[", "%5B"), ("zz", "1", "1"),
    ]  # fmt: skip


# what is a hit at all


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "CONNECT", "get"])
def test_a_preflight_is_nothing(make_request: Make, method: str) -> None:
    assert decode(make_request(method=method, url=address())) is None
    gateway = make_request(method=method, url="https://gw.example/events", body=json.dumps(GATEWAY).encode())
    assert decode(gateway) is None


@pytest.mark.parametrize(
    ("url", "role"),
    [
        (address("https://notfacebook.com/tr/"), "lookalike"),
        (address("https://facebook.com.evil.example/tr"), "lookalike"),
        (address("https://www.facebook.com/try"), "other"),
        ("https://connect.facebook.net/signals/config/1", "configuration"),
        ("https://www.facebook.com/privacy_sandbox/topics/registration/?id=1", "topics_registration"),
        (address("https://www.facebook.com/fr/b.php"), "cookie_sync"),
    ],
)
def test_requests_that_are_no_events_but_concern_meta(make_request: Make, url: str, role: str) -> None:
    assert decode(make_request(url=url)) == Decoded(role)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "url",
    [
        "https://notfacebook.com/",
        "https://blog.example/?pixel=" + quote(address(), safe=""),
        "https://blog.example/?pixel=" + address(),
        "https://blog.example/#" + address(),
        "https://clinic.example/try?id=1&ev=PageView",
        "https://clinic.example/tr/?id=clinic&ev=PageView",
        "https://clinic.example/tr/?id=1",
        "https://clinic.example/tr/?id=\u0661&ev=PageView",
        "https://clinic.example/tr/",
        "https://[::1/tr/?id=1&ev=PageView",
    ],
)
def test_requests_that_are_nothing_to_meta(make_request: Make, url: str) -> None:
    assert decode(make_request(url=url)) is None


@pytest.mark.parametrize("url", ["https://metrics.clinic.example/x/tr/", "https://www.facebook.com@evil.example/tr/"])
def test_an_endpoint_elsewhere_has_the_pixels_shape_and_its_own_host(make_hit: MakeHit, url: str) -> None:
    hit = make_hit(url=address(url))
    assert hit.pixel_id == PIXEL
    assert hit.recipient_host in {"metrics.clinic.example", "evil.example"}


@pytest.mark.parametrize("path", captures.recordings(), ids=lambda path: path.stem)
def test_every_event_request_of_a_recording_is_decoded(path: Path) -> None:
    decoded = [decode(request) for request in read_capture(path)]
    assert [found.problem for found in decoded if found is not None and found.problem] == []
    assert all(found.hits for found in decoded if found is not None and found.role == "event")


# whatever is sent

VALUES = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["%", "%zz", "%FF%FE", "\ud800", "[", "]", "\x00", "1" * 400, "-1", "true", "{}", '{"a":[', "\u0661"]
    ),
)
NAMES = st.sampled_from(
    ["id", "ev", "dl", "rl", "ts", "it", "ec", "if", "eid", "eid[]", "batch", "events[0]", "events[", "rqm", "redirect",
     "noscript", "cd[x]", "cd[", "ud[em]", "ud[]", "fbp", "fbc", "es", "tm", "est_source", "event_name", "", "&"]
)  # fmt: skip
HOSTS = st.sampled_from(
    ["www.facebook.com", "facebook.com.", "www.instagram.com", "connect.facebook.net", "graph.facebook.com:0",
     "clinic.example", "notfacebook.com", "[::1", "", "a@b"]
)  # fmt: skip
PATHS = st.sampled_from(
    ["/tr/", "/tr", "/x/tr", "/events", "/signals/config/1", "/", "", "/privacy_sandbox/pixel/register/trigger"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(VALUES, inner, max_size=3),
    max_leaves=8,
)


@given(HOSTS, PATHS, st.lists(st.tuples(NAMES, VALUES), max_size=8), st.text(max_size=10))
def test_no_address_raises(make_request: Make, host: str, path: str, query: list[tuple[str, str]], end: str) -> None:
    url = f"https://{host}{path}?" + "&".join(f"{name}={value}" for name, value in query) + end
    decode(make_request(url=url))


@given(
    st.sampled_from([TR, "https://clinic.example/tr", "https://gw.example/events", f"{GRAPH}/activities"]),
    st.one_of(
        st.binary(max_size=200),
        st.lists(st.tuples(NAMES, VALUES), max_size=8).map(lambda pairs: urlencode(pairs, errors="replace").encode()),
        st.lists(st.tuples(NAMES, VALUES), max_size=8).map(
            lambda pairs: multipart({name: value.encode("utf-8", "replace").decode() for name, value in pairs})
        ),
        JSON.map(lambda value: json.dumps(GATEWAY | {"custom_data": value}).encode()),
        JSON.map(lambda value: json.dumps({"fb.pixel_id": value, "event_name": value, "event_time": value}).encode()),
        JSON.map(lambda value: json.dumps({"data": [{"event_name": value, "user_data": value}]}).encode()),
        JSON.map(lambda value: json.dumps({"custom_events": [{"_eventName": value, "_logTime": value}]}).encode()),
    ),
    st.lists(
        st.tuples(
            st.sampled_from(["content-type", "content-encoding", "Referer", "cookie", "sec-fetch-dest"]),
            st.sampled_from(["gzip", "multipart/form-data; boundary=b", "text/plain", "application/json"]) | VALUES,
        ),
        max_size=4,
    ),
)
def test_no_body_raises_and_every_hit_can_be_stored(
    make_request: Make, url: str, body: bytes, headers: list[tuple[str, str]]
) -> None:
    storable = [(name, value.encode("utf-8", "replace").decode()) for name, value in headers]
    decoded = decode(make_request(method="POST", url=url, body=body, headers=storable))
    for hit in decoded.hits if decoded is not None else ():
        assert Hit.model_validate_json(hit.model_dump_json()) == hit
