"""Deriving event by event, with few of them held, gives what deriving all of them at once gives."""

import pickle
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import captures
from addon.audit import Observations, assess, build_event, decode, visitor_of, witness_of
from addon.capture import read_capture
from addon.consent.clicks import banner_clicks
from addon.consent.timeline import timelines
from addon.decoders.meta.hidden_page import find_hidden_page
from addon.derivation import EverythingHeld, Surroundings, derive, derive_events
from addon.fold import DEDUPE_SECONDS, SAME_REQUEST_SECONDS, Folder, _may_join, fold, marks_of, related
from addon.model import CapturedRequest
from addon.observation import ObservedRequest, Observer
from addon.settling import Judge, PartRead, read_part
from addon.sighting import Sighting, Token, _rank, client_key, content_key, ranked, traits_of
from addon.store.store import Store
from rules.engine import Matcher


def observed(paths: Iterable[Path]) -> Observations:
    """Return what the captures at `paths` show, as one session."""
    observers = [Observer(f"mitm-{number}") for number, _ in enumerate(paths)]
    for observer, path in zip(observers, paths, strict=True):
        for request in read_capture(path):
            observer.observe(request)
        observer.finish()
    return Observations(
        requests=tuple(item for observer in observers for item in observer.requests),
        pages=tuple(item for observer in observers for item in observer.pages),
        consent=tuple(item for observer in observers for item in observer.consent),
        sources_with_cookies=frozenset(o.source_id for o in observers if o.cookies_seen),
    )


def plainly(given: Observations, judge: Matcher) -> dict[str, Any]:
    """Return what is derived where everything is held at once, step after step, by event id."""
    requests = sorted(given.requests, key=lambda item: (item.request.started_at, item.key))
    sightings = [
        Sighting(hit, witness_of(item)) for item in requests if item.role == "event" for hit in decode(item).hits
    ]
    groups = fold(sightings)
    pages = [page.url for page in given.pages]
    events = [build_event(group, given.sources_with_cookies, find_hidden_page(group[0].hit, pages)) for group in groups]
    linked = []
    for event in events:
        near = [
            (abs((other.client_time or other.occurred_at) - (event.client_time or event.occurred_at)), number)
            for number, other in enumerate(events)
            if other.pixel_id == event.pixel_id
            and other.page_url == event.page_url
            and other.trigger != "event_setup_tool"
        ]
        gap, number = min(near, default=(9.0, 0))
        origin = events[number].id if event.trigger == "event_setup_tool" and gap <= 2.0 else None
        linked.append(event.model_copy(update={"derived_from": origin}))
    by_site = timelines(given.pages, given.consent, given.marks, banner_clicks(linked))
    return {event.id: assess(event, judge, visitor_of(event, by_site)) for event in linked}


