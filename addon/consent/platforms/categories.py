"""Banners that keep a handful of categories in one cookie of JSON.

CookieFirst, Cookie Script, Cookie Information, CookieHub, orestbida's cookieconsent, Iubenda, Piwik PRO, Evidon.

Sources: the vendors' documentation of their cookies (support.cookiefirst.com, help.cookie-script.com,
support.cookieinformation.com, support.cookiehub.com, cookieconsent.orestbida.com, iubenda.com/help,
developers.piwik.pro, Evidon/Crownpeak); values sent by browsers.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from addon.consent.reading import (
    ON_BY_DEFAULT,
    CookieReading,
    Cookies,
    Platform,
    base64_object,
    decide,
    flags,
    from_switches,
    json_object,
    json_value,
    listed,
    meaning,
    moment,
    reading,
)
from addon.vocabulary import ConsentState

COOKIEFIRST_NAME: Final = "CookieFirst"
COOKIE_SCRIPT_NAME: Final = "Cookie Script"
COOKIE_INFORMATION_NAME: Final = "Cookie Information"
COOKIEHUB_NAME: Final = "CookieHub"
ORESTBIDA_NAME: Final = "cookieconsent (orestbida)"
IUBENDA_NAME: Final = "Iubenda"
PIWIK_PRO_NAME: Final = "Piwik PRO"
EVIDON_NAME: Final = "Evidon"
_IUBENDA = re.compile(r"_iub_cs-s?\d{1,12}")
_IUBENDA_MARKETING: Final = "5"


def read_cookiefirst(cookies: Cookies) -> CookieReading | None:
    """Return what CookieFirst says."""
    document = json_object(cookies.get("cookiefirst-consent"))
    if document is None or "necessary" not in document or not isinstance(document.get("advertising"), bool):
        return None
    return from_switches(COOKIEFIRST_NAME, flags(document), chosen=True, chosen_at=moment(document.get("timestamp")))


def read_cookie_script(cookies: Cookies) -> CookieReading | None:
    """Return what Cookie Script says: `action`, then the categories, JSON inside JSON."""
    document = json_object(cookies.get("CookieScriptConsent"))
    if document is None or not document.keys() & {"bannershown", "action"}:
        return None
    action, chosen_at = document.get("action"), moment(document.get("consenttime"))
    if action is None:
        return reading("no_choice_yet", COOKIE_SCRIPT_NAME, "no action recorded")
    if action == "reject":
        return reading("refused", COOKIE_SCRIPT_NAME, "choice recorded: reject", chosen_at)
    categories = document.get("categories")
    names = json_value(categories) if isinstance(categories, str) else categories
    if action != "accept" or not isinstance(names, list):
        return reading("unknown", COOKIE_SCRIPT_NAME, "a choice was made that cannot be read")
    on = "targeting" in names
    words = f"choice recorded: accept, targeting {'on' if on else 'off'}"
    return reading("accepted" if on else "refused", COOKIE_SCRIPT_NAME, words, chosen_at)


def read_cookie_information(cookies: Cookies) -> CookieReading | None:
    """Return what Cookie Information says: categories approved and denied."""
    document = json_object(cookies.get("CookieInformationConsent"))
    if document is None:
        return None
    switches: dict[str, bool] = {}
    for key, on in (("consents_approved", True), ("consents_denied", False)):
        names = document.get(key)
        if isinstance(names, list):
            switches |= {name.removeprefix("cookie_cat_"): on for name in names if isinstance(name, str)}
    if not switches:
        return None
    return from_switches(COOKIE_INFORMATION_NAME, switches, chosen=True, chosen_at=moment(document.get("timestamp")))


def read_cookiehub(cookies: Cookies) -> CookieReading | None:
    """Return what CookieHub says: `answered`, then all or single categories. `implict` is its own spelling."""
    document = base64_object(cookies.get("cookiehub"))
    if document is None or not isinstance(document.get("answered"), bool):
        return None
    everything = document.get("allAllowed") is True
    if not document["answered"]:
        on = everything or document.get("implict") is True
        return reading("no_choice_yet", COOKIEHUB_NAME, ON_BY_DEFAULT if on else "not answered")
    chosen_at = moment(document.get("timestamp"))
    if everything:
        return reading("accepted", COOKIEHUB_NAME, "answered: all allowed", chosen_at)
    return reading("unknown", COOKIEHUB_NAME, "answered, not all allowed; which is not plain", chosen_at)


def read_orestbida(cookies: Cookies) -> CookieReading | None:
    """Return what cookieconsent says: the categories agreed to, `categories` (version 3) or `level` (version 2)."""
    document = json_object(cookies.get("cc_cookie"))
    if document is None or "revision" not in document:
        return None
    names = document.get("categories", document.get("level"))
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return None
    chosen_at = moment(document.get("lastConsentTimestamp"))
    words = f"choice recorded: {listed(dict.fromkeys(names, True)) or 'nothing agreed to'}"
    meanings = {meaning(name) for name in names}
    state: ConsentState = "partly_accepted" if meanings - {"necessary"} else "refused"
    return reading("accepted" if meanings & {"meta", "marketing"} else state, ORESTBIDA_NAME, words, chosen_at)


def read_iubenda(cookies: Cookies) -> CookieReading | None:
    """Return what Iubenda says: purposes by number, 5 is marketing; one that is missing was not offered."""
    document = next((json_object(value) for name, value in cookies.items() if _IUBENDA.fullmatch(name)), None)
    if not document or not document.keys() & {"id", "timestamp", "consent", "purposes"}:
        return None
    chosen_at = moment(document.get("timestamp"))
    purposes, consent = document.get("purposes"), document.get("consent")
    switches = flags(purposes) if isinstance(purposes, Mapping) else {}
    if any(not number.isdigit() for number in switches):
        return None
    if switches:
        if _IUBENDA_MARKETING in switches:
            on = switches[_IUBENDA_MARKETING]
            words = f"choice recorded: purpose 5, marketing, {'on' if on else 'off'}"
            return reading("accepted" if on else "refused", IUBENDA_NAME, words, chosen_at)
        on = any(on for number, on in switches.items() if number != "1")
        words = f"choice recorded on purposes {', '.join(sorted(switches)[:9])}; marketing is not among them"
        return reading("partly_accepted" if on else "refused", IUBENDA_NAME, words, chosen_at)
    if isinstance(consent, bool):
        return reading("accepted" if consent else "refused", IUBENDA_NAME, f"consent {consent}".lower(), chosen_at)
    if purposes is None and consent is None and "id" in document:
        return reading("no_choice_yet", IUBENDA_NAME, "no purposes and no consent recorded")
    return None


def read_piwik_pro(cookies: Cookies) -> CookieReading | None:
    """Return what Piwik PRO's consent manager says: -1 not answered, 0 refused, 1 agreed."""
    for name, value in cookies.items():
        document = json_object(value) if name.startswith("ppms_privacy_") else None
        consents = document.get("consents") if document else None
        if not isinstance(consents, Mapping):
            continue
        statuses = {kind: part.get("status") for kind, part in consents.items() if isinstance(part, Mapping)}
        if not statuses or any(status not in (-1, 0, 1) for status in statuses.values()):
            return None
        answered = {kind: status == 1 for kind, status in statuses.items() if status != -1}
        if not answered:
            return reading("no_choice_yet", PIWIK_PRO_NAME, "no consent answered")
        return from_switches(PIWIK_PRO_NAME, answered, chosen=True)
    return None


