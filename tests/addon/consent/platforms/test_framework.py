"""The Transparency and Consent Framework, and the platforms that carry its strings."""

import pytest

DATE = "2026-11-22T10:00:00.250Z"
UUID = "11111111-2222-4333-8444-555555555555"


@pytest.mark.parametrize(
    ("purposes", "state"),
    [
        ((), "refused"),
        ((2, 7, 9), "refused"),
        ((1, 3, 4), "accepted"),
        (tuple(range(1, 12)), "accepted"),
        ((1,), "partly_accepted"),
        ((1, 2, 3), "partly_accepted"),
        ((3, 4), "partly_accepted"),
    ],
)
@pytest.mark.parametrize("name", ["euconsent-v2", "eupubconsent-v2"])
def test_purposes(ask, tc, name, purposes, state) -> None:
    found = ask({name: tc(*purposes)})
    assert found.state == state
    assert "Meta is no vendor of the framework" in found.proof
    assert found.chosen_at is None  # its own time has the precision of a day


@pytest.mark.parametrize(
    ("purposes", "additional", "state", "words"),
    [
        ((1, 3, 4), "1~", "accepted", "consented to"),
        ((1, 3, 4), "2~41.89.143~dv.70.93", "accepted", "Meta (provider 89) consented to by name"),
        ((1, 3, 4), "2~41~dv.70.89.93", "partly_accepted", "shown and not consented to"),
        ((), "2~~dv.70.89", "refused", "shown and not consented to"),
        ((1, 3, 4), "2~41~dv.890", "accepted", "consented to"),
        ((1, 3, 4), "rubbish 89", "accepted", "consented to"),
    ],
)
def test_additional_consent_names_meta(ask, tc, purposes, additional, state, words) -> None:
    found = ask({"euconsent-v2": tc(*purposes), "addtl_consent": additional})
    assert found.state == state
    assert words in found.proof


def test_a_string_that_is_malformed_is_not_known(ask, tc) -> None:
    assert ask({"euconsent-v2": tc(1, 3, 4)[:-1]}).state == "unknown"
    assert ask({"euconsent-v2": "accepted"}).state == "unknown"


def test_a_platform_of_its_own_format_goes_before_the_string(ask, tc) -> None:
    cookiefirst = '{"necessary":true,"advertising":false,"timestamp":1795341600}'
    found = ask({"euconsent-v2": tc(1, 3, 4), "cookiefirst-consent": cookiefirst})
    assert found.state == "refused"
    found = ask({"euconsent-v2": tc(), "osano_consentmanager": "invented"})
    assert found.state == "refused"  # a platform that cannot be read does not hide the string


def test_sourcepoint(ask, tc) -> None:
    found = ask({"consentUUID": UUID + "_12_34", "consentDate": DATE, "euconsent-v2": tc(1, 3, 4)})
    assert (found.state, found.chosen_at) == ("accepted", pytest.approx(1_795_341_600.25))
    assert UUID not in found.proof
    alone = ask({"consentUUID": UUID, "consentDate": DATE})
    assert (alone.state, alone.chosen_at) == ("unknown", None)
    assert ask({"consentUUID": "x", "consentDate": DATE}).state == "unknown"


def test_consentmanager(ask, tc) -> None:
    assert ask({"__cmpconsentx1234": tc(1, 3, 4), "__cmpcpcx1234": "__51__"}).state == "accepted"
    assert ask({"__cmpconsent1234": tc(), "__cmpcpc1234": "____"}).state == "refused"
    assert ask({"__cmpconsent1234": "BInvented"}).state == "unknown"
    assert ask({"__cmpconsent1234": tc(1, 3, 4)[:-1]}).state == "unknown"
