"""Plain words for what ties and joins events, and for the findings on consent.

“Could” is meant: the words say what an identifier makes possible and never that anybody did it.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from addon.linkability import DAY
from addon.linkability import Lifetime as FoundLifetime
from addon.vocabulary import LifetimeBasis, NoJoin, Resolver, TiesMissing
from cli import wording
from cli.lanes import drawing
from cli.linked import EventTie, History, Joint, Lifetime, LinkedIdentifier

FAMILIES: Final[Mapping[str, str]] = {
    "account": "Facebook account",
    "profile": "Facebook page or second profile",
    "em": "e-mail address",
    "ph": "phone number",
    "nhs_number": "NHS number",
    "external_id": "id given by the site",
    "madid": "device id",
    "fbc": "click id",
    "fbp": "browser id",
    "datr": "Facebook cookie datr",
    "sb": "Facebook cookie sb",
    "fr": "Facebook cookie fr",
}
"""What an identifier is called in its name, by the family of its key."""

RESOLVERS: Final[Mapping[Resolver, str]] = {
    "meta": "Meta alone",
    "advertiser": "the site that gave it, and whoever it told",
    "list": "anybody with a list of such details to hash, Meta among them",
    "reader": "whoever reads it",
    "pseudonym": "whoever holds a stronger identifier that came with it",
    "provider": "the network's provider, and whoever knows the network",
    "nobody": "nobody by it alone",
}
RESOLVERS_SHORT: Final[Mapping[Resolver, str]] = {
    "meta": "Meta alone",
    "advertiser": "the site",
    "list": "anybody with a list to hash",
    "reader": "whoever reads it",
    "pseudonym": "by what came with it",
    "provider": "the network's provider",
    "nobody": "nobody",
}
LIFETIME_BASES: Final[Mapping[LifetimeBasis, str]] = {
    "documented": "as Meta documents it",
    "reported": "as a public cookie reference reports",
    "set_cookie": "as an answer in this capture told the browser",
}
NO_JOINS: Final[Mapping[NoJoin, str]] = {
    "empty": "a placeholder or the hash of one: it stands for nobody",
    "mask": "only the shape of a value",
    "shared_by_many": "shared by many people",
    "not_alone": "shared by many people; together with others it can single one out",
    "network": "shared by everybody on that network",
    "a_list": "a list of several ids, not taken apart",
    "malformed": "not in the form such an id has",
    "not_known": "not known whether it tells browsers apart",
    "stands_for_any": "stands for any address of a mail relay",
}
MISSING: Final[Mapping[TiesMissing, str]] = {
    "cookies_not_captured": "The capture holds no cookies of this event: whether it was tied to a Facebook account "
    "or another Facebook cookie cannot be told.",
    "no_recipient_cookie": "No cookie of facebook.com came with this event. The browser held none, or it holds back "
    "cookies of other sites; another visitor's browser may send them.",
}
SOURCE_NONE: Final = "every request has it"

TITLE: Final = "What joins these visits"
INTRODUCTION: Final = (
    "Where the same identifier came with two events, whoever received both could tell that they belong together. "
    "Where two identifiers came with one event, each leads to the other. What follows is what these identifiers make "
    "possible. It does not say that anybody did it."
)
NOT_SHOWN: Final = (
    "Not shown, because no capture can: what sites' servers send to Meta by themselves, other devices of the same "
    "person, and joins by network address or by how a browser describes itself. Names, towns and postcodes join "
    "nothing here, because many people share them."
)
META_TITLE: Final = "What Meta could join, across all pixels"
PIXEL_TITLE: Final = "What one pixel's site could join"
PIXEL_NOTE: Final = (
    "By what a site can read itself: the browser id, click ids, contact details and ids of its own. Facebook's "
    "cookies go to Meta alone."
)
BY_CLICK_ALONE: Final = (
    "Part of it hangs together by a click id alone. Whoever opens a copied address carries its click id as well."
)
GRAPH_CAPTION: Final = (
    "Each line of text is a set of events that carried the same identifiers, each column one identifier. A mark says "
    "that it came along; marks joined by a line are one identifier, or came in one request."
)
ALL_SCORES: Final = "Counted here are all events of the session, also those that this report leaves out."
COOKIE_NAME: Final = "Facebook cookie "
NOTHING_JOINS: Final = "No event carried an identifier that could join it to another."


def lifetime(found: FoundLifetime | None) -> Lifetime | None:
    """Return how long an identifier is kept, with the words for it."""
    if found is None:
        return None
    text = f"{duration(found.seconds)}, {LIFETIME_BASES[found.basis]}"
    return Lifetime(seconds=found.seconds, basis=found.basis, text=text)


def duration(seconds: int) -> str:
    """Return a length of time in the largest unit that fits."""
    if seconds >= 2 * 365 * DAY:
        return wording.count(round(seconds / (365 * DAY)), "year")
    for unit, length in (("day", DAY), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            return wording.count(round(seconds / length), unit)
    return wording.count(seconds, "second")


def history(identifiers: Sequence[LinkedIdentifier], events: int, direct: int, sites: int, sessions: int) -> str:
    """Return in a sentence what a history's identifiers make possible."""
    first = identifiers[0]
    where = f" on {wording.count(sites, 'site')}" if sites else ""
    if sessions > 1:
        where += f" in {wording.count(sessions, 'session')}"
    if events == 1:
        return f"{wording.capital(first.name)} came with one event{where}."
    if direct == events:
        return f"{wording.capital(first.name)} came with all {events:,} events{where}, so that they could be joined."
    others = [item.name for item in identifiers[1:] if item.link != first.link or item.kind != first.kind]
    named = f"{', '.join(others[:3])} and more" if len(others) > 3 else wording.listed(others)
    through = f" ({named})" if others else ""
    return (
        f"{wording.capital(first.name)} came with {direct:,} of {events:,} events{where}. The other "
        f"{events - direct:,} carried only what came with it elsewhere{through} and could be joined to it through that."
    )


