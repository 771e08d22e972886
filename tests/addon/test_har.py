"""HAR as browsers and tools really write it: every entry is read or named."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import captures
from addon.capture import read_capture
from addon.decoders.meta.wire import body_parameters
from addon.har import MAX_DEPTH, MAX_PROBLEMS, HarReader, har_request
from addon.model import CapturedRequest
from addon.observation import Glimpse, Observer
from addon.reader import CaptureReader

Json = dict[str, Any]
Save = Callable[..., Path]

URL = "https://www.facebook.com/tr/?id=1&ev=PageView"
TIME = "2026-05-04T10:31:02.250Z"
FORM = "application/x-www-form-urlencoded"


def entry(url: str = URL, **more: Any) -> Json:
    request = {"method": "GET", "url": url, "httpVersion": "HTTP/2.0", "headers": [], **more.pop("request", {})}
    return {"startedDateTime": TIME, "request": request, "response": {"status": 200, "headers": []}, **more}


def post(**post_data: Any) -> Json:
    return entry(request={"method": "POST", "url": "https://www.facebook.com/tr/", "postData": post_data})


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def write(*entries: Any, **log: Any) -> Path:
        path = tmp_path / "visit.har"
        path.write_text(json.dumps({"log": {"version": "1.2", **log, "entries": list(entries)}}), encoding="utf-8")
        return path

    return write


def read(path: Path) -> tuple[list[CapturedRequest], CaptureReader]:
    reader = read_capture(path)
    return list(reader), reader


def values(request: CapturedRequest) -> list[tuple[str, str]]:
    return [(param.name, param.value) for param in body_parameters(request).parameters]


# one entry


def test_an_entry_is_read() -> None:
    request = har_request(
        entry(
            request={
                "headers": [{"name": "Referer", "value": "https://a.example/"}, {"name": ":method", "value": "GET"}]
            },
            response={"status": 200, "headers": [{"name": "Content-Type", "value": "image/gif"}]},
            serverIPAddress="[2001:db8::9]",
        ),
        7,
    )
    assert (request.method, request.url, request.http_version) == ("GET", URL, "HTTP/2.0")
    assert (request.position, request.source_kind) == (7, "har")
    assert request.started_at == 1_777_890_662.25
    assert request.header("referer") == "https://a.example/"
    assert request.response_header("content-type") == "image/gif"
    assert (request.status, request.delivery) == (200, "answered")
    assert request.server_address == "2001:db8::9"
    assert request.client_ip is None


@pytest.mark.parametrize("status", [0, None, -1, "200", 99, 1000, True, 200.5])
def test_without_a_status_nothing_is_known_of_the_arrival(status: Any) -> None:
    request = har_request(entry(response={"status": status}), 0)
    assert (request.status, request.delivery) == (None, "unknown")


@pytest.mark.parametrize("version", ["h2", "http/2.0", "HTTP/2", "h3", "HTTP/1.1", "spdy/3.1"])
def test_the_version_stays_as_it_was_written(version: str) -> None:
    assert har_request(entry(request={"httpVersion": version}), 0).http_version == version


@pytest.mark.parametrize("version", [None, ""])
def test_a_missing_version_is_unknown(version: Any) -> None:
    assert har_request(entry(request={"httpVersion": version}), 0).http_version == "unknown"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-05-04T10:31:02Z", 1_777_890_662.0),
        ("2026-05-04T10:31:02", 1_777_890_662.0),
        ("2026-05-04T12:31:02.250+02:00", 1_777_890_662.25),
        ("2026-05-04T10:31:02.2504967Z", 1_777_890_662.250496),
    ],
)
def test_times_are_utc_unless_they_say_otherwise(text: str, seconds: float) -> None:
    assert har_request(entry(startedDateTime=text), 0).started_at == pytest.approx(seconds, abs=1e-6)


def test_a_fragment_is_no_part_of_a_request() -> None:
    assert har_request(entry(URL + "#part"), 0).url == URL


def test_cookies_that_were_only_listed_become_a_header_line() -> None:
    listed = [{"name": "c_user", "value": "1"}, {"name": "empty"}, {"value": "nameless"}, "nonsense"]
    request = har_request(entry(request={"cookies": listed}), 0)
    assert request.header("cookie") == "c_user=1; empty="


def test_a_cookie_line_is_not_doubled() -> None:
    more = {"headers": [{"name": "Cookie", "value": "a=1"}], "cookies": [{"name": "a", "value": "1"}]}
    assert har_request(entry(request=more), 0).headers == (("Cookie", "a=1"),)


def test_a_sanitised_entry_has_no_cookies() -> None:
    assert har_request(entry(request={"cookies": []}), 0).header("cookie") is None


# bodies


def test_the_text_of_a_body_is_its_body() -> None:
    assert har_request(post(mimeType=FORM, text="id=1&ev=Léad"), 0).body == "id=1&ev=Léad".encode()


@pytest.mark.parametrize("key", ["encoding", "_encoding"])
def test_a_base64_body_is_unpacked(key: str) -> None:
    body = b"\x00\xffid=1"
    made = post(text=base64.b64encode(body).decode(), **{key: "base64"})
    assert har_request(made, 0).body == body


def test_a_body_that_is_no_base64_is_a_problem_of_the_request() -> None:
    request = har_request(post(text="no base64!", encoding="base64"), 0)
    assert (request.body, request.body_problem) == (b"", "the body is marked as base64 and is none")


@pytest.mark.parametrize(
    "params",
    [
        [("id", "1"), ("ev", "Lead"), ("cd[note]", "a b & c"), ("rl", "")],
        [("id", "1"), ("ev", "Lead"), ("cd%5Bnote%5D", "a+b+%26+c"), ("rl", "")],
        [("id", "1"), ("ev", "Lead"), ("cd%5Bnote%5D", "a%20b%20%26%20c"), ("rl", "")],
    ],
    ids=["decoded", "encoded-plus", "encoded-percent"],
)
def test_a_form_of_which_only_the_parameters_were_kept_is_written_again(params: list[tuple[str, str]]) -> None:
    made = post(mimeType=FORM, params=[{"name": name, "value": value} for name, value in params])
    request = har_request(made, 0)
    assert values(request) == [("id", "1"), ("ev", "Lead"), ("cd[note]", "a b & c"), ("rl", "")]


def test_decoded_parameters_with_percent_signs_stay_what_they_are() -> None:
    made = post(mimeType=FORM, params=[{"name": "cd[note]", "value": "100% of a=b"}, {"name": "x+y", "value": "1+1"}])
    assert values(har_request(made, 0)) == [("cd[note]", "100% of a=b"), ("x+y", "1+1")]


def test_the_text_goes_before_the_parameters() -> None:
    made = post(mimeType=FORM, text="id=1&ev=A", params=[{"name": "id", "value": "2"}])
    assert values(har_request(made, 0)) == [("id", "1"), ("ev", "A")]


@pytest.mark.parametrize("in_header", [True, False])
def test_a_multipart_form_is_written_again(in_header: bool) -> None:
    kind = "multipart/form-data; boundary=----WebKitFormBoundaryAbC"
    made = post(mimeType=kind, params=[{"name": "id", "value": "1"}, {"name": 'cd["a"]', "value": "x\r\ny"}])
    if in_header:
        made["request"]["headers"] = [{"name": "content-type", "value": kind}]
    assert values(har_request(made, 0)) == [("id", "1"), ('cd["a"]', "x\r\ny")]


@pytest.mark.parametrize(
    "data", [None, "text", {}, {"text": None}, {"params": "x"}, {"params": []}, {"params": [1, {"value": "x"}]}, []]
)
def test_odd_bodies_do_no_harm(data: Any) -> None:
    request = har_request(entry(request={"method": "POST", "postData": data}), 0)
    assert request.body == b""
    assert request.body_problem is None


def test_lone_surrogates_do_no_harm() -> None:
    made = entry(
        request={
            "method": "POST",
            "url": "https://www.facebook.com/tr/?id=1&ev=\ud800",
            "headers": [{"name": "x-\udc00", "value": "\udfff"}],
            "postData": {"mimeType": FORM, "params": [{"name": "a\ud800", "value": "\udc00 "}]},
            "cookies": [{"name": "a", "value": "\ud83d"}],
        },
        response={"status": 200, "content": {"mimeType": "text/html", "text": "<title>\ud800</title>"}},
    )
    request = har_request(made, 0)
    json.dumps(request._asdict(), ensure_ascii=False, default=bytes.decode).encode()
    for text in (request.url, *(part for line in request.headers for part in line)):
        text.encode("utf-8")


def test_pages_are_looked_into_and_pictures_are_not() -> None:
    page = {"mimeType": "text/html; charset=utf-8", "text": "<title>A</title>"}
    coded = {"mimeType": "text/html", "text": base64.b64encode(b"<title>B</title>").decode(), "encoding": "base64"}
    broken = {"mimeType": "text/html", "text": "é", "encoding": "base64"}
    picture = {"mimeType": "image/gif", "text": "GIF"}
    bodies = [
        har_request(entry(response={"status": 200, "content": content}), 0).response_body
        for content in (page, coded, broken, picture, None, {"mimeType": None})
    ]
    assert bodies == [b"<title>A</title>", b"<title>B</title>", None, None, None, None]


# files


@pytest.mark.parametrize(
    "broken",
    [
        {},
        None,
        "text",
        5,
        [],
        {"request": None},
        {"request": {"method": "GET", "url": URL}},
        {"startedDateTime": TIME, "request": {"url": URL}},
        {"startedDateTime": TIME, "request": {"method": "GET"}},
        {"startedDateTime": "yesterday", "request": {"method": "GET", "url": URL}},
        {"startedDateTime": "0001-01-01T00:00:00Z", "request": {"method": "GET", "url": URL}},
        {"startedDateTime": None, "request": {"method": "GET", "url": URL}},
        {"startedDateTime": TIME, "request": {"method": "GET", "url": URL}, "response": "no"},
        {"startedDateTime": "0001-01-01T00:00:00+23:59", "request": {"method": "GET", "url": URL}},
    ],
)
def test_a_broken_entry_costs_no_other(save: Save, broken: Any) -> None:
    requests, reader = read(save(entry(), broken, entry(URL + "&n=2")))
    assert [request.position for request in requests] == [0, 2]
    assert reader.complete
    assert (reader.seen, reader.read_to) == (3, 3)
    (problem,) = reader.problems
    assert problem.where == "visit.har, entry 1"
    assert "the entry cannot be read" in problem.what


def test_an_entry_without_response_is_read(save: Save) -> None:
    made = entry()
    del made["response"]
    (request,), reader = read(save(made))
    assert (request.delivery, request.status) == ("unknown", None)
    assert reader.problems == []


def test_many_broken_entries_are_named_up_to_a_number(save: Save) -> None:
    requests, reader = read(save(*[{}] * (MAX_PROBLEMS + 50), entry()))
    assert len(requests) == 1
    assert len(reader.problems) >= MAX_PROBLEMS
    assert len(reader.problems) <= MAX_PROBLEMS + 1


def test_a_file_cut_anywhere_gives_every_entry_before(save: Save) -> None:
    path = save(*(entry(f"{URL}&n={number}") for number in range(3)))
    content = path.read_bytes()
    text = content.decode()
    ends = []
    decoder = json.JSONDecoder()
    place = text.index("[", text.index('"entries"')) + 1
    while text[place - 1] != "]":
        _, place = decoder.raw_decode(text, place)
        ends.append(place)
        place += 2 if text[place : place + 2] == ", " else 1
    assert len(ends) == 3
    for cut in range(len('{"log"'), len(content) - 1, 7):
        path.write_bytes(content[:cut])
        requests, reader = read(path)
        assert len(requests) == sum(end <= cut for end in ends), cut
        assert not reader.complete, cut
        assert reader.read_to == len(requests)
        assert len(reader.problems) == 1, cut
        assert "cut or damaged" in reader.problems[0].what


def test_damage_in_the_middle_is_named_with_the_entries_before(save: Save) -> None:
    path = save(entry(), entry(), entry())
    content = path.read_text()
    half = content.index('"startedDateTime"', content.index('"startedDateTime"') + 1)
    path.write_text(content[:half] + "@@@" + content[half:])
    requests, reader = read(path)
    assert len(requests) == 1
    assert not reader.complete
    assert "after entry 1" in reader.problems[0].where


def test_bytes_that_are_no_utf_8_end_the_stream_and_are_named(save: Save) -> None:
    path = save(entry(), entry(URL + "&n=MARK"), entry())
    path.write_bytes(path.read_bytes().replace(b"MARK", b"\xff\xfe"))
    requests, reader = read(path)
    assert len(requests) <= 3
    assert reader.complete or len(reader.problems) == 1


def test_json_that_is_no_har_is_said(tmp_path: Path) -> None:
    path = tmp_path / "package.json"
    path.write_text('{"name": "something", "entries": [1]}')
    requests, reader = read(path)
    assert requests == []
    assert not reader.complete
    assert "it may not be a HAR" in reader.problems[0].what


def test_an_empty_har_is_said(save: Save) -> None:
    _, reader = read(save())
    assert not reader.complete
    assert "without any log.entries" in reader.problems[0].what


def test_huge_numbers_do_no_harm(save: Save) -> None:
    path = save(entry(time="HUGE"), entry())
    path.write_text(path.read_text().replace('"HUGE"', "1" + "0" * 400 + ".5e400"))
    requests, reader = read(path)
    assert len(requests) == 2 or (len(reader.problems) == 1 and not reader.complete)
    path.write_text(path.read_text().replace(".5e400", ""))
    requests, reader = read(path)
    assert len(requests) == 2 or (len(reader.problems) == 1 and not reader.complete)


def test_huge_nesting_does_no_harm(save: Save) -> None:
    path = save(entry(_deep="DEEP"), entry())
    path.write_text(path.read_text().replace('"DEEP"', "[" * 10_000 + "]" * 10_000))
    requests, reader = read(path)
    assert len(requests) == 2 or (len(reader.problems) == 1 and not reader.complete)


def test_what_stands_around_the_entries_is_of_no_matter(save: Save) -> None:
    pages = [{"id": "page_1", "title": "{log: entries}", "pageTimings": {}}]
    requests, reader = read(save(entry(), pages=pages, browser={"entries": [1, 2]}, _extra={"log": {"entries": []}}))
    assert len(requests) == 1
    assert reader.complete


def test_a_repeated_har_is_read_alike(save: Save) -> None:
    path = save(entry(), post(text="id=1&ev=Lead"))
    assert read(path)[0] == read(path)[0]


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 60_000])
@pytest.mark.parametrize("opening", ['{"a":', "["])
def test_a_har_nested_too_deep_is_said_and_what_came_before_is_read(tmp_path: Path, depth: int, opening: str) -> None:
    path = tmp_path / "visit.har"
    good = json.dumps(
        {
            "startedDateTime": "2026-03-02T14:05:30.000Z",
            "request": {"method": "GET", "url": "https://www.a.example/", "headers": []},
        }
    )
    path.write_text('{"log":{"entries":[' + good + "," + " " * 70_000 + opening * depth, encoding="utf-8")
    reader = read_capture(path)
    assert [request.url for request in reader] == ["https://www.a.example/"]
    assert not reader.complete
    assert "levels deep" in reader.problems[0].what


def test_deep_nesting_within_bounds_is_read(tmp_path: Path) -> None:
    path = tmp_path / "visit.har"
    inner = "[" * (MAX_DEPTH - 10) + "]" * (MAX_DEPTH - 10)
    path.write_text(
        '{"log":{"entries":[{"startedDateTime":"2026-03-02T14:05:30.000Z","request":'
        '{"method":"GET","url":"https://www.a.example/","x":' + inner + "}}]}}",
        encoding="utf-8",
    )
    reader = read_capture(path)
    assert len(list(reader)) == 1
    assert reader.complete


# what cannot matter is not built

SHARED = Path(__file__).resolve().parents[3] / "shared"
SITES = ("www.a.example", "shop.a.example", "www.b.example", "cdn.example", "www.facebook.com", "cmp.cookiebot.com")
PATHS = (
    "/", "/page/", "/tr/?id=1&ev=PageView", "/login", "/logout", "/i.png?x=1", "/collect?gcs=G111", "/a?ev=Lead",
    "", "?q=1", "/consent/accept", "/x?cookieconsent=accepted", "/\t/logout", "/é?gdpr=1&gdpr_consent=x",
)  # fmt: skip
COOKIES = ("cookie_consent=accepted", "cookie_consent=declined", "a=1", "CookieConsent=true; a=2", "", "broken")
MISSING: Any = object()


def without_missing(value: Any) -> Any:
    """Return an object without the names whose values are missing."""
    if isinstance(value, dict):
        return {name: without_missing(item) for name, item in value.items() if item is not MISSING}
    return [without_missing(item) for item in value] if isinstance(value, list) else value


def header(*choices: tuple[str, str]) -> st.SearchStrategy[Json]:
    return st.sampled_from(choices).map(lambda pair: {"name": pair[0], "value": pair[1]})


REQUEST_LINES = st.lists(
    header(
        ("accept", "text/html,*/*"), ("Accept", "*/*"), ("sec-fetch-dest", "document"), ("Sec-Fetch-Dest", "image"),
        ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site"), ("sec-gpc", "1"), ("host", "x.example"),
        ("referer", "https://www.a.example/page/"), ("content-type", FORM),
        *(("Cookie", cookie) for cookie in COOKIES),
    ) | st.sampled_from(["odd", 5, {}, {"name": 7, "value": []}, {"name": "Cookie"}, {"name": "accept", "value": 3}]),
    max_size=5,
)  # fmt: skip
ANSWER_LINES = st.lists(
    header(
        ("Content-Type", "text/html"), ("content-type", "image/png"), ("set-cookie", "cookie_consent=accepted; path=/"),
        ("Set-Cookie", "cookie_consent=declined\nb=2"), ("set-cookie", "session=1"),
    ),
    max_size=3,
)  # fmt: skip
POSTS = st.sampled_from(
    [
        MISSING,
        None,
        {"mimeType": FORM, "text": "id=1&ev=Lead"},
        {"mimeType": FORM, "params": [{"name": "id", "value": "1"}, {"name": "ev", "value": "Lead"}]},
        {"mimeType": "text/plain", "text": '{"fb.pixel_id":"1","event_name":"Lead","website_context":{}}'},
        {"text": "bm8gYmFzZTY0!", "encoding": "base64"},
    ]
)
CONTENTS = st.sampled_from(
    [
        MISSING,
        {"mimeType": "text/html", "text": "<title>A</title><div class='cookie-banner'>cookies?</div>"},
        {"mimeType": "text/html", "text": "PHRpdGxlPkI8L3RpdGxlPg==", "encoding": "base64"},
        {"mimeType": "image/png", "text": "iVBORw0KGgo=", "encoding": "base64"},
    ]
)


@st.composite
def entries(draw: st.DrawFn, cookies: bool = True) -> Any:
    """Draw an entry as browsers and other programs write it, now and then a broken one."""
    if draw(st.integers(0, 19)) == 0:
        return draw(st.sampled_from([{}, None, 5, {"request": {}}, {"request": {"url": URL, "method": "GET"}}]))
    scheme = draw(st.sampled_from(["https", "https", "http", "HTTPS", "wss"]))
    port = draw(st.sampled_from(["", "", ":443", ":8080"]))
    request_lines, answer_lines = draw(REQUEST_LINES), draw(ANSWER_LINES)
    listed = draw(st.sampled_from([MISSING, [], [{"name": "cookie_consent", "value": "accepted"}], "odd"]))
    if not cookies:
        named = [line for line in request_lines if isinstance(line, dict) and isinstance(line.get("name"), str)]
        request_lines = [line for line in named if line["name"].lower() != "cookie"]
        answer_lines = [line for line in answer_lines if line["name"].lower() != "set-cookie"]
        listed = draw(st.sampled_from([MISSING, []]))
    return without_missing(
        {
            "startedDateTime": draw(st.sampled_from([TIME, "2026-05-04T10:31:03Z", "2027-05-04T10:31:03Z", "never"])),
            "request": {
                "method": draw(st.sampled_from(["GET", "GET", "POST", "post", "OPTIONS"])),
                "url": f"{scheme}://{draw(st.sampled_from(SITES))}{port}{draw(st.sampled_from(PATHS))}",
                "httpVersion": draw(st.sampled_from(["h2", "HTTP/1.1", MISSING])),
                "headers": draw(st.sampled_from([request_lines, request_lines, MISSING, "odd"])),
                "cookies": listed,
                "postData": draw(POSTS),
            },
            "response": draw(
                st.sampled_from(
                    [
                        {"status": 200, "headers": answer_lines, "content": draw(CONTENTS)},
                        {"status": 200, "headers": answer_lines, "content": draw(CONTENTS)},
                        {"status": 0, "headers": []},
                        {"status": 302, "headers": "odd"},
                        MISSING,
                        None,
                        "no",
                    ]
                )
            ),
        }
    )


def plainly_observed(reader: CaptureReader) -> Observer:
    """Return what every request, each of them built, comes to."""
    observer = Observer("source")
    for request in reader:
        observer.observe(request)
    observer.finish()
    return observer


def sparingly_observed(reader: HarReader, *, knows_sites: bool) -> Observer:
    observer = Observer("source")
    for item in reader.relevant(observer.is_site if knows_sites else bool):
        if isinstance(item, Glimpse):
            observer.glimpse(item)
        elif item is not None:
            observer.observe(item)
    observer.finish()
    return observer


def assert_nothing_is_missing(path: Path) -> None:
    """Observe a HAR of which everything is built, and of which only what can matter is, and compare."""
    size = path.stat().st_size
    whole = HarReader(path, size)
    reference = plainly_observed(whole)
    for knows_sites in (True, False):
        reader = HarReader(path, size)
        watched = bytearray()
        reader.watch = watched.extend
        observer = sparingly_observed(reader, knows_sites=knows_sites)
        for name in ("requests", "pages", "consent", "reconstruction", "cookies_seen"):
            assert getattr(observer, name) == getattr(reference, name), name
        for name in ("seen", "read_to", "complete", "problems", "first_at", "last_at"):
            assert getattr(reader, name) == getattr(whole, name), name
        assert watched == path.read_bytes()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(data=st.data(), cookies=st.booleans())
def test_passing_over_what_cannot_matter_changes_nothing(save: Save, data: st.DataObject, cookies: bool) -> None:
    path = save(*data.draw(st.lists(entries(cookies), min_size=1, max_size=12)))
    assert_nothing_is_missing(path)
    if data.draw(st.booleans()):
        content = path.read_bytes()
        path.write_bytes(content[: data.draw(st.integers(10, len(content)))])
        assert_nothing_is_missing(path)


def all_hars() -> list[Path]:
    return sorted([captures.SAME_BROWSING_HAR, *(SHARED.rglob("*.har") if SHARED.is_dir() else ())])


@pytest.mark.parametrize("path", all_hars(), ids=lambda path: path.stem)
def test_passing_over_changes_nothing_about_real_files(path: Path) -> None:
    assert_nothing_is_missing(path)


def test_what_cannot_matter_is_not_built(save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    page = entry("https://www.a.example/", request={"headers": [{"name": "sec-fetch-dest", "value": "document"}]})
    picture = entry("https://www.a.example/i.png", request={"headers": [{"name": "cookie", "value": "a=1"}]})
    path = save(page, *[picture] * 50, entry())
    built = [item for item in HarReader(path, 0).relevant() if isinstance(item, CapturedRequest)]
    assert [item.position for item in built] == [0, 1, 51]  # the first that shows cookies, too


def test_a_name_that_is_no_text_does_no_harm(save: Save) -> None:
    path = save(entry(request={"headers": [{"name": "DEEP", "value": "x"}]}), entry())
    path.write_text(path.read_text().replace('"DEEP"', "[" * 450 + "]" * 450))
    requests, reader = read(path)
    assert reader.complete
    assert len(requests) + len(reader.problems) == 2
