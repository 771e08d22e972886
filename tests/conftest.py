"""Invented browsing sessions as captures, and a small rule set of these tests' own."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import settings
from mitmproxy import flow as mitm_flow
from mitmproxy import http
from mitmproxy.io import FlowWriter
from mitmproxy.test import tflow

from addon.model import CapturedRequest
from addon.store.store import Store
from captures.har.build import build_har
from rules.engine import Matcher
from rules.model import Examples, Rule
from rules.ruleset import make_ruleset

# Machines are shared and slow at times: no example is a failure for its time alone. On CI the examples are the
# same at every run, so that a landing does not hang on chance; everywhere else each run looks at new ones.
settings.register_profile("pixelwitness", deadline=None, derandomize=os.environ.get("CI") == "true")
settings.load_profile("pixelwitness")

START = 1_790_000_000.0
SITE = "www.example-clinic.example"
PIXEL = "900000000000077"
FBP = "fb.1.1789999999000.4440001"
SESSION_SECRET = "44%3Ainvented-session-secret%3A2"
FACEBOOK_COOKIES = ("c_user=100000000000007", "datr=invented-datr-value-x", f"xs={SESSION_SECRET}")

NO_EXAMPLES = Examples(match=(), no_match=())


class Visit:
    """The flows of one invented visit, in the order in which they are added; the clock moves on its own."""

    start = START
    site = SITE
    pixel_id = PIXEL
    session_secret = SESSION_SECRET

    def __init__(self) -> None:
        self.flows: list[mitm_flow.Flow] = []
        self.clock = START
        self._counter = 0

    def wait(self, seconds: float) -> "Visit":
        self.clock += seconds
        return self

    def add(
        self,
        method: str,
        url: str,
        *,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        status: int | None = 200,
        response_headers: Iterable[tuple[str, str]] = (),
        response_body: bytes = b"",
        at: float | None = None,
    ) -> http.HTTPFlow:
        self.clock = self.clock + 0.25 if at is None else at
        flow = tflow.tflow()
        lines = [(name.encode(), value.encode("latin-1")) for name, value in headers]
        flow.request = http.Request.make(method, url, body, http.Headers(lines))
        flow.request.headers.pop("content-length", None)
        flow.request.http_version = "HTTP/2.0"
        flow.request.timestamp_start = self.clock
        flow.request.timestamp_end = self.clock + 0.001
        flow.timestamp_created = self.clock
        flow.client_conn.peername = ("192.0.2.10", 50000)
        flow.server_conn.peername = ("203.0.113.9", 443)
        if status is not None:
            flow.response = http.Response.make(
                status, response_body, http.Headers([(n.encode(), v.encode()) for n, v in response_headers])
            )
            flow.response.timestamp_start = self.clock + 0.02
            flow.response.timestamp_end = self.clock + 0.03
        self.flows.append(flow)
        return flow

    def page(
        self,
        path: str = "/",
        *,
        host: str = SITE,
        title: str = "A page",
        cookies: Sequence[str] = (),
        asks: bool = False,
        set_cookies: Sequence[str] = (),
        extra: str = "",
        headers: Iterable[tuple[str, str]] = (),
        at: float | None = None,
        method: str = "GET",
        body: bytes = b"",
    ) -> http.HTTPFlow:
        banner = '<div class="cookie-banner">Accept all cookies?</div>' if asks else ""
        markup = f"<html><head><title>{title}</title></head><body>{banner}{extra}</body></html>"
        lines = [("sec-fetch-dest", "document"), ("sec-fetch-site", "none"), ("accept", "text/html"), *headers]
        lines += [("cookie", cookie) for cookie in cookies]
        return self.add(
            method,
            f"https://{host}{path}",
            headers=lines,
            body=body,
            response_headers=[
                ("content-type", "text/html; charset=utf-8"),
                *(("set-cookie", cookie) for cookie in set_cookies),
            ],
            response_body=markup.encode(),
            at=at,
        )

    def asset(
        self, path: str, *, host: str = SITE, cookies: Sequence[str] = (), at: float | None = None, **headers: str
    ):
        lines = [("sec-fetch-dest", "image"), ("sec-fetch-site", "same-origin")]
        lines += [(name.replace("_", "-"), value) for name, value in headers.items()]
        lines += [("cookie", cookie) for cookie in cookies]
        return self.add("GET", f"https://{host}{path}", headers=lines, at=at)

    def pixel(
        self,
        event: str = "PageView",
        path: str = "/",
        *,
        more: Mapping[str, str] | None = None,
        pixel: str = PIXEL,
        method: str = "GET",
        cookies: Sequence[str] = FACEBOOK_COOKIES,
        status: int | None = 200,
        at: float | None = None,
        headers: Iterable[tuple[str, str]] = (),
        host: str = "www.facebook.com",
        counter: int | None = None,
    ) -> http.HTTPFlow:
        """Add an event of the pixel on the page at `path`, which is a whole address or one of the site."""
        moment = self.clock + 0.25 if at is None else at
        page = path if "://" in path else f"https://{SITE}{path}"
        parameters = {
            "id": pixel,
            "ev": event,
            "dl": page,
            "rl": "",
            "if": "false",
            "ts": str(round((moment - 0.02) * 1000)),
            "v": "2.9.383",
            "r": "stable",
            "ec": str(self._counter if counter is None else counter),
            "fbp": FBP,
            "it": str(round(START * 1000)),
            **(more or {}),
            "rqm": "GET" if method == "GET" else "formPOST",
        }
        self._counter += 1
        lines = [("referer", f"https://{SITE}/"), *headers, *(("cookie", cookie) for cookie in cookies)]
        address = f"https://{host}/tr/"
        if method == "GET":
            address += "?" + urlencode(parameters, quote_via=quote)
            return self.add("GET", address, headers=lines, status=status, at=moment)
        lines.append(("content-type", "application/x-www-form-urlencoded"))
        return self.add(method, address, headers=lines, body=urlencode(parameters).encode(), status=status, at=moment)

    def save(self, path: Path) -> Path:
        with path.open("wb") as file:
            writer = FlowWriter(file)
            for flow in self.flows:
                writer.add(flow)
        return path

    def save_har(self, path: Path) -> Path:
        flows = [flow for flow in self.flows if isinstance(flow, http.HTTPFlow)]
        path.write_text(json.dumps(build_har(flows, "invented")), encoding="utf-8")
        return path


@pytest.fixture
def visit() -> Visit:
    """Return a visit without any request yet."""
    return Visit()


@pytest.fixture(scope="session")
def new_visit() -> type[Visit]:
    """Return the class, for tests that need several visits."""
    return Visit


@pytest.fixture
def clinic(visit: Visit) -> Visit:
    """Return a visit that leaves health content: two pages, a click, a search, a choice."""
    visit.page("/zorbitis/", title="Living with zorbitis", asks=True)
    visit.pixel("PageView", "/zorbitis/", more={"pmd[title]": "Living with zorbitis"})
    visit.wait(3)
    visit.pixel(
        "SubscribedButtonClick",
        "/zorbitis/",
        more={"cd[buttonText]": "Book a zorbitis test", "cd[buttonFeatures]": '{"innerText":"Book a zorbitis test"}'},
        method="POST",
    )
    visit.wait(5)
    visit.page("/search/?q=zorbitis+help", title="Search", asks=True)
    visit.pixel("PageView", "/search/?q=zorbitis+help")
    visit.pixel("Search", "/search/?q=zorbitis+help", more={"cd[search_string]": "zorbitis help"})
    visit.wait(5)
    visit.page("/about/", title="About us", cookies=("cookie_consent=accepted",))
    visit.pixel("PageView", "/about/")
    return visit


@pytest.fixture(scope="session")
def judge() -> Matcher:
    """Return a matcher that knows one invented illness, so that no test depends on the built-in packs."""
    common = {
        "version": 1,
        "reason": "The text names an illness that nobody has.",
        "legal_basis": "GDPR Art. 9(1)",
        "examples": NO_EXAMPLES,
    }
    topic = {
        "kind": "topic",
        "category": "zorbitis",
        "tier": "special_risk",
        "title": "Zorbitis",
        "terms": ("zorbitis",),
    }
    action = {
        "kind": "action",
        "category": "appointment",
        "title": "Booking",
        "care_action": True,
        "terms": ("book a",),
    }
    return Matcher(
        make_ruleset(
            Rule.model_validate({"id": f"en/{body['category']}/{body['category']}", **common, **body})
            for body in (topic, action)
        )
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Return an empty database."""
    with Store(tmp_path / "sessions.db") as opened:
        yield opened


