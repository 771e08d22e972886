"""The content view, marks and commands, in mitmweb through its own interface."""

import json
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import pytest
from mitmproxy import http
from mitmproxy.contentviews import Metadata
from mitmproxy.io import FlowReader
from mitmproxy.test import tflow

from addon.contentview import PRIORITY, PixelContentview
from addon.store.store import Store
from rules.engine import Matcher
from rules.loader import load_rules

PIXEL = (
    "/tr/?id=900000000000077&ev=PageView&dl=https%3A%2F%2Fwww.clinic.example%2Fhiv-clinic%2F"
    "&if=false&ts=1795314223676&v=2.9.383&ec=0&it=1&ud[em]="
    "973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b"
)


class Rules:
    matcher = Matcher(load_rules())
    other = None


@pytest.fixture(scope="module")
def view():
    return PixelContentview(Rules())


def flow_of(url, method="GET", body=b"", headers=()):
    flow = tflow.tflow()
    flow.request = http.Request.make(method, url, body, http.Headers([(n.encode(), v.encode()) for n, v in headers]))
    flow.request.timestamp_start = 1_795_314_223.7
    return flow


def meta(flow, message=None):
    return Metadata(flow=flow, http_message=message or flow.request)


def test_a_pixel_request_with_an_empty_body_is_shown_in_words(view):
    flow = flow_of("https://www.facebook.com" + PIXEL, headers=[("cookie", "c_user=100000000000042; xs=1%3Asecret")])
    assert view.render_priority(b"", meta(flow)) == PRIORITY
    text = view.prettify(b"", meta(flow))
    assert text.startswith("PageView: ")
    assert "hiv_sexual_health" in text
    assert "“hiv-clinic” in the page path, parameter dl" in text
    assert "973dfe46…(64 digits)" in text
    assert "What ties it to a person: account" in text
    for hidden in ("973dfe463ec85785", "100000000000042", "secret"):
        assert hidden not in text


def test_what_was_filtered_and_what_still_left_is_said(view):
    flow = flow_of(
        "https://www.facebook.com/tr/?id=1&ev=PageView&ts=1795314223676&up=%5B%22dob%22%5D"
        "&dl=https%3A%2F%2Fwww.clinic.example%2Fhiv-clinic%2F%3Fname%3D_removed_"
    )
    text = view.prettify(b"", meta(flow))
    assert "What Meta's client filtered" in text
    assert "“dob”" in text
    assert "Still left: the page's address with its path" in text


def test_hostile_values_stay_on_their_line(view):
    flow = flow_of("https://www.facebook.com/tr/?id=1&ev=%1b%5B2J%0aHELD&dl=https%3A%2F%2Fa.example%2F%0d%0aScore")
    text = view.prettify(b"", meta(flow))
    assert "\x1b" not in text
    assert not [line for line in text.splitlines() if line.startswith(("HELD", "Score"))]


def test_a_body_of_several_events_shows_each(view):
    body = (
        b"batch=1&events[0]=id%3D1%26ev%3DPageView%26ts%3D1795314223676"
        b"&events[1]=id%3D1%26ev%3DLead%26ts%3D1795314223677"
    )
    flow = flow_of("https://www.facebook.com/tr/", "POST", body)
    text = view.prettify(body, meta(flow))
    assert "event 1 of 2" in text
    assert "\nLead: " in text


@pytest.mark.parametrize(
    "url",
    [
        "https://www.clinic.example/",
        "https://connect.facebook.net/en_US/fbevents.js",
        "https://notfacebook.example/tr/",
    ],
)
def test_nothing_else_is_claimed(view, url):
    flow = flow_of(url)
    assert view.render_priority(b"", meta(flow)) < 0
    assert view.render_priority(b"", meta(flow_of("https://www.facebook.com" + PIXEL), http.Response.make())) < 0
    assert view.render_priority(b"", Metadata()) < 0


