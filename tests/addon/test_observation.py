"""What is kept of the traffic, and what never is."""

from typing import Any

import pytest

from addon.flows import flow_request
from addon.model import CapturedRequest
from addon.observation import MAX_TITLE, ConsentEvidence, Observer, page_title

HTML = (("content-type", "text/html; charset=utf-8"),)
NAVIGATION = (("sec-fetch-dest", "document"), ("accept", "text/html"))


def observe(*requests: CapturedRequest) -> Observer:
    observer = Observer("mitm-1")
    for request in requests:
        observer.observe(request)
    observer.finish()
    return observer


def observe_visit(visit) -> Observer:
    return observe(*(flow_request(flow, number, "mitm") for number, flow in enumerate(visit.flows)))


@pytest.fixture
def page(captured):
    def make(url: str = "https://www.example-clinic.example/", **more: Any) -> CapturedRequest:
        given = {
            "headers": NAVIGATION,
            "status": 200,
            "response_headers": HTML,
            "response_body": b"<title>A page</title>",
        }
        return captured(url, **{**given, **more})

    return make


# requests to the vendor


def test_requests_to_meta_are_kept_with_what_they_are(visit) -> None:
    visit.page("/")
    visit.pixel()
    for url in (
        "https://connect.facebook.net/en_US/fbevents.js",
        "https://connect.facebook.net/signals/config/900000000000077?v=2.9.383",
        "https://www.facebook.com/privacy_sandbox/topics/registration/?id=1",
        "https://www.facebook.com/fr/b.php?p=1",
        "https://www.notfacebook.com/tr?id=1&ev=PageView",
    ):
        visit.add("GET", url)
    for url in (
        "https://www.example-clinic.example/try?id=1&ev=PageView",
        "https://www.example-clinic.example/go?to=https://www.facebook.com/tr/?id=1",
    ):
        visit.add("GET", url)
    observer = observe_visit(visit)
    assert [item.role for item in observer.requests] == [
        "event",
        "library",
        "configuration",
        "topics_registration",
        "cookie_sync",
        "lookalike",
    ]
    assert {item.vendor for item in observer.requests} == {"meta"}
    assert {item.source_id for item in observer.requests} == {"mitm-1"}


def test_the_answer_is_kept_of_configurations_only(captured) -> None:
    common = {"response_headers": (("content-type", "application/javascript"),), "response_body": b"fbq.set();"}
    config = captured("https://connect.facebook.net/signals/config/1", **common)
    library = captured("https://connect.facebook.net/en_US/fbevents.js", **common)
    observer = observe(config, library)
    assert [item.request.response_body for item in observer.requests] == [b"fbq.set();", None]


def test_keys_and_digests_are_of_the_untouched_request(visit) -> None:
    visit.pixel()
    (flow,) = visit.flows
    untouched = flow_request(flow, 0, "mitm")
    (mine,) = observe(untouched).requests
    other = untouched._replace(
        headers=tuple(
            (name, value.replace(visit.session_secret, "another-secret")) for name, value in untouched.headers
        )
    )
    (theirs,) = observe(other).requests
    assert visit.session_secret not in repr(mine)
    assert mine.digest != theirs.digest
    assert mine.key != theirs.key


def test_live_traffic_and_its_recording_have_the_same_keys(clinic) -> None:
    live = observe(*(flow_request(flow, number, "live") for number, flow in enumerate(clinic.flows)))
    saved = observe(*(flow_request(flow, 1000 + number, "mitm") for number, flow in enumerate(clinic.flows)))
    assert [item.key for item in live.requests] == [item.key for item in saved.requests]
    assert [item.digest for item in live.requests] == [item.digest for item in saved.requests]


def test_equal_requests_are_told_apart(visit) -> None:
    for _ in range(3):
        visit.pixel(at=visit.start, counter=0)
    observer = observe_visit(visit)
    assert len({item.key for item in observer.requests}) == 3
    assert len({item.digest for item in observer.requests}) == 1


