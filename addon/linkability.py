"""What ties one event to a person, explained: how strongly, who can tell whose it is, how long it lives.

An identifier may *join* events: whoever received the same one twice knows that both came from one browser,
account or address. `keys` says by what, and is deliberately narrow: nothing that many people share joins, an id
that a site gave means something only beside the pixel and the site it came with, and a value that is malformed,
a placeholder or the mask of one joins nothing. Too few joins are an understatement; one too many accuses.

Sources of lifetimes: the wire format reference, section 4, as the dictionary of parameters names them.
"""

import hashlib
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple

from addon.decoders.meta.endpoints import is_meta_host, split_address
from addon.decoders.meta.identity import CONTACT_KINDS, NOTHING, RELAY_ADDRESS_HASH, linkability
from addon.model import Epoch, Event, Identifier
from addon.observation import ObservedRequest
from addon.vocabulary import (
    LINKABILITY_ORDER,
    LifetimeBasis,
    Linkability,
    NoJoin,
    Resolver,
    TiesMissing,
)

DAY: Final = 86_400

FACEBOOK_COOKIES: Final[tuple[str, ...]] = ("c_user", "datr", "sb", "fr")
"""Cookies of facebook.com that tell an account or a browser; a site's own code cannot read them."""

ACCOUNT_KINDS: Final = frozenset({"c_user", "fb_login_id"})

KIND_ORDER: Final[tuple[str, ...]] = (
    "c_user", "fb_login_id", "i_user", "nhs_number", "em", "ph", "external_id", "madid", "fbc", "fbp", "datr", "sb",
    "fr", "name", "ln", "fn", "db", "zp", "ct", "st", "ge", "country", "ip",
)  # fmt: skip

_PLACEHOLDERS: Final = frozenset({*NOTHING, "deleted", "(null)", "undefined.undefined"})
_SHORTEST_CLICK_ID: Final = 8
_LONG_ENOUGH: Final = 16
"""From this length an id that a site gave is taken for the same one on another site with the same pixel."""

_LONGEST_LIFETIME: Final = 400 * DAY * 10


class Key(NamedTuple):
    """What two events must share to be joined: the whole value, never to be shown."""

    family: str
    value: str
    scope: str = ""


class Lifetime(NamedTuple):
    """How long an identifier is kept, in seconds, and who says so."""

    seconds: int
    basis: LifetimeBasis


class CookieSet(NamedTuple):
    """A cookie that an answer told the browser to keep; `seconds` None: until the browser is closed."""

    name: str
    value: str
    seconds: int | None
    at: Epoch
    request_key: str


class Tie(NamedTuple):
    """One thing that ties an event to a person, the same value in several places once.

    `item` None stands for the network address that every request has. `keys` are what it joins events by; where
    there are none, `why_not` says why. `sources` are the places it stood in.
    """

    link: Linkability
    kind: str
    item: Identifier | None
    sources: tuple[str, ...]
    keys: tuple[Key, ...]
    why_not: NoJoin | None
    resolver: Resolver
    lifetime: Lifetime | None
    created_at: Epoch | None


DOCUMENTED: Final[dict[str, Lifetime]] = {
    "fbp": Lifetime(90 * DAY, "documented"),
    "_fbleid": Lifetime(7 * DAY, "documented"),
    "datr": Lifetime(730 * DAY, "reported"),
    "sb": Lifetime(730 * DAY, "reported"),
    "fr": Lifetime(90 * DAY, "reported"),
}
"""Lifetimes by kind: what Meta documents or its code sets, and what only a third party reports."""


def keys(item: Identifier, pixel_id: str, site: str | None) -> tuple[Key, ...]:
    """Return by what `item` joins an event of `pixel_id` on `site` to others, the chief one first; none: by nothing."""
    found = _joining(item, pixel_id, site)
    return found if isinstance(found, tuple) else ()


def why_not(item: Identifier) -> NoJoin | None:
    """Return why an identifier joins no events, or None where it does."""
    found = _joining(item, "", None)
    return found if isinstance(found, str) else None


