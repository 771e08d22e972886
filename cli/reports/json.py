"""The report as one JSON object: the contract of `cli.schema`, every value in full.

Characters that could act on a terminal or reorder text are written as JSON escapes; the object is the same.
"""

import json
import re

from pydantic import BaseModel

from cli.schema import Report

_ACTIVE = re.compile(
    "[\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff\ud800-\udfff]"
)


def _escaped(match: re.Match[str]) -> str:
    """Return one character as a JSON escape."""
    return json.dumps(match.group())[1:-1]


def printed(content: object) -> str:
    """Return what a JSON text can hold as an indented one that is safe to print, ending with a newline."""
    return _ACTIVE.sub(_escaped, json.dumps(content, ensure_ascii=False, indent=2)) + "\n"


def dump(model: BaseModel) -> str:
    """Return a model as indented JSON that is safe to print, ending with a newline."""
    return printed(model.model_dump(mode="json", by_alias=True))


def render(report: Report, _verbosity: int = 0) -> str:
    """Return the report as indented JSON, ending with a newline."""
    return dump(report)
