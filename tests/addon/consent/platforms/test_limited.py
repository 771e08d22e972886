"""Platforms that do not tell the whole."""

import pytest


def test_osano_is_never_read(ask) -> None:
    found = ask({"osano_consentmanager": "aW52ZW50ZWQ-accepted", "osano_consentmanager_uuid": "invented"})
    assert found.state == "unknown"
    assert "encrypted" in found.proof
    assert "accepted" not in found.proof


@pytest.mark.parametrize(
    ("document", "gpc", "state", "words"),
    [
        ({"behavioral_advertising": {"status": "granted"}}, False, "unknown", "advertising granted, by rule"),
        ({"behavioral_advertising": {"status": "denied"}}, False, "unknown", "advertising denied, by rule"),
        ({"behavioral_advertising": {"status": "denied"}}, True, "refused", "Global Privacy Control"),
        ({"analytics": {"status": "granted"}}, False, "unknown", "nothing of advertising"),
        ({"behavioral_advertising": {"status": []}}, True, "unknown", "nothing of advertising"),
    ],
)
def test_ketch(ask, packed, document, gpc, state, words) -> None:
    found = ask({"_ketch_consent_v1_": packed(document)} | ({"gpcsignal": "true"} if gpc else {}))
    assert found.state == state
    assert words in found.proof


@pytest.mark.parametrize(
    ("value", "state"),
    [("allow", "accepted"), ("deny", "refused"), ("dismiss", "unknown"), ("allo", "unknown"), ("1", "unknown")],
)
def test_insites(ask, value, state) -> None:
    assert ask({"cookieconsent_status": value}).state == state
