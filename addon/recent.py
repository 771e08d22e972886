"""The latest events of an open session, which a further request may still change.

Everything older is in the database only. What is said here of a long session is what is known while it runs;
at its end all of it is derived anew from the observations.
"""

from typing import NamedTuple

from addon.acts import Told as ToldOfAct
from addon.acts import acts_behind, in_order, told_by
from addon.audit import AssessedEvent, VisitorStamp, assess, build_event, decode, witness_of
from addon.consent.clicks import banner_clicks
from addon.consent.history import ConsentHistory
from addon.decoders.base import Decoded
from addon.fold import fold, marks_of, related
from addon.model import Act
from addon.observation import ObservedRequest
from addon.sighting import Sighting
from rules.engine import Matcher

RECENT_SIGHTINGS = 200
"""How many of the latest sightings a new one is folded with."""

ACT_SECONDS = 120.0
"""An act that began longer ago than this gains no events any more."""

MOST_ACTS = 120
"""How many of the latest acts are kept open, however fast they follow each other."""

SLACK = 50
"""So many more may come together before the oldest are forgotten, which means to look at all of them."""


class _Recent(NamedTuple):
    """A sighting, and what it can be folded by."""

    sighting: Sighting
    marks: frozenset[int | None]


class Change(NamedTuple):
    """What new requests changed: events to write, ids of events that became part of others, and acts.

    `former_acts` are the ids that `acts` take the place of. `raised` are the ids of events that are new or
    score higher than before, `held` of those none of whose requests was let through.
    """

    events: tuple[AssessedEvent, ...]
    gone: tuple[str, ...]
    former_acts: tuple[str, ...]
    acts: tuple[Act, ...]
    raised: frozenset[str]
    held: frozenset[str]


UNCHANGED = Change((), (), (), (), frozenset(), frozenset())


class RecentEvents:
    """Folds the requests of an open session, as they come, with the latest ones."""

    def __init__(self, matcher: Matcher, other: Matcher | None, history: ConsentHistory) -> None:
        """Evaluate with `matcher`, and with the rules of optional packs in `other`."""
        self._matcher = matcher
        self._other = other
        self._history = history
        self._latest: list[_Recent] = []
        self._touched: set[str] = set()
        self._event_of: dict[tuple[str, int], str] = {}
        self._scores: dict[str, int] = {}
        self._open: dict[str, AssessedEvent] = {}
        self._closed: set[str] = set()
        self._told: dict[str, ToldOfAct] = {}
        self._acts: tuple[Act, ...] = ()

    def add(self, observed: ObservedRequest) -> Decoded:
        """Take in a request; return what it holds."""
        decoded = decode(observed)
        witness = witness_of(observed)
        sightings = [Sighting(hit, witness) for hit in decoded.hits]
        self._latest += [_Recent(sighting, frozenset(marks_of(sighting))) for sighting in sightings]
        if decoded.hits:
            self._touched.add(witness.key)
        return decoded

    def answered(self, observed: ObservedRequest) -> None:
        """Take in how a request ended that was taken in when it left."""
        witness = witness_of(observed)
        for index, (sighting, marks) in enumerate(self._latest):
            if sighting.witness.key == witness.key:
                self._latest[index] = _Recent(Sighting(sighting.hit, witness), marks)
                self._touched.add(witness.key)

    def change(self, with_cookies: frozenset[str]) -> Change:
        """Work out what the requests taken in since the last call change; `with_cookies` as in `build_event`."""
        if not self._touched:
            return UNCHANGED
        touched = [index for index, recent in enumerate(self._latest) if recent.sighting.witness.key in self._touched]
        concerned = related([recent.marks for recent in self._latest], touched)
        groups = [
            group
            for group in fold(self._latest[index].sighting for index in concerned)
            if any(item.witness.key in self._touched for item in group)
        ]
        built = [build_event(group, with_cookies, None) for group in groups]
        self._history.add(clicks=banner_clicks(built))
        events: list[AssessedEvent] = []
        gone: set[str] = set()
        raised: set[str] = set()
        for group, event in zip(groups, built, strict=True):
            former = {self._event_of.get((item.witness.key, item.hit.index)) for item in group} - {None}
            item = assess(event, self._matcher, self._history.visitor(event), self._other)
            events.append(item)
            if item.assessment.score > max((self._scores.get(name or "", -1) for name in former), default=-1):
                raised.add(event.id)
            if former & self._closed:
                self._closed.add(event.id)
            if event.id not in self._closed:
                self._open[event.id] = item
                self._told[event.id] = told_by(event, searches=item.searched is not None)
            self._scores[event.id] = item.assessment.score
            self._event_of.update({(item.witness.key, item.hit.index): event.id for item in group})
            gone.update(name for name in former if name)
        gone -= {event.id for event in built}
        for name in gone:
            self._open.pop(name, None)
            self._told.pop(name, None)
        former_acts = {act.id: act for act in self._acts}
        self._acts = tuple(acts_behind(in_order(self._told.values())))
        acts = {act.id: act for act in self._acts}
        change = Change(
            events=tuple(events),
            gone=tuple(sorted(gone)),
            former_acts=tuple(key for key, act in former_acts.items() if acts.get(key) != act),
            acts=tuple(act for key, act in acts.items() if former_acts.get(key) != act),
            raised=frozenset(raised),
            held=frozenset(
                event.id
                for group, event in zip(groups, built, strict=True)
                if all(item.witness.request.held for item in group)
            ),
        )
        self._touched.clear()
        if len(self._latest) > RECENT_SIGHTINGS + SLACK or len(self._acts) > MOST_ACTS + SLACK:
            self._forget_old()
        return change

    def restamped(self) -> dict[str, VisitorStamp]:
        """Return what is known of the visitor at recent events of which more is known now, by event."""
        changed = {}
        news = self._history.news()
        for key, item in self._open.items() if news else ():
            since = news.get(item.event.site or "")
            if since is None or item.event.occurred_at < since:
                continue
            stamp = self._history.visitor(item.event)
            if stamp != VisitorStamp(consent=item.consent, login=item.login):
                changed[key] = stamp
                self._open[key] = item.model_copy(update={"consent": stamp.consent, "login": stamp.login})
        return changed

    def _forget_old(self) -> None:
        self._latest = self._latest[-RECENT_SIGHTINGS:]
        kept = {(item.witness.key, item.hit.index) for item, _ in self._latest}
        self._event_of = {place: event for place, event in self._event_of.items() if place in kept}
        latest = max((act.at for act in self._acts), default=0.0)
        open_acts = [act for act in self._acts if latest - act.at <= ACT_SECONDS][-MOST_ACTS:]
        self._acts = tuple(open_acts)
        still_open = {event for act in open_acts for event in act.event_ids}
        folded = set(self._event_of.values())
        self._closed = (self._closed | (self._open.keys() - still_open)) & folded
        self._open = {key: item for key, item in self._open.items() if key in still_open}
        self._told = {key: told for key, told in self._told.items() if key in still_open}
        self._scores = {key: score for key, score in self._scores.items() if key in folded}
