"""Whether a page's own HTML asks for consent: a banner in its markup, a button that names cookies, a platform's script.

A phrase counts only on something to press, and nothing inside a comment counts: a page about cookies is no banner.
"""

from collections.abc import Iterator
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

STEMS: Final = (
    b"cookie", b"consent", b"banner", b"gdpr", b"cwci", b"privacy-", b"usercentrics", b"didomi", b"klaro", b"borlabs",
    b"complianz", b"tarteaucitron", b"axept", b"evidon", b"civiccomputing.com", b"trustarc.com", b"osano.com",
    b"iubenda.com", b"termly.io", b"quantcast.com/choice", b"cmp.inmobi.com",
)  # fmt: skip
"""Every mark and every phrase has one of these in it: where they do not stand, nothing else is looked for."""

MAX_PAGE: Final = 1_500_000
_BUTTON_REACH: Final = 600
_MAX_PLACES: Final = 40
_LONGEST: Final = max(map(len, (*BANNER_MARKS, *BUTTON_PHRASES)))
_NEAR: Final = 4 * _LONGEST
_PHRASES: Final = frozenset(BUTTON_PHRASES)
_BY_STEM: Final = tuple(
    (stem, tuple(words for words in (*BANNER_MARKS, *BUTTON_PHRASES) if stem in words)) for stem in STEMS
)


def asks_for_consent(page: bytes) -> bool:
    """Tell whether a page's HTML holds a cookie banner or loads a consent platform."""
    lowered = page[:MAX_PAGE].lower()
    if next(_words_in(lowered), None) is None:
        return False
    shown = _without_comments(lowered)
    return any(words not in _PHRASES or _on_a_button(shown, words) for words in _words_in(shown))


def _words_in(page: bytes) -> Iterator[bytes]:
    """Yield the marks and phrases that stand in a page."""
    for stem, candidates in _BY_STEM:
        if stem in page:
            near = _near(page, stem)
            for words in candidates:
                if words in near:
                    yield words


def _near(page: bytes, stem: bytes) -> bytes:
    """Return what stands around `stem`: all marks and phrases of the page that have it in them, and little else."""
    parts: list[bytes] = []
    position = page.find(stem)
    while position >= 0:
        end = position + _NEAR
        parts.append(page[max(0, position - _LONGEST) : end])
        position = page.find(stem, end - _LONGEST)
    return b"\n".join(parts)


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
