"""What is kept of a capture: the observations from which everything else is derived.

`Observer` goes through the requests of one source in order. Of requests to Meta everything but secrets is
kept; of first-party requests only address, title, time, cookie names and consent cookies.
"""

import html

from addon.consent.evidence import asks_for_consent, is_consent_cookie, read_cookies
from addon.decoders.base import Decoder, RequestRole
from addon.decoders.meta.decoder import MetaDecoder
from addon.decoders.meta.endpoints import split_address
from addon.model import CapturedRequest, Epoch, Frozen
from addon.redaction import cookie_pairs, scrub, scrub_address
from addon.sites import registrable_domain
from addon.vocabulary import ConsentState
from addon.witness import KeyMaker, request_digest

DECODERS: tuple[Decoder, ...] = (MetaDecoder(),)
"""Every vendor's decoder; to add one, add a line."""

MAX_TITLE = 500
_TITLE_SEARCHED = 300_000
_SAME_SITE = frozenset({"none", "same-origin", "same-site", None})


class ObservedRequest(Frozen):
    """A request that concerns a vendor, without its secrets. `digest` is of the untouched request."""

    key: str
    digest: str
    source_id: str
    vendor: str
    role: RequestRole
    request: CapturedRequest


class PageVisit(Frozen):
    """A page that the browser opened."""

    source_id: str
    position: int
    at: Epoch
    url: str
    site: str
    title: str | None
    status: int | None
    top: bool
    asks: bool | None
    cookie_names: tuple[str, ...]


class ConsentEvidence(Frozen):
    """What one first-party request shows of the visitor's choice on its site; `state` None: nothing."""

    source_id: str
    position: int
    at: Epoch
    site: str
    state: ConsentState | None
    proof: str


class Observer:
    """Turns the requests of one source into observations, in their order."""

    def __init__(self, source_id: str) -> None:
        """Prepare for the source that reports will call `source_id`."""
        self.source_id = source_id
        self.requests: list[ObservedRequest] = []
        self.pages: list[PageVisit] = []
        self.consent: list[ConsentEvidence] = []
        self.reconstruction = False
        self.cookies_seen = False
        self._keys = KeyMaker()
        self._sites: set[str] = set()
        self._last_of_run: dict[str, ConsentEvidence] = {}

    def observe(self, request: CapturedRequest) -> ObservedRequest | None:
        """Take in one request; return it without secrets where it concerns a vendor."""
        self.reconstruction |= request.reconstruction
        for decoder in DECODERS:
            if decoder.concerns(request):
                digest = request_digest(request)
                clean = scrub(request)
                decoded = decoder.decode(clean, "")
                if decoded is None:
                    continue
                key = self._keys.key(request, digest)
                keeps_answer = decoded.role == "configuration"
                observed = ObservedRequest(
                    key=key,
                    digest=digest,
                    source_id=self.source_id,
                    vendor=decoder.name,
                    role=decoded.role,
                    request=clean if keeps_answer else clean.model_copy(update={"response_body": None}),
                )
                self.cookies_seen |= any(name.lower() == "cookie" for name, _ in clean.headers)
                self.requests.append(observed)
                return observed
        self._first_party(request)
        return None

    def _first_party(self, request: CapturedRequest) -> None:
        page_like = _is_page(request)
        if not page_like and not self._sites:
            return
        host = split_address(request.url).host
        site = registrable_domain(host) if host else ""
        if page_like and site:
            self._sites.add(site)
            self._visit(request, site)
        if site in self._sites:
            self._consent(request, site)

    def _visit(self, request: CapturedRequest, site: str) -> None:
        body = request.response_body
        self.pages.append(
            PageVisit(
                source_id=self.source_id,
                position=request.position,
                at=request.started_at,
                url=scrub_address(request.url),
                site=site,
                title=page_title(body) if body else None,
                status=request.status,
                top=request.header("sec-fetch-dest") in {"document", None},
                asks=asks_for_consent(body) if body else None,
                cookie_names=tuple(dict.fromkeys(name for name, _ in cookie_pairs(request.headers))),
            )
        )

    def _consent(self, request: CapturedRequest, site: str) -> None:
        """Keep the first and the last request of every run in which a site's cookies say the same."""
        cookies = [(name, value) for name, value in cookie_pairs(request.headers) if is_consent_cookie(name)]
        cookies += _set_cookies(request)
        reading = read_cookies(cookies)
        if reading is None and request.header("sec-fetch-site") not in _SAME_SITE:
            return  # cookies marked SameSite=Strict are missing here, so their absence shows nothing
        evidence = ConsentEvidence(
            source_id=self.source_id,
            position=request.position,
            at=request.started_at,
            site=site,
            state=reading.state if reading else None,
            proof=reading.proof if reading else "no consent cookie sent",
        )
        last = self._last_of_run.get(site)
        if last is None or (last.state, last.proof) != (evidence.state, evidence.proof):
            self._close_run(site)
            self.consent.append(evidence)
        self._last_of_run[site] = evidence

    def finish(self) -> None:
        """Keep what is only known at the end of the source. May be called again later."""
        for site in tuple(self._last_of_run):
            self._close_run(site)

    def _close_run(self, site: str) -> None:
        last = self._last_of_run.pop(site, None)
        if last is not None and last not in self.consent:
            self.consent.append(last)


def _is_page(request: CapturedRequest) -> bool:
    """Tell whether the request opened a page: a navigation that was answered with HTML."""
    destination = request.header("sec-fetch-dest")
    if destination is not None and destination not in {"document", "iframe", "frame"}:
        return False
    if "html" not in (request.response_header("content-type") or "").lower():
        return False
    return destination is not None or "text/html" in (request.header("accept") or "").lower()


def _set_cookies(request: CapturedRequest) -> list[tuple[str, str]]:
    found = []
    for name, value in request.response_headers:
        if name.lower() == "set-cookie":
            key, equals, content = value.partition(";")[0].strip().partition("=")
            if equals and is_consent_cookie(key):
                found.append((key, content))
    return found


def page_title(body: bytes) -> str | None:
    """Return the text of the first `<title>` of an HTML page, or None."""
    head = body[:_TITLE_SEARCHED]
    lowered = head.lower()
    start = lowered.find(b"<title")
    opened = lowered.find(b">", start) if start >= 0 else -1
    end = lowered.find(b"</title", opened) if opened >= 0 else -1
    if end < 0:
        return None
    text = html.unescape(head[opened + 1 : end].decode("utf-8", "replace"))
    return " ".join(text.split())[:MAX_TITLE] or None
