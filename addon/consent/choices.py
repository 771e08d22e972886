"""What a request tells of a consent platform: that its script was loaded, or that the visitor just chose.

Hosts and paths are compared whole. Bodies are looked at while a request passes and are not kept.

Sources: Cookiebot's client (`logconsent.ashx`); github.com/nhsuk/cookie-consent; Drupal's module
eu_cookie_compliance; Sourcepoint's mobile client libraries (`wrapper/v2/choice`); developers.didomi.io;
developer.onetrust.com (consent receipts); requests of browsers to Usercentrics and CookieYes.
"""

from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

from addon.decoders.meta.endpoints import Address, split_address
from addon.model import CapturedRequest
from addon.vocabulary import ConsentState

PLATFORM_HOSTS: Final = {
    "cookielaw.org": "OneTrust",
    "onetrust.com": "OneTrust",
    "cookiepro.com": "OneTrust",
    "consent.cookiebot.com": "Cookiebot",
    "consent.cookiebot.eu": "Cookiebot",
    "consentcdn.cookiebot.com": "Cookiebot",
    "consentcdn.cookiebot.eu": "Cookiebot",
    "cdn-cookieyes.com": "CookieYes",
    "log.cookieyes.com": "CookieYes",
    "civiccomputing.com": "Civic Cookie Control",
    "consent.trustarc.com": "TrustArc",
    "hs-banner.com": "HubSpot",
    "privacy-center.org": "Didomi",
    "privacy-mgmt.com": "Sourcepoint",
    "cmp.inmobi.com": "InMobi Choice",
    "cmp.quantcast.com": "Quantcast Choice",
    "cmp.osano.com": "Osano",
    "consent.api.osano.com": "Osano",
    "cdn.iubenda.com": "Iubenda",
    "cs.iubenda.com": "Iubenda",
    "consent.cookiefirst.com": "CookieFirst",
    "edge.cookiefirst.com": "CookieFirst",
    "cdn.cookie-script.com": "Cookie Script",
    "policy.app.cookieinformation.com": "Cookie Information",
    "cookiehub.net": "CookieHub",
    "axept.io": "Axeptio",
    "consentmanager.net": "consentmanager",
    "c.evidon.com": "Evidon",
    "usercentrics.eu": "Usercentrics",
    "app.termly.io": "Termly",
    "transcend-cdn.com": "Transcend",
}
"""Hosts (with everything below them) that consent platforms load their scripts from."""

OUT_OF_SIGHT: Final = frozenset({"Usercentrics", "Termly", "Transcend"})
"""Platforms that keep the choice in the browser's own storage, which no request shows."""

MAX_BODY: Final = 200_000
_NOT_SCRIPTS: Final = frozenset({"image", "style", "font", "video", "audio", "track"})
_MAX_FIELDS: Final = 60
_SOURCEPOINT: Final = "/wrapper/v2/choice/"
_STORE_CONSENT: Final = "/eu-cookie-compliance/store_consent/banner"
_NHS_ACTION: Final = "policy-action="
_NHS_CARRIED: Final = "nhsa.sc="
TARGET_MARKS: Final = tuple(mark.encode("ascii") for mark in (_SOURCEPOINT, _STORE_CONSENT, _NHS_ACTION, _NHS_CARRIED))
"""Every choice that `choice_request` recognises on a host of no platform has one of these in path or query as sent."""
_NHS_ROUTES: Final[dict[str, tuple[ConsentState, str]]] = {
    "declined": ("refused", "statistics declined; the banner does not offer marketing"),
    "accepted": ("partly_accepted", "statistics accepted; the banner does not offer marketing"),
}


class ChoiceRequest(NamedTuple):
    """A request by which a page told of the visitor's choice; `state` None: of which one is not to be seen.

    `now` says that the choice was made when the request left, not earlier on another page.
    """

    state: ConsentState | None
    proof: str
    now: bool = True


@lru_cache(maxsize=4096)
def platform_of_host(host: str) -> str | None:
    """Return the consent platform that a host belongs to, or None."""
    name = host
    while name:
        found = PLATFORM_HOSTS.get(name)
        if found is not None:
            return found
        name = name.partition(".")[2]
    return None


