"""What was typed into the recorded pages, as test persons: every identifier that it explains, and none besides."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import captures
from addon.decoders.meta.identity import USER_DATA_KEYS
from addon.persona.matching import match
from addon.persona.person import KINDS, Detail, Person
from addon.replay import replay
from addon.store.store import Store
from cli import typed
from cli.report import build_report
from cli.schema import Identifier, Report
from rules.engine import Matcher

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "real" / "client"
SELECTORS = {
    "#fn": "first_name", "#ln": "last_name", "#em": "email", "#ph": "phone", "#dob": "date_of_birth",
    "#gender": "gender", "#city": "address.city", "#pc": "address.postcode", "#nhs": "ids.nhs_number",
}  # fmt: skip
FIELDS = {kind: field for field, kind in KINDS.items()} | {"external_id": "ids.login"}


def typed_inputs(recording: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(captures.truth_of(recording).read_text("utf-8"))["typed_inputs"]
    return found


def person_of(recording: Path) -> Person | None:
    """Return what was typed in a recording as a person, or None where nothing of a person was typed."""
    typed = typed_inputs(recording)
    fields = {SELECTORS[name]: text for name, text in typed.items() if name in SELECTORS}
    fields |= {FIELDS[key]: text for key, text in typed.get("init_userdata", {}).items()}
    details = tuple(
        Detail(field=field, kind=KINDS.get(field, "external_id"), text=text) for field, text in fields.items()
    )
    return Person(label="the test person", details=details) if details else None


RECORDINGS = [*captures.recordings(), *(sorted(SHARED.glob("*.mitm")) if SHARED.is_dir() else ())]


def recordings() -> Iterator[Any]:
    """Yield the recordings into which something of a person was typed."""
    yield from (pytest.param(path, id=f"{path.parent.name}-{path.stem}") for path in RECORDINGS if person_of(path))


def report_on(folder: Path, judge: Matcher, recording: Path, person: Person) -> Report:
    with Store(folder / "person.db") as store:
        session, _ = replay(store, judge, "visit", [recording])
        match(store, session, person)
        return build_report(store, store.session(session), reveal=True)


def identifiers(report: Report) -> list[Identifier]:
    return [item for event in report.events for item in event.identifiers]


@pytest.mark.parametrize("recording", list(recordings()))
def test_every_identifier_that_was_typed_is_confirmed_and_no_other(tmp_path: Path, judge: Matcher, recording) -> None:
    person = person_of(recording)
    assert person is not None
    hashes = set(typed_inputs(recording).get("expected_sha256", {}).values())
    given = {kind for detail in person.details for kind in (detail.kind,)}
    for item in identifiers(report_on(tmp_path, judge, recording, person)):
        if item.value in hashes:
            assert item.person_matched is True, item
        if item.kind not in given:
            assert item.person_matched is None, item
        elif item.form == "sha256":  # the client hashes what was typed, and nothing else was given to it
            assert item.person_matched is True, item
            assert item.person_note is not None
            assert item.person_note.startswith("this value is the SHA-256 of the ")


def test_the_recording_with_advanced_matching_confirms_all_ten_details(tmp_path: Path, judge: Matcher) -> None:
    (recording,) = (path for path in captures.recordings() if path.stem == "09_manual_advanced_matching")
    person = person_of(recording)
    assert person is not None
    report = report_on(tmp_path, judge, recording, person)
    (section,) = report.test_persons
    assert {item.kind for item in section.left} == set(person.kinds)
    assert section.never_left == section.held_back == section.unmatched == ()
    for item in section.left:
        assert len(item.event_ids) == item.before_consent == 3
        assert item.pages == ("https://www.example-trust.nhs.uk/appointments/book/?dept=sexual-health",)
    compared = [item for item in identifiers(report) if item.source in {"ud", "aud", "cud", "ncud"}]
    assert len(compared) > 100
    assert {item.person_matched for item in compared} == {True}
    assert {USER_DATA_KEYS[item.kind] for item in compared if item.kind in USER_DATA_KEYS} >= {"em", "ph", "db"}


def test_another_person_explains_only_what_they_share(tmp_path: Path, judge: Matcher) -> None:
    by_name = {path.stem: path for path in captures.recordings()}
    recording, other = by_name["09_manual_advanced_matching"], by_name["07_repeat_prescription_form"]
    mine, person = person_of(recording), person_of(other)
    assert mine is not None
    assert person is not None
    report = report_on(tmp_path, judge, recording, person)
    compared = [item for item in identifiers(report) if item.kind in person.kinds and item.form == "sha256"]
    assert {item.kind for item in compared if item.person_matched} == {"ct", "ge"}  # one town, one gender
    assert {item.kind for item in compared if item.person_matched is False} == {"em", "fn", "ln", "ph", "db", "zp"}
    assert not [item for item in identifiers(report) if item.form == "mask" and item.person_matched
                and item.kind not in {"ct", "ge"}]  # fmt: skip
    (section,) = report.test_persons
    assert {item.kind for item in section.left} == {"ct", "ge"}
    assert typed.COMMON in typed.stayed(section)
    assert {item.kind for item in section.unmatched} == {"em", "fn", "ln", "ph", "db", "zp"}
    assert [item.guessed is not None for item in section.unmatched if item.kind in {"fn", "db", "ph"}] == [True] * 3


def test_a_form_that_was_sent_nowhere_is_told_as_never_found(tmp_path: Path, judge: Matcher) -> None:
    (recording,) = (path for path in captures.recordings() if path.stem == "07_repeat_prescription_form")
    person = person_of(recording)
    assert person is not None
    (section,) = report_on(tmp_path, judge, recording, person).test_persons
    assert section.left == section.unmatched == section.elsewhere == ()
    assert len(section.never_left) == len(person.kinds) == 9
    assert section.requests_searched == 6
