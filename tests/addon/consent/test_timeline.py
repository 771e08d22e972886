"""What was known of the choice at a moment: every state, and its bounds."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.consent.clicks import BannerClick
from addon.consent.contradictions import Claim, Known, StatementMade, contradictions
from addon.consent.login import NO_LOGIN, LoginMoment, LoginStamp, stamp_after
from addon.consent.timeline import (
    CHOICE_MARGIN,
    NOT_KNOWN,
    SAME_CLICK,
    ConsentStamp,
    ConsentTimeline,
    Mark,
    Proof,
    timelines,
)
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


def evidence(at: float, state: ConsentState | None = None, *, site: str = SITE, **more: Any) -> ConsentEvidence:
    return ConsentEvidence(
        source_id="mitm-1",
        position=int(at),
        at=at,
        site=site,
        state=state,
        proof=f"{state or 'nothing'} at {at}",
        **more,
    )


def click(at: float, state: ConsentState = "accepted", text: str = "Accept all cookies") -> BannerClick:
    return BannerClick(site=SITE, at=at, state=state, text=text)


def mark(at: float, kind: Any, site: str | None = SITE) -> Mark:
    return Mark(at=at, kind=kind, site=site, text="")


def state_at(moment: float, pages: Any = (), found: Any = (), marks: Any = (), clicks: Any = ()) -> tuple[str, str]:
    stamp = timelines(pages, found, marks, clicks)[SITE].at(moment)
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


# the cookie's own time of choice


@pytest.mark.parametrize("state", ["refused", "partly_accepted", "accepted"])
def test_a_cookie_that_dates_the_choice_narrows_the_interval(state: ConsentState) -> None:
    pages, found = [page(10)], [evidence(10), evidence(20, state, chosen_at=15), evidence(30, state, chosen_at=15)]
    assert state_at(13, pages, found) == ("no_choice_yet", "inferred")
    for near in (15 - CHOICE_MARGIN, 15, 15 + CHOICE_MARGIN):
        assert state_at(near, pages, found) == ("undetermined", "none")
    assert state_at(17, pages, found) == (state, "observed")
    assert state_at(25, pages, found) == (state, "observed")
    assert state_at(35, pages, found) == (state, "inferred")
    stamp = timelines(pages, found, ())[SITE].at(17)
    assert stamp.last_before.at == 15
    assert "the browser's clock" in stamp.last_before.proof


def test_a_change_of_mind_is_dated_too() -> None:
    found = [evidence(10, "accepted", chosen_at=5), evidence(20, "refused", chosen_at=15)]
    assert state_at(12, [page(4)], found) == ("accepted", "inferred")
    assert state_at(17, [page(4)], found) == ("refused", "observed")


@pytest.mark.parametrize("chosen_at", [9.0, 20.5, 1_000_000.0])
def test_a_time_that_does_not_fit_is_not_used_and_that_is_said(chosen_at: float) -> None:
    pages, found = [page(10)], [evidence(10), evidence(20, "accepted", chosen_at=chosen_at)]
    assert state_at(15, pages, found) == ("undetermined", "none")
    proof = timelines(pages, found, ())[SITE].at(15).first_after.proof
    assert "does not fit the requests around it: not used" in proof


def test_a_choice_of_long_ago_is_said_to_be_one() -> None:
    pages, found = [page(1_795_341_600)], [evidence(1_795_341_600, "accepted", chosen_at=1_795_000_000)]
    stamp = timelines(pages, found, ())[SITE].at(1_795_341_601)
    assert stamp.last_before.at == 1_795_341_600
    assert "chosen before this capture by its own account, at 2026-11-18T11:06:40Z" in stamp.last_before.proof


def test_a_cookie_whose_meaning_is_closed_still_dates_the_choice() -> None:
    found = [evidence(10), evidence(20, "unknown", chosen_at=15)]
    assert state_at(12, [page(10)], found) == ("no_choice_yet", "inferred")
    assert state_at(17, [page(10)], found) == ("unknown", "observed")


# requests that tell of a choice


@pytest.mark.parametrize("state", ["refused", "partly_accepted", "accepted"])
def test_a_request_that_tells_of_the_choice_dates_it(state: ConsentState) -> None:
    pages, found = [page(10)], [evidence(10), evidence(15, state, kind="choice"), evidence(20, state)]
    assert state_at(12, pages, found) == ("no_choice_yet", "inferred")
    assert state_at(15.5, pages, found) == ("undetermined", "none")
    assert state_at(17, pages, found) == (state, "observed")


def test_a_missing_cookie_does_not_take_back_what_a_request_told_of() -> None:
    pages, found = [page(10)], [evidence(10), evidence(15, "refused", kind="choice"), evidence(20), evidence(30)]
    assert state_at(25, pages, found) == ("refused", "inferred")


def test_a_choice_of_which_only_the_moment_is_known_is_read_from_the_next_cookie() -> None:
    pages, found = [page(10)], [evidence(10), evidence(15, kind="choice"), evidence(20, "accepted")]
    assert state_at(12, pages, found) == ("no_choice_yet", "inferred")
    assert state_at(15, pages, found) == ("undetermined", "none")
    assert state_at(17, pages, found) == ("accepted", "inferred")


def test_a_choice_that_nothing_explains_leaves_the_state_unknown() -> None:
    pages, found = [page(10)], [evidence(10), evidence(15, kind="choice"), evidence(20)]
    assert state_at(12, pages, found) == ("no_choice_yet", "inferred")
    assert state_at(17, pages, found) == ("unknown", "inferred")


def test_a_choice_that_changed_nothing_leaves_no_gap() -> None:
    found = [evidence(10, "refused"), evidence(15, "refused", kind="choice"), evidence(20, "refused")]
    for moment in (12, 15, 15.2, 17):
        assert state_at(moment, [page(5)], found) == ("refused", "observed")


# platforms


def test_a_platform_that_is_loaded_asks_from_the_page_that_loads_it_on() -> None:
    pages = [page(10, asks=False), page(20, asks=False)]
    found = [evidence(10), evidence(11, kind="asks"), evidence(20), evidence(21)]
    assert state_at(15, pages, found) == ("no_choice_yet", "observed")
    assert state_at(15, pages, [evidence(10), evidence(20), evidence(22, kind="asks"), evidence(25)]) == (
        "no_choice_yet",
        "inferred",
    )


def test_where_a_platform_keeps_the_choice_out_of_sight_a_missing_cookie_shows_nothing() -> None:
    pages = [page(10), page(30)]
    found = [evidence(10), evidence(11, "unknown", kind="hides"), evidence(30)]
    assert state_at(20, pages, found) == ("unknown", "inferred")
    assert state_at(40, pages, found, [mark(35, "refused")]) == ("refused", "marked")


def test_a_site_that_asks_nobody_is_not_between_two_choices() -> None:
    found = [evidence(10), evidence(20, "not_asked"), evidence(30, "not_asked")]
    assert state_at(15, [page(10)], found) == ("no_choice_yet", "inferred")
    assert state_at(25, [page(10)], found) == ("not_asked", "observed")


def test_the_signal_of_the_browser_stays_in_the_proof() -> None:
    item = evidence(10).model_copy(update={"proof": "no consent cookie sent; the browser sent Sec-GPC: 1"})
    stamp = timelines([page(10)], [item], ())[SITE].at(15)
    assert stamp.state == "no_choice_yet"
    assert stamp.last_before.proof.endswith("; the browser sent Sec-GPC: 1")


# clicks on the banner


def test_a_click_that_a_cookie_confirms_dates_the_choice() -> None:
    pages, found, clicks = [page(10)], [evidence(10), evidence(20, "accepted"), evidence(30, "accepted")], [click(15)]
    assert state_at(14.9, pages, found, (), clicks) == ("no_choice_yet", "inferred")
    assert state_at(15, pages, found, (), clicks) == ("undetermined", "none")
    assert state_at(15.1, pages, found, (), clicks) == ("accepted", "inferred")
    assert state_at(25, pages, found, (), clicks) == ("accepted", "observed")
    stamp = timelines(pages, found, (), clicks)[SITE].at(17)
    assert (
        "the pixel reported a click on “Accept all cookies”; confirmed later: accepted at 20" in stamp.last_before.proof
    )


@pytest.mark.parametrize(
    "found",
    [
        [evidence(10)],
        [evidence(10), evidence(20)],
        [evidence(10), evidence(20, "refused")],
        [evidence(10), evidence(20, "partly_accepted")],
        [evidence(10), evidence(20, "unknown")],
        [evidence(10, "accepted"), evidence(20, "accepted")],
    ],
)
def test_a_click_that_no_cookie_confirms_says_nothing(found: list[ConsentEvidence]) -> None:
    pages = [page(10)]
    for moment in (12, 15, 17, 25):
        assert state_at(moment, pages, found, (), [click(15)]) == state_at(moment, pages, found)


def test_two_pixels_that_report_one_click_are_one_click() -> None:
    pages, found, clicks = [page(10)], [evidence(10), evidence(20, "accepted")], [click(15), click(15.2)]
    assert state_at(15.1, pages, found, (), clicks) == ("undetermined", "none")
    assert state_at(17, pages, found, (), clicks) == ("accepted", "inferred")


@pytest.mark.parametrize(
    "clicks", [[click(12), click(12.1 + SAME_CLICK)], [click(15, "refused", "Reject all"), click(15.5)]]
)
def test_clicks_that_differ_or_lie_far_apart_say_nothing(clicks: list[BannerClick]) -> None:
    pages, found = [page(10)], [evidence(10), evidence(20, "accepted")]
    for moment in (11, 13, 15, 17):
        assert state_at(moment, pages, found, (), clicks) == ("undetermined", "none")


def test_a_click_does_not_go_against_a_mark() -> None:
    pages, found = [page(10)], [evidence(10), evidence(20, "accepted")]
    assert state_at(17, pages, found, [mark(12, "refused")], [click(15)]) == ("refused", "marked")


def test_clicks_of_other_sites_and_clicks_alone_make_no_timeline() -> None:
    assert timelines((), (), (), [click(15)]) == {}


# what always holds


@given(
    st.lists(
        st.builds(
            evidence,
            st.floats(0, 100).map(lambda at: round(at, 2)),
            st.sampled_from([None, "no_choice_yet", "refused", "partly_accepted", "accepted", "unknown"]),
            kind=st.sampled_from(["cookies", "choice"]),
            chosen_at=st.none() | st.floats(0, 100),
        ),
        max_size=8,
    ),
    st.lists(st.builds(click, st.floats(0, 100), st.sampled_from(["accepted", "refused"])), max_size=3),
    st.floats(0, 100),
)
def test_no_choice_is_stated_that_no_evidence_shows(
    found: list[ConsentEvidence], clicks: list[BannerClick], moment: float
) -> None:
    line = timelines([page(0)], found, (), clicks)[SITE]
    stamp = line.at(moment)
    shown = {item.state for item in found} | {"undetermined", "unknown", "no_choice_yet"}
    assert stamp.state in shown
    assert [item.at for item in line.proofs] == sorted(item.at for item in line.proofs)


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


MOMENTS = st.integers(0, 12).map(lambda half: half / 2)
PROOFS = st.lists(
    st.builds(
        Proof,
        state=st.sampled_from(STATES),
        at=MOMENTS,
        proof=st.sampled_from(["one", "another"]),
        marked=st.booleans(),
        margin=st.sampled_from([None, None, 0.5, CHOICE_MARGIN]),
        inferred=st.booleans(),
        against=st.sampled_from([(), ("a doubt",)]),
    ),
    max_size=4,
)
CLAIMS = st.lists(
    st.builds(
        Claim,
        at=MOMENTS,
        kind=st.sampled_from(["mark", "click", "request"]),
        state=st.sampled_from([None, *STATES]),
        proof=st.just("claimed"),
    ),
    max_size=3,
)
STATEMENTS = st.lists(
    st.builds(
        StatementMade,
        kind=st.sampled_from(["library_first", "us_privacy", "gpp"]),
        says=st.sampled_from([None, "granted", "denied"]),
        at=MOMENTS,
        proof=st.sampled_from(["said", "said again"]),
    ),
    max_size=4,
)
LOGINS = st.lists(
    st.builds(LoginMoment, at=MOMENTS, logged_in=st.booleans(), marked=st.booleans(), words=st.just("login")),
    max_size=3,
)


def plain_stamp(
    proofs: list[Proof], claims: list[Claim], statements: list[StatementMade], moment: float
) -> ConsentStamp:
    """Return what `ConsentTimeline.at` must, from everything that lies before the moment."""
    proofs, statements = sorted(proofs, key=lambda item: item.at), sorted(statements, key=lambda item: item.at)
    earlier = [item for item in proofs if item.at <= moment]
    before = earlier[-1] if earlier else None
    after = next((item for item in proofs if item.at > moment), None)
    said = [item for item in statements if item.at <= moment]
    latest = {item.kind: item for item in said if item.kind != "library_first" or item.at == moment}
    if before is None and after is None:
        return NOT_KNOWN.model_copy(update={"statements": tuple(latest.values())})
    near = [item for item in (before, after) if item is not None]
    being_made = any(item.margin is not None and abs(moment - item.at) <= item.margin for item in near)
    state, basis = ConsentTimeline._decide(before, after, being_made=being_made)
    doubt = ConsentTimeline._after_a_mark(before, after) if basis == "marked" else ()
    known = [Known(at=item.at, state=item.state, against=item.against) for item in proofs]
    made = [item for item in sorted(claims, key=lambda item: item.at) if item.at <= moment]
    nearest = known[max(0, len(earlier) - 1) : len(earlier) + 1]
    return ConsentStamp(
        state=state,
        basis=basis,
        last_before=before,
        first_after=after,
        contradictions=doubt + contradictions(state, nearest, known[: len(earlier)], made, said),
        statements=tuple(latest.values()),
    )


def plain_login(logins: list[LoginMoment], moment: float) -> LoginStamp:
    """Return what `ConsentTimeline.login_at` must."""
    earlier = [item for item in sorted(logins, key=lambda item: item.at) if item.at <= moment]
    return stamp_after(earlier[-1]) if earlier else NO_LOGIN


@given(PROOFS, CLAIMS, STATEMENTS, LOGINS, st.lists(st.one_of(MOMENTS, st.floats(-1, 8)), max_size=12))
def test_stamps_are_those_of_a_plain_look_at_everything_before_the_moment(
    proofs: list[Proof],
    claims: list[Claim],
    statements: list[StatementMade],
    logins: list[LoginMoment],
    moments: list[float],
) -> None:
    timeline = ConsentTimeline(proofs, claims, statements, logins)
    for moment in moments:
        assert timeline.at(moment) == plain_stamp(proofs, claims, statements, moment)
        assert timeline.login_at(moment) == plain_login(logins, moment)


def test_moments_between_the_same_proofs_share_their_stamp() -> None:
    timeline = ConsentTimeline([proof("refused", 1), proof("refused", 5)])
    assert timeline.at(2) is timeline.at(4)
    assert timeline.at(2) is not timeline.at(6)


SHORT = st.lists(st.tuples(st.integers(0, 6), st.sampled_from(STATES)), max_size=5)


@given(common=SHORT, ours=SHORT, theirs=SHORT, said=st.tuples(SHORT, SHORT, SHORT), data=st.data())
def test_timelines_say_the_same_of_moments_before_they_differ(common, ours, theirs, said, data):
    def made(proofs: list[tuple[int, Any]], more: list[tuple[int, Any]]) -> ConsentTimeline:
        margin = data.draw(st.sampled_from([None, CHOICE_MARGIN]))
        return ConsentTimeline(
            [proof(state, float(at)).model_copy(update={"margin": margin}) for at, state in common + proofs],
            [Claim(at=at, kind="click", state=state, proof="a click") for at, state in said[0] + more],
            [
                StatementMade(kind="google_consent_mode", says=None, at=at, proof=state)
                for at, state in said[1] + more[:1]
            ],
            [
                LoginMoment(at=at, logged_in=state == "refused", marked=False, words="")
                for at, state in said[2] + more[:2]
            ],
        )

    more = data.draw(st.tuples(SHORT, SHORT))
    one, other = made(ours, more[0]), made(theirs, more[1])
    until = one.same_until(other)
    assert until == other.same_until(one)
    for moment in [number / 2 for number in range(-2, 16)]:
        if moment < until:
            assert one.at(moment) == other.at(moment)
            assert one.login_at(moment) == other.login_at(moment)


def test_timelines_that_are_equal_never_differ_and_a_later_proof_counts_from_the_one_before():
    first, second, third = proof("no_choice_yet", 1.0), proof("no_choice_yet", 5.0), proof("accepted", 9.0)
    known = ConsentTimeline([first, second])
    assert known.same_until(ConsentTimeline([first, second])) == float("inf")
    assert known.same_until(ConsentTimeline([first, second, third])) == 5.0
    assert known.same_until(ConsentTimeline([])) == float("-inf")
