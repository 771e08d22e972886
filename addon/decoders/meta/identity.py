"""What in a request ties it to a person, a browser or an advertisement.

Sources of the keys, normalisations and cookie meanings: the wire format reference, sections 2.2 and 4.
"""

import hashlib
import ipaddress
import json
import string
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from urllib.parse import parse_qsl, unquote, urlsplit

from addon.decoders.meta.wire import storable
from addon.model import Identifier, Param
from addon.redaction import EMAIL, cookie_pairs
from addon.remembered import Remembered
from addon.vocabulary import LINKABILITY_ORDER, Linkability

HASHED_FIELDS = ("ud", "udff", "aud", "audff")
"""Groups of advanced matching: given by the site, taken from form fields, and their alternate forms."""

MASKED_FIELDS = ("cud", "ncud", "cudff", "ncudff")
"""Groups that carry the shape of a value: upper case ^, lower case *, digit #, other ~."""

USER_DATA_KEYS: dict[str, str] = {
    "em": "em", "email": "em", "e-mail": "em", "mail": "em", "email_address": "em", "emailaddress": "em",
    "ph": "ph", "phone": "ph", "pn": "ph", "tel": "ph", "telephone": "ph", "mobile": "ph", "phone_number": "ph",
    "fn": "fn", "firstname": "fn", "first_name": "fn", "ln": "ln", "lastname": "ln", "last_name": "ln",
    "surname": "ln", "name": "name", "full_name": "name", "fullname": "name",
    "ge": "ge", "gender": "ge", "db": "db", "dob": "db", "bd": "db", "birthday": "db", "date_of_birth": "db",
    "ct": "ct", "city": "ct", "st": "st", "state": "st", "zp": "zp", "zip": "zp", "postcode": "zp",
    "post_code": "zp", "postal_code": "zp", "country": "country", "cn": "country",
    "external_id": "external_id", "extern_id": "external_id", "uid": "external_id", "user_id": "external_id",
    "userid": "external_id", "customer_id": "external_id", "patient_id": "external_id",
    "nhs_number": "nhs_number", "nhsnumber": "nhs_number", "nhs_no": "nhs_number",
    "subscription_id": "external_id", "lead_id": "external_id", "madid": "madid", "fb_login_id": "fb_login_id",
    "client_ip_address": "ip", "user_ip": "ip", "ip_address": "ip", "ip_addr": "ip", "ip": "ip",
    "fbp": "fbp", "fbc": "fbc",
}  # fmt: skip
"""Names that Meta's normalisers, its documentation or sites use, to the kind of identifier they carry."""

CUSTOM_DATA_KINDS = frozenset({"em", "ph", "fn", "ln", "db", "external_id", "nhs_number", "ip", "zp"})
"""Kinds that are taken from custom data and page addresses, where a name alone is weaker evidence."""

AMBIGUOUS_CUSTOM_NAMES = frozenset(
    {"name", "state", "city", "country", "mail", "mobile", "st", "ct", "ip", "cn", "zip"}
)
"""Names that in custom data or an address as often mean something else than the visitor."""

CONTACT_KINDS = frozenset({"em", "ph", "fn", "ln", "name", "db", "zp", "ct", "nhs_number"})

COOKIE_KINDS = ("c_user", "i_user", "datr", "sb", "fr", "_fbp", "_fbc", "_fbi", "_fbleid")
"""Cookies that identify: the account, the browser, the click, the address."""

CLICK_ID_PARAMETERS = ("fbclid", "brid", "waaem")

NOTHING = (
    "",
    "undefined",
    "null",
    "none",
    "test",
    "nan",
    "n/a",
    "na",
    "false",
    "true",
    "unknown",
    "0",
    "[object object]",
)
"""Inputs that say nothing of a person and are nevertheless seen hashed."""

HASHES_OF_NOTHING: dict[str, str] = {
    digest: word or "the empty string"
    for word in NOTHING
    for digest in (
        hashlib.sha256(word.encode()).hexdigest(),
        hashlib.md5(word.encode(), usedforsecurity=False).hexdigest(),
    )
}

RELAY_ADDRESS_HASH = "b68919aff001d8366249403a2544fba2d833084f1ad22839b6310aadacb6a138"
"""What the client puts in place of an address at privaterelay.appleid.com."""

MAX_KNOWN_NAME = 64
MAX_KNOWN_VALUE = 2_000
"""What of names, values and lines of cookies up to this length was found out is kept for a while."""

_HEX = frozenset(string.hexdigits)
_MIN_DATE = 1_200_000_000_000
_MAX_DATE = 4_100_000_000_000


