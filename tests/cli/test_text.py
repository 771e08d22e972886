"""The report for a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli import wording
from cli.reports import FORMATS, text
from cli.schema import Report
from cli.terminal import columns, printable


@pytest.mark.parametrize("verbosity", [0, 1, 2])
def test_golden(report: Report, golden, verbosity: int) -> None:
    golden(f"report-{verbosity}.txt", FORMATS["text"].render(report, verbosity))


@pytest.mark.parametrize("width", [40, 60, 88, 140])
def test_lines_keep_to_the_width(report: Report, width: int) -> None:
    lines = text.render(report, 2, width=width).splitlines()
    assert max(columns(line) for line in lines) <= width


def test_nothing_acts_on_the_terminal(report: Report) -> None:
    for line in text.render(report, 2).split("\n"):
        assert printable(line) == line


def test_verbosity_adds_requests_then_parameters(report: Report) -> None:
    brief, requests, everything = (text.render(report, level) for level in (0, 1, 2))
    assert "Request:" not in brief
    assert "Request:" in requests
    assert "Ledger:" in requests
    assert "Parameter:" not in requests
    assert "Parameter:" in everything


def test_opens_with_the_headline(report: Report) -> None:
    opening = text.render(report).splitlines()[2]
    assert opening.startswith("On 2 page views, 3 clicks, 1 search and 1 form, pages of 4 sites")


def test_reconstruction_and_reveal_are_loud(reconstruction: Report, revealed: Report) -> None:
    flat = " ".join(text.render(reconstruction).replace("!! ", "").split())
    assert flat.count(wording.RECONSTRUCTION) == 2
    assert "--reveal" in text.render(revealed)


def test_one_event(report: Report) -> None:
    shown = text.render_event(report.events[1])
    assert shown.startswith("◆ ev02c0ffee  PageView  critical 80")
    assert "Ledger:" in shown
    assert "Parameter:  dl" in shown
    assert "public address not stated" in shown


def test_an_empty_session(empty: Report) -> None:
    assert "No event to Meta was seen" in text.render(empty)


@given(value=st.text(max_size=60))
def test_any_text_stays_inert(report: Report, value: str) -> None:
    event = report.events[0].model_copy(
        update={"page_title": value, "clicked": value, "searched": value, "event_name": value, "site": value}
    )
    shown = text.render_event(event, width=60)
    assert all(printable(line) == line for line in shown.split("\n"))
    assert all(columns(line) <= 60 for line in shown.split("\n"))


def test_filters_setups_pages_and_notes_are_said(report: Report) -> None:
    brief, more = (" ".join(text.render(report, level).split()) for level in (0, 1))
    assert "Filtered: Protected-data mode: the client cut" in brief
    assert "Still left: the site's name; what was searched for; identifiers: em, fbp" in brief
    assert "Declared by its script - Events by Meta's code itself: switched on: InferredEvents" in brief
    assert "Observed in 2 events - Events by Meta's code itself: 0 of 2 events" in brief
    assert "key_11" not in brief
    assert "key_11" in more
    assert "1 pixel whose script is not in the capture (declared: not known)" in brief
    assert "INVESTIGATOR'S NOTES 14:05:35 R01, Example Trust: a patient handbook (A. Reporter)" in brief
    assert "- plain.example: 1 act, 1 event 17:10:00 R20, Plain" in brief
    assert "Listed here are pages on which no event was seen" in brief
    assert "Search results 3 events" in more


def test_one_event_names_its_origin(report: Report) -> None:
    derived = next(event for event in report.events if event.trigger == "event_setup_tool")
    assert f"derived from event {derived.derived_from}" in text.render_event(derived)
    assert f"derived from Search, 14:21:05, event {derived.derived_from}" in text.render_event(
        derived, others=report.events
    )


def test_statements_and_stories(report: Report, reconstruction: Report) -> None:
    brief, more = (" ".join(text.render(report, level).split()) for level in (0, 1))
    assert "Meta could infer that this browser's user ..." in brief
    assert "* ... took an interest in HIV and sexual health." in brief
    assert "1 act on example-trust.example: opened “HIV medication: a handbook for patients" in brief
    assert "IN ORDER" not in brief
    assert "IN ORDER (times in UTC)" in more
    assert "Consent" in more
    assert "Meta could infer that the user of a browser ..." in " ".join(text.render(reconstruction).split())
    many = report.model_copy(update={"inferences": report.inferences * 3})
    assert "with -v" in text.render(many)
    assert text.render(many, 1).count("took an interest in HIV and sexual health") == 3


def test_rules_are_named_by_their_title(report: Report) -> None:
    assert "Rule “HIV: treatment and prevention” (topics/hiv, version 2)" in " ".join(text.render(report, 1).split())
