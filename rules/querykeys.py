"""What the parameters of a query are for, told by their names."""

import re
from enum import StrEnum
from functools import lru_cache

from rules.text import normalise

MAX_KEY = 200
"""How many characters of a name are looked at."""

SEARCH_KEYS = frozenset(
    [
        "q",
        "s",
        "search",
        "query",
        "keyword",
        "keywords",
        "kw",
        "term",
        "terms",
        "text",
        "find",
        "k",
        "phrase",
        "searchterm",
        "searchterms",
        "searchtext",
        "searchquery",
        "searchstring",
        "searchkeyword",
        "searchword",
        "sitesearch",
        "globalsearch",
        "sq",
        "qs",
    ],
)
"""Names of query parameters that carry what a visitor searched for, without borders (`search_term`)."""

CAMPAIGN_KEYS = frozenset({"utmcampaign"})
"""Names of query parameters that carry a campaign's name."""

UNSCORED_KEYS = frozenset(
    [
        "fbclid",
        "gclid",
        "gclsrc",
        "gbraid",
        "wbraid",
        "dclid",
        "msclkid",
        "twclid",
        "ttclid",
        "liclid",
        "lifatid",
        "yclid",
        "igshid",
        "igsh",
        "epik",
        "sccid",
        "rdtcid",
        "srsltid",
        "ga",
        "gl",
        "gac",
        "gcl",
        "fbp",
        "fbc",
        "mccid",
        "mceid",
        "hsenc",
        "hsmi",
        "hsctatracking",
        "mkttok",
        "verop",
        "veroid",
        "skwcid",
        "efid",
        "mktnetwork",
        "adgroupid",
        "adid",
        "campaignid",
        "creative",
        "device",
        "matchtype",
        "network",
        "placement",
        "gadsource",
        "gadcampaignid",
        "jsessionid",
        "phpsessid",
        "sessionid",
        "sid",
        "aspsessionid",
        "csrf",
        "csrftoken",
        "nonce",
    ],
)
"""Names of query parameters, without borders, that identify clicks and sessions: no words in them."""

UNSCORED_PREFIX = "utm"
"""Campaign parameters other than the campaign's name say how a visitor came (`utm_medium=referral`)."""

_BORDERS = re.compile(r"[^a-z0-9]+")


class KeyUse(StrEnum):
    """What a query parameter carries."""

    PLAIN = "plain"
    SEARCH = "search"
    CAMPAIGN = "campaign"
    UNSCORED = "unscored"


@lru_cache(maxsize=4_096)
def use_of(key: str) -> KeyUse:
    """Return what a query parameter of this name carries.

    `search[query]` and `gsc.q` are searches like `query` and `q`.
    """
    joined = _BORDERS.sub("", key.lower())
    if joined in CAMPAIGN_KEYS:
        return KeyUse.CAMPAIGN
    if joined in UNSCORED_KEYS or joined.startswith(UNSCORED_PREFIX):
        return KeyUse.UNSCORED
    last_word = normalise(key).rpartition(" ")[2]
    return KeyUse.SEARCH if joined in SEARCH_KEYS or last_word in SEARCH_KEYS else KeyUse.PLAIN
