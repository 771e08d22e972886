"""What cookies and pages show of a choice, and what they do not show."""

import json
from urllib.parse import quote

import pytest

from addon.consent.banners import asks_for_consent
from addon.consent.evidence import read_cookies
from addon.consent.homemade import NEVER_CONSENT, is_consent_cookie, read_home_made
from addon.consent.reading import MAX_VALUE


@pytest.mark.parametrize(
    ("name", "value", "state"),
    [
        ("cookie_consent", "accepted", "accepted"),
        ("cookie_consent", "declined", "refused"),
        ("cookieConsent", "Accept%20All", "accepted"),
        ("gdpr", "true", None),
        ("gdpr_consent", "false", "refused"),
        ("consent", '"all"', "accepted"),
        ("consent", "%22all%22", "accepted"),
        ("consent", "%2522all%2522", "accepted"),
        ("cookie-policy", "essential", "refused"),
        ("COOKIE_CONSENT", "ACCEPTED", "accepted"),
        ("privacy-choice", "opt-out", "refused"),
        # too little under a name that says little
        ("cookies", "true", None),
        ("privacy", "all", None),
        ("cookie_settings", "none", None),
        # not a choice
        ("cookie_consent", "1", None),
        ("cookie_consent", "seen", None),
        ("cookie_consent", "", None),
        ("session", "accepted", None),
        ("cookietest", "true", None),
        ("cookies_enabled", "accepted", None),
    ],
)
def test_a_plain_value(name: str, value: str, state: str | None) -> None:
    reading = read_home_made(name, value)
    assert (reading.state if reading else None) == state


def test_the_proof_names_the_cookie() -> None:
    assert read_home_made("cookie_consent", "declined").proof == "cookie cookie_consent=declined"


@pytest.mark.parametrize(
    ("document", "state"),
    [
        ({"necessary": True, "marketing": False}, None),  # flags alone may be defaults
        ({"necessary": True, "marketing": False, "interacted": True}, "refused"),
        ({"marketing": True, "social": True, "consented": True}, "accepted"),
        ({"marketing": True, "social": False, "consented": True}, "partly_accepted"),
        ({"marketing": False, "interacted": False}, "no_choice_yet"),
        ({"marketing": "granted", "saved": "true"}, "accepted"),
        ({"marketing": "denied", "saved": True}, "refused"),
        ({"marketing": 1, "saved": True}, "accepted"),
        ({"marketing": "perhaps", "saved": True}, None),
        ({"Facebook": False, "Answered": True}, "refused"),
        ({"interacted": True}, None),
        ({}, None),
    ],
)
def test_a_value_that_is_an_object(document: dict[str, object], state: str | None) -> None:
    for text in (json.dumps(document), quote(json.dumps(document)), quote(quote(json.dumps(document)))):
        reading = read_home_made("cookie_consent", text)
        assert (reading.state if reading else None) == state


@pytest.mark.parametrize("value", ["{", "{]", "{" * 5000, '{"a":' * 2000, "[1]", "%", "%E0%A4%A", "\x00", "\ud800"])
def test_odd_values_do_no_harm(value: str) -> None:
    assert read_home_made("cookie_consent", value) is None


def test_a_long_value_is_not_read() -> None:
    assert read_home_made("cookie_consent", "{" + " " * MAX_VALUE + "}") is None


def test_several_cookies_that_agree() -> None:
    reading = read_cookies([("other", "accepted"), ("cookie_consent", "accepted"), ("gdpr", "yes")])
    assert reading.state == "accepted"


def test_cookies_that_contradict_each_other_say_nothing_certain() -> None:
    reading = read_cookies([("cookie_consent", "accepted"), ("gdpr_consent", "no")])
    assert reading.state == "unknown"
    assert "cookie_consent=accepted" in reading.proof
    assert "gdpr_consent=no" in reading.proof


def test_no_cookie_that_tells_is_no_reading() -> None:
    assert read_cookies([("session", "1"), ("cookies", "1"), ("cookie_consent", "")]) is None
    assert read_cookies([]) is None


@pytest.mark.parametrize("value", ["what", "1", "{'Functional':true}", "x" * (MAX_VALUE + 1)])
def test_what_is_plainly_about_consent_and_not_understood_is_not_taken_for_no_choice(value: str) -> None:
    reading = read_cookies([("session", "1"), ("cookie_consent", value)])
    assert reading is not None
    assert (reading.state, reading.chosen_at) == ("unknown", None)
    what = "longer than 8,000 characters, not read" if len(value) > MAX_VALUE else "not in a form that is known"
    assert reading.proof == f"cookie cookie_consent: {what}"
    assert read_cookies([("cookie_consent", value), ("gdpr_consent", "no")]).state == "refused"
    assert read_cookies([("consent_country", value)]) is None


def test_a_proof_quotes_no_more_than_it_may() -> None:
    long_name = "consent_" + "n" * 500
    for found in (read_cookies([(long_name, "accepted")]), read_cookies([(long_name, "?")])):
        assert len(found.proof) <= 200
    assert "\x1b" not in read_cookies([("consent\x1b[31m", "accepted")]).proof


@pytest.mark.parametrize("name", sorted(NEVER_CONSENT))
def test_tests_of_cookies_are_no_consent(name: str) -> None:
    assert not is_consent_cookie(name)
    assert not is_consent_cookie(name.upper())


@pytest.mark.parametrize(
    ("page", "asks"),
    [
        (b'<div id="cookie-banner">', True),
        (b'<div class="CookieConsent">', True),
        (b'<script src="https://cdn.cookielaw.org/scripttemplates/otSDKStub.js">', True),
        (b'<script src="https://consent.cookiebot.com/uc.js">', True),
        (b"<button>Accept all cookies</button>", True),
        (b'<a href="/cookies/">Cookies</a>', False),
        (b"<p>Our biscuits and cookies</p>", False),
        (b"", False),
        (b"\xff\xfe", False),
    ],
)
def test_whether_a_page_asks(page: bytes, asks: bool) -> None:
    assert asks_for_consent(page) == asks
