"""Whose page an address is: its site, the registrable domain of the public suffix list."""

import ipaddress
from functools import cache, lru_cache

from publicsuffixlist import PublicSuffixList

from addon.decoders.meta.endpoints import split_address


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


@lru_cache(maxsize=4096)
def registrable_domain(host: str) -> str:
    """Return the registrable domain of `host` (`example-trust.nhs.uk`); an address or a bare name is itself."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return host
    return _suffixes().privatesuffix(host) or host


def site_of(url: str | None) -> str | None:
    """Return the site of an address, or None where it has no host."""
    host = split_address(url).host if url else ""
    return registrable_domain(host) if host else None
