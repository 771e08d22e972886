"""One request to Meta, or to an endpoint that takes Meta's events, as hits."""

from collections.abc import Iterable, Iterator, Sequence

from addon.decoders.base import Decoded, RequestRole
from addon.decoders.meta.app_events import app_events, app_id
from addon.decoders.meta.endpoints import (
    CUSTOM_MARK,
    TRACKING_PATHS,
    Address,
    imitates_meta,
    is_meta_host,
    may_be_custom_endpoint,
    may_be_custom_target,
    meta_role,
    split_address,
)
from addon.decoders.meta.events import event_kind, event_trigger
from addon.decoders.meta.identity import identifiers
from addon.decoders.meta.transport import contradiction, transport_of
from addon.decoders.meta.wire import Body, body_parameters, flatten, parse_pairs, query_parameters
from addon.model import CapturedRequest, Hit, Param
from addon.vocabulary import Frame, PageUrlFrom, Transport
from rules.unchecked import unchecked

MAX_BATCH = 100
"""Most events that are read from one batch envelope; Meta's client sends at most ten."""

_METHODS = frozenset({"GET", "POST", "HEAD"})
_GATEWAY_MARKS = ((b'"fb.pixel_id"', b'"event_name"'), (b'"event_name"', b'"user_data"'))


class MetaDecoder:
    """Decodes Meta Pixel traffic. A pure function of one request; it never raises on its content."""

    name = "meta"
    target_marks: tuple[bytes, ...] = (CUSTOM_MARK,)

    def concerns(self, request: CapturedRequest) -> bool:
        """Tell cheaply whether `request` may be one of Meta's (see `decoders.base.Decoder`)."""
        address = split_address(request.url)
        return (
            is_meta_host(address.host)
            or imitates_meta(address.host)
            or may_be_custom_endpoint(address)
            or (request.method == "POST" and _is_gateway_body(request.body))
        )

    def role(self, request: CapturedRequest) -> RequestRole | None:
        """Return the role that `decode` gives `request`; Meta's own addresses tell it by themselves."""
        if request.method not in _METHODS:
            return None
        address = split_address(request.url)
        role = meta_role(address)
        if role == "app_events":
            decoded = self.decode(request, "")
            return decoded.role if decoded is not None else None
        if role is not None:
            return role
        if imitates_meta(address.host):
            return "lookalike" if may_look_like_event(address) else None
        body = body_parameters(request)
        is_event = body.document is not None and _is_gateway(body.document)
        return "event" if is_event or _is_custom_endpoint(address, query_parameters(request.url), body) else None

    def may_concern_host(self, host: str) -> bool:
        """Tell whether a host is Meta's or bears its name."""
        return is_meta_host(host) or imitates_meta(host)

    def may_concern(self, method: str, target: bytes, content: bytes) -> bool:
        """Tell whether an address or a body on any host may be an endpoint of the site's own or a gateway's."""
        return may_be_custom_target(target) or (bool(content) and method == "POST" and _is_gateway_body(content))

    def decode(self, request: CapturedRequest, request_key: str) -> Decoded | None:
        """Return what `request` is; a known endpoint that cannot be read becomes a problem."""
        address = split_address(request.url)
        if request.method not in _METHODS:
            return None  # a preflight carries no event
        role = meta_role(address)
        if role == "app_events":
            return _decode_app_events(request, request_key, address)
        if role is not None and role != "event":
            return Decoded(role)
        if imitates_meta(address.host):
            return Decoded("lookalike") if may_look_like_event(address) else None
        body = body_parameters(request)
        query = query_parameters(request.url)
        if body.document is not None and _is_gateway(body.document):
            return _decode_gateway(request, request_key, address, query, body)
        if role is None and not _is_custom_endpoint(address, query, body):
            return None
        return _decode_tracking(request, request_key, address, query, body)


def may_look_like_event(address: Address) -> bool:
    """Tell whether the path of a host that bears Meta's name is that of an event."""
    return address.path in TRACKING_PATHS


def _is_gateway_body(body: bytes) -> bool:
    head = body[:4096].lstrip()
    return head.startswith(b"{") and any(all(mark in body for mark in marks) for marks in _GATEWAY_MARKS)


def _is_gateway(document: dict[str, object]) -> bool:
    if isinstance(document.get("fb.pixel_id"), str | int) and "event_name" in document:
        return True
    return _server_events(document) is not None


def _server_events(document: dict[str, object]) -> list[dict[str, object]] | None:
    """Return the events of a Conversions API body (`{"data": [{event_name, user_data, …}]}`), or None."""
    data = document.get("data")
    if not isinstance(data, list) or not data or len(data) > MAX_BATCH:
        return None
    events = [item for item in data if isinstance(item, dict)]
    if len(events) == len(data) and all("event_name" in item and "user_data" in item for item in events):
        return events
    return None


def _is_custom_endpoint(address: Address, query: Sequence[Param], body: Body) -> bool:
    """Tell whether a request on another host has the pixel's shape: path …/tr, digits as id, an event name."""
    if not may_be_custom_endpoint(address):
        return False
    values = _first_values((*query, *body.parameters))
    pixel = values.get("id", "")
    return pixel.isascii() and pixel.isdigit() and bool(values.get("ev"))


def _first_values(parameters: Sequence[Param]) -> dict[str, str]:
    return {param[0]: param[1] for param in reversed(parameters)}  # by number, which is faster than by name


