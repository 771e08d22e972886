from hypothesis import given
from hypothesis import strategies as st

from rules.memory import Memory


@given(st.lists(st.integers(0, 20)), st.integers(1, 100))
def test_it_says_what_the_function_says(asked, limit):
    remembered = Memory(lambda key: (key, key), lambda key, _: key, limit)
    assert [remembered(key) for key in asked] == [(key, key) for key in asked]
    assert sum(remembered._young) <= limit
    assert sum(remembered._old) <= limit


def test_what_was_asked_lately_is_kept():
    worked_out = []

    def work_out(key):
        worked_out.append(key)
        return str(key)

    remembered = Memory(work_out, lambda *_: 1, limit=3)
    for key in (1, 2, 3, 1, 4, 1, 2, 5, 6):
        remembered(key)
    assert worked_out == [1, 2, 3, 4, 5, 6]
    remembered(3)
    assert worked_out[-1] == 3


def test_what_is_larger_than_all_that_is_kept_is_not_kept():
    remembered = Memory(str, lambda *_: 10, limit=9)
    assert remembered(1) == remembered(1) == "1"
    assert not remembered._young
