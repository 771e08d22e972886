"""What an argument of `compare` names."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.vocabulary import ConsentState
from cli.comparison.selection import PHASES, Phase, Selection, SelectionError, parse_selection

TEN = 1777888800.0  # 2026-05-04T10:00:00Z


def nothing(_: str) -> bool:
    return False


@pytest.mark.parametrize("phase", get_args(Phase))
def test_a_phase_stands_after_a_colon(phase: Phase) -> None:
    assert parse_selection(f"visit:{phase}", nothing) == Selection("visit", phase)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("visit@2026-05-04T10:00Z..2026-05-04T10:00:30Z", TEN, TEN + 30),
        ("visit@..2026-05-04T11:00:00+01:00", None, TEN),
        ("visit@2026-05-04T10:00..", TEN, None),
        ("visit@ 2026-05-04T10:00 .. ", TEN, None),
    ],
)
def test_a_stretch_of_time_stands_after_an_at_sign(text: str, start: float | None, end: float | None) -> None:
    assert parse_selection(text, nothing) == Selection("visit", None, start, end)


@pytest.mark.parametrize("name", ["visit", "visit:before", "a@b", "a@..", "10:00"])
def test_a_session_of_that_name_comes_first(name: str) -> None:
    assert parse_selection(name, lambda text: text == name) == Selection(name)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("visit:later", "is no phase; the phases are: before, refused, partly, accepted, not-asked"),
        ("visit@noon..", "'noon' is no time"),
        ("visit@..", "names no time"),
        ("visit@2026-05-04T10:00Z..2026-05-04T09:00Z", "ends before it begins"),
        ("visit@2026-05-04T10:00Z..2026-05-04T10:00Z", "ends before it begins"),
    ],
)
def test_what_is_neither_is_a_sentence(text: str, words: str) -> None:
    with pytest.raises(SelectionError, match=words):
        parse_selection(text, nothing)


@given(st.text())
def test_any_text_is_a_selection_or_a_sentence(text: str) -> None:
    try:
        parsed = parse_selection(text, nothing)
    except SelectionError:
        return
    assert text.startswith(parsed.session)


@given(st.sampled_from(get_args(ConsentState)), st.floats(0, 4e9))
def test_every_moment_is_in_one_of_two_stretches_that_meet(state: ConsentState, at: float) -> None:
    before, after = Selection("visit", end=TEN), Selection("visit", start=TEN)
    assert before.holds(state, at) != after.holds(state, at)
    assert Selection("visit").holds(state, at)


@given(st.sampled_from(get_args(ConsentState)))
def test_a_state_is_in_one_phase_at_most(state: ConsentState) -> None:
    held = [phase for phase in PHASES if Selection("visit", phase).holds(state, TEN)]
    assert len(held) == (state not in {"undetermined", "unknown"})
