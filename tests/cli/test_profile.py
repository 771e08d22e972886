"""What a session says more than its events: statements with their support, and the story of each site."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli import profile, sentences, wording
from cli.bonds import Bond, Carrier, joined
from cli.schema import Act, Event, Finding, Inference, Report, Review
from rules.loader import load_rules
from rules.model import RuleKind

BANDS = ("none", "low", "medium", "high", "critical")
TOPICS = ("gender_identity", "abortion", "medicines", "general_conditions", "general_health")
ACTIONS = ("referral", "results", "own_action")
FIELDS = ("page.title", "page.path", "referrer.path", "page.description", "button.text", "search.term")
DISMISSED = Review(state="dismissed", reason="no", by=None, at=None)


def finding(category: str, field: str = "page.title", kind: str = "topic", text: str = "") -> Finding:
    return Finding(
        rule=f"topics/{category}",
        version=1,
        category=category,
        kind=kind,
        field=field,
        parameter="dl",
        text=text or category.replace("_", " "),
        start=None,
        end=None,
        points=40,
        reason="It names it.",
        legal_basis="Art. 9(1) GDPR",
    )


class Session:
    """Acts and events under construction, after the pattern of an event of the sample report."""

    def __init__(self, pattern: Event) -> None:
        self.pattern = pattern.model_copy(
            update={
                **dict.fromkeys(("findings", "topics", "actions", "identifiers"), ()),
                **dict.fromkeys(("clicked", "searched", "page_title"), None),
                "page_class": "public",
                "linkability": "address_only",
            }
        )
        self.acts: list[Act] = []
        self.events: list[Event] = []
        self.bonds: dict[str, list[Bond]] = {}

    def act(
        self, kind: str = "page_view", site: str | None = "a.example", bonds: Sequence[Bond] = (), **changes: Any
    ) -> Act:
        """Add an act with one event; topics and actions without findings get one each."""
        number = len(self.acts) + 1
        given = {"band": "high", "score": 70, "tier": "special_risk", "topics": (), "actions": (), **changes}
        if "findings" not in given:
            given["findings"] = tuple(
                finding(name, kind=kind)
                for kind, names in (("topic", given["topics"]), ("action", given["actions"]))
                for name in names
            )
        at = given.pop("at", f"2026-03-02T10:{number:02d}:00.000Z")
        event = self.pattern.model_copy(
            update={"id": f"e{number}", "site": site, "occurred_at": at, "page_url": f"https://{site}/p", **given}
        )
        act = Act.model_validate(
            {
                "id": f"a{number}",
                "kind": kind,
                "site": site,
                "page_url": event.page_url,
                "at": at,
                "event_ids": (event.id,),
                "band": event.band,
                "topics": event.topics,
            }
        )
        self.acts.append(act)
        self.events.append(event)
        self.bonds[event.id] = list(bonds)
        return act

    def statements(self, **more: Any) -> dict[str, Inference]:
        """Return the statements by category."""
        found = profile.inferences(self.acts, self.events, self.bonds, **more)
        return {item.category: item for item in found}


@pytest.fixture
def session(report: Report) -> Session:
    return Session(report.events[0])


def account(value: str = "100000000000001") -> Bond:
    return Bond("account", "c_user", value, "1000…")


def browser(value: str) -> Bond:
    return Bond("browser_id", "fbp", value, f"fb.{value}…")


# properties


@st.composite
def sessions(draw: st.DrawFn, pattern: Event) -> Session:
    """Return a session of random acts."""
    made = Session(pattern)
    for _ in range(draw(st.integers(0, 8))):
        topics = tuple(draw(st.lists(st.sampled_from(TOPICS), unique=True, max_size=3)))
        actions = tuple(draw(st.lists(st.sampled_from(ACTIONS), unique=True, max_size=2)))
        fields = st.sampled_from(FIELDS)
        made.act(
            kind=draw(st.sampled_from(["page_view", "click", "search", "form", "other"])),
            site=draw(st.sampled_from(["a.example", "b.example", None])),
            bonds=draw(st.lists(st.sampled_from([account(), account("2"), browser("x"), browser("y")]), max_size=2)),
            band=draw(st.sampled_from(BANDS)),
            review=draw(st.sampled_from([pattern.review, DISMISSED])),
            delivery=draw(st.sampled_from(["answered", "sent", "unknown", "not_sent"])),
            page_class=draw(st.sampled_from(["public", "under_18", "search"])),
            clicked=draw(st.none() | st.text(max_size=200)),
            searched=draw(st.none() | st.text(max_size=200)),
            topics=topics,
            actions=actions,
            findings=tuple(
                finding(name, draw(fields), kind)
                for kind, names in (("topic", topics), ("action", actions))
                for name in names
            ),
            at=f"2026-03-02T10:{draw(st.integers(0, 59)):02d}:00.000Z",
        )
    return made


@given(data=st.data())
def test_every_statement_holds(report: Report, data: st.DataObject) -> None:
    made = data.draw(sessions(report.events[0]))
    known = {event.id: event for event in made.events}
    for found in made.statements().values():
        assert found.event_ids
        assert {id_ for act in found.support for id_ in act.event_ids} == set(found.event_ids)
        assert [act.act_id for act in found.support] != []
        assert {act.act_id for act in found.support} == set(found.act_ids)
        for event in (known[id_] for id_ in found.event_ids):
            assert event.review.state != "dismissed"
            assert event.delivery != "not_sent"
            if found.kind == "context":
                assert profile.is_under_18(event)
            else:
                assert found.category in (event.topics if found.kind == "topic" else event.actions)
                assert event.band not in {"none", "low"}
        assert found.text.startswith(wording.MIGHT_INFER)
        assert len(found.text) < 400
        assert all(len(act.text) < 500 for act in (*found.support, *found.under_18))
        if found.joined_by is not None:
            carried = [{(bond.kind, bond.value) for bond in made.bonds[id_]} for id_ in found.event_ids]
            assert set.intersection(*carried)


@given(data=st.data())
def test_stories_are_told_in_order(report: Report, data: st.DataObject) -> None:
    made = data.draw(sessions(report.events[0]))
    told = profile.stories(made.acts, made.events)
    for story in told:
        times = [line.at for line in story.lines]
        assert times == sorted(times)
        assert any(line.band not in {"none", "low"} for line in story.lines)
    counted = {
        act.id
        for act, event in zip(made.acts, made.events, strict=True)
        if event.band not in {"none", "low"} and event.review.state != "dismissed"
    }
    assert counted <= {line.act_id for story in told for line in story.lines}


@given(texts=st.lists(st.sampled_from(["a", "b"]), min_size=2, max_size=6))
def test_what_looks_alike_is_not_the_same(texts: list[str]) -> None:
    acts = [Carrier("a.example", frozenset({account(text)})) for text in texts]
    assert (joined(acts, complete=True).link == "account") == (len(set(texts)) == 1)


# statements


def test_no_statement_of_what_scored_low(session: Session) -> None:
    session.act(topics=("abortion",), band="low")
    session.act(topics=("gender_identity",), review=DISMISSED)
    session.act(topics=("medicines",), delivery="not_sent")
    assert session.statements() == {}


def test_a_sequence_on_one_site(session: Session) -> None:
    me = browser("x")
    session.act(topics=("gender_identity",), bonds=[me], page_title="Gender clinic")
    session.act(
        "click", topics=("gender_identity",), actions=("referral",), bonds=[me], page_title="Gender clinic",
        clicked="Refer yourself",
        findings=(finding("gender_identity"), finding("referral", "button.text", "action", "Refer yourself")),
    )  # fmt: skip
    session.act("form", actions=("referral",), bonds=[me], clicked="Send")
    found = session.statements()
    assert found["gender_identity"].text == (
        "Meta could infer that this browser's user took an interest in gender identity, for themselves or for "
        "somebody else."
    )
    assert found["gender_identity"].joined == "Both acts carried the same browser id fb.x…."
    assert found["referral"].claim == "was asking for a referral, or meant to"
    assert found["referral"].joined_by == "browser_id"
    (story,) = profile.stories(session.acts, session.events)
    assert [line.text for line in story.lines] == [
        "opened “Gender clinic”",
        "clicked “Refer yourself” on the same page",
        "sent a form with “Send” on the same page",
    ]


@pytest.mark.parametrize("action", [*wording.ACTIONS_DONE])
def test_every_action_reads_on(session: Session, action: str) -> None:
    session.act(actions=(action,))
    claim = session.statements()[action].claim
    assert claim.startswith("was ")
    assert claim.split()[1].rstrip(",").endswith("ing")
    assert claim.endswith(", or meant to")


def test_every_action_of_the_rules_is_worded() -> None:
    actions = {rule.category for rule in load_rules().rules if rule.kind is RuleKind.ACTION}
    assert actions <= set(wording.ACTIONS_DONE)


def test_an_action_of_somebodys_own_pack(session: Session) -> None:
    session.act(actions=("own_action",))
    assert session.statements()["own_action"].claim == "took a step of the kind “own action”"


def test_a_reconstruction_is_told_as_one(session: Session) -> None:
    session.act(topics=("abortion",))
    text = session.statements(reconstruction=True)["abortion"].text
    assert text.startswith("As reconstructed, Meta could infer that the user of a browser took an interest")


def test_broad_topics_do_not_repeat_what_says_more(session: Session) -> None:
    session.act(topics=("abortion", "medicines", "general_health"))
    session.act(topics=("medicines", "general_health"), actions=("repeat_prescription",))
    assert set(session.statements()) == {"abortion", "repeat_prescription"}


def test_a_broad_topic_alone_names_its_words(session: Session) -> None:
    session.act(topics=("general_conditions",), findings=(finding("general_conditions", text="Asthma"),))
    session.act(topics=("general_health",))
    found = session.statements()
    assert found["general_conditions"].claim == "took an interest in a named condition (“asthma”)"
    assert found["general_health"].claim == "took an interest in health in general"


def test_special_risk_comes_first(session: Session) -> None:
    session.act(topics=("medicines",), tier="health")
    session.act(topics=("abortion",))
    session.act(topics=("gender_identity",))
    session.act(topics=("gender_identity",))
    found = session.statements(tiers={"medicines": "health", "abortion": "special_risk"})
    assert [*found] == ["gender_identity", "abortion", "medicines"]
    assert found["medicines"].tier == "health"


def test_a_page_before_supports_only_where_nothing_else_does(session: Session) -> None:
    session.act(topics=("abortion",))
    session.act(topics=("abortion",), findings=(finding("abortion", "referrer.path"),))
    session.act(topics=("gender_identity",), findings=(finding("gender_identity", "referrer.path"),))
    found = session.statements()
    assert found["abortion"].event_ids == ("e1",)
    assert found["gender_identity"].support[0].text.endswith("(“gender identity” in the path of the page before)")


def test_a_description_of_a_page_is_no_act(session: Session) -> None:
    session.act("click", actions=("referral",), findings=(finding("referral", "page.description", "action"),))
    session.act("click", actions=("referral",), findings=(finding("referral", "button.text", "action"),))
    assert session.statements()["referral"].event_ids == ("e2",)


def test_the_most_telling_act_comes_first(session: Session) -> None:
    session.act(topics=("abortion",), page_title="Abortion")
    session.act("click", topics=("abortion",), clicked="Abortion", findings=(finding("abortion", "button.text"),))
    session.act("search", topics=("abortion",), searched="abortion", findings=(finding("abortion", "search.term"),))
    assert [act.act_id for act in session.statements()["abortion"].support] == ["a3", "a2", "a1"]


def test_words_that_the_telling_does_not_show_are_added(session: Session) -> None:
    session.act(
        topics=("abortion",), page_title="Book", findings=(finding("abortion", "page.query", text="abortion%20pill"),)
    )
    (act,) = session.statements()["abortion"].support
    assert act.text == "opened “Book” (“abortion pill” in the query of the page address)"


# under 18


def under_18(session: Session, **more: Any) -> Act:
    """Add a click that holds no health content."""
    return session.act(
        "click", clicked="I am under 18", band="none", score=10, page_class="under_18", page_title="Home", **more
    )


def test_under_18_is_told_where_it_is_joined(session: Session) -> None:
    under_18(session, bonds=[browser("x")])
    session.act(topics=("mental_health",), bonds=[browser("x")])
    found = session.statements()
    assert found["under_18"].claim == "is under 18, or acts for somebody who is"
    assert found["under_18"].event_ids == ("e1",)
    assert [act.text for act in found["mental_health"].under_18] == ["clicked “I am under 18” on “Home”"]
    said, others = sentences.young(found["mental_health"])
    assert said == "1 further act on the same site, with the same identifier, tells of somebody under 18:"
    assert len(others) == 1
    (story,) = profile.stories(session.acts, session.events)
    assert story.lines[0].about == ("under-18s",)


@pytest.mark.parametrize("more", [{"bonds": [browser("y")]}, {}, {"bonds": [browser("x")], "site": "b.example"}])
def test_under_18_is_not_told_where_nothing_joins_it(session: Session, more: dict[str, Any]) -> None:
    under_18(session, **more)
    session.act(topics=("mental_health",), bonds=[browser("x")])
    found = session.statements()
    assert "under_18" not in found
    assert found["mental_health"].under_18 == ()


def test_a_page_for_under_18s_that_counts(session: Session) -> None:
    session.act(topics=("mental_health",), page_class="under_18")
    found = session.statements()
    assert found["under_18"].event_ids == ("e1",)
    assert sentences.young(found["mental_health"]) == ("This act tells of somebody under 18.", ())


# what joins acts


def texts(*acts: tuple[str, set[Bond]], complete: bool = True) -> str:
    return joined([Carrier(site, frozenset(bonds)) for site, bonds in acts], complete=complete).text


def test_one_act() -> None:
    assert texts(("a", {account(), browser("x")})) == (
        "With it came the Facebook account number 1000… and the browser id fb.x…."
    )
    assert texts(("a", set())) == "No identifier that could join it to others came along."


def test_an_account_alone_joins_sites() -> None:
    assert texts(("a", {account(), browser("x")}), ("b", {account(), browser("y")})) == (
        "Both acts carried the same Facebook account number 1000…, on 2 sites; no other identifier joins these sites."
    )


def test_nothing_joins_sites() -> None:
    text = texts(("a", {browser("x")}), ("a", {browser("x")}), ("b", {browser("y")}))
    assert text.startswith("No identifier is common to all 3 acts, so nothing in them makes them one person's: ")
    assert "2 acts on a with the same browser id fb.x…; 1 act on b with the browser id fb.y…" in text
    assert "No identifier joins the acts of one site to those of another; a network address" in text


def test_acts_joined_step_by_step() -> None:
    text = texts(("a", {browser("x")}), ("a", {browser("x"), account()}), ("b", {account()}))
    assert text == (
        "No identifier is common to all 3 acts; they are joined step by step by Facebook account number and browser id."
    )


def test_a_first_name_joins_nobody() -> None:
    found = profile.carrier("a", ["e"], {"e": [Bond("contact", "fn", "Kim", "K…")]})
    assert found.bonds == frozenset()


def test_missing_cookies_are_said() -> None:
    assert texts(("a", set()), complete=False).endswith("Cookies are missing in a capture: there may be more.")


def test_many_groups_are_bounded() -> None:
    text = texts(*((f"site-{number}.example", {browser(str(number))}) for number in range(40)))
    assert "37 further groups" in text
    assert len(text) < 700
