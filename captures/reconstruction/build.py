"""Build `observer-2023.mitm` and `PROVENANCE.md` from `findings.toml`.

Run as `python -m captures.reconstruction.build`. Nothing here asks a clock or a random source, so that every
build is the same to the byte; a test compares the committed files with a fresh build.

The shapes are those of Meta's client of spring 2023 (2.9.104): `PageView` carries the page's address and no
title, an automatic `SubscribedButtonClick` carries button, form and page features, everything leaves as one
image request, and there is no Privacy Sandbox copy yet.
"""

import io
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from mitmproxy import connection, http
from mitmproxy.io import FlowWriter
from pydantic import BaseModel, ConfigDict, Field

from captures import RECONSTRUCTION

HERE = Path(__file__).parent
FINDINGS = HERE / "findings.toml"
PROVENANCE = HERE / "PROVENANCE.md"

PROVENANCE_KEY = "pixelwitness_provenance"
FINDING_KEY = "pixelwitness_finding"
HOST_SUFFIX = "-reconstruction.example"
RESTATES = "reconstruction of a published finding"
NAMED_ONLY = "named in the reporting; no particulars published"
HOME_TITLE = "Home page (reconstruction)"

CLIENT_BUILD = "2.9.104"
START_MS = 1684231200000  # 16 May 2023, 10:00:00 UTC
SITE_MS = 600_000
PAGE_MS = 60_000
CLICK_MS = 5_000

VISITOR = "192.168.77.10"
META_ADDRESS = "203.0.113.200"
FACEBOOK_COOKIES = (
    "c_user=100000000000042",
    "datr=inventedDatrValue0000001",
    "fr=0inventedFrValue.AWinvented.BkInvented..AAA.0.0.BkInvented",
    "sb=inventedSbValue000000001",
    "xs=1%3AinventedXsNotASecret%3A2%3A1684000000%3A-1%3A-1",
)
USER_AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/113.0.0.0 Safari/537.36"
)
BRANDS = '"Google Chrome";v="113", "Chromium";v="113", "Not-A.Brand";v="24"'
DOCUMENT_ACCEPT = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,"
    "application/signed-exchange;v=b3;q=0.7"
)
PIXEL_GIF = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00"
    b",\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x01D\x00;"
)

Headers = list[tuple[str, str]]
FindingId = Annotated[str, Field(pattern=r"^R\d\d$")]


class Table(BaseModel):
    """A table of the data file: fixed names, fixed values."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Expected(Table):
    """What a reader of the event has to conclude: acceptable bands, one category of each kind."""

    bands: tuple[Literal["none", "low", "medium", "high", "critical"], ...]
    topics: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    linkability: str | None = None
    note: str | None = None


class Finding(Table):
    """One event: what was published, what had to be invented to restate it, what has to be concluded."""

    id: FindingId
    published: str
    invented: str
    expected: Expected


class Click(Finding):
    """A published click: a link where it leads somewhere, else a button."""

    text: str
    leads_to: str | None = None


class Page(Table):
    """A page. Its view is an event only where the view was published; without a title it is the home page."""

    path: str
    title: str | None = None
    view: Finding | None = None
    click: tuple[Click, ...] = ()


class Site(Table):
    """One trust's reconstructed site."""

    name: str
    host: str
    pixel: Annotated[str, Field(pattern=r"^9000000000000\d\d$")]
    logged_in: bool = False
    page: tuple[Page, ...]

    @property
    def hostname(self) -> str:
        """Return the host name, which says what the site is."""
        return f"www.{self.host}{HOST_SUFFIX}"

    def title(self, page: Page) -> str:
        """Return the title that `page` carries: the published words and the trust, or nothing at all."""
        return HOME_TITLE if page.title is None else f"{page.title} | {self.name} (reconstruction)"


class NamedOnly(Table):
    """A trust that the reporting named without saying what was sent."""

    id: FindingId
    name: str
    host: str
    pixel: str

    def site(self) -> Site:
        """Return its site: one home page, one view."""
        view = Finding(
            id=self.id,
            published=NAMED_ONLY,
            invented="that the view was one of the home page",
            expected=Expected(bands=("none",)),
        )
        return Site(name=self.name, host=self.host, pixel=self.pixel, page=(Page(path="/", view=view),))


