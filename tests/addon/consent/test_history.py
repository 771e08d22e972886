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
