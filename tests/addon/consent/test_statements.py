"""What is said of consent beside the choice itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.consent import consentmode, usprivacy
from addon.consent.statements import may_state, statements_of_cookies, statements_of_request
from addon.decoders.meta.endpoints import split_address

GOOGLE = "https://www.google-analytics.com/g/collect?v=2&"


def stated(url: str):
    assert may_state(url)
    return statements_of_request(split_address(url))


@pytest.mark.parametrize(
    ("query", "says", "words"),
    [
        ("gcs=G111&gcd=13r3r3r3r5", "granted", "denied by default, then granted"),
        ("gcd=13q3q3q3q5", "denied", "denied by default and by the choice passed on"),
        ("gcd=13u3u3u3u5", "denied", "granted by default, then denied"),
        ("gcd=13n3n3n3n5l1", "granted", "granted by the choice passed on"),
        ("gcd=13m3m3m3m5", "denied", "denied by the choice passed on"),
        ("gcd=13p3p3p3p5", None, "denied by default"),
        ("gcd=13t3t3t3t5l1", None, "granted by default"),
        ("gcd=11v1v1l1l5", None, "ad_storage, analytics_storage granted by default, and granted again"),
        ("gcs=G100", None, "ad_storage denied, analytics_storage denied"),
        ("gcs=G1--", None, "did not require consent"),
        ("gcd=13r3r3r3", None, "not of a form that is known: not believed"),
        ("gcd=13z3r3r3r5", None, "not believed"),
        ("gcs=G2", None, "not believed"),
        ("gcd=" + "13r3r3r3r5" * 900, None, "not believed"),
    ],
)
def test_google_consent_mode(query: str, says: str | None, words: str) -> None:
    (found,) = stated(GOOGLE + query)
    assert (found.kind, found.says) == ("google_consent_mode", says)
    assert words in found.words
    assert len(found.words) <= 200


@pytest.mark.parametrize("query", ["gcd=13l3l3l3l1l1", "gcs=&gcd=", "gcd=11l1l1l1l1"])
def test_a_consent_mode_that_is_not_used_says_nothing(query: str) -> None:
    assert stated(GOOGLE + query) == ()


def test_only_requests_of_google_s_tags_speak_for_google() -> None:
    assert stated("https://ads.example/x?gcd=13r3r3r3r5") == ()
    assert stated("https://google.com.evil.example/x?gcd=13r3r3r3r5") == ()
    assert stated("https://www.clinic.example/g/collect?gcd=13r3r3r3r5")
    assert not may_state("https://www.clinic.example/?page=1")


def test_strings_in_the_addresses_of_vendors(tc) -> None:
    (found,) = stated(f"https://vendor.example/sync?gdpr=1&gdpr_consent={tc(1, 3, 4)}")
    assert (found.kind, found.says) == ("tc_string", "granted")
    (found,) = stated(f"https://vendor.example/sync?gdpr_consent={tc()}")
    assert found.says == "denied"
    (found,) = stated(f"https://vendor.example/sync?gdpr_consent={tc(1, 3, 4)[:-9]}")
    assert (found.says, "malformed" in found.words) == (None, True)
    (found,) = stated("https://vendor.example/sync?us_privacy=1YYN")
    assert (found.kind, found.says) == ("us_privacy", "denied")
    (found,) = stated("https://vendor.example/sync?gpp=DBABLA~BVQVAAAAAgA.QA&gpp_sid=7")
    assert (found.kind, found.says) == ("gpp", "denied")
    assert "US national: opted out of sale, sharing, targeted advertising" in found.words


@pytest.mark.parametrize(
    ("name", "value", "says", "words"),
    [
        ("usprivacy", "1YYN", "denied", "opted out of sale"),
        ("us_privacy", "1YNN", None, "no acceptance"),
        ("usprivacy", "1---", None, "does not apply"),
        ("usprivacy", '{"uspString":"1YYN"}', "denied", "opted out of sale"),
        ("usprivacy", "2YYN", None, "malformed: not believed"),
        ("usprivacy", "Y" * 9_000, None, "malformed: not believed"),
        ("OTGPPConsent", "DBABLA~BVQVAAAAAAGA.YA", "denied", "by Global Privacy Control"),
        ("OTGPPConsent", "DBABLA~BVQqAAAACgA.QA", None, "no acceptance"),
        ("OTGPPConsent", "DBABLA~", None, "malformed: not believed"),
    ],
)
def test_strings_in_cookies(name: str, value: str, says: str | None, words: str) -> None:
    (found,) = statements_of_cookies([("session", "x"), (name, value)])
    assert found.says == says
    assert words in found.words


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_is_read_or_refused(one: str, other: str) -> None:
    try:
        found = consentmode.decode(one, other)
    except ValueError:
        found = None
    assert found is None or found.words
    assert usprivacy.decode(one) is None or len(one) == 4
    for statement in statements_of_request(
        split_address(f"{GOOGLE}gcs={one}&gcd={other}&gdpr_consent={one}&gpp={other}")
    ):
        assert statement.says != "granted" or "r" in other or "n" in other


def test_the_us_privacy_string() -> None:
    assert usprivacy.decode("1yyn") == (True, True)
    assert usprivacy.decode("1-N-") == (False, False)
    assert usprivacy.decode("1YY") is None
