"""How a pixel was set up: Meta's own per-pixel script, `connect.facebook.net/signals/config/<pixel id>`.

The script is a list of calls (`config.set(id, key, {…})`, `instance.optIn(id, feature, true)`,
`fbq.set("estRules", id, […])`) whose arguments are JSON. It is read as text and never run. What it declares
is kept apart from what was observed. Source: Meta's published scripts, builds of 2019 to 2026; the wire
format reference, sections 1.2, 3.3 and 7.
"""

import hashlib
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from addon.decoders.meta.endpoints import split_address
from addon.decoders.meta.wire import query_parameters
from addon.model import Frozen

MAX_SCRIPT = 3_000_000
"""Longest script, in characters, that is read; the longest seen have half a million."""

MAX_CALLS = 3_000
MAX_RULES = 500
MAX_DEPTH = 8
"""How deep conditions inside conditions are told."""

FEATURES: dict[str, str] = {
    "AutomaticMatching": "automatic advanced matching: contact details are read from form fields",
    "AutomaticMatchingForPartnerIntegrations": "automatic advanced matching by way of partner integrations",
    "InferredEvents": "clicks on buttons are reported without any code of the site",
    "Microdata": "title, description and structured data of the page are sent",
    "PageMetadata": "the page's title, description and keywords are sent",
    "MicrodataFieldTransmission": "structured data of the page is sent",
    "AutomaticParameters": "product facts found on the page are sent",
    "SmartSetup": "texts found on the page by rules of Meta are sent",
    "FirstPartyCookies": "the cookies _fbp and _fbc are set on the site",
    "OpenBridge": "every event is also sent to a gateway of the advertiser's choice",
    "ImagePixelOpenBridge": "image pixels are also sent to a gateway",
    "ESTRuleEngine": "rules of the Event Setup Tool turn clicks and pages into further events",
    "CCRuleEvaluator": "rules for audiences and conversions are evaluated in the browser",
    "UnwantedData": "values of listed keys are removed before sending",
    "UnwantedParams": "listed keys are removed before sending",
    "StandardParamChecks": "values that do not fit their key are removed",
    "EventValidation": "events with listed names are not sent",
    "UnwantedEvents": "listed events are not sent",
    "UnwantedEventNames": "events with listed names are not sent",
    "ProtectedDataMode": "protected-data mode (“core setup”): page addresses are cut and custom data is restricted",
    "VVPClientSide": "video-privacy mode",
    "ProhibitedSources": "on listed sites nothing is sent",
    "ProhibitedPixels": "listed pixels send nothing",
    "PrivacySandbox": "a copy of each event goes to Chrome's attribution endpoint",
    "TopicsAPI": "Chrome's interest topics are asked for",
    "ScrollDepth": "how far the visitor scrolled is measured",
    "Timespent": "how long the visitor stayed is measured",
    "EngagementData": "engagement with the page is measured",
    "IWLBootstrapper": "the Event Setup Tool can be opened on the site",
    "IWLParameters": "values that the Event Setup Tool points at are read from the page",
    "LastExternalReferrer": "the class of the last outside referrer is sent",
    "ParallelFire": "events are also sent for a second pixel",
    "WebChat": "contact by web chat is measured",
    "BotBlocking": "visits that look automated are blocked",
}
"""Features that a script can switch on, in plain words; others are shown by name."""

_CALLS = ("config.set(", "instance.optIn(", "instance.optOut(", "fbq.set(")
_DECODER = json.JSONDecoder()


class Feature(Frozen):
    """A switch in the script; `meaning` is None where it is not documented."""

    name: str
    enabled: bool
    meaning: str | None


class BlockedKeys(Frozen):
    """Keys whose values the client removes from one event; `hashed` are SHA-256 of names."""

    event: str
    custom_data: tuple[str, ...]
    address: tuple[str, ...]
    hashed: tuple[str, ...]


class ToolRule(Frozen):
    """A rule of the Event Setup Tool, or of an audience or conversion, in words."""

    kind: str
    id: str
    text: str


