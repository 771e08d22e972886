"""`pixelwitness live` with a real Chromium, the real proxy, and a page that speaks as Meta's client does."""

import os
import signal
import stat
from collections import Counter
from pathlib import Path

import pytest

from addon.store.store import Store
from cli.report import build_report

SITE = "www.example-clinic.example"
META = "www.facebook.com"

# Written for this test after the wire format, with an invented pixel; it is not Meta's client.
PIXEL_SCRIPT = """
const began = Date.now();
let count = 0;
function parameters(name, custom) {
  const all = new URLSearchParams({
    id: "900000000000077", ev: name, dl: location.href, rl: document.referrer, if: "false", ts: String(Date.now()),
    sw: String(screen.width), sh: String(screen.height), v: "2.9.383", r: "stable", ec: String(count++), o: "4126",
    fbp: "fb.1.1789999999000.4440001", it: String(began), coo: "false"});
  for (const [key, value] of Object.entries(custom)) all.set(key, value);
  return all;
}
const recipient = "https://www.facebook.com/tr/";
const asImage = (name, custom) => new Promise(done => {
  const image = new Image();
  image.onload = image.onerror = done;
  image.src = recipient + "?" + parameters(name, {...custom, rqm: "GET"});
});
const asForm = (name, custom) => new Promise(done => {
  const frame = document.createElement("iframe");
  frame.name = "frame" + count;
  frame.hidden = true;
  document.body.append(frame);
  const form = document.createElement("form");
  form.method = "post"; form.action = recipient; form.target = frame.name; form.hidden = true;
  for (const [key, value] of parameters(name, {...custom, rqm: "formPOST"})) {
    const input = document.createElement("input");
    input.name = key; input.value = value;
    form.append(input);
  }
  document.body.append(form);
  frame.onload = done;
  form.submit();
});
const asBeacon = (name, custom) => {
  const data = new FormData();
  for (const [key, value] of parameters(name, {...custom, rqm: "SB"})) data.append(key, value);
  navigator.sendBeacon(recipient, data);
};
const asFetch = (name, custom) =>
  fetch(recipient + "?" + parameters(name, {...custom, rqm: "fetch"}), {keepalive: true, mode: "no-cors",
    credentials: "include"}).catch(() => {});
"""

PAGE = r"""<!doctype html><title>HIV clinic</title>
<div class="cookie-banner">We use cookies. <button id="accept">Accept all</button></div>
<button id="book">Book an HIV test</button>
<script src="/pixel.js"></script>
<script>
async function withoutProxy() {
  const connection = new RTCPeerConnection({iceServers: [{urls: "stun:127.0.0.1:UDP_PORT"}]});
  connection.createDataChannel("x");
  await connection.setLocalDescription(await connection.createOffer());
  await new Promise(done => {
    connection.onicegatheringstatechange = () => connection.iceGatheringState === "complete" && done();
    setTimeout(done, 5000);
  });
}
async function worker() {
  await navigator.serviceWorker.register("/worker.js");
  await navigator.serviceWorker.ready;
}
window.onload = async () => {
  document.getElementById("book").onclick = event =>
    asForm("SubscribedButtonClick", {"cd[buttonText]": event.target.innerText});
  await asImage("PageView", {"pmd[title]": document.title});
  await asFetch("Search", {"cd[search_string]": "hiv test near me"});
  await document.getElementById("book").onclick({target: document.getElementById("book")});
  await worker();
  await withoutProxy();
  const seen = {webdriver: navigator.webdriver, agent: navigator.userAgent, brands: JSON.stringify(
    navigator.userAgentData && navigator.userAgentData.brands), chrome: typeof window.chrome,
    automation: Object.getOwnPropertyNames(document).concat(Object.getOwnPropertyNames(window))
      .filter(name => /^\$?cdc_|driver|selenium|puppeteer|playwright/i.test(name)).join()};
  await fetch("/seen?" + new URLSearchParams(seen));
  addEventListener("pagehide", () => asBeacon("Lead", {"cd[content_name]": "PrEP appointment"}));
  location.href = "/thanks/";
};
</script>"""

WORKER = """
addEventListener("install", event => event.waitUntil(skipWaiting()));
addEventListener("activate", event => event.waitUntil(clients.claim().then(() => fetch("/from-worker"))));
"""

THANKS = "<!doctype html><title>Thank you</title><script>onload = () => fetch('/done')</script>"


