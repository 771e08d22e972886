"""When a browser id was made, cookies were sent and scripts were loaded, beside what had been chosen."""

import pytest

from addon.consent.findings import ConsentFact
from addon.replay import replay
from cli.ties import consent_facts

SITE = "example-clinic.example"
ACCEPTED = "cookie_consent=accepted"
REFUSED = "cookie_consent=declined"


def fbp_at(moment: float) -> str:
    return f"fb.1.{round(moment * 1000)}.4440001"


@pytest.fixture
def facts(store, judge, tmp_path):
    """Return the facts of a visit."""

    def find(visit, *, har: bool = False) -> list[ConsentFact]:
        capture = visit.save_har(tmp_path / "v.har") if har else visit.save(tmp_path / "v.mitm")
        session, _ = replay(store, judge, None, [capture])
        derivation = store.derivation(session)
        return list(consent_facts(store, store.session(session), derivation, store.observed_requests(session)))

    return find


def browser_ids(found: list[ConsentFact]) -> list[tuple[str, str]]:
    return [(fact.stamp.state, fact.stamp.basis) for fact in found if fact.kind == "browser_id"]


def test_made_before_any_choice(facts, visit) -> None:
    visit.page("/", asks=True)
    made = fbp_at(visit.clock + 0.2)
    visit.pixel("PageView", "/", more={"fbp": made})
    visit.wait(5)
    visit.page("/next/", cookies=(f"_fbp={made}",), asks=True)
    visit.page("/last/", cookies=(f"_fbp={made}", ACCEPTED))
    visit.pixel("PageView", "/last/", more={"fbp": made})
    found = facts(visit)
    assert browser_ids(found) == [("no_choice_yet", "observed")]
    (fact,) = [fact for fact in found if fact.kind == "browser_id"]
    assert fact.created_at is not None
    assert fact.not_before is not None
    assert fact.not_before <= fact.at <= fact.first_seen
    assert dict(fact.states) == {"no_choice_yet": 1, "accepted": 1}
    assert (fact.stamp.last_before.state, fact.stamp.first_after.state) == ("no_choice_yet", "no_choice_yet")
    assert len(fact.event_ids) == 2
    assert (fact.subdomain, fact.kept_for) == (1, SITE)


@pytest.mark.parametrize(("cookie", "state"), [(ACCEPTED, "accepted"), (REFUSED, "refused")])
def test_made_after_a_choice(facts, visit, cookie: str, state: str) -> None:
    visit.page("/", asks=True)
    visit.wait(10)
    visit.page("/next/", cookies=(cookie,))
    visit.wait(5)
    made = fbp_at(visit.clock)
    visit.pixel("PageView", "/next/", more={"fbp": made})
    visit.wait(5)
    visit.page("/last/", cookies=(f"_fbp={made}", cookie))
    assert browser_ids(facts(visit)) == [(state, "inferred")]


def test_between_two_proofs_it_cannot_be_told(facts, visit) -> None:
    visit.page("/", asks=True)
    visit.wait(10)
    made = fbp_at(visit.clock)
    visit.pixel("PageView", "/", more={"fbp": made})
    visit.wait(10)
    visit.page("/next/", cookies=(f"_fbp={made}", ACCEPTED))
    (fact,) = [fact for fact in facts(visit) if fact.kind == "browser_id"]
    assert fact.stamp.state == "undetermined"
    assert fact.stamp.last_before.state == "no_choice_yet"
    assert fact.stamp.first_after.state == "accepted"


def test_an_id_that_was_first_seen_after_a_choice_may_be_older_by_its_own_time(facts, visit) -> None:
    visit.page("/", asks=True)
    visit.wait(2)
    made = fbp_at(visit.clock)
    visit.wait(3)
    visit.page("/two/", asks=True, cookies=(f"_fbp={made}",))
    visit.wait(5)
    visit.page("/next/", cookies=(f"_fbp={made}", REFUSED))
    visit.wait(5)
    visit.pixel("PageView", "/next/", more={"fbp": made})
    (fact,) = [fact for fact in facts(visit) if fact.kind == "browser_id"]
    assert fact.stamp.state == "no_choice_yet"
    assert dict(fact.states) == {"refused": 1}


def test_a_creation_time_that_does_not_fit_is_not_used(facts, visit) -> None:
    visit.page("/", asks=True)
    visit.wait(30)
    visit.page("/next/", cookies=(REFUSED,))
    visit.wait(5)
    visit.pixel("PageView", "/next/", more={"fbp": fbp_at(visit.start + 10)})  # a page without it came later
    (fact,) = [fact for fact in facts(visit) if fact.kind == "browser_id"]
    assert fact.at == fact.first_seen
    assert (fact.stamp.state, fact.stamp.basis) == ("refused", "inferred")


def test_an_id_that_is_older_than_the_capture_says_nothing_of_the_choice(facts, visit) -> None:
    made = fbp_at(visit.start - 86_400)
    visit.page("/", asks=True, cookies=(f"_fbp={made}",))
    visit.pixel("PageView", "/", more={"fbp": made})
    (fact,) = [fact for fact in facts(visit) if fact.kind == "browser_id"]
    assert fact.brought_along
    assert (fact.stamp.state, fact.stamp.basis) == ("unknown", "none")
    assert dict(fact.states) == {"no_choice_yet": 1}


