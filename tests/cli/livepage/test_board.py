"""What a reader that was away, or slow, is told: everything it lacks and nothing twice."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cli.livepage.board import Board
from cli.livepage.feed import News


def a_card(act: str, minute: int, band: str = "high", **more: Any) -> dict[str, Any]:
    return {
        "id": act, "at": f"2026-05-04T10:{minute:02}:00.000Z", "site": "clinic.example", "topics": ["hiv"], "total": 1,
        "standing": "counted", "severity": {"band": band, "score": 70}, "consent": {"before": True},
        "review": {"state": "open"},
    } | more  # fmt: skip


class Reader:
    """What a tab knows."""

    def __init__(self) -> None:
        self.epoch, self.sequence = "", -1
        self.acts: dict[str, Any] = {}

    def hear(self, board: Board) -> None:
        message = board.message(self.epoch, self.sequence)
        if message is None:
            return
        if message["type"] == "whole":
            self.acts = {}
        self.epoch, self.sequence = message["epoch"], message["sequence"]
        for act in message.get("gone", ()):
            self.acts.pop(act, None)
        self.acts |= {act["id"]: act for act in message["acts"]}


steps = st.lists(
    st.tuples(
        st.sampled_from(["put", "gone", "fresh"]),
        st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 59)), max_size=4),
        st.booleans(),
    ),
    max_size=30,
)


@given(steps)
def test_every_reader_ends_with_the_same_acts_however_often_it_listened(changes) -> None:
    board = Board()
    always, sometimes = Reader(), Reader()
    truth: dict[str, Any] = {}
    for kind, items, listens in changes:
        cards = {act: a_card(act, minute) for act, minute in items}
        if kind == "gone":
            gone = tuple(act for act in cards if act in truth)
            board.take(News(gone=gone))
            truth = {act: card for act, card in truth.items() if act not in gone}
        else:
            truth = (truth if kind == "put" else {}) | cards
            board.take(News(fresh=kind == "fresh", cards=cards))
        always.hear(board)
        if listens:
            sometimes.hear(board)
    late = Reader()
    for reader in (always, sometimes, late):
        reader.hear(board)
        assert reader.acts == truth
    everything = board.older("9999", 100)
    assert [card["at"] for card in everything] == sorted((card["at"] for card in truth.values()), reverse=True)


def test_counts_are_of_acts_and_the_strongest_comes_first() -> None:
    board = Board()
    cards = [
        a_card("a", 1),
        a_card("b", 2, "critical", site="trust.example", topics=["abortion", "hiv"]),
        a_card("c", 3, "none", standing="nothing", topics=[]),
        a_card("d", 4, standing="dismissed", review={"state": "dismissed"}),
    ]
    assert board.take(News(cards={card["id"]: card for card in cards}))
    counts = board.message("", -1)["counts"]
    total = counts["total"]
    assert (total["acts"], total["counted"], total["dismissed"], total["before_consent"], total["open"]) == (
        4,
        2,
        1,
        2,
        2,
    )
    assert [(row["key"], row["counted"], row["acts"]) for row in counts["sites"]] == [
        ("trust.example", 1, 1),
        ("clinic.example", 1, 3),
    ]
    assert [(row["key"], row["counted"]) for row in counts["topics"]] == [("hiv", 2), ("abortion", 1)]


def test_no_news_is_no_message() -> None:
    board = Board()
    assert not board.take(News(more=True))
    first = board.message("", -1)
    assert board.message(first["epoch"], first["sequence"]) is None
