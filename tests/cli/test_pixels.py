"""How each pixel was set up, from what was fetched and from the events: two things that are never mixed."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from addon.decoders.base import RequestRole
from addon.model import CapturedRequest, Event, Identifier
from addon.observation import ObservedRequest
from cli import setups
from cli.pixels import configurations
from cli.schema import Configuration
from cli.summary import Setup

PIXEL = "900000000000077"
OTHER = "900000000000088"
START = 1_790_000_000.0

MakeEvent = Callable[..., Event]
MakeRequest = Callable[..., CapturedRequest]


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def script(pixel: str = PIXEL, extra: str = "") -> bytes:
    """Return an invented script in the shape of Meta's."""
    blocked = {
        "blacklisted_keys": {"PageView": {"cd": ["ward"], "url": ["dept"]}},
        "sensitive_keys": {"PageView": {"cd": [sha256("diagnosis"), sha256("nobody guesses this")], "url": []}},
    }
    rule = {
        "condition": {"type": 1, "conditions": [{"extractor": 2, "operator": 2, "value": "Book"}]},
        "derived_event_name": "Schedule",
        "rule_status": "ACTIVE",
        "rule_id": "12",
    }
    return (
        f'fbq.registerPlugin("{pixel}", {{__fbEventsPlugin: 1, plugin: function(fbq, instance, config) {{ '
        f'config.set("{pixel}", "automaticMatching", {{"selectedMatchKeys":["em","ph"]}});\n'
        f'fbq.loadPlugin("identity");\ninstance.optIn("{pixel}", "AutomaticMatching", true);'
        f'instance.optIn("{pixel}", "InferredEvents", true);instance.optOut("{pixel}", "ScrollDepth", true);'
        f'config.set("{pixel}", "unwantedData", {json.dumps(blocked)});'
        f'fbq.set("estRules", "{pixel}", {json.dumps([rule])});{extra}}}}});'
    ).encode()


@pytest.fixture
def fetched(captured: MakeRequest) -> Callable[..., ObservedRequest]:
    """Return the request for a configuration as it was observed."""

    def make(
        body: bytes | None,
        *,
        pixel: str = PIXEL,
        at: float = START,
        role: RequestRole = "configuration",
        source: str = "s1",
    ) -> ObservedRequest:
        url = f"https://connect.facebook.net/signals/config/{pixel}?v=2.9.383&domain=www.example-clinic.example"
        request = captured(url, started_at=at, response_body=body)
        key = sha256(f"{source} {at} {pixel}")
        return ObservedRequest(key=key, digest=key, source_id=source, vendor="meta", role=role, request=request)

    return make


def test_the_same_script_of_one_pixel_stands_once(fetched: Any) -> None:
    found = configurations([fetched(script(), at=START + 9, source="s2"), fetched(script())], [])
    assert [(item.pixel_id, item.source, item.fetched_at) for item in found] == [
        (PIXEL, "s1", "2026-09-21T14:13:20.000Z")
    ]


def test_a_changed_script_stands_again(fetched: Any) -> None:
    changed = script(extra=f'instance.optIn("{PIXEL}", "Microdata", true);')
    found = configurations([fetched(script()), fetched(changed, at=START + 60)], [])
    assert [item.declared is not None for item in found] == [True, True]
    assert len({item.declared.sha256 for item in found if item.declared}) == 2


@pytest.mark.parametrize("body", [None, b"", b"nothing of this pixel", script(OTHER)])
def test_nothing_is_declared_without_the_text_of_the_script(fetched: Any, body: bytes | None) -> None:
    (found,) = configurations([fetched(body)], [])
    assert found.pixel_id == PIXEL
    assert found.declared is None
    assert found.domain is None


def test_a_request_without_text_adds_nothing_to_one_with_it(fetched: Any) -> None:
    found = configurations([fetched(None), fetched(script(), at=START + 5), fetched(None, pixel=OTHER)], [])
    assert [(item.pixel_id, item.declared is None) for item in found] == [(OTHER, True), (PIXEL, False)]


def test_other_requests_are_no_configurations(fetched: Any) -> None:
    assert configurations([fetched(script(), role="plugin"), fetched(script(), pixel="x")], []) == ()


def test_what_is_declared(fetched: Any) -> None:
    (found,) = configurations([fetched(script())], [])
    assert found.domain == "www.example-clinic.example"
    declared = found.declared
    assert declared is not None
    assert declared.sha256 == hashlib.sha256(script()).hexdigest()
    assert [(item.name, item.enabled) for item in declared.features] == [
        ("AutomaticMatching", True),
        ("InferredEvents", True),
        ("ScrollDepth", False),
    ]
    assert declared.matched_keys == ("em", "ph")
    (blocked,) = declared.blocked
    assert (blocked.custom_data, blocked.address) == (("ward",), ("dept",))
    assert blocked.hashed == (sha256("diagnosis"), sha256("nobody guesses this"))
    assert blocked.found == ("diagnosis",)
    assert [(rule.kind, rule.id) for rule in declared.rules] == [("event_setup_tool", "12")]


def identifier(kind: str, source: str, form: str = "sha256") -> Identifier:
    return Identifier(kind=kind, source=source, parameter=f"{source}[{kind}]", value=sha256(kind), form=form)


