"""Whether a page asks: its own markup, not its words about cookies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.consent.banners import BUTTON_PHRASES, MAX_PAGE, asks_for_consent


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
