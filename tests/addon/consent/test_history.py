"""What is kept of a long visit says of any moment at its end what all of it says."""

from hypothesis import given
from hypothesis import strategies as st

from addon.consent.history import MOST, ConsentHistory
from addon.consent.timeline import NOT_KNOWN, ConsentStamp, Mark, timelines
from addon.observation import ConsentEvidence, PageVisit

SITE = "clinic.example"


def at(history: ConsentHistory, site: str, moment: float) -> ConsentStamp:
    timeline = history.timeline(site)
    return NOT_KNOWN if timeline is None else timeline.at(moment)


def page(at: float, *, asks: bool | None) -> PageVisit:
    return PageVisit(
        source_id="s", position=round(at), at=at, url="https://clinic.example/", site=SITE, title=None, status=200,
        top=True, asks=asks, cookie_names=(),
    )  # fmt: skip


def evidence(at: float, state: str | None, kind: str = "cookies") -> ConsentEvidence:
    return ConsentEvidence.model_validate(
        {
            "source_id": "s",
            "position": round(at),
            "at": at,
            "site": SITE,
            "state": state,
            "proof": f"{state}",
            "kind": kind,
        }
    )


@given(
    asks=st.lists(st.sampled_from([True, False, False, None]), min_size=1, max_size=12),
    states=st.lists(st.sampled_from([None, "accepted", "refused"]), max_size=8),
    loads=st.booleans(),
    times=st.integers(20, 60),
)
def test_thinning_changes_nothing_at_the_end(asks, states, loads, times):
    pages = [page(float(10 * number), asks=asks[min(number, len(asks) - 1)]) for number in range(5 * times)]
    proofs = [evidence(10.0 * number + 5, state) for number, state in enumerate(states)]
    if loads:
        proofs.append(evidence(203.0, None, "asks"))
    history = ConsentHistory()
    for number, item in enumerate(pages):
        history.add([item], proofs if number == 21 else ())
    assert len(history._pages[SITE]) <= MOST + 1
    whole = timelines(pages, proofs, ())[SITE]
    for moment in (pages[-1].at + 1, pages[-3].at + 1):
        assert at(history, SITE, moment).state == whole.at(moment).state


def test_marks_count_at_once_and_are_noticed_once():
    history = ConsentHistory()
    history.add([page(10.0, asks=False)])
    assert at(history, SITE, 11.0).state == "not_asked"
    mark = Mark(at=5.0, kind="refused", site=None, text="")
    assert history.set_marks([mark])
    assert not history.set_marks([mark])
    assert at(history, SITE, 11.0).state == "refused"
    assert history.sites == (SITE,)
    assert at(history, "elsewhere.example", 11.0).state == "unknown"


def test_news_tells_of_sites_that_were_asked_about_and_from_when_it_counts():
    history = ConsentHistory()
    assert history.timeline(SITE) is None
    history.add([page(10.0, asks=True)], [evidence(11.0, None), evidence(20.0, None)])
    assert history.news() == {SITE: float("-inf")}
    assert history.news() == {}
    history.add([page(30.0, asks=True)])
    assert history.news() == {}  # a further page says nothing else of any moment
    history.add(evidence=[evidence(40.0, "accepted")])
    history.timeline(SITE)
    history.add(evidence=[evidence(50.0, "accepted")])
    assert history.news() == {SITE: 20.0}  # the earliest of both, and the proof before it
    history.add([page(60.0, asks=True)], [evidence(60.0, "accepted")])
    history.set_marks([Mark(at=15.0, kind="refused", site=None, text="")])
    assert history.news()[SITE] <= 15.0
    assert history.news() == {}


@given(
    given_in=st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from([None, "accepted", "refused", "mark"])), min_size=1, max_size=12
    )
)
def test_what_is_no_news_still_holds(given_in):
    history, marks = ConsentHistory(), []
    moments = [number / 2 for number in range(-2, 24)]
    history.add([page(0.0, asks=True)])
    known = {moment: at(history, SITE, moment) for moment in moments}
    for number, (moment, state) in enumerate(given_in):
        if state == "mark":
            marks.append(Mark(at=float(moment), kind="refused", site=None, text=""))
            history.set_marks(marks)
        else:
            history.add(evidence=[evidence(float(moment), state)])
        if number % 2:
            since = history.news().get(SITE, float("inf"))
            known |= {moment: at(history, SITE, moment) for moment in moments if moment >= since}
            assert known == {moment: at(history, SITE, moment) for moment in moments}
