"""What joins acts to one another: identifiers that several of them carried, told no further than they reach.

Two acts are joined where the same identifier came with both. Whole values are compared and never shown:
two numbers may look alike once they are shortened. A first name or a town joins nobody.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from addon.vocabulary import LINKABILITY_ORDER, Linkability
from cli import wording

JOINING: tuple[str, ...] = (
    *("c_user", "i_user", "fb_login_id", "nhs_number", "em", "ph", "external_id", "madid"),
    *("fbc", "fbp", "datr", "sb", "fr"),
)
"""Kinds of identifier that can join acts, the strongest first."""

SHORT: dict[str, str] = {
    "c_user": "Facebook account number",
    "datr": "Facebook browser cookie",
    "external_id": "id given by the site",
    "fbc": "click id",
    "fbp": "browser id",
    "sb": "Facebook browser cookie",
    "fr": "Facebook advertising cookie",
}
MOST_NAMED = 2
MOST_GROUPS = 3


class Bond(NamedTuple):
    """An identifier that came with an event: `value` is whole, to compare; `shown` is what may be shown."""

    link: Linkability
    kind: str
    value: str
    shown: str


class Joined(NamedTuple):
    """What joins a set of acts: the strongest identifier that all of them carried (None: there is none), in words."""

    link: Linkability | None
    text: str


class Carrier(NamedTuple):
    """An act with the identifiers that came with it."""

    site: str | None
    bonds: frozenset[Bond]


def carrier(site: str | None, event_ids: Sequence[str], bonds: Mapping[str, Sequence[Bond]]) -> Carrier:
    """Return an act on `site` with the identifiers of its events."""
    return Carrier(site, frozenset(bond for id_ in event_ids for bond in bonds.get(id_, ()) if bond.kind in JOINING))


def joined(acts: Sequence[Carrier], *, complete: bool) -> Joined:
    """Return what joins `acts`; `complete` tells that no cookies are missing in their captures."""
    found = _joined(acts)
    missing = "" if complete else " Cookies are missing in a capture: there may be more."
    return found._replace(text=found.text + missing)


def _joined(acts: Sequence[Carrier]) -> Joined:
    sites = list(dict.fromkeys(act.site for act in acts))
    if len(acts) == 1:
        named = _strongest(acts[0].bonds)
        text = (
            f"With it came {_names(named, 'the')}."
            if named
            else "No identifier that could join it to others came along."
        )
        return Joined(named[0].link if named else None, text)
    shared = frozenset.intersection(*(act.bonds for act in acts))
    if shared:
        named = _strongest(shared)
        text = f"{_all(acts)} carried {_names(named, 'the same')}"
        if len(sites) > 1:
            only = len({bond.link for bond in shared}) == 1
            text += (
                f", on {wording.count(len(sites), 'site')}{'; no other identifier joins these sites' if only else ''}"
            )
        return Joined(named[0].link, f"{text}.")
    groups = _groups(acts)
    if len(groups) == 1:
        steps = wording.listed([_name(kind) for kind in JOINING if any(_joins(kind, acts))])
        return Joined(None, f"No identifier is common to {_all(acts, 'all')}; they are joined step by step by {steps}.")
    told = [_group(group) for group in groups[:MOST_GROUPS]]
    if len(groups) > MOST_GROUPS:
        told.append(f"{wording.count(len(groups) - MOST_GROUPS, 'further group')} without anything in common")
    apart = len(groups) == len(sites) and all(len({act.site for act in group}) == 1 for group in groups)
    what = "the acts of one site to those of another" if apart else "these groups"
    return Joined(
        None,
        f"No identifier is common to {_all(acts, 'all')}, so nothing in them makes them one person's: "
        f"{'; '.join(told)}. No identifier joins {what}; a network address or the browser's description might.",
    )


def _all(acts: Sequence[Carrier], word: str = "All") -> str:
    return ("Both" if word == "All" else "both") + " acts" if len(acts) == 2 else f"{word} {len(acts)} acts"


def _joins(kind: str, acts: Sequence[Carrier]) -> list[bool]:
    values = [bond.value for act in acts for bond in act.bonds if bond.kind == kind]
    return [values.count(value) > 1 for value in set(values)]


def _group(group: Sequence[Carrier]) -> str:
    """Return one group of acts that are joined among themselves, with what joins them."""
    where = wording.listed(sorted({act.site or "a site not known" for act in group}))
    acts = wording.count(len(group), "act")
    named = _strongest(frozenset.intersection(*(act.bonds for act in group)))
    if named:
        return f"{acts} on {where} with {_names(named[:1], 'the same' if len(group) > 1 else 'the')}"
    return f"{acts} on {where} {'joined step by step' if len(group) > 1 else 'with no such identifier'}"


def _groups(acts: Sequence[Carrier]) -> list[list[Carrier]]:
    """Return the acts in groups that are joined among themselves, directly or by way of others; largest first."""
    groups: list[tuple[frozenset[Bond], list[int]]] = []
    for number, act in enumerate(acts):
        touching = [group for group in groups if group[0] & act.bonds]
        groups = [group for group in groups if not group[0] & act.bonds]
        bonds = act.bonds.union(*(group[0] for group in touching))
        groups.append((bonds, [*(index for group in touching for index in group[1]), number]))
    ordered = sorted((sorted(members) for _, members in groups), key=lambda members: (-len(members), members[0]))
    return [[acts[index] for index in members] for members in ordered]


def _strongest(bonds: frozenset[Bond]) -> list[Bond]:
    """Return the strongest identifier of each sort, at most two; an advertising cookie only where nothing else is."""
    ordered = sorted(bonds, key=lambda bond: (LINKABILITY_ORDER.index(bond.link), JOINING.index(bond.kind), bond.value))
    first: dict[Linkability, Bond] = {}
    for bond in ordered:
        first.setdefault(bond.link, bond)
    if len(first) > 1:
        first.pop("cookie", None)
    return list(first.values())[:MOST_NAMED]


def _names(bonds: Sequence[Bond], article: str) -> str:
    return " and ".join(f"{article} {_name(bond.kind)} {bond.shown}" for bond in bonds)


def _name(kind: str) -> str:
    return SHORT.get(kind) or wording.identifier(kind)