class Findings(Table):
    """The whole data file."""

    trust: tuple[Site, ...]
    named_only: tuple[NamedOnly, ...]

    def sites(self) -> tuple[Site, ...]:
        """Return every site, those with published particulars first."""
        return (*self.trust, *(entry.site() for entry in self.named_only))


def load(path: Path = FINDINGS) -> Findings:
    """Read and check the data file."""
    return Findings.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))


def events(site: Site) -> Iterator[tuple[Page, Finding]]:
    """Yield every event of `site` with the page it stands on, in the order of the traffic."""
    for page in site.page:
        if page.view:
            yield page, page.view
        for click in page.click:
            yield page, click


def comment(finding_id: str, findings: Findings) -> str:
    """Return what a flow says of itself in mitmproxy's own comment column."""
    if any(entry.id == finding_id for entry in findings.named_only):
        return f"reconstruction: {NAMED_ONLY} ({finding_id})"
    return f"{RESTATES} ({finding_id})"


# --- one page, as HTML -----------------------------------------------------------------------------------


def document(site: Site, page: Page) -> str:
    """Return the page's HTML: title, the pixel's start, the published buttons, and an unanswered banner."""
    title = escape(site.title(page))
    heading = escape(page.title or HOME_TITLE)
    starts = [f"fbq('init', '{site.pixel}');"]
    if page.view:
        starts.append("fbq('track', 'PageView');")
    controls = "\n".join(
        f'<p><a id="{click.id}" href="{escape(click.leads_to)}">{escape(click.text)}</a></p>'
        if click.leads_to
        else f'<p><button id="{click.id}" type="button">{escape(click.text)}</button></p>'
        for click in page.click
    )
    return f"""<!doctype html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<title>{title}</title>
<script async src="https://connect.facebook.net/en_US/fbevents.js"></script>
<script>{" ".join(starts)}</script>
</head>
<body>
<div id="cookie-banner" role="dialog" aria-label="Cookies on this site">
<h2>Cookies on this website</h2>
<p>We would like to use cookies for analytics and marketing.</p>
<button id="cb-accept" type="button">Accept all cookies</button>
<button id="cb-decline" type="button">Decline optional cookies</button>
</div>
<main>
<h1>{heading}</h1>
<p>This page is part of a reconstruction. It is not a page of the trust it is named after.</p>
{controls}
</main>
</body>
</html>
"""


# --- one request, as the client of 2023 wrote it ---------------------------------------------------------


def encode(value: str) -> str:
    """Percent-encode `value` as the client's `encodeURIComponent` does."""
    return quote(value, safe="!'()*-._~")


def pixel_path(parameters: list[tuple[str, str]]) -> str:
    """Return path and query of an image request: brackets of the names stay raw, a space is `%20`."""
    path = "/tr/?" + "&".join(f"{name}={encode(value)}" for name, value in parameters)
    if len(f"https://www.facebook.com{path}") >= 2048:
        raise ValueError(f"an image request cannot carry {len(path)} characters")
    return path


def compact(value: object) -> str:
    """Return `value` as the client writes JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def click_features(site: Site, page: Page, click: Click) -> list[tuple[str, str]]:
    """Return what the client collects by itself at a click; it masks numbers in one of the two texts only."""
    link = click.leads_to is not None
    button: dict[str, object] = {
        "classList": "",
        "destination": f"https://{site.hostname}{click.leads_to}" if link else "",
        "id": click.id,
        "imageUrl": "",
        "innerText": click.text,
        "numChildButtons": 0,
        "tag": "a" if link else "button",
        "type": None if link else "button",
        "name": "",
    }
    if not link:
        button["value"] = ""
    return [
        ("cd[buttonFeatures]", compact(button)),
        ("cd[buttonText]", re.sub(r"\d+", "0", click.text)),
        ("cd[formFeatures]", "[]"),
        ("cd[pageFeatures]", compact({"title": site.title(page)})),
    ]


def event_parameters(
    site: Site, page: Page, event: Finding, *, at_ms: int, init_ms: int, counter: int, fbp: str
) -> list[tuple[str, str]]:
    """Return the parameters of one event in the client's order."""
    click = event if isinstance(event, Click) else None
    return [
        ("id", site.pixel),
        ("ev", "SubscribedButtonClick" if click else "PageView"),
        ("dl", f"https://{site.hostname}{page.path}"),
        ("rl", ""),
        ("if", "false"),
        ("ts", str(at_ms)),
        *(click_features(site, page, click) if click else []),
        ("sw", "1536"),
        ("sh", "864"),
        ("v", CLIENT_BUILD),
        ("r", "stable"),
        ("ec", str(counter)),
        ("o", "30"),
        ("fbp", fbp),
        ("it", str(init_ms)),
        ("coo", "false"),
        *([("es", "automatic"), ("tm", "3")] if click else []),
        ("rqm", "GET"),
    ]


