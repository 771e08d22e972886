"""Requests that tell of a choice, and requests that only show that a platform is there."""

import pytest

from addon.consent.choices import OUT_OF_SIGHT, choice_request, loads_platform, page_of, platform_of_host
from addon.decoders.meta.endpoints import split_address

COOKIEBOT = "https://consent.cookiebot.com/logconsent.ashx"
DIDOMI = "https://api.privacy-center.org/v1/events"
SOURCEPOINT = "https://cdn.privacy-mgmt.com/wrapper/v2/choice"
NHS = "https://www.nhs.uk/our-policies/cookies-policy/"
SITE = "https://www.example-clinic.example"
GIVEN = b'{"events":[{"type":"consent.given"}]}'


def told(request):
    return choice_request(request, split_address(request.url))


@pytest.mark.parametrize(
    ("url", "more", "state"),
    [
        (COOKIEBOT + "?action=accept&nocache=1&clp=true&cls=true&clm=true&cbid=x&referer=x", {}, "accepted"),
        (COOKIEBOT + "?action=accept&clp=true&cls=true&clm=false", {}, "refused"),
        (COOKIEBOT + "?action=decline&method=strict", {}, "refused"),
        (COOKIEBOT.replace(".com", ".eu") + "?action=decline", {}, "refused"),
        (COOKIEBOT + "?action=accept", {}, "a choice"),
        (DIDOMI, {"method": "POST", "body": GIVEN}, "a choice"),
        ("https://consent-api.service.consent.usercentrics.eu/consent/uw/3", {"method": "POST"}, "a choice"),
        ("https://privacyportal-eu.onetrust.com/request/v1/consentreceipts", {"method": "POST"}, "a choice"),
        (SOURCEPOINT + "/gdpr/11?env=prod", {"method": "POST"}, "accepted"),
        (SOURCEPOINT + "/gdpr/1?env=prod", {"method": "POST"}, "a choice"),
        (SOURCEPOINT + "/ccpa/1", {"method": "POST"}, "a choice"),
        (SOURCEPOINT + "/consent-all?env=prod", {}, "accepted"),
        (SOURCEPOINT + "/reject-all?env=prod", {}, "refused"),
        (SITE.replace("www", "consent") + "/wrapper/v2/choice/reject-all", {}, "refused"),
        (SITE + "/en/eu-cookie-compliance/store_consent/banner", {"method": "POST"}, "a choice"),
        (NHS + "?policy-action=declined", {}, "refused"),
        (NHS + "?policy-action=accepted", {}, "partly_accepted"),
        (SITE + "/?nhsa.sc=1", {}, "partly_accepted"),
        (SITE + "/?nhsa.sc=0", {}, "refused"),
        # no choices
        (COOKIEBOT + "?action=accept&method=implied&clm=true", {}, None),
        (COOKIEBOT + "?action=show", {}, None),
        ("https://consent.cookiebot.com/uc.js?action=accept&clm=true", {}, None),
        (SITE + "/logconsent.ashx?action=accept&clm=true", {}, None),
        (DIDOMI, {"method": "POST", "body": b'{"events":[{"type":"pageview"}]}'}, None),
        (DIDOMI, {"method": "OPTIONS", "body": GIVEN}, None),
        ("https://app.usercentrics.eu/session/1px.png", {}, None),
        (SOURCEPOINT.replace("choice", "messages"), {}, None),
        (SOURCEPOINT + "/gdpr/1", {}, None),
        (SITE + "/eu-cookie-compliance/store_consent/banner", {}, None),
        (NHS + "?policy-action=seen", {}, None),
        (SITE + "/?policy-action=accepted", {}, None),
        (SITE + "/?nhsa.sc=2", {}, None),
        ("https://consent.api.osano.com/record", {"method": "POST"}, None),
        ("https://log.cookieyes.com/api/v1/log", {"method": "POST"}, None),
    ],
)
def test_choices(captured, url, more, state) -> None:
    found = told(captured(url, **more))
    assert (found and (found.state or "a choice")) == state
    assert found is None or found.now == ("nhsa.sc" not in url)


def test_no_body_is_quoted(captured) -> None:
    found = told(captured(DIDOMI, method="POST", body=GIVEN[:-1] + b',"user":"somebody"}'))
    assert "somebody" not in found.proof


@pytest.mark.parametrize(
    ("host", "platform"),
    [
        ("cdn.cookielaw.org", "OneTrust"),
        ("geolocation.onetrust.com", "OneTrust"),
        ("consent.cookiebot.com", "Cookiebot"),
        ("www.cookiebot.com", None),
        ("app.eu1.usercentrics.eu", "Usercentrics"),
        ("notcookielaw.org", None),
        ("cookielaw.org.example", None),
        ("", None),
        ("org", None),
    ],
)
def test_hosts_are_compared_whole(host, platform) -> None:
    assert platform_of_host(host) == platform


@pytest.mark.parametrize(
    ("destination", "counts"), [("script", True), ("empty", True), (None, True), ("image", False), ("style", False)]
)
def test_pictures_and_seals_are_no_platform(captured, destination, counts) -> None:
    headers = (("sec-fetch-dest", destination),) if destination else ()
    request = captured("https://consent.trustarc.com/notice", headers=headers)
    assert bool(loads_platform(request, "consent.trustarc.com")) == counts


def test_which_page_a_request_belongs_to(captured) -> None:
    assert page_of(captured(COOKIEBOT, headers=(("referer", SITE + "/a/"),))) == SITE + "/a/"
    assert page_of(captured(COOKIEBOT, headers=(("origin", SITE),))) == SITE
    assert page_of(captured(COOKIEBOT + "?referer=www.example-clinic.example")) == SITE
    assert page_of(captured(COOKIEBOT + "?referer=https%3A%2F%2Fwww.example-clinic.example%2F")) == SITE + "/"
    assert page_of(captured(COOKIEBOT)) is None
    assert page_of(captured(SITE + "/x?referer=www.example-clinic.example")) is None


def test_platforms_out_of_sight_are_known_by_a_host() -> None:
    assert {platform_of_host(f"x.{host}") for host in ("usercentrics.eu", "transcend-cdn.com")} < OUT_OF_SIGHT