def test_whether_cookies_were_seen_is_kept(visit, new_visit) -> None:
    visit.pixel(cookies=())
    assert not observe_visit(visit).cookies_seen
    other = new_visit()
    other.pixel()
    assert observe_visit(other).cookies_seen


def test_a_reconstruction_is_remembered(captured) -> None:
    assert not observe(captured()).reconstruction
    assert observe(captured(), captured(reconstruction=True), captured()).reconstruction


# secrets


SECRET = "q7Zr-never-to-be-kept-Xw"


@pytest.mark.parametrize(
    "secretive",
    [
        {"headers": (("cookie", f"c_user=1; xs={SECRET}"),)},
        {"headers": (("Cookie", f"presence={SECRET}"), ("cookie", f"xs={SECRET}"))},
        {"headers": (("Authorization", f"Bearer {SECRET}"),)},
        {"headers": (("X-Csrf-Token", SECRET),)},
        {"headers": (("referer", f"https://a.example/?access_token={SECRET}"),)},
        {"url": f"https://www.facebook.com/tr/?id=1&ev=Lead&access_token={SECRET}"},
        {"url": f"https://www.facebook.com/tr/?id=1&ev=Lead&cd[password]={SECRET}"},
        {"url": f"https://www.facebook.com/tr/?id=1&ev=Lead&dl=https%3A%2F%2Fa.example%2F%3Fpassword%3D{SECRET}"},
        {"url": f"https://www.facebook.com/tr/?id=1&ev=fb_page_view&at={SECRET}"},
        {"method": "POST", "body": f"id=1&ev=Lead&cd%5Bpassword%5D={SECRET}".encode()},
        {"response_headers": (("set-cookie", f"xs={SECRET}; Secure"),)},
    ],
)
def test_no_secret_is_kept(captured, secretive: dict[str, Any]) -> None:
    url = secretive.pop("url", "https://www.facebook.com/tr/?id=1&ev=Lead")
    observer = observe(captured(url, **secretive))
    (kept,) = observer.requests
    assert kept.role == "event"
    assert SECRET not in repr(kept)


def test_secrets_in_the_address_of_a_page_are_not_kept(page) -> None:
    (visited,) = observe(page(f"https://www.example-clinic.example/?session_token={SECRET}&q=1")).pages
    assert SECRET not in visited.url
    assert visited.url.endswith("&q=1")


# first-party requests


def test_of_a_page_only_address_title_times_and_cookie_names_are_kept(page) -> None:
    request = page(
        method="POST",
        body=b"note=words-somebody-typed",
        headers=(*NAVIGATION, ("cookie", f"sessionid={SECRET}; cookie_consent=accepted")),
        response_body=b"<title>A &amp; B</title> words-of-the-page",
    )
    observer = observe(request)
    (visited,) = observer.pages
    assert visited.title == "A & B"
    assert visited.site == "example-clinic.example"
    assert visited.cookie_names == ("sessionid", "cookie_consent")
    assert (visited.top, visited.status, visited.asks) == (True, 200, False)
    kept = repr((*observer.pages, *observer.consent, *observer.requests))
    for word in (SECRET, "words-somebody-typed", "words-of-the-page"):
        assert word not in kept


@pytest.mark.parametrize(
    ("request_headers", "response_headers", "visited"),
    [
        ({"sec-fetch-dest": "document"}, {"content-type": "text/html"}, True),
        ({"sec-fetch-dest": "iframe"}, {"content-type": "text/html"}, True),
        ({"sec-fetch-dest": "empty"}, {"content-type": "text/html"}, False),
        ({"sec-fetch-dest": "image"}, {"content-type": "text/html"}, False),
        ({"sec-fetch-dest": "document"}, {"content-type": "application/pdf"}, False),
        ({"accept": "text/html,*/*"}, {"content-type": "text/html"}, True),
        ({"accept": "*/*"}, {"content-type": "text/html"}, False),
        ({}, {"content-type": "text/html"}, False),
        ({"sec-fetch-dest": "document"}, {}, False),
    ],
)
def test_pages_are_told_from_what_they_load(
    page, request_headers: dict[str, str], response_headers: dict[str, str], visited: bool
) -> None:
    request = page(headers=tuple(request_headers.items()), response_headers=tuple(response_headers.items()))
    assert bool(observe(request).pages) == visited


