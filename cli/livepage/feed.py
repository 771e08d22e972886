"""The database, watched: what of a session changed since the last look, as the live page shows it.

A feed is used by one thread at a time. It looks at the database's own change counter first, so that looking ten times
a second costs nothing while nothing happens.
"""

import time
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from addon.audit import AssessedEvent
from addon.consent.timeline import Proof
from addon.model import Act as FoundAct
from addon.redaction import Redactor, mask_email
from addon.store.rows import LiveProxyRow, SessionRow
from addon.store.store import SessionNotFoundError, Store
from addon.times import optional_rfc3339, rfc3339
from cli import wording
from cli.livepage import view
from cli.livepage.view import Json
from cli.report import act_of, event_of, identifiers_in
from cli.schema import Event, Mark, PublicAddress
from cli.summary import entry_of

SILENT_SECONDS: Final = 3.0
"""A proxy beats every second; after this long without a beat it is gone."""

ACTS_AT_ONCE: Final = 40
"""How many acts one look works through; the newest come first and the rest follow at the next look."""

MARK_SECONDS: Final = 600.0
"""What the investigator states belongs to the session until this long after its proxy's last sign of life."""

_EVENTS_KEPT: Final = 800
_PROBLEMS_SHOWN: Final = 30
_PROOFS_SHOWN: Final = 200


class News(NamedTuple):
    """What one look brought.

    `fresh`: the session is another one than before (or was derived anew from the start), forget everything earlier.
    `cards` are acts by id, new or changed; `gone` are ids of acts that are no more. `status`, `marks` and `proofs`
    are given where they changed. `more`: not everything was worked through, look again at once.
    """

    fresh: bool = False
    cards: Mapping[str, Json] = {}
    gone: tuple[str, ...] = ()
    status: Json | None = None
    marks: list[Json] | None = None
    proofs: list[Json] | None = None
    more: bool = False

    def __bool__(self) -> bool:
        beside = (self.status, self.marks, self.proofs)
        return bool(self.fresh or self.cards or self.gone) or any(part is not None for part in beside)


class Detail(NamedTuple):
    """The models behind one act."""

    act: FoundAct
    events: dict[str, Event]
    held: frozenset[str]


