"""Shopify and Wix."""

import json

import pytest


def shopify(marketing, answer, **more):
    return json.dumps(
        {
            "con": {"CMP": {"a": answer, "m": answer, "p": answer, "s": ""}},
            "v": "2.1",
            "region": "GBENG",
            "reg": "",
            "purposes": {"a": marketing, "p": marketing, "m": marketing, "t": marketing},
            **more,
        }
    )


@pytest.mark.parametrize(
    ("value", "state", "words"),
    [
        (shopify(True, ""), "no_choice_yet", "on by default, no choice made"),
        (shopify(False, ""), "no_choice_yet", "no choice made"),
        (shopify(True, "1"), "accepted", "marketing on"),
        (shopify(False, "0"), "refused", "marketing off"),
        (shopify(True, "0"), "unknown", "not plainly"),
        (shopify(True, "yes"), "unknown", "not plainly"),
        ('{"lim":["CCPA_BLOCK_ALL","GDPR"],"con":{"GDPR":""}}', "unknown", "does not say"),
        ("1", "unknown", "not in a form"),
    ],
)
def test_shopify(ask, value, state, words) -> None:
    found = ask({"_tracking_consent": value})
    assert found.state == state
    assert words in found.proof


@pytest.mark.parametrize(
    ("value", "state"),
    [
        ('{"ess":1,"func":0,"anl":0,"adv":0,"dt3":1,"ts":29922360}', "refused"),
        ('{"ess":1,"func":1,"anl":1,"adv":1,"dt3":1,"ts":29922360}', "accepted"),
        ('{"ess":1,"func":1,"anl":1,"adv":0,"dt3":1,"ts":29922360}', "refused"),
        ('{"ess":1,"func":0,"anl":0,"adv":0,"dt3":1}', "unknown"),  # default flags of a frame
        ('{"ess":1,"adv":"yes","ts":29922360}', "unknown"),
    ],
)
def test_wix(ask, value, state) -> None:
    found = ask({"consent-policy": value})
    assert (found.state, found.chosen_at) == (state, None)  # its time counts minutes