def _joining(item: Identifier, pixel_id: str, site: str | None) -> tuple[Key, ...] | NoJoin:
    kind, value = item.kind, item.value.strip()
    if item.form in {"empty", "mask"}:
        return "empty" if item.form == "empty" else "mask"
    if _says_nothing(value):
        return "empty"
    if kind in ACCOUNT_KINDS:
        return (Key("account", value),) if value.isascii() and value.isdigit() else "malformed"
    if kind == "i_user":
        return (Key("profile", value),) if value.isascii() and value.isdigit() else "malformed"
    if kind in {"em", "ph", "nhs_number"}:
        if value == RELAY_ADDRESS_HASH:
            return "stands_for_any"
        return _hashed(kind, _normal(kind, value) if item.form == "plain" else value, item.form)
    if kind == "external_id":
        where = pixel_id if len(value) >= _LONG_ENOUGH and not _hash_of_short(item) else f"{pixel_id} {site}"
        return _hashed(kind, value, item.form, where)
    if kind == "madid":
        return (Key(kind, value.lower()),)
    if kind == "fbp":
        return _browser_id_keys(value)
    if kind == "fbc":
        if item.parameter == "fbcs":
            return "a_list"
        parts = value.split(".")
        click = parts[3] if len(parts) >= 4 and parts[0] == "fb" else value
        return (Key(kind, click),) if len(click) >= _SHORTEST_CLICK_ID and not _says_nothing(click) else "malformed"
    if kind in {"datr", "sb", "fr"}:
        return (Key(kind, value),)
    if kind == "ip":
        return "network"
    return (
        "not_alone" if kind in CONTACT_KINDS else "shared_by_many" if kind in {"ge", "st", "country"} else "not_known"
    )


def _says_nothing(value: str) -> bool:
    return value.lower() in _PLACEHOLDERS or not value.strip("0-_.")


def _hash_of_short(item: Identifier) -> bool:
    """Tell whether a long value may be the hash of a short number, which many sites give to somebody."""
    return item.form in {"sha256", "md5"}


def _normal(kind: str, value: str) -> str:
    """Return a plain value as Meta's client writes it before hashing (wire format, section 2.2)."""
    if kind == "em":
        return value.lower()
    return "".join(char for char in value if char.isascii() and char.isdigit()).lstrip("0")


def _hashed(kind: str, value: str, form: str, scope: str = "") -> tuple[Key, ...] | NoJoin:
    """Return the keys of a value that may come plain or hashed: a plain one is hashed, so that it meets its hashes."""
    if form in {"sha256", "md5"}:
        return (Key(kind, f"{form}:{value.lower()}", scope),)
    if not value:
        return "malformed"
    content = value.encode("utf-8", "replace")
    return (
        Key(kind, "sha256:" + hashlib.sha256(content).hexdigest(), scope),
        Key(kind, "md5:" + hashlib.md5(content, usedforsecurity=False).hexdigest(), scope),
    )


def _browser_id_keys(value: str) -> tuple[Key, ...] | NoJoin:
    """Return the keys of `fb.<index>.<creation ms>.<payload>[.<appendix>]`, or of the hash of one."""
    parts = value.split(".")
    if len(parts) >= 4:
        head, index, made, payload = parts[:4]
        if head != "fb" or not index.isdigit() or not made.isdigit() or _says_nothing(payload):
            return "malformed"
        digest = hashlib.sha256(value.encode("utf-8", "replace")).hexdigest()
        return (Key("fbp", f"fb.{index}.{made}.{payload}"), Key("fbp", f"sha256:{digest}"))
    if len(value) == 64 and all(char in "0123456789abcdefABCDEF" for char in value):
        return (Key("fbp", f"sha256:{value.lower()}"),)
    return "malformed"


def subdomain_index(value: str) -> int | None:
    """Return the second part of a browser or click id: how many dots the name it was kept for holds.

    0 is `com`, 1 `example.com`; below a suffix of two parts such as `nhs.uk`, a site's whole domain is 2.
    """
    parts = value.split(".")
    if len(parts) < 4 or parts[0] != "fb" or not (parts[1].isascii() and parts[1].isdigit()) or len(parts[1]) > 2:
        return None
    return int(parts[1])


def kept_for(index: int, host: str) -> str | None:
    """Return the domain that a cookie with this subdomain index was kept for on a page of `host`, or None."""
    labels = host.split(".")
    return ".".join(labels[-(index + 1) :]) if 0 < index < len(labels) else None


