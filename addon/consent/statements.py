"""What requests say of consent beside the choice itself: to Google, to vendors, under the laws of US states.

None of it decides a state. A statement that is malformed is one that says so, so that a report can show it.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

from addon.consent import consentmode, gpp, usprivacy
from addon.consent.platforms.framework import verdict
from addon.consent.reading import MAX_PROOF, json_object, plain, quoted
from addon.decoders.meta.endpoints import Address
from addon.vocabulary import Says, StatementKind

US_COOKIES: Final = ("usprivacy", "us_privacy")
GPP_COOKIES: Final = ("OTGPPConsent", "gpp", "IABGPP_HDR_GppString")

_MARKS: Final = ("gcs=", "gcd=", "gdpr_consent=", "us_privacy=", "gpp=")
TARGET_MARKS: Final = tuple(mark.encode("ascii") for mark in _MARKS)
"""Every address with which `may_state` is true has one of these in path or query as sent."""
_GOOGLE: Final = (
    "google-analytics.com", "google.com", "doubleclick.net", "googleadservices.com", "googlesyndication.com",
    "googletagmanager.com",
)  # fmt: skip
_COLLECT: Final = "/g/collect"
_MAX_QUERY: Final = 20_000
_MAX_FIELDS: Final = 300


class Statement(NamedTuple):
    """One statement: of what kind, what it comes to, and in words."""

    kind: StatementKind
    says: Says | None
    words: str


def statements_of_cookies(cookies: Iterable[tuple[str, str]]) -> tuple[Statement, ...]:
    """Return what the cookies of a first-party request say under the laws of US states."""
    return tuple(
        _us_privacy(value, name) if name in US_COOKIES else _gpp(value, name)
        for name, value in cookies
        if value and (name in US_COOKIES or name in GPP_COOKIES)
    )


def may_state(url: str) -> bool:
    """Tell whether a request to this address may hold a statement; cheap, for every request that passes."""
    return any(mark in url for mark in _MARKS)


def statements_of_request(address: Address) -> tuple[Statement, ...]:
    """Return what the address of a request to anybody says of consent."""
    fields = _fields(address.query)
    return tuple(_stated(address, fields))


def _stated(address: Address, fields: Mapping[str, str]) -> Iterator[Statement]:
    if fields.keys() & {"gcs", "gcd"} and _is_google(address):
        try:
            mode = consentmode.decode(fields.get("gcs"), fields.get("gcd"))
        except ValueError as error:
            yield Statement("google_consent_mode", None, f"the page told Google of consent, but {error}: not believed")
        else:
            if mode is not None:
                yield Statement("google_consent_mode", mode.says, _shown(f"the page told Google: {mode.words}"))
    if fields.get("gdpr_consent"):
        yield _tc_string(fields["gdpr_consent"], address.host)
    if fields.get("us_privacy"):
        yield _us_privacy(fields["us_privacy"], f"a request to {quoted(address.host)}")
    if fields.get("gpp"):
        yield _gpp(fields["gpp"], f"a request to {quoted(address.host)}")


def us_privacy_of(value: str) -> usprivacy.UsPrivacy | None:
    """Return what the value of a cookie says as a US Privacy string, which Iubenda wraps in JSON; None: malformed."""
    text = plain(value)
    document = json_object(text) if text.startswith("{") else None
    wrapped = document.get("uspString") if document else None
    return usprivacy.decode(wrapped if isinstance(wrapped, str) else text)


def gpp_words(found: gpp.GppString) -> str:
    """Return in words what a GPP string says of opt-outs."""
    parts = []
    for section in found.us:
        if section.opted_out:
            how = " by Global Privacy Control" if section.gpc else ""
            parts.append(f"{section.name}: opted out of {', '.join(section.opted_out)}{how}")
        elif section.offered:
            parts.append(f"{section.name}: not opted out, which is no acceptance")
        else:
            parts.append(f"{section.name}: does not apply")
    if found.tc is not None:
        parts.append("a TC string of the EU inside")
    if found.unread:
        parts.append("sections not read: " + ", ".join(map(str, found.unread[:9])))
    return "; ".join(parts) or "no section on the United States"


def _us_privacy(value: str, where: str) -> Statement:
    found = us_privacy_of(value)
    if found is None:
        return Statement("us_privacy", None, f"{quoted(where)}: the US Privacy string is malformed: not believed")
    if found.opted_out is None:
        return Statement(
            "us_privacy", None, _shown(f"{where}: the US Privacy string says that its rule does not apply")
        )
    words = "opted out of sale" if found.opted_out else "not opted out of sale, which is no acceptance"
    return Statement(
        "us_privacy", "denied" if found.opted_out else None, _shown(f"{where}: US Privacy string: {words}")
    )


def _gpp(value: str, where: str) -> Statement:
    found = gpp.decode(plain(value))
    if found is None:
        return Statement("gpp", None, f"{quoted(where)}: the GPP string is malformed: not believed")
    out = any(section.opted_out for section in found.us)
    return Statement("gpp", "denied" if out else None, _shown(f"{where}: GPP string: {gpp_words(found)}"))


def _tc_string(value: str, host: str) -> Statement:
    found = verdict(plain(value))
    where = f"a request to {quoted(host)}"
    if found is None:
        return Statement("tc_string", None, f"{where}: the TC string is malformed: not believed")
    says: Says | None = {"accepted": "granted", "refused": "denied"}.get(found.state)  # type: ignore[assignment]
    return Statement(
        "tc_string", says, _shown(f"{where}: TC string: {found.words} (Meta is no vendor of the framework)")
    )


def _is_google(address: Address) -> bool:
    """Tell whether a request is one of Google's tags: to Google, or on a server of the site's own (`/g/collect`)."""
    host = address.host
    return address.path.endswith(_COLLECT) or any(host == name or host.endswith("." + name) for name in _GOOGLE)


def _shown(words: str) -> str:
    return quoted(words, MAX_PROOF)


def _fields(query: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(query[:_MAX_QUERY], keep_blank_values=True, max_num_fields=_MAX_FIELDS))
    except ValueError:
        return {}