@pytest.fixture(scope="session")
def captured() -> Callable[..., CapturedRequest]:
    """Make a captured request from what differs from an ordinary one."""

    def make(url: str = f"https://{SITE}/", **attributes: Any) -> CapturedRequest:
        given: dict[str, Any] = {
            "source_kind": "mitm",
            "position": 0,
            "method": "GET",
            "url": url,
            "http_version": "HTTP/2.0",
            "headers": (),
            "started_at": START,
        }
        return CapturedRequest(**{**given, **attributes})

    return make


@pytest.fixture(scope="session")
def make_event() -> Callable[..., Any]:
    """Make an event from its name, time and page, and whatever else differs from an ordinary one."""
    from addon.model import Event, Hit, Param

    def make(name: str = "PageView", at: float = START, page: str | None = f"https://{SITE}/", **more: Any) -> Event:
        parameters = tuple(
            Param(name=key, value=value, raw=value, context="query")
            for key, value in more.pop("parameters", {}).items()
        )
        pixel = more.pop("pixel_id", PIXEL)
        counter, init_time = more.pop("counter", None), more.pop("init_time", "1")
        client_time = more.pop("client_time", at)
        frame = more.pop("frame", "top")
        common: dict[str, Any] = {
            "pixel_id": pixel,
            "event_name": name,
            "page_url": page,
            "page_url_from": "dl" if page else "none",
            "referrer_url": None,
            "frame": frame,
            "client_time": client_time,
            "kind": "standard",
            "trigger": "site_code",
            "recipient_host": "www.facebook.com",
        }
        hit = Hit(
            request_key=hashlib.sha256(f"{name} {at} {pixel} {page}".encode()).hexdigest(),
            index=0,
            transport="image",
            counter=counter,
            init_time=init_time,
            dedupe_id=None,
            derived_by_rule=None,
            parameters=parameters,
            identifiers=(),
            **common,
        )
        own: dict[str, Any] = {
            "id": "e" + hit.request_key[:11],
            "hits": (hit,),
            "site": SITE.removeprefix("www."),
            "occurred_at": at,
            "client_ip": None,
            "delivery": "answered",
            "linkability": "address_only",
            "linkability_complete": True,
            "page_class": "unknown",
        }
        return Event.model_validate({**common, **own, **more})

    return make
