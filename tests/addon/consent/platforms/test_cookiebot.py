"""Cookiebot, and those who use its cookie's name."""

import pytest

from addon.consent.evidence import read_cookies

STAMP = "aW52ZW50ZWQtc3RhbXA="
UTC = 1_795_341_600_754


def cookie(*, stamp=STAMP, marketing=False, statistics=False, method="method:'explicit',", region="gb"):
    flags = f"necessary:true,preferences:false,statistics:{str(statistics).lower()},marketing:{str(marketing).lower()}"
    return f"{{stamp:'{stamp}',{flags},{method}ver:1,utc:{UTC},region:'{region}'}}"


@pytest.mark.parametrize(
    ("value", "state", "words"),
    [
        (cookie(marketing=True, statistics=True), "accepted", "marketing on"),
        (cookie(statistics=True), "refused", "marketing off"),
        (cookie(), "refused", "marketing off"),
        (cookie(marketing=True, method=""), "accepted", "marketing on"),
        (cookie(marketing=True, method="method:'implied',"), "no_choice_yet", "on by default, no choice made"),
        (cookie(method="method:'implied',"), "no_choice_yet", "no choice recorded"),
        (cookie(marketing=True, method="method:'other',"), "unknown", "not known"),
        (cookie(stamp="-1", marketing=True, region="US"), "not_asked", "on by default, no choice made"),
        (cookie(stamp="-1", region="US"), "not_asked", "nobody was asked"),
        (cookie().replace(":'", ":%27").replace("',", "%27%2C"), "refused", "marketing off"),
    ],
)
def test_states(ask, value, state, words) -> None:
    found = ask({"CookieConsent": value})
    assert found.state == state
    assert words in found.proof
    assert STAMP not in found.proof
    assert found.chosen_at == (UTC / 1000 if state in {"accepted", "refused"} else None)


@pytest.mark.parametrize(
    ("value", "state"),
    [
        ("{'Functional':true+'Analytical':true+'Embed':true}", "unknown"),
        ("{stamp:'',necessary:true,preferences:true,statistics:true,marketing:true}", "unknown"),
        ("-1", "unknown"),
        ("0", "unknown"),
        ("true", "accepted"),  # a home-made banner under the same name
        ("false", "refused"),
    ],
)
def test_the_name_alone_is_not_cookiebot(ask, value, state) -> None:
    found = ask({"CookieConsent": value})
    assert found.state == state
    assert "Cookiebot" not in found.proof


def test_truncated_is_never_accepted() -> None:
    value = cookie(marketing=True)
    for end in range(len(value)):
        found = read_cookies([("CookieConsent", value[:end])])
        assert found is None or found.state == "unknown"
