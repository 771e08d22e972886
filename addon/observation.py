"""What is kept of a capture: the observations from which everything else is derived.

`Observer` goes through the requests of one source in order. Of requests to Meta everything but secrets is
kept; of first-party requests only address, title, time, cookie names and consent cookies.
"""

import html
from typing import NamedTuple

from addon.consent.choices import OUT_OF_SIGHT, choice_request, loads_platform, page_of
from addon.consent.evidence import asks_for_consent, read_cookies
from addon.decoders.base import Decoder, RequestRole
from addon.decoders.meta.decoder import MetaDecoder
from addon.decoders.meta.endpoints import Address, split_address
from addon.model import CapturedRequest, Epoch, Frozen
from addon.redaction import cookie_pairs, scrub, scrub_address
from addon.sites import registrable_domain, site_of
from addon.vocabulary import ConsentState, EvidenceKind
from addon.witness import KeyMaker, request_digest

DECODERS: tuple[Decoder, ...] = (MetaDecoder(),)
"""Every vendor's decoder; to add one, add a line."""

MAX_TITLE = 500
GPC_WORDS = "; the browser sent Sec-GPC: 1"
"""What is added to a proof where the browser sent the signal Global Privacy Control. It is no choice on cookies."""

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
    """What one request shows of the visitor's choice on a site; `state` None: nothing.

    `chosen_at` is when the choice was made by the cookie's own account, which is the browser's clock.
    """

    source_id: str
    position: int
    at: Epoch
    site: str
    state: ConsentState | None
    proof: str
    kind: EvidenceKind = "cookies"
    chosen_at: Epoch | None = None


class Observed(NamedTuple):
    """What an observer collected."""

    requests: list[ObservedRequest]
    pages: list[PageVisit]
    consent: list[ConsentEvidence]


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
        self._platforms: set[tuple[str, str]] = set()
        self._cookies_left_out = False
        self._cookies_shown = False
        self._first_of_run: dict[str, ConsentEvidence] = {}
        self._last_of_run: dict[str, ConsentEvidence] = {}

    def take(self) -> Observed:
        """Return what was collected since the last call and forget it, so that a source may be endless."""
        taken = Observed(self.requests, self.pages, self.consent)
        self.requests, self.pages, self.consent = [], [], []
        self._keys.forget_old()
        return taken

    def answered(self, left: ObservedRequest, request: CapturedRequest) -> ObservedRequest | None:
        """Return `left`, a request observed when it left, with what `request` says of its end.

        None where `request` is not the one that left: something changed it in between.
        """
        if request.started_at != left.request.started_at or request_digest(request) != left.digest:
            return None
        clean = scrub(request)
        if left.role != "configuration":
            clean = clean.model_copy(update={"response_body": None})
        return left.model_copy(update={"request": clean})

    def observe(self, request: CapturedRequest) -> ObservedRequest | None:
        """Take in one request; return it without secrets where it concerns a vendor."""
        self.reconstruction |= request.reconstruction
        self._note_cookies(request)
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
        address = split_address(request.url)
        site = registrable_domain(address.host) if address.host else ""
        if page_like and site:
            self._sites.add(site)
            self._visit(request, site)
        if self._choice(request, address, site) or self._platform(request, address):
            return
        if site in self._sites:
            self._consent(request, site)

    def _choice(self, request: CapturedRequest, address: Address, site: str) -> bool:
        """Keep that a request told of the visitor's choice, for the site whose page sent it."""
        choice = choice_request(request, address)
        if choice is None:
            return False
        page = site_of(page_of(request)) if choice.now else None
        where = page if page is not None and page in self._sites else site
        if where not in self._sites:
            return False
        self._close_run(where)
        self.consent.append(
            ConsentEvidence(
                source_id=self.source_id,
                position=request.position,
                at=request.started_at,
                site=where,
                state=choice.state,
                proof=choice.proof + _gpc(request),
                kind="choice" if choice.now else "cookies",
            )
        )
        return True

    def _platform(self, request: CapturedRequest, address: Address) -> bool:
        """Keep once that a page of a site loaded a consent platform."""
        platform = loads_platform(request, address.host)
        site = site_of(page_of(request)) if platform else None
        if platform is None or site is None or site not in self._sites:
            return False
        if (site, platform) not in self._platforms:
            self._platforms.add((site, platform))
            hides = platform in OUT_OF_SIGHT
            proof = f"a page loaded {platform} from {address.host}"
            self.consent.append(
                ConsentEvidence(
                    source_id=self.source_id,
                    position=request.position,
                    at=request.started_at,
                    site=site,
                    state="unknown" if hides else None,
                    proof=proof + ", which keeps the choice where no request shows it" if hides else proof,
                    kind="hides" if hides else "asks",
                )
            )
        return True

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
        reading = read_cookies([*cookie_pairs(request.headers), *_set_cookies(request)])
        if reading is None and request.header("sec-fetch-site") not in _SAME_SITE:
            return  # cookies marked SameSite=Strict are missing here, so their absence shows nothing
        evidence = ConsentEvidence(
            source_id=self.source_id,
            position=request.position,
            at=request.started_at,
            site=site,
            state=reading.state if reading else None,
            proof=(reading.proof if reading else "no consent cookie sent") + _gpc(request),
            chosen_at=reading.chosen_at if reading else None,
        )
        last = self._last_of_run.get(site)
        if last is None or _says(last) != _says(evidence):
            self._close_run(site)
            self.consent.append(evidence)
            self._first_of_run[site] = evidence
        self._last_of_run[site] = evidence

    def finish(self) -> None:
        """Keep what is only known at the end of the source. May be called again later."""
        for site in tuple(self._last_of_run):
            self._close_run(site)
        if self._cookies_left_out:
            self.consent = [item for item in self.consent if item.kind != "cookies" or item.state is not None]

    def _note_cookies(self, request: CapturedRequest) -> None:
        """Note whether a HAR was exported without cookies, as browsers do unless told otherwise.

        In such a file a missing consent cookie shows nothing.
        """
        if request.source_kind != "har" or self._cookies_shown:
            return
        lines = (*request.headers, *request.response_headers)
        self._cookies_shown = any(name.lower() in {"cookie", "set-cookie"} for name, _ in lines)
        self._cookies_left_out = not self._cookies_shown

    def _close_run(self, site: str) -> None:
        first, last = self._first_of_run.pop(site, None), self._last_of_run.pop(site, None)
        if last is not None and last is not first:
            self.consent.append(last)


def vendor_role(request: CapturedRequest) -> RequestRole | None:
    """Return what a request is to the first vendor that it concerns, or None; cheap where it concerns none."""
    for decoder in DECODERS:
        if decoder.concerns(request):
            decoded = decoder.decode(request, "")
            if decoded is not None:
                return decoded.role
    return None


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
            if equals:
                found.append((key, content))
    return found


def _says(evidence: ConsentEvidence) -> tuple[ConsentState | None, str, Epoch | None]:
    return evidence.state, evidence.proof, evidence.chosen_at


def _gpc(request: CapturedRequest) -> str:
    """Return the words that are added to a proof where the browser asked not to be tracked."""
    return GPC_WORDS if request.header("sec-gpc") == "1" else ""


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
