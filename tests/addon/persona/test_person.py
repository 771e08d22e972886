"""The person's file: three ways to write it, every value as typed, and every mistake told with its place."""

import datetime as dt
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.persona.invent import invented_person
from addon.persona.person import LABEL, PersonFileError, dates_of, read_person
from addon.persona.spellings import spellings

YAML = """\
# typed on the clinic's form
label: visit 1
first_name: Jo
last_name: Bloggs
email: [Jo.Bloggs@example.com, jo2@example.com]
phone: 07700 900123
date_of_birth: 1987-02-14
gender: no
address:
  postcode: ZZ99 3QQ
ids:
  patient_number: 00602645
"""
TOML = """\
# typed on the clinic's form
label = "visit 1"
first_name = "Jo"
last_name = "Bloggs"
email = ["Jo.Bloggs@example.com", "jo2@example.com"]
phone = "07700 900123"
date_of_birth = 1987-02-14
gender = "no"
[address]
postcode = "ZZ99 3QQ"
[ids]
patient_number = "00602645"
"""
JSON = json.dumps({
    "label": "visit 1", "first_name": "Jo", "last_name": "Bloggs",
    "email": ["Jo.Bloggs@example.com", "jo2@example.com"], "phone": "07700 900123", "date_of_birth": "1987-02-14",
    "gender": "no", "address": {"postcode": "ZZ99 3QQ"}, "ids": {"patient_number": "00602645"},
}, indent="\t")  # fmt: skip


def write(folder: Path, text: str) -> Path:
    path = folder / "person"
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize("text", [YAML, TOML, JSON], ids=["yaml", "toml", "json"])
def test_a_person_is_the_same_however_it_is_written(tmp_path: Path, text: str) -> None:
    person = read_person(write(tmp_path, text))
    assert person.label == "visit 1"
    assert [(detail.field, detail.kind, detail.text) for detail in person.details] == [
        ("first_name", "fn", "Jo"),
        ("last_name", "ln", "Bloggs"),
        ("email", "em", "Jo.Bloggs@example.com"),
        ("email", "em", "jo2@example.com"),
        ("phone", "ph", "07700 900123"),
        ("date_of_birth", "db", "1987-02-14"),
        ("gender", "ge", "no"),
        ("address.postcode", "zp", "ZZ99 3QQ"),
        ("ids.patient_number", "external_id", "00602645"),
    ]
    assert person.kinds == ("fn", "ln", "em", "ph", "db", "ge", "zp", "external_id")


def test_a_number_without_quotes_keeps_its_zeros(tmp_path: Path) -> None:
    for text in ("phone: 07700900123\n", '{"phone": 07700900123}'):
        assert read_person(write(tmp_path, text)).texts("ph") == ("07700900123",)


