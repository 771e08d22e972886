"""WordPress plugins with cookies of their own: Borlabs, Moove, Real Cookie Banner.

Sources: borlabs.io documentation; the plugins gdpr-cookie-compliance (Moove) and real-cookie-banner on
wordpress.org; values sent by browsers.
"""

import re
from typing import Final

from addon.consent.reading import (
    CookieReading,
    Cookies,
    Platform,
    json_object,
    listed,
    meaning,
    moment,
    plain,
    reading,
)
from addon.vocabulary import ConsentState

BORLABS_NAME: Final = "Borlabs Cookie"
MOOVE_NAME: Final = "Moove GDPR"
REAL_NAME: Final = "Real Cookie Banner"


def read_borlabs(cookies: Cookies) -> CookieReading | None:
    """Return what Borlabs says: services by group; only those agreed to are listed."""
    document = json_object(cookies.get("borlabs-cookie"))
    consents = document.get("consents") if document else None
    if not isinstance(consents, dict) or "essential" not in consents:
        return None
    services = {
        group: [name for name in names if isinstance(name, str)]
        for group, names in consents.items()
        if isinstance(names, list) and group != "essential"
    }
    agreed = [group for group, names in services.items() if names]
    if not agreed:
        return reading("refused", BORLABS_NAME, "choice recorded: only essential services")
    meta = [name for name in services.get("marketing", []) if meaning(name) == "meta"]
    if meta:
        return reading("accepted", BORLABS_NAME, f"choice recorded: {listed(dict.fromkeys(meta, True))}")
    words = f"choice recorded for {listed(dict.fromkeys(agreed, True))}; no service of Meta among them"
    return reading("partly_accepted", BORLABS_NAME, words)


def read_moove(cookies: Cookies) -> CookieReading | None:
    """Return what Moove says: two optional categories that every site names itself."""
    document = json_object(cookies.get("moove_gdpr_popup"))
    if document is None or document.get("strict") not in ("0", "1"):
        return None
    answers = {str(document.get(name)) for name in ("thirdparty", "advanced")}
    if not answers <= {"0", "1"}:
        return None
    state: ConsentState = "partly_accepted" if len(answers) > 1 else "accepted" if answers == {"1"} else "refused"
    words = f"third-party cookies {document['thirdparty']}, additional cookies {document['advanced']}"
    return reading(state, MOOVE_NAME, f"choice recorded: {words}")


def read_real(cookies: Cookies) -> CookieReading | None:
    """Return what Real Cookie Banner shows: that a choice was made, under numbers that only the site knows."""
    for name, value in cookies.items():
        if name.startswith("real_cookie_banner"):
            match = _REAL.match(plain(value))
            if match:
                words = "a choice was made; its groups are numbers that only the site's configuration explains"
                return reading("unknown", REAL_NAME, words, moment(int(match[1])))
    return None


_REAL = re.compile(r"(\d{9,11}):[0-9a-fA-F-]{8,64}:")
BORLABS: Final = Platform(BORLABS_NAME, ("borlabs-cookie",), read_borlabs)
MOOVE: Final = Platform(MOOVE_NAME, ("moove_gdpr_popup",), read_moove)
REAL_COOKIE_BANNER: Final = Platform(REAL_NAME, ("real_cookie_banner*",), read_real)
