"""What the way of a pixel request from capture to database costs, stage by stage, in microseconds.

    python benchmarks/event_path.py [COPIES]

The input is made of `captures/recordings/`: COPIES (by default 12) of all their requests, one after the other in time,
each with its own `ts`, `it`, `eid`, browser id and page address, so that no two copies are one event. Reading the file
is not measured. Every stage is run several times and the fastest run counts, as other programs disturb the slower ones;
memory is the peak of a run of its own over ten times as many requests.
"""

import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from addon.acts import acts_behind, in_order, told_by
from addon.audit import AssessedEvent, assess, build_event, decode, visitor_of, witness_of
from addon.capture import read_capture
from addon.consent.timeline import timelines
from addon.decoders.meta import content
from addon.derivation import EVENT_ROLES
from addon.fold import fold
from addon.model import CapturedRequest
from addon.observation import ObservedRequest, Observer
from addon.redaction import scrub
from addon.sighting import Sighting
from addon.store.rows import SourceRow
from addon.store.store import Store
from addon.witness import request_digest
from captures import recordings
from rules.engine import Matcher
from rules.loader import load_rules

ROUNDS = 5
SESSION = "benchmark"
SOURCE = "mitm-benchmark"

_CLOCK = re.compile(rb'((?:^|[?&]|name="|%26)(?:ts|it)(?:=|"\r\n\r\n|%3D))(\d{13})')
_DEDUPE = re.compile(rb'((?:^|[?&]|name=")eid(?:=|"\r\n\r\n)|"event_id":")([^&\r"]+)')
_GATEWAY_CLOCK = re.compile(rb'("event_time":)(\d{13})')
_BROWSER_ID = re.compile(rb"(fb\.1\.\d{13}\.)(\d{6})(\d+)")
_PAGE = re.compile(rb'((?:^|[?&]|name=")dl(?:=|"\r\n\r\n))(https?(?:://|%3A%2F%2F)[^&\r?%]+(?:%2F[^&\r?%]*)*)')


def fresh(text: bytes, copy: int, seconds: float) -> bytes:
    """Return part of a request as it would read in another visit, `seconds` later."""
    later = int(seconds * 1000)
    for pattern in (_CLOCK, _GATEWAY_CLOCK):
        text = pattern.sub(lambda found: found[1] + str(int(found[2]) + later).encode(), text)
    text = _DEDUPE.sub(lambda found: found[1] + found[2] + b".%d" % copy, text)
    text = _BROWSER_ID.sub(lambda found: found[1] + b"%06d" % (copy % 1_000_000) + found[3], text)
    return _PAGE.sub(lambda found: found[1] + found[2] + b"x%d" % copy, text)


def requests(copies: int) -> Iterator[CapturedRequest]:
    """Yield so many copies of the requests of all recordings, in the order of time."""
    originals = sorted(
        (request for path in recordings() for request in read_capture(path)), key=lambda request: request.started_at
    )
    length = originals[-1].started_at - originals[0].started_at + 60
    for copy in range(copies):
        seconds = copy * length
        for position, request in enumerate(originals):
            yield request.model_copy(
                update={
                    "position": copy * len(originals) + position,
                    "started_at": request.started_at + seconds,
                    "url": fresh(request.url.encode(), copy, seconds).decode(),
                    "headers": tuple(
                        (name, fresh(value.encode("latin-1"), copy, seconds).decode("latin-1"))
                        for name, value in request.headers
                    ),
                    "body": fresh(request.body, copy, seconds),
                }
            )


