"""What was known of the choice at a moment: every state, and its bounds."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.consent.timeline import NOT_KNOWN, ConsentTimeline, Mark, Proof, timelines
from addon.observation import ConsentEvidence, PageVisit
from addon.vocabulary import ConsentState

SITE = "example-clinic.example"
STATES: tuple[ConsentState, ...] = ("no_choice_yet", "refused", "partly_accepted", "accepted", "not_asked", "unknown")


def proof(state: ConsentState, at: float, *, marked: bool = False) -> Proof:
    return Proof(state=state, at=at, proof=f"{state} at {at}", marked=marked)


def page(at: float, *, asks: bool | None = True, site: str = SITE) -> PageVisit:
    return PageVisit(
        source_id="mitm-1",
        position=int(at),
        at=at,
        url=f"https://www.{site}/",
        site=site,
        title=None,
        status=200,
        top=True,
        asks=asks,
        cookie_names=(),
    )


def evidence(at: float, state: ConsentState | None = None, *, site: str = SITE) -> ConsentEvidence:
    return ConsentEvidence(
        source_id="mitm-1", position=int(at), at=at, site=site, state=state, proof=f"{state or 'nothing'} at {at}"
    )


def mark(at: float, kind: Any, site: str | None = SITE) -> Mark:
    return Mark(at=at, kind=kind, site=site, text="")


def state_at(moment: float, pages: Any = (), found: Any = (), marks: Any = ()) -> tuple[str, str]:
    stamp = timelines(pages, found, marks)[SITE].at(moment)
    return stamp.state, stamp.basis


# states


def test_no_choice_yet_between_two_requests_without_cookie() -> None:
    assert state_at(15, [page(10)], [evidence(10), evidence(20)]) == ("no_choice_yet", "observed")


def test_accepted_after_the_cookie_was_seen() -> None:
    assert state_at(25, [page(10)], [evidence(10), evidence(20, "accepted"), evidence(30, "accepted")]) == (
        "accepted",
        "observed",
    )


@pytest.mark.parametrize("state", ["refused", "partly_accepted", "accepted"])
def test_after_the_last_proof_it_is_inferred(state: ConsentState) -> None:
    assert state_at(99, [page(10)], [evidence(20, state)]) == (state, "inferred")


def test_undetermined_between_the_last_proof_of_one_state_and_the_first_of_another() -> None:
    pages, found = [page(10)], [evidence(10), evidence(20, "accepted")]
    assert state_at(15, pages, found) == ("undetermined", "none")
    assert state_at(20, pages, found) == ("accepted", "inferred")
    stamp = timelines(pages, found, ())[SITE].at(15)
    assert (stamp.last_before.state, stamp.last_before.at) == ("no_choice_yet", 10)
    assert (stamp.first_after.state, stamp.first_after.at) == ("accepted", 20)


@pytest.mark.parametrize("state", ["refused", "partly_accepted", "accepted"])
def test_before_the_first_proof_of_a_choice_nothing_is_determined(state: ConsentState) -> None:
    assert state_at(5, [page(10)], [evidence(20, state)]) == ("undetermined", "none")


def test_what_was_not_chosen_later_was_not_chosen_before() -> None:
    assert state_at(5, [page(10)], [evidence(10)]) == ("no_choice_yet", "inferred")


def test_not_asked_where_no_page_of_the_site_asks() -> None:
    pages = [page(10, asks=False), page(20, asks=False)]
    found = [evidence(10), evidence(20)]
    assert state_at(15, pages, found) == ("not_asked", "observed")
    assert state_at(25, pages, found) == ("not_asked", "inferred")
    assert state_at(5, pages, found) == ("not_asked", "inferred")


def test_not_asked_is_not_said_where_one_page_could_not_be_looked_into() -> None:
    assert state_at(15, [page(10, asks=False), page(20, asks=None)], [evidence(10), evidence(20)]) == (
        "unknown",
        "none",
    )


def test_not_asked_is_not_said_where_a_cookie_tells_of_a_choice() -> None:
    pages = [page(10, asks=False)]
    assert state_at(25, pages, [evidence(20, "accepted")]) == ("accepted", "inferred")
    assert state_at(15, pages, [evidence(20, "accepted")]) == ("undetermined", "none")


def test_unknown_where_nothing_is_known_of_the_site() -> None:
    assert SITE not in timelines((), (), ())
    assert state_at(15, [page(10, asks=None)], []) == ("unknown", "none")
    assert timelines([page(10, asks=None)], [], [])[SITE].at(5) == NOT_KNOWN


def test_a_missing_cookie_shows_nothing_before_the_site_was_seen_to_ask() -> None:
    pages = [page(10, asks=False), page(20, asks=True)]
    stamp = timelines(pages, [evidence(10), evidence(20)], ())[SITE].at(15)
    assert stamp.last_before is None
    assert (stamp.first_after.state, stamp.first_after.at) == ("no_choice_yet", 20)


def test_contradicting_cookies_are_a_bound_of_their_own() -> None:
    found = [evidence(10, "accepted"), evidence(20, "unknown"), evidence(30, "accepted")]
    assert state_at(15, [page(5)], found) == ("undetermined", "none")
    assert state_at(20, [page(5)], found) == ("undetermined", "none")


def test_sites_do_not_tell_of_each_other() -> None:
    other = "other-clinic.example"
    found = timelines([page(10), page(10, site=other)], [evidence(20, "accepted", site=other)], ())
    assert found[other].at(25).state == "accepted"
    assert found[SITE].at(25) == NOT_KNOWN


# marks


@pytest.mark.parametrize("kind", ["accepted", "refused"])
def test_a_mark_decides_from_its_moment_on(kind: str) -> None:
    pages, found, marks = [page(10)], [evidence(10)], [mark(15, kind)]
    assert state_at(15, pages, found, marks) == (kind, "marked")
    assert state_at(99, pages, found, marks) == (kind, "marked")
    assert state_at(14.9, pages, found, marks) == ("no_choice_yet", "inferred")


def test_a_mark_says_when_the_cookie_that_is_seen_later_was_chosen() -> None:
    pages, found, marks = [page(10)], [evidence(10), evidence(20, "accepted")], [mark(15, "accepted")]
    assert state_at(12, pages, found, marks) == ("no_choice_yet", "inferred")
    assert state_at(17, pages, found, marks) == ("accepted", "marked")
    assert state_at(20, pages, found, marks) == ("accepted", "inferred")


@pytest.mark.parametrize("asks", [True, False])
def test_a_mark_stands_where_the_choice_is_kept_out_of_sight(asks: bool) -> None:
    pages = [page(10, asks=asks), page(30, asks=asks)]
    found = [evidence(10), evidence(20), evidence(30)]
    for moment in (15, 25, 99):
        assert state_at(moment, pages, found, [mark(15, "refused")]) == ("refused", "marked")


def test_a_cookie_that_tells_of_another_choice_goes_beyond_a_mark() -> None:
    found = [evidence(10), evidence(20, "accepted")]
    assert state_at(25, [page(10)], found, [mark(15, "refused")]) == ("accepted", "inferred")


def test_a_mark_without_site_holds_everywhere_and_one_with_a_site_there_only() -> None:
    other = "other-clinic.example"
    pages = [page(10), page(10, site=other)]
    everywhere = timelines(pages, (), [mark(15, "refused", None)])
    assert {site: line.at(20).state for site, line in everywhere.items()} == {SITE: "refused", other: "refused"}
    here = timelines(pages, (), [mark(15, "refused")])
    assert here[SITE].at(20).state == "refused"
    assert here[other].at(20) == NOT_KNOWN


@pytest.mark.parametrize("kind", ["note", "logged_in"])
def test_other_marks_say_nothing_of_a_choice(kind: str) -> None:
    assert state_at(20, [page(10)], [], [mark(15, kind)]) == ("unknown", "none")


def test_a_mark_of_a_site_that_was_never_seen_makes_a_timeline() -> None:
    assert state_at(20, (), (), [mark(15, "accepted")]) == ("accepted", "marked")


# what always holds


times = st.floats(min_value=0, max_value=100, allow_nan=False)
proofs = st.lists(st.builds(proof, st.sampled_from(STATES), times, marked=st.booleans()), max_size=12)


@given(proofs, times)
def test_the_nearest_proofs_are_the_bounds(found: list[Proof], moment: float) -> None:
    stamp = ConsentTimeline(found).at(moment)
    before = [item for item in found if item.at <= moment]
    after = [item for item in found if item.at > moment]
    assert (stamp.last_before is None) == (not before)
    assert (stamp.first_after is None) == (not after)
    if stamp.last_before is not None:
        assert stamp.last_before in found
        assert stamp.last_before.at == max(item.at for item in before)
    if stamp.first_after is not None:
        assert stamp.first_after in found
        assert stamp.first_after.at == min(item.at for item in after)


@given(proofs, times)
def test_a_state_is_never_one_that_neither_bound_shows(found: list[Proof], moment: float) -> None:
    stamp = ConsentTimeline(found).at(moment)
    bounds = [item for item in (stamp.last_before, stamp.first_after) if item is not None]
    if not found:
        assert stamp == NOT_KNOWN
    else:
        assert stamp.state in {item.state for item in bounds} | {"undetermined"}
    if stamp.basis == "observed":
        assert len(bounds) == 2
        assert {item.state for item in bounds} == {stamp.state}
    if stamp.basis == "marked":
        assert stamp.last_before is not None
        assert stamp.last_before.marked
    if stamp.state == "undetermined":
        assert stamp.basis == "none"


@given(proofs, times, st.randoms())
def test_the_order_in_which_proofs_were_found_does_not_matter(found: list[Proof], moment: float, random: Any) -> None:
    distinct = list({item.at: item for item in found}.values())
    shuffled = distinct.copy()
    random.shuffle(shuffled)
    assert ConsentTimeline(shuffled).at(moment) == ConsentTimeline(distinct).at(moment)


@given(times, times, times)
def test_acceptance_is_never_dated_before_its_proof_without_a_mark(no: float, yes: float, moment: float) -> None:
    if not no < yes:
        return
    stamp = ConsentTimeline([proof("no_choice_yet", no), proof("accepted", yes)]).at(moment)
    assert (stamp.state == "accepted") == (moment >= yes)