@pytest.fixture
def site(origin):
    origin.pages = {
        "/hiv-clinic/": ("text/html", PAGE.replace("UDP_PORT", str(origin.udp.getsockname()[1]))),
        "/pixel.js": ("text/javascript", PIXEL_SCRIPT),
        "/worker.js": ("text/javascript", WORKER),
        "/thanks/": ("text/html", THANKS),
    }
    return origin


def test_one_command_records_each_event_once_and_leaves_nothing_behind(live, site, chromium, tmp_path: Path) -> None:
    visit = live(f"https://{SITE}/hiv-clinic/", "--session", "visit", *chromium)
    site.wait_for(lambda request: request.path == "/done", visit.check)
    running = visit.children()
    assert {"cli.guard", "mitmdump", "user-data-dir"} <= set(running)
    (folder,) = visit.temporary.glob("pixelwitness-*")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert visit.end() == 0, visit.err

    # what is printed, and what is left
    assert visit.out == [str(tmp_path / "visit.html"), "visit"]
    assert (tmp_path / "visit.html").read_text().startswith("<!doctype html>")
    assert "4 events" in visit.err
    assert "incomplete" not in visit.err
    for name in ("visits.db", "visit.mitm", "visit.html"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600, name
    assert visit.left() == []
    assert list(visit.temporary.iterdir()) == []

    # each event once, from every transport, with the account's cookie on all but the first
    with Store(tmp_path / "visits.db") as store:
        report = build_report(store, store.session("visit"), reveal=True)
    assert Counter(event.event_name for event in report.events) == {
        "PageView": 1, "Search": 1, "SubscribedButtonClick": 1, "Lead": 1,
    }  # fmt: skip
    by_name = {event.event_name: event for event in report.events}
    assert by_name["SubscribedButtonClick"].requests[0].transport == "form_post"
    assert by_name["Lead"].requests[0].transport == "beacon"
    assert by_name["PageView"].linkability == "browser_id"
    assert {by_name[name].linkability for name in ("Search", "SubscribedButtonClick", "Lead")} == {"account"}
    assert all("hiv_sexual_health" in event.topics for event in report.events)
    assert report.session.complete
    assert [page.title for page in report.pages] == ["HIV clinic", "Thank you"]
    assert "throw-away profile" in report.marks[0].text

    # nothing but the page speaks, and the page cannot tell
    assert {request.host for request in site.requests} == {SITE, META}
    assert report.coverage.requests_seen == len(site.requests)
    assert "/from-worker" in {request.path for request in site.requests}
    assert site.datagrams() == 0
    (seen,) = (request.query for request in site.requests if request.path.startswith("/seen"))
    assert seen["webdriver"] == "false"
    assert "automation" not in seen
    assert "Headless" not in seen["agent"] + seen["brands"]


@pytest.fixture
def browsing(live, origin, chromium):
    """Start a session with a page that is loaded."""
    origin.pages = {"/": ("text/html", "<!doctype html><title>Home</title><script>fetch('/done')</script>")}

    def start(*arguments: str):
        origin.requests.clear()
        visit = live(SITE, "--session", "visit", *chromium, *arguments)
        origin.wait_for(lambda request: request.path == "/done", visit.check)
        return visit

    return start


def test_closing_the_browser_ends_it(browsing, tmp_path: Path) -> None:
    visit = browsing("--format", "json", "-o", str(tmp_path / "mine.json"), "--no-record")
    os.kill(visit.children()["user-data-dir"], signal.SIGTERM)
    assert visit.wait() == 0, visit.err
    assert visit.out == [str(tmp_path / "mine.json"), "visit"]
    assert list(tmp_path.glob("*.mitm")) == []
    assert visit.left() == []
    assert list(visit.temporary.iterdir()) == []


def test_a_kill_leaves_nothing_running_and_a_whole_session(browsing, tmp_path: Path) -> None:
    visit = browsing()
    assert visit.end(signal.SIGKILL) == -signal.SIGKILL
    visit.wait_until_nothing_is_left()
    with Store(tmp_path / "visits.db") as store:
        assert store.session("visit").complete
        assert all(source.complete for source in store.sources("visit"))
        assert [page.title for page in store.pages("visit")] == ["Home"]


def test_a_browser_that_cannot_start_says_why(live, chromium, tmp_path: Path) -> None:
    visit = live("--session", "visit", chromium[0], chromium[1], "--browser-option=--ozone-platform=nonsense")
    assert visit.wait() == 2
    assert "no window can be opened" in visit.err or "ended with" in visit.err
    assert visit.out == []
    assert visit.left() == []
