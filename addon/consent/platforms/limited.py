"""Platforms whose cookies do not tell the whole.

Osano encrypts its cookie. Ketch writes its flags by rule as well as by choice, and nothing says which. Insites' banner
knows `dismiss`: the notice was closed, which is neither yes nor no. TrustCommander numbers its categories, and only the
site knows what they are. Of Squarespace, Secure Privacy and Google's Funding Choices only the names of the cookies
were at hand, so that their presence shows no more than that the platform is there.

Sources: Osano's cookie disclosure; docs.ketch.com; github.com/osano/cookieconsent (formerly Insites);
community.commandersact.com ("TC_PRIVACY").
"""

import re
from typing import Final

from addon.consent.reading import CookieReading, Cookies, Platform, base64_object, meaning, moment, plain, reading

OSANO_NAME: Final = "Osano"
KETCH_NAME: Final = "Ketch"
INSITES_NAME: Final = "cookieconsent (Insites)"
_STATUS: Final = {"granted", "denied"}


def read_osano(cookies: Cookies) -> CookieReading | None:
    """Return that Osano keeps a state, which only its own script can read."""
    if not cookies.get("osano_consentmanager"):
        return None
    return reading("unknown", OSANO_NAME, "its cookie is encrypted: what was chosen cannot be read")


def read_ketch(cookies: Cookies) -> CookieReading | None:
    """Return what Ketch's flags say of advertising."""
    document = base64_object(cookies.get("_ketch_consent_v1_"))
    if document is None:
        return None
    statuses = {
        str(part.get("status"))
        for name, part in document.items()
        if isinstance(part, dict) and meaning(name) in {"meta", "marketing"}
    }
    if statuses == {"denied"} and cookies.get("gpcsignal") == "true":
        return reading("refused", KETCH_NAME, "advertising off by the browser's Global Privacy Control, not by a click")
    if not statuses or not statuses <= _STATUS:
        return reading("unknown", KETCH_NAME, "its cookie says nothing of advertising")
    words = " and ".join(sorted(statuses))
    return reading("unknown", KETCH_NAME, f"advertising {words}, by rule or by choice: the cookie does not say")


def read_insites(cookies: Cookies) -> CookieReading | None:
    """Return what `cookieconsent_status` says."""
    status = plain(cookies.get("cookieconsent_status", ""))
    if status == "allow":
        return reading("accepted", INSITES_NAME, "cookieconsent_status=allow")
    if status == "deny":
        return reading("refused", INSITES_NAME, "cookieconsent_status=deny")
    if status == "dismiss":
        return reading("unknown", INSITES_NAME, "the notice was closed (dismiss), which is neither yes nor no")
    return None


def read_trustcommander(cookies: Cookies) -> CookieReading | None:
    """Return what `TC_PRIVACY` says: 0 agreed, 1 opted out, then numbered categories, then the time in milliseconds."""
    match = _TRUSTCOMMANDER.fullmatch(plain(cookies.get("TC_PRIVACY", ""))[:_MAX_TRUSTCOMMANDER])
    if match is None:
        return None
    chosen_at = moment(int(match[3]), 0.001)
    if match[1] == "1" and not match[2]:
        return reading("refused", TRUSTCOMMANDER_NAME, "choice recorded: opted out, no category", chosen_at)
    words = f"a choice on the categories {match[2][:60] or 'none'}, which only the site's configuration explains"
    return reading("unknown", TRUSTCOMMANDER_NAME, words, chosen_at)


def read_squarespace(cookies: Cookies) -> CookieReading | None:
    """Return that Squarespace's banner left its cookie, whose value is not documented."""
    return _present(cookies.get("ss_cookieAllowed"), SQUARESPACE_NAME)


def read_secure_privacy(cookies: Cookies) -> CookieReading | None:
    """Return that Secure Privacy left its cookie, whose value is not documented."""
    return _present(cookies.get("sp_consent"), SECURE_PRIVACY_NAME)


def read_funding_choices(cookies: Cookies) -> CookieReading | None:
    """Return that Google's Funding Choices left its cookie, whose form is not documented."""
    return _present(cookies.get("FCCDCF"), FUNDING_CHOICES_NAME)


def _present(value: str | None, platform: str) -> CookieReading | None:
    return reading("unknown", platform, "its cookie is there; what it says is not documented") if value else None


TRUSTCOMMANDER_NAME: Final = "TrustCommander"
SQUARESPACE_NAME: Final = "Squarespace"
SECURE_PRIVACY_NAME: Final = "Secure Privacy"
FUNDING_CHOICES_NAME: Final = "Google Funding Choices"
_MAX_TRUSTCOMMANDER: Final = 2_000
_TRUSTCOMMANDER = re.compile(
    r"([01])@\d{1,6}(?:\|\d{1,9}){0,4}@((?:\d{1,6}(?:,\d{1,6}){0,40})?)@(\d{13})(?:@\d{13}){0,2}(?:@[\w-]{0,80})?"
)
TRUSTCOMMANDER: Final = Platform(TRUSTCOMMANDER_NAME, ("TC_PRIVACY",), read_trustcommander)
SQUARESPACE: Final = Platform(SQUARESPACE_NAME, ("ss_cookieAllowed",), read_squarespace)
SECURE_PRIVACY: Final = Platform(SECURE_PRIVACY_NAME, ("sp_consent",), read_secure_privacy)
FUNDING_CHOICES: Final = Platform(FUNDING_CHOICES_NAME, ("FCCDCF",), read_funding_choices, supporting=True)
OSANO: Final = Platform(OSANO_NAME, ("osano_consentmanager",), read_osano)
KETCH: Final = Platform(KETCH_NAME, ("_ketch_consent_v1_",), read_ketch)
INSITES: Final = Platform(INSITES_NAME, ("cookieconsent_status",), read_insites)
