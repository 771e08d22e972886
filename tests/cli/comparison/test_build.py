"""What is the same and what is not: pages matched, absences told only where the page was open."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.comparison.build import compare, page_key, phases_of
from cli.comparison.model import Comparison, PageRow
from cli.comparison.selection import PHASES, Selection
from cli.schema import Consent, Event, Page, Report

HANDBOOK = "www.example-trust.example/conditions/hiv-patient-handbook"


def named(report: Report, name: str, **changes: object) -> Report:
    session = report.session.model_copy(update={"id": name, "name": name})
    return report.model_copy(update={"session": session, **changes})


def both(first: Report, second: Report) -> Comparison:
    return compare([(Selection(first.session.id), first), (Selection(second.session.id), second)])


def row_of(comparison: Comparison, page: str | None) -> PageRow:
    return next(row for row in comparison.pages if row.page == page)


def without(report: Report, events: Sequence[Event]) -> Report:
    """Return the report without these events; its pages were opened all the same."""
    gone = {event.id for event in events}
    kept = tuple(event for event in report.events if event.id not in gone)
    acts = tuple(act for act in report.acts if not set(act.event_ids) <= gone)
    return named(report, "later", events=kept, acts=acts)


def on(report: Report, page: str) -> list[Event]:
    return [event for event in report.events if page_key(event.page_url) == page]


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://Clinic.Example/hiv/?a=1#top", "clinic.example/hiv"),
        ("http://clinic.example:80", "clinic.example/"),
        ("https://clinic.example:443/", "clinic.example/"),
        ("https://clinic.example:8443/", "clinic.example:8443/"),
        ("https://name:word@clinic.example/hiv", "clinic.example/hiv"),
        ("http://clinic.example:443/", "clinic.example:443/"),
        ("about:blank", None),
        ("http://[broken", None),
        ("", None),
        (None, None),
    ],
)
def test_pages_are_matched_by_host_and_path(url: str | None, key: str | None) -> None:
    assert page_key(url) == key


@given(st.text())
def test_no_address_is_too_strange_to_match(url: str) -> None:
    page_key(url)


def test_a_visit_is_the_same_as_itself(report: Report) -> None:
    found = both(report, named(report, "again"))
    differences = {change.difference for row in found.pages for change in row.changes}
    assert differences == {"same", "nothing"}
    assert found.totals[0].pages_in_both == sum(row.page is not None for row in found.pages)
    first, second = found.columns
    assert first.model_copy(update={"letter": "B", "session": "again", "label": "again"}) == second


def test_columns_count_each_event_and_act_once(report: Report) -> None:
    (column, _) = both(report, report).columns
    assert column.events == len(report.events)
    assert column.acts == len(report.acts)
    rows = both(report, report).pages
    assert sum(row.cells[0].events for row in rows) == len(report.events)
    ids = [id_ for row in rows for signal in row.signals if signal.cells[0] for id_ in signal.cells[0].event_ids]
    assert sorted(ids) == sorted(event.id for event in report.events)


def test_what_left_no_more_is_told_where_the_page_was_open(report: Report) -> None:
    events = on(report, HANDBOOK)
    assert events
    found = both(report, without(report, events))
    row = row_of(found, HANDBOOK)
    assert row.cells[1].opened == 1
    assert row.changes[0].difference == "stopped"
    assert found.totals[0].differences["stopped"] == 1


def test_a_page_that_was_not_opened_proves_nothing(report: Report) -> None:
    pages = tuple(page for page in report.pages if page_key(page.url) != HANDBOOK)
    later = without(report, on(report, HANDBOOK)).model_copy(update={"pages": pages})
    found = both(report, later)
    row = row_of(found, HANDBOOK)
    assert not row.cells[1].seen
    assert not row.comparable
    assert row.changes[0].difference == "not_comparable"
    assert "stopped" not in found.totals[0].differences
    assert both(later, report).pages[-1].comparable is False


def test_what_is_gone_and_what_is_new_is_named(report: Report) -> None:
    first, *others = on(report, HANDBOOK)
    later = without(report, [event for event in others if event.event_name == others[0].event_name])
    change = row_of(both(report, later), HANDBOOK).changes[0]
    assert change.difference == "fewer"
    assert any(others[0].event_name in fact for fact in change.gone)
    assert change.new == ()
    back = row_of(both(later, report), HANDBOOK).changes[0]
    assert back.difference == "more"
    assert set(back.new) == set(change.gone)
    other = first.model_copy(update={"event_name": "Quillfever"})
    swapped = later.model_copy(
        update={"events": tuple(other if event.id == first.id else event for event in later.events)}
    )
    assert row_of(both(report, swapped), HANDBOOK).changes[0].difference == "other"


def test_an_identifier_less_is_a_difference(report: Report) -> None:
    bare = tuple(event.model_copy(update={"identifiers": (), "linkability": "address_only"}) for event in report.events)
    change = row_of(both(report, named(report, "later", events=bare)), HANDBOOK).changes[0]
    assert change.difference == "fewer"
    assert all(fact.startswith("identifier: ") for fact in change.gone)


def test_dismissed_events_count_for_no_band_and_no_health_act(report: Report) -> None:
    dismissed = tuple(
        event.model_copy(update={"review": event.review.model_copy(update={"state": "dismissed", "reason": "no"})})
        for event in report.events
    )
    found = both(report, named(report, "later", events=dismissed))
    assert found.columns[0].health_acts > 0
    assert found.columns[1].health_acts == 0
    assert {row.cells[1].band for row in found.pages} == {"none"}
    assert found.columns[1].events == len(report.events)


def test_a_session_falls_into_its_phases(report: Report) -> None:
    phases = phases_of(report)
    assert [item.phase for item in phases] == [
        phase for phase, state in PHASES.items() if any(event.consent.state == state for event in report.events)
    ]
    found = compare([(item, report) for item in phases])
    known = [event for event in report.events if event.consent.state not in {"undetermined", "unknown"}]
    assert sum(column.events for column in found.columns) == len(known)
    assert {column.uncertain_events for column in found.columns} == {len(report.events) - len(known)}
    assert any("stand" in caution and "in no phase" in caution for caution in found.cautions)


def test_pages_fall_into_the_phase_in_which_they_were_opened(report: Report) -> None:
    pages = tuple(
        page.model_copy(update={"consent": "refused" if number % 2 else "no_choice_yet"})
        for number, page in enumerate(report.pages)
    )
    split = named(report, "visit", pages=pages, events=(), acts=())
    found = compare([(item, split) for item in phases_of(split)])
    assert [column.pages_opened for column in found.columns] == [3, 3]


def test_what_left_after_refusal_is_said_in_words(report: Report) -> None:
    refused = report.events[0].consent.model_copy(update={"state": "refused"})
    events = tuple(event.model_copy(update={"consent": refused}) for event in report.events)
    pages = tuple(page.model_copy(update={"consent": "refused"}) for page in report.pages)
    later = named(report, "later", events=events, pages=pages)
    found = compare([(Selection(report.session.id), report), (Selection("later", "refused"), later)])
    assert f"events on {found.columns[1].health_acts} visitor acts with health content" in found.totals[0].text


def test_held_requests_are_told_apart(report: Report) -> None:
    held = tuple(event.model_copy(update={"delivery": "not_sent"}) for event in report.events)
    found = both(report, named(report, "held", events=held))
    assert found.columns[1].held_events == len(held)
    assert any(caution.startswith("In B pixel requests were held back") for caution in found.cautions)


def test_different_rules_are_a_caution(report: Report) -> None:
    session = report.session.model_copy(update={"id": "old", "ruleset_digest": "sha256:00"})
    found = both(report, report.model_copy(update={"session": session}))
    assert any("scored by different rules" in caution for caution in found.cautions)


@given(st.data())
def test_every_event_stands_in_one_row_whatever_its_state_and_page(report: Report, data: st.DataObject) -> None:
    states = st.sampled_from(["no_choice_yet", "refused", "accepted", "undetermined", "unknown", "not_asked"])
    urls = st.sampled_from(
        [None, "https://a.example/x", "https://a.example/x/?q=1", "https://b.example/", "no address"]
    )
    consents = [Consent(state="unknown", basis="none", last_before=None, first_after=None)] * 5
    events = tuple(
        event.model_copy(
            update={"consent": base.model_copy(update={"state": data.draw(states)}), "page_url": data.draw(urls)}
        )
        for event, base in zip(report.events[:5], consents, strict=True)
    )
    pages = tuple(
        Page(
            url=data.draw(urls.filter(bool)) or "",
            title=None,
            site="a.example",
            at="2026-03-02T14:05:29.000Z",
            events=0,
        )
        for _ in range(3)
    )
    drawn = named(report, "drawn", events=events, acts=(), pages=pages)
    found = both(drawn, report)
    assert sum(row.cells[0].events for row in found.pages) == len(events)
    for row in found.pages:
        assert row.comparable == (row.page is not None and row.cells[0].seen and row.cells[1].seen)
        assert (row.changes[0].difference == "not_comparable") == (not (row.cells[0].seen and row.cells[1].seen))


@pytest.mark.parametrize("number", [0, 1, 27])
def test_a_comparison_has_two_columns_at_least(report: Report, number: int) -> None:
    with pytest.raises(ValueError, match="two to 26"):
        compare([(Selection(report.session.id), report)] * number)
