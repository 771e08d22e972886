"""What a report adds up to."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli import sentences
from cli.schema import Consent, Event, Mark, Report, Review, RuleText
from cli.summary import Segment, Site, Summary, before_consent, excerpt, segments, summarise


@pytest.fixture(scope="module")
def summary(report: Report) -> Summary:
    return summarise(report)


def site(summary: Summary, name: str | None) -> Site:
    return next(found for found in summary.sites if found.site == name)


def change(report: Report, identity: str, **values: Any) -> Report:
    """Return the report with one event changed."""
    events = tuple(event.model_copy(update=values) if event.id == identity else event for event in report.events)
    return report.model_copy(update={"events": events})


def event_named(report: Report, name: str, score: int) -> Event:
    return next(event for event in report.events if event.event_name == name and event.score == score)


def test_headline_counts_acts_from_medium(summary: Summary) -> None:
    totals = summary.totals
    assert totals.counted == 7
    assert [(count.kind, count.acts) for count in totals.kinds] == [
        ("page_view", 2),
        ("click", 3),
        ("search", 1),
        ("form", 1),
    ]
    assert (totals.low, totals.withheld, totals.dismissed) == (1, 1, 1)
    assert totals.acts == 13
    assert totals.events == 15
    assert summary.sites_with_health == 4


def test_two_pixels_on_one_act_count_once(summary: Summary) -> None:
    clinic = site(summary, "clinic.example")
    assert clinic.totals.counted == 1
    (group,) = clinic.groups
    (entry,) = group.entries
    assert [event.pixel_id for event in entry.events] == ["998877665544332", "445566778899001"]


def test_sites_come_strongest_first_and_the_unknown_last(summary: Summary) -> None:
    assert [found.site for found in summary.sites] == [
        "example-trust.example",
        "clinic.example",
        "pharmacy.example",
        "hostile.example",
        None,
        "plain.example",
    ]
    assert [found.number for found in summary.sites] == [1, 2, 3, 4, 5, 6]
    assert [found.site for found in summary.without_finding] == ["plain.example"]
    assert summary.with_finding == summary.sites[:5]


def test_groups_by_topic_and_by_action_where_there_is_none(summary: Summary) -> None:
    groups = site(summary, "example-trust.example").groups
    assert [(group.kind, group.key) for group in groups] == [
        ("topic", "hiv_sexual_health"),
        ("topic", "mental_health"),
        ("action", "repeat_prescription"),
    ]


def test_an_act_counts_while_one_of_its_events_stands(report: Report) -> None:
    dismissed = Review(state="dismissed", reason="one", by=None, at=None)
    first = change(report, event_named(report, "Search", 70).id, review=dismissed)
    clinic = site(summarise(first), "clinic.example")
    assert clinic.totals.counted == 1
    (entry,) = clinic.groups[0].entries
    assert (entry.score, entry.linkability) == (60, "browser_id")
    both = change(first, event_named(report, "Search", 60).id, review=dismissed)
    clinic = site(summarise(both), "clinic.example")
    assert (clinic.totals.counted, clinic.totals.dismissed) == (0, 1)


def test_dismissed_events_keep_their_reason(summary: Summary) -> None:
    (item,) = summary.dismissed
    assert item.site == "example-trust.example"
    assert item.event.review.reason == "A job advertisement, not care <b>of the visitor</b>"


def test_an_act_that_never_left_is_not_counted_as_sent(summary: Summary) -> None:
    (entry,) = site(summary, "clinic.example").withheld
    assert entry.clicked == "Refer me"
    assert "it was not sent" in sentences.sent(entry, summary)


@pytest.mark.parametrize(
    ("state", "basis", "before"),
    [
        ("no_choice_yet", "observed", True),
        ("refused", "inferred", True),
        ("refused", "marked", True),
        ("no_choice_yet", "none", False),
        ("not_asked", "observed", False),
        ("undetermined", "inferred", False),
        ("unknown", "none", False),
        ("accepted", "observed", False),
    ],
)
def test_before_consent_only_where_it_is_known(state: Any, basis: Any, before: bool) -> None:
    assert before_consent(Consent(state=state, basis=basis, last_before=None, first_after=None)) is before


def test_consent_counts(summary: Summary) -> None:
    assert summary.totals.before_consent == 3
    assert sentences.consent_counts(summary.totals) == (
        "3 of 7 acts: before any choice (2) and after refusal (1). "
        "The other acts: not asked (1) and not known from this capture (3)"
    )
    assert sentences.consent_short(site(summary, "pharmacy.example").totals) == "Not known from this capture"


def test_ties_to_a_person(summary: Summary) -> None:
    assert summary.totals.strongest_link == "account"
    assert [(link.linkability, link.acts) for link in summary.totals.links] == [
        ("account", 2),
        ("contact", 1),
        ("browser_id", 3),
        ("address_only", 1),
    ]
    assert summary.totals.links_incomplete == 1
    assert summary.totals.person_matched == 3


def test_reviews(summary: Summary) -> None:
    reviews = summary.totals.reviews
    assert (reviews.total, reviews.confirmed, reviews.dismissed, reviews.reviewed) == (10, 2, 1, 3)


def test_quotes_mark_the_words_inside_the_value(summary: Summary) -> None:
    entry = site(summary, "example-trust.example").groups[0].entries[0]
    title = next(quote for quote in entry.quotes if quote.parameter == "pmd[title]")
    assert title.in_value
    assert [part.text for part in title.segments if part.marked] == ["HIV medication", "for patients"]
    assert "".join(part.text for part in title.segments) == "HIV medication: a handbook for patients | Example Trust"
    assert [found.points for found in title.findings] == [10]
    assert [found.category for found in title.repeated] == ["hiv_sexual_health"]


def test_quotes_without_a_place_stand_alone(summary: Summary) -> None:
    entry = site(summary, "hostile.example").groups[0].entries[0]
    gone = next(quote for quote in entry.quotes if quote.parameter == "gone")
    assert not gone.in_value
    assert len(gone.segments) == 1


def test_a_place_that_does_not_hold_the_words_is_not_marked(report: Report) -> None:
    event = event_named(report, "PageView", 80)
    moved = tuple(found.model_copy(update={"start": 0, "end": 5}) for found in event.findings)
    entry = site(summarise(change(report, event.id, findings=moved)), "example-trust.example").groups[0].entries[0]
    assert not any(quote.in_value for quote in entry.quotes)


@given(st.text(), st.lists(st.tuples(st.integers(0, 40), st.integers(1, 40))))
def test_segments_never_change_the_value(value: str, places: list[tuple[int, int]]) -> None:
    spans = [(start, start + length) for start, length in places if start + length <= len(value)]
    assert "".join(part.text for part in segments(value, spans)) == value


@given(st.text(max_size=200), st.integers(0, 100), st.integers(1, 20))
def test_excerpts_keep_the_marked_words(value: str, start: int, length: int) -> None:
    if start + length > len(value):
        return
    parts = excerpt(segments(value, [(start, start + length)]), 10)
    assert [part.text for part in parts if part.marked] == [value[start : start + length]]


def test_overlapping_words_become_one_mark() -> None:
    assert segments("mental health service", [(0, 13), (7, 21)]) == (
        Segment(text="mental health service", marked=True),
    )


def test_events_without_an_act_are_not_lost(report: Report) -> None:
    lost = summarise(report.model_copy(update={"acts": ()}))
    assert lost.totals.events == 15
    assert lost.totals.acts == 15


def test_timeline_is_in_order_and_shortens_pauses(report: Report, summary: Summary) -> None:
    timeline = site(summary, "example-trust.example").timeline
    assert timeline is not None
    positions = [point.position for point in timeline.points]
    assert positions == sorted(positions)
    assert all(0 <= position <= 1 for position in positions)
    assert [mark.text for mark in timeline.marks] == [
        "banner configuration loaded",
        "logged in",
        "clicked “Reject all”",
        "cookie_consent=rejected in a request",
    ]
    later = tuple(
        event.model_copy(update={"site": "clinic.example"}) if event.site == "pharmacy.example" else event
        for event in report.events
    )
    acts = tuple(
        act.model_copy(update={"site": "clinic.example"}) if act.site == "pharmacy.example" else act
        for act in report.acts
    )
    merged = site(summarise(report.model_copy(update={"events": later, "acts": acts})), "clinic.example").timeline
    assert merged is not None
    assert [sentences.pause(found.seconds) for found in merged.breaks] == ["2 hours"]


def test_legend_names_each_parameter_once(summary: Summary) -> None:
    names = [item.name for item in summary.legend]
    assert len(names) == len(set(names))
    found = {item.name: item for item in summary.legend}
    assert found["dl"].meaning == "address of the page"
    assert found["dl"].occurrences == 15
    assert not found["cd[long]"].documented


def test_an_empty_session_is_said_to_be_empty(empty: Report) -> None:
    summary = summarise(empty)
    assert summary.sites == ()
    assert sentences.headline(summary).startswith("No event to Meta was seen")


def test_a_reconstruction_says_so_in_every_sentence(reconstruction: Report) -> None:
    summary = summarise(reconstruction)
    assert sentences.headline(summary).startswith("As reconstructed")
    assert sentences.sent(summary.sites[0].groups[0].entries[0], summary).startswith("As reconstructed")
    assert "written after published reporting" in sentences.method(summary)


def test_incomplete_sources_are_carried(report: Report) -> None:
    source = report.sources[0].model_copy(update={"complete": False})
    assert not summarise(report.model_copy(update={"sources": (source,)})).complete


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        ("127.0.…", "from the investigator's own network (public address stated by A. Reporter: 198.51.100.…)"),
        (None, "not recorded in this kind of capture (public address stated by A. Reporter: 198.51.100.…)"),
        ("203.0.…", "203.0.…, as the proxy saw it (public address stated by A. Reporter: 198.51.100.…)"),
    ],
)
def test_addresses_are_facts_or_unknown(report: Report, seen: str | None, said: str) -> None:
    assert sentences.address(seen, report.session.public_address) == said


def test_an_address_nobody_stated(report: Report) -> None:
    assert sentences.address("10.0.…", None) == "from the investigator's own network (public address not stated)"


def test_notes_stand_with_their_site_in_order(summary: Summary) -> None:
    notes = site(summary, "example-trust.example").notes
    assert [sentences.mark(note) for note in notes] == [
        "R01, Example Trust: a patient handbook (A. Reporter)",
        "Logged in (A. Reporter)",
    ]
    assert [len(site(summary, name).notes) for name in ("plain.example", "clinic.example")] == [1, 0]


def test_one_author_of_all_notes_is_said_once(summary: Summary) -> None:
    notes = site(summary, "example-trust.example").notes
    assert sentences.common_author(notes) == "A. Reporter"
    assert sentences.mark(notes[0], "A. Reporter") == "R01, Example Trust: a patient handbook"
    other = Mark(at="2026-03-02T15:00:00.000Z", kind="note", site=None, text="x", by=None)
    assert sentences.common_author([*notes, other]) == sentences.common_author([other]) == ""


def test_sites_without_any_event_are_listed(summary: Summary) -> None:
    assert [(found.site, found.pages, found.fetched, len(found.notes)) for found in summary.silent] == [
        ("loading.example", 1, ("library",), 1),
        ("silent.example", 1, (), 0),
    ]
    assert sentences.silent(summary.silent[0]) == "1 page, no event seen; fetched: Meta's pixel program"
    assert sentences.fetched_without_event(summary)


def test_a_site_is_silent_only_where_no_page_had_an_event(report: Report) -> None:
    few = report.model_copy(update={"events": (), "acts": ()})
    assert [found.site for found in summarise(few).silent] == ["loading.example", "silent.example"]


def test_pages_without_an_event_prove_nothing(report: Report) -> None:
    said = sentences.pages(report)
    assert said.startswith("6 pages visited.")
    assert said.endswith(
        "On 3 pages no event was seen. That no event was seen does not prove that no pixel is installed."
    )
    assert [sentences.page_events(page) for page in report.pages] == [
        "1 event",
        "6 events",
        "no event seen",
        "3 events",
        "no event seen; fetched: Meta's pixel program",
        "no event seen",
    ]


def test_filters_stand_beside_what_left(summary: Summary) -> None:
    entry = site(summary, "clinic.example").groups[0].entries[0]
    assert [note.parameter for note in entry.filters] == ["pm", "rp"]
    assert entry.still_left == ("the site's name", "what was searched for", "identifiers: em, fbp")
    assert sentences.unfiltered(entry) == "1 event of this act shows no sign of filtering."
    other = site(summary, "example-trust.example").groups[0].entries[0]
    assert (other.filters, other.unfiltered, sentences.unfiltered(other)) == ((), 1, "")


def test_topics_of_special_risk_stand_first(report: Report, summary: Summary) -> None:
    assert summary.totals.topics[0].key == "hiv_sexual_health"
    assert [found.key for found in summarise(report.model_copy(update={"rules": ()})).totals.topics[:2]] == [
        "mental_health",
        "contraception",
    ]
    rules = tuple(
        RuleText(rule=name, version=1, title=name, category=name, tier=tier, reason="", legal_basis="", text="{}")
        for name, tier in (("<b>bold</b>", "special_risk"), ("mental_health", "health"))
    )
    assert summarise(report.model_copy(update={"rules": rules})).totals.topics[0].key == "<b>bold</b>"


def test_pixels_with_a_read_script_come_first(summary: Summary) -> None:
    assert [(found.configuration.pixel_id, found.sites) for found in summary.setups] == [
        ("998877665544332", ("clinic.example",)),
        (
            "112233445566778",
            ("example-trust.example", "pharmacy.example", "hostile.example", "plain.example"),
        ),
    ]
    assert summary.without_setup == ("445566778899001",)


def test_how_an_event_came_about(report: Report) -> None:
    first, second = (event for event in report.events if event.event_name == "Search")
    assert sentences.came_about(first) == (
        "the site's own code called it; a name from Meta's list; Meta's client of build 2.9.383; "
        "placed by Google Tag Manager (tmgoogletagmanager), as the request states"
    )
    assert sentences.came_about(second).startswith("a rule set up in Meta's Event Setup Tool")
    others = {event.id: event for event in report.events}
    assert sentences.derived_from(second, others) == f"Search, 14:21:05, event {first.id}"
    assert sentences.derived_from(second, {}) == f"event {first.id}, which is not shown here"