def identifiers(parameters: Iterable[Param], headers: Iterable[tuple[str, str]]) -> tuple[Identifier, ...]:
    """Return every identifier in the parameters and cookies of one request, in order, each once."""
    found: dict[tuple[str, str, str], Identifier] = {}
    readers = _readers
    for name, value, _, context in [param for param in parameters if readers[param[0]] is not None]:
        if value and context != "header":
            read = _known_items if len(name) + len(value) <= MAX_KNOWN_VALUE else _items
            for item in read(name, value):
                found.setdefault((item.kind, item.parameter, item.value), item)
    for line in [line for name, line in headers if len(name) == len("cookie") and name.lower() == "cookie"]:
        for item in _known_cookies[line]:
            found.setdefault((item.kind, item.parameter, item.value), item)
    return tuple(found.values())


def _items(name: str, value: str) -> tuple[Identifier, ...]:
    read = _readers[name]
    return () if read is None else tuple(read(name, value))


_known_items = lru_cache(maxsize=2048)(_items)


_Reader = Callable[[str, str], Iterable[Identifier]]


def _reader(name: str) -> _Reader | None:
    """Return what reads the identifiers in a parameter of this name, or None where there are none."""
    group, _, rest = name.partition("[")
    key = rest.removesuffix("]").lower()
    if rest and group in HASHED_FIELDS + MASKED_FIELDS:
        return partial(_field_of_user, group, key)
    if rest and group == "cd":
        return partial(_custom_data, key)
    if name in {"fbp", "fbc", "fb.fbp", "fb.clickID"}:
        kind = "fbc" if name in {"fbc", "fb.clickID"} else "fbp"
        return partial(_own_browser_id, kind, "gateway" if name.startswith("fb.") else "parameter")
    if name in {"fbcs", "fbclid"}:
        return partial(_plain, "fbc", "parameter", "a list of several click ids" if name == "fbcs" else None)
    if name in {"advertiser_id", "anon_id"}:
        return partial(_plain, "madid", "app", None)
    if name.startswith(("fb.advanced_matching.", "user_data.")):
        return partial(_listed_user_data, name.rpartition(".")[2].lower())
    if name.startswith("custom_data."):
        return partial(_custom_data, name.rpartition(".")[2].lower())
    if name in {"dl", "rl", "event_source_url", "website_context.location", "website_context.referrer"}:
        return _from_address
    return None


_readers = Remembered(_reader, 4096, MAX_KNOWN_NAME)


def _field_of_user(group: str, key: str, name: str, value: str) -> tuple[Identifier]:
    return (_user_data(group, key, name, value),)


def _listed_user_data(key: str, name: str, value: str) -> Iterator[Identifier]:
    return (_user_data("gateway", key, name, text) for text in _each(value))


def _own_browser_id(kind: str, source: str, name: str, value: str) -> tuple[Identifier]:
    return (_browser_id(kind, source, name, value),)


def _plain(kind: str, source: str, note: str | None, name: str, value: str) -> tuple[Identifier]:
    return (Identifier(kind, source, name, value, "plain", note=note),)


def _each(value: str) -> Iterator[str]:
    """Yield the texts of a list that stands where Meta's server format also takes a single text."""
    try:
        listed = json.loads(value) if value.startswith("[") else None
    except (ValueError, RecursionError):
        listed = None
    if isinstance(listed, list) and listed and all(isinstance(item, str) for item in listed):
        yield from map(storable, filter(None, listed))
    else:
        yield value


def _user_data(group: str, key: str, name: str, value: str) -> Identifier:
    kind = USER_DATA_KEYS.get(key, key)
    if kind in {"fbp", "fbc"}:
        return _browser_id(kind, group, name, value)
    if group in MASKED_FIELDS:
        return Identifier(
            kind=kind, source=group, parameter=name, value=value, form="mask",
            note="shows the length and shape of the value: ^ capital, * small letter, # digit, ~ other",
        )  # fmt: skip
    form, note = value_form(value)
    if kind == "em" and value == RELAY_ADDRESS_HASH:
        note = "stands for any address at Apple's private relay"
    return Identifier(kind=kind, source=group, parameter=name, value=value, form=form, note=note)


def value_form(value: str) -> tuple[str, str | None]:
    """Return how a value reads (`sha256`, `md5`, `plain`, `empty`) and a note on it, if any."""
    nothing = HASHES_OF_NOTHING.get(value.lower())
    if nothing is not None:
        return "empty", f"the hash of “{nothing}”: it identifies nobody" if nothing in NOTHING else (
            f"the hash of {nothing}: it identifies nobody"
        )
    if value.strip().lower() in NOTHING:
        return "empty", "a placeholder: it identifies nobody"
    if len(value) in {32, 64} and _HEX.issuperset(value):
        form = "sha256" if len(value) == 64 else "md5"
        note = None if value == value.lower() else "written in capitals: hashed by hand, not by Meta's client"
        if form == "md5":
            note = "32 hexadecimal digits, probably MD5: passed on by Meta's client without being hashed"
        return form, note
    return "plain", "not hashed"


