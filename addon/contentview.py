"""How a pixel request reads in mitmproxy and mitmweb: the content view "Meta Pixel"."""

from typing import Protocol

from mitmproxy import http
from mitmproxy.contentviews import Contentview, Metadata, SyntaxHighlight

from addon.describe import describe
from addon.flows import flow_request
from addon.observation import vendor_role
from rules.engine import Matcher

NAME = "Meta Pixel"
"""mitmweb addresses views by name, in letters, digits and spaces."""

PRIORITY = 2.0
"""Above mitmproxy's own views of a query or a form, which claim at most 1."""


class Judge(Protocol):
    """Who knows the rules that hold at present."""

    @property
    def matcher(self) -> Matcher | None:
        """Return the rules for health, or None before they were read."""
        ...

    @property
    def other(self) -> Matcher | None:
        """Return the rules of optional packs, or None where none are switched on."""
        ...


class PixelContentview(Contentview):
    """Shows a pixel request in words, also one whose body is empty."""

    def __init__(self, judge: Judge) -> None:
        """Evaluate with the rules of `judge`."""
        self._judge = judge

    @property
    def name(self) -> str:
        """Return what the view is called in mitmproxy."""
        return NAME

    @property
    def syntax_highlight(self) -> SyntaxHighlight:
        """Return that the text needs no colours."""
        return "none"

    def prettify(self, data: bytes, metadata: Metadata) -> str:  # noqa: ARG002 - mitmproxy's signature
        """Return the request of the flow in words. Raises ValueError where there is none."""
        flow = metadata.flow
        if not isinstance(flow, http.HTTPFlow) or self._judge.matcher is None:
            raise ValueError("no HTTP request")
        return describe(flow_request(flow, 0, "live", answer=False), self._judge.matcher, self._judge.other)

    def render_priority(self, data: bytes, metadata: Metadata) -> float:  # noqa: ARG002 - mitmproxy's signature
        """Return a high priority for pixel requests and none for everything else. Called for whatever is shown."""
        flow = metadata.flow
        if not isinstance(metadata.http_message, http.Request) or not isinstance(flow, http.HTTPFlow):
            return -1.0
        return PRIORITY if vendor_role(flow_request(flow, 0, "live", answer=False)) == "event" else -1.0