def document_headers(cookie: str | None) -> Headers:
    """Return the browser's header lines of a page that the visitor opened."""
    lines = [
        ("sec-ch-ua", BRANDS),
        ("sec-ch-ua-mobile", "?0"),
        ("sec-ch-ua-platform", '"Windows"'),
        ("upgrade-insecure-requests", "1"),
        ("user-agent", USER_AGENT),
        (
            "accept",
            DOCUMENT_ACCEPT,
        ),
        ("sec-fetch-site", "none"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-user", "?1"),
        ("sec-fetch-dest", "document"),
        ("accept-encoding", "gzip, deflate, br"),
        ("accept-language", "en-GB,en;q=0.9"),
    ]
    return lines if cookie is None else [*lines, ("cookie", cookie)]


def resource_headers(site: Site, kind: Literal["script", "image"]) -> Headers:
    """Return the browser's header lines of a resource that a page of `site` loads from Meta."""
    accept = {
        "script": "*/*",
        "image": "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",
    }
    return [
        ("sec-ch-ua", BRANDS),
        ("sec-ch-ua-mobile", "?0"),
        ("user-agent", USER_AGENT),
        ("sec-ch-ua-platform", '"Windows"'),
        ("accept", accept[kind]),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "no-cors"),
        ("sec-fetch-dest", kind),
        ("referer", f"https://{site.hostname}/"),
        ("accept-encoding", "gzip, deflate, br"),
        ("accept-language", "en-GB,en;q=0.9"),
    ]


def encoded(headers: Headers) -> tuple[tuple[bytes, bytes], ...]:
    """Return header lines as mitmproxy keeps them."""
    return tuple((name.encode(), value.encode()) for name, value in headers)


def seconds(milliseconds: int) -> float:
    """Return a time in seconds; one division, so the same on every machine."""
    return milliseconds / 1000


# --- one site, as flows ----------------------------------------------------------------------------------


