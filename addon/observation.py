"""What is kept of a capture: the observations from which everything else is derived.

`look` says what one request shows by itself; `Observer` takes that in, request after request of one source. Of
requests to Meta everything but secrets is kept; of first-party requests only address, title, time, cookie names,
consent cookies and that somebody logged in.
"""

import html
from collections.abc import Iterable
from typing import Any, NamedTuple

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema

from addon.consent.banners import asks_for_consent
from addon.consent.belief import believed
from addon.consent.choices import OUT_OF_SIGHT, ChoiceRequest, choice_request, loads_platform, page_of
from addon.consent.evidence import Told, read_told, telling
from addon.consent.login import LoginStep, login_step
from addon.consent.reading import CookieReading
from addon.consent.setcookie import cookies_after, cookies_of
from addon.consent.statements import Statement, may_state, statements_of_cookies, statements_of_request
from addon.decoders.base import Decoder, RequestRole
from addon.decoders.meta.decoder import MetaDecoder
from addon.decoders.meta.endpoints import split_address
from addon.model import CapturedRequest, Epoch, Frozen
from addon.redaction import cookie_pairs, scrub, scrub_address
from addon.sites import registrable_domain, site_of
from addon.vocabulary import ConsentState, EvidenceKind, Says, StatementKind
from addon.witness import KeyMaker, request_digest
from rules.tuples import tuple_schema
from rules.unchecked import changed, unchecked

DECODERS: tuple[Decoder, ...] = (MetaDecoder(),)
"""Every vendor's decoder; to add one, add a line."""

MAX_TITLE = 500
GPC_WORDS = "; the browser sent Sec-GPC: 1"
"""What is added to a proof where the browser sent the signal Global Privacy Control. It is no choice on cookies."""

SAME_SITE = frozenset({"none", "same-origin", "same-site", None})
"""Values of Sec-Fetch-Site with which a browser sends all cookies it has."""

PAGE_DESTINATIONS = frozenset({"document", "iframe", "frame"})
"""Values of Sec-Fetch-Dest of a navigation."""

LIBRARY_FIRST: StatementKind = "library_first"
"""The name of evidence that a page loaded the vendor's program."""

_TITLE_SEARCHED = 300_000
_CHOICES = frozenset({"refused", "partly_accepted", "accepted"})
_PROGRAM = frozenset({"library", "configuration"})


class ObservedRequest(NamedTuple):
    """A request that concerns a vendor, without its secrets. `digest` is of the untouched request."""

    key: str
    digest: str
    source_id: str
    vendor: str
    role: RequestRole
    request: CapturedRequest

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return tuple_schema(source, handler)


class PageVisit(Frozen):
    """A page that the browser opened.

    `cookie_names` are the cookies that went along, `cookies_set` those that the answer told the browser to keep.
    """

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
    cookies_set: tuple[str, ...] = ()


class ConsentEvidence(Frozen):
    """What one request shows of the visitor's choice on a site; `state` None: nothing.

    `chosen_at` is when the choice was made by the cookie's own account, which is the browser's clock. `against` is
    what in the same request contradicts the state. Of a statement, `name` is its kind and `says` what it comes to.
    """

    source_id: str
    position: int
    at: Epoch
    site: str
    state: ConsentState | None
    proof: str
    kind: EvidenceKind = "cookies"
    chosen_at: Epoch | None = None
    name: str = ""
    says: Says | None = None
    against: tuple[str, ...] = ()


_page_visit, _evidence = unchecked(PageVisit), unchecked(ConsentEvidence)


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
    """What the cookies that were sent with one request can show: those that may tell of a choice.

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
    """A request that concerns a vendor, without its secrets; `page_site` where it loads the vendor's program."""

    vendor: str
    role: RequestRole
    digest: str
    request: CapturedRequest
    page_site: str | None = None


class StatementsSeen(NamedTuple):
    """What a request to anybody stated of consent, on the site of its page or that of its host."""

    site: str
    statements: tuple[Statement, ...]


class AnswerSeen(NamedTuple):
    """The cookies that may tell of a choice as the site's answer left them; `posted`: it answered a form."""

    told: Told
    posted: bool


class Sight(NamedTuple):
    """What one request shows by itself, whatever came before it: all that an `Observer` needs of it.

    The rows in it have no source yet.
    """

    glimpse: Glimpse
    reconstruction: bool = False
    has_cookies: bool = True
    vendor: VendorSeen | None = None
    visit: PageVisit | None = None
    stated: StatementsSeen | None = None
    choice: ChoiceSeen | None = None
    platform: PlatformSeen | None = None
    answer: AnswerSeen | None = None
    login: LoginStep | None = None


