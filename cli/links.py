"""What ties the sessions of one database to one another, built from the store and redacted already."""

from collections.abc import Sequence
from itertools import combinations

from addon.linkability import CookieSet, cookies_set, lifetimes
from addon.store.rows import SessionRow
from addon.store.store import Store
from addon.times import now, optional_rfc3339
from cli.history import Member, Names, histories, unjoined
from cli.linked import LinkedSession, Links, SharedEvents
from cli.report import NotDerivedError
from cli.ties import members_of


def build_links(store: Store, sessions: Sequence[SessionRow], *, reveal: bool = False) -> Links:
    """Return what joins the events of `sessions`, within each and across them, shortened unless `reveal`.

    Raises NotDerivedError where one was never derived, StoreError where the database refuses.
    """
    members: list[Member] = []
    cookies: list[CookieSet] = []
    own: dict[str, list[Member]] = {}
    for session in sessions:
        derivation = store.derivation(session.id)
        if derivation is None:
            raise NotDerivedError(
                f"session {session.id} has not been evaluated; run: pixelwitness rescore {session.id}"
            )
        own[session.id] = members_of(session.id, derivation.events, derivation.acts, store.reviews(session.id))
        members += own[session.id]
        cookies += cookies_set(store.observed_requests(session.id).values())
    names = Names(members, reveal=reveal, set_by_answers=lifetimes(cookies))
    return Links(
        generated_at=now(),
        revealed=reveal,
        sessions=tuple(_session(store, session, own[session.id], names) for session in sessions),
        shared_events=tuple(_shared(own)),
        histories=histories(members, names, reveal=reveal),
    )


def _session(store: Store, session: SessionRow, members: Sequence[Member], names: Names) -> LinkedSession:
    sources = store.sources(session.id)
    starts = [source.first_at for source in sources if source.first_at is not None]
    ends = [source.last_at for source in sources if source.last_at is not None]
    return LinkedSession(
        id=session.id,
        name=session.name,
        provenance=session.provenance,
        started_at=optional_rfc3339(min(starts, default=None)),
        ended_at=optional_rfc3339(max(ends, default=None)),
        events=len(members),
        unjoined_events=len(unjoined(members, names)),
        linkability_complete=all(member.event.linkability_complete for member in members),
    )


def _shared(own: dict[str, list[Member]]) -> list[SharedEvents]:
    """Return the pairs of sessions that hold the same events, which are two captures of one browsing."""
    ids = {session: {member.event.id for member in members} for session, members in own.items()}
    return [
        SharedEvents(sessions=(one, other), events=number)
        for one, other in combinations(ids, 2)
        if (number := len(ids[one] & ids[other]))
    ]
