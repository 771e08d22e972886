"""Scores a table of addresses and titles, row by row, for `rules score --csv`."""

from collections.abc import Iterable, Iterator, Mapping

from rules.engine import Matcher
from rules.model import Assessment, Field, FieldName

INPUT_COLUMNS = ("url", "title_or_button")
OUTPUT_COLUMNS = ("score", "band", "tier", "categories")


class MissingColumnError(ValueError):
    """A table without a column that is needed."""


def score_row(url: str, title_or_button: str, matcher: Matcher) -> Assessment:
    """Assess an address with a text that is a title or a button's label: the higher score of the two.

    As a title where both are equal.
    """
    page = Field(name=FieldName.PAGE_URL, parameter="url", text=url)
    texts = [
        Field(name=name, parameter="title_or_button", text=title_or_button)
        for name in (FieldName.PAGE_TITLE, FieldName.BUTTON_TEXT)
    ]
    return max((matcher.evaluate([page, text]) for text in texts), key=lambda assessment: assessment.score)


def score_table(rows: Iterable[Mapping[str, str]], matcher: Matcher) -> Iterator[dict[str, str]]:
    """Yield every row with its columns and `score`, `band`, `tier` and `categories` (joined by `;`).

    Raises MissingColumnError at the first row without `url` or `title_or_button`.
    """
    for row in rows:
        missing = [column for column in INPUT_COLUMNS if column not in row]
        if missing:
            raise MissingColumnError(f"the table has no column {' and no column '.join(missing)}")
        assessment = score_row(row["url"] or "", row["title_or_button"] or "", matcher)
        categories = dict.fromkeys((*assessment.topics, *assessment.actions))
        yield {
            **row,
            "score": str(assessment.score),
            "band": assessment.band,
            "tier": assessment.tier,
            "categories": ";".join(categories),
        }
