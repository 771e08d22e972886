"""What was made, sent, set or loaded on a site, held against what the visitor had chosen there at that moment.

A finding of its own kind: a fact about consent, never part of a score. Its subjects are the browser id and the
click id that Meta's code keeps for a site (`_fbp`, `_fbc`), the cookies of facebook.com that went along with
requests from its pages, the cookies that answers set, and the scripts of the pixel itself.

When a browser id was made is told by two things: its own creation time, which is a claim of the browser's clock,
and the requests before which it cannot have been missing. The claim is used only where it fits the requests.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from addon.consent.timeline import NOT_KNOWN, ConsentStamp, ConsentTimeline
from addon.decoders.meta.endpoints import is_meta_host, split_address
from addon.decoders.meta.wire import query_parameters
from addon.linkability import FACEBOOK_COOKIES, CookieSet, cookies_set, kept_for, keys, subdomain_index
from addon.model import Epoch, Event, Identifier
from addon.observation import ObservedRequest, PageVisit
from addon.redaction import cookie_pairs
from addon.sites import registrable_domain, site_of
from addon.vocabulary import ConsentBasis, ConsentFindingKind, ConsentState

CLOCK_TOLERANCE: Final = 1.0
"""Seconds by which a creation time may miss, beside the spread of the session's clocks."""

WIDEST_TOLERANCE: Final = 10.0

PIXEL_PROGRAM: Final = ("library", "configuration", "plugin")
"""Roles of requests that fetch a part of Meta's pixel program."""

_KINDS: Final[tuple[ConsentFindingKind, ...]] = (
    "browser_id",
    "click_id",
    "facebook_cookie",
    "cookie_set",
    "pixel_program",
)
_BEFORE_ANY: Final[frozenset[ConsentState]] = frozenset({"no_choice_yet", "not_asked"})
_FIRST_PARTY: Final = ("_fbp", "_fbc")


class Clocks(NamedTuple):
    """How the browser's clock stood to the capture's, in seconds: what to add to its times, and their spread."""

    skew: float = 0.0
    spread: float = 0.0


class ConsentFact(NamedTuple):
    """Something that happened on a site, and what the visitor had chosen then.

    `name` is the cookie or the role of the request. `at` is the moment that `stamp` is of. `first_seen` is when the
    first request carried it, `created_at` what the value says of itself (the browser's clock), `not_before` the
    last page that was asked for without it. `brought_along`: it is older than the first page of the site in the
    capture. `states` count the requests or events with it by what had been chosen at their moments. `seconds` is
    how long an answer told the browser to keep it, `subdomain` the second part of the value and `kept_for` the domain
    that it stands for. `set_by_site` is when the answer to a page told the browser to keep it: no script made it.
    """

    kind: ConsentFindingKind
    site: str | None
    name: str
    item: Identifier | None
    at: Epoch
    stamp: ConsentStamp
    states: Mapping[ConsentState, int]
    first_seen: Epoch
    created_at: Epoch | None = None
    not_before: Epoch | None = None
    brought_along: bool = False
    seconds: int | None = None
    subdomain: int | None = None
    set_by_site: Epoch | None = None
    kept_for: str | None = None
    event_ids: tuple[str, ...] = ()
    request_keys: tuple[str, ...] = ()


class _Seen(NamedTuple):
    """One sighting: at what moment, in which event and requests."""

    at: Epoch
    event: Event | None
    request_keys: tuple[str, ...]
    item: Identifier | None = None


