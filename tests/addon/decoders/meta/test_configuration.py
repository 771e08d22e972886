"""A pixel's configuration script is read as text, whatever it holds."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.decoders.meta.configuration import (
    MAX_RULES,
    PixelConfiguration,
    configuration_pixel,
    read_configuration,
)

PIXEL = "900000000000001"
URL = (
    f"https://connect.facebook.net/signals/config/{PIXEL}?v=2.9.383&r=stable&domain=www.example-clinic.example&hme=0a1b"
)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


TOOL_RULES = [
    {
        "condition": {
            "type": 1,
            "conditions": [
                {"targetType": 1, "extractor": 2, "operator": 2, "action": 1, "value": "Book a zorbitis test"},
            ],
        },
        "derived_event_name": "Schedule",
        "transformations": [1],
        "rule_status": "ACTIVE",
        "rule_id": "1200000000001",
    },
    {
        "condition": {
            "type": 2,
            "conditions": [
                {"targetType": 3, "extractor": 1, "operator": 1, "value": "/thank-you"},
                {"type": 1, "conditions": [{"extractor": 2, "operator": 2, "value": "Send"}]},
            ],
        },
        "derived_event_name": "Lead",
        "rule_status": "PAUSED",
        "rule_id": "1200000000002",
    },
]
AUDIENCES = {
    "ccRules": [
        {
            "id": "88",
            "rule": {
                "and": [
                    {"event": {"eq": "PageView"}},
                    {"or": [{"url": {"i_contains": "/zorbitis"}}, {"url": {"i_contains": "/help"}}]},
                ]
            },
        }
    ],
    "wcaRules": [{"id": 99, "rule": {"content_name": {"regex_match": "z.*"}, "value": {"gt": "5"}}}],
}
UNWANTED = {
    "blacklisted_keys": {
        "PageView": {"cd": ["condition_name"], "url": ["dept"]},
        "Lead": {"cd": [], "url": []},
    },
    "sensitive_keys": {"PageView": {"cd": [sha256("diagnosis")], "url": [sha256("nobody guesses this")]}},
}
GATEWAYS = {
    "endpoints": [
        {"targetDomain": "https://gw.example-clinic.example/", "endpoint": "https://gw.example-clinic.example/hub/1"},
        {"endpoint": "https://gw.example-clinic.example/hub/1"},
    ]
}


def plugin(*calls: str, pixel: str = PIXEL) -> str:
    """Return a script in the shape of Meta's, with these calls in it."""
    return (
        f'fbq.registerPlugin("{pixel}", {{__fbEventsPlugin: 1, plugin: function(fbq, instance, config) {{ '
        + "\n".join(calls)
        + f'\ninstance.configLoaded("{pixel}"); }}}});'
    )


def setting(key: str, value: object, pixel: str | None = PIXEL) -> str:
    return f"config.set({json.dumps(pixel)}, {json.dumps(key)}, {json.dumps(value)});"


SCRIPT = plugin(
    setting("automaticMatching", {"selectedMatchKeys": ["em", "ph"]}),
    'fbq.loadPlugin("identity");',
    f'instance.optIn("{PIXEL}", "AutomaticMatching", true);',
    'fbq.loadPlugin("inferredevents");',
    f'instance.optIn("{PIXEL}", "InferredEvents", true);',
    f'instance.optOut("{PIXEL}", "ScrollDepth", true);',
    f'instance.optIn("{PIXEL}", "NobodyKnowsThis", true);',
    'instance.optIn("900000000000002", "ProtectedDataMode", true);',
    setting("protectedDataMode", {"standardParams": {"currency": True, "value": True, "left_out": False}}),
    setting("unwantedData", UNWANTED),
    setting("ccRuleEvaluator", AUDIENCES),
    setting("openbridge", GATEWAYS),
    setting("browserProperties", {"enableEventSuppression": True}, pixel=None),
    f'config.set("{PIXEL}", "notJson", function() {{ return 1; }});',
    f'fbq.set("estRules", "{PIXEL}", {json.dumps(TOOL_RULES)});',
)


