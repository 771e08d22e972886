import pytest

from rules.table import MissingColumnError, score_row, score_table


def test_rows_keep_their_columns(matcher):
    rows = [
        {"url": "https://trust.nhs.uk/hiv", "title_or_button": "Book an appointment", "label": "x"},
        {"url": "https://x.example/", "title_or_button": "", "label": "y"},
    ]
    assert list(score_table(rows, matcher)) == [
        {
            **rows[0],
            "score": "100",
            "band": "critical",
            "tier": "special_risk",
            "categories": "hiv;appointment",
        },
        {**rows[1], "score": "0", "band": "none", "tier": "none", "categories": ""},
    ]


def test_the_better_of_title_and_button(matcher):
    url = "https://x.example/hiv"
    assert score_row(url, "Vacancy", matcher).score == 70
    assert score_row(url, "Vacancy", matcher).suppressed_by == ("en/careers/careers",)


def test_a_missing_column(matcher):
    with pytest.raises(MissingColumnError, match="title_or_button"):
        list(score_table([{"url": "x"}], matcher))
