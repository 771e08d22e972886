"""An event says what its requests agree on, and of what they differ in what the most complete one says."""

from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from addon.audit import build_event
from addon.decoders.meta.hidden_page import HiddenPage
from addon.fold import Sighting
from addon.model import CapturedRequest, Event, Hit, Identifier, Witness
from addon.vocabulary import DELIVERY_STRENGTH

IDENTIFIERS = st.builds(
    Identifier,
    kind=st.sampled_from(["em", "fbp"]),
    source=st.sampled_from(["ud", "cookie"]),
    parameter=st.sampled_from(["ud[em]", "fbp", "cookie _fbp"]),
    value=st.sampled_from(["a", "b"]),
    form=st.just("plain"),
)
HITS = st.fixed_dictionaries(
    {
        "event_name": st.sampled_from(["PageView", "Lead"]),
        "page_url": st.sampled_from([None, "https://a.example/", "https://www.b.example/x"]),
        "referrer_url": st.sampled_from([None, "https://search.example/"]),
        "client_time": st.sampled_from([None, 1_790_000_000.5]),
        "trigger": st.sampled_from(["unknown", "site_code", "automatic"]),
        "identifiers": st.lists(IDENTIFIERS, max_size=5).map(tuple),
    }
)
REQUESTS = st.fixed_dictionaries(
    {
        "started_at": st.sampled_from([1_790_000_000.0, 1_790_000_001.0]),
        "client_ip": st.sampled_from([None, "192.0.2.1", "192.0.2.2"]),
        "delivery": st.sampled_from(["answered", "sent", "not_sent", "unknown"]),
    }
)
HIDDEN = HiddenPage(url="https://a.example/hidden", evidence="it fits")


def plainly(group: Sequence[Sighting], with_cookies: frozenset[str], hidden: HiddenPage | None) -> dict[str, Any]:
    """Return of an event what its requests may differ in."""
    hits = [sighting.hit for sighting in group]
    requests = [sighting.witness.request for sighting in group]
    found: dict[tuple[str, str, str], Identifier] = {}
    for hit in hits:
        for item in hit.identifiers:
            found.setdefault((item.kind, item.source, item.value), item)
    page = next((hit.page_url for hit in hits if hit.page_url), None)
    return {
        "hits": tuple(hits),
        "event_name": hits[0].event_name,
        "trigger": next((hit.trigger for hit in hits if hit.trigger != "unknown"), "unknown"),
        "page_url": page if hidden is None else hidden.url,
        "referrer_url": next((hit.referrer_url for hit in hits if hit.referrer_url), None),
        "occurred_at": min(request.started_at for request in requests),
        "client_time": next((hit.client_time for hit in hits if hit.client_time is not None), None),
        "client_ip": next((request.client_ip for request in requests if request.client_ip), None),
        "delivery": max((request.delivery for request in requests), key=lambda value: DELIVERY_STRENGTH[value]),
        "linkability_complete": any(sighting.witness.source_id in with_cookies for sighting in group),
        "identifiers": tuple(found.values()),
    }


@given(
    st.lists(st.tuples(HITS, REQUESTS, st.sampled_from(["mitm-one", "har-two"])), min_size=1, max_size=3),
    st.frozensets(st.sampled_from(["mitm-one", "har-two"])),
    st.sampled_from([None, HIDDEN]),
)
def test_an_event_is_what_its_requests_say(
    make_event: Callable[..., Event],
    make_request: Callable[..., CapturedRequest],
    seen: list[tuple[dict[str, Any], dict[str, Any], str]],
    with_cookies: frozenset[str],
    hidden: HiddenPage | None,
) -> None:
    base: Hit = make_event().hits[0]
    group = [
        Sighting(base.model_copy(update=hit), Witness(str(number), "", source, number, make_request(**request)))
        for number, (hit, request, source) in enumerate(seen)
    ]
    event = build_event(group, with_cookies, hidden)
    expected = plainly(group, with_cookies, hidden)
    assert {name: getattr(event, name) for name in expected} == expected
