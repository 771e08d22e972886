"""Moments as reports write and investigators state them."""

import pytest

from addon.times import now, optional_rfc3339, parse_moment, rfc3339, stated_moment


def test_moments_are_written_in_utc_with_milliseconds() -> None:
    assert rfc3339(1_777_890_662.25) == "2026-05-04T10:31:02.250Z"
    assert rfc3339(0) == "1970-01-01T00:00:00.000Z"
    assert optional_rfc3339(None) is None
    assert optional_rfc3339(0.0) == "1970-01-01T00:00:00.000Z"


@pytest.mark.parametrize(
    "text", ["2026-05-04T10:31:02.250Z", "2026-05-04T10:31:02.25", "2026-05-04T12:31:02.250+02:00"]
)
def test_moments_are_read(text: str) -> None:
    assert parse_moment(text) == 1_777_890_662.25


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01T00:00:00Z", "10:31"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_moment(text)


def test_the_present_moment_can_be_read_again() -> None:
    assert rfc3339(parse_moment(now())).endswith("Z")


SPAN = (1_777_890_000.0, 1_777_891_000.0)  # 2026-05-04, 10:20:00Z to 10:36:40Z


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2026-05-04T10:31:02Z", None, 1_777_890_662.0),
        ("2026-05-04T10:31:02", None, 1_777_890_662.0),
        ("2026-05-04 11:31:02", "Europe/London", 1_777_890_662.0),
        ("2026-05-04T12:31:02+02:00", "Europe/London", 1_777_890_662.0),
        ("10:31:02", None, 1_777_890_662.0),
        ("11:31:02", "Europe/London", 1_777_890_662.0),
        ("10:31", None, 1_777_890_660.0),
    ],
)
def test_times_as_a_person_states_them(text: str, zone: str | None, expected: float) -> None:
    assert stated_moment(text, zone, SPAN) == expected


@pytest.mark.parametrize(
    ("text", "zone", "span", "words"),
    [
        ("yesterday", None, SPAN, "is no time such as"),
        ("2026-05-04", None, SPAN, "a day without a time"),
        ("2026-05-04T10:31:02", "Europe/Nowhere", SPAN, "no time zone"),
        ("2026-05-04T10:31:02", "../../etc/passwd", SPAN, "no time zone"),
        ("10:31:02", None, None, "needs a date"),
        ("10:31:02+02:00", None, SPAN, "needs a date"),
        ("03:00:00", None, SPAN, "outside the session"),
        ("10:31:02", None, (SPAN[0], SPAN[1] + 86_400), "on more than one day"),
        ("2026-10-25T01:30:00", "Europe/London", SPAN, "comes twice or not at all"),
        ("2026-03-29T01:30:00", "Europe/London", SPAN, "comes twice or not at all"),
    ],
)
def test_what_is_not_plain_is_refused_with_words(text, zone, span, words) -> None:
    with pytest.raises(ValueError, match=words):
        stated_moment(text, zone, span)
