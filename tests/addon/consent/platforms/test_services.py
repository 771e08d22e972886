"""Banners that name services: Meta's own switch decides."""

import json

import pytest


@pytest.mark.parametrize(
    ("document", "state"),
    [
        ({"necessary-cookies": True, "google-ads": False}, "refused"),
        ({"fbpixel": True, "matomo": False}, "accepted"),
        ({"facebook-pixel": False, "google-ads": True}, "refused"),
        ({"matomo": True, "youtube": True}, "partly_accepted"),
        ({"matomo": False}, "refused"),
        ({"fbpixel": "yes"}, "unknown"),
        ({}, "unknown"),
        ({"necessary": True}, "unknown"),
    ],
)
def test_klaro(ask, document, state) -> None:
    assert ask({"klaro": json.dumps(document)}).state == state


@pytest.mark.parametrize(
    ("value", "state"),
    [
        ("!gtag=wait!facebook=wait", "no_choice_yet"),
        ("!facebookpixel=wait!youtube=true", "no_choice_yet"),
        ("!facebookpixel=true!youtube=true", "accepted"),
        ("!facebookpixel=false!youtube=true", "refused"),
        ("!hotjar=false", "refused"),
        ("!id=invented!facebookpixel=true", "accepted"),
        ("!facebook=true!gtag=true", "partly_accepted"),  # its button, not the pixel
        ("!gtag=true!hotjar=false", "partly_accepted"),
        ("!facebookpixel=true!youtube=tru", "unknown"),
        ("facebookpixel=true", "unknown"),
        ("!", "unknown"),
    ],
)
def test_tarteaucitron(ask, value, state) -> None:
    found = ask({"tarteaucitron": value})
    assert found.state == state
    assert "invented" not in found.proof


def axeptio(*, completed=True, **vendors):
    return json.dumps(
        {"$$token": "invented-token", "$$date": "2026-11-22T10:00:00.500Z", "$$completed": completed, **vendors}
    )


@pytest.mark.parametrize(
    ("cookie", "authorised", "every", "state"),
    [
        (axeptio(completed=False), ",,", ",facebook_pixel,", "no_choice_yet"),
        (axeptio(facebook_pixel=True, hotjar=False), None, None, "accepted"),
        (axeptio(facebook_pixel=False, hotjar=True), ",hotjar,", ",facebook_pixel,hotjar,", "refused"),
        (axeptio(), ",facebook_pixel,", ",facebook_pixel,hotjar,", "accepted"),
        (axeptio(), ",hotjar,", ",facebook_pixel,hotjar,", "refused"),
        (axeptio(), ",,", ",hotjar,", "refused"),
        (axeptio(), ",hotjar,", ",hotjar,", "partly_accepted"),
        (axeptio(), ",,", ",,", "unknown"),
        (axeptio(), None, None, "unknown"),
        (axeptio(), ",facebook_pix", ",facebook_pixel,", "unknown"),
    ],
)
def test_axeptio(ask, cookie, authorised, every, state) -> None:
    cookies = {"axeptio_cookies": cookie}
    cookies |= {"axeptio_authorized_vendors": authorised} if authorised else {}
    cookies |= {"axeptio_all_vendors": every} if every else {}
    found = ask(cookies)
    assert found.state == state
    assert "invented-token" not in found.proof
    chosen = state in {"accepted", "refused", "partly_accepted"}
    assert found.chosen_at == (1_795_341_600.5 if chosen else None)
