"""What the live page shows at this moment, in memory, so that any reader can catch up from where it was."""

import secrets
from bisect import insort
from collections.abc import Iterator
from typing import Any, Final

from cli import wording
from cli.livepage.feed import News
from cli.livepage.view import Json
from rules.model import Band

NEWEST: Final = 200
"""How many acts a reader gets at first; older ones on request."""

AT_ONCE: Final = 150
"""Most acts in one message."""

_TALLIES: Final = 40
_POINTS: Final = 5000
_COUNTED: Final = frozenset({"counted"})
_RANK: Final[dict[Band, int]] = {band: rank for rank, band in enumerate(reversed(wording.BAND_ORDER))}


class Board:
    """The acts of the session shown, numbered by when they last changed.

    `sequence` grows with every change; `epoch` is another one when everything earlier is void.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.status: Json | None = None
        self._clear()

    def _clear(self) -> None:
        self.epoch = secrets.token_hex(6)
        self.sequence = 0
        self._cards: dict[str, Json] = {}
        self._changed: dict[str, int] = {}  # act to sequence, the last change last
        self._gone: dict[str, int] = {}
        self._order: list[tuple[str, str]] = []  # (time, act), the oldest first
        self.marks: list[Json] = []
        self.proofs: list[Json] = []
        self._extras = 0  # the sequence at which anything beside acts changed last
        self._counted: tuple[int, Json] = (-1, {})

    def take(self, news: News) -> bool:
        """Take in what a look brought; return whether there is anything to tell."""
        if not news:
            return False
        if news.fresh:
            self._clear()
        self.sequence += 1
        for act in news.gone:
            card = self._cards.pop(act, None)
            if card is not None:
                self._order.remove((card["at"], act))
                self._changed.pop(act, None)
                self._gone[act] = self.sequence
        for act, card in news.cards.items():
            before = self._cards.get(act)
            if before is None or before["at"] != card["at"]:
                if before is not None:
                    self._order.remove((before["at"], act))
                insort(self._order, (card["at"], act))
            self._cards[act] = card
            self._changed.pop(act, None)
            self._changed[act] = self.sequence
            self._gone.pop(act, None)
        if news.status is not None:
            self.status = news.status
        if news.marks is not None:
            self.marks = news.marks
        if news.proofs is not None:
            self.proofs = news.proofs
        if news.status is not None or news.marks is not None or news.proofs is not None:
            self._extras = self.sequence
        return True

    def message(self, epoch: str, since: int) -> Json | None:
        """Return what a reader lacks that knows everything of `epoch` up to sequence `since`; None: nothing."""
        if epoch != self.epoch or since > self.sequence or since < 0:
            return self._whole()
        if since == self.sequence:
            return None
        acts = list(self._since(since))
        if len(acts) > AT_ONCE:
            return self._whole()
        return {
            "type": "news",
            "epoch": self.epoch,
            "sequence": self.sequence,
            "acts": [self._cards[act] for act in acts],
            "gone": [act for act, at in self._gone.items() if at > since],
            "counts": self._counts(),
            **self._beside(since),
        }

    def older(self, before: str, number: int) -> list[Json]:
        """Return up to `number` acts from before the RFC 3339 time `before`, the newest first."""
        found = [act for at, act in reversed(self._order) if at < before]
        return [self._cards[act] for act in found[:number]]

    def card(self, act: str) -> Json | None:
        """Return one act as the list shows it."""
        return self._cards.get(act)

    # inside

    def _whole(self) -> Json:
        return {
            "type": "whole",
            "epoch": self.epoch,
            "sequence": self.sequence,
            "acts": [self._cards[act] for _, act in self._order[-NEWEST:]],
            "points": [
                [act, at, self._cards[act]["severity"]["band"], self._cards[act]["standing"]]
                for at, act in self._order[-_POINTS:]
            ],
            "counts": self._counts(),
            **self._beside(-1),
        }

    def _beside(self, since: int) -> Json:
        if self._extras <= since:
            return {}
        return {"status": self.status, "marks": self.marks, "proofs": self.proofs}

    def _since(self, since: int) -> Iterator[str]:
        for act, at in reversed(self._changed.items()):
            if at <= since:
                return
            yield act

    def _counts(self) -> Json:
        """Return what the acts add up to: in all, by site, by topic."""
        if self._counted[0] != self.sequence:
            self._counted = (self.sequence, self._count())
        return self._counted[1]

    def _count(self) -> Json:
        sites: dict[str, dict[str, Any]] = {}
        topics: dict[str, dict[str, Any]] = {}
        total = {"acts": len(self._cards), "events": 0, "counted": 0, "low": 0, "withheld": 0, "dismissed": 0,
                 "before_consent": 0, "open": 0}  # fmt: skip
        for card in self._cards.values():
            counts = card["standing"] in _COUNTED
            total["events"] += card["total"]
            total["counted"] += counts
            for standing in ("low", "withheld", "dismissed"):
                total[standing] += card["standing"] == standing
            total["before_consent"] += counts and card["consent"]["before"]
            total["open"] += card["standing"] in {"counted", "withheld"} and card["review"]["state"] == "open"
            _add(sites, card["site"] or "", card, counts)
            if counts:
                for topic in card["topics"]:
                    _add(topics, topic, card, counts)
        return {
            "total": total,
            "sites": _tallies(sites, lambda key: key or "site not known"),
            "topics": _tallies(topics, lambda key: wording.capital(wording.category(key))),
        }


def _add(tallies: dict[str, dict[str, Any]], key: str, card: Json, counts: bool) -> None:
    tally = tallies.setdefault(key, {"acts": 0, "counted": 0, "events": 0, "band": "none"})
    tally["acts"] += 1
    tally["counted"] += counts
    tally["events"] += card["total"]
    band = card["severity"]["band"]
    if counts and _RANK[band] > _RANK[tally["band"]]:
        tally["band"] = band


def _tallies(found: dict[str, dict[str, Any]], name: Any) -> list[Json]:
    ordered = sorted(found.items(), key=lambda pair: (-_RANK[pair[1]["band"]], -pair[1]["counted"], pair[0]))
    return [
        {
            "key": key,
            "name": name(key),
            **tally,
            "glyph": wording.BAND_GLYPHS[tally["band"]],
            "word": wording.BANDS[tally["band"]],
        }
        for key, tally in ordered[:_TALLIES]
    ]
