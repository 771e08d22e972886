"""Which requests concern Meta, and as what.

Hosts and paths are parsed and compared, never searched for in an address, so `notfacebook.com/tr`,
`facebook.com/try` and a page that merely links to a pixel address are nothing. Endpoints on other hosts
(`fbq('set','endpoint',…)`, Conversions API Gateways) are recognised by the shape of what they carry.
Source of the endpoints: the wire format reference, sections 1.1 and 1.2 (Meta's own client, 2.9.15-2.9.383).
"""

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from addon.decoders.base import RequestRole

TRACKING_PATHS = frozenset({"/tr", "/tr/"})
CUSTOM_MARK = b"/tr"
"""Stands in path and query of every endpoint on a host of the site's own choice."""

SANDBOX_PATH = "/privacy_sandbox/pixel/register/trigger"
TOPICS_PATH = "/privacy_sandbox/topics/registration"

MAX_KNOWN = 4_000
"""Addresses of at most this many characters are taken apart once and kept for a while."""

_META_DOMAINS = ("facebook.com", "facebook.net", "instagram.com")
_BELOW_META = tuple("." + domain for domain in _META_DOMAINS)
_PLAIN_ADDRESS = re.compile(
    r"(https?)://([a-z0-9.-]+)(?::[0-9]{0,4})?(/[^?#\t\r\n]*)?(?:\?([^#\t\r\n]*))?(?:#[^\t\r\n]*)?"
)
_CUSTOM_TARGET = re.compile(rb"/tr/*[\x00- ]*(?:[?#]|\Z)")  # spaces and controls at an address's end do not count


class Address(NamedTuple):
    """An address taken apart: host in lower case without port, path as sent."""

    scheme: str
    host: str
    path: str
    query: str


def split_address(url: str) -> Address:
    """Return the parts of `url`; parts that cannot be read are empty."""
    return _known(url) if len(url) <= MAX_KNOWN else _split(url)


def _split(url: str) -> Address:
    plain = _PLAIN_ADDRESS.fullmatch(url)
    if plain is not None:  # as browsers write addresses; `urlsplit` would say the same, slower
        scheme, host, path, query = plain.groups("")
        return Address(scheme, host.rstrip("."), path, query)
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return Address("", "", "", "")
    return Address(parts.scheme.lower(), host, parts.path, parts.query)


_known = lru_cache(maxsize=1024)(_split)


def is_host_of(host: str, domain: str) -> bool:
    """Tell whether `host` is `domain` or a name below it."""
    return host == domain or host.endswith("." + domain)


def imitates_meta(host: str) -> bool:
    """Tell whether a host that is not Meta's bears Meta's name: never taken for an endpoint by shape."""
    return "facebook" in host and not is_meta_host(host)


def is_meta_host(host: str) -> bool:
    """Tell whether `host` is one of Meta's own that the pixel or its relatives talk to."""
    return host.endswith(_META_DOMAINS) and (host in _META_DOMAINS or host.endswith(_BELOW_META))


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
    path = address.path.rstrip("/")
    return (path.endswith("/tr") or path == "tr") and not imitates_meta(address.host)


def may_be_custom_target(target: bytes) -> bool:
    """Tell the same of path and query as sent, for any host, without taking an address apart."""
    return CUSTOM_MARK in target and _CUSTOM_TARGET.search(target) is not None