def read(script: str, url: str = URL) -> PixelConfiguration:
    found = read_configuration(url, script.encode())
    assert found is not None
    return found


@pytest.fixture(scope="module")
def found() -> PixelConfiguration:
    return read(SCRIPT)


def test_which_script_was_read(found: PixelConfiguration) -> None:
    assert (found.pixel_id, found.library_version, found.domain) == (PIXEL, "2.9.383", "www.example-clinic.example")
    assert found.sha256 == sha256(SCRIPT)


def test_switches_with_their_meaning(found: PixelConfiguration) -> None:
    assert [(feature.name, feature.enabled) for feature in found.features] == [
        ("AutomaticMatching", True),
        ("InferredEvents", True),
        ("NobodyKnowsThis", True),
        ("ScrollDepth", False),
    ]
    meanings = {feature.name: feature.meaning for feature in found.features}
    assert meanings["InferredEvents"] == "clicks on buttons are reported without any code of the site"
    assert meanings["NobodyKnowsThis"] is None
    assert found.enabled("AutomaticMatching")
    assert not found.enabled("ScrollDepth")
    assert not found.enabled("ProtectedDataMode"), "it is switched on for another pixel"


def test_fields_and_keys(found: PixelConfiguration) -> None:
    assert found.matched_keys == ("em", "ph")
    assert found.allowed_in_protected_mode == ("currency", "value")


def test_blocked_keys_by_event(found: PixelConfiguration) -> None:
    (blocked,) = found.blocked
    assert (blocked.event, blocked.custom_data, blocked.address) == ("PageView", ("condition_name",), ("dept",))
    assert blocked.hashed == (sha256("diagnosis"), sha256("nobody guesses this"))


def test_gateways_each_once(found: PixelConfiguration) -> None:
    assert sorted(found.gateways) == ["https://gw.example-clinic.example/", "https://gw.example-clinic.example/hub/1"]


def test_rules_in_words(found: PixelConfiguration) -> None:
    assert [(rule.kind, rule.id, rule.text) for rule in found.rules] == [
        (
            "event_setup_tool",
            "1200000000001",
            "where the text of the clicked button is “Book a zorbitis test”, Schedule is sent",
        ),
        (
            "event_setup_tool",
            "1200000000002",
            (
                "where “/thank-you” fits (target 3, extractor 1, operator 1) or (the text of the clicked button is "
                "“Send”), Lead is sent (status PAUSED)"
            ),
        ),
        (
            "conversion",
            "88",
            (
                "the event is “PageView” and (the page's address contains “/zorbitis” or the page's address contains "
                "“/help”)"
            ),
        ),
        ("audience", "99", "“content_name” fits the pattern “z.*” and “value” is over “5”"),
    ]


def test_what_cannot_be_read_is_counted(found: PixelConfiguration) -> None:
    assert found.not_read == 1


@pytest.mark.parametrize(
    ("url", "pixel"),
    [
        (URL, PIXEL),
        (f"https://connect.facebook.net/signals/config/{PIXEL}/", PIXEL),
        ("https://connect.facebook.net/signals/config/", None),
        ("https://connect.facebook.net/signals/config/abc", None),
        ("https://connect.facebook.net/signals/plugins/identity.js", None),
        ("https://connect.facebook.net/en_US/fbevents.js", None),
    ],
)
def test_pixel_in_the_address(url: str, pixel: str | None) -> None:
    assert configuration_pixel(url) == pixel


