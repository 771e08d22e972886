"""What is kept of a capture: the observations from which everything else is derived.

`Observer` goes through the requests of one source in order. Of requests to Meta everything but secrets is
kept; of first-party requests only address, title, time, cookie names and consent cookies.
"""

import html
from collections.abc import Iterable
from typing import NamedTuple

from addon.consent.choices import OUT_OF_SIGHT, ChoiceRequest, choice_request, loads_platform, page_of
from addon.consent.evidence import Told, asks_for_consent, read_told, telling
from addon.decoders.base import Decoder, RequestRole
from addon.decoders.meta.decoder import MetaDecoder
from addon.decoders.meta.endpoints import split_address
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
SAME_SITE = frozenset({"none", "same-origin", "same-site", None})
"""Values of Sec-Fetch-Site with which a browser sends all cookies it has."""

PAGE_DESTINATIONS = frozenset({"document", "iframe", "frame"})
"""Values of Sec-Fetch-Dest of a navigation."""


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


class _Run(NamedTuple):
    """The first and the last request of a row in which a site's cookies say the same."""

    first: ConsentEvidence
    last: ConsentEvidence


class ObserverState(Frozen):
    """What an `Observer` must know of what came before. Of each run: the first, the last, whether they are one."""

    reconstruction: bool
    cookies_seen: bool
    sites: tuple[str, ...]
    platforms: tuple[tuple[str, str], ...]
    runs: tuple[tuple[ConsentEvidence, ConsentEvidence, bool], ...]


class Glimpse(NamedTuple):
    """What the cookies of one request can show: those that may tell of a choice, sent and set.

    `same_site`: the browser sent all cookies it has, so that a missing one shows something. `gpc`: it sent
    the signal Global Privacy Control.
    """

    position: int
    at: Epoch
    site: str
    told: Told
    same_site: bool
    gpc: bool


class ChoiceSeen(NamedTuple):
    """A choice that a request told of: on the site of its page, where that is known, or on that of its host."""

    choice: ChoiceRequest
    page_site: str | None


class PlatformSeen(NamedTuple):
    """A consent platform that a page of a site loaded something from."""

    platform: str
    site: str
    host: str


class VendorSeen(NamedTuple):
    """A request that concerns a vendor, without its secrets."""

    vendor: str
    role: RequestRole
    digest: str
    request: CapturedRequest


class Sight(NamedTuple):
    """What one request shows by itself, whatever came before it: all that an `Observer` needs of it.

    The rows in it have no source yet.
    """

    glimpse: Glimpse
    reconstruction: bool = False
    has_cookies: bool = True
    vendor: VendorSeen | None = None
    visit: PageVisit | None = None
    choice: ChoiceSeen | None = None
    platform: PlatformSeen | None = None


def look(request: CapturedRequest) -> Sight:
    """Return what a request shows by itself. A pure function, so that several processes can share the work."""
    lines = (*request.headers, *request.response_headers)
    has_cookies = request.source_kind != "har" or any(name.lower() in {"cookie", "set-cookie"} for name, _ in lines)
    nothing = Glimpse(request.position, request.started_at, "", (), same_site=False, gpc=False)
    vendor = _vendor(request)
    if vendor is not None:
        return Sight(nothing, request.reconstruction, has_cookies, vendor)
    address = split_address(request.url)
    site = registrable_domain(address.host) if address.host else ""
    choice = choice_request(request, address)
    platform = loads_platform(request, address.host)
    page = site_of(page_of(request)) if platform or choice else None
    told = telling([*cookie_pairs(request.headers), *set_cookies(request.response_headers)])
    same_site = request.header("sec-fetch-site") in SAME_SITE
    return Sight(
        Glimpse(request.position, request.started_at, site, told, same_site, request.header("sec-gpc") == "1"),
        request.reconstruction,
        has_cookies,
        visit=_visit(request, site) if site and _is_page(request) else None,
        choice=ChoiceSeen(choice, page if choice.now else None) if choice else None,
        platform=PlatformSeen(platform, page, address.host) if platform and page else None,
    )


def _vendor(request: CapturedRequest) -> VendorSeen | None:
    for decoder in DECODERS:
        if decoder.concerns(request):
            digest = request_digest(request)
            clean = scrub(request)
            decoded = decoder.decode(clean, "")
            if decoded is None:
                continue
            keeps_answer = decoded.role == "configuration"
            kept = clean if keeps_answer else clean.model_copy(update={"response_body": None})
            return VendorSeen(decoder.name, decoded.role, digest, kept)
    return None


