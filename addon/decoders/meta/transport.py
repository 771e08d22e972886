"""How a request carried its event, and whether that is how the client says it did.

The order in which the client tries its ways, and what it writes into `rqm`: the wire format reference, 1.3.
"""

from collections.abc import Sequence

from addon.decoders.meta.endpoints import SANDBOX_PATH, Address
from addon.decoders.meta.wire import Body
from addon.model import CapturedRequest, Param
from addon.vocabulary import Transport

STATED_METHODS: dict[str, frozenset[str]] = {
    "GET": frozenset({"GET"}),
    "FGET": frozenset({"GET"}),
    "SB": frozenset({"POST"}),
    "formPOST": frozenset({"POST"}),
    "xhr": frozenset({"POST"}),
    "fetch": frozenset({"GET", "POST"}),
}
"""The HTTP methods that fit each value of `rqm`."""


def transport_of(
    request: CapturedRequest, address: Address, values: dict[str, str], query: Sequence[Param], body: Body
) -> Transport:
    """Return how `request` carried its event; `values` holds the first value of every parameter."""
    if address.path.rstrip("/") == SANDBOX_PATH:
        return "sandbox_copy"
    if values.get("redirect") == "0":
        return "redirect"
    if values.get("rqm") == "fetch":
        return "fetch"
    if request.method == "POST":
        if body.kind == "multipart":
            return "beacon"
        if body.kind in {"text", "json"}:
            return "text_post"
        if body.kind == "none" and query:
            return "beacon"
        return "form_post"
    if values.get("noscript") == "1":
        return "noscript"
    if request.header("sec-fetch-dest") == "empty":
        return "fetch"
    return "image"


def contradiction(method: str, stated: str | None) -> str | None:
    """Return in words how the wire contradicts `stated`, the client's word for it in `rqm`, or None."""
    fitting = STATED_METHODS.get(stated or "")
    if fitting is None or method in fitting or (method == "HEAD" and "GET" in fitting):
        return None
    return f"the client states rqm={stated}, but the request was a {method}: it was changed or written by hand"
