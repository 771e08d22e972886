"""A history drawn as lanes: bounded, and true to what it draws."""

from hypothesis import given
from hypothesis import strategies as st

from cli.lanes import MOST_LANES, MOST_ROWS, drawing
from cli.linked import History, LinkedIdentifier, Visit

KINDS = {"browser id": "fbp", "Facebook account": "c_user", "e-mail address": "em"}
LINKS = {"fbp": "browser_id", "c_user": "account", "em": "contact"}


def history(*carried: tuple[str, ...], site: str = "a.example") -> History:
    names = list(dict.fromkeys(name for own in carried for name in own))
    identifiers = tuple(
        LinkedIdentifier(
            name=name,
            link=LINKS[kind],
            kind=kind,
            value="shortened",
            resolvable_by="meta",
            lifetime=None,
            created_at=None,
            first_seen_at="2026-03-02T14:05:30.000Z",
            last_seen_at="2026-03-02T14:05:30.000Z",
            events=1,
            sites=(site,),
            pixel_ids=("1",),
            sessions=("one",),
            through=None,
        )
        for name in names
        for kind in (KINDS[name.rpartition(" ")[0]],)
    )
    visits = tuple(
        Visit(
            session="one",
            site=f"{number}.example",
            pixel_ids=("1",),
            started_at=f"2026-03-02T14:{number:02}:00.000Z",
            ended_at=f"2026-03-02T14:{number:02}:30.000Z",
            event_ids=(f"e{number}",),
            act_ids=(f"a{number}",),
            health_act_ids=(),
            pages=1,
            identifiers=own,
        )
        for number, own in enumerate(carried)
    )
    return History(
        level="meta",
        pixel_id=None,
        strongest="account",
        text="",
        cautions=(),
        identifiers=identifiers,
        visits=visits,
        event_ids=tuple(visit.event_ids[0] for visit in visits),
        sessions=("one",),
        sites=(site,),
        pixel_ids=("1",),
        started_at="2026-03-02T14:05:30.000Z",
        ended_at="2026-03-02T14:05:30.000Z",
        events=len(visits),
        direct=1,
        acts=len(visits),
        health_acts=0,
    )


def test_one_visit_is_not_drawn() -> None:
    assert drawing(history(("browser id A",))) is None


def test_lines_run_from_the_first_to_the_last_row_that_carried_an_identifier() -> None:
    found = drawing(
        history(
            ("Facebook account A", "browser id A"),
            ("browser id A",),
            ("Facebook account A", "browser id B"),
            ("browser id B", "e-mail address A"),
        )
    )
    assert [[one.name for one in lane.identifiers] for lane in found.lanes] == [
        ["Facebook account A"], ["browser id A"], ["browser id B"],
    ]  # fmt: skip
    assert [[(cell.marked, cell.stroke) for cell in row.cells] for row in found.rows] == [
        [(True, "down"), (True, "down"), (False, "none")],
        [(False, "through"), (True, "up"), (False, "none")],
        [(True, "up"), (False, "none"), (True, "down")],
        [(False, "none"), (False, "none"), (True, "up")],
    ]
    assert [row.own for row in found.rows] == [(), (), (), ("e-mail address A",)]
    assert [row.marks for row in found.rows] == [(0, 1), None, (0, 2), (2, 3)]


def test_what_came_with_the_same_rows_is_one_lane() -> None:
    both = ("Facebook account A", "e-mail address A")
    found = drawing(history((*both, "browser id A"), (*both, "browser id B")))
    assert [len(lane.identifiers) for lane in found.lanes] == [2]


@given(st.lists(st.lists(st.sampled_from("ABCDEFGHIJ"), min_size=1, max_size=4, unique=True), min_size=2, max_size=40))
def test_a_drawing_is_bounded_and_counts_what_it_leaves_out(carried: list[list[str]]) -> None:
    found = drawing(history(*(tuple(f"e-mail address {letter}" for letter in own) for own in carried)))
    assert found is not None
    assert len(found.rows) <= MOST_ROWS
    assert len(found.lanes) <= MOST_LANES
    assert len(found.rows) + found.more_rows == len(carried)
    for row in found.rows:
        assert len(row.cells) == len(found.lanes)
        own = set(carried[int(row.site.partition(".")[0])])
        for lane, cell in zip(found.lanes, row.cells, strict=True):
            assert cell.marked == (lane.identifiers[0].name.rpartition(" ")[2] in own)
        assert set(row.leads) <= {f"e-mail address {letter}" for letter in own}
