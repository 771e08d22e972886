"""What of a hit can say something about health: its texts, each as a field the rules know.

Which parameter holds which kind of text: the wire format reference, sections 2.1 to 2.4.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from addon.decoders.meta.events import event_kind
from addon.decoders.meta.identity import USER_DATA_KEYS
from addon.decoders.meta.jsontext import JsonString, json_strings
from addon.model import Hit
from addon.percent import percent_decode
from addon.redaction import EMAIL
from rules.address import parts
from rules.memory import Memory
from rules.model import Field, FieldName

MAX_TEXT = 200_000
"""Longest text, in code points, that is handed to the rules; structured data is cut at 120,000 by the client."""

MAX_KNOWN_NAME = 64
MAX_KNOWN_NAMES = 4_096
"""How many names, up to which length, it is kept of how they are read: the same ones come again and again."""

MAX_KNOWN_VALUE = 20_000
"""What was found in values up to this length is kept: events of one page repeat them."""

_EVENT_NAMES = frozenset({"ev", "event_name"})
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
    found: dict[tuple[object, ...], Field] = {}
    seen_texts: set[tuple[FieldName, str]] = set()
    for number, hit in enumerate(hits):
        if number:  # another request of the same event repeats what the first one says
            seen_texts = {(field.name, field.text) for field in found.values()}
        for field in _hit_fields(hit):
            if not number or (field.name, field.text) not in seen_texts:
                found.setdefault(field[:3], field)
    return tuple(found.values())


def search_term(page_url: str | None) -> str | None:
    """Return what the visitor searched for, as far as the page's address says it."""
    if not page_url:
        return None
    for part in parts(FieldName.PAGE_URL, page_url[:MAX_TEXT]):
        if part.name is FieldName.SEARCH_TERM:
            term = page_url[part.start : part.end]
            return percent_decode(term) if term else None
    return None


def _hit_fields(hit: Hit) -> list[Field]:
    found: list[Field] = []
    readers = _READERS
    # by number, which is faster than by name: most parameters say nothing
    telling = [param for param in hit.parameters if param[3] == "header" or readers[param[0]] is not None]
    for name, value, _, context in telling:
        if context == "header":
            if name == "Referer" and not _names_page(hit) and value.strip():
                found.append(Field(FieldName.PAGE_URL, "Referer", value[:MAX_TEXT]))
            continue
        read = readers[name]
        if read is not None and value and not value.isspace():
            found += read(name, value[:MAX_TEXT])
    return found


def _names_page(hit: Hit) -> bool:
    return any(name in {"dl", "website_context.location"} and value for name, value, _, _ in hit.parameters)


_Reader = Callable[[str, str], Iterable[Field]]


def _reader(name: str) -> _Reader | None:
    """Return what reads the texts of a parameter of this name, or None where no rule is concerned with it."""
    if name in _EVENT_NAMES:
        return _event_name
    if name in _ADDRESSES or name in _TEXTS:
        return partial(_text, _ADDRESSES.get(name) or _TEXTS[name])
    if name in _CHOICES:
        return partial(_json_fields, _CHOICES[name])
    if name in _STRUCTURED or name.startswith(("par[", "mft[", "pmd[contents", "ap[")):
        return partial(_json_fields, _structured_field)
    if name == "ss" or name.startswith(("sssd[", "smart_setup.")):
        return partial(_json_fields, _scraped_field)
    if name.startswith(("cd[", *_GATEWAY_CONTENT)) and name not in _TECHNICAL:
        key = name.rpartition("[")[2].rstrip("]") if "[" in name else name.rpartition(".")[2]
        return None if USER_DATA_KEYS.get(key.lower()) in _PERSONAL_KINDS else _custom
    return None


class _Readers(dict[str, _Reader | None]):
    """What reads a parameter, by its name; names that were met are kept."""

    def __missing__(self, name: str) -> _Reader | None:
        read = _reader(name)
        if len(name) <= MAX_KNOWN_NAME:
            if len(self) >= MAX_KNOWN_NAMES:
                self.clear()
            self[name] = read
        return read


_READERS = _Readers()


def _event_name(name: str, value: str) -> Iterable[Field]:
    return (Field(FieldName.EVENT_NAME, name, value),) if event_kind(value) == "custom" else ()


def _text(kind: FieldName, name: str, value: str) -> Iterable[Field]:
    return (_new(Field, (kind, name, value, 0, None)),)


def _custom(name: str, value: str) -> Iterable[Field]:
    """Return the texts of a custom value; a contact detail identifies, it does not tell of health."""
    if ("@" in value or "%" in value) and EMAIL.fullmatch(value):
        return ()
    return _json_fields(_content_field, name, value)


type _JsonText = tuple[_Choice, str, str]


def _json_fields(choose: "_Choice", parameter: str, value: str) -> tuple[Field, ...]:
    """Return the strings of a JSON value; a value that is no JSON is one text."""
    known = len(value) <= MAX_KNOWN_VALUE and len(parameter) <= MAX_KNOWN_NAME
    return (_known_fields if known else _found_fields)((choose, parameter, value))


def _found_fields(given: _JsonText) -> tuple[Field, ...]:
    return tuple(_in_json(*given))


def _size(given: _JsonText, found: tuple[Field, ...]) -> int:
    escaped = sum([len(field.positions) for field in found if field.positions])
    return 300 + 8 * len(given[2]) + 150 * len(found) + 8 * escaped


_known_fields = Memory(_found_fields, _size)


def _in_json(choose: "_Choice", parameter: str, value: str) -> Iterator[Field]:
    produced = False
    if value.lstrip()[:1] in {"{", "["}:
        for leaf in json_strings(value):
            produced = True
            name = choose(leaf)
            if name is not None and leaf.text.strip():
                yield _new(Field, (name, parameter, leaf.text, leaf.offset, leaf.positions))
    if not produced and value.strip("[]{} "):
        whole = choose(JsonString((), value, 0, None))
        if whole is not None:
            yield Field(whole, parameter, value)


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


_new = tuple.__new__  # a named tuple's own constructor is written in Python
_Choice = Callable[[JsonString], FieldName | None]
_CHOICES: dict[str, _Choice] = {
    "cd[buttonFeatures]": _button_field,
    "cd[pageFeatures]": _page_field,
    "cd[formFeatures]": _form_field,
}
