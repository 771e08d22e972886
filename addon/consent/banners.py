"""Whether a page's own HTML asks for consent: a banner in its markup, a button that names cookies, a platform's script.

A phrase counts only on something to press, and nothing inside a comment counts: a page about cookies is no banner.
"""

from typing import Final

BANNER_MARKS: Final = (
    b"cookie-banner", b"cookiebanner", b"cookie_banner", b"cookie-consent", b"cookieconsent", b"cookie_consent",
    b"cookie-notice", b"cookienotice", b"cookie_notice", b"cookie-bar", b"cookiebar", b"cookie-popup", b"cookie-law",
    b"cookie-policy-banner", b"cookie-control", b"cookiecontrol", b"consent-banner", b"consentbanner", b"gdpr-banner",
    b"gdpr-cookie", b"onetrust-banner", b"cookielaw.org", b"cookiebot.com", b"cookieyes.com", b"civiccomputing.com",
    b"trustarc.com", b"usercentrics", b"didomi", b"osano.com", b"iubenda.com", b"termly.io", b"quantcast.com/choice",
    b"klaro.", b"klaro-", b"klaroconfig", b"borlabs", b"complianz", b"cookiepro.com", b"cookie-script.com",
    b"cookiefirst.com", b"cookiehub.",
    b"cookieinformation.com", b"consentmanager.", b"privacy-mgmt.com", b"privacy-center.org", b"cmp.inmobi.com",
    b"axept.io", b"axeptio", b"tarteaucitron", b"evidon", b"moove_gdpr", b"real-cookie-banner",
    b"eu-cookie-compliance", b"eu_cookie_compliance", b"hs-banner.com", b"nhsuk-cookie",
)  # fmt: skip
"""Words in a page's HTML that show that it asks; script hosts of consent platforms among them."""

BUTTON_PHRASES: Final = (
    b"accept all cookies", b"accept cookies", b"accept additional cookies", b"accept optional cookies",
    b"reject all cookies", b"reject cookies", b"reject additional cookies", b"decline optional cookies",
    b"decline cookies", b"refuse cookies", b"allow all cookies", b"allow cookies",
    b"cookies akzeptieren", b"cookies ablehnen", b"cookies zulassen", b"accepter les cookies",
    b"accepter tous les cookies", b"refuser les cookies", b"aceptar cookies", b"aceptar todas las cookies",
    b"aceptar las cookies", b"rechazar cookies", b"rechazar las cookies", b"derbyn cwcis", b"derbyn pob cwci",
    b"gwrthod cwcis", b"gwrthod pob cwci", b"accetta i cookie", b"accetta tutti i cookie", b"rifiuta i cookie",
    b"cookies accepteren", b"cookies weigeren",
)  # fmt: skip
"""What stands on the buttons of home-made banners, in English, German, French, Spanish, Welsh, Italian and Dutch."""

MAX_PAGE: Final = 1_500_000
_BUTTON_REACH: Final = 600
_MAX_PLACES: Final = 40


def asks_for_consent(page: bytes) -> bool:
    """Tell whether a page's HTML holds a cookie banner or loads a consent platform."""
    lowered = page[:MAX_PAGE].lower()
    if not any(mark in lowered for mark in (*BANNER_MARKS, *BUTTON_PHRASES)):
        return False
    shown = _without_comments(lowered)
    return any(mark in shown for mark in BANNER_MARKS) or any(_on_a_button(shown, mark) for mark in BUTTON_PHRASES)


def _without_comments(page: bytes) -> bytes:
    parts: list[bytes] = []
    position = 0
    while (start := page.find(b"<!--", position)) >= 0:
        parts.append(page[position:start])
        end = page.find(b"-->", start)
        if end < 0:
            return b"".join(parts)
        position = end + 3
    return b"".join((*parts, page[position:]))


def _on_a_button(page: bytes, phrase: bytes) -> bool:
    """Tell whether `phrase` stands inside a button, a link or the value of an input."""
    position = page.find(phrase)
    for _ in range(_MAX_PLACES):
        if position < 0:
            return False
        before = page[max(0, position - _BUTTON_REACH) : position]
        opened = max(before.rfind(tag) for tag in (b"<button", b"<a ", b"<input", b'role="button"'))
        if opened >= 0 and not any(tag in before[opened:] for tag in (b"</button", b"</a>", b"<p>", b"<p ")):
            return True
        position = page.find(phrase, position + 1)
    return False
