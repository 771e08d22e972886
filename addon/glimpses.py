"""What is told of the cookies of requests that are passed over: the first and the last of those that show the same."""

from addon.consent.belief import era
from addon.consent.evidence import read_told
from addon.observation import Glimpse


class GlimpseRuns:
    """Rows of glimpses of one site after the other that show the same; of each the first and the last are told."""

    def __init__(self) -> None:
        """Begin without any."""
        self._runs: dict[str, tuple[object, ...]] = {}
        self._lasts: dict[str, Glimpse] = {}

    def add(self, seen: Glimpse) -> tuple[Glimpse, ...]:
        """Return the glimpse where it begins a run, after the last of the run before."""
        reading = read_told(seen.told)
        shows = (*seen[3:], era(reading, seen.at) if reading else 0)
        if self._runs.get(seen.site) == shows:
            self._lasts[seen.site] = seen
            return ()
        self._runs[seen.site] = shows
        last = self._lasts.pop(seen.site, None)
        return (seen,) if last is None else (last, seen)

    def flush(self) -> list[Glimpse]:
        """Return the last glimpse of every run, and begin new ones; due before anything else is told."""
        if not self._runs:
            return []
        lasts = sorted(self._lasts.values())
        self._lasts.clear()
        self._runs.clear()
        return lasts
