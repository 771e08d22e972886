"""Protected-data mode: the page behind an address that was cut to its origin.

In that mode (`pm=1`) the client sends only the origin as `dl`, and `hrl`: the first six hexadecimal digits
of SHA-256 over page address + pixel id + event name. Anyone with a list of a site's addresses can test which
page it was; here the pages seen in the same capture are tested. Source: the wire format reference, 2.1.
"""

import hashlib
from collections.abc import Iterable

from addon.decoders.meta.endpoints import split_address
from addon.model import Frozen, Hit

FINGERPRINT_DIGITS = 6
_POSSIBLE = 16**FINGERPRINT_DIGITS


class HiddenPage(Frozen):
    """The page that fits a fingerprint, and in words how surely."""

    url: str
    evidence: str


def fingerprint(page_url: str, pixel_id: str, event_name: str) -> str:
    """Return `hrl` as the client computes it."""
    return hashlib.sha256((page_url + pixel_id + event_name).encode()).hexdigest()[:FINGERPRINT_DIGITS]


def hides_its_page(hit: Hit) -> bool:
    """Tell whether a hit carries the fingerprint of a page, so that the pages of the capture are worth a look."""
    return hit.page_url is not None and _fingerprint_in(hit) is not None


def _fingerprint_in(hit: Hit) -> str | None:
    found = [param[1] for param in hit.parameters if param[0] == "hrl"]  # by number, which is faster than by name
    wanted = found[-1].lower() if found else ""
    return wanted if len(wanted) == FINGERPRINT_DIGITS else None


def find_hidden_page(hit: Hit, page_urls: Iterable[str]) -> HiddenPage | None:
    """Return the page among `page_urls` that fits the fingerprint in `hit`, or None.

    Only pages of the origin that the hit names are candidates. Two that fit are no answer.
    """
    return HiddenPages(page_urls).of(hit)


class HiddenPages:
    """The pages of a capture, by host, as candidates for what was hidden."""

    def __init__(self, page_urls: Iterable[str]) -> None:
        """Take the addresses of pages; one that comes again counts once."""
        self._by_host: dict[str, list[str]] = {}
        for url in dict.fromkeys(page_urls):
            self._by_host.setdefault(split_address(url).host, []).append(url)

    def of(self, hit: Hit) -> HiddenPage | None:
        """Return the page that fits the fingerprint in `hit`, or None (see `find_hidden_page`)."""
        wanted = _fingerprint_in(hit)
        if wanted is None or hit.page_url is None:
            return None
        page_host = split_address(hit.page_url).host
        candidates = self._by_host.get(page_host, ())
        fitting = [url for url in candidates if fingerprint(url, hit.pixel_id, hit.event_name) == wanted]
        if len(fitting) != 1:
            return None
        tried = f"{len(candidates)} address{'es' if len(candidates) > 1 else ''} of {page_host} seen in the capture"
        chance = f"about 1 in {_POSSIBLE // len(candidates):,}"
        return HiddenPage(
            url=fitting[0],
            evidence="The page's path was removed before sending, and a fingerprint of the whole address "
            f"(hrl={wanted}) was sent. Of {tried}, it fits this one and no other; the chance of such a fit by "
            f"coincidence is {chance}.",
        )
