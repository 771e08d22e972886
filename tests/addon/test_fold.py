import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

import captures
from addon.capture import read_capture
from addon.decoders.meta.decoder import MetaDecoder
from addon.fold import DEDUPE_SECONDS, fold
from addon.model import Hit, Witness
from addon.sighting import Sighting, client_key

TR = "https://www.facebook.com/tr/"
SANDBOX = "https://www.facebook.com/privacy_sandbox/pixel/register/trigger/"
GATEWAY = "https://capig.example-gateway.net/events"
START = 1_795_314_223.0
EVENT = {"id": "100020003000401", "ev": "Lead", "dl": "https://clinic.example/hiv", "ts": "1795314223676",
         "it": "1795314223514", "ec": "1", "v": "2.9.383", "rqm": "GET"}  # fmt: skip

MakeHit = Callable[..., Hit]


class Session:
    """Makes sightings, each a request of its own."""

    def __init__(self, make_hit: MakeHit, make_request: Callable[..., Any]) -> None:
        self.make_hit = make_hit
        self.make_request = make_request
        self.made: list[Sighting] = []

    def sees(self, hit: Hit, at: float = 0.0, source: str = "one", kind: str = "mitm") -> Sighting:
        number = len(self.made)
        request = self.make_request(source_kind=kind, position=number, started_at=START + at)
        witness = Witness(key=f"{number:04}", digest="", source_id=source, position=number, request=request)
        sighting = Sighting(hit.model_copy(update={"request_key": witness.key}), witness)
        self.made.append(sighting)
        return sighting

    def pixel(
        self, at: float = 0.0, url: str = TR, source: str = "one", kind: str = "mitm", **changes: str | None
    ) -> Sighting:
        values = {name: value for name, value in (EVENT | changes).items() if value is not None}
        return self.sees(self.make_hit(url=f"{url}?{urlencode(values)}"), at, source, kind)

    def gateway(self, at: float = 0.0, url: str = GATEWAY, **changes: Any) -> Sighting:
        document = {"event_name": "Lead", "fb.pixel_id": EVENT["id"], "event_id": "e-1"} | changes
        return self.sees(self.make_hit(url=url, body=json.dumps(document).encode()), at)


@pytest.fixture
def session(make_hit: MakeHit, make_request: Callable[..., Any]) -> Session:
    return Session(make_hit, make_request)


def groups(session: Session) -> list[list[str]]:
    """Return the keys of the session's requests, event by event; the same for every order of reading."""
    found = fold(session.made)
    shuffled = list(session.made)
    for seed in range(3):
        random.Random(seed).shuffle(shuffled)
        assert fold(shuffled) == found
    assert sorted(key for group in found for key in (item.witness.key for item in group)) == sorted(
        item.witness.key for item in session.made
    )
    return [[item.witness.key for item in group] for group in found]


def test_nothing_is_no_event() -> None:
    assert fold([]) == []


def test_every_copy_of_an_event_is_one_event(session: Session) -> None:
    session.pixel(0.0, eid="e-1", cf="1")
    session.pixel(0.1, url=SANDBOX, eid="e-1", rqm="FGET")
    session.pixel(0.2, eid="e-1", redirect="0")
    session.gateway(0.3)
    assert groups(session) == [["0000", "0003", "0001", "0002"]]


def test_the_clients_own_request_speaks_for_the_event(session: Session) -> None:
    session.gateway(0.0)
    session.pixel(0.1, url=SANDBOX, eid="e-1")
    session.pixel(0.2, eid="e-1", redirect="0")
    session.pixel(0.3, eid="e-1")
    assert groups(session)[0][0] == "0003"


def test_two_pixels_stay_two(session: Session) -> None:
    session.pixel(eid="e-1")
    session.pixel(eid="e-1", id="100020003000402")
    assert len(groups(session)) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"ev": "Search"},
        {"ts": "1795314223677"},
        {"ec": "2"},
        {"it": "1795314223515"},
        {"dl": "https://clinic.example/"},
    ],
)
def test_what_the_client_counts_apart_stays_apart(session: Session, change: dict[str, str]) -> None:
    session.pixel()
    session.pixel(**change)
    assert len(groups(session)) == 2


def test_an_id_that_the_site_uses_again_joins_nothing(session: Session) -> None:
    session.pixel(0.0, eid="order")
    session.pixel(5.0, eid="order", ts="1795314228676", ec="2")
    assert len(groups(session)) == 2


def test_each_of_two_events_with_one_id_gets_its_own_gateway_copy(session: Session) -> None:
    session.pixel(0.0, eid="e-1")
    session.gateway(0.1)
    session.pixel(60.0, eid="e-1", ts="1795314283676", ec="2")
    session.gateway(60.1)
    assert groups(session) == [["0000", "0001"], ["0002", "0003"]]


def test_a_gateway_that_is_tried_again_elsewhere_is_one_copy(session: Session) -> None:
    session.pixel(0.0, eid="e-1")
    session.gateway(0.1)
    session.gateway(1.0, url="https://fallback.example-gateway.net/events")
    assert groups(session) == [["0000", "0001", "0002"]]


