"""Strings under the laws of US states: an opt-out, and no acceptance."""

import pytest

from addon.consent.evidence import read_cookies


@pytest.mark.parametrize(
    ("name", "value", "state", "words"),
    [
        ("usprivacy", "1YYN", "refused", "opted out of the sale"),
        ("us_privacy", "1YNN", "unknown", "no acceptance"),
        ("usprivacy", '{"uspString":"1YYN"}', "refused", "opted out of the sale"),
        ("OTGPPConsent", "DBABLA~BVQVAAAAAgA.QA", "refused", "US national: opted out"),
        ("OTGPPConsent", "DBABLA~BVQVAAAAAAGA.YA", "refused", "by Global Privacy Control, not by a click"),
        ("OTGPPConsent", "DBABLA~BVQqAAAACgA.QA", "unknown", "no acceptance"),
        ("gpp", "DBABBg~BUUAAAGA.QA", "refused", "California: opted out of sale, sharing"),
    ],
)
def test_states(name: str, value: str, state: str, words: str) -> None:
    found = read_cookies([(name, value)])
    assert found is not None
    assert found.state == state
    assert words in found.proof


@pytest.mark.parametrize(
    ("name", "value"),
    [("usprivacy", "1---"), ("usprivacy", "1YY"), ("usprivacy", "x" * 9_000), ("OTGPPConsent", "DBABLA~BAAAAAAAAgA.QA"),
     ("OTGPPConsent", "DBABLA~BVQV"), ("gpp", "\x00"), ("gpp", "DBABLA~" * 2_000)],
)  # fmt: skip
def test_what_does_not_apply_or_is_malformed_says_nothing(name: str, value: str) -> None:
    assert read_cookies([(name, value)]) is None


def test_a_platform_s_own_cookie_goes_first() -> None:
    found = read_cookies([("cookie_consent", "accepted"), ("usprivacy", "1YYN")])
    assert found is not None
    assert found.state == "accepted"
    assert found.against == ("US Privacy string: opted out of the sale of personal data",)
