"""What contradicts a state, from recorded traffic to the event."""

from typing import Any

import pytest

from addon.consent.timeline import Mark
from addon.replay import rederive, replay, restamp
from addon.store.store import Store

SITE = "example-clinic.example"
WIX = '{{"ess":1,"func":{on},"anl":{on},"adv":{on},"dt3":1,"ts":29922360}}'


@pytest.fixture
def stamps(store: Store, visit: Any, judge: Any, tmp_path: Any):
    """Return what is known at each event of the visit, having checked that working it out again changes nothing."""

    def run(*marks: Mark) -> list[Any]:
        session, _ = replay(store, judge, None, [visit.save(tmp_path / "visit.mitm")])
        for mark in marks:
            store.add_mark(session, mark)
        restamp(store, session)
        found = store.derivation(session)
        rederive(store, judge, session)
        assert store.derivation(session) == found
        return [item.consent for item in found.events]

    return run


def proofs(stamp: Any) -> list[str]:
    return [item.proof for item in stamp.contradictions]


def test_a_mark_that_the_cookie_does_not_bear_out(visit, stamps) -> None:
    visit.page("/", asks=True)
    visit.wait(10)
    marked = visit.clock
    visit.wait(10)
    visit.page("/next/", cookies=("cookie_consent=declined",))
    visit.pixel("PageView", "/next/")
    (stamp,) = stamps(Mark(at=marked, kind="accepted", site=SITE, text=""))
    assert stamp.state == "refused"
    (found,) = stamp.contradictions
    assert (found.state, found.at, found.proof) == ("accepted", marked, "the investigator marked: accepted")


def test_an_event_between_a_mark_and_a_proof_of_the_contrary(visit, stamps) -> None:
    visit.page("/", asks=True)
    marked = visit.wait(10).clock
    visit.wait(10).pixel("PageView", "/")
    visit.wait(5).page("/next/", cookies=("cookie_consent=declined",))
    (stamp,) = stamps(Mark(at=marked, kind="accepted", site=SITE, text=""))
    assert (stamp.state, stamp.basis) == ("accepted", "marked")
    assert proofs(stamp) == ["the first proof after the mark: cookie cookie_consent=declined"]


def test_a_mark_that_the_cookie_bears_out_contradicts_nothing_after_a_later_choice(visit, stamps) -> None:
    visit.page("/", cookies=("cookie_consent=accepted",))
    visit.wait(5)
    visit.page("/a/", cookies=("cookie_consent=declined",))
    visit.pixel("PageView", "/a/")
    (stamp,) = stamps(Mark(at=visit.start - 1, kind="accepted", site=SITE, text=""))
    assert (stamp.state, proofs(stamp)) == ("refused", [])


def test_a_tc_string_that_the_platform_does_not_bear_out(visit, stamps, tc) -> None:
    for path in ("/", "/next/"):
        visit.page(path, cookies=(f"consent-policy={WIX.format(on=1)}", f"euconsent-v2={tc()}"))
        visit.pixel("PageView", path)
    for stamp in stamps():
        assert stamp.state == "accepted"
        assert proofs(stamp) == ["TCF: purposes 1, 3 and 4 refused (Meta is no vendor of the framework)"]


def test_two_platforms_that_disagree_leave_the_state_open_and_are_both_named(visit, stamps) -> None:
    cookies = (f"consent-policy={WIX.format(on=0)}", 'klaro={"fbpixel":true}')
    for path in ("/", "/next/"):
        visit.page(path, cookies=cookies)
        visit.pixel("PageView", path)
    for stamp in stamps():
        assert stamp.state == "unknown"
        assert any(text.startswith("Wix: ") for text in proofs(stamp))
        assert any(text.startswith("Klaro: ") for text in proofs(stamp))


def test_a_request_that_told_of_another_choice(visit, stamps) -> None:
    visit.page("/", asks=True)
    visit.wait(5)
    visit.add(
        "GET",
        "https://consent.cookiebot.com/logconsent.ashx?action=decline",
        headers=(("referer", f"https://{visit.site}/"),),
    )
    visit.wait(5)
    visit.page("/next/", cookies=("cookie_consent=accepted",))
    visit.pixel("PageView", "/next/")
    (stamp,) = stamps()
    assert stamp.state == "accepted"
    assert proofs(stamp) == ["a request told Cookiebot of the choice: action=decline"]


