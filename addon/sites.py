"""Whose page an address is: its site, the registrable domain of the public suffix list."""

import ipaddress
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path

from publicsuffixlist import PSLFILE, PublicSuffixList, encode_idn

from addon.decoders.meta.endpoints import split_address


@cache
def _lines() -> Mapping[str, Sequence[str]]:
    """Return the lines of the public suffix list by the last label of their suffix."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in Path(PSLFILE).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("//"):
            found[line.lower().split(" ")[0].rstrip().rpartition(".")[2]].append(line)
    for label in [label for label in found if not label.isascii()]:
        found[encode_idn(label)] = found[label]
    return dict(found)


@cache
def _suffixes(label: str) -> PublicSuffixList:
    """Return the public suffixes that end in a label; reading all of them takes longer than most captures do."""
    return PublicSuffixList(_lines().get(label, ()))


def _private_suffix(host: str) -> str | None:
    label = host.removesuffix(".").lower().rpartition(".")[2]
    found: str | None = _suffixes(label if label in _lines() else "").privatesuffix(host)
    return found


@lru_cache(maxsize=4096)
def registrable_domain(host: str) -> str:
    """Return the registrable domain of `host` (`example-trust.nhs.uk`); an address or a bare name is itself."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return host
    return _private_suffix(host) or host


def site_of(url: str | None) -> str | None:
    """Return the site of an address, or None where it has no host."""
    host = split_address(url).host if url else ""
    return registrable_domain(host) if host else None
