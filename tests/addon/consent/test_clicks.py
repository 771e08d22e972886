"""The words on a banner's buttons."""

import pytest

from addon.consent.clicks import banner_choice, banner_clicks


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("Accept all cookies", "accepted"),
        ("  ACCEPT   ALL  ", "accepted"),
        ("Alle akzeptieren", "accepted"),
        ("Tout accepter", "accepted"),
        ("Yes, accept all!", "accepted"),
        ("Decline optional cookies", "refused"),
        ("Reject non-essential cookies", "refused"),
        ("Alle ablehnen", "refused"),
        ("Continuer sans accepter →", "refused"),
        ("Rechazar todo", "refused"),
        ("Accept", None),
        ("OK", None),
        ("Accept the invitation", None),
        ("Accept all cookies and book a test", None),
        ("Decline the appointment", None),
        ("", None),
        ("accept all " * 50, None),
    ],
)
def test_words(text: str, state: str | None) -> None:
    assert banner_choice(text) == state


def test_clicks_are_read_from_the_text_of_the_button(make_event) -> None:
    def event(text: str | None, at: float, **more):
        return make_event("SubscribedButtonClick", at, parameters={"cd[buttonText]": text} if text else {}, **more)

    events = [
        event("Accept all cookies", 10),
        event("Book a test", 20),
        event(None, 30),
        event("Alle ablehnen", 40, site="other.example"),
        event("Accept all", 50, site=None),
    ]
    assert [(one.site, one.at, one.state) for one in banner_clicks(events)] == [
        ("example-clinic.example", 10, "accepted"),
        ("other.example", 40, "refused"),
    ]
