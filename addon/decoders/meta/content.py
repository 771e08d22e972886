"""What of a hit can say something about health: its texts, each as a field the rules know.

Which parameter holds which kind of text: the wire format reference, sections 2.1 to 2.4.
"""

from collections.abc import Callable, Iterable, Iterator

from addon.decoders.meta.events import event_kind
from addon.decoders.meta.identity import USER_DATA_KEYS
from addon.decoders.meta.jsontext import JsonString, json_strings
from addon.decoders.meta.wire import percent_decode
from addon.model import Hit, Param
from addon.redaction import EMAIL
from rules.address import parts
from rules.model import Field, FieldName

MAX_TEXT = 200_000
"""Longest text, in code points, that is handed to the rules; structured data is cut at 120,000 by the client."""

_ADDRESSES: dict[str, FieldName] = {
    "dl": FieldName.PAGE_URL,
    "pl": FieldName.PAGE_URL,
    "rl": FieldName.REFERRER_URL,
    "website_context.location": FieldName.PAGE_URL,
    "event_source_url": FieldName.PAGE_URL,
    "website_context.referrer": FieldName.REFERRER_URL,
}
_TEXTS: dict[str, FieldName] = {
    "pmd[title]": FieldName.PAGE_TITLE,
    "pmd[description]": FieldName.PAGE_DESCRIPTION,
    "pmd[keywords]": FieldName.PAGE_KEYWORDS,
    "cd[buttonText]": FieldName.BUTTON_TEXT,
    "cd[search_string]": FieldName.SEARCH_TERM,
    "fb.search_string": FieldName.SEARCH_TERM,
    "custom_data.search_string": FieldName.SEARCH_TERM,
    "lspk": FieldName.SEARCH_TERM,
}
_STRUCTURED = ("cd[Meta]", "cd[OpenGraph]", "cd[JSON-LD]", "cd[Schema.org]", "cd[DataLayer]")
_TECHNICAL = frozenset(
    {
        "cd[value]", "cd[currency]", "cd[num_items]", "cd[predicted_ltv]", "cd[order_id]", "cd[_filteredParams]",
        "custom_data.value", "custom_data.currency", "custom_data.num_items", "custom_data.order_id",
        "conversion_value.value", "conversion_value.currency", "custom_events._eventName", "custom_events._logTime",
        "custom_events._implicitlyLogged", "custom_events._session_id", "custom_events._valueToSum",
        "custom_events.event_name", "custom_events.event_time", "custom_events.action_source",
    }
)  # fmt: skip
_GATEWAY_CONTENT = ("custom_data.", "fb.dynamic_product_ads.", "automatic_parameters.", "custom_events.")
_BUTTON_KEYS: dict[str, FieldName] = {
    "innerText": FieldName.BUTTON_TEXT,
    "value": FieldName.BUTTON_TEXT,
    "destination": FieldName.DESTINATION_URL,
    "id": FieldName.BUTTON_ATTRIBUTE,
    "name": FieldName.BUTTON_ATTRIBUTE,
    "imageUrl": FieldName.BUTTON_ATTRIBUTE,
}  # a CSS class (`v-btn--depressed`) says nothing of the visitor
_TITLE_KEYS = frozenset({"title", "og:title", "twitter:title", "headline"})
_DESCRIPTION_KEYS = frozenset({"description", "og:description", "twitter:description"})
_KEYWORD_KEYS = frozenset({"keywords", "news_keywords", "article:tag"})
_UNTOLD_KEYS = frozenset({"@context", "@type", "@id", "rid", "url", "image", "logo", "sameAs", "currency"})
_PERSONAL_KINDS = frozenset(
    {"em", "ph", "fn", "ln", "name", "db", "ip", "external_id", "nhs_number", "zp", "fbp", "fbc"}
)


def fields(hits: Iterable[Hit]) -> tuple[Field, ...]:
    """Return the texts of an event's hits, each text of a kind once."""
    found: dict[tuple[FieldName, str, str], Field] = {}
    seen_texts: set[tuple[FieldName, str]] = set()
    for number, hit in enumerate(hits):
        for field in _hit_fields(hit):
            if number and (field.name, field.text) in seen_texts:
                continue  # another request of the same event repeats what the first one says
            found.setdefault((field.name, field.parameter, field.text), field)
        seen_texts = {(field.name, field.text) for field in found.values()}
    return tuple(found.values())


def search_term(page_url: str | None) -> str | None:
    """Return what the visitor searched for, as far as the page's address says it."""
    if not page_url:
        return None
    found = parts(FieldName.PAGE_URL, page_url[:MAX_TEXT])
    term = next((page_url[part.start : part.end] for part in found if part.name == FieldName.SEARCH_TERM), None)
    return percent_decode(term) if term else None