def best(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return the processor seconds that the fastest of several runs takes."""
    times = []
    for _ in range(rounds):
        begun = time.process_time()
        work()
        times.append(time.process_time() - begun)
    return min(times)


def observed_in(given: list[CapturedRequest]) -> Observer:
    observer = Observer(SOURCE)
    for request in given:
        observer.observe(request)
    observer.finish()
    return observer


def source_of(observer: Observer) -> SourceRow:
    return SourceRow(
        id=SOURCE, name="benchmark", kind="mitm", sha256=None, bytes=None, read_to=0, complete=True,
        requests_seen=0, requests_matched=len(observer.requests), cookies_seen=observer.cookies_seen,
        first_at=None, last_at=None,
    )  # fmt: skip


def keep(store: Store, observer: Observer) -> None:
    store.ensure_session(SESSION)
    store.put_source(SESSION, source_of(observer))
    store.add_observations(SESSION, observer)


def measure(copies: int) -> None:
    """Print the cost of every stage."""
    given = list(requests(copies))
    matcher = Matcher(load_rules())
    observer = observed_in(given)
    elsewhere = [request for request in given if not _concerns(request)]
    pixel = [item for item in observer.requests if item.role in EVENT_ROLES]
    number = len(pixel)
    print(f"{len(given)} requests, {len(observer.requests)} to Meta, {number} pixel requests")
    print("microseconds per pixel request:")

    def line(name: str, seconds: float, count: int = number) -> float:
        print(f"  {name:34} {seconds / count * 1e6:7.0f}")
        return seconds

    def sightings() -> list[Sighting]:
        return [Sighting(hit, witness_of(item)) for item in pixel for hit in decode(item).hits]

    with TemporaryDirectory() as folder:
        numbers = iter(range(1_000_000))

        def kept() -> Store:
            store = Store(Path(folder) / f"{next(numbers)}.db")
            with store.transaction():
                keep(store, observer)
            return store

        whole = line("observe: all of it", best(lambda: observed_in(given)))
        line("  digest", best(lambda: [request_digest(item.request) for item in pixel]))
        line("  scrub", best(lambda: [scrub(item.request) for item in pixel]))
        whole += line("store the requests", best(lambda: kept().close(), 3))
        seen = sightings()
        groups = fold(seen)
        by_site = timelines(observer.pages, observer.consent, ())
        events = [build_event(group, frozenset({SOURCE}), None) for group in groups]

        def assessed(judge: Matcher) -> list[AssessedEvent]:
            return [assess(event, judge, visitor_of(event, by_site)) for event in events]

        derived: list[float] = []
        for _ in range(3):
            with kept() as store:
                begun = time.process_time()
                with store.transaction():
                    store.rewrite_derivation(SESSION, matcher)
                derived.append(time.process_time() - begun)
        whole += line("derive and store the events: all", min(derived))
        line("  decode", best(sightings))
        line("  fold", best(lambda: fold(seen)))
        line("  build events", best(lambda: [build_event(group, frozenset({SOURCE}), None) for group in groups]))
        line("  texts for the rules", best(lambda: [content.fields(event.hits) for event in events]))
        fresh_judges = [Matcher(matcher.ruleset) for _ in range(ROUNDS)]
        line("  texts, rules, consent, page class", best(lambda: assessed(fresh_judges.pop())))
        line("  acts", best(lambda: list(acts_behind(in_order(told_by(e, searches=False) for e in events)))))
        line("all of it", whole)
    print("microseconds per request that is none of Meta's:")
    line("observe", best(lambda: observed_in(elsewhere)), len(elsewhere))


def _concerns(request: CapturedRequest) -> bool:
    return Observer(SOURCE).observe(request) is not None


def stream(copies: int) -> None:
    """Observe, keep and derive without holding the requests; print the peak of memory."""
    matcher = Matcher(load_rules())
    with TemporaryDirectory() as folder, Store(Path(folder) / "memory.db") as store:
        with store.transaction():
            observer = Observer(SOURCE)
            keep(store, observer)
            for count, request in enumerate(requests(copies)):
                observer.observe(request)
                if count % 500 == 0:
                    _move(store, observer)
            observer.finish()
            _move(store, observer)
            store.rewrite_derivation(SESSION, matcher)
        events = len(store.changed_events(SESSION, 0))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak of memory over {events} events: {peak:.0f} MB")


def _move(store: Store, observer: Observer) -> None:
    requests: list[ObservedRequest] = observer.requests
    store.add_requests(SESSION, requests)
    requests.clear()


def main() -> None:
    copies = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    if len(sys.argv) > 2:
        stream(copies)
        return
    measure(copies)
    for many in (copies, 10 * copies):
        subprocess.run([sys.executable, __file__, str(many), "memory"], check=True)


if __name__ == "__main__":
    main()