@pytest.mark.parametrize(
    ("text", "place", "advice"),
    [
        ("emial: jo@example.com\n", ":1: emial: is not known", "did you mean email?"),
        ("email: jo@example.com\nadress:\n  city: X\n", ":2: adress: is not known", "did you mean address?"),
        ("address:\n  town: Exampleton\n", ":2: address.town: is not known", "city"),
        ("email: jo@example.com\naddress: 12 Lane\n", ":2: address: must hold names", "postcode: ZZ99"),
        ("email: jo\n", ":1: email: is no e-mail address", "jo@example.com"),
        ("phone: 12\n", ":1: phone: is no phone number", "07700 900123"),
        ("date_of_birth: 1987\n", ":1: date_of_birth: is no date", "14/02/1987"),
        ("date_of_birth: 31/02/1987\n", ":1: date_of_birth: is no date", "14 February 1987"),
        ("address:\n  country: Ruritania\n", ":2: address.country: is no country", "GB"),
        ("ids:\n  no: 12\n", ":2: ids.no: is shorter than 4", "leave the line away"),
        ("ids:\n  Patient No: 1234567\n", ":2: ids.Patient No: must be named", "patient_number"),
        ("email:\n  a: b\n", ":1: email: must be text", "quotes"),
        ("email:\nphone: 07700 900123\n", ":2: email: is empty", "leave the line away"),
        ("email: jo@example.com\nemail: b@example.com\n", ":2: email: stands twice", "line 1"),
        ("- a\n", ": is not a mapping", "email:"),
        ("a: [\n", ":2: is not YAML", "email:"),
        ("email = jo@example.com\n", ": is not TOML", "quotes"),
        ('email = "jo@example.com"\nphone = 7700900123\n', ":2: phone: must be text", "quotes"),
        ("label: about Jo Bloggs\nlast_name: Bloggs\n", ":1: label: holds the last_name", "visit 1"),
        ("label: nobody\n", ": states nothing", "email: jo@example.com"),
        ("", ": is empty", "persona new"),
        ('email: "a\\u001b@example.com"\n', ":1: email: holds a control character", "one line"),
        (f"first_name: {'x' * 300}\n", ":1: first_name: has 300 characters", "200"),
        ("email: &a jo@example.com\nphone: *a\n", ":1: phone: is an alias", "write the value out"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place_and_what_to_do(tmp_path: Path, text: str, place: str, advice: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(PersonFileError) as told:
        read_person(path)
    assert f"{path}{place}" in str(told.value)
    assert advice in str(told.value)


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(PersonFileError) as told:
        read_person(write(tmp_path, "emial: x\nphone: 1\ngendre: f\n"))
    assert len(str(told.value).splitlines()) == 3


def test_a_file_that_is_not_there_or_far_too_long_is_told(tmp_path: Path) -> None:
    with pytest.raises(PersonFileError, match="persona new"):
        read_person(tmp_path / "missing.yaml")
    with pytest.raises(PersonFileError, match="more than any person has"):
        read_person(write(tmp_path, "# " + "x" * 70_000))


@given(st.binary(max_size=300))
def test_any_bytes_are_a_person_or_a_told_mistake(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(content)
    try:
        details: tuple[object, ...] | str = read_person(path).details
    except PersonFileError as error:
        details = str(error).partition(str(path))[1]
    assert details


@pytest.mark.parametrize(
    ("typed", "days"),
    [
        ("14/02/1987", ["1987-02-14"]),
        ("02/14/1987", ["1987-02-14"]),
        ("03/04/1987", ["1987-04-03", "1987-03-04"]),
        ("1987-04-03", ["1987-04-03"]),
        ("3 April 1987", ["1987-04-03"]),
        ("April 3, 1987", ["1987-04-03"]),
        ("3. Apr. 1987", ["1987-04-03"]),
        ("19870403", ["1987-04-03"]),
        ("03041987", ["1987-04-03", "1987-03-04"]),
        ("30/02/1987", []),
        ("1987", []),
        ("04/87", []),
        ("soon", []),
    ],
)
def test_what_a_typed_date_can_mean(typed: str, days: list[str]) -> None:
    assert [day.isoformat() for day in dates_of(typed)] == days


def test_an_invented_person_is_one_that_nobody_is(tmp_path: Path) -> None:
    for seed in map(str, range(60)):
        person = read_person(write(tmp_path, invented_person(seed)))
        assert person.label == LABEL
        (email,), (phone,), (nhs,), (post,) = (person.texts(kind) for kind in ("em", "ph", "nhs_number", "zp"))
        assert email.endswith("@example.com")
        assert 0 <= int(phone.removeprefix("07700 900")) <= 999
        assert nhs.startswith("999 ")
        digits = [int(char) for char in nhs.replace(" ", "")]
        assert sum(digit * weight for digit, weight in zip(digits, range(10, 1, -1), strict=False)) % 11 == (
            -digits[9] % 11
        )
        assert post.startswith("ZZ99 ")
        assert dt.date(1950, 1, 1) <= dates_of(person.texts("db")[0])[0] < dt.date(2001, 1, 1)
        assert len(spellings(person)) > 80
    assert invented_person("a") == invented_person("a") != invented_person("b")
    assert invented_person() != invented_person()
