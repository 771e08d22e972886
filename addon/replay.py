"""A saved capture into a session: read, observe, keep, derive."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from addon.audit import timelines_of, visitor_of
from addon.capture import read_capture
from addon.model import Frozen, Problem
from addon.reading import Progress, Reading
from addon.store.store import Store
from addon.store.unfinished import Unfinished
from rules.engine import Matcher
from rules.loader import load_packs, pack_names

if TYPE_CHECKING:
    from addon.workers import Workers

WORTH_IT = 48 << 20
"""Captures with fewer bytes than this are read faster by one process than others are started."""

SHARED_FROM = 2_000
"""Sessions with fewer requests that carry events are assessed faster by one process than others are started."""

Assessing = Callable[[int, int], None]
"""Called with how many requests that carry events were worked out so far, and how many there are."""


class ReplayedSource(Frozen):
    """What reading one capture brought. `known`: the session held all of it already."""

    name: str
    requests_seen: int
    requests_matched: int
    complete: bool
    known: bool
    problems: tuple[Problem, ...]


def session_name(path: Path, sha256: str) -> str:
    """Return the name of the session that a replay of `path` makes where none is given."""
    return f"{path.stem}-{sha256[:8]}"


def replay(
    store: Store,
    matcher: Matcher,
    session: str | None,
    paths: Sequence[Path],
    progress: Progress = lambda _: None,
    packs: Sequence[str] | None = None,
    jobs: int = 1,
    assessing: Assessing = lambda *_: None,
) -> tuple[str, tuple[ReplayedSource, ...]]:
    """Read the captures at `paths` into one session and derive it anew; return its id and what was read.

    Only what the session does not hold yet is added, and nothing is written unless every capture was read
    as far as it can be. Where that was interrupted, the next call goes on from there. `packs` are the optional
    packs to switch on; for None those the session was derived with stay. `jobs` processes read large captures;
    the result is the same for any number. Raises
    CaptureError where a capture cannot be read at all, StoreError where the database refuses,
    UnknownPackError for a pack that does not exist, WorkerError where another process ended.
    `progress` is told of reading, `assessing` of what follows.
    """
    readers = [read_capture(path) for path in paths]  # every file is looked at before any is read
    readings = [
        Reading(path, reader, Unfinished(store.path, path)) for path, reader in zip(paths, readers, strict=True)
    ]
    with _helpers(jobs if any(reading.reader.size >= WORTH_IT for reading in readings) else 1, matcher) as helpers:
        for reading in readings:
            reading.read(progress, helpers)
        name = session if session is not None else session_name(paths[0], readings[0].sha256)
        with store.filling():
            store.ensure_session(name)
            results = tuple(_keep(store, name, reading) for reading in readings)
            chosen, other = _other_rules(store, name, packs)
            digests_now = (matcher.ruleset.digest, other.ruleset.digest if other else None)
            if store.digests(name) != digests_now or any(not result.known for result in results):
                share = None if helpers is None else partial(helpers.read_session, packs=chosen)
                total = store.role_counts(name).get("event", 0)
                store.rewrite_derivation(name, matcher, other, chosen, share, lambda done: assessing(done, total))
    for reading in readings:
        reading.unfinished.remove()
    return name, results


@contextmanager
def _helpers(jobs: int, matcher: Matcher) -> Iterator["Workers | None"]:
    """Give the block other processes, where there is to be more than one."""
    if jobs < 2:
        yield None
        return
    from addon.workers import workers  # noqa: PLC0415 - only what is large needs it

    with workers(jobs, matcher) as helpers:
        yield helpers


def rederive(
    store: Store,
    matcher: Matcher,
    session: str,
    packs: Sequence[str] | None = None,
    jobs: int = 1,
    assessing: Assessing = lambda *_: None,
) -> None:
    """Derive a session anew from its observations, with the optional packs it had unless others are given.

    `jobs` processes share the work on a large session; the result is the same for any number. `assessing` is told how
    far it is. Raises StoreError, UnknownPackError for a pack that does not exist, WorkerError where another process
    ended.
    """
    total = store.role_counts(session).get("event", 0)
    with _helpers(jobs if total >= SHARED_FROM else 1, matcher) as helpers, store.filling():
        chosen, other = _other_rules(store, session, packs)
        share = None if helpers is None else partial(helpers.read_session, packs=chosen)
        store.rewrite_derivation(session, matcher, other, chosen, share, lambda done: assessing(done, total))


def _other_rules(store: Store, session: str, packs: Sequence[str] | None) -> tuple[tuple[str, ...], Matcher | None]:
    """Return the optional packs that hold for a session, and a matcher of their rules if there are any."""
    chosen = pack_names(store.packs(session) if packs is None else packs)
    return chosen, Matcher(load_packs(chosen)) if chosen else None


def restamp(store: Store, session: str) -> None:
    """Work out anew consent and login of a session's events, as after a mark; scores stay. Raises StoreError.

    A proxy may be recording meanwhile: the database is locked for the writing alone, and what came in between counts.
    """
    since = store.revision()
    observations = store.observations(session)
    derivation = store.derivation(session)
    events = [item.event for item in derivation.events] if derivation else []
    by_site = timelines_of(observations, events)
    stamps = {event.id: visitor_of(event, by_site) for event in events}
    with store.transaction():
        late = store.assessed_events(session, store.changed_events(session, since))
        stamps |= {item.event.id: visitor_of(item.event, by_site) for item in late}
        store.put_consent(session, stamps)


def _keep(store: Store, session: str, reading: Reading) -> ReplayedSource:
    sources = store.sources(session)
    problems = tuple(reading.reader.problems)
    mine = reading.contents()
    held = [(source, store.contents(session, source.id)) for source in sources if source.kind == reading.reader.kind]
    known = any(source.sha256 == reading.sha256 for source in sources) or any(
        mine and mine <= theirs and reading.reader.size <= (source.bytes or 0) for source, theirs in held
    )
    if not known:
        # a source of which this capture is a longer version
        grown = next((source.id for source, theirs in held if theirs and theirs <= mine), None)
        if grown is not None:
            store.clear_problems(session, grown)
            reading.rename(grown)
        store.put_source(session, reading.source(grown))
        if reading.spilled:
            reading.unfinished.give(store, session, reading.observer.source_id)
        store.add_observations(session, reading.observer, problems)
        if reading.observer.reconstruction:
            store.mark_reconstruction(session)
    return ReplayedSource(
        name=reading.path.name,
        requests_seen=reading.reader.seen,
        requests_matched=reading.matched,
        complete=reading.reader.complete,
        known=known,
        problems=problems,
    )
