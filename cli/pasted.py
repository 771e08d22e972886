"""A pixel address that somebody pasted, explained without a capture."""

import time

import typer

from addon.audit import Observations
from addon.derivation import derive
from addon.model import CapturedRequest
from addon.observation import Observer
from cli.report import event_of
from cli.schema import Event
from rules.engine import Matcher


def events_of_address(address: str, body: str | None, matcher: Matcher, *, reveal: bool) -> tuple[Event, ...]:
    """Return the events that a request to `address` (with the form `body`, if any) would carry.

    Raises typer.BadParameter where the address is no request to Meta that carries events.
    """
    observer = Observer("har-pasted")
    observer.observe(
        CapturedRequest(
            source_kind="har",
            position=0,
            method="GET" if body is None else "POST",
            url=address.strip().replace(" ", "%20").partition("#")[0],
            http_version="unknown",
            headers=(),
            body=(body or "").encode("utf-8", "replace"),
            started_at=time.time(),
        )
    )
    derivation = derive(Observations(requests=tuple(observer.requests)), matcher)
    if not derivation.events:
        what = derivation.problems[0].what if derivation.problems else "it is no request that carries Meta Pixel events"
        raise typer.BadParameter(f"this address cannot be explained: {what}")
    observed = {item.key: item for item in observer.requests}
    return tuple(event_of(item, observed, None, reveal=reveal) for item in derivation.events)