def test_embedded_pages_are_marked(page) -> None:
    (visited,) = observe(page(headers=(("sec-fetch-dest", "iframe"),))).pages
    assert not visited.top


def test_a_page_without_its_body_says_nothing_of_asking(page) -> None:
    (visited,) = observe(page(response_body=None)).pages
    assert (visited.title, visited.asks) == (None, None)


def test_requests_before_the_first_page_say_nothing(captured) -> None:
    observer = observe(captured("https://cdn.example/script.js", headers=(("cookie", "cookie_consent=accepted"),)))
    assert (observer.pages, observer.consent) == ([], [])


@pytest.mark.parametrize(
    ("markup", "title"),
    [
        ("<title>Plain</title>", "Plain"),
        ("<head><TITLE lang='en'>\n Two \t lines\n</TITLE></head>", "Two lines"),
        ("<title>a &lt;b&gt; &#39;c&#39; &nbsp;d</title>", "a <b> 'c' d"),
        ("<title>One</title><svg><title>Two</title></svg>", "One"),
        ("<title></title>", None),
        ("<title>   </title>", None),
        ("<title>never closed", None),
        ("<title", None),
        ("no title", None),
        ("", None),
        ("<title>" + "x" * 2000 + "</title>", "x" * MAX_TITLE),
        ("<title>café</title>", "café"),
    ],
)
def test_titles(markup: str, title: str | None) -> None:
    assert page_title(markup.encode()) == title


def test_a_title_in_another_encoding_does_no_harm() -> None:
    assert page_title("<title>café</title>".encode("latin-1")) == "caf\ufffd"


# runs of evidence


def evidence(observer: Observer) -> list[tuple[int, str | None]]:
    return [(item.position, item.state) for item in observer.consent]


def cookies_sent(visit, *lines: str | None) -> Observer:
    """Observe a page and what it loads, each with the cookies given."""
    visit.page("/", asks=True, cookies=(lines[0],) if lines[0] else ())
    for line in lines[1:]:
        visit.asset("/a.png", cookies=(line,) if line else ())
    return observe_visit(visit)


def test_of_a_run_the_first_and_the_last_are_kept(visit) -> None:
    observer = cookies_sent(visit, *[None] * 5, *["cookie_consent=accepted"] * 5)
    assert evidence(observer) == [(0, None), (4, None), (5, "accepted"), (9, "accepted")]


def test_a_run_of_one_is_kept_once(visit) -> None:
    observer = cookies_sent(visit, None, "cookie_consent=declined", None)
    assert evidence(observer) == [(0, None), (1, "refused"), (2, None)]


def test_a_run_may_grow_after_an_end(visit) -> None:
    visit.page("/", asks=True)
    for _ in range(3):
        visit.asset("/a.png")
    observer = Observer("live-1")
    requests = [flow_request(flow, number, "live") for number, flow in enumerate(visit.flows)]
    for request in requests[:2]:
        observer.observe(request)
    observer.finish()
    observer.finish()
    for request in requests[2:]:
        observer.observe(request)
    observer.finish()
    kept = evidence(observer)
    assert kept[0] == (0, None)
    assert kept[-1] == (3, None)
    assert len(kept) == len(set(kept))


def test_sites_have_runs_of_their_own(visit) -> None:
    visit.page("/", asks=True)
    visit.page("/", host="www.other-clinic.example", asks=True)
    visit.asset("/a.png", cookies=("cookie_consent=accepted",))
    visit.asset("/a.png", host="www.other-clinic.example")
    found = {(item.site, item.state) for item in observe_visit(visit).consent}
    assert found == {
        ("example-clinic.example", None),
        ("example-clinic.example", "accepted"),
        ("other-clinic.example", None),
    }


