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


@pytest.mark.parametrize(
    ("value", "state", "at"),
    [
        ("1@002|12|3441@@1795341600000@1795341600000", "refused", 1_795_341_600.0),
        ("0@002|12|3441@1,2,3@1795341600000@1795341600000", "unknown", 1_795_341_600.0),
        ("1@002|12|3441@1@1795341600000", "unknown", 1_795_341_600.0),
        ("0@002|12|3441@1,2,3", "unknown", None),
        ("2@002@@1795341600000", "unknown", None),
        ("1@002|12|3441@@1795341600000@" + "x" * 3_000, "unknown", None),
    ],
)
def test_trustcommander(ask, value, state, at) -> None:
    found = ask({"TC_PRIVACY": value})
    assert (found.state, found.chosen_at) == (state, at)


@pytest.mark.parametrize("name", ["ss_cookieAllowed", "sp_consent", "FCCDCF"])
@pytest.mark.parametrize("value", ["1", "accepted", "%5B%5D", "x" * 9_000])
def test_of_some_only_their_presence_is_known(ask, name, value) -> None:
    found = ask({name: value})
    assert found.state == "unknown"
    assert "not documented" in found.proof
