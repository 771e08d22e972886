"""A strict decoder of GPP strings: what visitors of US states opted out of, and TC strings carried along.

A string that is malformed in any part that is read here is malformed as a whole. Not having opted out is no
acceptance. There is no maintained library for Python; the reference ones are in JavaScript and Java.

Sources: IAB Tech Lab, Global Privacy Platform: "Consent string specification" (header and Fibonacci ranges), section
specifications 6 (US Privacy), 7 (US national, versions 1 and 2), 8 (California), 9 (Virginia), 10 (Colorado),
11 (Utah), 12 (Connecticut); github.com/IABTechLab/iabgpp-es for the order of fields.
"""

from typing import Final, Literal, NamedTuple

from addon.consent import usprivacy
from addon.consent.bits import Bits, MalformedError
from addon.consent.tcf import TcString
from addon.consent.tcf import decode as decode_tc

MAX_CHARS: Final = 8_000
_MAX_SECTIONS: Final = 40
_TYPE: Final = 3
_VERSION: Final = 1
_TCF_EU: Final = 2
_US_PRIVACY: Final = 6
_GPC_SEGMENT: Final = 1
_OPTED_OUT: Final = 1
_LARGEST: Final = 2

Purpose = Literal["sale", "sharing", "targeted advertising"]

Field = Literal["sale", "sharing", "targeted advertising", "skip"]


class _Layout(NamedTuple):
    """A section of the United States: its name, its two-bit fields in order, and how many may follow them."""

    name: str
    fields: tuple[Field, ...]
    rest: tuple[int, ...]


_SKIP: Final[tuple[Field, ...]] = ("skip",)
_NATIONAL: Final[tuple[Field, ...]] = (*_SKIP * 6, "sale", "sharing", "targeted advertising")
_STATE: Final[tuple[Field, ...]] = (*_SKIP * 3, "sale", "targeted advertising")
_LAYOUTS: Final[dict[tuple[int, int], _Layout]] = {
    (7, 1): _Layout("US national", _NATIONAL, (12 + 2 + 1 + 3, 16 + 3 + 1 + 3)),
    (7, 2): _Layout("US national", _NATIONAL, (16 + 3 + 1 + 3,)),
    (8, 1): _Layout("California", (*_SKIP * 3, "sale", "sharing"), (9 + 2 + 1 + 3,)),
    (9, 1): _Layout("Virginia", _STATE, (8 + 1 + 3,)),
    (10, 1): _Layout("Colorado", _STATE, (7 + 1 + 3,)),
    (11, 1): _Layout("Utah", (*_SKIP * 4, "sale", "targeted advertising"), (8 + 1 + 3,)),
    (12, 1): _Layout("Connecticut", _STATE, (8 + 3 + 3,)),
}
"""By number and version of the section; the six bits of the version stand before the fields.

Browsers were seen to send the longer form of the national section under version 1.
"""


class UsSection(NamedTuple):
    """What one section of the United States says: what was offered, what was opted out of, and whether by GPC."""

    name: str
    offered: tuple[Purpose, ...]
    opted_out: tuple[Purpose, ...]
    gpc: bool


class GppString(NamedTuple):
    """What a GPP string says; `unread` are the numbers of sections that are not read here."""

    us: tuple[UsSection, ...]
    tc: TcString | None
    unread: tuple[int, ...]


def decode(text: str) -> GppString | None:
    """Return what a GPP string says, or None where it is malformed in any part that is read here."""
    if not text or len(text) > MAX_CHARS:
        return None
    header, *sections = text.split("~", _MAX_SECTIONS)
    us: list[UsSection] = []
    tc: TcString | None = None
    unread: list[int] = []
    try:
        numbers = _header(Bits(header))
        if len(numbers) != len(sections):
            return None
        for number, section in zip(numbers, sections, strict=True):
            found = _section(number, section)
            if isinstance(found, UsSection):
                us.append(found)
            elif isinstance(found, TcString):
                tc = found
            else:
                unread.append(number)
    except MalformedError:
        return None
    return GppString(tuple(us), tc, tuple(unread))


def _header(bits: Bits) -> list[int]:
    """Return the numbers of the sections that follow, in their order."""
    if bits.take(6) != _TYPE or bits.take(6) != _VERSION:
        raise MalformedError
    numbers: list[int] = []
    last = 0
    for _ in range(bits.take(12)):
        several = bits.take(1)
        first = last + bits.fibonacci()
        last = first + bits.fibonacci() if several else first
        if last - first >= _MAX_SECTIONS or len(numbers) >= _MAX_SECTIONS:
            raise MalformedError
        numbers += range(first, last + 1)
    bits.end()
    return numbers


def _section(number: int, text: str) -> UsSection | TcString | None:
    if number == _TCF_EU:
        found = decode_tc(text)
        if found is None:
            raise MalformedError
        return found
    if number == _US_PRIVACY:
        told = usprivacy.decode(text)
        if told is None:
            raise MalformedError
        offered: tuple[Purpose, ...] = ("sale",) if told.notice or told.opted_out is not None else ()
        return UsSection("US Privacy", offered, ("sale",) if told.opted_out else (), gpc=False)
    core, *others = text.split(".", 3)
    layout = _LAYOUTS.get((number, Bits(core).take(6)))
    if layout is None:
        return None
    values = _values(core, layout)
    gpc = [_gpc(Bits(segment)) for segment in others]
    if len(gpc) > 1:
        raise MalformedError
    return UsSection(
        layout.name,
        tuple(name for name, value in values.items() if value),
        tuple(name for name, value in values.items() if value == _OPTED_OUT),
        gpc=any(gpc),
    )


def _values(core: str, layout: _Layout) -> dict[Purpose, int]:
    """Return the fields that matter of a section's core, whose length has to be one of those its layout allows."""
    for rest in layout.rest:
        bits = Bits(core)
        bits.skip(6)
        values: dict[Purpose, int] = {}
        for name in layout.fields:
            value = _two_bits(bits)
            if name != "skip":
                values[name] = value
        try:
            for _ in range(rest):
                _two_bits(bits)
            bits.end()
        except MalformedError:
            continue
        return values
    raise MalformedError


def _two_bits(bits: Bits) -> int:
    value = bits.take(2)
    if value > _LARGEST:
        raise MalformedError
    return value


def _gpc(bits: Bits) -> bool:
    if bits.take(2) != _GPC_SEGMENT:
        raise MalformedError
    found = bool(bits.take(1))
    bits.end()
    return found