@pytest.mark.parametrize(
    "script",
    ["", "x", plugin(), plugin('instance.optIn("900000000000002", "InferredEvents", true);')],
)
def test_a_script_that_declares_nothing_of_the_pixel(script: str) -> None:
    assert read_configuration(URL, script.encode()) is None
    assert read_configuration("https://connect.facebook.net/signals/config/x", SCRIPT.encode()) is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("automaticMatching", None),
        ("automaticMatching", {"selectedMatchKeys": "em"}),
        ("protectedDataMode", []),
        ("unwantedData", {"blacklisted_keys": [], "sensitive_keys": {"PageView": 1}}),
        ("unwantedData", {"blacklisted_keys": {"PageView": {"cd": 1, "url": None}}}),
        ("ccRuleEvaluator", {"ccRules": {}, "wcaRules": [None, 1, {}, {"id": None, "rule": [1]}]}),
        ("openbridge", [[["x"]], 1, {"a": None}]),
    ],
)
def test_settings_of_another_shape_declare_nothing(key: str, value: object) -> None:
    found = read(plugin(setting(key, value)))
    assert (found.matched_keys, found.allowed_in_protected_mode, found.blocked, found.gateways) == ((), (), (), ())
    assert not found.not_read


def test_very_many_rules_are_cut() -> None:
    found = read(plugin(setting("x", 1), f'fbq.set("estRules", "{PIXEL}", {json.dumps(TOOL_RULES[:1] * 900)});'))
    assert len(found.rules) == MAX_RULES


def test_deep_nesting_is_not_followed() -> None:
    deep: object = {"url": {"eq": "/x"}}
    for _ in range(40):
        deep = {"and": [deep]}
    found = read(plugin(setting("ccRuleEvaluator", {"ccRules": [{"id": 1, "rule": deep}]})))
    assert found.rules[0].text == "a condition that is not read here"
    assert read_configuration(URL, plugin(setting("x", 1), "config.set(" + "[" * 200_000).encode()) is not None


def test_a_script_cut_anywhere_is_read_as_far_as_it_goes() -> None:
    data = SCRIPT.encode()
    for end in range(len(data)):
        found = read_configuration(URL, data[:end])
        if found is not None:
            assert found.not_read <= 2
            assert set(found.matched_keys) <= {"em", "ph"}


@given(st.text() | st.text(alphabet='{}[]()",:\\0 configset.', max_size=80), st.sampled_from([0, 40, 400, 900]))
def test_no_script_raises(text: str, at: int) -> None:
    for script in (text, SCRIPT[:at] + text + SCRIPT[at:], f"config.set({text}", f'fbq.set("estRules", "1", {text})'):
        read_configuration(URL, script.encode("utf-8", "surrogatepass"))


@given(st.binary(max_size=200))
def test_no_bytes_raise(data: bytes) -> None:
    read_configuration(URL, data)
    read_configuration(URL, SCRIPT.encode() + data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "selectedMatchKeys", "standardParams", "blacklisted_keys", "sensitive_keys", "cd", "url",
                    "ccRules", "wcaRules", "rule", "id", "and", "or", "endpoint", "condition", "conditions",
                    "derived_event_name", "rule_status", "extractor", "operator", "value", "type",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)  # fmt: skip
KEYS = ("automaticMatching", "protectedDataMode", "unwantedData", "ccRuleEvaluator", "openbridge")


@given(JSON, st.sampled_from(KEYS))
def test_no_setting_of_any_shape_raises(value: object, key: str) -> None:
    assert read(plugin(setting(key, value), f'fbq.set("estRules", "{PIXEL}", {json.dumps(value)});')).not_read == 0


@given(st.text(max_size=200))
def test_no_address_raises(text: str) -> None:
    configuration_pixel(text)
    configuration_pixel(f"https://connect.facebook.net/signals/config/{text}")


@pytest.mark.parametrize("depth", [10, 400])
def test_conditions_nested_without_end_are_not_followed(depth: int) -> None:
    condition = '{"conditions":[' * depth + "{}" + "]}" * depth
    rule = f'[{{"condition":{condition},"derived_event_name":"Lead","rule_status":["x"],"rule_id":"1"}}]'
    script = f'instance.optIn("{PIXEL}", "ESTRuleEngine", true); fbq.set("estRules", "{PIXEL}", {rule});'
    found = read_configuration(URL, script.encode())
    assert found is not None
    assert len(found.rules) == 1
    assert "not read here" in found.rules[0].text
