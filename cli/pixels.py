"""How each pixel of a session was set up: what its script declares, and apart from it what was observed."""

from collections.abc import Iterable, Sequence

from addon.decoders.meta.configuration import PixelConfiguration, configuration_pixel, read_configuration
from addon.decoders.meta.filters import filtering, name_of_hash
from addon.decoders.meta.identity import HASHED_FIELDS
from addon.model import Event
from addon.observation import ObservedRequest
from addon.times import rfc3339
from cli.schema import BlockedKeys, Configuration, Declared, Feature, Observed, ToolRule

_WHOLE_REQUEST = frozenset({"pm", "hrl", "dpo", "vvp", "dlc", "rlc"})
"""Signs of filtering that name a mode of the whole request and no key."""

_PAGE_TEXTS = ("pmd[", "ss", "cd[Meta]", "cd[OpenGraph]", "cd[JSON-LD]", "cd[Schema.org]")


def configurations(requests: Iterable[ObservedRequest], events: Sequence[Event]) -> tuple[Configuration, ...]:
    """Return every configuration that was fetched, the same script for the same pixel once, by time."""
    found: dict[tuple[str, str | None], Configuration] = {}
    for observed in sorted(requests, key=lambda item: item.request.started_at):
        if observed.role != "configuration":
            continue
        request = observed.request
        pixel = configuration_pixel(request.url)
        if pixel is None:
            continue
        script = read_configuration(request.url, request.response_body) if request.response_body else None
        found.setdefault(
            (pixel, script.sha256 if script else None),
            Configuration(
                pixel_id=pixel,
                domain=script.domain if script else None,
                fetched_at=rfc3339(request.started_at),
                source=observed.source_id,
                declared=_declared(script) if script else None,
                observed=_observed(pixel, events),
            ),
        )
    read = {pixel for pixel, sha256 in found if sha256 is not None}
    return tuple(item for (pixel, sha256), item in found.items() if sha256 is not None or pixel not in read)


def _declared(script: PixelConfiguration) -> Declared:
    return Declared(
        sha256=script.sha256,
        library_version=script.library_version,
        features=tuple(Feature(name=f.name, enabled=f.enabled, meaning=f.meaning) for f in script.features),
        matched_keys=script.matched_keys,
        allowed_in_protected_mode=script.allowed_in_protected_mode,
        blocked=tuple(
            BlockedKeys(
                event=b.event,
                custom_data=b.custom_data,
                address=b.address,
                hashed=b.hashed,
                found=tuple(name for digest in b.hashed if (name := name_of_hash(digest))),
            )
            for b in script.blocked
        ),
        rules=tuple(ToolRule(kind=rule.kind, id=rule.id, text=rule.text) for rule in script.rules),
        gateways=script.gateways,
        not_read=script.not_read,
    )


def _observed(pixel: str, events: Sequence[Event]) -> Observed:
    own = [event for event in events if event.pixel_id == pixel]
    matched = {
        item.kind
        for event in own
        for item in event.identifiers
        if item.source in HASHED_FIELDS and item.form != "empty"
    }
    return Observed(
        events=len(own),
        automatic_events=sum(event.trigger == "automatic" for event in own),
        event_setup_tool_events=sum(event.trigger == "event_setup_tool" for event in own),
        matched_keys=tuple(sorted(matched)),
        page_texts=any(p.name.startswith(_PAGE_TEXTS) for event in own for p in event.parameters),
        gateway_copies=sum(hit.transport == "gateway" for event in own for hit in event.hits),
        protected_mode=any(p.name == "pm" and p.value == "1" for event in own for p in event.parameters),
        events_naming_rules=sum(any(p.name in {"cas", "ccs"} and p.value for p in event.parameters) for event in own),
        filtered_events=sum(
            any(note.parameter not in _WHOLE_REQUEST for note in filtering(event.hits[0]).notes) for event in own
        ),
    )
