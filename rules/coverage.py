"""How much of somebody's own vocabulary the rules meet."""

import csv
from collections.abc import Sequence
from pathlib import Path

from rules.engine import Matcher
from rules.model import Field, FieldName, RuleKind

MAX_FILE = 50_000_000
PROVIDER = Field(name=FieldName.PAGE_HOST, parameter="host", text="hospital.example")
"""A host that says no more than that somebody provides care there."""


class VocabularyError(ValueError):
    """A vocabulary that cannot be read; the message names the file and what to do."""


def entries(path: Path, column: str | None = None) -> list[str]:
    """Return the entries of the vocabulary at `path`, each once, in order.

    A `.csv` or `.tsv` file is a table with a head; `column` names its column, the first one if not given.
    Any other file has one entry a line. Raises VocabularyError.
    """
    try:
        if path.stat().st_size > MAX_FILE:
            raise VocabularyError(f"{path} is larger than any vocabulary")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise VocabularyError(f"{path} cannot be read: {error}") from None
    lines = text.splitlines()
    separators = {".csv": ",", ".tsv": "\t"}
    if path.suffix.lower() in separators:
        lines = _column(path, lines, column, separators[path.suffix.lower()])
    elif column is not None:
        raise VocabularyError(f"{path} is no .csv or .tsv table, so it has no column “{column}”")
    return list(dict.fromkeys(line.strip() for line in lines if line.strip()))


def _column(path: Path, lines: Sequence[str], column: str | None, separator: str) -> list[str]:
    table = csv.DictReader(lines, delimiter=separator)
    names = list(table.fieldnames or ())
    if not names:
        raise VocabularyError(f"{path} is an empty table")
    chosen = column or names[0]
    if chosen not in names:
        raise VocabularyError(f"{path} has no column “{chosen}”; it has: {', '.join(names)}")
    return [row[chosen] or "" for row in table]


def covered(entry: str, matcher: Matcher, *, on_provider: bool = False) -> bool:
    """Tell whether a topic or an action counts where `entry` is a page's title.

    With `on_provider` the page stands on a care provider's site, which lets ambiguous terms count.
    """
    fields = [Field(name=FieldName.PAGE_TITLE, parameter="entry", text=entry)]
    if on_provider:
        fields.append(PROVIDER)
    found = matcher.evaluate(fields).findings
    return any(finding.kind in {RuleKind.TOPIC, RuleKind.ACTION} for finding in found)
