"""What holds of every reader: nothing raises, nothing is taken for acceptance by accident, no id is quoted."""

import json
import random
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addon.consent.evidence import READERS, read_cookies
from addon.consent.reading import MAX_VALUE

NAMES = [name.replace("*", "1") for platform in READERS for name in platform.cookies]
BESIDE = ["addtl_consent", "consentDate", "cookies_preferences_set", "cookie-agreed-categories", "gpcsignal"]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
KEYS = st.sampled_from(
    ["consents", "purposes", "vendors", "categories", "action", "marketing", "necessary", "essential", "answered",
     "con", "CMP", "m", "status", "stamp", "interactedWith", "optionalCookies", "consentDate", "timestamp", "enabled",
     "strict", "thirdparty", "advanced", "version", "consented", "revision", "level", "$$completed", "consent_date",
     "created", "updated", "id", "ts", "ess", "adv", "1", "5", "consent", "advertising", "behavioral_advertising"]
)  # fmt: skip
DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6), max_leaves=25
)
VALUES = (
    st.text(max_size=60)
    | st.text(alphabet="{}[]:,'\"=!_.%2C01true-falsyenoccept&", max_size=60)
    | DOCUMENTS.map(lambda document: json.dumps(document, default=str))
)


@given(st.dictionaries(st.sampled_from(NAMES + BESIDE), VALUES, min_size=1, max_size=4))
@settings(max_examples=400)
def test_no_reader_raises_on_any_text(cookies) -> None:
    found = read_cookies(cookies.items())
    assert found is None or len(found.proof) <= 200


@given(st.sampled_from(NAMES), st.binary(min_size=4, max_size=200))
@settings(max_examples=400)
def test_no_reader_takes_any_bytes_for_acceptance(name, value) -> None:
    found = read_cookies([(name, value.decode("latin-1"))])
    assert found is None or found.state not in {"accepted", "partly_accepted"}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "value",
    ["", "\x00", "%", "%E0%A4%A", "\ud800", "{" * 5_000, "[" * 7_000, "9" * 7_000, '{"a":' * 1_500, "!" * 7_000,
     "1:" * 3_000, "," * 7_000, "A" * 7_999, "A" * (MAX_VALUE + 5), "=" * 100, "&=" * 3_000, '"{', '"{}"'],
)  # fmt: skip
def test_odd_values_do_no_harm(name, value) -> None:
    found = read_cookies([(name, value), ("cookie-agreed", "x"), ("consentDate", value)])
    assert found is not None
    assert found.state == "unknown"
    assert len(found.proof) <= 200


ISO = "2026-11-22T10:00:00.500Z"
ACCEPTED = {
    "CookieControl": json.dumps(
        {"optionalCookies": {"marketing": "accepted"}, "consentDate": 1_795_341_600_500, "interactedWith": True}
    ),
    "nhsuk-cookie-consent": json.dumps(
        {"necessary": True, "preferences": True, "statistics": True, "marketing": True, "consented": True, "version": 7}
    ),
    "CookieConsent": "{stamp:'aW52',necessary:true,preferences:true,statistics:true,marketing:true,"
    "ver:1,utc:1,region:'gb'}",
    "cookieyes-consent": "consentid:x,consent:yes,action:yes,necessary:yes,functional:yes,analytics:yes,"
    "performance:yes,advertisement:yes,other:yes",
    "_tracking_consent": json.dumps(
        {"con": {"CMP": {"a": "1", "m": "1", "p": "1", "s": "1"}}, "purposes": {"a": True, "m": True}}
    ),
    "consent-policy": '{"ess":1,"func":1,"anl":1,"adv":1,"dt3":1,"ts":29922360}',
    "cookiefirst-consent": json.dumps({"necessary": True, "advertising": True, "timestamp": 1_795_341_600}),
    "CookieScriptConsent": json.dumps({"action": "accept", "categories": '["targeting"]'}),
    "CookieInformationConsent": json.dumps({"timestamp": ISO, "consents_approved": ["cookie_cat_marketing"]}),
    "cc_cookie": json.dumps({"categories": ["necessary", "marketing"], "revision": 0}),
    "_iub_cs-1234567": json.dumps({"timestamp": ISO, "purposes": {"1": True, "5": True}}),
    "ppms_privacy_11111111": json.dumps({"consents": {"remarketing": {"status": 1}}}),
    "_evidon_consent_cookie": json.dumps({"consent_date": ISO, "categories": {"1": {"advertising": True}}}),
    "klaro": json.dumps({"necessary": True, "fbpixel": True}),
    "borlabs-cookie": json.dumps({"consents": {"essential": ["borlabs-cookie"], "marketing": ["facebook-pixel"]}}),
    "moove_gdpr_popup": json.dumps({"strict": "1", "thirdparty": "1", "advanced": "1"}),
    "axeptio_cookies": json.dumps({"$$date": ISO, "$$completed": True, "facebook_pixel": True}),
    "__hs_cookie_cat_pref": "1:true_2:true_3:true",
    "tarteaucitron": "!facebookpixel=true!youtube=true",
}


@pytest.mark.parametrize(("name", "value"), ACCEPTED.items(), ids=ACCEPTED)
def test_truncated_is_never_accepted(name, value) -> None:
    assert read_cookies([(name, value)]).state == "accepted"
    whole = value.index("!youtube") if name == "tarteaucitron" else len(value)  # the rest does not concern Meta
    for end in range(whole):
        found = read_cookies([(name, value[:end])])
        assert found is None or found.state != "accepted", value[:end]
    encoded = quote(value, safe="")
    for end in range(1, len(encoded) if name != "tarteaucitron" else 1):
        found = read_cookies([(name, encoded[:end])])
        assert found is None or found.state != "accepted", encoded[:end]


@pytest.mark.parametrize(("name", "value"), ACCEPTED.items(), ids=ACCEPTED)
def test_the_name_alone_says_nothing(name, value) -> None:
    others = [other for other in ACCEPTED.values() if other != value]
    random.Random(7).shuffle(others)
    for other in others:
        found = read_cookies([(name, other)])
        home_made = found is not None and found.proof.startswith("cookie ")
        assert found is None or found.state == "unknown" or name == "klaro" or home_made, (name, other)


def test_the_same_cookie_twice_with_different_values_says_nothing_certain() -> None:
    accepted = ACCEPTED["consent-policy"]
    refused = accepted.replace('"adv":1', '"adv":0')
    assert read_cookies([("consent-policy", accepted), ("consent-policy", refused)]).state == "unknown"
    assert read_cookies([("consent-policy", accepted), ("consent-policy", accepted)]).state == "accepted"


def test_platforms_that_contradict_each_other_say_nothing_certain() -> None:
    refused = ACCEPTED["consent-policy"].replace('"adv":1', '"adv":0')
    found = read_cookies([("consent-policy", refused), ("klaro", ACCEPTED["klaro"])])
    assert found.state == "unknown"
    assert found.proof.startswith("cookies that contradict each other: ")
    assert "Wix" in found.proof
    assert "Klaro" in found.proof
