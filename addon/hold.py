"""Holding pixel requests back: which they are, and what the page gets in place of Meta's answer."""

from typing import Final

from addon.model import CapturedRequest
from addon.observation import vendor_role

PIXEL: Final = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00"
    b",\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)
"""A transparent image of one point, 43 bytes. An empty answer (204) makes an image fail and a form wait for ever."""


def is_held(request: CapturedRequest) -> bool:
    """Tell whether `request` reports an event, so that it must not leave.

    That is what the decoders take for an event and nothing else: not Meta's scripts, not plugins, and no
    preflight, which carries no event. A request that we fail to read is held, for it may be one.
    """
    try:
        return vendor_role(request) == "event"
    except Exception:  # noqa: BLE001 - a defect of ours must not let a request out that was to be held
        return True


def answer_headers(origin: str | None) -> dict[str, str]:
    """Return the header lines of the answer; `origin` is that of the request.

    They let a script that sent the event go on as if Meta had answered. No cookie is set.
    """
    headers = {
        "Content-Type": "image/gif",
        "Cache-Control": "no-store",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    if origin:
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Allow-Credentials"] = "true"
    return headers
