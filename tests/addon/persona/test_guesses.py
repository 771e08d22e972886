"""Hashes that are reversed by trying what anyone would try: which list, how long, and never the value."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.persona.guesses import FIRST_NAMES, LAST_NAMES, POSTCODE_AREAS, TOWNS, Guess, guess, guesses_of

KINDS = ("ge", "db", "fn", "ln", "name", "ct", "st", "country", "zp", "ph", "em", "external_id")


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("kind", "text", "what"),
    [
        ("ge", "f", "a gender"),
        ("db", "19870214", "a birth date from 1920 to 2012"),
        ("fn", "aisha", "a common first name"),
        ("ln", "oconnor", "a common last name"),
        ("name", "josmith", "a common first and last name"),
        ("ct", "newyork", "a large town"),
        ("st", "ca", "two letters"),
        ("country", "gb", "the two letters of a country"),
        ("zp", "ex4", "the first part of a postcode"),
        ("ph", "447700900123", "a number kept for drama"),
        ("em", "test@test.com", "an address that people type to try a form"),
        ("external_id", "4711", "a number below 10,000"),
        ("fn", "testing", "a word that people type to try a form"),
    ],
)
def test_a_guess_names_its_list_and_never_the_value(kind: str, text: str, what: str) -> None:
    md5 = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    for digest in (sha256(text), sha256(text).upper(), md5):
        found = guess(kind, digest)
        assert found == Guess(what, guesses_of(kind))
        assert text not in what.split()


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_nobodys_guess_stays_hashed(kind: str) -> None:
    assert guess(kind, sha256("jo.bloggs.4711@example.com")) is None
    assert guess(kind, "z" * 64) is None
    assert guess(kind, "") is None


def test_kinds_without_a_list_are_not_guessed() -> None:
    assert guess("fbp", sha256("f")) is None
    assert guesses_of("fbp") == 0


@given(st.sampled_from(KINDS), st.text(max_size=70))
def test_any_text_may_be_asked(kind: str, value: str) -> None:
    assert guess(kind, value) is None or len(value) in {32, 64}


def test_the_lists_are_short_and_hold_each_word_once() -> None:
    for words in (FIRST_NAMES, LAST_NAMES, TOWNS, POSTCODE_AREAS):
        assert len(set(words)) == len(words) > 100
        assert all(word.isalpha() and word.islower() for word in words)
    assert all(guesses_of(kind) <= 60_000 for kind in KINDS)