def streamed(given: Observations, judge: Matcher, window: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what is derived event by event, and what follows from all of it."""
    held = EverythingHeld(given.requests)
    around = Surroundings(
        pages=given.pages, consent=given.consent, marks=given.marks, sources_with_cookies=given.sources_with_cookies
    )
    totals = derive_events(held, around, judge, None, held, window=window)
    found = totals._replace(acts=tuple(totals.acts))._asdict()
    assert len({item.event.id for item in held.events}) == len(held.events)
    return {item.event.id: item for item in held.events}, found


@pytest.mark.parametrize("window", [1, None])
def test_events_of_one_millisecond_without_a_counter_are_all_kept(judge: Matcher, window: int | None) -> None:
    """Such events have the same pixel, name, time and page: only what they say tells them apart."""
    observer = Observer("mitm-1")
    for number, name in enumerate(("first", "second", "second")):
        observer.observe(
            CapturedRequest(
                source_kind="mitm",
                position=number,
                method="GET",
                url=f"https://www.facebook.com/tr/?id=1&ev=Lead&dl=https%3A%2F%2Fclinic.example%2F&ts=1790000000000"
                f"&cd[content_name]={name}",
                http_version="HTTP/2.0",
                headers=(("cookie", f"fr={number}"),),
                started_at=1_790_000_000.5 + number / 100,
            )
        )
    held = EverythingHeld(observer.requests)
    totals = derive_events(held, Surroundings(), judge, None, held, window=window)
    assert sorted(len(item.event.hits) for item in held.events) == [1, 2]
    assert len({item.event.id for item in held.events}) == 2
    assert sorted(id_ for act in totals.acts for id_ in act.event_ids) == sorted(i.event.id for i in held.events)


@pytest.mark.parametrize("window", [1, 2, 7])
@pytest.mark.parametrize("path", captures.recordings(), ids=lambda path: path.stem)
def test_a_recording_gives_the_same_however_few_events_are_held(path: Path, window: int, judge: Matcher) -> None:
    given = observed([path])
    events, totals = streamed(given, judge, window)
    whole = derive(given, judge)
    assert events == plainly(given, judge) == {item.event.id: item for item in whole.events}
    assert totals["acts"] == whole.acts
    assert totals["problems"] == whole.problems
    assert (totals["clock"], totals["decoded"], totals["failed"]) == (whole.clock, whole.decoded, whole.failed)
    assert totals["rules"] == {rule.id for rule in whole.rules}


def test_two_captures_of_one_browsing_fold_though_far_apart(judge: Matcher) -> None:
    paths = [captures.SAME_BROWSING_MITM, captures.SAME_BROWSING_HAR]
    given = observed(paths)
    late = [
        item._replace(request=item.request._replace(started_at=item.request.started_at + 1e5))
        if item.source_id == "mitm-1"
        else item
        for item in given.requests
    ]
    given = given.model_copy(update={"requests": tuple(late)})
    events, totals = streamed(given, judge, 1)
    whole = derive(given, judge)
    assert events == {item.event.id: item for item in whole.events}
    assert totals["problems"] == whole.problems
    assert any(len({hit.request_key for hit in item.event.hits}) > 1 for item in events.values())


def test_the_database_holds_what_deriving_in_memory_gives(store: Store, judge: Matcher) -> None:
    given = observed(captures.recordings())
    with store.transaction():
        store.ensure_session("all")
        store.add_requests("all", given.requests)
        store.add_pages("all", given.pages)
        store.add_consent("all", given.consent)
        store.rewrite_derivation("all", judge)
    whole = derive(store.observations("all"), judge)
    kept = store.derivation("all")
    assert kept is not None
    assert {item.event.id: item for item in kept.events} == {item.event.id: item for item in whole.events}
    assert sorted(kept.acts, key=repr) == sorted(whole.acts, key=repr)
    assert kept.problems == whole.problems
    assert kept.clock == whole.clock
    assert store.rules("all", kept.ruleset_digest) == whole.rules


# the plain way to fold: every sighting in memory, every group looked at


def plain_fold(sightings: Iterable[Sighting]) -> list[list[Sighting]]:
    ordered = sorted(sightings, key=lambda item: (item.at, item.witness.key, item.hit.index))
    groups: list[list[Sighting]] = []
    by_client_key: dict[tuple[str, ...], list[list[Sighting]]] = defaultdict(list)
    by_dedupe_id: dict[tuple[str, str, str], list[list[Sighting]]] = defaultdict(list)
    by_content: dict[tuple[object, ...], list[list[Sighting]]] = defaultdict(list)
    for sighting in ordered:
        hit = sighting.hit
        group = same_client_event(sighting, by_client_key)
        if group is None:
            group = same_dedupe_id(sighting, by_dedupe_id)
        if group is None and hit.client_time is None:
            group = same_content(sighting, by_content)
        if group is None:
            group = []
            groups.append(group)
        group.append(sighting)
        key = client_key(hit)
        if key is not None:
            enter(by_client_key[key], group)
        if sighting.dedupe_key:
            enter(by_dedupe_id[sighting.dedupe_key], group)
        if hit.client_time is None:
            enter(by_content[content_key(hit)], group)
    for group in groups:
        group.sort(key=_rank)
    return groups


def enter(groups: list[list[Sighting]], group: list[Sighting]) -> None:
    if not any(known is group for known in groups):
        groups.append(group)


def same_client_event(sighting: Sighting, index: dict[tuple[str, ...], list[list[Sighting]]]) -> list[Sighting] | None:
    key = client_key(sighting.hit)
    if key is None:
        return None
    for group in index.get(key, ()):
        content = content_key(sighting.hit)
        if sighting.hit.counter is not None or any(content_key(other.hit) == content for other in group):
            return group
    return None


def same_dedupe_id(
    sighting: Sighting, index: dict[tuple[str, str, str], list[list[Sighting]]]
) -> list[Sighting] | None:
    if sighting.dedupe_key is None:
        return None
    fitting = [
        group
        for group in index.get(sighting.dedupe_key, ())
        if abs(group[0].at - sighting.at) <= DEDUPE_SECONDS and all(_may_join(sighting, other) for other in group)
    ]
    return min(fitting, key=lambda group: abs(group[0].at - sighting.at), default=None)


def same_content(sighting: Sighting, index: dict[tuple[object, ...], list[list[Sighting]]]) -> list[Sighting] | None:
    for group in index.get(content_key(sighting.hit), ()):
        first = group[0]
        if abs(first.at - sighting.at) > SAME_REQUEST_SECONDS:
            continue
        if sighting.hit.transport == "redirect" and first.hit.transport != "redirect":
            return group
        sources = {other.witness.source_id for other in group}
        if sighting.witness.source_id not in sources:
            return group
    return None


RECORDED = observed(captures.recordings())
SIGHTINGS = [
    Sighting(hit, witness_of(item)) for item in RECORDED.requests if item.role == "event" for hit in decode(item).hits
]


def moved(sighting: Sighting, number: int, at: float, source: str, changes: dict[str, Any]) -> Sighting:
    """Return a sighting as another request showed it, at another time."""
    request = sighting.witness.request._replace(started_at=1_790_000_000 + at)
    witness = sighting.witness._replace(key=f"{number:04}", source_id=source, request=request, position=number)
    return Sighting(sighting.hit.model_copy(update={"request_key": witness.key, "index": 0, **changes}), witness)


CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "client_time": st.sampled_from([None, 1_790_000_000.0]),
        "counter": st.sampled_from([None, "1"]),
        "dedupe_id": st.sampled_from([None, "order", "other"]),
        "transport": st.sampled_from(["image", "redirect", "gateway", "sandbox_copy"]),
        "recipient_host": st.sampled_from(["www.facebook.com", "gateway.example"]),
    },
)
SEEN = st.lists(
    st.tuples(
        st.integers(0, 5), st.sampled_from([0.0, 0.5, 1.9, 2.1, 299.0, 301.0, 9_000.0]),
        st.sampled_from(["one", "two"]), CHANGES,
    ),
    max_size=14,
)  # fmt: skip


@settings(max_examples=300)
@given(SEEN, st.integers(1, 4))
def test_what_folds_does_not_depend_on_how_many_events_are_held(seen: Sequence[Any], window: int) -> None:
    chosen = [SIGHTINGS[index * 7 % len(SIGHTINGS)] for index, *_ in seen]
    made = [moved(hit, number, *rest) for number, (hit, (_, *rest)) in enumerate(zip(chosen, seen, strict=True))]
    ordered = sorted(made, key=lambda item: (item.at, item.witness.key, item.hit.index))
    folder = Folder(lambda place: [ordered[place]], window)
    latest: dict[int, list[Sighting]] = {}
    for place, sighting in enumerate(ordered):
        for group in folder.add(sighting, place):
            assert ranked(group.sightings[: group.before]) == latest.get(group.number, [])
            latest[group.number] = ranked(group.sightings)
            assert [ordered[member] for member, _ in group.members] == group.sightings
    for group in folder.rest():
        latest[group.number] = ranked(group.sightings)
    assert (
        [latest[number] for number in sorted(latest)]
        == plain_fold(made)
        == fold(random.Random(1).sample(made, len(made)))
    )


@settings(max_examples=200)
@given(SEEN, st.data())
def test_what_is_not_related_does_not_matter_to_an_event(seen: Sequence[Any], data: st.DataObject) -> None:
    chosen = [SIGHTINGS[index * 7 % len(SIGHTINGS)] for index, *_ in seen]
    made = [moved(hit, number, *rest) for number, (hit, (_, *rest)) in enumerate(zip(chosen, seen, strict=True))]
    touched = data.draw(st.sets(st.integers(0, len(made) - 1))) if made else set()
    indexes = related([frozenset(marks_of(sighting)) for sighting in made], touched)
    assert touched <= set(indexes)
    keys = {made[index].witness.key for index in touched}

    def concerned(sightings: Iterable[Sighting]) -> list[list[Sighting]]:
        return [group for group in fold(sightings) if any(item.witness.key in keys for item in group)]

    assert concerned(made[index] for index in indexes) == concerned(made)


@settings(max_examples=200)
@given(SEEN, st.integers(1, 4))
def test_tokens_fold_as_the_sightings_that_they_stand_for(seen: Sequence[Any], window: int) -> None:
    chosen = [SIGHTINGS[index * 7 % len(SIGHTINGS)] for index, *_ in seen]
    made = [moved(hit, number, *rest) for number, (hit, (_, *rest)) in enumerate(zip(chosen, seen, strict=True))]
    ordered = sorted(made, key=lambda item: (item.at, item.witness.key, item.hit.index))

    def token(place: int) -> Token:
        return Token(traits_of(ordered[place]), lambda: ordered[place])

    folder = Folder(lambda place: [token(place)], window)
    latest: dict[int, list[int]] = {}
    for place in range(len(ordered)):
        for group in folder.add(token(place), place):
            latest[group.number] = [place for place, _ in group.members]
    for group in folder.rest():
        latest[group.number] = [place for place, _ in group.members]
    found = [ranked(ordered[place] for place in latest[number]) for number in sorted(latest)]
    assert found == fold(made)


# parts that others read


def parts_of(given: Observations, judge: Matcher, size: int) -> Iterable[PartRead[Any]]:
    """Read a session's requests in parts of so many requests, each for itself."""
    requests = list(EverythingHeld(given.requests).in_order())
    for start in range(0, len(requests), size):
        part: list[tuple[int, ObservedRequest]] = requests[start : start + size]
        read = read_part(part, Judge(judge, None), given.sources_with_cookies, lambda item: item)
        yield pickle.loads(pickle.dumps(read))


def in_parts(
    given: Observations, judge: Matcher, size: int, window: int | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    held = EverythingHeld(given.requests)
    around = Surroundings(
        pages=given.pages, consent=given.consent, marks=given.marks, sources_with_cookies=given.sources_with_cookies
    )
    totals = derive_events(held, around, judge, None, held, window=window, parts=parts_of(given, judge, size))
    found = totals._replace(acts=tuple(totals.acts))._asdict()
    assert len({item.event.id for item in held.events}) == len(held.events)
    return {item.event.id: item for item in held.events}, found


@pytest.mark.parametrize(("size", "window"), [(1, None), (2, 1), (7, 3), (1_000, None)])
def test_what_is_derived_does_not_depend_on_the_parts_that_others_read(
    size: int, window: int | None, judge: Matcher
) -> None:
    given = observed(captures.recordings())
    assert in_parts(given, judge, size, window) == streamed(given, judge, 300)


@pytest.mark.parametrize("size", [1, 5, 40])
def test_two_captures_of_one_browsing_fold_across_parts(size: int, judge: Matcher) -> None:
    given = observed([captures.SAME_BROWSING_MITM, captures.SAME_BROWSING_HAR])
    assert in_parts(given, judge, size, 2) == streamed(given, judge, 300)


def test_a_hidden_page_is_found_where_others_read_the_request(judge: Matcher) -> None:
    given = observed([captures.RECORDINGS / "21_protected_data_mode.mitm"])
    events, _ = in_parts(given, judge, 3, 10)
    assert any(item.event.page_url_from == "hrl" for item in events.values())
    assert events == streamed(given, judge, 300)[0]
