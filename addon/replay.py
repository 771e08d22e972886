"""A saved capture into a session: read, observe, keep, derive."""

from collections.abc import Callable, Sequence
from pathlib import Path

from addon.audit import consent_of, derive
from addon.capture import file_sha256, read_capture
from addon.consent.clicks import banner_clicks
from addon.consent.timeline import timelines
from addon.model import Frozen, Problem
from addon.observation import Observer
from addon.reader import CaptureReader
from addon.store.rows import SourceRow
from addon.store.store import Store
from rules.engine import Matcher
from rules.loader import load_packs, pack_names

Progress = Callable[[int], None]
"""Called with the number of bytes of the current capture read so far."""

_PROGRESS_EVERY = 50


class ReplayedSource(Frozen):
    """What reading one capture brought. `known`: the session held all of it already."""

    name: str
    requests_seen: int
    requests_matched: int
    complete: bool
    known: bool
    problems: tuple[Problem, ...]


class _Reading:
    """One capture, read and observed, not yet kept."""

    def __init__(self, path: Path, reader: CaptureReader, sha256: str, progress: Progress) -> None:
        self.path = path
        self.sha256 = sha256
        self.reader = reader
        self.observer = Observer(source_id(reader.kind, sha256))
        self.first_at: float | None = None
        self.last_at: float | None = None
        for number, request in enumerate(reader):
            self.observer.observe(request)
            moment = request.started_at
            self.first_at = moment if self.first_at is None else min(self.first_at, moment)
            self.last_at = moment if self.last_at is None else max(self.last_at, moment)
            if number % _PROGRESS_EVERY == 0:
                progress(reader.position())
        self.observer.finish()
        progress(reader.size)

    def contents(self) -> frozenset[str]:
        """Return what the capture is recognised by (see `Store.contents`)."""
        pages = (f"{page.at!r} {page.url}" for page in self.observer.pages)
        return frozenset([*(item.key for item in self.observer.requests), *pages])

    def source(self, known_id: str | None = None) -> SourceRow:
        reader = self.reader
        return SourceRow(
            id=known_id or self.observer.source_id,
            name=self.path.name,
            kind=reader.kind,
            sha256=self.sha256,
            bytes=reader.size,
            read_to=reader.read_to,
            complete=reader.complete,
            requests_seen=reader.seen,
            requests_matched=len(self.observer.requests),
            cookies_seen=self.observer.cookies_seen,
            first_at=self.first_at,
            last_at=self.last_at,
        )


def source_id(kind: str, sha256: str) -> str:
    """Return the id of a source: its kind and the beginning of its SHA-256."""
    return f"{kind}-{sha256[:10]}"


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
) -> tuple[str, tuple[ReplayedSource, ...]]:
    """Read the captures at `paths` into one session and derive it anew; return its id and what was read.

    Only what the session does not hold yet is added, and nothing is written unless every capture was read
    as far as it can be. `packs` are the optional packs to switch on; for None those the session was derived
    with stay. Raises CaptureError where a capture cannot be read at all, StoreError where the database
    refuses, UnknownPackError for a pack that does not exist.
    """
    readers = [read_capture(path) for path in paths]  # every file is looked at before any is read
    digests = [file_sha256(path) for path in paths]
    name = session if session is not None else session_name(paths[0], digests[0])
    readings = [
        _Reading(path, reader, digest, progress) for path, reader, digest in zip(paths, readers, digests, strict=True)
    ]
    with store.transaction():
        store.ensure_session(name)
        results = tuple(_keep(store, name, reading) for reading in readings)
        stored = store.derivation(name)
        chosen, other = _other_rules(store, name, packs)
        digests_now = (matcher.ruleset.digest, other.ruleset.digest if other else None)
        other_rules = stored is None or (stored.ruleset_digest, stored.other_digest) != digests_now
        if other_rules or any(not result.known for result in results):
            store.write_derivation(name, derive(store.observations(name), matcher, other), chosen)
    return name, results


def rederive(store: Store, matcher: Matcher, session: str, packs: Sequence[str] | None = None) -> None:
    """Derive a session anew from its observations, with the optional packs it had unless others are given.

    Raises StoreError, and UnknownPackError for a pack that does not exist.
    """
    with store.transaction():
        chosen, other = _other_rules(store, session, packs)
        store.write_derivation(session, derive(store.observations(session), matcher, other), chosen)


def _other_rules(store: Store, session: str, packs: Sequence[str] | None) -> tuple[tuple[str, ...], Matcher | None]:
    """Return the optional packs that hold for a session, and a matcher of their rules if there are any."""
    chosen = pack_names(store.packs(session) if packs is None else packs)
    return chosen, Matcher(load_packs(chosen)) if chosen else None


def restamp(store: Store, session: str) -> None:
    """Work out anew the consent of a session's events, as after a mark; scores stay as they are. Raises StoreError.

    A proxy may be recording meanwhile: the database is locked for the writing alone, and what came in between counts.
    """
    since = store.revision()
    observations = store.observations(session)
    derivation = store.derivation(session)
    events = [item.event for item in derivation.events] if derivation else []
    by_site = timelines(observations.pages, observations.consent, observations.marks, banner_clicks(events))
    stamps = {event.id: consent_of(event, by_site) for event in events}
    with store.transaction():
        late = store.assessed_events(session, store.changed_events(session, since))
        stamps |= {item.event.id: consent_of(item.event, by_site) for item in late}
        store.put_consent(session, stamps)


def _keep(store: Store, session: str, reading: _Reading) -> ReplayedSource:
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
            _rename_source(reading, grown)
        store.put_source(session, reading.source(grown))
        store.add_observations(session, reading.observer, problems)
        if reading.observer.reconstruction:
            store.mark_reconstruction(session)
    return ReplayedSource(
        name=reading.path.name,
        requests_seen=reading.reader.seen,
        requests_matched=len(reading.observer.requests),
        complete=reading.reader.complete,
        known=known,
        problems=problems,
    )


def _rename_source(reading: _Reading, source: str) -> None:
    observer = reading.observer
    observer.source_id = source
    observer.requests = [item.model_copy(update={"source_id": source}) for item in observer.requests]
    observer.pages = [item.model_copy(update={"source_id": source}) for item in observer.pages]
    observer.consent = [item.model_copy(update={"source_id": source}) for item in observer.consent]
