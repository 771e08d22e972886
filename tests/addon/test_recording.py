"""A session recorded step by step equals one derived from all its observations, in bounded memory."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from addon.consent.timeline import Mark
from addon.flows import FlowSnapshot
from addon.recent import ACT_SECONDS, RECENT_SIGHTINGS, SLACK
from addon.recording import Recording
from addon.store.store import Store, StoreError
from addon.witness import MAX_REMEMBERED, KeyMaker


def opened(store: Store, judge: Any, session: str = "visit") -> Recording:
    recording = Recording(store, session, f"live-{session}", judge, ())
    recording.open()
    return recording


def what_is_known(store: Store, session: str = "visit") -> tuple[Any, ...]:
    """Return events without what only the end can tell (which event another was derived from), acts and counts."""
    stored = store.derivation(session)
    assert stored is not None
    return stored.events, stored.acts, stored.decoded, stored.failed, sorted(stored.problems, key=str)


def test_what_is_said_while_recording_is_what_is_said_at_the_end(store, judge, clinic):
    recording = opened(store, judge)
    for flow in clinic.flows:
        recording.ended(FlowSnapshot(flow))
        recording.write()
    recording.close()
    recording.write()
    before = what_is_known(store)
    recording.derive()
    assert what_is_known(store) == before
    assert len(before[0]) == 5
    assert len(before[1]) < 5


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(data=st.data())
def test_whatever_the_batches_and_the_order_of_answers(tmp_path_factory, judge, new_visit, data):
    visit = new_visit()
    pages = data.draw(
        st.lists(st.sampled_from(["/zorbitis/", "/about/", "/search/?q=zorbitis"]), min_size=1, max_size=8)
    )
    for number, page in enumerate(pages):
        if number % 3 == 0:
            visit.page(page, asks=True, cookies=("cookie_consent=accepted",) if number else ())
        visit.pixel(data.draw(st.sampled_from(["PageView", "Lead", "Microdata"])), page, counter=number // 2)
        visit.wait(data.draw(st.sampled_from([0.0, 1.0, 40.0])))
    early = data.draw(st.sets(st.integers(0, len(visit.flows) - 1)))
    with Store(tmp_path_factory.mktemp("live") / "x.db") as store:
        recording = opened(store, judge)
        for index in sorted(early):
            answer, visit.flows[index].response = visit.flows[index].response, None
            recording.left(FlowSnapshot(visit.flows[index]))
            visit.flows[index].response = answer
        for flow in visit.flows:
            recording.ended(FlowSnapshot(flow))
            if data.draw(st.booleans()):
                recording.write()
        recording.close()
        recording.write()
        before = what_is_known(store)
        recording.derive()
        after = what_is_known(store)
    assert {item.event.id: item.event for item in before[0]} == {item.event.id: item.event for item in after[0]}
    assert [item.assessment for item in before[0]] == [item.assessment for item in after[0]]
    assert before[1:4] == after[1:4]


def test_an_event_that_turns_out_to_be_part_of_another_is_not_counted_twice(store, judge, visit):
    gateway = (
        b'{"fb.pixel_id": "900000000000077", "event_name": "Lead", "event_id": "x1",'
        b'"website_context": {"location": "https://www.example-clinic.example/zorbitis/"}}'
    )
    visit.add("POST", "https://capig.example-clinic.example/x", body=gateway, response_headers=())
    visit.pixel("Lead", "/zorbitis/", more={"eid": "x1"})
    recording = opened(store, judge)
    ids = []
    for flow in visit.flows:
        recording.ended(FlowSnapshot(flow))
        recording.write()
        (item,) = store.derivation("visit").events
        ids.append(item.event.id)
    assert len(item.event.hits) == 2
    assert ids[0] != ids[1]
    assert len(store.derivation("visit").acts) == 1
    before = what_is_known(store)
    recording.derive()
    assert what_is_known(store)[0] == before[0]


def test_what_cannot_be_written_waits(store, judge, clinic, monkeypatch):
    recording = opened(store, judge)
    real = store.put_source

    def full(*arguments, **named):
        raise StoreError("the disk is full")

    monkeypatch.setattr(store, "put_source", full)
    for flow in clinic.flows:
        recording.ended(FlowSnapshot(flow))
        with pytest.raises(StoreError):
            recording.write(counts=True)
    assert store.observed_requests("visit") == {}
    assert recording.waiting == 5
    monkeypatch.setattr(store, "put_source", real)
    told = recording.write()
    assert sum(item.is_news for item in told) == 5
    assert len(store.observed_requests("visit")) == 5
    recording.close()
    before = what_is_known(store)
    recording.derive()
    assert what_is_known(store) == before


def test_marks_and_later_proofs_change_what_was_said_of_earlier_events(store, judge, visit):
    visit.page("/zorbitis/", asks=True)
    visit.pixel("PageView", "/zorbitis/")
    visit.page("/more/", cookies=("cookie_consent=accepted",))
    recording = opened(store, judge)

    def state() -> str:
        (item,) = store.derivation("visit").events
        return str(item.consent.state)

    for flow in visit.flows[:2]:
        recording.ended(FlowSnapshot(flow))
    recording.write()
    assert state() == "no_choice_yet"
    recording.ended(FlowSnapshot(visit.flows[2]))
    recording.write()
    assert state() == "undetermined"  # it may have been chosen before or after
    recording.mark(Mark(at=visit.start, kind="refused", site=None, text=""))
    recording.write()
    recording.write()
    assert state() == "refused"
    before = what_is_known(store)
    recording.derive()
    assert what_is_known(store)[0] == before[0]


def test_memory_does_not_grow_with_the_session(store, judge, visit):
    recording = opened(store, judge)
    for number in range(900):
        visit.flows.clear()
        if number % 3 == 0:
            visit.page(f"/zorbitis/{number}", asks=True)
        visit.pixel("PageView", f"/zorbitis/{number}")
        visit.wait(2.5)
        for flow in visit.flows:
            recording.ended(FlowSnapshot(flow))
        if number % 20 == 0:
            recording.write()
    recording.write()
    recent = recording._recent
    assert len(recent._latest) <= RECENT_SIGHTINGS + SLACK
    assert len(recent._event_of) <= RECENT_SIGHTINGS + SLACK
    assert len(recent._acts) <= ACT_SECONDS + SLACK
    assert len(recent._open) <= ACT_SECONDS + SLACK
    assert recent._told.keys() == recent._open.keys()
    assert len(recording._flows) <= 400
    assert len(recording._observer.requests) == 0
    assert all(len(pages) <= 250 for pages in recording._history._pages.values())
    stored = store.derivation("visit")
    assert len(stored.events) == len(stored.acts) == 900
    acts = {act.id for act in stored.acts}
    recording.derive()
    assert {act.id for act in store.derivation("visit").acts} == acts


def test_a_session_that_is_extended_keeps_its_acts(store, judge, new_visit):
    first, second = new_visit(), new_visit()
    first.pixel("PageView", "/zorbitis/")
    second.wait(500).pixel("PageView", "/zorbitis/")
    for number, visit in enumerate((first, second)):
        recording = Recording(store, "visit", f"live-{number}", judge, ())
        recording.open()
        recording.ended(FlowSnapshot(visit.flows[0]))
        recording.close()
    assert len(store.derivation("visit").acts) == 2


def test_keys_of_long_ago_are_forgotten_and_those_of_now_are_not(captured):
    keys = KeyMaker()
    request = captured()
    for number in range(2 * MAX_REMEMBERED + 2):
        keys.key(request, str(number))
    last = keys.key(request, str(2 * MAX_REMEMBERED + 1))
    keys.forget_old()
    assert keys.key(request, str(2 * MAX_REMEMBERED + 1)) != last
    assert len(keys._seen) == MAX_REMEMBERED