def _hit_fields(hit: Hit) -> Iterator[Field]:
    has_page = any(param.name in {"dl", "website_context.location"} and param.value for param in hit.parameters)
    for param in hit.parameters:
        if not param.value.strip():
            continue
        if param.name == "Referer" and param.context == "header":
            if not has_page:
                yield Field(name=FieldName.PAGE_URL, parameter="Referer", text=param.value[:MAX_TEXT])
        elif param.name in {"ev", "event_name"}:
            if event_kind(param.value) == "custom":
                yield Field(name=FieldName.EVENT_NAME, parameter=param.name, text=param.value[:MAX_TEXT])
        elif param.context != "header":
            yield from _parameter_fields(param)


def _parameter_fields(param: Param) -> Iterator[Field]:
    name, value = param.name, param.value[:MAX_TEXT]
    if name in _ADDRESSES:
        yield Field(name=_ADDRESSES[name], parameter=name, text=value)
    elif name in _TEXTS:
        yield Field(name=_TEXTS[name], parameter=name, text=value)
    elif name == "cd[buttonFeatures]":
        yield from _json_fields(name, value, _button_field)
    elif name == "cd[pageFeatures]":
        yield from _json_fields(name, value, _page_field)
    elif name == "cd[formFeatures]":
        yield from _json_fields(name, value, _form_field)
    elif name in _STRUCTURED or name.startswith(("par[", "mft[", "pmd[contents", "ap[")):
        yield from _json_fields(name, value, _structured_field)
    elif name == "ss" or name.startswith(("sssd[", "smart_setup.")):
        yield from _json_fields(name, value, _scraped_field)
    elif name.startswith(("cd[", *_GATEWAY_CONTENT)) and name not in _TECHNICAL and not _is_personal(name, value):
        yield from _json_fields(name, value, _content_field)


def _is_personal(name: str, value: str) -> bool:
    """Tell whether a custom value is a contact detail: it identifies, it does not tell of health."""
    key = name.rpartition("[")[2].rstrip("]") if "[" in name else name.rpartition(".")[2]
    return USER_DATA_KEYS.get(key.lower()) in _PERSONAL_KINDS or bool(EMAIL.fullmatch(value))


def _json_fields(parameter: str, value: str, choose: Callable[[JsonString], FieldName | None]) -> Iterator[Field]:
    """Yield the strings of a JSON value; a value that is no JSON is one text."""
    produced = False
    if value.lstrip()[:1] in {"{", "["}:
        for leaf in json_strings(value):
            produced = True
            name = choose(leaf)
            if name is not None and leaf.text.strip():
                yield Field(
                    name=name, parameter=parameter, text=leaf.text, offset=leaf.offset, positions=leaf.positions
                )
    if not produced and value.strip("[]{} "):
        whole = choose(JsonString((), value, 0, None))
        if whole is not None:
            yield Field(name=whole, parameter=parameter, text=value)


def _last_key(leaf: JsonString) -> str:
    return next((part for part in reversed(leaf.path) if isinstance(part, str)), "")


def _button_field(leaf: JsonString) -> FieldName | None:
    return _BUTTON_KEYS.get(_last_key(leaf)) if leaf.path else FieldName.BUTTON_TEXT


def _page_field(leaf: JsonString) -> FieldName | None:
    return FieldName.PAGE_TITLE if _last_key(leaf) in {"title", ""} else None


def _form_field(leaf: JsonString) -> FieldName | None:
    return FieldName.FORM_FIELD if _last_key(leaf) in {"id", "name", "placeholder", ""} else None


def _structured_field(leaf: JsonString) -> FieldName | None:
    key = _last_key(leaf)
    if key in _UNTOLD_KEYS or leaf.text.startswith(("http://", "https://", "//")):
        return None
    if key in _TITLE_KEYS and len(leaf.path) <= 1:
        return FieldName.PAGE_TITLE
    if key in _DESCRIPTION_KEYS and len(leaf.path) <= 1:
        return FieldName.PAGE_DESCRIPTION
    if key in _KEYWORD_KEYS and len(leaf.path) <= 2:
        return FieldName.PAGE_KEYWORDS
    return FieldName.PAGE_STRUCTURED


def _scraped_field(leaf: JsonString) -> FieldName | None:
    return None if _last_key(leaf) == "rid" else FieldName.PAGE_DESCRIPTION


def _content_field(leaf: JsonString) -> FieldName | None:
    if leaf.text.startswith(("http://", "https://")):
        return FieldName.DESTINATION_URL
    return FieldName.CONTENT