def loads_platform(request: CapturedRequest, host: str) -> str | None:
    """Return the platform that a request to `host` loads a part of, or None; seals and pictures do not count."""
    platform = platform_of_host(host)
    return None if platform is None or request.header("sec-fetch-dest") in _NOT_SCRIPTS else platform


def choice_request(request: CapturedRequest, address: Address) -> ChoiceRequest | None:
    """Return the choice that a request to `address` tells of, or None."""
    platform = platform_of_host(address.host)
    if request.method == "OPTIONS":
        return None
    if platform == "Cookiebot":
        return _cookiebot(_fields(address.query)) if address.path.lower() == "/logconsent.ashx" else None
    if platform == "Didomi":
        found = address.path == "/v1/events" and b'"consent.given"' in request.body[:MAX_BODY]
        return _happened("Didomi") if found else None
    posted = request.method == "POST"
    if platform == "Usercentrics":
        return _happened("Usercentrics") if posted and address.path.startswith("/consent/uw/") else None
    if platform == "OneTrust":
        return _happened("OneTrust") if posted and address.path == "/request/v1/consentreceipts" else None
    if _SOURCEPOINT in address.path:
        return _sourcepoint(address.path.partition(_SOURCEPOINT)[2].strip("/"), posted=posted)
    if posted and address.path.endswith(_STORE_CONSENT):
        return ChoiceRequest(None, "a request told of agreement (Drupal EU Cookie Compliance)")
    if _NHS_ACTION in address.query and address.host == "www.nhs.uk":
        return _nhs(_fields(address.query).get("policy-action", ""), "a request told of the choice", now=True)
    if _NHS_CARRIED in address.query:
        route = {"1": "accepted", "0": "declined"}.get(_fields(address.query).get("nhsa.sc", ""), "")
        return _nhs(route, "the address carries a choice made on another site of the NHS", now=False)
    return None


def page_of(request: CapturedRequest) -> str | None:
    """Return the address of the page that a platform's request belongs to."""
    referer = request.header("referer") or request.header("origin")
    if referer:
        return referer
    address = split_address(request.url)
    if platform_of_host(address.host) != "Cookiebot":
        return None
    named = _fields(address.query).get("referer")
    return named if named is None or "://" in named else f"https://{named}"


def _fields(query: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(query[:8_000], keep_blank_values=True, max_num_fields=_MAX_FIELDS))
    except ValueError:
        return {}


def _happened(platform: str) -> ChoiceRequest:
    return ChoiceRequest(None, f"a request told {platform} that a choice was made; which one it does not show")


def _cookiebot(fields: dict[str, str]) -> ChoiceRequest | None:
    if fields.get("method") == "implied":
        return None
    if fields.get("action") == "decline":
        return ChoiceRequest("refused", "a request told Cookiebot of the choice: action=decline")
    marketing = fields.get("clm")
    if fields.get("action") != "accept":
        return None
    if marketing not in {"true", "false"}:
        return _happened("Cookiebot")
    state: ConsentState = "accepted" if marketing == "true" else "refused"
    return ChoiceRequest(state, f"a request told Cookiebot of the choice: action=accept, marketing {marketing}")


def _sourcepoint(action: str, *, posted: bool) -> ChoiceRequest | None:
    if action == "consent-all" or (posted and action == "gdpr/11"):
        return ChoiceRequest("accepted", f"a request told Sourcepoint of the choice: {action} (accept all)")
    if action == "reject-all":
        return ChoiceRequest("refused", "a request told Sourcepoint of the choice: reject-all")
    kind, _, number = action.partition("/")
    return _happened("Sourcepoint") if posted and kind in {"gdpr", "ccpa", "usnat"} and number.isdigit() else None


def _nhs(route: str, how: str, *, now: bool) -> ChoiceRequest | None:
    known = _NHS_ROUTES.get(route)
    return None if known is None else ChoiceRequest(known[0], f"{how}: {known[1]}", now)
