"""Meta's event names and what made an event leave. Source: the wire format reference, section 3."""

from addon.vocabulary import EventKind, Trigger

STANDARD_EVENTS = frozenset(
    {
        "AddPaymentInfo", "AddToCart", "AddToWishlist", "CompleteRegistration", "Contact", "CustomizeProduct",
        "Donate", "FindLocation", "InitiateCheckout", "Lead", "PageView", "Purchase", "Schedule", "Search",
        "StartTrial", "SubmitApplication", "Subscribe", "ViewContent",
    }
)  # fmt: skip
"""Names are case-sensitive in Meta's own code; `viewcontent` is a custom name."""

AUTOMATIC_EVENTS = frozenset(
    {"SubscribedButtonClick", "Microdata", "InputData", "UserProperties", "PixelInitialized", "fb_page_view"}
)
"""Names that only Meta's own code sends."""

BUTTON_CLICK = "SubscribedButtonClick"
GATEWAY_BUTTON_CLICK = "InputData"
"""The gateway's name for a button click that carried user data."""

_METHODS_OF_META = frozenset({"3", "5"})
_METHODS_OF_THE_SITE = frozenset({"0", "1", "2", "4"})


def event_kind(name: str) -> EventKind:
    """Return whether `name` is Meta's, the site's own, or only ever sent by Meta's code."""
    if name in AUTOMATIC_EVENTS:
        return "automatic_only"
    return "standard" if name in STANDARD_EVENTS else "custom"


def event_trigger(name: str, values: dict[str, str], *, by_library: bool) -> Trigger:
    """Return what made the event leave, from its parameters' first values.

    `by_library` is False for hand-made requests and for gateway copies, which do not say.
    """
    if values.get("est_source"):
        return "event_setup_tool"
    method = values.get("tm")
    if name in AUTOMATIC_EVENTS or values.get("es") == "automatic" or method in _METHODS_OF_META:
        return "automatic"
    if values.get("ie[a]") == "1":
        return "automatic"  # a page view that the client reports by itself in a single-page application
    if method in _METHODS_OF_THE_SITE or by_library or values.get("noscript") is not None:
        return "site_code"
    return "unknown"
