"""The banner of NHS.UK, which writes its cookie before any click."""

import json

import pytest


def cookie(*on: str, consented: bool, **more) -> str:
    names = ("necessary", "preferences", "statistics", "marketing")
    return json.dumps({**{name: name in on for name in names}, "consented": consented, "version": 7, **more})


@pytest.mark.parametrize(
    ("value", "state"),
    [
        (cookie("necessary", consented=False), "no_choice_yet"),
        (cookie("necessary", "statistics", consented=True), "partly_accepted"),
        (cookie("necessary", consented=True), "refused"),
        (cookie("necessary", "marketing", consented=True), "accepted"),
        (cookie("necessary", "preferences", "statistics", "marketing", consented=False), "not_asked"),
        # look-alikes of home-made banners under the same name say nothing
        ("true", "unknown"),
        ("false", "unknown"),
        ("accepted", "unknown"),
        ("necessary:true|statistics:true", "unknown"),
        ('{"necessary":true,"consented":true}', "unknown"),
    ],
)
def test_states(ask, value, state) -> None:
    assert ask({"nhsuk-cookie-consent": value}).state == state


def test_what_is_on_without_a_banner_is_called_a_default(ask) -> None:
    everything = cookie("necessary", "preferences", "statistics", "marketing", consented=False)
    assert "on by default, no choice made" in ask({"nhsuk-cookie-consent": everything}).proof