class Feed:
    """Follows one proxy, or one session, in a database."""

    def __init__(self, path: Path, session: str | None = None, proxy: str | None = None) -> None:
        """Follow the proxy with this id, else whatever proxy records `session`, else the proxy started last.

        `session` is a session's id or name and may not exist yet where a proxy is given. Raises StoreError, and
        SessionNotFoundError for a session that neither exists nor is being recorded.
        """
        self._store = Store(path, create=False)
        self._fixed_proxy = proxy
        self._any = session is None and proxy is None
        self._proxy: LiveProxyRow | None = None
        self._session = session or ""
        self._version = -1
        self._forget()
        self._status: Json | None = None
        try:
            if session is not None and proxy is None:
                rows = self._store.live_proxies()
                if not any(row.session == session for row in rows):
                    self._session = self._store.session(session).id
        except BaseException:
            self._store.close()
            raise

    @property
    def session(self) -> str:
        """The id of the session that is shown; empty while there is none."""
        return self._session

    @property
    def proxy(self) -> LiveProxyRow | None:
        """The proxy that is followed, as of the last look."""
        return self._proxy

    def close(self) -> None:
        """Close the database."""
        self._store.close()

    def look(self, now: float | None = None) -> News:
        """Return what changed since the last look; `now` is the present moment in epoch seconds. Raises StoreError."""
        moment = time.time() if now is None else now
        version = self._store.data_version()
        if version == self._version and not self._pending:
            return News(status=self._news_of_status(moment))
        self._version = version
        fresh = self._attach(moment)
        row = self._session_row()
        if row is None:
            return News(fresh=fresh, status=self._news_of_status(moment))
        fresh = self._collect() or fresh
        cards, gone = self._work()
        return News(
            fresh=fresh,
            cards=cards,
            gone=gone,
            status=self._news_of_status(moment, row),
            marks=self._news_of_marks(),
            proofs=self._news_of_proofs(),
            more=bool(self._pending),
        )

    def detail(self, act: str) -> Json | None:
        """Return everything about one act, or None where there is no such act. Raises StoreError."""
        found = self._acts.get(act)
        row = self._session_row()
        if found is None or row is None:
            return None
        items = self._store.assessed_events(self._session, found.event_ids)
        if not items:
            return None
        events, held = self._events_of(items)
        derivation_rules = self._rule_titles(items)
        stated = None
        if row.public_address is not None and row.public_address_stated_at is not None:
            stated = PublicAddress(
                value=Redactor((), reveal=False, addresses=(row.public_address,)).text(row.public_address),
                stated_by=row.public_address_stated_by,
                stated_at=row.public_address_stated_at,
            )
        return view.act_detail(
            entry_of(act_of(found, items, reveal=False), events),
            held,
            derivation_rules,
            {source.id: source.name for source in self._store.sources(self._session)},
            stated,
            reconstruction=row.provenance == "reconstruction",
        )

    # inside

    def _forget(self) -> None:
        self._revision = 0
        self._acts: dict[str, FoundAct] = {}
        self._orphans: dict[str, FoundAct] = {}
        self._pending: dict[str, None] = {}
        self._shown: dict[str, Json] = {}
        self._events: OrderedDict[str, tuple[AssessedEvent, Event, bool]] = OrderedDict()
        self._marks: list[Json] | None = None
        self._proofs: dict[tuple[str, float, str], str] = {}
        self._proofs_told: list[Json] | None = None

    def _attach(self, moment: float) -> bool:
        """Choose the proxy and the session to show; return whether the session is another one now."""
        rows = self._store.live_proxies()
        current = next((row for row in rows if self._proxy is not None and row.id == self._proxy.id), None)
        if self._fixed_proxy is not None:
            current = next((row for row in rows if row.id == self._fixed_proxy), None)
        elif current is None or not is_running(current, moment):
            fitting = [row for row in rows if self._any or row.session == self._session]
            running = [row for row in fitting if is_running(row, moment)]
            current = running[-1] if running else current or (fitting[-1] if fitting else None)
        self._proxy = current
        wanted = current.session if current is not None else self._session
        if not wanted and self._any:
            try:
                wanted = self._store.session().id
            except SessionNotFoundError:
                wanted = ""
        if wanted == self._session:
            return False
        self._session = wanted
        self._forget()
        return True

    def _session_row(self) -> SessionRow | None:
        return next((row for row in self._store.sessions() if row.id == self._session), None)

    def _collect(self) -> bool:
        """Note which acts are to be worked out; return whether everything earlier is void."""
        revision = self._store.revision()
        fresh = revision < self._revision  # a session was removed from the database
        if fresh:
            self._forget()
        if revision == self._revision:
            return fresh
        changed = self._store.changed_events(self._session, self._revision)
        self._revision = revision
        for event in changed:
            self._events.pop(event, None)
        before = self._acts
        acts = {act.id: act for act in self._store.acts(self._session)}
        claimed = {event: act.id for act in acts.values() for event in act.event_ids}
        self._orphans = {id_: act for id_, act in self._orphans.items() if id_ not in claimed}
        orphans = [event for event in changed if event not in claimed]
        for item in self._store.assessed_events(self._session, orphans) if orphans else ():
            event_ = item.event
            self._orphans[event_.id] = FoundAct(
                id=event_.id,
                kind="other",
                site=event_.site,
                page_url=event_.page_url,
                at=event_.occurred_at,
                event_ids=(event_.id,),
            )
        acts |= self._orphans
        touched = {claimed.get(event, event) for event in changed}
        touched |= {id_ for id_, act in acts.items() if before.get(id_) != act}
        self._acts = acts
        wanted = [id_ for id_ in (*touched, *self._pending) if id_ in acts]
        self._pending = dict.fromkeys(sorted(wanted, key=lambda id_: (-acts[id_].at, id_)))
        return fresh

    def _work(self) -> tuple[dict[str, Json], tuple[str, ...]]:
        """Work out the next acts, the newest first; return those that read otherwise now, and those that are gone."""
        batch = list(self._pending)[:ACTS_AT_ONCE]
        for id_ in batch:
            del self._pending[id_]
        gone = tuple(id_ for id_ in self._shown if id_ not in self._acts)
        for id_ in gone:
            del self._shown[id_]
        missing = [event for id_ in batch for event in self._acts[id_].event_ids if event not in self._events]
        fetched: dict[str, tuple[AssessedEvent, Event, bool]] = {}
        if missing:
            items = self._store.assessed_events(self._session, missing)
            events, held = self._events_of(items)
            fetched = {item.event.id: (item, events[item.event.id], item.event.id in held) for item in items}
        cards: dict[str, Json] = {}
        for id_ in batch:
            act = self._acts[id_]
            known = [found for event in act.event_ids if (found := fetched.get(event) or self._events.get(event))]
            if not known:
                continue
            entry = entry_of(
                act_of(act, [item for item, _, _ in known], reveal=False), {event.id: event for _, event, _ in known}
            )
            made = view.card(entry, frozenset(event.id for _, event, held_ in known if held_))
            if self._shown.get(id_) != made:
                self._shown[id_] = cards[id_] = made
            for item, _, _ in known:
                self._note_proofs(item)
        for event_id, found in fetched.items():
            self._events[event_id] = found
        while len(self._events) > _EVENTS_KEPT:
            self._events.popitem(last=False)
        return cards, gone

    def _events_of(self, items: tuple[AssessedEvent, ...]) -> tuple[dict[str, Event], frozenset[str]]:
        """Return events as reports show them, and the ids of those all of whose requests were held back."""
        observed = self._store.requests_of(self._session, [item.event.id for item in items])
        reviews = self._store.reviews(self._session)
        events = {
            item.event.id: event_of(item, observed, reviews.get(item.event.id), reveal=False)
            for item in items
            if all(hit.request_key in observed for hit in item.event.hits)
        }
        held = frozenset(
            item.event.id
            for item in items
            if item.event.id in events and all(observed[hit.request_key].request.held for hit in item.event.hits)
        )
        return events, held

    def _rule_titles(self, items: tuple[AssessedEvent, ...]) -> dict[str, str]:
        digests = {item.assessment.ruleset_digest for item in items}
        digests |= {item.other.ruleset_digest for item in items if item.other is not None}
        return {rule.id: rule.title for digest in digests for rule in self._store.rules(self._session, digest)}

    def _note_proofs(self, item: AssessedEvent) -> None:
        stamp = item.consent
        for proof in (stamp.last_before, stamp.first_after):
            if isinstance(proof, Proof) and not proof.marked and item.event.site:
                self._proofs[item.event.site, proof.at, proof.state] = proof.proof

    def _news_of_proofs(self) -> list[Json] | None:
        """Return where what is proved of consent changed, site by site, if that reads otherwise than before."""
        last: dict[str, str] = {}
        changes = []
        for (site, at, state), proof in sorted(self._proofs.items(), key=lambda pair: pair[0][1]):
            if last.get(site) != state:
                last[site] = state
                changes.append(
                    {
                        "at": rfc3339(at),
                        "site": site,
                        "state": state,
                        "text": f"{wording.CONSENT_STATES[state]}: {mask_email(proof)}",  # type: ignore[index]
                    }
                )
        told = list(view.shown(changes[-_PROOFS_SHOWN:]))
        if told == self._proofs_told or (not told and self._proofs_told is None):
            return None
        self._proofs_told = told
        return told

    def _news_of_marks(self) -> list[Json] | None:
        marks = [
            view.mark_line(Mark(at=rfc3339(mark.at), kind=mark.kind, site=mark.site, text=mark.text, by=mark.by))
            for mark in self._store.marks(self._session)
        ]
        if marks == self._marks or (not marks and self._marks is None):
            return None
        self._marks = marks
        return marks

    def _news_of_status(self, moment: float, row: SessionRow | None = None) -> Json | None:
        """Return the state of proxy and session where it is another one than at the last look."""
        if row is not None or self._status is None:
            status = self._told_of_session(row)
        else:
            status = {key: value for key, value in self._status.items() if key != "proxy"}
        status = {**status, "proxy": proxy_state(self._proxy, moment)}
        if status == self._status:
            return None
        self._status = status
        return status

    def _told_of_session(self, row: SessionRow | None) -> Json:
        if row is None:
            return {"session": None, "warnings": [], "page": None, "problems": [], "problem_count": 0}
        problems = self._store.source_problems(row.id)
        page = self._store.last_page(row.id)
        warnings = []
        if row.provenance == "reconstruction":
            warnings.append(wording.RECONSTRUCTION)
        if not row.complete:
            warnings.append(wording.INCOMPLETE)
        redactor = Redactor(identifiers_in(page.url) if page else (), reveal=False)
        return dict(
            view.shown(
                {
                    "session": {"id": row.id, "name": row.name},
                    "warnings": warnings,
                    "page": page
                    and {
                        "url": redactor.text(page.url)[:300],
                        "title": (redactor.optional(page.title) or "")[:200],
                        "site": page.site,
                        "at": rfc3339(page.at),
                    },
                    "problems": [
                        f"{problem.where}: {redactor.text(problem.what)}"[:300]
                        for problem in problems[-_PROBLEMS_SHOWN:]
                    ],
                    "problem_count": len(problems),
                }
            )
        )


