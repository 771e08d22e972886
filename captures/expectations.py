"""Build `expected.json`: what a reader of each capture has to find in it.

Run as `python -m captures.expectations`. For a recording the source is its truth file, which is what the
browser itself logged; for the reconstruction it is `findings.toml`. This module reads Meta's parameters on
its own, in the plainest way that serves these captures, so that the decoders are not tested against
themselves.
"""

import base64
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from captures import (
    EXPECTED,
    HERE,
    RECONSTRUCTION,
    SAME_BROWSING_HAR,
    SAME_BROWSING_MITM,
    recordings,
    truth_of,
)
from captures.reconstruction import build as reconstruction

SCHEMA = "pixelwitness/expected/1"
EVENT_PATHS = {"/tr/", "/tr", "/privacy_sandbox/pixel/register/trigger/"}
TRANSPORTS = {"GET": "image", "formPOST": "form_post", "SB": "beacon", "FGET": "sandbox_copy"}

Json = dict[str, Any]


@dataclass
class Wire:
    """One request of a truth file that carries an event."""

    transport: str
    event: str
    pixel: str
    page_url: str
    identity: tuple[str, ...]
    request: Json


@dataclass
class Told:
    """One event: everything that carried it."""

    wires: list[Wire] = field(default_factory=list)

    def as_json(self) -> Json:
        """Return the event as `expected.json` lists it; the copy to Meta speaks for it."""
        leading = min(self.wires, key=lambda wire: wire.transport == "gateway")
        request = leading.request
        return {
            "event_name": leading.event,
            "pixel_id": leading.pixel,
            "page_url": leading.page_url,
            "browser_page": request["page"],
            "requests": len(self.wires),
            "transports": sorted({wire.transport for wire in self.wires}),
            "consent_before_action": request["consent_before_action"],
            "consent_after_action": request["consent_after_action"],
            "account_cookie": any("c_user=" in (wire.request["cookie_header"] or "") for wire in self.wires),
            "topic_of_page": (request.get("page_label") or {}).get("topic"),
        }


def multipart(body: bytes, content_type: str) -> dict[str, str]:
    """Return the fields of a form-data body."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message: Message = BytesParser(policy=HTTP).parsebytes(head + body)
    found: dict[str, str] = {}
    for part in message.walk():
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(payload, bytes):
            found[name] = payload.decode()
    return found


def parameters(request: Json) -> dict[str, str]:
    """Return the parameters of one request to Meta, wherever it carries them."""
    found = dict(parse_qsl(urlsplit(request["url"]).query, keep_blank_values=True))
    if request["post_data_b64"]:
        body = base64.b64decode(request["post_data_b64"])
        kind = request["content_type"] or ""
        if kind.startswith("multipart/form-data"):
            found |= multipart(body, kind)
        else:
            found |= dict(parse_qsl(body.decode(), keep_blank_values=True))
    return found


def wire_of(request: Json) -> Wire | None:
    """Return what `request` tells, or None where it tells no event (a script, a configuration)."""
    url = urlsplit(request["url"])
    if request["method"] == "POST" and (request["content_type"] or "").startswith("text/plain"):
        body = json.loads(base64.b64decode(request["post_data_b64"]))
        location = body["website_context"]["location"]
        return Wire("gateway", body["event_name"], body["fb.pixel_id"], location, ("eid", body["event_id"]), request)
    if url.path not in EVENT_PATHS or not url.hostname or not url.hostname.endswith("facebook.com"):
        return None
    told = parameters(request)
    if "ev" not in told:
        return None
    identity = ("eid", told["eid"]) if told.get("cf") == "1" else (told["id"], told["ev"], told["ts"], told["ec"])
    return Wire(TRANSPORTS[told["rqm"]], told["ev"], told["id"], told.get("dl", ""), identity, request)


def recorded(capture: Path) -> Json:
    """Return what a reader of one recording has to find, by its truth file."""
    truth = json.loads(truth_of(capture).read_text(encoding="utf-8"))
    told: dict[tuple[str, ...], Told] = {}
    supporting = 0
    never_left: list[str] = []
    for request in truth["facebook_requests"]:
        wire = wire_of(request)
        if not request["sent_on_wire"]:
            never_left.append(wire.event if wire else request["url"])
        elif wire:
            told.setdefault(wire.identity, Told()).wires.append(wire)
        else:
            supporting += 1
    return {
        "provenance": "recorded",
        "client_build": truth["client"]["fbevents"].removeprefix("v"),
        "scenario": truth["description"],
        "event_requests": sum(len(event.wires) for event in told.values()),
        "supporting_requests": supporting,
        "events_that_never_left_the_browser": never_left,
        "events": [event.as_json() for event in told.values()],
    }


def reconstructed() -> Iterator[Json]:
    """Yield what a reader has to find for each event of the reconstruction."""
    for site in reconstruction.load().sites():
        for page, finding in reconstruction.events(site):
            click = isinstance(finding, reconstruction.Click)
            expected = finding.expected
            yield {
                "finding": finding.id,
                "trust": site.name,
                "event_name": "SubscribedButtonClick" if click else "PageView",
                "pixel_id": site.pixel,
                "page_url": f"https://{site.hostname}{page.path}",
                "requests": 1,
                "transports": ["image"],
                "consent": "no_choice_yet",
                "bands": list(expected.bands),
                "any_topic_of": list(expected.topics),
                "any_action_of": list(expected.actions),
                "linkability": expected.linkability or "browser_id",
                "note": expected.note,
            }


def build() -> str:
    """Return the text of the file."""
    captures: Json = {}
    events = list(reconstructed())
    captures[name_of(RECONSTRUCTION)] = {
        "provenance": "reconstruction",
        "client_build": reconstruction.CLIENT_BUILD,
        "scenario": "the published findings of May 2023, nobody ever answers the cookie banner",
        "event_requests": len(events),
        "supporting_requests": 2 * len(reconstruction.load().sites()),
        "events_that_never_left_the_browser": [],
        "events": events,
    }
    for capture in recordings():
        captures[name_of(capture)] = recorded(capture)
    captures[name_of(SAME_BROWSING_HAR)] = {"same_events_as": name_of(SAME_BROWSING_MITM)}
    return json.dumps({"schema": SCHEMA, "captures": captures}, ensure_ascii=False, indent=1) + "\n"


def name_of(capture: Path) -> str:
    """Return the name of a capture: its path below this package."""
    return capture.relative_to(HERE).as_posix()


def main() -> None:
    """Write the file and name it."""
    EXPECTED.write_text(build(), encoding="utf-8", newline="\n")
    print(f"wrote {EXPECTED}", file=sys.stderr)


if __name__ == "__main__":
    main()