def _custom_data(key: str, name: str, value: str) -> Iterator[Identifier]:
    kind = USER_DATA_KEYS.get(key)
    if kind in CUSTOM_DATA_KINDS and kind is not None and key not in AMBIGUOUS_CUSTOM_NAMES:
        if kind == "ip" and not _is_address(value):
            return
        form, note = value_form(value)
        yield Identifier(kind=kind, source="cd", parameter=name, value=value, form=form, note=note)
    elif "@" in value and len(value) <= 320 and EMAIL.fullmatch(value):
        yield Identifier(kind="em", source="cd", parameter=name, value=value, form="plain", note="not hashed")


def _from_address(name: str, value: str) -> tuple[Identifier, ...]:
    """Return the identifiers in the query of an address: click ids, contact details, an account."""
    return tuple(_in_address(name, value)) if "=" in value else ()


def _in_address(name: str, value: str) -> Iterator[Identifier]:
    try:
        parts = urlsplit(value)
    except ValueError:
        return
    for text in (parts.query, parts.fragment):
        for key, content in parse_qsl(text, max_num_fields=None):
            lowered = key.lower()
            if lowered in CLICK_ID_PARAMETERS and content:
                if lowered == "fbclid":
                    yield Identifier(kind="fbc", source="address", parameter=name, value=content, form="plain",
                                     note=f"the click id {key} in the page's address")  # fmt: skip
                continue
            kind = USER_DATA_KEYS.get(lowered)
            if kind in CUSTOM_DATA_KINDS and kind is not None and lowered not in AMBIGUOUS_CUSTOM_NAMES and content:
                if kind == "ip" and not _is_address(content):
                    continue
                form, note = value_form(content)
                yield Identifier(kind=kind, source="address", parameter=name, value=content, form=form, note=note)
            elif "@" in content and EMAIL.fullmatch(content):
                yield Identifier(kind="em", source="address", parameter=name, value=content, form="plain",
                                 note="in clear in the page's address")  # fmt: skip


def _from_cookies(line: str) -> tuple[Identifier, ...]:
    return tuple(_cookies(line))


def _cookies(line: str) -> Iterator[Identifier]:
    for name, raw in cookie_pairs([("cookie", line)]):
        if name not in COOKIE_KINDS or not raw:
            continue
        value = unquote(raw)
        if name in {"_fbp", "_fbc"}:
            yield _browser_id(name.removeprefix("_"), "cookie", f"cookie {name}", value)
        else:
            kind = "ip" if name == "_fbi" else name
            yield Identifier(kind=kind, source="cookie", parameter=f"cookie {name}", value=value, form="plain")


_known_cookies = Remembered(_from_cookies, 1024, MAX_KNOWN_VALUE)


def _browser_id(kind: str, source: str, parameter: str, value: str) -> Identifier:
    return Identifier(
        kind=kind, source=source, parameter=parameter, value=value, form="plain", created_at=creation_time(value)
    )


def creation_time(value: str) -> float | None:
    """Return when a browser or click id says it was made, in epoch seconds.

    The format is `fb.<subdomain index>.<creation ms>.<payload>[.<appendix>]`; it is read leniently, and a
    time outside 2008 to 2099 is no time.
    """
    parts = value.split(".")
    if len(parts) < 4 or parts[0] != "fb" or not parts[2].isascii() or not parts[2].isdigit() or len(parts[2]) > 13:
        return None
    milliseconds = int(parts[2])
    return milliseconds / 1000 if _MIN_DATE <= milliseconds <= _MAX_DATE else None


def _is_address(value: str) -> bool:
    try:
        ipaddress.ip_address(value.strip())
    except ValueError:
        return False
    return True


def linkability(found: Iterable[Identifier]) -> Linkability:
    """Return what ties an event to a person most strongly, from all its identifiers.

    Hashes of nothing and masks tie it to nobody.
    """
    reached = [_LINKS.get(item.kind, _WEAKEST) for item in found if item.form not in _OF_NOBODY]
    return LINKABILITY_ORDER[min(reached, default=_WEAKEST)]


_OF_NOBODY = frozenset({"empty", "mask"})
_LINKED: dict[Linkability, Iterable[str]] = {
    "account": ("c_user", "i_user", "fb_login_id"),
    "contact": CONTACT_KINDS,
    "external_id": ("external_id", "madid"),
    "click_id": ("fbc", "_fbleid"),
    "browser_id": ("fbp",),
    "cookie": ("datr", "sb", "fr"),
}
_LINKS = {kind: LINKABILITY_ORDER.index(level) for level, kinds in _LINKED.items() for kind in kinds}
_WEAKEST = LINKABILITY_ORDER.index("address_only")
