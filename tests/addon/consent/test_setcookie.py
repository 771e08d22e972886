"""What an answer leaves of the cookies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.consent.setcookie import cookies_after

AT = 1_790_000_000.0


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("a=2; Path=/; Secure", [("b", "1"), ("a", "2")]),
        ("a=2; Max-Age=3600; Expires=Thu, 01 Jan 1970 00:00:00 GMT", [("b", "1"), ("a", "2")]),
        ("a=2; max-age=0", [("b", "1")]),
        ("a=; Max-Age=-5", [("b", "1")]),
        ("a=x; expires=Thu, 01-Jan-1970 00:00:00 GMT", [("b", "1")]),
        ("a=x; expires=Fri, 31 Dec 2100 00:00:00 GMT", [("b", "1"), ("a", "x")]),
        ("a=x; expires=soon; max-age=never", [("b", "1"), ("a", "x")]),
        ("nothing", [("a", "1"), ("b", "1")]),
        ("c=3", [("a", "1"), ("b", "1"), ("c", "3")]),
    ],
)
def test_what_is_left(line: str, left: list[tuple[str, str]]) -> None:
    assert cookies_after([("a", "1"), ("b", "1")], [("Set-Cookie", line), ("Date", "x")], AT) == left


@given(st.lists(st.text(max_size=80), max_size=5))
def test_any_line_is_read(lines: list[str]) -> None:
    found = cookies_after([("a", "1")], [("set-cookie", line) for line in lines], AT)
    assert all(isinstance(value, str) for _, value in found)