def _decode_tracking(
    request: CapturedRequest, key: str, address: Address, query: tuple[Param, ...], body: Body
) -> Decoded:
    parameters = (*query, *body.parameters, *_header_parameters(request))
    values = _first_values(parameters)
    if values.get("batch") and any(param.name.startswith("events[") for param in parameters):
        hits = tuple(_batch_hits(request, key, address, parameters))
        return Decoded("event", hits, body.problem if hits else "a batch without a readable event")
    if "id" not in values and "ev" not in values:
        problem = body.problem or "a request to Meta's event address without pixel id and event name"
        return Decoded("event", (), problem)
    transport = transport_of(request, address, values, query, body)
    remark = body.problem or contradiction(request.method, values.get("rqm"))
    return Decoded("event", (_hit(request, key, 0, address, transport, parameters, values),), remark)


def _decode_app_events(request: CapturedRequest, key: str, address: Address) -> Decoded:
    body = body_parameters(request)
    pixel = app_id(address)
    number = Param(name="id", value=pixel, raw=pixel, context="query")
    events = app_events(query_parameters(request.url), body)
    if not events:
        return Decoded("app_events", (), body.problem)
    transport: Transport = "text_post" if body.document else "form_post"
    headers = tuple(_header_parameters(request))
    hits = []
    for index, event in enumerate(events):
        parameters = (number, *event, *headers)
        hits.append(_hit(request, key, index, address, transport, parameters, _first_values(parameters)))
    return Decoded("event", tuple(hits), body.problem)


def _batch_hits(request: CapturedRequest, key: str, address: Address, parameters: Iterable[Param]) -> Iterator[Hit]:
    envelopes = [param for param in parameters if param.name.startswith("events[")][:MAX_BATCH]
    headers = tuple(_header_parameters(request))
    for index, envelope in enumerate(envelopes):
        inner = (*parse_pairs(envelope.value, envelope.context), *headers)
        values = _first_values(inner)
        if "id" in values or "ev" in values:
            yield _hit(request, key, index, address, "batch", inner, values)


def _hit(
    request: CapturedRequest,
    key: str,
    index: int,
    address: Address,
    transport: Transport,
    parameters: tuple[Param, ...],
    values: dict[str, str],
) -> Hit:
    """Return an event from its parameters, those from headers included, and the first value of each name."""
    name = values.get("ev", "")
    page_url, page_url_from = _page(values)
    return _made(
        request_key=key,
        index=index,
        transport=transport,
        pixel_id=values.get("id", ""),
        event_name=name,
        page_url=page_url,
        page_url_from=page_url_from,
        referrer_url=values.get("rl") or None,
        frame=_frame(values.get("if")),
        client_time=_milliseconds(values.get("ts")),
        counter=values.get("ec"),
        init_time=values.get("it"),
        dedupe_id=values.get("eid") or values.get("eid[]") or None,
        kind=event_kind(name),
        trigger=event_trigger(name, values, by_library="v" in values),
        derived_by_rule=values.get("est_source") or None,
        recipient_host=address.host,
        parameters=parameters,
        identifiers=identifiers(parameters, request.headers),
    )


def _decode_gateway(
    request: CapturedRequest, key: str, address: Address, query: tuple[Param, ...], body: Body
) -> Decoded:
    document = body.document or {}
    events = _server_events(document)
    if events is None:
        return Decoded("event", (_gateway_hit(request, key, 0, address, query, body.parameters, ""),))
    pixel = next((part for part in reversed(address.path.split("/")) if part.isdigit()), "")
    return Decoded(
        "event",
        tuple(
            _gateway_hit(request, key, index, address, query, tuple(flatten(event)), pixel)
            for index, event in enumerate(events)
        ),
    )


def _gateway_hit(
    request: CapturedRequest,
    key: str,
    index: int,
    address: Address,
    query: tuple[Param, ...],
    body: tuple[Param, ...],
    pixel: str,
) -> Hit:
    parameters = (*query, *body, *_header_parameters(request))
    values = _first_values(parameters)
    name = values.get("event_name", "")
    location = values.get("website_context.location") or values.get("event_source_url") or ""
    referer = values.get("Referer")
    in_frame = values.get("website_context.isInIFrame")
    seconds = values.get("event_time", "")
    return _made(
        request_key=key,
        index=index,
        transport="gateway",
        pixel_id=values.get("fb.pixel_id", pixel),
        event_name=name,
        page_url=location or referer,
        page_url_from="dl" if location else ("referer" if referer else "none"),
        referrer_url=values.get("website_context.referrer") or None,
        frame=_frame(in_frame),
        client_time=_milliseconds(seconds + "000") if len(seconds) == 10 else _milliseconds(seconds),
        counter=None,
        init_time=None,
        dedupe_id=values.get("event_id") or None,
        kind=event_kind(name),
        trigger=event_trigger(name, values, by_library=False),
        derived_by_rule=None,
        recipient_host=address.host,
        parameters=parameters,
        identifiers=identifiers(parameters, request.headers),
    )


_made = unchecked(Hit)


def _header_parameters(request: CapturedRequest) -> Iterator[Param]:
    referer = request.header("referer")
    if referer:
        yield Param(name="Referer", value=referer, raw=referer, context="header")


def _page(values: dict[str, str]) -> tuple[str | None, PageUrlFrom]:
    if values.get("dl"):
        return values["dl"], "dl"
    if values.get("Referer"):
        return values["Referer"], "referer"
    return None, "none"


def _frame(flag: str | None) -> Frame:
    if flag == "true":
        return "embedded"
    return "top" if flag == "false" else "unknown"


def _milliseconds(text: str | None) -> float | None:
    """Return epoch seconds for a count of milliseconds, or None where the text is no plausible time."""
    if not text or not text.isascii() or not text.isdigit() or len(text) > 15:
        return None
    seconds = int(text) / 1000
    return seconds if 0 < seconds < 4_102_444_800 else None
