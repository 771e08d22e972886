"""The report as one JSON object: the contract of `cli.schema`, every value in full.

Characters that could act on a terminal or reorder text are written as JSON escapes; the object is the same.
"""

import json
import re
from collections.abc import Iterable, Iterator

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError, to_json

from cli.schema import Report

_ACTIVE = re.compile(
    "[\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff\ud800-\udfff]"
)
_PLAIN = bytes(range(0x7F))


def _escaped(match: re.Match[str]) -> str:
    """Return one character as a JSON escape."""
    return json.dumps(match.group())[1:-1]


def safe(text: str) -> str:
    """Return a JSON text with its active characters as escapes."""
    beyond = text.encode("utf-8", "surrogatepass").translate(None, _PLAIN)  # what is left is little, and soon searched
    return _ACTIVE.sub(_escaped, text) if _ACTIVE.search(beyond.decode("utf-8", "surrogatepass")) else text


def printed(content: object) -> str:
    """Return what a JSON text can hold as an indented one that is safe to print, ending with a newline."""
    return safe(json.dumps(content, ensure_ascii=False, indent=2)) + "\n"


def dump(model: BaseModel) -> str:
    """Return a model as indented JSON that is safe to print, ending with a newline."""
    return printed(model.model_dump(mode="json", by_alias=True))


def pieces(report: Report, _verbosity: int = 0) -> Iterator[str]:
    """Yield what `dump` returns of a report, every item of its lists by itself."""
    before = "{\n"
    for name, field in type(report).model_fields.items():
        value = getattr(report, name)
        yield f'{before}  "{field.alias or name}": '
        if isinstance(value, tuple):
            yield from _listed(value)
        else:
            yield _indented(value, 2)
        before = ",\n"
    yield "\n}\n"


def _listed(items: Iterable[object]) -> Iterator[str]:
    before = "[\n    "
    for item in items:
        yield before
        yield _indented(item, 4)
        before = ",\n    "
    yield "[]" if before.startswith("[") else "\n  ]"


def _indented(value: object, depth: int) -> str:
    """Return a value as JSON, its lines but the first set in by `depth`."""
    try:
        if isinstance(value, BaseModel):
            text = value.model_dump_json(by_alias=True, indent=2)
        else:
            text = to_json(value, indent=2).decode()
    except PydanticSerializationError:  # half of a surrogate pair: it has an escape, and no encoding
        content = value.model_dump(mode="json", by_alias=True) if isinstance(value, BaseModel) else value
        text = json.dumps(content, ensure_ascii=False, indent=2)
    return safe(text).replace("\n", "\n" + " " * depth)  # within strings breaks are escapes