class ConsentSubjects:
    """Gathers what a session shows of one visit's pages, requests and events, site by site."""

    def __init__(
        self,
        pages: Sequence[PageVisit],
        requests: Iterable[ObservedRequest],
        events: Sequence[Event],
        timelines: Mapping[str, ConsentTimeline],
        clocks: Clocks = Clocks(),  # noqa: B008 - a tuple
    ) -> None:
        """Take what was observed and derived; `timelines` are those of the sites by name."""
        self._pages = sorted(pages, key=lambda page: page.at)
        self._requests = sorted(requests, key=lambda item: (item.request.started_at, item.key))
        self._events = sorted(events, key=lambda event: (event.occurred_at, event.id))
        self._timelines = timelines
        self._clocks = clocks
        self._sites: dict[str, str | None] = {hit.request_key: event.site for event in events for hit in event.hits}
        self._with_cookies = {page.source_id for page in pages if page.cookie_names}

    def facts(self) -> tuple[ConsentFact, ...]:
        """Return every fact, the sites in the order in which they were first met."""
        found = [
            *self._kept("browser_id", "fbp", "_fbp"),
            *self._kept("click_id", "fbc", "_fbc"),
            *self._sent(),
            *self._set(),
            *self._loaded(),
        ]
        met: dict[str | None, Epoch] = {}
        for page in self._pages:
            met.setdefault(page.site, page.at)
        for fact in found:
            met[fact.site] = min(met.get(fact.site, fact.first_seen), fact.first_seen)
        order = {name: place for place, name in enumerate(FACEBOOK_COOKIES)}
        found.sort(
            key=lambda fact: (
                met[fact.site],
                fact.site or "",
                _KINDS.index(fact.kind),
                fact.at,
                order.get(fact.name, 9),
                fact.name,
            )
        )
        return tuple(found)

    def _stamp(self, site: str | None, at: Epoch) -> ConsentStamp:
        timeline = self._timelines.get(site or "")
        if timeline is None:
            return NOT_KNOWN
        stamp = timeline.at(at)
        proof = stamp.last_before
        if proof is not None and proof.at == at and proof.margin is None:  # the very request that proves the state
            basis: ConsentBasis = "marked" if proof.marked else "inferred" if proof.inferred else "observed"
            return stamp.model_copy(update={"state": proof.state, "basis": basis})
        return stamp

    def _states(self, site: str | None, moments: Iterable[Epoch]) -> dict[ConsentState, int]:
        return dict(Counter(self._stamp(site, at).state for at in moments))

    # ids that are kept for a site

    def _kept(self, kind: ConsentFindingKind, identifier: str, cookie: str) -> Iterable[ConsentFact]:
        """Yield a fact for every value of a first-party id, and for sites where only its cookie's name was seen."""
        seen: dict[tuple[str | None, str], list[_Seen]] = {}
        for event in self._events:
            for item in event.identifiers:
                if item.kind != identifier or item.source == "address" or item.parameter in {"fbclid", "fbcs"}:
                    continue
                if own := keys(item, event.pixel_id, event.site):
                    sighting = _Seen(event.occurred_at, event, tuple(hit.request_key for hit in event.hits), item)
                    seen.setdefault((event.site, own[0].value), []).append(sighting)
        values = Counter(site for site, _ in seen)
        for (site, _), sightings in seen.items():
            yield self._made(kind, site, cookie, sightings, alone=values[site] == 1)
        for site in dict.fromkeys(page.site for page in self._pages):
            named = [page for page in self._pages if page.site == site and _carries(page, cookie)]
            if named and site not in values:
                yield self._made(kind, site, cookie, [_Seen(page.at, None, ()) for page in named], alone=True)

    def _made(
        self, kind: ConsentFindingKind, site: str | None, cookie: str, sightings: Sequence[_Seen], *, alone: bool
    ) -> ConsentFact:
        item = next((seen.item for seen in sightings if seen.item is not None), None)
        created = next((s.item.created_at for s in sightings if s.item is not None and s.item.created_at), None)
        own = [page for page in self._pages if page.site == site]
        first = sightings[0].at
        given = [page.at for page in own if cookie in page.cookies_set] if alone else []
        if alone:  # then a cookie of that name is this one
            first = min([first, *(page.at for page in own if _carries(page, cookie))])
        without = [
            page.at
            for page in own
            if page.at < first and cookie not in page.cookie_names and page.source_id in self._with_cookies
        ]
        not_before = max(without, default=None)
        claimed = None if created is None else created + self._clocks.skew
        started = min((page.at for page in own), default=first)
        tolerance = min(CLOCK_TOLERANCE + self._clocks.spread, WIDEST_TOLERANCE)
        older = claimed < started - tolerance if claimed is not None else first <= started
        # a page that was asked for without it shows that it was not there yet, whatever it says of itself
        brought = older and not_before is None and (not given or given[0] > first)
        fits = (
            claimed is not None
            and not brought
            and claimed <= first + tolerance
            and (not_before is None or claimed >= not_before - tolerance)
        )
        at, stamp = (created or first, NOT_KNOWN)
        if not brought:
            at, stamp = self._decide(site, not_before, first, claimed if fits else None, tolerance)
        index = subdomain_index(item.value) if item is not None else None
        events = [seen.event for seen in sightings if seen.event is not None]
        host = split_address(events[0].page_url).host if events and events[0].page_url else ""
        return ConsentFact(
            kind=kind,
            site=site,
            name=cookie,
            item=item,
            at=at,
            stamp=stamp,
            states=self._states(site, (seen.at for seen in sightings)),
            first_seen=first,
            created_at=created,
            not_before=not_before,
            brought_along=brought,
            subdomain=index,
            kept_for=kept_for(index, host) if index is not None and host else None,
            set_by_site=given[0] if given else None,
            event_ids=tuple(event.id for event in events),
            request_keys=sightings[0].request_keys,
        )

    def _decide(
        self, site: str | None, lower: Epoch | None, upper: Epoch, claimed: Epoch | None, tolerance: float
    ) -> tuple[Epoch, ConsentStamp]:
        """Return when something was made that was first carried at `upper`, and what had been chosen then.

        What had not been chosen when it was carried had not been chosen when it was made. After a choice only its
        own time, or a page without it after that choice, tells on which side it was made.
        """
        moment = upper if claimed is None else min(claimed, upper)
        last, own = self._stamp(site, upper), self._stamp(site, moment)
        if last.state in _BEFORE_ANY:
            return moment, own if own.state == last.state else last
        if claimed is not None:
            around = {
                self._stamp(site, at).state for at in (moment - tolerance, moment, min(moment + tolerance, upper))
            }
            if len(around) == 1:
                return moment, own.model_copy(update={"basis": "inferred"}) if own.basis == "observed" else own
        elif lower is not None and self._unchanged(site, lower, upper):
            return moment, last.model_copy(update={"basis": "inferred"}) if last.basis == "observed" else last
        if last.state == "unknown":
            return moment, last
        before = self._stamp(site, lower if lower is not None else moment - tolerance).last_before
        return moment, ConsentStamp(
            state="undetermined", basis="none", last_before=before, first_after=own.first_after or last.last_before
        )

    def _unchanged(self, site: str | None, start: Epoch, end: Epoch) -> bool:
        timeline = self._timelines.get(site or "")
        if timeline is None:
            return False
        within = {proof.state for proof in timeline.proofs if start <= proof.at <= end}
        return within | {timeline.at(start).state} == {timeline.at(end).state}

    # cookies of facebook.com, and the pixel's own scripts

    def _site_of(self, observed: ObservedRequest) -> str | None:
        """Return the site whose page made the request, as its event, its referrer or its own parameter says."""
        if (site := self._sites.get(observed.key)) is not None:
            return site
        if (site := site_of(observed.request.header("referer"))) is not None:
            return site
        named = next((param.value for param in query_parameters(observed.request.url) if param.name == "domain"), "")
        return registrable_domain(named) if named else None

    def _sent(self) -> Iterable[ConsentFact]:
        """Yield a fact for every cookie of facebook.com that went along from pages of a site."""
        seen: dict[tuple[str | None, str], list[_Seen]] = {}
        for observed in self._requests:
            if not is_meta_host(split_address(observed.request.url).host):
                continue
            site = self._site_of(observed)
            names = {name for name, value in cookie_pairs(observed.request.headers) if value}
            for name in FACEBOOK_COOKIES:
                if name in names:
                    seen.setdefault((site, name), []).append(_Seen(observed.request.started_at, None, (observed.key,)))
        yield from (self._plain("facebook_cookie", site, name, found) for (site, name), found in seen.items())

    def _set(self) -> Iterable[ConsentFact]:
        """Yield a fact for every identifying cookie that an answer told the browser to keep."""
        by_key = {observed.key: observed for observed in self._requests}
        seen: dict[tuple[str | None, str], list[CookieSet]] = {}
        for cookie in cookies_set(self._requests):
            if cookie.name in {*FACEBOOK_COOKIES, *_FIRST_PARTY} and cookie.value and cookie.seconds != 0:
                seen.setdefault((self._site_of(by_key[cookie.request_key]), cookie.name), []).append(cookie)
        for (site, name), found in seen.items():
            sightings = [_Seen(cookie.at, None, (cookie.request_key,)) for cookie in found]
            longest = max((cookie.seconds for cookie in found if cookie.seconds is not None), default=None)
            yield self._plain("cookie_set", site, name, sightings)._replace(seconds=longest)

    def _loaded(self) -> Iterable[ConsentFact]:
        """Yield a fact for every part of Meta's pixel program that pages of a site asked for."""
        seen: dict[tuple[str | None, str], list[_Seen]] = {}
        for observed in self._requests:
            if observed.role in PIXEL_PROGRAM:
                sighting = _Seen(observed.request.started_at, None, (observed.key,))
                seen.setdefault((self._site_of(observed), observed.role), []).append(sighting)
        yield from (self._plain("pixel_program", site, role, found) for (site, role), found in seen.items())

    def _plain(self, kind: ConsentFindingKind, site: str | None, name: str, sightings: Sequence[_Seen]) -> ConsentFact:
        first = sightings[0]
        return ConsentFact(
            kind=kind,
            site=site,
            name=name,
            item=None,
            at=first.at,
            stamp=self._stamp(site, first.at),
            states=self._states(site, (seen.at for seen in sightings)),
            first_seen=first.at,
            request_keys=tuple(key for seen in sightings for key in seen.request_keys),
        )


def _carries(page: PageVisit, cookie: str) -> bool:
    """Tell whether a page was asked for with a cookie of this name, or its answer set one."""
    return cookie in page.cookie_names or cookie in page.cookies_set
