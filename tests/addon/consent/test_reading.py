"""How cookies are taken apart."""

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.consent.reading import (
    MAX_VALUE,
    base64_object,
    decide,
    json_object,
    listed,
    meaning,
    moment,
    plain,
    quoted,
    reading,
)


@given(st.text(max_size=50).filter(lambda text: "%" not in text and text == text.strip()), st.integers(0, 3))
def test_percent_encoding_is_undone_up_to_three_times(text: str, times: int) -> None:
    value = text
    for _ in range(times):
        value = quote(value, safe="")
    assert plain(value) == text


def test_percent_encoding_is_undone_no_more_than_that() -> None:
    value = "a b"
    for _ in range(5):
        value = quote(value, safe="")
    assert plain(value) != "a b"


@pytest.mark.parametrize("document", [{"a": 1}, {}, {"a": {"b": [True, None]}}])
def test_objects(document: dict[str, object]) -> None:
    text = json.dumps(document)
    for value in (text, quote(text), quote(quote(text)), json.dumps(text), f" {text} "):
        assert json_object(value) == document
    packed = base64.b64encode(text.encode()).decode()
    for value in (packed, packed.rstrip("="), quote(packed), packed.replace("+", "-").replace("/", "_"), f'"{packed}"'):
        assert base64_object(value) == document


@pytest.mark.parametrize("value", [None, "", "[1]", "1", "{", "null", '"[1]"', "{" * MAX_VALUE + "}" * MAX_VALUE])
def test_no_objects(value: str | None) -> None:
    assert json_object(value) is None
    assert base64_object(value) is None


@pytest.mark.parametrize(
    ("value", "unit", "seconds"),
    [
        ("2026-11-22T10:00:00.500Z", 1, 1_795_341_600.5),
        ("2026-11-22T12:00:00+02:00", 1, 1_795_341_600),
        (1_795_341_600_500, 0.001, 1_795_341_600.5),
        (1_795_341_600, 1, 1_795_341_600),
        ("1795341600", 1, 1_795_341_600),
        ("2026-11-22T10:00:00", 1, None),  # no zone
        ("2026-11-22", 1, None),
        ("", 1, None),
        ("x" * 50, 1, None),
        (5, 1, None),
        (1e300, 1e300, None),
        (10**400, 1, None),
        (10**400, 0.001, None),
        (float("nan"), 1, None),
        (float("inf"), 1, None),
        (True, 1, None),
        (None, 1, None),
        ([], 1, None),
        ("0001-01-01T00:00:00+14:00", 1, None),
        ("9999-12-31T23:59:59-14:00", 1, None),
    ],
)
def test_times(value: object, unit: float, seconds: float | None) -> None:
    assert moment(value, unit) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("fbpixel", "meta"), ("Facebook Pixel", "meta"), ("meta-pixel", "meta"), ("facebook", "meta"),
        ("marketing", "marketing"), ("Targetting", "marketing"), ("C0004", "marketing"), ("Social Media", "marketing"),
        ("remarketing", "marketing"), ("ads", "marketing"), ("Werbung", "marketing"),
        ("strictly-necessary", "necessary"), ("C0001", "necessary"), ("Essenziell", "necessary"),
        ("analytics", "other"), ("C0002", "other"), ("preferences", "other"), ("metadata", "unrecognised"),
        ("BG51", "unrecognised"), ("", "unrecognised"), ("readspeaker", "unrecognised"),
    ],
)  # fmt: skip
def test_what_a_name_means(name: str, said: str) -> None:
    assert meaning(name) == said


@pytest.mark.parametrize(
    ("switches", "state"),
    [
        ({"fbpixel": True, "marketing": False}, "accepted"),
        ({"fbpixel": False, "marketing": True}, "refused"),
        ({"marketing": True, "analytics": False}, "accepted"),
        ({"marketing": False, "analytics": True}, "refused"),
        ({"marketing": True, "social": False}, "partly_accepted"),
        ({"BG1": True, "BG2": True}, "accepted"),
        ({"BG1": True, "BG2": False}, "partly_accepted"),
        ({"BG1": False}, "refused"),
        ({"analytics": True}, "partly_accepted"),
        ({"analytics": False}, "refused"),
        ({"necessary": True}, None),
        ({}, None),
    ],
)
def test_what_switches_decide(switches: dict[str, bool], state: str | None) -> None:
    choice = decide(switches)
    assert (choice.state if choice else None) == state


def test_proofs_stay_short_and_printable() -> None:
    assert quoted("a\x1b[0m\nb") == "a?[0m?b"
    assert len(quoted("x" * 500)) == 60
    assert len(reading("unknown", "Name", "w" * 500).proof) == 200
    assert listed({f"category-{one}": True for one in range(9)}).endswith("category-5 on, …")