def test_a_click_that_the_cookie_does_not_bear_out(visit, stamps) -> None:
    visit.page("/", asks=True)
    visit.wait(5)
    visit.pixel("SubscribedButtonClick", "/", more={"cd[buttonText]": "Accept all cookies"})
    visit.wait(5)
    visit.page("/next/", cookies=("cookie_consent=declined",))
    visit.pixel("PageView", "/next/")
    stamp = stamps()[-1]
    assert stamp.state == "refused"
    assert proofs(stamp) == ["the pixel reported a click on “Accept all cookies”"]


def test_a_page_that_tells_google_otherwise(visit, stamps) -> None:
    for path in ("/", "/next/"):
        visit.page(path, cookies=("cookie_consent=declined",))
        visit.add(
            "POST",
            "https://region1.google-analytics.com/g/collect?v=2&gcs=G111&gcd=13r3r3r3r5",
            headers=(("referer", f"https://{visit.site}/"),),
        )
        visit.wait(2)
        visit.pixel("PageView", path)
    first, second = stamps()
    for stamp in (first, second):
        assert stamp.state == "refused"
        assert proofs(stamp) == [stamp.statements[0].proof]
        assert stamp.statements[0].kind == "google_consent_mode"
        assert "denied by default, then granted" in stamp.statements[0].proof


def test_a_default_that_was_told_to_google_contradicts_nothing(visit, stamps) -> None:
    visit.page("/", cookies=("cookie_consent=declined",))
    visit.add(
        "GET",
        "https://www.google-analytics.com/g/collect?gcd=13t3t3t3t5",
        headers=(("referer", f"https://{visit.site}/"),),
    )
    visit.pixel("PageView", "/")
    (stamp,) = stamps()
    assert proofs(stamp) == []
    assert [item.says for item in stamp.statements] == [None]


def test_a_time_that_does_not_fit_is_named(visit, stamps) -> None:
    visit.page("/", cookies=('cookiefirst-consent={"necessary":true,"advertising":false,"timestamp":1795341600}',))
    visit.pixel("PageView", "/")
    (stamp,) = stamps()
    assert stamp.state == "refused"
    assert proofs(stamp) == ["its own time of choice, 2026-11-22, lies after the request that carried it"]


def test_what_expired_is_not_believed(visit, stamps) -> None:
    old = (
        'CookieControl={"optionalCookies":{"marketing":"accepted"},"interactedWith":true,"consentDate":1600000000000,'
        '"consentExpiry":90}'
    )
    visit.page("/", cookies=(old,))
    visit.pixel("PageView", "/")
    (stamp,) = stamps()
    assert stamp.state == "unknown"
    assert "expired by its own account on 2020-12-12: not believed" in stamp.last_before.proof


def test_an_opt_out_under_us_law_decides_where_nothing_else_does(visit, stamps) -> None:
    visit.page("/", cookies=("usprivacy=1YYN",), headers=(("sec-gpc", "1"),))
    visit.pixel("PageView", "/", more={"dpo": "LDU", "dpoco": "0", "dpost": "0"})
    (stamp,) = stamps()
    assert (stamp.state, proofs(stamp)) == ("refused", [])
    assert [item.kind for item in stamp.statements] == ["us_privacy", "global_privacy_control", "limited_data_use"]
    assert "Meta works out the place itself" in stamp.statements[-1].proof


def test_a_string_that_does_not_apply_takes_nothing_from_a_banner(visit, stamps) -> None:
    visit.page("/", asks=True, cookies=("usprivacy=1---",))
    visit.pixel("PageView", "/")
    (stamp,) = stamps()
    assert stamp.state == "no_choice_yet"


def test_meta_s_program_before_its_first_event(visit, stamps) -> None:
    visit.page("/", asks=True)
    visit.add(
        "GET",
        "https://connect.facebook.net/en_US/fbevents.js",
        headers=(("referer", f"https://{visit.site}/"), ("sec-fetch-dest", "script")),
    )
    visit.wait(8)
    visit.pixel("PageView", "/")
    visit.wait(1)
    visit.pixel("ViewContent", "/")
    first, second = stamps()
    (found,) = [item for item in first.statements if item.kind == "library_first"]
    assert "8 s before this event" in found.proof
    assert all(item.kind != "library_first" for item in second.statements)


@pytest.mark.parametrize(("dpo", "words"), [("", "sent empty"), ("XYZ", "not documented: XYZ")])
def test_other_data_processing_options(visit, stamps, dpo: str, words: str) -> None:
    visit.page("/")
    visit.pixel("PageView", "/", more={"dpo": dpo})
    (stamp,) = stamps()
    assert words in stamp.statements[-1].proof
