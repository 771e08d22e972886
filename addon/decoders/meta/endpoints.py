"""Which requests concern Meta, and as what.

Hosts and paths are parsed and compared, never searched for in an address, so `notfacebook.com/tr`,
`facebook.com/try` and a page that merely links to a pixel address are nothing. Endpoints on other hosts
(`fbq('set','endpoint',…)`, Conversions API Gateways) are recognised by the shape of what they carry.
Source of the endpoints: the wire format reference, sections 1.1 and 1.2 (Meta's own client, 2.9.15-2.9.383).
"""

from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from addon.decoders.base import RequestRole

TRACKING_PATHS = frozenset({"/tr", "/tr/"})
SANDBOX_PATH = "/privacy_sandbox/pixel/register/trigger"
TOPICS_PATH = "/privacy_sandbox/topics/registration"


class Address(NamedTuple):
    """An address taken apart: host in lower case without port, path as sent."""

    scheme: str
    host: str
    path: str
    query: str


@lru_cache(maxsize=256)  # several parts of the program look at the same address one after the other
def split_address(url: str) -> Address:
    """Return the parts of `url`; parts that cannot be read are empty."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return Address("", "", "", "")
    return Address(parts.scheme.lower(), host, parts.path, parts.query)


def is_host_of(host: str, domain: str) -> bool:
    """Tell whether `host` is `domain` or a name below it."""
    return host == domain or host.endswith("." + domain)


def imitates_meta(host: str) -> bool:
    """Tell whether a host that is not Meta's bears Meta's name: never taken for an endpoint by shape."""
    return "facebook" in host and not is_meta_host(host)


def is_meta_host(host: str) -> bool:
    """Tell whether `host` is one of Meta's own that the pixel or its relatives talk to."""
    return any(is_host_of(host, domain) for domain in ("facebook.com", "facebook.net", "instagram.com"))


def meta_role(address: Address) -> RequestRole | None:
    """Return what a request to one of Meta's hosts is, or None for any other host."""
    host, path = address.host, address.path
    if is_host_of(host, "facebook.net"):
        return _library_role(path)
    if is_host_of(host, "instagram.com"):
        return "event" if path in TRACKING_PATHS else "other"
    if not is_host_of(host, "facebook.com"):
        return None
    trimmed = path.rstrip("/")
    if host == "graph.facebook.com":
        return "app_events" if trimmed.endswith(("/activities", "/events")) else "other"
    if path in TRACKING_PATHS or trimmed == SANDBOX_PATH:
        return "event"
    if trimmed == TOPICS_PATH:
        return "topics_registration"
    if trimmed == "/fr/b.php":
        return "cookie_sync"
    if trimmed.startswith(("/plugins/", "/v")) and "/plugins/" in trimmed:
        return "social_plugin"
    return "other"


def _library_role(path: str) -> RequestRole:
    trimmed = "/" + path.strip("/")
    if trimmed.startswith("/signals/config/"):
        return "configuration"
    if trimmed.startswith(("/signals/plugins/", "/signals/iwl")):
        return "plugin"
    if trimmed.endswith("/fbevents.js"):
        return "library"
    if trimmed.endswith(("/sdk.js", "/all.js", "/sdk/debug.js", "/xfbml.customerchat.js")):
        return "sdk"
    if trimmed.startswith("/log/"):
        return "log"
    return "other"


def may_be_custom_endpoint(address: Address) -> bool:
    """Tell whether the path alone allows a tracking endpoint on a host of the site's own choice."""
    return address.path.rstrip("/").rpartition("/")[2] == "tr" and not imitates_meta(address.host)
