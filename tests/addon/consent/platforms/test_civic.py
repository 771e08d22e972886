"""Civic Cookie Control, whose cookie is there before anybody interacted."""

import json

import pytest

CHOSEN = 1_795_341_600_500


def cookie(optional, *, interacted=True, **more):
    return json.dumps(
        {
            "necessaryCookies": ["session"],
            "optionalCookies": optional,
            "statement": {},
            "consentDate": CHOSEN,
            "consentExpiry": 90,
            "interactedWith": interacted,
            "user": "AAAAAAAA-BBBB-4CCC-8DDD-EEEEEEEEEEEE",
            **more,
        }
    )


@pytest.mark.parametrize(
    ("optional", "interacted", "state", "words"),
    [
        ({"analytics": "accepted", "Marketing": "accepted"}, True, "accepted", "Marketing on"),
        ({"analytics": "accepted", "targetting": "revoked"}, True, "refused", "targetting off"),
        ({"advertising": "accepted", "social": "revoked"}, True, "partly_accepted", "social off"),
        ({"Facebook Pixel": "revoked", "marketing": "accepted"}, True, "refused", "Facebook Pixel off"),
        ({"analytics": "revoked"}, True, "refused", "analytics off"),
        ({"analytics": "accepted"}, True, "partly_accepted", "none of them is for marketing"),
        ({}, True, "refused", "no optional category accepted or offered"),
        ({"analytics": "legitimate interest"}, True, "unknown", "neither accepted nor revoked"),
        ({}, False, "no_choice_yet", "no choice made"),
        ({"marketing": "revoked"}, False, "no_choice_yet", "no choice made"),
        ({"marketing": "accepted"}, False, "no_choice_yet", "on by default, no choice made"),
        ({"performance": "legitimate interest"}, False, "no_choice_yet", "on by default, no choice made"),
    ],
)
def test_states(ask, optional, interacted, state, words) -> None:
    found = ask({"CookieControl": cookie(optional, interacted=interacted)})
    assert found.state == state
    assert words in found.proof
    assert "AAAAAAAA" not in found.proof
    assert found.chosen_at == (CHOSEN / 1000 if state in {"accepted", "refused", "partly_accepted"} else None)


@pytest.mark.parametrize("value", ["1", "{}", '{"optionalCookies":{}}', "[]", '{"interactedWith":true}', "accepted"])
def test_another_form_is_not_known(ask, value) -> None:
    assert ask({"CookieControl": value}).state == "unknown"
