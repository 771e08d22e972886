from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.text import decode, decode_once, normalise, readings, tokenise


def split_readings(text):
    return [" ".join(reading.words) for reading in readings(text)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Book an HIV-test", "book an hiv test"),
        ("Crohn's disease", "crohn disease"),
        ("Crohn\u2019s disease", "crohn disease"),
        ("parents' evening", "parents evening"),
        ("don't", "dont"),
        ("endom\u00e9triose", "endometriose"),
        ("endome\u0301triose", "endometriose"),
        ("pr%C3%A4klampsie", "praklampsie"),
        ("sexual%2520health", "sexual health"),
        ("sexual+health", "sexual health"),
        ("\uff48\uff49\uff56 \uff34\uff25\uff33\uff34", "hiv test"),
        ("h\u200bi\u00adv", "hiv"),
        ("\ufb01nger", "finger"),
        ("stra\u00dfe", "strasse"),
        ("Truvada\u2122 tablets", "truvada tablets"),
        ("50% off", "50 off"),
        ("%E4b", "e4b"),
        ("a\u2026b\u2013c\u00a0d", "a b c d"),
        ("\ud800hiv", "hiv"),
        ("", ""),
        ("''' --- %%%", ""),
    ],
)
def test_words_as_they_stand(text, words):
    assert normalise(text) == words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("HIVTest", "hiv test"),
        ("HIVpatientHandbook", "hiv patient handbook"),
        ("sexualHealthClinic", "sexual health clinic"),
        ("STIs", "sti s"),
        ("covid19vaccine", "covid 19 vaccine"),
        ("l'endom\u00e9triose", "l endometriose"),
        ("\u00c9tudeHIV", "etude hiv"),
        ("HIV\uff34est", "hiv test"),
    ],
)
def test_glued_words_are_read_both_ways(text, expected):
    found = split_readings(text)
    assert expected in found
    assert found[0] == normalise(text)
    assert " " not in found[0]


@pytest.mark.parametrize("text", ["a1B2c3HIV4d", "aBcDeFgHIVkLmNoPqR", "hiv", "Hiv test", "HIV"])
def test_identifiers_and_plain_words_have_one_reading(text):
    assert len(split_readings(text)) == 1


def test_tokens_know_their_place():
    text = "x%20Crohn%2527s%20HIVTest"
    places = [text[token.start : token.end] for reading in readings(text) for token in reading.tokens()]
    assert "Crohn%2527s" in places
    assert "HIV" in places


def test_an_accent_belongs_to_its_letter():
    text = "e\u0301 x"
    assert [text[token.start : token.end] for token in tokenise(text)] == ["e\u0301", "x"]


def test_decoding_leaves_broken_escapes_alone():
    assert decode("%C3%A4%C3%28%FF%zz%4").text == "\u00e4%C3(%FF%zz%4"
    assert decode_once("%2541").text == "%41"


@given(st.text())
def test_decoding_keeps_positions(text):
    decoded = decode(text)
    assert len(decoded.positions) == len(decoded.text) + 1
    assert list(decoded.positions) == sorted(decoded.positions)
    assert decoded.positions[-1] == len(text)


@given(st.text(alphabet=st.characters(), max_size=60))
def test_any_text_can_be_tokenised_and_offsets_hold(text):
    for reading in readings(text):
        for token in reading.tokens():
            assert 0 <= token.start < token.end <= len(text)
            place = text[token.start : token.end]
            found = {word for other in readings(place) for word in other.words}
            assert token.text in found or token.text in "".join(normalise(place).split())


@given(st.text(max_size=60))
def test_words_are_folded(text):
    for reading in readings(text):
        for word in reading.words:
            assert word
            assert word.isalnum()
            assert word == word.casefold() or not word.isascii()


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",), exclude_characters="%"), max_size=40))
def test_encoding_once_or_twice_changes_no_word(text):
    assert normalise(quote(text, safe="")) == normalise(text)
    assert normalise(quote(quote(text, safe=""), safe="")) == normalise(text)


@pytest.mark.parametrize(
    "text", ["a" * 200_000, "aB" * 50_000, "%25" * 50_000, "e" + "\u0301" * 100_000, "a'" * 50_000]
)
def test_hostile_texts_are_read_once(text):
    assert readings(text)