def read_evidon(cookies: Cookies) -> CookieReading | None:
    """Return what Evidon says: categories inside the consent groups of the site."""
    document = json_object(cookies.get("_evidon_consent_cookie"))
    if document is None or "consent_date" not in document:
        return None
    groups = document.get("categories")
    if not isinstance(groups, Mapping) or not groups:
        return reading("unknown", EVIDON_NAME, "a date, but no categories")
    switches = _evidon_switches(groups)
    choice = decide(switches)
    if choice is None:
        return reading("unknown", EVIDON_NAME, "no category is for marketing")
    return reading(choice.state, EVIDON_NAME, f"choice recorded: {choice.words}", moment(document["consent_date"]))


def _evidon_switches(groups: Mapping[str, Any]) -> dict[str, bool]:
    switches: dict[str, bool] = {}
    for number, group in groups.items():
        if isinstance(group, bool):
            switches[f"group {number}"] = group
        elif isinstance(group, Mapping):
            for name, on in flags(group).items():
                switches[name] = on and switches.get(name, True)
    return switches


COOKIEFIRST: Final = Platform(COOKIEFIRST_NAME, ("cookiefirst-consent",), read_cookiefirst)
COOKIE_SCRIPT: Final = Platform(COOKIE_SCRIPT_NAME, ("CookieScriptConsent",), read_cookie_script)
COOKIE_INFORMATION: Final = Platform(COOKIE_INFORMATION_NAME, ("CookieInformationConsent",), read_cookie_information)
COOKIEHUB: Final = Platform(COOKIEHUB_NAME, ("cookiehub",), read_cookiehub)
ORESTBIDA: Final = Platform(ORESTBIDA_NAME, ("cc_cookie",), read_orestbida, shared=True)
IUBENDA: Final = Platform(IUBENDA_NAME, ("_iub_cs-*",), read_iubenda)
PIWIK_PRO: Final = Platform(PIWIK_PRO_NAME, ("ppms_privacy_*",), read_piwik_pro)
EVIDON: Final = Platform(EVIDON_NAME, ("_evidon_consent_cookie",), read_evidon)
