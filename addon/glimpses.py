"""What is told of requests that are passed over: of those whose cookies show the same, the first and the last."""

from collections.abc import Iterator

from addon.consent.belief import era
from addon.consent.evidence import read_told
from addon.model import Epoch
from addon.observation import Glimpse
from addon.sieve import Shown


class Runs:
    """Requests of one site, one after the other, whose cookies show the same: the first and the last are glimpsed."""

    def __init__(self) -> None:
        """Start with no run."""
        self.shown: dict[str, Shown] = {}
        self.lasts: dict[str, tuple[int, Epoch]] = {}
        self._eras: dict[str, int] = {}

    def add(self, position: int, at: Epoch, site: str, shown: Shown) -> Iterator[Glimpse]:
        """Take in a request; yield glimpses where it begins a run, that of the last request of the run before first."""
        now = 0
        if not shown.timeless:
            reading = read_told(shown.told)
            now = era(reading, at) if reading is not None else 0
        before = self.shown.get(site)
        if before == shown and self._eras[site] == now:
            self.lasts[site] = (position, at)
            return
        last = self.lasts.pop(site, None)
        if last is not None and before is not None:
            yield _glimpse(site, last, before)
        self.shown[site], self._eras[site] = shown, now
        yield _glimpse(site, (position, at), shown)

    def end(self) -> Iterator[Glimpse]:
        """Yield the last request of every run, in order; what follows begins new ones."""
        if self.lasts:
            yield from sorted(_glimpse(site, last, self.shown[site]) for site, last in self.lasts.items())
            self.lasts.clear()
        self.shown.clear()
        self._eras.clear()


def _glimpse(site: str, where: tuple[int, Epoch], shown: Shown) -> Glimpse:
    return Glimpse(*where, site, shown.told, shown.same_site, shown.gpc)
