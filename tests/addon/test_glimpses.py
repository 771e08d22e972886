"""Of requests whose cookies show the same, one after the other, the first and the last are told."""

from hypothesis import given
from hypothesis import strategies as st

from addon.consent.belief import era
from addon.consent.evidence import read_told
from addon.glimpses import Runs
from addon.observation import Glimpse
from addon.sieve import Shown

ACCEPTED = Shown((("cookie_consent", "accepted"),), same_site=True, gpc=False, timeless=True)
DECLINED = Shown((("cookie_consent", "declined"),), same_site=True, gpc=False, timeless=True)
NOTHING = Shown((), same_site=True, gpc=False, timeless=True)
DATED = Shown(
    (("CookieConsent", "{stamp:'x',necessary:true,marketing:true,method:'explicit',utc:1790000000500}"),),
    same_site=True,
    gpc=False,
    timeless=False,
)
START = 1_790_000_000.0


def glimpse(place: int, at: float, site: str, shown: Shown) -> Glimpse:
    return Glimpse(place, at, site, shown.told, shown.same_site, shown.gpc)


def test_the_first_and_the_last_of_a_run_are_told() -> None:
    runs = Runs()
    told = [item for place in range(5) for item in runs.add(place, START + place, "a.example", ACCEPTED)]
    assert told == [glimpse(0, START, "a.example", ACCEPTED)]
    told = list(runs.add(5, START + 5, "a.example", DECLINED))
    assert told == [glimpse(4, START + 4, "a.example", ACCEPTED), glimpse(5, START + 5, "a.example", DECLINED)]
    assert list(runs.end()) == []


def plainly(seen: list[tuple[str, Shown, float]]) -> set[Glimpse]:
    """Return the first and the last of every row of requests to one site that show the same."""
    told: set[Glimpse] = set()
    for site in {site for site, _, _ in seen}:
        own = [(place, at, shown) for place, (name, shown, at) in enumerate(seen) if name == site]
        rows: list[list[tuple[int, float, Shown]]] = []
        for place, at, shown in own:
            same = rows and rows[-1][-1][2] == shown and _era(rows[-1][-1][2], rows[-1][-1][1]) == _era(shown, at)
            if same:
                rows[-1].append((place, at, shown))
            else:
                rows.append([(place, at, shown)])
        told |= {glimpse(place, at, site, shown) for row in rows for place, at, shown in (row[0], row[-1])}
    return told


def _era(shown: Shown, at: float) -> int:
    reading = read_told(shown.told)
    return era(reading, at) if reading is not None else 0


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a.example", "b.example"]),
            st.sampled_from([ACCEPTED, DECLINED, NOTHING, DATED]),
            st.sampled_from([START, START + 1, START - 90_000]),
        ),
        max_size=20,
    )
)
def test_runs_of_several_sites_do_not_disturb_each_other(seen: list[tuple[str, Shown, float]]) -> None:
    runs = Runs()
    told = [item for place, (site, shown, at) in enumerate(seen) for item in runs.add(place, at, site, shown)]
    told += runs.end()
    assert set(told) == plainly(seen)
    assert len(told) == len(set(told))
