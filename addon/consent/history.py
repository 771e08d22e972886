"""What is known of the choices on every site while a session is open, in bounded memory.

The timeline of a site follows from few of its proofs: of a long visit only the requests that say something
new are kept here. The database holds all of them, and at the end everything is worked out anew from it.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from math import inf

from addon.audit import VisitorStamp, visitor_at
from addon.consent.clicks import BannerClick
from addon.consent.meta import limited_data_use
from addon.consent.timeline import ConsentTimeline, Mark, timelines
from addon.model import Epoch, Event
from addon.observation import ConsentEvidence, PageVisit

MOST = 200
"""How many pages, and how many proofs by cookies, of a site are kept before they are thinned out."""

LATEST = 50
"""How many of the latest stay when they are."""


class ConsentHistory:
    """The timelines of the sites of one open session."""

    def __init__(self) -> None:
        """Begin without any site."""
        self._pages: dict[str, list[PageVisit]] = {}
        self._evidence: dict[str, list[ConsentEvidence]] = {}
        self._clicks: dict[str, list[BannerClick]] = {}
        self._marks: tuple[Mark, ...] = ()
        self._timelines: dict[str, ConsentTimeline | None] = {}
        self._former: dict[str, ConsentTimeline | None] = {}
        self._news: dict[str, Epoch] = {}

    @property
    def sites(self) -> tuple[str, ...]:
        """Return the sites that were visited."""
        return tuple(self._pages)

    def add(
        self,
        pages: Iterable[PageVisit] = (),
        evidence: Iterable[ConsentEvidence] = (),
        clicks: Iterable[BannerClick] = (),
    ) -> None:
        """Take in what was observed."""
        changed = set()
        for page in pages:
            _thinned(self._pages, page.site, page, self._worth_keeping)
            changed.add(page.site)
        for item in evidence:
            _thinned(self._evidence, item.site, item, _telling)
            changed.add(item.site)
        for click in clicks:
            known = self._clicks.setdefault(click.site, [])
            if click not in known:
                known.append(click)
                del known[:-MOST]
                changed.add(click.site)
        for site in changed & self._timelines.keys():
            self._former[site] = self._timelines.pop(site)

    def set_marks(self, marks: Sequence[Mark]) -> bool:
        """Take over the investigator's marks; return whether they are others than before."""
        if tuple(marks) == self._marks:
            return False
        self._marks = tuple(marks)
        self._former.update(self._timelines)
        self._timelines.clear()
        return True

    def news(self) -> dict[str, Epoch]:
        """Return of which sites something else was said since the last call, each with when that begins to count.

        What was said there of moments before still holds. A site of which nobody asked is not among them.
        """
        for site in tuple(self._former):
            self.timeline(site)
        news, self._news = self._news, {}
        return news

    def visitor(self, event: Event) -> VisitorStamp:
        """Return what is known of the visitor's choice and login at the moment of `event`."""
        return visitor_at(event.site, event.occurred_at, limited_data_use(event), self._by_site(event.site))

    def again(self, site: str | None, moment: Epoch, before: VisitorStamp) -> VisitorStamp:
        """Return what is known now of the visitor on `site` at `moment`, where `before` was known."""
        limited = next((item for item in before.consent.statements if item.kind == "limited_data_use"), None)
        return visitor_at(site, moment, limited, self._by_site(site))

    def _by_site(self, site: str | None) -> dict[str, ConsentTimeline]:
        timeline = self.timeline(site or "")
        return {} if timeline is None else {site or "": timeline}

    def timeline(self, site: str) -> ConsentTimeline | None:
        """Return the timeline of `site`, or None where nothing is known of it."""
        if site not in self._timelines:
            now = timelines(
                self._pages.get(site, ()), self._evidence.get(site, ()), self._marks, self._clicks.get(site, ())
            ).get(site)
            self._timelines[site] = now
            if site in self._former:
                former = self._former.pop(site)
                since = -inf if former is None or now is None else former.same_until(now)
                if since < inf and former is not now:
                    self._news[site] = min(self._news.get(site, inf), since)
        return self._timelines[site]

    def _worth_keeping(self, pages: Sequence[PageVisit]) -> list[PageVisit]:
        """Return the pages that a timeline may still need: the first, the first that asks, and the like."""
        pages = sorted(pages, key=lambda page: page.at)
        times = [page.at for page in pages]
        kept = {0, *range(len(pages) - LATEST, len(pages))}
        for asks in (True, None):
            kept.update(next(([index] for index, page in enumerate(pages) if page.asks is asks), []))
        for item in self._evidence.get(pages[0].site, ()):
            if item.kind == "asks":
                kept.add(max(bisect_right(times, item.at) - 1, 0))
        return [pages[index] for index in sorted(kept)]


def _thinned[T](lists: dict[str, list[T]], site: str, item: T, thin: Callable[[Sequence[T]], list[T]]) -> None:
    """Add an item to the list of `site`, which is thinned out where it has become long."""
    items = lists.setdefault(site, [])
    items.append(item)
    if len(items) > MOST:
        lists[site] = thin(items)


def _telling(evidence: Sequence[ConsentEvidence]) -> list[ConsentEvidence]:
    """Return the evidence without the middle of a long row of one kind."""
    dropped: set[int] = set()
    for kind in {item.kind for item in evidence}:
        dropped.update([index for index, item in enumerate(evidence) if item.kind == kind][LATEST:-LATEST])
    return [item for index, item in enumerate(evidence) if index not in dropped]
