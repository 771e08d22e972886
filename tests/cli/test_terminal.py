"""Text from a capture cannot act on a terminal."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.terminal import columns, escape_character, printable, wrap


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text", "plain text"),
        ("Caffi a thê, 診療所", "Caffi a thê, 診療所"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\nb\tc\rd\0e", "a\\nb\\tc\\rd\\0e"),
        ("\x9b2J", "\\x9b2J"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("line\u2028separator", "line\\u2028separator"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("\x7f", "\\x7f"),
    ],
)
def test_active_characters_become_visible(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text())
def test_nothing_active_is_left(text: str) -> None:
    shown = printable(text)
    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    assert printable(shown) == shown


@given(st.text(), st.integers(20, 120), st.sampled_from(["", "- ", "Page:      "]))
def test_lines_keep_to_the_width(text: str, width: int, first: str) -> None:
    lines = wrap(text, width, first=first)
    assert all(columns(line) <= width for line in lines)
    assert lines[0].startswith(first.rstrip())


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "S"]), min_size=1), st.integers(20, 60))
def test_a_long_word_is_whole_when_its_lines_are_joined(word: str, width: int) -> None:
    assert "".join(line.strip() for line in wrap(word, width, first="  ")) == printable(word)


def test_a_long_address_fills_the_line_it_begins_on() -> None:
    assert wrap("see https://clinic.example/a/very/long/path", 20) == [
        "see https://clinic.e",
        "xample/a/very/long/p",
        "ath",
    ]


def test_wide_characters_take_two_columns() -> None:
    assert columns("診療") == 4
    assert columns("e\u0301") == 1


@given(st.text(st.characters(exclude_categories=())))
def test_the_short_way_shows_and_measures_the_same(text: str) -> None:
    escaped = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    shown = [escape_character(one) if unicodedata.category(one) in escaped else one for one in text]
    assert printable(text) == "".join(shown)
    wide = [unicodedata.east_asian_width(one) in {"W", "F"} for one in text]
    marks = [unicodedata.combining(one) != 0 for one in text]
    assert columns(text) == sum(0 if mark else 1 + more for mark, more in zip(marks, wide, strict=True))