class Recorder:
    """Writes the flows of one site, with a connection per host and a running number for the flow ids."""

    def __init__(self, site: Site, index: int, findings: Findings) -> None:
        self.site = site
        self.index = index
        self.findings = findings
        self.flows: list[http.HTTPFlow] = []
        self._connections: dict[str, tuple[connection.Client, connection.Server]] = {}

    def _identifier(self, what: str) -> str:
        return str(uuid5(NAMESPACE_URL, f"https://{self.site.hostname}/#{what}"))

    def _connection(self, host: str, at_ms: int) -> tuple[connection.Client, connection.Server]:
        """Return the connection to `host`, opened just before its first request."""
        if host not in self._connections:
            port = 50_000 + 10 * self.index + len(self._connections)
            address = META_ADDRESS if host != self.site.hostname else f"203.0.113.{10 + self.index}"
            client = connection.Client(
                peername=(VISITOR, port),
                sockname=("192.168.77.1", 8080),
                id=self._identifier(f"client {host}"),
                tls=True,
                alpn=b"h2",
                alpn_offers=[b"h2", b"http/1.1"],
                cipher="TLS_AES_128_GCM_SHA256",
                tls_version="TLSv1.3",
                sni=host,
                timestamp_start=seconds(at_ms - 40),
                timestamp_tls_setup=seconds(at_ms - 5),
            )
            server = connection.Server(
                address=(host, 443),
                peername=(address, 443),
                sockname=("192.168.77.1", port + 10_000),
                id=self._identifier(f"server {host}"),
                tls=True,
                alpn=b"h2",
                alpn_offers=[b"h2", b"http/1.1"],
                cipher="TLS_AES_128_GCM_SHA256",
                tls_version="TLSv1.3",
                sni=host,
                timestamp_start=seconds(at_ms - 35),
                timestamp_tcp_setup=seconds(at_ms - 25),
                timestamp_tls_setup=seconds(at_ms - 10),
            )
            self._connections[host] = (client, server)
        return self._connections[host]

    def get(
        self,
        host: str,
        path: str,
        headers: Headers,
        *,
        at_ms: int,
        finding: str,
        content_type: str,
        content: bytes = b"",
    ) -> None:
        """Add one answered GET request."""
        client, server = self._connection(host, at_ms)
        flow = http.HTTPFlow(client, server)
        flow.id = self._identifier(f"flow {len(self.flows)}")
        flow.timestamp_created = seconds(at_ms)
        flow.comment = comment(finding, self.findings)
        flow.metadata = {PROVENANCE_KEY: "reconstruction", FINDING_KEY: finding}
        flow.request = http.Request(
            host=host,
            port=443,
            method=b"GET",
            scheme=b"https",
            authority=host.encode(),
            path=path.encode(),
            http_version=b"HTTP/2.0",
            headers=encoded(headers),
            content=b"",
            trailers=None,
            timestamp_start=seconds(at_ms),
            timestamp_end=seconds(at_ms + 1),
        )
        answered = datetime.fromtimestamp(seconds(at_ms + 20), UTC)
        flow.response = http.Response(
            http_version=b"HTTP/2.0",
            status_code=200,
            reason=b"",
            headers=encoded(
                [
                    ("content-type", content_type),
                    ("content-length", str(len(content))),
                    ("date", format_datetime(answered, usegmt=True)),
                ]
            ),
            content=content,
            trailers=None,
            timestamp_start=seconds(at_ms + 20),
            timestamp_end=seconds(at_ms + 22),
        )
        self.flows.append(flow)


def record(site: Site, index: int, findings: Findings) -> list[http.HTTPFlow]:
    """Return the flows of one visit to `site`, page by page; nobody ever answers the cookie banner."""
    recorder = Recorder(site, index, findings)
    fbp: str | None = None
    for number, page in enumerate(site.page):
        opened = START_MS + SITE_MS * index + PAGE_MS * number
        standing = [page.view, *page.click] if page.view else list(page.click)
        first = standing[0].id
        recorder.get(
            site.hostname,
            page.path,
            document_headers(None if fbp is None else f"_fbp={fbp}"),
            at_ms=opened,
            finding=first,
            content_type="text/html; charset=utf-8",
            content=document(site, page).encode(),
        )
        if fbp is None:  # later pages find both scripts in the browser's cache
            fbp = f"fb.1.{opened + 700}.{900_000_001 + index}"
            for path, delay in (
                ("/en_US/fbevents.js", 250),
                (f"/signals/config/{site.pixel}?v={CLIENT_BUILD}&r=stable", 500),
            ):
                recorder.get(
                    "connect.facebook.net",
                    path,
                    resource_headers(site, "script"),
                    at_ms=opened + delay,
                    finding=first,
                    content_type="application/x-javascript; charset=utf-8",
                )
        cookies = [("cookie", cookie) for cookie in FACEBOOK_COOKIES] if site.logged_in else []
        sent = opened + 720
        for counter, event in enumerate(standing):
            if isinstance(event, Click):
                sent += CLICK_MS
            parameters = event_parameters(site, page, event, at_ms=sent, init_ms=opened + 600, counter=counter, fbp=fbp)
            recorder.get(
                "www.facebook.com",
                pixel_path(parameters),
                resource_headers(site, "image") + cookies,
                at_ms=sent + 8,
                finding=event.id,
                content_type="image/gif",
                content=PIXEL_GIF,
            )
    return recorder.flows


def build_capture(findings: Findings) -> bytes:
    """Return the bytes of the capture file."""
    out = io.BytesIO()
    writer = FlowWriter(out)  # type: ignore[no-untyped-call]
    for index, site in enumerate(findings.sites()):
        for flow in record(site, index, findings):
            writer.add(flow)
    return out.getvalue()