class PixelConfiguration(Frozen):
    """What one script declares. `sha256` is of its text as received."""

    pixel_id: str
    sha256: str
    library_version: str | None
    domain: str | None
    features: tuple[Feature, ...]
    matched_keys: tuple[str, ...]
    allowed_in_protected_mode: tuple[str, ...]
    blocked: tuple[BlockedKeys, ...]
    rules: tuple[ToolRule, ...]
    gateways: tuple[str, ...]
    not_read: int

    def enabled(self, name: str) -> bool:
        """Tell whether the script switches the feature of this name on."""
        return any(feature.name == name and feature.enabled for feature in self.features)


class _Call(NamedTuple):
    function: str
    arguments: list[Any]


def configuration_pixel(url: str) -> str | None:
    """Return the pixel id in the address of a configuration script, or None."""
    parts = split_address(url).path.strip("/").split("/")
    return parts[2] if len(parts) == 3 and parts[:2] == ["signals", "config"] and parts[2].isdigit() else None


def read_configuration(url: str, body: bytes) -> PixelConfiguration | None:
    """Return what the script fetched from `url` declares, or None where it declares nothing of that pixel."""
    pixel = configuration_pixel(url)
    if pixel is None or not body:
        return None
    text = body[:MAX_SCRIPT].decode("utf-8", "replace")
    features: dict[str, bool] = {}
    settings: dict[str, Any] = {}
    tool_rules: list[Any] = []
    not_read = 0
    for call in _calls(text):
        if call is None:
            not_read += 1
            continue
        function, arguments = call
        if function.startswith("instance.opt") and len(arguments) >= 2 and str(arguments[0]) == pixel:
            features[str(arguments[1])] = function == "instance.optIn("
        elif function == "config.set(" and len(arguments) >= 3 and str(arguments[0]) in {pixel, "None"}:
            settings[str(arguments[1])] = arguments[2]
        elif function == "fbq.set(" and len(arguments) >= 3 and arguments[0] == "estRules":
            tool_rules = arguments[2] if isinstance(arguments[2], list) else []
    if not features and not settings:
        return None
    values = {param.name: param.value for param in query_parameters(url)}
    return PixelConfiguration(
        pixel_id=pixel,
        sha256=hashlib.sha256(body).hexdigest(),
        library_version=values.get("v"),
        domain=values.get("domain"),
        features=tuple(Feature(name=n, enabled=on, meaning=FEATURES.get(n)) for n, on in sorted(features.items())),
        matched_keys=_texts(_member(settings.get("automaticMatching"), "selectedMatchKeys")),
        allowed_in_protected_mode=_texts(_member(settings.get("protectedDataMode"), "standardParams")),
        blocked=tuple(_blocked(settings.get("unwantedData"))),
        rules=(*_tool_rules(tool_rules), *_audience_rules(settings.get("ccRuleEvaluator"))),
        gateways=tuple(dict.fromkeys(_gateways(settings.get("openbridge")))),
        not_read=not_read,
    )


def _calls(text: str) -> Iterator[_Call | None]:
    """Yield the calls of the script in order; None for one whose arguments are no JSON."""
    found = 0
    position = 0
    while found < MAX_CALLS:
        starts = [(at, name) for name in _CALLS if (at := text.find(name, position)) >= 0]
        if not starts:
            return
        start, name = min(starts)
        position = start + len(name)
        arguments, position = _arguments(text, position)
        found += 1
        yield None if arguments is None else _Call(name, arguments)


def _arguments(text: str, position: int) -> tuple[list[Any] | None, int]:
    """Return the JSON arguments from `position` to the closing parenthesis, and where reading stopped."""
    arguments: list[Any] = []
    while position < len(text):
        while text[position : position + 1] in {" ", "\n", "\r", "\t", ","}:
            position += 1
        if text[position : position + 1] == ")":
            return arguments, position + 1
        try:
            value, position = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError):
            return None, position
        arguments.append(value)
    return None, position


