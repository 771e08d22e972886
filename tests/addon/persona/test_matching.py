"""What is kept of a test person: where details are, never what they are, and nothing after forgetting."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from addon.persona.forms import Forms
from addon.persona.matching import match
from addon.persona.person import Person
from addon.replay import rederive, replay
from addon.store.schema import DERIVED
from addon.store.store import Store
from cli.report import build_report
from rules.engine import Matcher

EMAIL = "jo.bloggs+clinic@example.com"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def kept(visit, tmp_path: Path, judge: Matcher) -> Iterator[Store]:
    """Yield a database with a session in which only hashes of the e-mail address and first name left."""
    visit.page("/zorbitis/", asks=True)
    visit.pixel("Lead", "/zorbitis/", more={"ud[em]": sha256(EMAIL), "ud[fn]": sha256("jo"), "ud[ln]": sha256("x")})
    visit.pixel("PageView", "/")
    with Store(tmp_path / "kept.db") as store:
        replay(store, judge, "visit", [visit.save(tmp_path / "visit.mitm")])
        yield store


def content(store: Store) -> bytes:
    store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return b"".join(path.read_bytes() for path in sorted(store.path.parent.glob("kept.db*")))


def test_a_match_says_what_it_found_and_a_second_one_changes_nothing(kept: Store, jo: Person) -> None:
    first = match(kept, "visit", jo, "A. Tester")
    assert (first.requests, first.holding, first.cut, first.known) == (2, 2, 0, False)
    assert first.kinds == ("c_user", "em", "fn")
    rows = kept.personas("visit")
    assert match(kept, "visit", jo).known
    assert kept.personas("visit") == rows
    (row,) = rows
    assert (row.label, row.by, len(row.details)) == ("the test person", "A. Tester", len(jo.details))
    assert set(row.searched.values()) == {True}


def test_no_detail_and_no_hash_that_was_not_sent_reaches_the_file(kept: Store, jo: Person) -> None:
    before = content(kept).lower()
    match(kept, "visit", jo)
    after = content(kept).lower()
    for form, text in Forms(jo).listed():
        if len(text) > 5 and text.encode() not in before and form.kind not in {"ge", "country"}:
            assert text.encode() not in after, form
    for detail in jo.details:
        if len(detail.text) > 5 and detail.kind not in {"c_user", "ge"}:
            assert detail.text.lower().encode() not in after, detail.field


def test_a_corrected_file_replaces_what_an_earlier_one_brought(kept: Store, jo: Person, person_of) -> None:
    match(kept, "visit", jo)
    corrected = person_of(email="other@example.com")
    assert not match(kept, "visit", corrected).known
    (row,) = kept.personas("visit")
    assert [item.kind for item in row.details] == ["em"]
    assert row.sightings == ()


def test_two_persons_stand_beside_each_other(kept: Store, jo: Person, person_of, judge: Matcher) -> None:
    match(kept, "visit", jo)
    match(kept, "visit", person_of(last_name="X").model_copy(update={"label": "the other one"}))
    assert [row.label for row in kept.personas("visit")] == ["the test person", "the other one"]
    report = build_report(kept, kept.session("visit"))
    event = next(event for event in report.events if event.event_name == "Lead")
    notes = {item.kind: item.person_note for item in event.identifiers}
    assert notes["em"] == "this value is the SHA-256 of the e-mail address typed for the test person, lower-cased"
    assert notes["ln"] == "this value is the SHA-256 of the last name typed for the other one, lower-cased"


def test_everything_said_of_a_person_is_rebuilt_without_the_file(kept: Store, jo: Person, judge: Matcher) -> None:
    match(kept, "visit", jo)
    before = build_report(kept, kept.session("visit"))
    kept.drop_derivations()
    rederive(kept, judge, "visit")
    after = build_report(kept, kept.session("visit"))
    assert after.model_copy(update={"generated_at": before.generated_at}) == before
    assert after.test_persons
    assert not [table for table in DERIVED if "persona" in table]


def test_requests_that_came_later_are_neither_confirmed_nor_denied(
    kept: Store, jo: Person, new_visit, tmp_path: Path, judge: Matcher
) -> None:
    match(kept, "visit", jo)
    later = new_visit()
    later.pixel("Contact", "/later/", more={"ud[em]": sha256("somebody@example.com")}, at=1_790_009_000.0)
    replay(kept, judge, "visit", [later.save(tmp_path / "later.mitm")])
    report = build_report(kept, kept.session("visit"))
    (section,) = report.test_persons
    assert section.requests_not_searched == 1
    event = next(event for event in report.events if event.event_name == "Contact")
    assert {item.person_matched for item in event.identifiers} == {None}
    match(kept, "visit", jo)
    report = build_report(kept, kept.session("visit"))
    event = next(event for event in report.events if event.event_name == "Contact")
    assert {item.kind: item.person_matched for item in event.identifiers}["em"] is False


def test_what_was_held_back_did_not_leave(visit, tmp_path: Path, judge: Matcher, person_of) -> None:
    visit.page("/")
    held = visit.pixel("Lead", "/", more={"ud[em]": sha256(EMAIL)}, status=None)
    held.metadata["pixelwitness_held"] = True
    with Store(tmp_path / "held.db") as store:
        replay(store, judge, "visit", [visit.save(tmp_path / "held.mitm")])
        match(store, "visit", person_of(email="jo.bloggs+clinic@example.com", phone="07700 900123"))
        report = build_report(store, store.session("visit"))
    (event,) = report.events
    (section,) = report.test_persons
    assert event.delivery == "not_sent"
    assert section.left == ()
    assert section.held_back == ("e-mail address",)
    assert section.never_left == ("phone number",)


def test_forgetting_a_session_forgets_its_person(kept: Store, jo: Person) -> None:
    match(kept, "visit", jo, "A. Nonymous-Tester")
    kept.forget("visit")
    assert kept.personas("visit") == ()
    assert b"A. Nonymous-Tester" not in content(kept)
    assert b"patient_number" not in content(kept)
