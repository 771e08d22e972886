"""Moments as reports write and investigators state them."""

import pytest

from addon.times import now, optional_rfc3339, parse_moment, rfc3339


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
