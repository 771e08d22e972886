"""The pattern of GOV.UK services."""

import json

import pytest

POLICY = {"essential": True, "settings": False, "usage": False, "campaigns": False}


@pytest.mark.parametrize(
    ("policy", "answered", "state", "words"),
    [
        (POLICY, None, "no_choice_yet", "no choice recorded"),
        (dict.fromkeys(POLICY, True), None, "no_choice_yet", "on by default, no choice made"),
        (POLICY, "true", "refused", "campaigns off"),
        (POLICY | {"usage": True}, "true", "refused", "campaigns off"),
        (dict.fromkeys(POLICY, True), "true", "accepted", "campaigns on"),
        ({"essential": True, "usage": True}, "true", "partly_accepted", "none of them is for marketing"),
        (POLICY | {"marketing": True}, "true", "partly_accepted", "marketing on"),
        (POLICY, "false", "no_choice_yet", "no choice recorded"),
    ],
)
def test_states(ask, packed, policy, answered, state, words) -> None:
    beside = {"cookies_preferences_set": answered} if answered else {}
    for value in (json.dumps(policy), packed(policy)):
        found = ask({"cookies_policy": value, **beside})
        assert found.state == state
        assert words in found.proof


@pytest.mark.parametrize("value", ['{"accepted":true,"version":2}', "accepted", "{}", "1"])
def test_the_name_alone_is_not_the_pattern(ask, value) -> None:
    assert "GOV.UK" not in ask({"cookies_policy": value, "cookies_preferences_set": "true"}).proof
