"""Whether a page asks: its own markup, not its words about cookies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.consent.banners import (
    _LONGEST,
    BANNER_MARKS,
    BUTTON_PHRASES,
    MAX_PAGE,
    STEMS,
    _on_a_button,
    _without_comments,
    asks_for_consent,
)


@pytest.mark.parametrize("phrase", BUTTON_PHRASES)
def test_a_phrase_counts_on_something_to_press_alone(phrase: bytes) -> None:
    assert asks_for_consent(b'<button class="x"><span>' + phrase.upper() + b"</span></button>")
    assert asks_for_consent(b'<a href="#">' + phrase + b"</a>")
    assert asks_for_consent(b'<input type="submit" value="' + phrase + b'">')
    assert not asks_for_consent(b"<p>You can " + phrase + b" in the settings of your browser.</p>")
    assert not asks_for_consent(b"<button>Menu</button><p>How to " + phrase + b"</p>")
    assert not asks_for_consent(b"<a href='/'>Home</a> " + phrase)


@pytest.mark.parametrize(
    "page",
    [
        b"<!-- <div id='cookie-banner'></div> -->",
        b"<!-- <button>Accept all cookies</button>",
        b"<p>Alles klaro!</p>",
        b"<a href='/cookies/'>Cookies</a>",
        b"<h1>Our cookie recipes</h1><button>Save</button>",
    ],
)
def test_what_does_not_ask(page: bytes) -> None:
    assert not asks_for_consent(page)


def test_what_stands_after_a_comment_counts() -> None:
    assert asks_for_consent(b"<!-- no banner --><div class='cookie-banner'>")
    assert asks_for_consent(b"<!-- a --><!-- b --><button>Tout accepter</button><button>Accepter les cookies</button>")


def test_a_huge_page_is_looked_into_up_to_its_limit() -> None:
    assert not asks_for_consent(b"x" * MAX_PAGE + b"<div id='cookie-banner'>")
    assert not asks_for_consent(b"accept cookies" * 100_000)


@given(st.binary(max_size=300))
def test_any_bytes_can_be_asked(page: bytes) -> None:
    assert asks_for_consent(page) in {True, False}


def plain_answer(page: bytes) -> bool:
    """Return what `asks_for_consent` must, from every mark and phrase on the whole page."""
    lowered = page[:MAX_PAGE].lower()
    if not any(words in lowered for words in (*BANNER_MARKS, *BUTTON_PHRASES)):
        return False
    shown = _without_comments(lowered)
    return any(mark in shown for mark in BANNER_MARKS) or any(_on_a_button(shown, words) for words in BUTTON_PHRASES)


WHOLE = st.sampled_from([*BANNER_MARKS, *BUTTON_PHRASES])
CUT = st.builds(lambda words, start, end: words[start : len(words) - end], WHOLE, st.integers(0, 3), st.integers(0, 3))
GAPS = st.integers(0, 5 * _LONGEST).map(lambda length: b"x" * length)
TAGS = st.sampled_from([b"<button>", b"</button>", b"<a href=x>", b"</a>", b"<p>", b"<!--", b"-->", b"\n", b"Cookie"])
PAGES = st.lists(st.one_of(WHOLE, CUT, GAPS, TAGS, st.sampled_from(STEMS)), max_size=8).map(b"".join)


@given(PAGES)
def test_the_answer_is_that_of_a_plain_search(page: bytes) -> None:
    assert asks_for_consent(page) == plain_answer(page)


@pytest.mark.parametrize("words", [*BANNER_MARKS, *BUTTON_PHRASES])
def test_every_mark_and_phrase_has_a_stem(words: bytes) -> None:
    assert any(stem in words for stem in STEMS)