def is_running(proxy: LiveProxyRow, moment: float) -> bool:
    """Tell whether a proxy gave a sign of life within the last seconds and has not said that it ended."""
    return proxy.ended_at is None and moment - proxy.beat_at <= SILENT_SECONDS


def takes_marks(proxy: LiveProxyRow | None, moment: float) -> bool:
    """Tell whether what happens at `moment` belongs to the session that the proxy records, or just did."""
    return proxy is not None and moment - (proxy.ended_at or proxy.beat_at) <= MARK_SECONDS


def proxy_state(proxy: LiveProxyRow | None, moment: float) -> Json:
    """Return what is known of the proxy; `state` is none, running, ended (in order) or gone (without a word)."""
    if proxy is None:
        return {"state": "none", "marks": False}
    state = "running" if is_running(proxy, moment) else "ended" if proxy.ended_at is not None else "gone"
    return {
        "state": state,
        "marks": takes_marks(proxy, moment),
        "listening": proxy.listening,
        "recording": Path(proxy.recording).name if proxy.recording else None,
        "holding": proxy.holding,
        "seen": proxy.seen,
        "since": rfc3339(proxy.started_at),
        "last_sign": None if state == "running" else optional_rfc3339(proxy.ended_at or proxy.beat_at),
        "wanted": proxy.wanted_session if state == "running" else None,
    }