# --- the provenance file ---------------------------------------------------------------------------------

PROVENANCE_HEAD = """\
# Provenance of `observer-2023.mitm`

> **A reconstruction of published findings. Nobody recorded this traffic.** Every site in it has a host name
> that ends in `-reconstruction.example` (`.example` is reserved: no such name can be registered), every flow
> carries `pixelwitness_provenance = reconstruction` in its metadata, and its comment says what it is.

<!-- Written by `python -m captures.reconstruction.build` from `findings.toml`: change that file instead. -->

## What it restates

In May 2023 The Observer (27 and 28 May), and after it Digital Health, UKAuthority and others, reported that
the websites of twenty NHS trusts in England made visitors' browsers tell Facebook which pages they viewed and
which buttons they pressed. The capture holds those findings as the requests a browser would have sent, so
that what was reported can be replayed, scored and explained. Only what was published is in it:

* a trust with published particulars has exactly the rows of the table below;
* a trust that was named without particulars has one view of its home page, no topic, and the words
  "named in the reporting; no particulars published";
* what was published without saying at which trust stands on a site of its own, "Unnamed trusts".

The rows restate the reporting in short; only words in quotation marks were published as a quotation. Before
a row is cited, read the reporting itself. The capture is evidence of nothing: it shows what the findings look
like on the wire, not that a request was sent.

## How it was made

* **Wire shapes** are those of Meta's client of spring 2023 (written as build 2.9.104): `PageView` carries the
  page's address and no title, an automatic `SubscribedButtonClick` carries button, form and page features,
  both leave as an image request over HTTP/2. The client replaces every number in `cd[buttonText]` by 0 and
  keeps it in `cd[buttonFeatures]`; R09 shows both.
* **Left out** although that client would often have sent it: the `Microdata` event with the page's title,
  user data from forms, rule-derived events, the view of a page of which only a click was published, and the
  page that a click leads to. Leaving them out understates what a real visit would have sent.
* **No consent choice.** The reporting found that the requests left before the visitor accepted or declined
  cookies. Every page shows a cookie banner and nobody answers it; there is no consent cookie.
* **Bodies of Meta's scripts are empty**, as in the recordings.

## What is invented

* **Identifiers**, every one: pixel ids (`9000000000000..`, not those of the trusts), `_fbp`, and the Facebook
  cookies with the account number 100000000000042. The cookies stand only where a link to the Facebook account
  was published (R01). The session cookie `xs` is the text "inventedXsNotASecret".
* **Addresses**: the visitor's is private (192.168.77.10), the servers' are from 203.0.113.0/24, a range
  reserved for documentation.
* **Host names**, one registrable name for each trust; they are not those of the trusts.
* **Times**: 16 May 2023, ten minutes for each site.
* **Browser**: Chrome 113 on Windows.
* **Page text**: titles are the published words and the trust's name, or "Home page (reconstruction)". What
  else had to be invented for one event stands in its row.

## The events

| Event | Trust | On the wire | Published | Invented |
|---|---|---|---|---|
"""


def wire(page: Page, event: Finding) -> str:
    """Return one event in the provenance table's words."""
    if isinstance(event, Click):
        leads = f", to `{event.leads_to}`" if event.leads_to else ""
        return f'click on "{event.text}" on `{page.path}`{leads}'
    return f"view of `{page.path}`"


def build_provenance(findings: Findings) -> str:
    """Return the text of the provenance file."""
    rows = [
        f"| {event.id} | {site.name} | {wire(page, event)} | {event.published} | {event.invented} |\n"
        for site in findings.sites()
        for page, event in events(site)
    ]
    return PROVENANCE_HEAD + "".join(rows)


def main() -> None:
    """Write both files and name them."""
    findings = load()
    RECONSTRUCTION.write_bytes(build_capture(findings))
    PROVENANCE.write_text(build_provenance(findings), encoding="utf-8", newline="\n")
    print(f"wrote {RECONSTRUCTION} and {PROVENANCE}", file=sys.stderr)


if __name__ == "__main__":
    main()