def test_a_page_without_an_id_outweighs_what_the_id_says_of_itself(facts, visit) -> None:
    visit.page("/", asks=True)
    made = fbp_at(visit.start - 86_400)
    visit.pixel("PageView", "/", more={"fbp": made})
    visit.wait(5)
    visit.page("/next/", asks=True, cookies=(f"_fbp={made}",))
    (fact,) = [fact for fact in facts(visit) if fact.kind == "browser_id"]
    assert not fact.brought_along
    assert fact.at == fact.first_seen
    assert fact.stamp.state == "no_choice_yet"


def test_the_cookie_of_a_page_alone_is_a_fact_too(facts, visit) -> None:
    visit.page("/", asks=True, cookies=("other=1",))
    visit.wait(5)
    visit.page("/next/", asks=True, cookies=("_fbp=fb.1.1790000001000.1",))
    (fact,) = [fact for fact in facts(visit) if fact.kind == "browser_id"]
    assert fact.item is None
    assert fact.event_ids == ()
    assert fact.stamp.state == "no_choice_yet"
    assert fact.not_before is not None


def test_an_id_that_the_sites_own_server_set_was_made_with_the_page(facts, visit) -> None:
    made = fbp_at(visit.clock + 0.25)
    visit.page("/", asks=True, set_cookies=(f"_fbp={made}; Max-Age=7776000; path=/",))
    visit.wait(5)
    visit.page("/next/", cookies=(f"_fbp={made}", ACCEPTED))
    (fact,) = [fact for fact in facts(visit) if fact.kind == "browser_id"]
    assert (fact.stamp.state, fact.brought_along) == ("no_choice_yet", False)
    assert fact.set_by_site == fact.first_seen == fact.at


def test_two_browser_ids_of_one_site_are_two_facts(facts, visit) -> None:
    visit.page("/", asks=True)
    for number in (1, 2):
        visit.wait(5)
        visit.pixel("PageView", "/", more={"fbp": f"fb.1.{round(visit.clock * 1000)}.777{number}"})
    assert len(browser_ids(facts(visit))) == 2


def test_the_click_in_an_address_is_no_id_that_was_kept(facts, visit) -> None:
    visit.page("/?fbclid=IwAR0invented-click", asks=True)
    visit.pixel("PageView", "/?fbclid=IwAR0invented-click")
    assert not [fact for fact in facts(visit) if fact.kind == "click_id"]
    visit.pixel("PageView", "/", more={"fbc": f"fb.1.{round(visit.clock * 1000)}.IwAR0invented-click"})
    assert [fact.stamp.state for fact in facts(visit) if fact.kind == "click_id"] == ["no_choice_yet"]


def test_cookies_and_scripts_are_counted_by_what_had_been_chosen(facts, visit) -> None:
    def library() -> None:
        visit.add(
            "GET",
            "https://connect.facebook.net/en_US/fbevents.js",
            headers=(("referer", f"https://{visit.site}/"),),
        )

    visit.page("/", asks=True)
    library()
    visit.pixel("PageView", "/")
    visit.wait(5)
    visit.page("/next/", cookies=(REFUSED,))
    visit.wait(5)
    library()
    visit.pixel("PageView", "/next/")
    visit.wait(5)
    visit.page("/last/", cookies=(REFUSED,))
    found = {(fact.kind, fact.name): fact for fact in facts(visit)}
    assert dict(found["pixel_program", "library"].states) == {"undetermined": 1, "refused": 1}
    assert dict(found["facebook_cookie", "c_user"].states) == {"undetermined": 1, "refused": 1}
    assert found["facebook_cookie", "datr"].site == SITE
    assert ("facebook_cookie", "xs") not in found
    assert all(
        len(fact.request_keys) == 2 for fact in found.values() if fact.kind in {"facebook_cookie", "pixel_program"}
    )


def test_what_an_answer_set_is_told_with_its_length(facts, visit) -> None:
    visit.page("/", asks=True)
    flow = visit.pixel("PageView", "/", cookies=())
    flow.response.headers.add("set-cookie", "fr=0invented; Max-Age=7776000; domain=.facebook.com")
    (fact,) = [fact for fact in facts(visit) if fact.kind == "cookie_set"]
    assert (fact.name, fact.seconds, fact.stamp.state) == ("fr", 7_776_000, "no_choice_yet")


def test_a_request_without_a_referrer_has_no_site_and_no_state(facts, visit) -> None:
    visit.page("/", asks=True)
    visit.add("GET", "https://connect.facebook.net/en_US/fbevents.js")
    (fact,) = [fact for fact in facts(visit) if fact.kind == "pixel_program"]
    assert (fact.site, fact.stamp.state) == (None, "unknown")


def test_a_har_without_cookies_shows_no_page_without_the_id(facts, visit) -> None:
    visit.page("/", asks=True)
    visit.wait(20)
    visit.pixel("PageView", "/", cookies=(), more={"fbp": fbp_at(visit.clock)})
    (fact,) = [fact for fact in facts(visit, har=True) if fact.kind == "browser_id"]
    assert fact.not_before is None