class Web:
    """mitmweb's own interface, as its pages use it."""

    def __init__(self, port):
        self.base = f"http://127.0.0.1:{port}"
        self.headers = {"Authorization": "Bearer invented"}

    def get(self, path):
        return self._ask(urllib.request.Request(self.base + path, headers=self.headers))

    def post(self, path, data):
        headers = {
            **self.headers, "Content-Type": "application/json", "Cookie": "_mitmproxy_xsrf=a", "X-XSRFToken": "a",
        }  # fmt: skip
        return self._ask(urllib.request.Request(self.base + path, data=json.dumps(data).encode(), headers=headers))

    def command(self, name, *arguments):
        return self.post(f"/commands/pixelwitness.{name}", {"arguments": list(arguments)})

    def flows(self):
        try:
            return self.get("/flows")
        except urllib.error.URLError:
            return []

    @staticmethod
    def _ask(request):
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text else None


def web_proxy(proxy, free_port, *options):
    port = free_port()
    running = proxy(
        "--web-port", str(port), "--no-web-open-browser", "--set", "web_password=invented", *options, program="mitmweb"
    )
    running.wait_until_open()
    return running, Web(port)


def test_in_mitmweb_flows_are_marked_and_shown_in_words_and_the_recording_is_as_received(proxy, free_port):
    running, web = web_proxy(proxy, free_port, "--set", "pixelwitness_alert=60")
    assert running.get("www.facebook.com", PIXEL) == 200
    assert running.get("www.clinic.example", "/style.css") == 200
    running.until(lambda: [flow for flow in web.flows() if flow["marked"]])
    pixel, other = web.flows()
    assert pixel["marked"] in {"🚨", "🔴"}
    assert "hiv_sexual_health" in pixel["comment"]
    assert (other["marked"], other["comment"]) == ("", "")
    shown = web.get(f"/flows/{pixel['id']}/request/content/auto.json")
    assert shown["view_name"] == "Meta Pixel"
    assert "“hiv-clinic” in the page path, parameter dl" in shown["text"]
    for search in ("~marked", "~comment hiv_sexual_health", '~meta "pixelwitness_band: (high|critical)"'):
        dump = urllib.request.Request(f"{web.base}/flows/dump?filter={urllib.parse.quote(search)}", headers=web.headers)
        with urllib.request.urlopen(dump, timeout=60) as answer:
            found = list(FlowReader(answer).stream())
        assert [flow.request.pretty_host for flow in found] == ["www.facebook.com"], search

    assert web.command("consent", "refused", "clinic.example")["value"] is None
    assert web.command("mark", "note", "everywhere", "the banner covers the page") is not None
    assert web.command("note", "@all", "looked at") is not None
    (line,) = web.command("leaks", "60")["value"]
    assert "PageView" in line
    assert web.command("mark", "nonsense")["error"]
    target = running.db.with_name("written.html")
    web.command("report", str(target))
    running.until(target.exists)
    running.until(lambda: f"has written {target}" in running.output())
    web.command("session", "second")
    running.until(lambda: "records into session second" in running.output())
    assert running.close() == 0
    with Store(running.db, create=False) as store:
        marks = store.marks("visit")
        assert {mark.kind for mark in marks} == {"refused", "note"}
        assert {mark.site for mark in marks if mark.kind == "refused"} == {"clinic.example"}
        assert {row.id for row in store.sessions()} == {"visit", "second"}
    assert "ALERT" in running.output()
    with running.recording.open("rb") as file:
        for flow in FlowReader(file).stream():
            assert (flow.marked, flow.comment, flow.metadata) == ("", "", {})


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no Chromium here")
def test_in_a_real_browser_mitmweb_shows_the_words(proxy, free_port, tmp_path):
    running, web = web_proxy(proxy, free_port)
    assert running.get("www.facebook.com", PIXEL) == 200
    (flow,) = running.until(lambda: [flow for flow in web.flows() if flow["marked"]])
    page = subprocess.run(
        [
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
            "--virtual-time-budget=20000", "--dump-dom", f"{web.base}/?token=invented#/flows/{flow['id']}/request",
        ],
        capture_output=True, text=True, timeout=180, check=False,
    ).stdout  # fmt: skip
    assert "hiv_sexual_health" in page
    assert "What ties it to a person" in page