def look(request: CapturedRequest) -> Sight:
    """Return what a request shows by itself. A pure function, so that several processes can share the work."""
    lines = (*request.headers, *request.response_headers)
    has_cookies = request.source_kind != "har" or any(name.lower() in {"cookie", "set-cookie"} for name, _ in lines)
    vendor = _vendor(request)
    if vendor is not None:
        nothing = Glimpse(request.position, request.started_at, "", (), same_site=False, gpc=False)
        return Sight(nothing, request.reconstruction, has_cookies, vendor)
    address = split_address(request.url)
    site = registrable_domain(address.host) if address.host else ""
    choice = choice_request(request, address)
    platform = loads_platform(request, address.host)
    states = may_state(request.url)
    page = site_of(page_of(request)) if platform or choice or states else None
    told = telling(cookie_pairs(request.headers))
    after = telling(cookies_after(told, request.response_headers, request.started_at))
    same_site = request.header("sec-fetch-site") in SAME_SITE
    return Sight(
        Glimpse(request.position, request.started_at, site, told, same_site, request.header("sec-gpc") == "1"),
        request.reconstruction,
        has_cookies,
        visit=_visit(request, site) if site and _is_page(request) else None,
        stated=StatementsSeen(page or site, statements_of_request(address)) if states else None,
        choice=ChoiceSeen(choice, page if choice.now else None) if choice else None,
        platform=PlatformSeen(platform, page, address.host) if platform and page else None,
        answer=AnswerSeen(after, request.method == "POST") if after != told else None,
        login=login_step(request, address),
    )


def _vendor(request: CapturedRequest) -> VendorSeen | None:
    for decoder in DECODERS:
        if decoder.concerns(request):
            digest = request_digest(request)
            clean = scrub(request)
            role = decoder.role(clean)
            if role is None:
                continue
            unneeded = role != "configuration" and clean.response_body is not None
            kept = clean._replace(response_body=None) if unneeded else clean
            page = site_of(page_of(request)) if role in _PROGRAM else None
            return VendorSeen(decoder.name, role, digest, kept, page)
    return None


