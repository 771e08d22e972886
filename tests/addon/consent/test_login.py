"""What of a login shows, and what does not."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.consent.login import LOGOUT_MARK, may_be_login_step
from addon.consent.timeline import Mark
from addon.replay import rederive, replay, restamp

SITE = "example-clinic.example"


def login(
    visit: Any, path: str = "/account/login", *, status: int = 302, to: str = "/home", cookie: bool = True
) -> None:
    answer = [("location", to), *([("set-cookie", "session=invented")] if cookie else [])]
    visit.add("POST", f"https://{visit.site}{path}", body=b"u=x", status=status, response_headers=answer)


@pytest.fixture
def states(store, visit, judge, tmp_path):
    def run(*marks: Mark) -> list[tuple[str, str]]:
        session, _ = replay(store, judge, None, [visit.save(tmp_path / "visit.mitm")])
        for mark in marks:
            store.add_mark(session, mark)
        restamp(store, session)
        found = store.derivation(session)
        rederive(store, judge, session)
        assert store.derivation(session) == found
        return [(item.login.state, item.login.reason) for item in found.events]

    return run


def test_a_mark_counts_from_its_moment_on(visit, states) -> None:
    visit.page("/")
    visit.pixel("PageView", "/")
    marked = visit.wait(5).clock
    visit.wait(5).pixel("ViewContent", "/")
    before, after = states(Mark(at=marked, kind="logged_in", site=SITE, text=""))
    assert before[0] == "unknown"
    assert after == ("marked", "the investigator marked: logged in")


def test_a_mark_of_another_site_says_nothing(visit, states) -> None:
    visit.page("/")
    visit.pixel("PageView", "/")
    ((state, _),) = states(Mark(at=visit.start - 5, kind="logged_in", site="other.example", text=""))
    assert state == "unknown"


def test_a_form_that_the_site_answered_as_after_a_login(visit, states) -> None:
    visit.page("/")
    visit.pixel("PageView", "/")
    login(visit.wait(5))
    visit.wait(5).pixel("ViewContent", "/home")
    visit.wait(5).page("/account/logout")
    visit.wait(5).pixel("Lead", "/")
    first, second, third = states()
    assert first[0] == "unknown"
    assert second[0] == "observed"
    assert "/…/login" in second[1]
    assert third == (
        "unknown",
        "a logout address was opened (/…/logout); whether the visitor was logged in afterwards is not shown",
    )


@pytest.mark.parametrize(
    "how",
    [{"status": 200}, {"to": "/login?error=1"}, {"cookie": False}, {"path": "/contact"}, {"to": ""},
     {"path": "/patients/my-account"}],
)  # fmt: skip
def test_what_proves_no_login(visit, states, how: dict[str, Any]) -> None:
    visit.page("/")
    login(visit.wait(5), **how)
    visit.wait(5).page("/account/")
    visit.wait(5).pixel("PageView", "/account/")
    assert {state for state, _ in states()} == {"unknown"}


@given(
    st.lists(
        st.sampled_from(
            [
                b"/",
                b"//",
                b".",
                b"?",
                b"#",
                b"logout",
                b"LogOut",
                b"log-out",
                b"cerrar-sesion",
                b"x",
                b".php",
                b"\n",
                b";",
            ]
        ),
        max_size=8,
    )
)
def test_every_logout_bears_the_mark_by_which_it_is_looked_for(parts: list[bytes]) -> None:
    target = b"/" + b"".join(parts)
    if may_be_login_step("GET", target):
        assert re.search(LOGOUT_MARK, target)


def test_a_logout_is_told_from_words_that_contain_one() -> None:
    for target in (b"/logout", b"/a/Sign-Out/", b"/logout.php?x=1", b"/logout//#end"):
        assert may_be_login_step("GET", target)
        assert re.search(LOGOUT_MARK, target)
    for target in (b"/logouts", b"/layout", b"/blog-out", b"/?x=logout", b"/logout/picture.png"):
        assert not may_be_login_step("GET", target)
        assert not re.search(LOGOUT_MARK, target)