def test_a_cookie_that_is_set_is_evidence(visit) -> None:
    visit.page("/", set_cookies=("cookie_consent=declined; Path=/", "other=1"))
    sent, left = observe_visit(visit).consent
    assert (sent.state, sent.proof) == (None, "no consent cookie sent")
    assert (left.kind, left.state) == ("set", "refused")
    assert left.proof == "cookie cookie_consent=declined (set by the site's answer)"


def test_a_cookie_that_is_set_in_answer_to_a_form_is_a_choice_at_that_moment(visit) -> None:
    visit.page("/")
    visit.wait(5)
    visit.page("/cookies", method="POST", cookies=("cookie_consent=no",), set_cookies=("cookie_consent=yes",))
    told = observe_visit(visit).consent[-1]
    assert (told.kind, told.state, told.at) == ("choice", "accepted", visit.clock)


@pytest.mark.parametrize("ending", ["Max-Age=0", "max-age=-1", "Expires=Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_cookie_that_is_removed_is_not_what_was_chosen(visit, ending: str) -> None:
    visit.page("/", cookies=("cookie_consent=declined",), set_cookies=(f"cookie_consent=accepted; {ending}",))
    assert {item.state for item in observe_visit(visit).consent} == {"refused"}


@pytest.mark.parametrize(
    ("fetch_site", "shows"),
    [("none", True), ("same-origin", True), ("same-site", True), ("cross-site", False), (None, True)],
)
def test_a_missing_cookie_shows_nothing_where_strict_ones_are_not_sent(
    page, fetch_site: str | None, shows: bool
) -> None:
    headers = (*NAVIGATION, *((("sec-fetch-site", fetch_site),) if fetch_site else ()))
    observer = observe(page(headers=headers))
    assert [item.state for item in observer.consent] == ([None] if shows else [])


def test_a_cookie_that_is_there_counts_wherever_the_visitor_came_from(page) -> None:
    headers = (*NAVIGATION, ("sec-fetch-site", "cross-site"), ("cookie", "cookie_consent=accepted"))
    (found,) = observe(page(headers=headers)).consent
    assert isinstance(found, ConsentEvidence)
    assert found.state == "accepted"


# consent platforms


COOKIEBOT = "https://consent.cookiebot.com"
OPENED = "https://www.example-clinic.example/"


def from_page(url: str, destination: str = "script", **headers: str) -> dict[str, Any]:
    lines = [("sec-fetch-dest", destination), ("sec-fetch-site", "cross-site"), ("referer", OPENED)]
    return {"url": url, "headers": (*lines, *headers.items())}


def kinds(observer: Observer) -> list[tuple[int, str, str | None]]:
    return [(item.position, item.kind, item.state) for item in observer.consent]


def test_a_platform_that_a_page_loads_is_evidence_that_it_asks(page, captured) -> None:
    observer = observe(
        page(),
        captured(**from_page(COOKIEBOT + "/uc.js"), position=1),
        captured(**from_page(COOKIEBOT + "/other.js"), position=2),
        captured(**from_page(COOKIEBOT + "/seal.png", "image"), position=3),
        captured(**from_page("https://app.usercentrics.eu/browser-ui/latest/loader.js"), position=4),
        captured("https://cdn.cookielaw.org/scripttemplates/otSDKStub.js", position=5),
    )
    assert kinds(observer) == [(0, "cookies", None), (1, "asks", None), (4, "hides", "unknown")]
    assert observer.consent[1].site == "example-clinic.example"
    assert observer.consent[1].proof == "a page loaded Cookiebot from consent.cookiebot.com"
    assert "no request shows it" in observer.consent[2].proof


def test_a_request_that_tells_of_the_choice_is_evidence_for_the_site_of_its_page(page, captured) -> None:
    url = COOKIEBOT + "/logconsent.ashx?action=accept&clm=true&cbid=invented-id"
    observer = observe(page(), captured(**from_page(url), position=1))
    assert kinds(observer) == [(0, "cookies", None), (1, "choice", "accepted")]
    assert observer.consent[1].site == "example-clinic.example"
    assert "invented-id" not in observer.consent[1].proof


def test_a_choice_on_a_page_that_was_not_seen_is_not_kept(page, captured) -> None:
    request = captured(COOKIEBOT + "/logconsent.ashx?action=decline", headers=(("referer", "https://a.example/"),))
    assert observe(request).consent == []
    assert kinds(observe(page(), request)) == [(0, "cookies", None)]


def test_of_a_body_only_what_it_tells_of_the_choice_is_kept(page, captured) -> None:
    body = b'{"events":[{"type":"consent.given","user":"somebody"}]}'
    given = from_page("https://api.privacy-center.org/v1/events", "empty")
    observer = observe(page(), captured(**given, method="POST", body=body, position=1))
    assert kinds(observer)[-1] == (1, "choice", None)
    assert "somebody" not in repr(observer.consent) + repr(observer.requests) + repr(observer.pages)


def test_an_address_that_carries_a_choice_is_evidence_for_its_own_site(page) -> None:
    referer = ("referer", "https://www.example-clinic.example/")
    linked = page("https://www.example-trust.nhs.uk/?nhsa.sc=0", headers=(*NAVIGATION, referer), position=1)
    observer = observe(page(), linked)
    assert [(item.site, item.kind, item.state) for item in observer.consent][-1] == (
        "example-trust.nhs.uk",
        "cookies",
        "refused",
    )


def test_a_choice_told_to_the_site_itself(page, captured) -> None:
    url = OPENED + "eu-cookie-compliance/store_consent/banner"
    stored = captured(url, method="POST", headers=(("sec-fetch-site", "same-origin"),), position=1)
    assert kinds(observe(page(), stored)) == [(0, "cookies", None), (1, "choice", None)]


def test_the_time_of_choice_is_kept(page) -> None:
    value = '{"necessary":true,"advertising":false,"timestamp":1790000000}'
    (found,) = observe(page(headers=(*NAVIGATION, ("cookie", f"cookiefirst-consent={value}")))).consent
    assert (found.state, found.chosen_at) == ("refused", 1_790_000_000)


@pytest.mark.parametrize(("value", "said"), [("1", True), ("0", False), ("", False)])
def test_global_privacy_control_is_noted(page, value: str, said: bool) -> None:
    for cookie in ("cookie_consent=accepted", "other=1"):
        headers = (*NAVIGATION, ("cookie", cookie), ("sec-gpc", value))
        (found,) = observe(page(headers=headers)).consent
        assert found.proof.endswith("; the browser sent Sec-GPC: 1") == said


def test_cookies_that_tell_nothing_are_nowhere(page) -> None:
    cookies = (
        f"sessionid={SECRET}; consentUUID=11111111-2222-4333-8444-555555555555; klaro={SECRET}; euconsent-v2={SECRET}"
    )
    observer = observe(page(headers=(*NAVIGATION, ("cookie", cookies))))
    assert [item.state for item in observer.consent] == ["unknown"]
    assert SECRET not in repr(observer.consent)
    assert "11111111" not in repr(observer.consent)


@pytest.mark.parametrize(
    ("cookie", "kind", "states"),
    [
        (None, "har", []),
        ("other=1", "har", [None, None]),
        ("cookie_consent=accepted", "har", [None, "accepted"]),
        (None, "mitm", [None, None]),
    ],
)
def test_in_a_har_that_was_exported_without_cookies_a_missing_one_shows_nothing(
    page, cookie: str | None, kind: str, states: list[str | None]
) -> None:
    headers = (*NAVIGATION, *((("cookie", cookie),) if cookie else ()))
    observer = observe(
        page(source_kind=kind, response_body=b"<div class=cookie-banner>"),
        page(source_kind=kind, headers=headers, position=1),
    )
    assert [item.state for item in observer.consent] == states
