"""Banners with a handful of categories in JSON."""

import json

import pytest

AT = 1_795_341_600
ISO = "2026-11-22T10:00:00.000Z"
UUID = "11111111-2222-4333-8444-555555555555"
ADVERTISING = {"necessary": True, "performance": False, "functional": False, "advertising": True}


def necessary_only(**more):
    return {**ADVERTISING, "advertising": False, **more}


@pytest.mark.parametrize(
    ("name", "document", "state", "at"),
    [
        ("cookiefirst-consent", {**ADVERTISING, "timestamp": AT, "type": "category", "version": UUID}, "accepted", AT),
        ("cookiefirst-consent", necessary_only(timestamp=AT, type="category", version=UUID), "refused", AT),
        ("cookiefirst-consent", necessary_only(timestamp=5), "refused", None),
        ("cookiefirst-consent", {"necessary": True}, "unknown", None),
        ("CookieScriptConsent", {"bannershown": 1, "key": UUID}, "no_choice_yet", None),
        (
            "CookieScriptConsent",
            {"bannershown": 1, "action": "reject", "consenttime": AT, "categories": "[]", "key": UUID},
            "refused", AT,
        ),
        (
            "CookieScriptConsent",
            {"action": "accept", "categories": '["targeting","performance"]', "key": UUID}, "accepted", None,
        ),
        ("CookieScriptConsent", {"action": "accept", "categories": '["performance"]'}, "refused", None),
        ("CookieScriptConsent", {"action": "accept", "categories": '["targeting"'}, "unknown", None),
        ("CookieScriptConsent", {"action": "accept"}, "unknown", None),
        ("CookieScriptConsent", {"googleconsentmap": {"ad_storage": "targeting"}}, "unknown", None),
        (
            "CookieInformationConsent",
            {
                "website_uuid": UUID,
                "timestamp": ISO,
                "consents_approved": ["cookie_cat_necessary"],
                "consents_denied": ["cookie_cat_marketing"],
            },
            "refused", AT,
        ),
        (
            "CookieInformationConsent",
            {"timestamp": ISO, "consents_approved": ["cookie_cat_necessary", "cookie_cat_marketing"]},
            "accepted", AT,
        ),
        ("CookieInformationConsent", {"timestamp": ISO}, "unknown", None),
        (
            "cc_cookie",
            {"categories": ["necessary", "analytics"], "revision": 0, "consentId": UUID, "lastConsentTimestamp": ISO},
            "partly_accepted", AT,
        ),
        ("cc_cookie", {"categories": ["necessary", "ads"], "revision": 0, "lastConsentTimestamp": ISO}, "accepted", AT),
        ("cc_cookie", {"categories": ["necessary"], "revision": 0}, "refused", None),
        ("cc_cookie", {"level": ["necessary", "targeting"], "revision": 1, "rfc_cookie": True}, "accepted", None),
        ("cc_cookie", {"required": 1, "marketing": 0}, "unknown", None),
        ("cc_cookie", {"categories": "all", "revision": 0}, "unknown", None),
        ("_iub_cs-1234567", {"id": 1234567}, "no_choice_yet", None),
        ("_iub_cs-1234567", {"timestamp": ISO, "purposes": {"1": True, "5": True}, "id": 1}, "accepted", AT),
        ("_iub_cs-1234567", {"timestamp": ISO, "purposes": {"1": True, "5": False}, "id": 1}, "refused", AT),
        ("_iub_cs-s1234567", {"timestamp": ISO, "purposes": {"1": True, "4": True}, "id": 1}, "partly_accepted", AT),
        ("_iub_cs-1234567", {"timestamp": ISO, "purposes": {"1": True, "4": False}}, "refused", AT),
        ("_iub_cs-1234567", {"timestamp": ISO, "consent": True}, "accepted", AT),
        ("_iub_cs-1234567", {"timestamp": ISO, "consent": False}, "refused", AT),
        ("_iub_cs-1234567-uspr", {"s": True, "adv": True}, "unknown", None),
        (
            "ppms_privacy_11111111-2222",
            {"visitorId": UUID, "consents": {"analytics": {"status": -1}, "remarketing": {"status": -1}}},
            "no_choice_yet", None,
        ),
        (
            "ppms_privacy_11111111-2222",
            {"consents": {"analytics": {"status": 1}, "remarketing": {"status": 0}}}, "refused", None,
        ),
        ("ppms_privacy_11111111-2222", {"consents": {"remarketing": {"status": 1}}}, "accepted", None),
        ("ppms_privacy_11111111-2222", {"consents": {"analytics": {"status": 1}}}, "partly_accepted", None),
        ("ppms_privacy_11111111-2222", {"consents": {"remarketing": {"status": 2}}}, "unknown", None),
        (
            "_evidon_consent_cookie",
            {"consent_date": ISO, "categories": {"1": {"essential": True, "analytics": True, "advertising": False}}},
            "refused", AT,
        ),
        ("_evidon_consent_cookie", {"consent_date": ISO, "categories": {"1": {"advertising": True}}}, "accepted", AT),
        ("_evidon_consent_cookie", {"consent_date": ISO, "categories": {"6": True}}, "accepted", AT),
        ("_evidon_consent_cookie", {"consent_date": ISO}, "unknown", None),
    ],
)  # fmt: skip
def test_states(ask, name, document, state, at) -> None:
    for value in (json.dumps(document), json.dumps(document, separators=(",", ":"))):
        found = ask({name: value})
        assert (found.state, found.chosen_at) == (state, at)
        assert UUID not in found.proof


@pytest.mark.parametrize(
    ("document", "state", "words"),
    [
        ({"answered": False, "implict": True, "allAllowed": True}, "no_choice_yet", "on by default, no choice made"),
        ({"answered": False, "implict": False}, "no_choice_yet", "not answered"),
        ({"answered": True, "allAllowed": True, "timestamp": ISO}, "accepted", "all allowed"),
        ({"answered": True, "allAllowed": False, "timestamp": ISO}, "unknown", "not plain"),
        ({"revision": 1}, "unknown", "not in a form"),
    ],
)
def test_cookiehub(ask, packed, document, state, words) -> None:
    found = ask({"cookiehub": packed(document)})
    assert found.state == state
    assert words in found.proof
