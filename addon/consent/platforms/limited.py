"""Platforms whose cookies do not tell the whole: Osano, Ketch and Insites' cookieconsent.

Osano encrypts its cookie. Ketch writes its flags by rule as well as by choice, and nothing says which.
Insites' banner knows `dismiss`: the notice was closed, which is neither yes nor no.

Sources: Osano's cookie disclosure; docs.ketch.com; github.com/osano/cookieconsent (formerly Insites).
"""

from typing import Final

from addon.consent.reading import CookieReading, Cookies, Platform, base64_object, meaning, plain, reading

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


OSANO: Final = Platform(OSANO_NAME, ("osano_consentmanager",), read_osano)
KETCH: Final = Platform(KETCH_NAME, ("_ketch_consent_v1_",), read_ketch)
INSITES: Final = Platform(INSITES_NAME, ("cookieconsent_status",), read_insites)
