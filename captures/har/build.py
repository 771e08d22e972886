"""Build `same-browsing.har`: one recording a second time, as a browser would have exported it.

Run as `python -m captures.har.build`. The entries follow what Chromium's developer tools save "with sensitive
data": HTTP/2 pseudo-headers first, cookie lines joined into one, times in whole milliseconds, no client
address. Response bodies are left out. The output is the same to the byte at every run.
"""

import json
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl

from mitmproxy import http
from mitmproxy.io import FlowReader

from captures import SAME_BROWSING_HAR, SAME_BROWSING_MITM

FORM = "application/x-www-form-urlencoded"
Pairs = list[dict[str, str]]


def pairs(items: Iterable[tuple[str, str]]) -> Pairs:
    """Return names and values as HAR writes them."""
    return [{"name": name, "value": value} for name, value in items]


def header_lines(headers: http.Headers) -> list[tuple[str, str]]:
    """Return header lines as text."""
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers.fields]


def moment(seconds: float) -> str:
    """Return a time the way a browser writes it."""
    text = datetime.fromtimestamp(round(seconds, 3), UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def milliseconds(start: float, end: float | None) -> float:
    """Return a duration with the precision that a microsecond clock can carry."""
    return round((end - start) * 1000, 3) if end is not None else 0.0


def split_cookies(line: str) -> Pairs:
    """Return the cookies of one `cookie` line."""
    found = (part.partition("=") for part in line.split("; ") if part)
    return pairs((name, value) for name, _, value in found)


def set_cookies(headers: http.Headers) -> list[dict[str, Any]]:
    """Return the cookies that a response sets."""
    cookies: list[dict[str, Any]] = []
    for line in headers.get_all("set-cookie"):
        jar = SimpleCookie()
        try:
            jar.load(line)
        except CookieError:
            continue
        cookies.extend(
            {
                "name": name,
                "value": morsel.value,
                "path": morsel["path"],
                "domain": morsel["domain"],
                "httpOnly": bool(morsel["httponly"]),
                "secure": bool(morsel["secure"]),
            }
            for name, morsel in jar.items()
        )
    return cookies


def har_request(request: http.Request) -> dict[str, Any]:
    """Return one request as HAR writes it."""
    lines = header_lines(request.headers)
    cookie = "; ".join(value for name, value in lines if name.lower() == "cookie")
    lines = [(name, value) for name, value in lines if name.lower() != "cookie"]
    pseudo = [
        (":authority", request.authority or request.host),
        (":method", request.method),
        (":path", request.path),
        (":scheme", request.scheme),
    ]
    body = request.raw_content or b""
    entry: dict[str, Any] = {
        "method": request.method,
        "url": request.url,
        "httpVersion": "http/2.0",
        "headers": pairs([*pseudo, *lines, *([("cookie", cookie)] if cookie else [])]),
        "queryString": pairs(parse_qsl(request.path.partition("?")[2], keep_blank_values=True)),
        "cookies": split_cookies(cookie),
        "headersSize": -1,
        "bodySize": len(body),
    }
    if body:
        text = body.decode("utf-8", "replace")
        kind = request.headers.get("content-type", "")
        entry["postData"] = {"mimeType": kind, "text": text}
        if kind.startswith(FORM):
            entry["postData"]["params"] = pairs(parse_qsl(text, keep_blank_values=True))
    return entry


def har_response(response: http.Response) -> dict[str, Any]:
    """Return one response as HAR writes it, without the text of its body."""
    return {
        "status": response.status_code,
        "statusText": response.reason,
        "httpVersion": "http/2.0",
        "headers": pairs(header_lines(response.headers)),
        "cookies": set_cookies(response.headers),
        "content": {
            "size": len(response.raw_content or b""),
            "mimeType": response.headers.get("content-type", "").partition(";")[0],
        },
        "redirectURL": response.headers.get("location", ""),
        "headersSize": -1,
        "bodySize": -1,
    }


def is_navigation(request: http.Request) -> bool:
    """Tell whether the request opened a page in the window."""
    return request.headers.get("sec-fetch-dest") == "document"


def har_entry(flow: http.HTTPFlow, page: str) -> dict[str, Any]:
    """Return one flow as HAR writes it; a request without an answer has status 0."""
    request = flow.request
    start = request.timestamp_start
    entry: dict[str, Any] = {
        "pageref": page,
        "startedDateTime": moment(start),
        "request": har_request(request),
        "cache": {},
    }
    if flow.response is None:
        entry["response"] = har_response(http.Response.make(0))
        entry["time"] = 0.0
        entry["timings"] = {"send": 0.0, "wait": 0.0, "receive": 0.0}
    else:
        response = flow.response
        sent = request.timestamp_end or start
        entry["response"] = har_response(response)
        entry["time"] = milliseconds(start, response.timestamp_end)
        entry["timings"] = {
            "send": milliseconds(start, sent),
            "wait": milliseconds(sent, response.timestamp_start),
            "receive": milliseconds(response.timestamp_start, response.timestamp_end),
        }
    if flow.server_conn.peername:
        entry["serverIPAddress"] = flow.server_conn.peername[0]
    return entry


def build_har(flows: Iterable[http.HTTPFlow], comment: str) -> dict[str, Any]:
    """Return the HAR of `flows`, with a page for every navigation."""
    pages: list[dict[str, Any]] = []
    entries: list[dict[str, Any]] = []
    for flow in flows:
        if is_navigation(flow.request) or not pages:
            pages.append(
                {
                    "startedDateTime": moment(flow.request.timestamp_start),
                    "id": f"page_{len(pages) + 1}",
                    "title": flow.request.url,
                    "pageTimings": {},
                }
            )
        entries.append(har_entry(flow, str(pages[-1]["id"])))
    return {
        "log": {
            "version": "1.2",
            "creator": {"name": "captures.har.build", "version": "1"},
            "pages": pages,
            "entries": entries,
            "comment": comment,
        }
    }


def build() -> str:
    """Return the text of the HAR file."""
    with SAME_BROWSING_MITM.open("rb") as file:
        flows = [flow for flow in FlowReader(file).stream() if isinstance(flow, http.HTTPFlow)]
    comment = f"Converted from {SAME_BROWSING_MITM.name}, a recording of Meta's client on an invented site."
    return json.dumps(build_har(flows, comment), ensure_ascii=False, indent=1) + "\n"


def main() -> None:
    """Write the file and name it."""
    SAME_BROWSING_HAR.write_text(build(), encoding="utf-8", newline="\n")
    print(f"wrote {SAME_BROWSING_HAR}", file=sys.stderr)


if __name__ == "__main__":
    main()
