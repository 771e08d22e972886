from hypothesis import given
from hypothesis import strategies as st

from addon.remembered import Remembered


@given(st.lists(st.text(max_size=6), max_size=40), st.integers(1, 5))
def test_what_is_remembered_is_what_would_be_found(asked: list[str], entries: int) -> None:
    remembered = Remembered(str.upper, entries, 3)
    for text in asked:
        assert remembered[text] == text.upper()
        assert len(remembered) <= entries
        assert all(len(kept) <= 3 for kept in remembered)


def test_what_is_known_is_not_looked_for_again() -> None:
    asked: list[bytes] = []
    remembered = Remembered(lambda given: asked.append(given) or len(asked), 2, 3)
    assert [remembered[given] for given in (b"a", b"a", b"long", b"long", b"b", b"a", b"c", b"a")] == [
        1, 1, 2, 3, 4, 1, 5, 6,
    ]  # fmt: skip
    assert asked == [b"a", b"long", b"long", b"b", b"c", b"a"]


def test_what_is_not_text_says_how_large_it_is() -> None:
    remembered = Remembered[tuple[str, str], str]("".join, 9, 3, lambda pair: len(pair[0]) + len(pair[1]))
    assert remembered["a", "b"] + remembered["long", "er"] == "ablonger"
    assert list(remembered) == [("a", "b")]
