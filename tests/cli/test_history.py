"""Histories: connected components of events and identifiers, with the chain that connects them."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from addon.model import Identifier
from cli.history import Member, Names, histories, letter, unjoined
from cli.linked import History

PAGE = "https://www.example-clinic.example"
VALUES = {
    "c_user": ("100000000000001", "100000000000002"),
    "fbp": ("fb.1.1789999999000.4440001", "fb.1.1789999999000.4440002", "fb.1.1789999999001.4440001"),
    "em": ("a" * 64, "b" * 64),
    "fbc": ("fb.1.1789999999000.IwAR0first", "fb.1.1789999999000.IwAR0second"),
    "datr": ("invented-datr-one", "invented-datr-two"),
    "fn": ("c" * 64,),
    "external_id": ("7", "8"),
}
identifier = st.sampled_from([(kind, value) for kind, values in VALUES.items() for value in values])
described = st.tuples(
    st.lists(identifier, max_size=3),
    st.sampled_from(["1", "2"]),
    st.sampled_from(["one", "two"]),
    st.sampled_from(["answered", "not_sent"]),
    st.booleans(),
)


@pytest.fixture(scope="session")
def member(make_event):
    """Make a member of histories from its identifiers."""

    def make(number: int, found, pixel="1", session="one", delivery="answered", health=True, site="a.example"):
        event = make_event(
            f"Event{number}",
            1_790_000_000.0 + number,
            f"{PAGE}/{number}",
            pixel_id=pixel,
            site=site,
            delivery=delivery,
            identifiers=tuple(
                Identifier(
                    kind=kind,
                    source="parameter",
                    parameter=kind,
                    value=value,
                    form="sha256" if kind in {"em", "fn"} else "plain",
                )
                for kind, value in found
            ),
        )
        return Member(session, event, f"act{number}", health)

    return make


def gather(members: Sequence[Member], *, reveal: bool = False) -> tuple[History, ...]:
    return histories(members, Names(members, reveal=reveal), reveal=reveal)


def groups(members: Sequence[Member]) -> set[frozenset[str]]:
    return {frozenset(item.event_ids) for item in gather(members) if item.level == "meta"}


def reachable(members: Sequence[Member]) -> set[frozenset[str]]:
    """Return the components the plain way: spread from every event until nothing new is met."""
    names = Names(members, reveal=False)
    left = [item for item in members if item.event.delivery != "not_sent" and names.carried(item)]
    carried = {item.event.id: set(names.carried(item)) for item in left}
    found = set()
    for start in carried:
        met, edge = {start}, [start]
        while edge:
            one = edge.pop()
            new = {other for other in carried if other not in met and carried[other] & carried[one]}
            met |= new
            edge += new
        found.add(frozenset(met))
    return found


quickly = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


@quickly
@given(st.lists(described, max_size=9))
def test_histories_are_the_connected_components(member, given_) -> None:
    members = [member(number, *item) for number, item in enumerate(given_)]
    found = groups(members)
    assert found == reachable(members)
    together = [event for group in found for event in group]
    assert len(together) == len(set(together))  # an equivalence: each event is in one class
    apart = {item.event.id for item in unjoined(members, Names(members, reveal=False))}
    left = {item.event.id for item in members if item.event.delivery != "not_sent"}
    assert set(together) | apart == left
    assert not set(together) & apart


@quickly
@given(st.lists(described, max_size=8), described)
def test_another_event_never_splits_a_history(member, given_, more) -> None:
    members = [member(number, *item) for number, item in enumerate(given_)]
    before = groups(members)
    after = groups([*members, member(len(members), *more)])
    assert all(any(old <= new for new in after) for old in before)


@quickly
@given(st.lists(described, max_size=8), st.randoms(use_true_random=False))
def test_the_order_in_which_events_are_read_changes_nothing(member, given_, chance) -> None:
    members = [member(number, *item) for number, item in enumerate(given_)]
    shuffled = list(members)
    chance.shuffle(shuffled)
    assert {item.event_ids: item for item in gather(members) if item.level == "meta"} == {
        item.event_ids: item for item in gather(shuffled) if item.level == "meta"
    }


@quickly
@given(st.lists(described, max_size=9))
def test_every_identifier_is_reached_through_an_event_that_carried_both(member, given_) -> None:
    members = [member(number, *item) for number, item in enumerate(given_)]
    names = Names(members, reveal=False)
    carried = {item.event.id: set(names.carried(item)) for item in members}
    for found in histories(members, names, reveal=False):
        known = [one.name for one in found.identifiers]
        assert found.identifiers[0].through is None
        for place, one in enumerate(found.identifiers[1:], 1):
            assert one.through is not None
            assert one.through.name in known[:place]
            assert {one.name, one.through.name} <= carried[one.through.event_id]
        assert found.direct == found.identifiers[0].events
        assert sum(len(visit.event_ids) for visit in found.visits) == found.events
        assert found.health_acts <= found.acts <= found.events


@quickly
@given(st.lists(described, max_size=9))
def test_what_a_pixel_could_join_is_part_of_what_meta_could(member, given_) -> None:
    members = [member(number, *item) for number, item in enumerate(given_)]
    found = gather(members)
    whole = [set(item.event_ids) for item in found if item.level == "meta"]
    for item in found:
        if item.level == "pixel":
            assert item.pixel_ids == (item.pixel_id,)
            assert not {one.kind for one in item.identifiers} & {"c_user", "datr", "sb", "fr"}
            assert any(set(item.event_ids) <= group for group in whole)


@quickly
@given(st.lists(described, max_size=9))
def test_no_whole_value_is_shown_and_different_ones_have_different_names(member, given_) -> None:
    members = [member(number, *item) for number, item in enumerate(given_)]
    shown = "".join(item.model_dump_json() for item in gather(members))
    for values in VALUES.values():
        for value in values:
            if len(value) > 6:
                assert value not in shown
    names: dict[str, set[tuple[str, str]]] = {}
    for item in gather(members, reveal=True):
        for one in item.identifiers:
            names.setdefault(one.name, set()).add((one.kind, one.value))
    assert all(len(values) == 1 for values in names.values())


def test_an_account_seen_once_beside_a_browser_id_reaches_what_came_before_and_after(member) -> None:
    fbp, account = ("fbp", VALUES["fbp"][0]), ("c_user", VALUES["c_user"][0])
    members = [member(0, [fbp]), member(1, [fbp, account]), member(2, [fbp]), member(3, [("fbp", VALUES["fbp"][1])])]
    found = [item for item in gather(members) if item.level == "meta"]
    assert [item.events for item in found] == [3, 1]
    first = found[0]
    assert [one.name for one in first.identifiers] == ["Facebook account A", "browser id A"]
    assert (first.direct, first.strongest) == (1, "account")
    joint = first.identifiers[1].through
    assert (joint.name, joint.event_id, joint.page_url) == ("Facebook account A", members[1].event.id, f"{PAGE}/1")
    assert "could be joined to it through that" in first.text
    site = [item for item in gather(members) if item.level == "pixel"]
    assert [one.kind for item in site for one in item.identifiers] == ["fbp", "fbp"]


def test_names_towns_and_ids_of_different_sites_join_nothing(member) -> None:
    name = ("fn", VALUES["fn"][0])
    assert groups([member(0, [name]), member(1, [name])]) == set()
    own = ("external_id", "7")
    assert len(groups([member(0, [own]), member(1, [own], site="b.example")])) == 2
    assert len(groups([member(0, [own]), member(1, [own], pixel="2")])) == 2
    assert len(groups([member(0, [own]), member(1, [own])])) == 1


def test_what_did_not_leave_joins_nothing(member) -> None:
    first, second = ("fbp", VALUES["fbp"][0]), ("fbp", VALUES["fbp"][1])
    members = [member(0, [first]), member(1, [first, second], delivery="not_sent"), member(2, [second])]
    assert len(groups(members)) == 2


def test_several_accounts_and_joins_by_a_click_alone_are_minded(member) -> None:
    one, two = (("c_user", value) for value in VALUES["c_user"])
    click = ("fbc", VALUES["fbc"][0])
    (found,) = [item for item in gather([member(0, [one, click]), member(1, [two, click])]) if item.level == "meta"]
    assert len(found.cautions) == 2
    assert "more than one person" in found.cautions[0]
    assert "click id" in found.cautions[1]


def test_sessions_are_joined_by_the_same_rules(member) -> None:
    fbp = ("fbp", VALUES["fbp"][0])
    (found,) = [
        item
        for item in gather([member(0, [fbp]), member(1, [fbp], session="two"), member(2, [], session="two")])
        if item.level == "meta"
    ]
    assert found.sessions == ("one", "two")
    assert found.identifiers[0].sessions == ("one", "two")
    assert "in 2 sessions" in found.text


@given(st.integers(0, 10_000))
def test_letters_are_all_different(number: int) -> None:
    assert letter(number) != letter(number + 1)


def test_letters_go_on_after_the_last() -> None:
    assert [letter(number) for number in (0, 1, 25, 26, 27, 51, 52, 701, 702)] == [
        "A", "B", "Z", "AA", "AB", "AZ", "BA", "ZZ", "AAA",
    ]  # fmt: skip
    assert all(one < other for one, other in pairwise(map(letter, range(26))))
