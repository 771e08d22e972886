"""From recorded traffic to what a report says of an event's consent."""

from datetime import UTC, datetime
from typing import Any

from addon.replay import rederive, replay, restamp
from addon.store.store import Store

ONETRUST = (
    "OptanonConsent=isGpcEnabled=0&version=202409.1.0&consentId=11111111-2222-4333-8444-555555555555"
    "&interactionCount=1&groups=C0001%3A1%2CC0004%3A{on}%2CC0005%3A{on}&intType=1&AwaitingReconsent=false"
)


def states(store: Store, session: str) -> list[tuple[str, str, str]]:
    derivation = store.derivation(session)
    assert derivation is not None
    return [(item.event.event_name, item.consent.state, item.consent.basis) for item in derivation.events]


def run(store: Store, visit: Any, judge: Any, tmp_path: Any) -> str:
    session, _ = replay(store, judge, None, [visit.save(tmp_path / "visit.mitm")])
    derived = store.derivation(session)
    restamp(store, session)
    assert store.derivation(session) == derived
    rederive(store, judge, session)
    assert store.derivation(session) == derived
    return session


def test_the_time_that_onetrust_states_orders_events_between_two_pages(store, visit, judge, tmp_path) -> None:
    visit.page("/")
    visit.add(
        "GET",
        "https://cdn.cookielaw.org/scripttemplates/otSDKStub.js",
        headers=(("sec-fetch-dest", "script"), ("referer", f"https://{visit.site}/")),
    )
    visit.pixel("PageView", "/")
    visit.wait(10)
    closed = datetime.fromtimestamp(visit.clock, UTC).isoformat().replace("+00:00", "Z")
    visit.wait(5)
    visit.pixel("ViewContent", "/")
    visit.wait(5)
    visit.page("/next/", cookies=(ONETRUST.format(on=0), f"OptanonAlertBoxClosed={closed}"))
    visit.pixel("Lead", "/next/")
    session = run(store, visit, judge, tmp_path)
    assert states(store, session) == [
        ("PageView", "no_choice_yet", "inferred"),
        ("ViewContent", "refused", "observed"),
        ("Lead", "refused", "inferred"),
    ]


def test_what_is_on_by_default_is_reported_as_no_choice(store, visit, judge, tmp_path) -> None:
    for path in ("/", "/next/"):
        visit.page(path, cookies=(ONETRUST.format(on=1).replace("Count=1", "Count=0"),))
        visit.pixel("PageView", path)
    session = run(store, visit, judge, tmp_path)
    assert {state for _, state, _ in states(store, session)} == {"no_choice_yet"}
    proof = store.derivation(session).events[0].consent.last_before.proof
    assert proof == "OneTrust: on by default, no choice made (C0004 on, C0005 on)"


def test_a_choice_told_to_cookiebot_counts_without_any_cookie(store, visit, judge, tmp_path) -> None:
    visit.page("/", asks=True)
    visit.pixel("PageView", "/")
    visit.wait(5)
    visit.add(
        "GET",
        "https://consent.cookiebot.com/logconsent.ashx?action=decline&cbid=invented",
        headers=(("referer", f"https://{visit.site}/"),),
    )
    visit.wait(5)
    visit.pixel("Lead", "/")
    session = run(store, visit, judge, tmp_path)
    assert states(store, session) == [("PageView", "no_choice_yet", "inferred"), ("Lead", "refused", "inferred")]


def test_a_reported_click_on_the_banner_dates_the_choice(store, visit, judge, tmp_path) -> None:
    visit.page("/", asks=True)
    for name, text in (("SubscribedButtonClick", "Accept all cookies"), ("Lead", "Send")):
        visit.wait(5)
        visit.pixel(name, "/", more={"cd[buttonText]": text})
    visit.wait(5)
    visit.page("/next/", cookies=("cookie_consent=accepted",))
    session = run(store, visit, judge, tmp_path)
    assert states(store, session) == [
        ("SubscribedButtonClick", "undetermined", "none"),
        ("Lead", "accepted", "inferred"),
    ]