@pytest.fixture
def events(make_event: MakeEvent) -> list[Event]:
    """Return events of one pixel that show everything, and one of another pixel."""
    return [
        make_event(
            identifiers=(identifier("em", "udff"), identifier("ph", "ud", form="empty"), identifier("fbp", "cookie")),
            parameters={"pmd[title]": "Zorbitis", "up": "ward", "ccs": "7"},
        ),
        make_event("SubscribedButtonClick", START + 1, trigger="automatic", parameters={"pm": "1"}),
        make_event("Schedule", START + 2, trigger="event_setup_tool", identifiers=(identifier("external_id", "ud"),)),
        make_event("PageView", START + 3, pixel_id=OTHER, parameters={"pm": "1", "up": "x"}),
    ]


def test_what_was_observed_is_counted_per_pixel(fetched: Any, events: list[Event]) -> None:
    first, second = configurations([fetched(script()), fetched(None, pixel=OTHER)], events)
    seen = first.observed
    assert (seen.events, seen.automatic_events, seen.event_setup_tool_events) == (3, 1, 1)
    assert seen.matched_keys == ("em", "external_id")
    assert (seen.page_texts, seen.protected_mode) == (True, True)
    assert (seen.gateway_copies, seen.filtered_events, seen.events_naming_rules) == (0, 1, 1)
    assert (second.observed.events, second.observed.filtered_events, second.observed.page_texts) == (1, 1, False)


def test_copies_through_a_gateway_are_counted(fetched: Any, events: list[Event]) -> None:
    copy = events[0].hits[0].model_copy(update={"transport": "gateway"})
    copied = events[0].model_copy(update={"hits": (*events[0].hits, copy)})
    (found,) = configurations([fetched(None)], [copied])
    assert found.observed.gateway_copies == 1


def test_a_pixel_without_events_was_observed_to_do_nothing(fetched: Any) -> None:
    (found,) = configurations([fetched(script())], [])
    assert setups.observed(found.observed) == "0 events"


@pytest.fixture
def read(fetched: Any, events: list[Event]) -> Configuration:
    (found,) = configurations([fetched(script())], events)
    return found


def test_both_sides_in_words(read: Configuration) -> None:
    assert read.declared is not None
    said = {item.name: (item.declared, item.observed) for item in setups.aspects(read.declared, read.observed)}
    assert said["Events by Meta's code itself"] == ("switched on: InferredEvents", "1 of 3 events")
    assert said["Contact details (advanced matching)"] == (
        "switched on: AutomaticMatching; fields: e-mail address, phone number",
        (
            "seen: e-mail address, id the site gave the visitor. Not among the declared fields: id the site gave the "
            "visitor; the site's own code can give them"
        ),
    )
    assert said["Event Setup Tool"] == ("1 rule", "1 event from such a rule")
    assert said["Audiences and conversions"] == ("no rule", "1 event with ids of such rules that fitted")
    assert said["Removal before sending"] == (
        "not switched on; 4 keys for 1 event name",
        "1 event with something removed",
    )
    assert said["Protected-data mode"] == ("not switched on", "seen")
    assert said["Gateways"] == ("not switched on", "no copy seen")
    assert setups.observed(read.observed).startswith("3 events; 1 of them by Meta's code itself; 1 by the Event Setup")


def test_removal_leaves_no_sign_in_protected_data_mode(read: Configuration) -> None:
    assert read.declared is not None
    quiet = read.observed.model_copy(update={"filtered_events": 0})
    said = {item.name: item.observed for item in setups.aspects(read.declared, quiet)}
    assert said["Removal before sending"] == "no sign of it seen; protected-data mode leaves none"


def test_everything_declared_is_listed(read: Configuration) -> None:
    assert read.declared is not None
    listed = {item.title: item.items for item in setups.listings(read.declared)}
    assert listed == {
        "Switched on": (
            "AutomaticMatching: automatic advanced matching: contact details are read from form fields",
            "InferredEvents: clicks on buttons are reported without any code of the site",
        ),
        "Switched off": ("ScrollDepth (it would mean: how far the visitor scrolled is measured)",),
        "Keys removed before sending": (
            (
                "PageView: from custom data “ward”; from addresses “dept”; 2 keys given only as a hash, of which "
                "“diagnosis” is known, because its hash fits"
            ),
        ),
        "Rules of the Event Setup Tool": (
            "Where the text of the clicked button is “Book”, Schedule is sent (rule 12)",
        ),
    }


def test_a_setup_names_script_and_sites_and_no_owner(read: Configuration) -> None:
    assert read.declared is not None
    setup = Setup(configuration=read, sites=("example-clinic.example", "other.example"))
    assert setups.title(setup) == (f"Pixel {PIXEL}, seen on example-clinic.example and other.example; owner not known")
    assert setups.script(read, read.declared) == (
        "Script fetched 2026-09-21 14:13:20.000 UTC, for the site www.example-clinic.example, for Meta's client of "
        "build 2.9.383."
    )
    assert setups.not_read(read.declared) == ""
    partly = read.declared.model_copy(update={"not_read": 2})
    assert setups.not_read(partly).startswith("2 calls of the script could not be read")
