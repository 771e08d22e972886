"""TrustArc: levels, regimes, and lists written by rule."""

import pytest


@pytest.mark.parametrize(
    ("cookies", "state", "words"),
    [
        ({"notice_behavior": "expressed,eu"}, "no_choice_yet", "no choice made"),
        ({"notice_behavior": "expressed|eu"}, "no_choice_yet", "no choice made"),
        ({"notice_behavior": "implied,us"}, "no_choice_yet", "on by default, no choice made"),
        ({"notice_behavior": "none"}, "unknown", "not in a form"),
        (
            {"notice_behavior": "expressed,eu", "notice_preferences": "2:", "notice_gdpr_prefs": "0,1,2:"},
            "accepted", "levels 0,1,2",
        ),
        ({"notice_behavior": "expressed,eu", "notice_gdpr_prefs": "0,1,2:a1b2c3"}, "accepted", "level 2"),
        ({"notice_behavior": "expressed,eu", "notice_gdpr_prefs": "2,4:"}, "partly_accepted", "levels 2,4"),
        ({"notice_behavior": "expressed,eu", "notice_gdpr_prefs": "0:"}, "refused", "off"),
        ({"notice_behavior": "expressed,eu", "notice_gdpr_prefs": "0,1:"}, "refused", "off"),
        (
            {"notice_behavior": "implied,eu", "notice_gdpr_prefs": "0,1,2,3::implied,eu"},
            "no_choice_yet", "on by default, no choice made",
        ),
        ({"notice_behavior": "implied,us", "notice_gdpr_prefs": "0,1,2:"}, "unknown", "by rule or by choice"),
        ({"notice_gdpr_prefs": "0,1,2:"}, "unknown", "by rule or by choice"),
        (
            {"notice_behavior": "implied,us", "gpcishonored": "true", "notice_gdpr_prefs": "0::implied,us"},
            "refused", "Global Privacy Control",
        ),
        ({"notice_behavior": "implied,us", "notice_gdpr_prefs": "0::implied,us"}, "no_choice_yet", "by rule"),
        ({"notice_behavior": "expressed,eu", "notice_gdpr_prefs": "0,1,2"}, "unknown", "not in a form"),
        ({"notice_behavior": "expressed,eu", "notice_gdpr_prefs": "0,1,2::impl"}, "unknown", "not in a form"),
        ({"notice_behavior": "expressed,eu", "notice_preferences": "2:"}, "unknown", "not in a form"),
    ],
)  # fmt: skip
def test_states(ask, cookies, state, words) -> None:
    found = ask(cookies)
    assert found.state == state
    assert words in found.proof
