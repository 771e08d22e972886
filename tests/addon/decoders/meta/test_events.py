import pytest

from addon.decoders.meta.events import AUTOMATIC_EVENTS, STANDARD_EVENTS, event_kind, event_trigger


@pytest.mark.parametrize("name", sorted(STANDARD_EVENTS))
def test_names_of_metas_list(name: str) -> None:
    assert event_kind(name) == "standard"
    assert event_kind(name.lower()) == "custom"


@pytest.mark.parametrize("name", sorted(AUTOMATIC_EVENTS))
def test_names_that_only_metas_code_sends(name: str) -> None:
    assert event_kind(name) == "automatic_only"
    assert event_trigger(name, {}, by_library=True) == "automatic"


@pytest.mark.parametrize("name", ["", "Book HIV test", "pageview", "Lead ", "PAGEVIEW", "💉"])
def test_names_that_a_site_chose(name: str) -> None:
    assert event_kind(name) == "custom"


def test_the_list_is_metas() -> None:
    assert len(STANDARD_EVENTS) == 18
    assert not STANDARD_EVENTS & AUTOMATIC_EVENTS


@pytest.mark.parametrize(
    ("values", "by_library", "trigger"),
    [
        ({}, True, "site_code"),
        ({}, False, "unknown"),
        ({"noscript": "1"}, False, "site_code"),
        *(({"tm": method}, True, "site_code") for method in "0124"),
        *(({"tm": method}, True, "automatic") for method in "35"),
        ({"tm": "9"}, False, "unknown"),
        ({"es": "automatic", "tm": "0"}, True, "automatic"),
        ({"ie[a]": "1", "tm": "0"}, True, "automatic"),
        ({"ie[a]": "0"}, True, "site_code"),
        ({"est_source": "532018678224313", "es": "automatic", "tm": "3"}, True, "event_setup_tool"),
        ({"est_source": ""}, True, "site_code"),
    ],
)
def test_what_made_a_standard_event_leave(values: dict[str, str], by_library: bool, trigger: str) -> None:
    assert event_trigger("Lead", values, by_library=by_library) == trigger
