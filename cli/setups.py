"""What is said of how a pixel was set up: what its script declares and, always apart from it, what was observed.

Like `cli.sentences` this is plain text, not yet escaped, and one wording for every format.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from cli import wording
from cli.schema import BlockedKeys, Configuration, Declared, Feature, Observed
from cli.summary import Setup, Summary

_AUTOMATIC: Final = ("InferredEvents", "AutomaticParameters", "ScrollDepth", "Timespent", "EngagementData", "WebChat")
_PAGE_TEXTS: Final = ("Microdata", "PageMetadata", "MicrodataFieldTransmission", "SmartSetup")
_MATCHING: Final = ("AutomaticMatching", "AutomaticMatchingForPartnerIntegrations")
_GATEWAYS: Final = ("OpenBridge", "ImagePixelOpenBridge")
_REMOVAL: Final = ("UnwantedData", "UnwantedParams", "StandardParamChecks", "EventValidation", "UnwantedEvents")

INTRODUCTION: Final = (
    "A pixel's script, fetched from Meta, says what Meta's client is told to do. It was read as text and not run. "
    "What it declares stands apart from what the events of this session show. Who chose these settings is not known."
)


class Aspect(NamedTuple):
    """One side of a setup: what the script declares and what was observed."""

    name: str
    declared: str
    observed: str


class Listing(NamedTuple):
    """Everything of one kind that a script declares."""

    title: str
    items: tuple[str, ...]
    names: bool = False
    """Whether the items are mere names, which need no line each."""


def title(setup: Setup) -> str:
    """Return the heading of a pixel with the sites it was seen on."""
    where = f", seen on {wording.listed(list(setup.sites))}" if setup.sites else ""
    return f"Pixel {setup.configuration.pixel_id}{where}; owner not known"


def script(configuration: Configuration, declared: Declared) -> str:
    """Return which script was read."""
    build = f", for Meta's client of build {declared.library_version}" if declared.library_version else ""
    site = f", for the site {configuration.domain}" if configuration.domain else ""
    return f"Script fetched {wording.instant(configuration.fetched_at)}{site}{build}."


def observed(found: Observed) -> str:
    """Return all that the events of a pixel show, in one line."""
    parts = [wording.count(found.events, "event")]
    if found.automatic_events:
        parts.append(f"{found.automatic_events:,} of them by Meta's code itself")
    if found.event_setup_tool_events:
        parts.append(f"{found.event_setup_tool_events:,} by the Event Setup Tool")
    if found.page_texts:
        parts.append("texts of the page in them")
    if found.matched_keys:
        parts.append(f"contact details in them ({_fields(found.matched_keys)})")
    if found.gateway_copies:
        parts.append(f"{wording.count(found.gateway_copies, 'copy', 'copies')} through a gateway")
    if found.protected_mode:
        parts.append("protected-data mode")
    if found.filtered_events:
        parts.append(f"{found.filtered_events:,} with something removed")
    return wording.capital("; ".join(parts))


def aspects(declared: Declared, found: Observed) -> tuple[Aspect, ...]:
    """Return the two sides of a setup, aspect by aspect."""
    rules = [rule.kind for rule in declared.rules]
    tool = rules.count("event_setup_tool")
    others = [
        wording.count(rules.count(kind), f"rule for {wording.tool_rule(kind)}", f"rules for {wording.tool_rule(kind)}")
        for kind in dict.fromkeys(rules)
        if kind != "event_setup_tool"
    ]
    switched = {feature.name for feature in declared.features if feature.enabled}
    return (
        Aspect(
            "Events by Meta's code itself",
            _switched(switched, _AUTOMATIC),
            f"{found.automatic_events:,} of {wording.count(found.events, 'event')}",
        ),
        Aspect(
            "Contact details (advanced matching)",
            _matching(declared, switched),
            _matched(declared, found),
        ),
        Aspect(
            "Texts of the page",
            _switched(switched, _PAGE_TEXTS),
            "seen in events" if found.page_texts else "none seen",
        ),
        Aspect(
            "Event Setup Tool",
            wording.count(tool, "rule") if tool else "no rule",
            f"{wording.count(found.event_setup_tool_events, 'event')} from such a rule"
            if found.event_setup_tool_events
            else "no event seen from such a rule",
        ),
        Aspect(
            "Audiences and conversions",
            wording.listed(others) or "no rule",
            f"{wording.count(found.events_naming_rules, 'event')} with ids of such rules that fitted"
            if found.events_naming_rules
            else "no event seen with ids of such rules",
        ),
        Aspect(
            "Removal before sending",
            _removal(declared, switched),
            _removed(found),
        ),
        Aspect(
            "Protected-data mode",
            "switched on" if "ProtectedDataMode" in switched else "not switched on",
            "seen" if found.protected_mode else "not seen",
        ),
        Aspect(
            "Gateways",
            "; ".join(part for part in (_switched(switched, _GATEWAYS), ", ".join(declared.gateways)) if part),
            wording.count(found.gateway_copies, "copy of an event", "copies of events")
            if found.gateway_copies
            else "no copy seen",
        ),
    )


def listings(declared: Declared) -> tuple[Listing, ...]:
    """Return everything that a script declares, by kind; kinds without any are left out."""
    kinds = dict.fromkeys(rule.kind for rule in declared.rules)
    found = (
        Listing("Switched on", tuple(_feature(item) for item in declared.features if item.enabled)),
        Listing("Switched off", tuple(_switched_off(item) for item in declared.features if not item.enabled)),
        Listing("Keys removed before sending", tuple(_blocked(item) for item in declared.blocked)),
        Listing("Keys that protected-data mode lets through", declared.allowed_in_protected_mode, names=True),
        *(
            Listing(
                f"Rules of the {wording.tool_rule(kind)}"
                if kind == "event_setup_tool"
                else f"Rules for {wording.tool_rule(kind)}",
                tuple(
                    f"{wording.capital(rule.text)}{f' (rule {rule.id})' if rule.id else ''}"
                    for rule in declared.rules
                    if rule.kind == kind
                ),
            )
            for kind in kinds
        ),
    )
    return tuple(item for item in found if item.items)


def not_read(declared: Declared) -> str:
    """Return how much of a script could not be read, or nothing."""
    if not declared.not_read:
        return ""
    return (
        f"{wording.count(declared.not_read, 'call')} of the script could not be read: it may declare more than is "
        "listed here."
    )


def without_request(summary: Summary) -> str:
    """Return which pixels had events and no request for a configuration, or nothing."""
    if not summary.without_setup:
        return ""
    pixels = wording.listed(list(summary.without_setup))
    return (
        f"Events were seen of {'pixel' if len(summary.without_setup) == 1 else 'pixels'} {pixels}, and no request for "
        "a configuration: the browser may have kept it from before, or the event was a plain image."
    )


def _feature(found: Feature) -> str:
    return f"{found.name}: {found.meaning or 'not documented'}"


def _switched_off(found: Feature) -> str:
    return f"{found.name} (it would mean: {found.meaning})" if found.meaning else _feature(found)


def _switched(switched: set[str], names: Sequence[str]) -> str:
    shown = [name for name in names if name in switched]
    return f"switched on: {', '.join(shown)}" if shown else "not switched on"


def _fields(keys: Iterable[str]) -> str:
    return ", ".join(f"{wording.identifier(key)}" for key in keys)


def _matching(declared: Declared, switched: set[str]) -> str:
    text = _switched(switched, _MATCHING)
    return f"{text}; fields: {_fields(declared.matched_keys)}" if declared.matched_keys else text


def _matched(declared: Declared, found: Observed) -> str:
    if not found.matched_keys:
        return "none seen"
    beyond = [key for key in found.matched_keys if key not in declared.matched_keys]
    text = f"seen: {_fields(found.matched_keys)}"
    if not beyond:
        return text
    return f"{text}. Not among the declared fields: {_fields(beyond)}; the site's own code can give them"


def _removal(declared: Declared, switched: set[str]) -> str:
    text = _switched(switched, _REMOVAL)
    if not declared.blocked:
        return text
    keys = sum(len(item.custom_data) + len(item.address) + len(item.hashed) for item in declared.blocked)
    return f"{text}; {wording.count(keys, 'key')} for {wording.count(len(declared.blocked), 'event name')}"


def _removed(found: Observed) -> str:
    if found.filtered_events:
        return f"{wording.count(found.filtered_events, 'event')} with something removed"
    return "no sign of it seen" + ("; protected-data mode leaves none" if found.protected_mode else "")


def _blocked(found: BlockedKeys) -> str:
    parts = []
    if found.custom_data:
        parts.append(f"from custom data {_quoted(found.custom_data)}")
    if found.address:
        parts.append(f"from addresses {_quoted(found.address)}")
    if found.hashed:
        fits = "is known, because its hash fits" if len(found.found) == 1 else "are known, because their hashes fit"
        named = f", of which {_quoted(found.found)} {fits}" if found.found else ""
        parts.append(f"{wording.count(len(found.hashed), 'key')} given only as a hash{named}")
    return f"{found.event}: {'; '.join(parts)}"


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"“{name}”" for name in names)
