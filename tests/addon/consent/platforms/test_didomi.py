"""Didomi: a token in base64, beside a TC string."""

import pytest

TIMES = {"user_id": "11111111-2222-4333-8444-555555555555", "created": "2026-11-22T09:59:00.000Z"}
UPDATED = {**TIMES, "updated": "2026-11-22T10:00:00.500Z", "version": 2}
AT = 1_795_341_600.5


def test_nobody_chose(ask, packed) -> None:
    found = ask({"didomi_token": packed({**TIMES, "updated": TIMES["created"], "version": None})})
    assert (found.state, found.chosen_at) == ("no_choice_yet", None)


@pytest.mark.parametrize(
    ("part", "state"),
    [
        ({"vendors": {"enabled": ["google", "c:facebook-Ab12Cd"]}}, "accepted"),
        ({"vendors": {"enabled": ["google"], "disabled": ["facebook"]}}, "refused"),
        ({"purposes": {"enabled": ["advertising-Xy"]}}, "accepted"),
        ({"purposes": {"disabled": ["advertising-Xy"]}, "vendors": {"disabled": ["google"]}}, "refused"),
        ({"purposes": {"enabled": ["geolocation_data"]}}, "accepted"),
        ({"purposes": {"disabled": ["geolocation_data"]}}, "refused"),
        ({"purposes": {"enabled": ["one"], "disabled": ["two"]}}, "partly_accepted"),
        ({"purposes": {}}, "unknown"),
        ({"purposes": [], "vendors": 5}, "unknown"),
    ],
)
def test_a_choice(ask, packed, part, state) -> None:
    found = ask({"didomi_token": packed({**UPDATED, **part})})
    assert found.state == state
    assert "11111111" not in found.proof
    assert found.chosen_at == (None if state == "unknown" else AT)


def test_the_string_decides_where_meta_is_not_named(ask, packed, tc) -> None:
    token = packed({**UPDATED, "purposes": {"enabled": ["geolocation_data"]}, "vendors": {"enabled": ["google"]}})
    found = ask({"didomi_token": token, "euconsent-v2": tc()})
    assert (found.state, found.chosen_at) == ("refused", AT)
    assert ask({"didomi_token": token, "euconsent-v2": tc(1, 3, 4)}).state == "accepted"


@pytest.mark.parametrize("value", ["", "eyJ", "accepted", "e30="])
def test_another_form_is_not_known(ask, value) -> None:
    assert ask({"didomi_token": value}).state == "unknown"
