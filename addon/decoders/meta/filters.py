"""What Meta's client filtered out of a request, in words, and what still left in the same request.

The signs and what they mean: the wire format reference, section 7. A filter that leaves no sign (whole
events that were not sent, custom data dropped in protected-data mode) cannot be seen in a request.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qsl, urlsplit

from addon.decoders.meta.events import event_kind
from addon.model import Frozen, Hit, Param

REMOVED = "_removed_"
"""What the client writes in place of a value that it filtered."""

GUESSED_NAMES: frozenset[str] = frozenset(
    """
    age allergies allergy answer appointment appointment_type birthday blood_type bmi cancer category city
    clinic comment comments condition conditions consultation date_of_birth department dept description
    diagnoses diagnosis disability disease dob doctor dosage drug drug_name ehr_id email ethnicity first_name
    firstname gender gp health health_condition healthcare height hiv hiv_status hospital illness insurance
    issue last_name lastname location medical_condition medical_history medication medications medicine
    member_id message mrn name nhs_number nhsnumber note notes patient patient_id phone physician postcode
    pregnancy pregnant prescription procedure product provider q quantity query question reason referral result
    results rx search service sex sexuality specialty speciality ssn symptom symptoms test test_result topic
    treatment treatments type user_id vaccine visit_reason weight zip
    """.split()  # noqa: SIM905 - words are easier to keep in a text
)
"""Names that a key given as a hash is tried against. A name that fits is found, not guessed: the hash proves it."""

_ADDRESSES = {"dl": "the page's address", "rl": "the address of the page before"}
_NAME_OF_HASH = {hashlib.sha256(name.encode()).hexdigest(): name for name in GUESSED_NAMES}


class FilterNote(Frozen):
    """One sign of filtering: in which parameter, and in words what it says."""

    parameter: str
    text: str


class Filtering(Frozen):
    """Every sign of filtering in a request and what left with it all the same; both empty: no sign."""

    notes: tuple[FilterNote, ...]
    still_left: tuple[str, ...]


NO_FILTERING = Filtering(notes=(), still_left=())


def name_of_hash(digest: str) -> str | None:
    """Return the key whose SHA-256 is `digest`, where it is one of `GUESSED_NAMES`."""
    return _NAME_OF_HASH.get(digest.lower())


def filtering(hit: Hit) -> Filtering:
    """Return the signs of filtering in `hit` and what was sent in spite of them."""
    notes = tuple(dict.fromkeys(_notes(hit)))
    return Filtering(notes=notes, still_left=tuple(_still_left(hit))) if notes else NO_FILTERING


def _notes(hit: Hit) -> Iterator[FilterNote]:
    values = {param.name: param.value for param in reversed(hit.parameters)}
    for param in hit.parameters:
        yield from _parameter_notes(param)
    if values.get("pm") == "1":
        yield FilterNote(
            parameter="pm",
            text="Protected-data mode (Meta's “core setup”): the client cut the page's address to its origin and "
            "dropped custom data that is not on Meta's list.",
        )
    if values.get("hrl"):
        yield FilterNote(
            parameter="hrl",
            text=f"A fingerprint of the whole page address was sent ({values['hrl'][:12]}): anyone with a list of the "
            "site's addresses can test which page it was.",
        )
    if values.get("pm") != "1" and _is_bare_origin(values.get("dl", "")):
        yield FilterNote(
            parameter="dl",
            text="The page's address is a bare origin without a slash, which no browser shows: it was cut.",
        )
    if values.get("dlc") == "1":
        yield FilterNote(parameter="dlc", text="The client says that it changed the page's address before sending it.")
    if values.get("rlc") == "1":
        yield FilterNote(parameter="rlc", text="The client says that it changed the referrer before sending it.")
    if values.get("vvp") == "1":
        yield FilterNote(parameter="vvp", text="Video-privacy mode: ids of content were removed.")
    if values.get("dpo") == "LDU":
        yield FilterNote(
            parameter="dpo",
            text="Limited Data Use was asked for. It tells Meta how to treat the data in some US states and removes "
            "nothing from the request.",
        )


def _parameter_notes(param: Param) -> Iterator[FilterNote]:
    name, value = param.name, param.value
    if name in {"up", "up_url", "spb", "rks"} and value:
        where = "addresses" if name == "up_url" else "custom data"
        yield FilterNote(parameter=name, text=f"Keys removed from {where}, by name: {_listed(_names(value))}.")
    elif name in {"rp", "rp_url"} and value:
        where = "addresses" if name == "rp_url" else "custom data"
        named = [name_of_hash(key) or f"{key[:8]}… (name not found)" for key in _names(value)]
        yield FilterNote(
            parameter=name, text=f"Keys removed from {where}, given as SHA-256 of their names: {_listed(named)}."
        )
    elif name == "cd[_filteredParams]":
        yield from _filtered_params(name, value)
    elif name in _ADDRESSES:
        yield from _address_notes(name, value)
    elif REMOVED in value:
        yield FilterNote(parameter=name, text=f"Part of the value of {name} was removed.")


def _address_notes(name: str, value: str) -> Iterator[FilterNote]:
    if REMOVED not in value and "_filteredParams" not in value:
        return
    try:
        pairs = parse_qsl(urlsplit(value).query, keep_blank_values=True)
    except ValueError:
        pairs = []
    keys = [key for key, content in pairs if content == REMOVED]
    what = f"The value of {_listed(keys)} in" if keys else "Part of"
    if REMOVED in value:
        yield FilterNote(
            parameter=name, text=f"{what} {_ADDRESSES[name]} was removed; the rest of the address was sent."
        )
    for key, content in pairs:
        if key == "_filteredParams":
            yield from _filtered_params(name, content)


def _filtered_params(parameter: str, value: str) -> Iterator[FilterNote]:
    try:
        document = json.loads(value)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        yield FilterNote(parameter=parameter, text="The client says that it filtered keys; its list cannot be read.")
        return
    for key, label in (("unwantedParams", "by name"), ("restrictedParams", "as SHA-256 of their names")):
        listed = document.get(key)
        if isinstance(listed, list) and listed:
            names = [name_of_hash(str(item)) or str(item) for item in listed]
            yield FilterNote(parameter=parameter, text=f"Keys that the client filtered, {label}: {_listed(names)}.")


def _names(value: str) -> list[str]:
    if value[:1] == "[":
        try:
            document = json.loads(value)
        except (ValueError, RecursionError):
            document = None
        if isinstance(document, list):
            return [str(item) for item in document]
    return [part.strip() for part in value.split(",") if part.strip()]


def _listed(names: Iterable[str]) -> str:
    found = [f"“{name[:80]}”" for name in names]
    return ", ".join(found[:20]) + (f" and {len(found) - 20} more" if len(found) > 20 else "")


def _is_bare_origin(address: str) -> bool:
    head, found, rest = address.partition("://")
    return bool(found) and head in {"http", "https"} and bool(rest) and not any(char in rest for char in "/?#")


def _still_left(hit: Hit) -> Iterator[str]:
    """Yield in words what of the visit the same request told all the same."""
    values = {param.name: param.value for param in reversed(hit.parameters) if param.value}
    address = values.get("dl", "")
    if address and not _is_bare_origin(address):
        yield "the page's address with its path"
    elif address:
        yield "the site's name"
    if event_kind(hit.event_name) == "custom" and hit.event_name:
        yield f"the event's name, “{hit.event_name[:80]}”, which the site chose"
    told: set[str] = set()
    for label, names in (
        ("the page's title", ("pmd[title]", "cd[pageFeatures]", "cd[Meta]")),
        (
            "the page's description or other text of the page",
            ("pmd[description]", "ss", "cd[OpenGraph]", "cd[JSON-LD]"),
        ),
        ("the text of the button clicked", ("cd[buttonText]", "cd[buttonFeatures]")),
        ("what was searched for", ("cd[search_string]", "lspk")),
    ):
        told.update(names)
        if any(name in values for name in names):
            yield label
    custom = [
        name
        for name in values
        if name.startswith("cd[") and not name.startswith(("cd[button", "cd[page", "cd[form")) and name not in told
    ]
    if custom:
        yield "custom data: " + ", ".join(sorted(custom)[:10])
    kinds = sorted({item.kind for item in hit.identifiers if item.form not in {"empty", "mask"}})
    if kinds:
        yield "identifiers: " + ", ".join(kinds)
    if values.get("cas") or values.get("ccs"):
        yield "the ids of audience or conversion rules that fitted the page's address"
