"""Complianz."""

import pytest


@pytest.mark.parametrize(
    ("cookies", "state", "words"),
    [
        ({"cmplz_banner-status": "dismissed", "cmplz_marketing": "allow"}, "accepted", "cmplz_marketing=allow"),
        ({"cmplz_banner-status": "dismissed", "cmplz_marketing": "deny"}, "refused", "cmplz_marketing=deny"),
        ({"cmplz_marketing": "allow"}, "no_choice_yet", "on by default, no choice made"),
        ({"cmplz_marketing": "deny", "cmplz_statistics": "allow"}, "no_choice_yet", "no choice made"),
        ({"cmplz_banner-status": "dismissed"}, "unknown", "closed"),
        ({"cmplz_banner-status": "shown", "cmplz_marketing": "allow"}, "unknown", "not in a form"),
        ({"cmplz_banner-status": "dismissed", "cmplz_marketing": "allo"}, "unknown", "not in a form"),
    ],
)
def test_states(ask, cookies, state, words) -> None:
    found = ask(cookies)
    assert found.state == state
    assert words in found.proof
