"""Events that a page or an app sends to Meta's Graph API instead of the pixel's address.

`graph.facebook.com/v<N>/<app id>/activities` carries events of the app SDK (a form or JSON, with a JSON list
in `custom_events`); `…/<pixel id>/events` carries Conversions API events, which normally leave a server but
are seen from browsers of sites that misuse it. Shapes: Meta's Android SDK; TrackHAR's published notes.
"""

import json
from collections.abc import Sequence
from typing import Any

from addon.decoders.meta.endpoints import Address
from addon.decoders.meta.wire import Body, storable
from addon.model import Param

MAX_EVENTS = 100

MAX_SECONDS = 10**11
"""No time: more seconds since 1970 than any clock shows."""


def app_id(address: Address) -> str:
    """Return the number of the app or pixel in the address, or an empty string."""
    return next((part for part in reversed(address.path.split("/")) if part.isascii() and part.isdigit()), "")


def app_events(query: Sequence[Param], body: Body) -> list[tuple[Param, ...]]:
    """Return the parameters of every event in a request to `…/activities` or `…/events`.

    Each gets its own `ev` and `ts` beside what all of them share; a request without a readable event gives
    an empty list.
    """
    shared = (*query, *body.parameters)
    listed = _listed(shared, body, "custom_events") or _listed(shared, body, "data")
    events = [_event(item) for item in listed[:MAX_EVENTS] if isinstance(item, dict)]
    rest = tuple(param for param in shared if param.name not in {"custom_events", "data"})
    if events:
        return [(*event, *rest) for event in events]
    single = next((param for param in shared if param.name == "event" and param.value), None)
    return [(Param(name="ev", value=single.value, raw=single.raw, context=single.context), *rest)] if single else []


def _listed(parameters: Sequence[Param], body: Body, name: str) -> list[Any]:
    if body.document is not None and isinstance(body.document.get(name), list):
        found = body.document[name]
        return found if isinstance(found, list) else []
    text = next((param.value for param in parameters if param.name == name), "")
    if not text.startswith("["):
        return []
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return found if isinstance(found, list) else []


def _event(item: dict[str, Any]) -> tuple[Param, ...]:
    name = storable(_text(item.get("_eventName") or item.get("event_name") or ""))
    seconds = item.get("_logTime") or item.get("event_time")
    found = [Param(name="ev", value=name, raw=name, context="body")]
    if isinstance(seconds, int) and 0 < seconds < MAX_SECONDS:
        text = str(seconds * 1000)
        found.append(Param(name="ts", value=text, raw=str(seconds), context="body"))
    for key, value in list(item.items())[:200]:
        text = storable(_text(value))
        found.append(Param(name=storable(f"custom_events.{key}"), value=text, raw=text, context="body"))
    return tuple(found)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