def _member(document: Any, key: str) -> Any:
    return document.get(key) if isinstance(document, dict) else None


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, dict):
        return tuple(sorted(str(key) for key, on in value.items() if on))
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def _blocked(document: Any) -> Iterator[BlockedKeys]:
    plain, hashed = _member(document, "blacklisted_keys"), _member(document, "sensitive_keys")
    plain = plain if isinstance(plain, dict) else {}
    hashed = hashed if isinstance(hashed, dict) else {}
    for event in sorted({*plain, *hashed}):
        listed, secret = plain.get(event), hashed.get(event)
        keys = BlockedKeys(
            event=event,
            custom_data=_texts(_member(listed, "cd")),
            address=_texts(_member(listed, "url")),
            hashed=(*_texts(_member(secret, "cd")), *_texts(_member(secret, "url"))),
        )
        if keys.custom_data or keys.address or keys.hashed:
            yield keys


def _gateways(document: Any) -> Iterator[str]:
    """Yield every address of an endpoint in the gateway settings, wherever it stands in them."""
    pending = [document]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            pending.extend(node.values())
        elif isinstance(node, list):
            pending.extend(node)
        elif isinstance(node, str) and node.startswith("https://"):
            yield node


def _tool_rules(rules: list[Any]) -> Iterator[ToolRule]:
    for rule in rules[:MAX_RULES]:
        if isinstance(rule, dict):
            event = str(rule.get("derived_event_name") or "an event")
            state = "" if rule.get("rule_status") in ("ACTIVE", None) else f" (status {rule['rule_status']})"
            yield ToolRule(
                kind="event_setup_tool",
                id=str(rule.get("rule_id") or ""),
                text=f"where {_condition(rule.get('condition'))[:1000]}, {event[:200]} is sent{state[:200]}",
            )


def _condition(condition: Any, depth: int = 0) -> str:
    parts = _member(condition, "conditions")
    if not isinstance(parts, list) or not parts or depth > MAX_DEPTH:
        return "a condition holds that is not read here"
    words = [_simple_condition(part, depth) for part in parts[:20]]
    joint = " and " if _member(condition, "type") in (1, None) else " or "
    return joint.join(words)


def _simple_condition(part: Any, depth: int) -> str:
    if isinstance(_member(part, "conditions"), list):
        return f"({_condition(part, depth + 1)})"
    value = str(_member(part, "value") or "")[:200]
    if _member(part, "extractor") == 2 and _member(part, "operator") == 2:
        return f"the text of the clicked button is “{value}”"
    return (
        f"“{value}” fits (target {_member(part, 'targetType')}, extractor {_member(part, 'extractor')}, "
        f"operator {_member(part, 'operator')})"
    )


def _audience_rules(document: Any) -> Iterator[ToolRule]:
    for key, kind in (("ccRules", "conversion"), ("wcaRules", "audience")):
        listed = _member(document, key)
        for rule in listed[:MAX_RULES] if isinstance(listed, list) else ():
            if isinstance(rule, dict):
                yield ToolRule(kind=kind, id=str(rule.get("id") or ""), text=_expression(rule.get("rule"), 0)[:1000])


_OPERATORS = {
    "eq": "is",
    "neq": "is not",
    "i_contains": "contains",
    "i_not_contains": "does not contain",
    "gt": "is over",
    "gte": "is at least",
    "lt": "is under",
    "lte": "is at most",
    "regex_match": "fits the pattern",
}


def _expression(node: Any, depth: int) -> str:
    """Return a rule (`{"and":[{"url":{"i_contains":"…"}}]}`) in words."""
    if not isinstance(node, dict) or depth > MAX_DEPTH:
        return "a condition that is not read here"
    parts = []
    for key, value in list(node.items())[:50]:
        if key in {"and", "or"} and isinstance(value, list):
            inner = [_expression(item, depth + 1) for item in value[:50]]
            joined = f" {key} ".join(inner)
            parts.append(joined if len(inner) < 2 or depth == 0 else f"({joined})")
        elif isinstance(value, dict):
            names = {"event": "the event", "url": "the page's address"}
            subject = names.get(key, f"“{key}”")
            parts += [
                f"{subject} {_OPERATORS.get(op, op)} “{str(what)[:200]}”" for op, what in list(value.items())[:10]
            ]
        else:
            parts.append(f"“{key}” is “{str(value)[:200]}”")
    return " and ".join(parts) or "always"