def _visit(request: CapturedRequest, site: str) -> PageVisit:
    body = request.response_body
    return _page_visit(
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
        cookies_set=tuple(dict.fromkeys(name for name, value in cookies_of(request.response_headers) if value)),
    )


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
        self._runs: dict[tuple[str, str], _Run] = {}

    def hand_over(self) -> Observed:
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
            clean = clean._replace(response_body=None)
        return left._replace(request=clean)

    def observe(self, request: CapturedRequest) -> ObservedRequest | None:
        """Take in one request; return it without secrets where it concerns a vendor."""
        return self.take(look(request))

    def take(self, sight: Sight) -> ObservedRequest | None:
        """Take in what one request shows; return it where it concerns a vendor."""
        self.reconstruction |= sight.reconstruction
        self.note_cookies(shown=sight.has_cookies)
        if sight.vendor is not None:
            return self._keep(sight.vendor, sight.glimpse)
        if sight.visit is not None:
            self._sites.add(sight.visit.site)
            self.pages.append(changed(sight.visit, source_id=self.source_id))
        if not self._sites:
            return None
        seen = sight.glimpse
        if sight.stated is not None:
            self._state_all(seen, sight.stated.site, sight.stated.statements)
        if self._choice(sight) or self._platform(sight) or seen.site not in self._sites:
            return None
        self.glimpse(seen)
        if sight.answer is not None:
            self._answer(seen, sight.answer)
        if sight.login is not None:
            self._evident(seen, seen.site, proof=sight.login.words, kind=sight.login.kind)
        return None

    def _keep(self, vendor: VendorSeen, seen: Glimpse) -> ObservedRequest:
        observed = ObservedRequest(
            key=self._keys.key(vendor.request, vendor.digest),
            digest=vendor.digest,
            source_id=self.source_id,
            vendor=vendor.vendor,
            role=vendor.role,
            request=vendor.request,
        )
        self.cookies_seen = self.cookies_seen or vendor.request.header("cookie") is not None
        self.requests.append(observed)
        if vendor.page_site is not None and vendor.page_site in self._sites:
            # the page may hold the program back until there is a choice
            words = "a page of the site loaded Meta's program"
            self._evident(seen, vendor.page_site, proof=words, kind="statement", name=LIBRARY_FIRST)
        return observed

    def _choice(self, sight: Sight) -> bool:
        """Keep that a request told of the visitor's choice, for the site whose page sent it."""
        if sight.choice is None:
            return False
        (choice, page), seen = sight.choice, sight.glimpse
        where = page if page is not None and page in self._sites else seen.site
        if where not in self._sites:
            return False
        self._close_run(where, "")
        gpc = GPC_WORDS if seen.gpc else ""
        kind: EvidenceKind = "choice" if choice.now else "cookies"
        self._evident(seen, where, state=choice.state, proof=choice.proof + gpc, kind=kind)
        return True

    def _platform(self, sight: Sight) -> bool:
        """Keep once that a page of a site loaded a consent platform."""
        if sight.platform is None or sight.platform.site not in self._sites:
            return False
        platform, site, host = sight.platform
        if (site, platform) not in self._platforms:
            self._platforms.add((site, platform))
            proof = f"a page loaded {platform} from {host}"
            if platform in OUT_OF_SIGHT:
                words = f"{proof}, which keeps the choice where no request shows it"
                self._evident(sight.glimpse, site, state="unknown", proof=words, kind="hides")
            else:
                self._evident(sight.glimpse, site, proof=proof, kind="asks")
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
        self._runs = {(last.site, last.name): _Run(last if one else first, last) for first, last, one in state.runs}
        self._keys.known(starts)

    def release(self) -> None:
        """Let go of what was collected, because somebody keeps it elsewhere."""
        self.requests, self.pages, self.consent = [], [], []

    def is_site(self, site: str) -> bool:
        """Tell whether a page of the site was opened so far."""
        return site in self._sites

    def glimpse(self, seen: Glimpse) -> None:
        """Take in a request of which nothing but the cookies sent with it can matter."""
        if seen.site not in self._sites:
            return
        reading = read_told(seen.told)
        self._state_all(seen, seen.site, statements_of_cookies(seen.told))
        if reading is not None or seen.same_site:
            # elsewhere cookies marked SameSite=Strict are missing, so their absence shows nothing
            self._keep_run(self._cookies(seen, reading, "cookies"))

    def _answer(self, seen: Glimpse, answer: AnswerSeen) -> None:
        """Keep what the cookies say that a site's answer left, where it changed that."""
        reading, changed = read_told(seen.told), read_told(answer.told)
        if changed is not None and (reading is None or reading.state != changed.state):
            self._close_run(seen.site, "")
            choice = answer.posted and changed.state in _CHOICES
            self.consent.append(self._cookies(seen, changed, "choice" if choice else "set"))

    def _cookies(self, seen: Glimpse, reading: CookieReading | None, kind: EvidenceKind) -> ConsentEvidence:
        """Return what the cookies of a request show, or those that its answer left."""
        how = {"set": " (set by the site's answer)", "choice": " (set in answer to a form)"}.get(kind, "")
        found = believed(reading, seen.at) if reading else None
        return _evidence(
            source_id=self.source_id,
            position=seen.position,
            at=seen.at,
            site=seen.site,
            state=found.state if found else None,
            proof=(found.proof if found else "no consent cookie sent") + how + (GPC_WORDS if seen.gpc else ""),
            kind=kind,
            chosen_at=found.chosen_at if found else None,
            against=found.against if found else (),
        )

    def _state_all(self, seen: Glimpse, site: str, statements: Iterable[Statement]) -> None:
        """Keep the first and the last request of every run in which a site states the same of consent."""
        for statement in statements if site in self._sites else ():
            self._keep_run(
                _evidence(
                    source_id=self.source_id,
                    position=seen.position,
                    at=seen.at,
                    site=site,
                    state=None,
                    proof=statement.words,
                    kind="statement",
                    name=statement.kind,
                    says=statement.says,
                )
            )

    def _evident(
        self,
        seen: Glimpse,
        site: str,
        *,
        proof: str,
        kind: EvidenceKind,
        state: ConsentState | None = None,
        name: str = "",
    ) -> None:
        """Keep evidence that stands for itself."""
        self.consent.append(
            _evidence(
                source_id=self.source_id,
                position=seen.position,
                at=seen.at,
                site=site,
                state=state,
                proof=proof,
                kind=kind,
                name=name,
            )
        )

    def _keep_run(self, evidence: ConsentEvidence) -> None:
        """Take in evidence of which only the first and the last of a run that says the same is kept."""
        key = (evidence.site, evidence.name)
        run = self._runs.get(key)
        if run is None or _says(run.last) != _says(evidence):
            self._close_run(*key)
            self.consent.append(evidence)
            self._runs[key] = _Run(evidence, evidence)
        else:
            self._runs[key] = _Run(run.first, evidence)

    def finish(self) -> None:
        """Keep what is only known at the end of the source. May be called again later."""
        for key in tuple(self._runs):
            self._close_run(*key)
        if self._cookies_left_out:
            self.consent = [item for item in self.consent if item.kind != "cookies" or item.state is not None]

    def note_cookies(self, *, shown: bool) -> None:
        """Note whether a HAR was exported without cookies, as browsers do unless told otherwise.

        In such a file a missing consent cookie shows nothing.
        """
        self._cookies_shown |= shown
        self._cookies_left_out = not self._cookies_shown

    def _close_run(self, site: str, name: str) -> None:
        run = self._runs.pop((site, name), None)
        if run is not None and run.last is not run.first:
            self.consent.append(run.last)


def vendor_role(request: CapturedRequest) -> RequestRole | None:
    """Return what a request is to the first vendor that it concerns, or None; cheap where it concerns none."""
    for decoder in DECODERS:
        if decoder.concerns(request):
            role = decoder.role(request)
            if role is not None:
                return role
    return None


def _is_page(request: CapturedRequest) -> bool:
    """Tell whether the request opened a page: a navigation that was answered with HTML."""
    destination = request.header("sec-fetch-dest")
    if destination is not None and destination not in PAGE_DESTINATIONS:
        return False
    if "html" not in (request.response_header("content-type") or "").lower():
        return False
    return destination is not None or "text/html" in (request.header("accept") or "").lower()


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
