"""CookieYes and the older plugin of the same vendor."""

import pytest

from addon.consent.evidence import read_cookies


def cookie(*, consent="no", action="", on=(), more=""):
    names = ("functional", "analytics", "performance", "advertisement", "other")
    flags = ",".join(f"{name}:{'yes' if name in on else 'no'}" for name in names)
    return f"consentid:aW52ZW50ZWQ,consent:{consent},action:{action},necessary:yes,{flags}{more}"


ALL = ("functional", "analytics", "performance", "advertisement", "other")


@pytest.mark.parametrize(
    ("value", "state", "words"),
    [
        (cookie(), "no_choice_yet", "no choice recorded"),
        (cookie(on=ALL, more=",lastRenewedDate:1795000000000"), "no_choice_yet", "on by default, no choice made"),
        (cookie(action="yes"), "refused", "advertisement off"),
        (cookie(consent="yes", action="yes", on=ALL), "accepted", "advertisement on"),
        (cookie(consent="yes", action="yes", on=("analytics",)), "refused", "advertisement off"),
        (cookie(consent="yes", action="no", on=ALL), "unknown", "do not agree"),
        (cookie(consent="no", action="yes", on=("advertisement",)), "unknown", "do not agree"),
        ("yes", "unknown", "CookieYes"),
        ("consentid:x,consent:yes,action:yes", "unknown", "CookieYes"),
    ],
)
def test_states(ask, value, state, words) -> None:
    found = ask({"cookieyes-consent": value})
    assert found.state == state
    assert words in found.proof
    assert "aW52ZW50ZWQ" not in found.proof
    assert found.chosen_at is None


def test_truncated_is_never_accepted() -> None:
    value = cookie(consent="yes", action="yes", on=ALL)
    for end in range(len(value)):
        found = read_cookies([("cookieyes-consent", value[:end])])
        assert found is None or found.state != "accepted"


BOXES = {"cookielawinfo-checkbox-necessary": "yes", "cookielawinfo-checkbox-advertisement": "yes"}


def test_the_older_plugin(ask, packed) -> None:
    assert ask({**BOXES, "viewed_cookie_policy": "yes"}).state == "accepted"
    off = {**BOXES, "cookielawinfo-checkbox-advertisement": "no"}
    assert ask({**off, "viewed_cookie_policy": "yes"}).state == "refused"
    assert ask({**off, "viewed_cookie_policy": "no"}).state == "refused"
    assert ask(BOXES).state == "unknown"
    assert "may be defaults" in ask(BOXES).proof
    assert ask({"viewed_cookie_policy": "yes"}).state == "unknown"
    consent = packed({"necessary": True, "analytics": True, "advertisement": False})
    assert ask({"viewed_cookie_policy": "yes", "CookieLawInfoConsent": consent}).state == "refused"