def test_a_button_click_is_called_otherwise_at_the_gateway(session: Session) -> None:
    session.pixel(0.0, ev="SubscribedButtonClick", eid="e-1")
    session.gateway(0.1, event_name="InputData")
    assert groups(session) == [["0000", "0001"]]


def test_an_id_does_not_join_what_is_far_apart(session: Session) -> None:
    session.pixel(0.0, eid="e-1")
    session.gateway(DEDUPE_SECONDS + 1)
    assert len(groups(session)) == 2


def test_another_id_or_name_joins_nothing(session: Session) -> None:
    session.pixel(eid="e-1")
    session.gateway(event_id="e-2")
    session.gateway(event_name="Search")
    session.gateway(event_id="")
    assert len(groups(session)) == 4


def test_two_captures_of_one_request_are_one_event(session: Session) -> None:
    session.pixel(0.0)
    session.pixel(0.4, source="two", kind="har")
    session.pixel(9.0, ts=None, it=None, ec=None, v=None, noscript="1")
    session.pixel(9.4, ts=None, it=None, ec=None, v=None, noscript="1", source="two", kind="har")
    assert groups(session) == [["0000", "0001"], ["0002", "0003"]]


def test_the_capture_that_saw_the_wire_speaks_before_a_har(session: Session) -> None:
    session.pixel(0.0, source="two", kind="har")
    session.pixel(0.4)
    assert groups(session) == [["0001", "0000"]]


def test_requests_without_a_clock_are_one_event_each(session: Session) -> None:
    bare: dict[str, str | None] = {"ts": None, "it": None, "ec": None, "v": None}
    session.pixel(0.0, **bare)
    session.pixel(0.5, **bare)
    session.pixel(9.0, source="two", **bare)
    assert len(groups(session)) == 3


def test_the_redirect_of_a_request_without_a_clock_is_that_request(session: Session) -> None:
    bare: dict[str, str | None] = {"ts": None, "it": None, "ec": None, "v": None}
    session.pixel(0.0, **bare)
    session.pixel(0.5, redirect="0", **bare)
    assert groups(session) == [["0000", "0001"]]


def test_builds_without_a_counter_can_send_two_events_in_one_millisecond(session: Session) -> None:
    session.pixel(0.0, ec=None)
    session.pixel(0.0, ec=None, **{"cd[n]": "other"})
    session.pixel(0.1, url=SANDBOX, ec=None)
    assert groups(session) == [["0000", "0002"], ["0001"]]


def test_a_gateway_event_is_not_known_by_the_clients_clock(session: Session) -> None:
    session.gateway(event_time=1795314223)
    assert client_key(session.made[0].hit) is None


CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "id": st.sampled_from(["100020003000401", "100020003000402"]),
        "ev": st.sampled_from(["Lead", "SubscribedButtonClick"]),
        "ts": st.sampled_from(["1795314223676", "1795314223999", None]),
        "ec": st.sampled_from(["1", "2", None]),
        "eid": st.sampled_from(["e-1", "e-2"]),
        "redirect": st.just("0"),
        "noscript": st.just("1"),
    },
)
WAYS = st.sampled_from([TR, SANDBOX, GATEWAY])
SEEN = st.lists(
    st.tuples(WAYS, CHANGES, st.sampled_from([0.0, 0.5, 3.0, 400.0]), st.sampled_from(["one", "two"])), max_size=9
)


@given(SEEN)
def test_every_hit_is_in_one_event_whatever_the_order(
    make_hit: MakeHit, make_request: Callable[..., Any], seen: Any
) -> None:
    session = Session(make_hit, make_request)
    for way, changes, at, source in seen:
        if way == GATEWAY:
            session.gateway(at, event_name=changes.get("ev", "Lead"), event_id=changes.get("eid", ""))
        else:
            session.pixel(at, url=way, source=source, **changes)
    groups(session)
    for group in fold(session.made):
        assert len({item.hit.pixel_id for item in group}) == 1
        clocks = {item.hit.client_time for item in group if item.hit.transport != "gateway" and item.hit.client_time}
        assert len(clocks) <= 1


@pytest.mark.parametrize("path", captures.recordings(), ids=lambda path: path.stem)
def test_reading_a_recording_twice_adds_no_event(path: Path) -> None:
    meta = MetaDecoder()
    seen: dict[str, list[Sighting]] = {"one": [], "two": []}
    for source, found in seen.items():
        for number, request in enumerate(read_capture(path)):
            witness = Witness(key=f"{number:05}{source}", digest="", source_id=source, position=number, request=request)
            decoded = meta.decode(request, witness.key)
            found += [Sighting(hit, witness) for hit in (decoded.hits if decoded else ())]
    once = fold(seen["one"])
    assert len(fold(seen["one"] + seen["two"])) == len(once) <= len(seen["one"])
