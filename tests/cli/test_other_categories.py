"""What optional packs found: shown in every format, and nowhere part of what is said of health."""

import csv
import io
import re

import pytest

from cli import wording
from cli.reports import FORMATS
from cli.schema import Report
from cli.summary import summarise


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_is_said_without_packs(report: Report, form: str) -> None:
    shown = FORMATS[form].render(report, 2)
    assert wording.OTHER_TITLE not in shown
    assert "other_band" not in shown


def test_health_stays_as_it_was(report: Report, packed: Report) -> None:
    before, after = summarise(report), summarise(packed)
    assert before.totals == after.totals
    assert [site.totals for site in before.sites] == [site.totals for site in after.sites]
    assert report.inferences == packed.inferences


def test_acts_are_listed_by_site_from_band_low(packed: Report) -> None:
    (found,) = summarise(packed).others
    assert found.site == "example-trust.example"
    assert [(act.entry.number, act.score, act.band) for act in found.acts] == [
        (1, 70, "high"), (2, 45, "medium"), (5, 30, "low"),
    ]  # fmt: skip
    assert [(tally.key, tally.acts) for tally in found.categories] == [("religion", 3)]


@pytest.mark.parametrize("form", ["html", "markdown", "text"])
def test_a_section_of_its_own_and_the_events(packed: Report, form: str) -> None:
    shown = " ".join(re.sub(r"<[^>]*>", " ", FORMATS[form].render(packed, 2)).split())
    assert "Looked for: religion and vulnerable situations." in shown
    assert wording.OTHER in shown
    assert wording.OTHER_VULNERABLE in shown
    assert "3 acts: religion (3)" in shown.lower() or "3 acts: religion (3)" in shown
    assert "dismissed by a person" in shown
    assert "Worship" in shown
    assert shown.count(wording.OTHER_TITLE) >= 4


@pytest.mark.parametrize("form", ["html", "markdown", "text"])
def test_packs_that_found_nothing_are_named(report: Report, form: str) -> None:
    quiet = report.model_copy(update={"packs": ("politics",), "packs_digest": "sha256:00"})
    shown = " ".join(FORMATS[form].render(quiet, 0).split())
    assert "Looked for: politics." in shown
    assert wording.OTHER_NOTHING in shown
    assert wording.OTHER_VULNERABLE not in shown


def test_the_table_has_columns_of_its_own(report: Report, packed: Report) -> None:
    plain = list(csv.DictReader(io.StringIO(FORMATS["csv"].render(report, 0))))
    rows = list(csv.DictReader(io.StringIO(FORMATS["csv"].render(packed, 0))))
    assert list(rows[0])[: len(plain[0])] == list(plain[0])
    assert (rows[0]["other_band"], rows[0]["other_score"], rows[0]["other_categories"]) == ("high", "70", "religion")
    assert rows[0]["other_rules"] == "en/religion/worship@2"
    assert rows[0]["band"] == "none"
    assert rows[2]["other_score"] == ""
    assert {row["packs"] for row in rows} == {"religion | vulnerable_situations"}