def _visit(request: CapturedRequest, site: str) -> PageVisit:
    body = request.response_body
    return PageVisit(
        source_id="",
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
        self._runs: dict[str, _Run] = {}

    def observe(self, request: CapturedRequest) -> ObservedRequest | None:
        """Take in one request; return it without secrets where it concerns a vendor."""
        return self.take(look(request))

    def take(self, sight: Sight) -> ObservedRequest | None:
        """Take in what one request shows; return it where it concerns a vendor."""
        self.reconstruction |= sight.reconstruction
        self.note_cookies(shown=sight.has_cookies)
        if sight.vendor is not None:
            return self._keep(sight.vendor)
        if sight.visit is not None:
            self._sites.add(sight.visit.site)
            self.pages.append(sight.visit.model_copy(update={"source_id": self.source_id}))
        if self._sites and not (self._choice(sight) or self._platform(sight)):
            self.glimpse(sight.glimpse)
        return None

    def _keep(self, seen: VendorSeen) -> ObservedRequest:
        observed = ObservedRequest(
            key=self._keys.key(seen.request, seen.digest),
            digest=seen.digest,
            source_id=self.source_id,
            vendor=seen.vendor,
            role=seen.role,
            request=seen.request,
        )
        self.cookies_seen |= any(name.lower() == "cookie" for name, _ in seen.request.headers)
        self.requests.append(observed)
        return observed

    def _choice(self, sight: Sight) -> bool:
        """Keep that a request told of the visitor's choice, for the site whose page sent it."""
        if sight.choice is None:
            return False
        (choice, page), seen = sight.choice, sight.glimpse
        where = page if page is not None and page in self._sites else seen.site
        if where not in self._sites:
            return False
        self._close_run(where)
        self.consent.append(
            ConsentEvidence(
                source_id=self.source_id,
                position=seen.position,
                at=seen.at,
                site=where,
                state=choice.state,
                proof=choice.proof + (GPC_WORDS if seen.gpc else ""),
                kind="choice" if choice.now else "cookies",
            )
        )
        return True

    def _platform(self, sight: Sight) -> bool:
        """Keep once that a page of a site loaded a consent platform."""
        if sight.platform is None or sight.platform.site not in self._sites:
            return False
        platform, site, host = sight.platform
        if (site, platform) not in self._platforms:
            self._platforms.add((site, platform))
            hides = platform in OUT_OF_SIGHT
            proof = f"a page loaded {platform} from {host}"
            self.consent.append(
                ConsentEvidence(
                    source_id=self.source_id,
                    position=sight.glimpse.position,
                    at=sight.glimpse.at,
                    site=site,
                    state="unknown" if hides else None,
                    proof=proof + ", which keeps the choice where no request shows it" if hides else proof,
                    kind="hides" if hides else "asks",
                )
            )
        return True

    def state(self) -> "ObserverState":
        """Return what must be known to go on later, beside the keys of the requests."""
        return ObserverState(
            reconstruction=self.reconstruction,
            cookies_seen=self.cookies_seen,
            sites=tuple(sorted(self._sites)),
            platforms=tuple(sorted(self._platforms)),
            runs=tuple((run.first, run.last, run.last is run.first) for run in self._runs.values()),
        )

    def resume(self, state: "ObserverState", starts: Iterable[tuple[str, Epoch]]) -> None:
        """Go on where another observer stood, which had given keys to requests of these digests and starts."""
        self.reconstruction, self.cookies_seen = state.reconstruction, state.cookies_seen
        self._sites, self._platforms = set(state.sites), set(state.platforms)
        self._runs = {last.site: _Run(last if one else first, last) for first, last, one in state.runs}
        self._keys.known(starts)

    def release(self) -> None:
        """Let go of what was collected, because somebody keeps it elsewhere."""
        self.requests, self.pages, self.consent = [], [], []

    def is_site(self, site: str) -> bool:
        """Tell whether a page of the site was opened so far."""
        return site in self._sites

    def glimpse(self, seen: Glimpse) -> None:
        """Take in a request of which nothing but its cookies can matter."""
        site = seen.site
        if site not in self._sites:
            return
        reading = read_told(seen.told)
        if reading is None and not seen.same_site:
            return  # cookies marked SameSite=Strict are missing here, so their absence shows nothing
        evidence = ConsentEvidence(
            source_id=self.source_id,
            position=seen.position,
            at=seen.at,
            site=site,
            state=reading.state if reading else None,
            proof=(reading.proof if reading else "no consent cookie sent") + (GPC_WORDS if seen.gpc else ""),
            chosen_at=reading.chosen_at if reading else None,
        )
        run = self._runs.get(site)
        if run is None or _says(run.last) != _says(evidence):
            self._close_run(site)
            self.consent.append(evidence)
            self._runs[site] = _Run(evidence, evidence)
        else:
            self._runs[site] = _Run(run.first, evidence)

    def finish(self) -> None:
        """Keep what is only known at the end of the source. May be called again later."""
        for site in tuple(self._runs):
            self._close_run(site)
        if self._cookies_left_out:
            self.consent = [item for item in self.consent if item.kind != "cookies" or item.state is not None]

    def note_cookies(self, *, shown: bool) -> None:
        """Note whether a HAR was exported without cookies, as browsers do unless told otherwise.

        In such a file a missing consent cookie shows nothing.
        """
        self._cookies_shown |= shown
        self._cookies_left_out = not self._cookies_shown

    def _close_run(self, site: str) -> None:
        run = self._runs.pop(site, None)
        if run is not None and run.last is not run.first:
            self.consent.append(run.last)


def _is_page(request: CapturedRequest) -> bool:
    """Tell whether the request opened a page: a navigation that was answered with HTML."""
    destination = request.header("sec-fetch-dest")
    if destination is not None and destination not in PAGE_DESTINATIONS:
        return False
    if "html" not in (request.response_header("content-type") or "").lower():
        return False
    return destination is not None or "text/html" in (request.header("accept") or "").lower()


def set_cookies(lines: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return names and values of the cookies that an answer with these header lines set."""
    found = []
    for name, value in lines:
        if name.lower() == "set-cookie":
            key, equals, content = value.partition(";")[0].strip().partition("=")
            if equals:
                found.append((key, content))
    return found


def _says(evidence: ConsentEvidence) -> tuple[ConsentState | None, str, Epoch | None]:
    return evidence.state, evidence.proof, evidence.chosen_at


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
