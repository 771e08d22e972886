"""Home-made banners in several languages: better not known than wrong."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.consent.evidence import read_cookies
from addon.consent.homemade import is_banner_cookie, read_home_made, words_of


@pytest.mark.parametrize(
    ("name", "value", "state"),
    [
        ("cookie_consent", "declined", "refused"),
        ("cb-enabled", "accepted", "accepted"),
        ("cb-enabled", "declined", "refused"),
        ("hasConsent", "true", "accepted"),
        ("cookies_accepted", "1", "accepted"),
        ("cookies_accepted", "true", "accepted"),
        ("cookie_einwilligung", "abgelehnt", "refused"),
        ("cookies-akzeptiert", "ja", "accepted"),
        ("cookie_consentement", "refusé", "refused"),
        ("politique_cookies", "accepté", "accepted"),
        ("consentimiento_cookies", "rechazado", "refused"),
        ("consentimiento", "no", "refused"),
        ("caniatad_cwcis", "gwrthod", "refused"),
        ("cwcis", "derbyn", "accepted"),
        ("consent_declined", "true", "refused"),
        ("cookie_optout", "yes", "refused"),
        ("marketing_consent", "granted", "accepted"),
        # not plain: the state stays open
        ("gdpr", "1", "unknown"),
        ("gdpr", "true", "unknown"),
        ("consent", "0", "unknown"),
        ("consent", "1", "unknown"),
        ("acceptCookies", "false", "unknown"),
        ("acceptCookies", "true", "unknown"),
        ("cookies_accepted", "false", "unknown"),
        ("cookie_notice_dismissed", "1", "unknown"),
        ("cookie_notice_dismissed", "yes", "unknown"),
        ("cookieconsent_dismissed", "yes", "unknown"),
        ("consent_banner_shown", "true", "unknown"),
        ("cookieBannerClosed", "true", "unknown"),
        ("showCookieBanner", "no", "unknown"),
        ("cookie-policy", "seen", "unknown"),
        ("eucookie", "yes", "unknown"),
        ("aceptar_cookies", "si", "unknown"),
        ("analytics_consent", "yes", "unknown"),
        ("consent-statistics", "granted", "unknown"),
        ("consent_declined", "false", "unknown"),
        ("consent_denied", "accepted", "unknown"),
        ("no_consent", "no", "unknown"),
        ("privacy_policy", "accepted", "unknown"),
        ("cookieConsent", "{'analytics':true}", "unknown"),
        ("cookie_preferences", '{"analytics":"on","marketing":"on"}', "unknown"),
        # about consent, and not about the choice
        ("gdpr_applies", "true", None),
        ("consent_country", "no", None),
        ("consent_required", "true", None),
        ("needs_consent", "true", None),
        ("consentVersion", "yes", None),
        ("newsletter_consent", "yes", None),
        ("cookie-consent-id", "all", None),
        ("cookie_consent_test", "yes", None),
        ("youtube_consent", "accepted", None),
        ("cookies", "true", None),
    ],
)  # fmt: skip
def test_what_a_cookie_of_the_site_s_own_says(name: str, value: str, state: str | None) -> None:
    for text in (value, quote(value, safe=""), quote(quote(value, safe=""), safe="")):
        found = read_cookies([(name, text)])
        assert (found.state if found else None) == state, (name, text)


def test_names_are_taken_apart_into_words() -> None:
    assert words_of("cookieConsentBasket") == {"cookie", "consent", "basket"}
    assert words_of("GDPR_consent-2_askAgain") == {"gdpr", "consent", "ask", "again"}
    assert words_of("") == frozenset()


def test_a_word_inside_another_is_not_met() -> None:
    assert read_home_made("cookieConsentBasket", "accepted").state == "accepted"
    assert is_banner_cookie("cookie_banner_latest")


NAMES = st.text(alphabet="abcdefghijklmnopqrstuvwxyzABC_-.019", max_size=20)


@given(NAMES, st.sampled_from(["consent", "cookie", "gdpr", "privacy"]), st.text(max_size=80) | st.binary(max_size=80))
def test_acceptance_needs_a_word_of_acceptance(around: str, part: str, value: str | bytes) -> None:
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    found = read_home_made(around + part, text)
    if found is not None and found.state == "accepted":
        assert any(word in text.lower() for word in ("acc", "al", "agree", "grant", "yes", "true", "opt", "full", "ja",
            "oui", "tout", "akz", "ang", "zug", "ace", "tod", "derb", "cyt", "gea", "1"))  # fmt: skip
