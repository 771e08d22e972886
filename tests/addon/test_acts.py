"""A visitor act is counted once, however many pixels and events tell of it."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon import acts as behind
from addon.acts import Told, acts_behind, in_order, told_by
from addon.model import Act, Event

START = 1_790_000_000.0
OTHER_PIXEL = "900000000000088"
FORM = {"cd[buttonFeatures]": '{"tag": "button", "type": "submit"}', "cd[formFeatures]": '[{"id": "email"}]'}


def found(*events: Event, searches: tuple[str, ...] = ()) -> list[tuple[str, int]]:
    return [(act.kind, len(act.event_ids)) for act in of(*events, searches=searches)]


def of(*events: Event, searches: tuple[str, ...] = ()) -> tuple[Act, ...]:
    return tuple(acts_behind(in_order(told_by(event, searches=event.id in searches) for event in events)))


def test_nothing_is_no_act() -> None:
    assert of() == ()


def test_two_pixels_on_one_page_view_are_one_act(make_event) -> None:
    events = make_event(at=START), make_event(at=START + 0.4, pixel_id=OTHER_PIXEL)
    assert found(*events) == [("page_view", 2)]


def test_page_view_and_microdata_are_one_act(make_event) -> None:
    events = make_event(at=START), make_event("Microdata", at=START + 1.5)
    assert found(*events) == [("page_view", 2)]


def test_two_pixels_with_microdata_each_are_one_act(make_event) -> None:
    names, pixels = ("PageView", "Microdata"), ("1", "2")
    events = [
        make_event(name, at=START + number * 0.3, pixel_id=pixel)
        for number, (name, pixel) in enumerate(itertools.product(names, pixels))
    ]
    assert found(*events) == [("page_view", 4)]


def test_a_reload_is_two_acts(make_event) -> None:
    assert found(make_event(at=START), make_event(at=START + 10, init_time="2")) == [("page_view", 1)] * 2


def test_a_quick_reload_is_two_acts(make_event) -> None:
    events = make_event(at=START, init_time="1"), make_event(at=START + 1.5, init_time="2")
    assert found(*events) == [("page_view", 1)] * 2


def test_views_of_two_pages_are_two_acts(make_event) -> None:
    events = make_event(at=START), make_event(at=START + 0.5, page="https://www.example-clinic.example/other/")
    assert found(*events) == [("page_view", 1)] * 2


def test_an_embedded_frame_is_an_act_of_its_own(make_event) -> None:
    events = make_event(at=START), make_event(at=START + 0.5, frame="embedded", pixel_id=OTHER_PIXEL)
    assert found(*events) == [("page_view", 1)] * 2


def test_a_click_reported_by_two_pixels_is_one_act(make_event) -> None:
    events = [make_event("SubscribedButtonClick", at=START + step, pixel_id=str(step)) for step in (0, 0.2)]
    assert found(*events) == [("click", 2)]


def test_two_clicks_are_two_acts(make_event) -> None:
    events = [make_event("SubscribedButtonClick", at=START + step) for step in (0, 0.2, 3)]
    assert found(*events) == [("click", 1)] * 3


def test_a_click_is_no_part_of_the_page_view(make_event) -> None:
    events = make_event(at=START), make_event("SubscribedButtonClick", at=START + 0.5)
    assert found(*events) == [("page_view", 1), ("click", 1)]


def test_what_the_site_sends_because_of_a_click_belongs_to_it(make_event) -> None:
    events = (
        make_event(at=START),
        make_event("SubscribedButtonClick", at=START + 20),
        make_event("Schedule", at=START + 20.5),
        make_event("BookedSomething", at=START + 21, pixel_id=OTHER_PIXEL),
    )
    assert found(*events) == [("page_view", 1), ("click", 3)]


def test_an_event_of_the_site_alone_is_an_act(make_event) -> None:
    assert found(make_event(at=START), make_event("Lead", at=START + 30)) == [("page_view", 1), ("form", 1)]
    assert found(make_event("Whatever", at=START)) == [("other", 1)]
    assert found(make_event("ViewContent", at=START)) == [("page_view", 1)]


@pytest.mark.parametrize(
    ("parameters", "kind"),
    [
        (FORM, "form"),
        ({**FORM, "cd[formFeatures]": "[]"}, "click"),
        ({**FORM, "cd[buttonFeatures]": '{"tag":"a"}'}, "click"),
        ({}, "click"),
    ],
)
def test_a_click_that_sends_a_form_is_a_form(make_event, parameters: dict[str, str], kind: str) -> None:
    assert found(make_event("SubscribedButtonClick", parameters=parameters)) == [(kind, 1)]


def test_a_form_sent_under_two_pixels_is_one_act(make_event) -> None:
    events = [
        make_event("SubscribedButtonClick", at=START + step, pixel_id=str(step), parameters=FORM) for step in (0, 0.1)
    ]
    assert found(*events) == [("form", 2)]


def test_a_view_of_search_results_is_a_search(make_event) -> None:
    event = make_event()
    assert found(event, searches=(event.id,)) == [("search", 1)]


def test_a_search_and_the_view_of_its_results_are_one_act(make_event) -> None:
    events = make_event(at=START), make_event("Search", at=START + 0.5)
    assert found(*events, searches=(events[1].id,)) == [("search", 2)]
    assert found(*reversed(events), searches=(events[1].id,)) == [("search", 2)]


def test_a_search_event_alone_is_a_search(make_event) -> None:
    assert found(make_event("Search")) == [("search", 1)]


def test_the_pages_clock_decides_not_when_a_request_left(make_event) -> None:
    events = (
        make_event(at=START + 30, client_time=START),  # was held in a queue
        make_event(at=START + 1, client_time=START + 0.4, pixel_id=OTHER_PIXEL),
    )
    (act,) = of(*events)
    assert act.event_ids == (events[0].id, events[1].id)
    assert act.at == START + 1


def test_events_without_a_clock_of_their_own_go_by_the_requests(make_event) -> None:
    events = [make_event(at=START + step, client_time=None, pixel_id=str(step)) for step in (0, 1, 60)]
    assert found(*events) == [("page_view", 2), ("page_view", 1)]


def test_an_act_says_where_and_when(make_event) -> None:
    event = make_event(at=START)
    (act,) = of(event)
    assert (act.site, act.page_url, act.at) == (event.site, event.page_url, START)
    assert act.id.startswith("a")
    assert len(act.id) == 12


names = st.sampled_from(["PageView", "Microdata", "SubscribedButtonClick", "Search", "Lead", "Other"])
moments = st.floats(min_value=0, max_value=20, allow_nan=False)


@given(st.lists(st.tuples(names, moments, st.sampled_from("12")), max_size=25), st.randoms())
def test_every_event_is_in_exactly_one_act_whatever_the_order(make_event, told, random) -> None:
    events = list(
        {
            event.id: event
            for event in (
                make_event(name, at=START + round(step, 3), pixel_id=pixel, init_time=str(int(step // 5)))
                for name, step, pixel in told
            )
        }.values()
    )
    given_acts = of(*events)
    assert sorted(event for act in given_acts for event in act.event_ids) == sorted(event.id for event in events)
    assert len({act.id for act in given_acts}) == len(given_acts)
    random.shuffle(events)
    assert of(*events) == given_acts


def plainly(events: list[Told]) -> list[tuple[str, list[str]]]:
    """Look for the act of each event among all that are open."""
    opened: list[behind._OpenAct] = []
    viewed = set()
    for event in events:
        still_open = [
            act
            for act in opened[-behind.OPEN_ACTS :]
            if (act.events[0].page_url, act.events[0].frame) == (event.page_url, event.frame)
        ]
        act = behind._belongs_to(event, still_open)
        if act is None:
            kind = behind._kind(event, viewed=behind._load(event) in viewed)
            opened.append(behind._OpenAct(kind, event))
            if kind in {"page_view", "search"}:
                viewed.add(behind._load(event))
        else:
            act.events.append(event)
            if act.kind == "page_view" and event.searches:
                act.kind = "search"
    return [(act.kind, [event.id for event in act.events]) for act in opened]


TOLD = st.builds(
    Told,
    moment=moments,
    id=st.uuids().map(str),
    event_name=names,
    pixel_id=st.sampled_from("12"),
    site=st.none(),
    page_url=st.integers(0, 4).map(str),
    init_time=st.sampled_from("12"),
    frame=st.sampled_from(["top", "embedded"]),
    occurred_at=moments,
    searches=st.booleans(),
    submits=st.booleans(),
)


@given(st.lists(TOLD, max_size=60, unique_by=lambda told: told.id), st.integers(1, 60))
def test_acts_are_those_of_a_search_among_all_open_ones(told: list[Told], open_acts: int) -> None:
    told = in_order(told)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(behind, "OPEN_ACTS", open_acts)
        assert [(act.kind, list(act.event_ids)) for act in acts_behind(told)] == plainly(told)
