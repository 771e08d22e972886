"""OneTrust: the flags are there before the choice, and only the second cookie shows that one was made."""

import pytest

from addon.consent.evidence import read_cookies

CLOSED = "2026-11-22T10:00:00.123Z"
CLOSED_AT = 1_795_341_600.123


def cookie(
    *, groups="C0001:1,C0002:0,C0003:0,C0004:0", count="1", gpc="0", reconsent="false", more="&intType=2", tail=""
):
    listed = groups.replace(":", "%3A").replace(",", "%2C")
    return (
        f"isGpcEnabled={gpc}&datestamp=Sun+Nov+22+2026+10%3A00%3A00+GMT%2B0000&version=202409.1.0&browserGpcFlag={gpc}"
        f"&isIABGlobal=false&hosts=&consentId=11111111-2222-4333-8444-555555555555&interactionCount={count}"
        f"&landingPath=NotLandingPage&groups={listed}{more}&geolocation=GB%3BENG&AwaitingReconsent={reconsent}{tail}"
    )


ALL_ON = "C0001:1,C0002:1,C0003:1,C0004:1,C0005:1"


@pytest.mark.parametrize(
    ("given", "closed", "state", "words"),
    [
        ({"count": "0"}, None, "no_choice_yet", "no choice made"),
        ({"count": "0", "groups": ALL_ON}, None, "no_choice_yet", "on by default, no choice made"),
        ({"count": "0", "gpc": "1"}, None, "refused", "Global Privacy Control, not by a click"),
        ({"count": "0", "gpc": "1", "groups": ALL_ON}, None, "no_choice_yet", "on by default"),
        ({}, CLOSED, "refused", "C0004 off"),
        ({"groups": ALL_ON}, CLOSED, "accepted", "C0004 on, C0005 on"),
        ({"groups": "C0001:1,C0002:1,C0004:1"}, CLOSED, "accepted", "C0004 on"),
        ({"groups": "C0001:1,C0002:1,C0004:0,C0005:0"}, CLOSED, "refused", "C0004 off, C0005 off"),
        ({"groups": "C0001:1,C0002:1,C0004:1,C0005:0"}, CLOSED, "partly_accepted", "C0005 off"),
        ({"groups": "C0001:1,BG51:1"}, CLOSED, "accepted", "BG51 on"),
        ({"groups": "C0001:1,BG51:1,BG52:0"}, CLOSED, "partly_accepted", "BG52 off"),
        ({"groups": "C0001:1,C0002:1"}, CLOSED, "partly_accepted", "none of them is for marketing"),
        ({"groups": ALL_ON, "more": "&intType=3"}, CLOSED, "unknown", "closed, which is no acceptance"),
        ({"more": "&intType=3"}, CLOSED, "refused", "the banner was closed with"),
        ({"groups": ALL_ON, "count": "0"}, CLOSED, "unknown", "do not agree"),
        ({"groups": ALL_ON}, None, "unknown", "do not agree"),
        ({"groups": ""}, CLOSED, "unknown", "lists no categories"),
        ({"groups": "C0001:1"}, CLOSED, "unknown", "lists no categories"),
        ({"groups": ALL_ON, "reconsent": "true"}, CLOSED, "no_choice_yet", "no longer holds"),
        ({"groups": ALL_ON, "reconsent": ""}, CLOSED, "unknown", "cut short"),
        ({"groups": ALL_ON}, "2026-11", "unknown", "do not agree"),
        ({"count": "x", "groups": ALL_ON}, CLOSED, "unknown", "do not agree"),
    ],
)
def test_states(ask, given, closed, state, words) -> None:
    cookies = {"OptanonConsent": cookie(**given)} | ({"OptanonAlertBoxClosed": closed} if closed else {})
    found = ask(cookies)
    assert found.state == state
    assert words in found.proof
    assert "11111111" not in found.proof


def test_the_time_of_choice_is_that_of_the_closed_banner(ask) -> None:
    found = ask({"OptanonConsent": cookie(), "OptanonAlertBoxClosed": CLOSED})
    assert found.chosen_at == pytest.approx(CLOSED_AT)
    assert ask({"OptanonConsent": cookie(count="0")}).chosen_at is None


def test_a_list_at_the_end_may_be_cut_short_so_it_is_no_acceptance(ask) -> None:
    value = f"AwaitingReconsent=false&interactionCount=1&groups={ALL_ON}"
    assert ask({"OptanonConsent": value, "OptanonAlertBoxClosed": CLOSED}).state == "unknown"
    off = value.replace("C0004:1", "C0004:0").replace("C0005:1", "C0005:0")
    assert ask({"OptanonConsent": off, "OptanonAlertBoxClosed": CLOSED}).state == "refused"


def test_truncated_is_never_accepted() -> None:
    for groups in (ALL_ON, "C0001:1,C0002:1,C0004:1,C0005:0", "C0001:1,C0004:0"):
        for reconsent in ("true", "false"):
            value = cookie(groups=groups, reconsent=reconsent)
            for end in range(len(value)):
                found = read_cookies([("OptanonConsent", value[:end]), ("OptanonAlertBoxClosed", CLOSED)])
                assert found is None or found.state != "accepted", value[:end]
            for end in range(len(CLOSED)):
                found = read_cookies([("OptanonConsent", value), ("OptanonAlertBoxClosed", CLOSED[:end])])
                assert found is None or found.chosen_at is None or end > len("2026-11-22T10:00Z")


@pytest.mark.parametrize("value", ["1", "accepted", "groups", "x=1&y=2", "&" * 500, "true"])
def test_another_form_is_not_known(ask, value) -> None:
    assert ask({"OptanonConsent": value}).state == "unknown"
