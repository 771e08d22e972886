"""What a command that brought traffic in says at its end, about the session it made."""

from collections import Counter
from typing import TYPE_CHECKING

from cli.talk import say

if TYPE_CHECKING:
    from addon.store.store import Store
    from cli.headline import Headline


def say_outcome(store: "Store", session: str) -> None:
    """Say in a few sentences what a session holds. Raises NotDerivedError and SessionNotFoundError."""
    from cli import wording  # noqa: PLC0415 - loaded when needed
    from cli.headline import headline_of  # noqa: PLC0415

    found = counts_of(store, session)
    if found.reconstruction:
        say(wording.RECONSTRUCTION)
    held = store.held_requests(session)
    if held:
        say(wording.held(held))
    say(f"Session {session}: {found.events} events in {found.acts} visitor acts.")
    say(headline_of(found))


def counts_of(store: "Store", session: str) -> "Headline":
    """Return what the headline of a session's report counts, without reading its events whole.

    Raises NotDerivedError where the session was never derived, SessionNotFoundError and StoreError.
    """
    from cli.headline import Headline, kind_counts, standing_of  # noqa: PLC0415 - loaded when needed

    row = store.session(session)
    if store.digests(row.id) is None:
        from cli.report import NotDerivedError  # noqa: PLC0415

        raise NotDerivedError(f"session {row.id} has not been evaluated; run: pixelwitness rescore {row.id}")
    events = store.standings(row.id)
    acts = store.acts(row.id)
    standings: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    sites: set[str | None] = set()
    for act in acts:
        standing, _ = standing_of([events[event] for event in act.event_ids if event in events])
        standings[standing] += 1
        if standing == "counted":
            kinds[act.kind] += 1
            sites.add(act.site)
    return Headline(
        acts=len(acts),
        events=len(events),
        left=sum(event.delivery != "not_sent" for event in events.values()),
        counted=standings["counted"],
        withheld=standings["withheld"],
        kinds=kind_counts({act.kind: kinds[act.kind] for act in acts}),
        sites=len(sites - {None}),
        unknown_site=None in sites,
        reconstruction=row.provenance == "reconstruction",
    )
