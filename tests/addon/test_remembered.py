from hypothesis import given
from hypothesis import strategies as st

from addon.remembered import OncePerObject, Remembered


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


def test_a_result_belongs_to_one_object_and_not_to_its_equals() -> None:
    made: list[list[int]] = []

    def total(numbers: list[int]) -> int:
        made.append(numbers)
        return sum(numbers)

    once = OncePerObject(total, 3)
    first, equal = [1, 2], [1, 2]
    assert [once(first), once(first), once(equal)] == [3, 3, 3]
    assert len(made) == 2
    first.append(4)
    assert once(first) == 3


def test_no_object_is_taken_for_one_that_is_gone() -> None:
    once = OncePerObject(lambda text: text * 2, 3)
    for number in range(1_000):  # each takes the place of one that nobody else holds
        text = f"text {number}"
        assert once(text) == text * 2
    assert len(once._known) <= 3