def several(family: str, number: int) -> str:
    """Return what is to be minded where a history holds several of what a person mostly has one of."""
    return (
        f"It holds {number} different values of the kind “{FAMILIES[family]}”, so it may be that of more than one "
        "person."
    )


def tie(found: EventTie) -> str:
    """Return one tie in a line: what it is, what of it is known, and who can tell whose it is."""
    parts = [wording.capital(found.name or found.what)]
    if found.value:
        parts.append(found.value)
    details = [f"can tell whose it is: {RESOLVERS[found.resolvable_by]}"]
    if found.why_not:
        details.append(f"joins nothing: {NO_JOINS[found.why_not]}")
    if found.lifetime:
        details.append(f"kept for {found.lifetime.text}")
    if found.created_at:
        details.append(f"made {wording.instant(found.created_at)} by its own account")
    if found.first_seen_at:
        details.append(f"first seen {wording.instant(found.first_seen_at)}")
    return f"{' '.join(parts)} ({'; '.join(details)})"


def through(found: LinkedIdentifier) -> str:
    """Return by which other identifier one is reached, or that it is the first."""
    if found.through is None:
        return "the history begins from it"
    return f"through {joint(found.through)}"


def joint(found: Joint) -> str:
    """Return where two identifiers came together."""
    name = f"“{found.event_name}”" if found.event_name else "an event without a name"
    where = found.page_url or found.site or "a page not known"
    return f"{found.name}: both came with {name} on {where}, {wording.instant(found.at)}"


def counts(acts: int, health_acts: int, events: int) -> str:
    """Return what a visit holds, in numbers."""
    health = f" ({health_acts:,} with health content)" if health_acts else ""
    return f"{wording.count(acts, 'act')}{health}, {wording.count(events, 'event')}"


def span(started_at: str, ended_at: str) -> str:
    """Return from when to when, the second time without its date where it is the same."""
    if started_at[:19] == ended_at[:19]:
        return f"{_second(started_at)} UTC"
    if started_at[:10] == ended_at[:10]:
        return f"{_second(started_at)} to {wording.clock_time(ended_at)} UTC"
    return f"{_second(started_at)} to {_second(ended_at)} UTC"


def _second(text: str) -> str:
    """Return a time to the second, with its date."""
    return f"{text[:10]} {wording.clock_time(text)}"


def numbers(found: History) -> str:
    """Return what a history holds, in numbers."""
    return (
        f"{counts(found.acts, found.health_acts, found.events)}, {wording.count(len(found.sites), 'site')}, "
        f"{wording.count(len(found.pixel_ids), 'pixel')}"
    )


def summary(histories: Sequence[History], unjoined: int) -> str | None:
    """Return in a sentence or two what the events of a report could be joined into, or None where there is nothing."""
    found = [item for item in histories if item.level == "meta"]
    if not found:
        return None
    most = max(found, key=lambda item: (item.acts, item.events))
    acts = sum(item.acts for item in found)
    rest = f" {wording.capital(wording.count(unjoined, 'event'))} carried nothing of the kind." if unjoined else ""
    if len(found) == 1:
        where = f" on {wording.count(len(most.sites), 'site')}" if len(most.sites) > 1 else ""
        first = most.identifiers[0].name
        return f"{wording.count(acts, 'act')}{where} could be joined into one history, beginning from {first}.{rest}"
    across = sum(len(item.sites) > 1 for item in found)
    sites = f"{across} of them reach over several sites" if across else "none of them reaches over several sites"
    return f"{wording.count(acts, 'act')} could be joined into {len(found)} histories; {sites}.{rest}"


def pixels(histories: Sequence[History]) -> dict[str, list[History]]:
    """Return the histories of every pixel by its number."""
    found: dict[str, list[History]] = {}
    for item in histories:
        if item.level == "pixel" and item.pixel_id is not None:
            found.setdefault(item.pixel_id, []).append(item)
    return found


def pixel(found: Sequence[History]) -> str:
    """Return in words what one pixel's site could join."""
    most = max(found, key=lambda item: (item.acts, item.events))
    if len(found) == 1:
        return most.text
    total = sum(item.events for item in found)
    return (
        f"{wording.count(total, 'event')} in {len(found)} histories that nothing joins to one another. The largest: "
        f"{counts(most.acts, most.health_acts, most.events)}. {most.text}"
    )


def listed_names(identifiers: Sequence[LinkedIdentifier], most: int = 4) -> str:
    """Return the names of identifiers in a sentence, at most so many; cookies of Facebook share their words."""
    names = [item.name for item in identifiers]
    cookies = [name.removeprefix(COOKIE_NAME) for name in names if name.startswith(COOKIE_NAME)]
    if len(cookies) > 1:
        names = [name for name in names if not name.startswith(COOKIE_NAME)]
        names.append(f"Facebook cookies {wording.listed(cookies)}")
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return wording.listed(names)


def sites_of(histories: Sequence[History]) -> str:
    """Return the sites of some histories."""
    return ", ".join(sorted({site for item in histories for site in item.sites})) or "not known"


def drawn_apart(histories: Sequence[History]) -> list[History]:
    """Return Meta's histories that join more than one visit."""
    return [item for item in histories if item.level == "meta" and drawing(item) is not None]


def single(histories: Sequence[History]) -> list[History]:
    """Return Meta's histories of one visit, in order of time."""
    found = [item for item in histories if item.level == "meta" and drawing(item) is None]
    return sorted(found, key=lambda item: (item.started_at, item.event_ids))