def resolver(item: Identifier) -> Resolver:
    """Return who can tell whose an identifier is."""
    reason = why_not(item)
    if reason in {"empty", "mask", "malformed", "stands_for_any"}:
        return "nobody"
    if item.kind in {"c_user", "i_user", "fb_login_id", "datr", "sb", "fr", "fbc"}:
        return "meta"
    if item.kind in {"external_id", "madid"}:
        return "advertiser"
    if item.kind in CONTACT_KINDS:
        return "reader" if item.form == "plain" else "list"
    if item.kind == "fbp":
        return "pseudonym"
    return "provider" if item.kind == "ip" else "nobody"


def cookies_set(requests: Iterable[ObservedRequest]) -> tuple[CookieSet, ...]:
    """Return the cookies that answers to requests to a vendor told the browser to keep, in order of time."""
    found = []
    for observed in requests:
        for name, line in observed.request.response_headers:
            if name.lower() == "set-cookie" and (cookie := _set_cookie(line, observed)) is not None:
                found.append(cookie)
    return tuple(sorted(found, key=lambda item: (item.at, item.name)))


def _set_cookie(line: str, observed: ObservedRequest) -> CookieSet | None:
    pair, *attributes = line.split(";")
    name, equals, value = pair.strip().partition("=")
    if not equals or not name:
        return None
    at = observed.request.started_at
    seconds: int | None = None
    for attribute in attributes:
        key, _, text = attribute.strip().partition("=")
        digits = text.strip().removeprefix("-")
        if key.lower() == "max-age" and digits.isascii() and digits.isdigit() and len(digits) < 12:
            seconds = int(text)
            break
        if key.lower() == "expires":
            try:
                seconds = round(parsedate_to_datetime(text.strip()).timestamp() - at)
            except (ValueError, OverflowError):
                continue
    if seconds is not None:
        seconds = max(0, min(seconds, _LONGEST_LIFETIME))
    return CookieSet(name, value, seconds, at, observed.key)


def lifetimes(cookies: Iterable[CookieSet]) -> dict[str, Lifetime]:
    """Return how long answers told the browser to keep each cookie, by the identifier's kind; the longest counts."""
    found: dict[str, Lifetime] = {}
    for cookie in cookies:
        kind = cookie.name.removeprefix("_") if cookie.name in {"_fbp", "_fbc"} else cookie.name
        if cookie.seconds and (kind not in found or found[kind].seconds < cookie.seconds):
            found[kind] = Lifetime(cookie.seconds, "set_cookie")
    return found


def ties(event: Event, set_by_answers: Mapping[str, Lifetime] | None = None) -> tuple[Tie, ...]:
    """Return what ties an event to a person, the strongest first, and last the network address.

    `set_by_answers` are lifetimes that the session's own answers stated, which go before documented ones.
    """
    stated = set_by_answers or {}
    found: dict[tuple[str, str, str], list[Identifier]] = {}
    for item in event.identifiers:
        own = keys(item, event.pixel_id, event.site)
        chief = own[0].value if own else item.value
        found.setdefault((item.kind, chief, "" if own else item.form), []).append(item)
    told = [_tie(event, items, stated) for items in found.values()]
    told.sort(key=lambda tie: (LINKABILITY_ORDER.index(tie.link), tie.why_not is not None, _rank(tie.kind)))
    address = Tie("address_only", "client_ip", None, (), (), "network", "provider", None, None)
    return (*told, address)


def _tie(event: Event, items: list[Identifier], stated: Mapping[str, Lifetime]) -> Tie:
    plainest = next((item for item in items if item.form == "plain"), items[0])
    return Tie(
        link=linkability([plainest]),
        kind=plainest.kind,
        item=plainest,
        sources=tuple(dict.fromkeys(item.source for item in items)),
        keys=keys(plainest, event.pixel_id, event.site),
        why_not=why_not(plainest),
        resolver=resolver(plainest),
        lifetime=stated.get(plainest.kind) or DOCUMENTED.get(plainest.kind),
        created_at=next((item.created_at for item in items if item.created_at is not None), None),
    )


def _rank(kind: str) -> int:
    return KIND_ORDER.index(kind) if kind in KIND_ORDER else len(KIND_ORDER)


def missing(event: Event) -> tuple[TiesMissing, ...]:
    """Return what is missing among the ties of an event, as far as its capture can tell."""
    if not event.linkability_complete:
        return ("cookies_not_captured",)
    sent = {item.kind for item in event.identifiers if item.source == "cookie"}
    if is_meta_host(split_address(f"https://{event.recipient_host}/").host) and not sent & set(FACEBOOK_COOKIES):
        return ("no_recipient_cookie",)
    return ()
