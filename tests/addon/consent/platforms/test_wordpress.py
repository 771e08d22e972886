"""WordPress plugins."""

import json

import pytest

UUID = "11111111-2222-4333-8444-555555555555"


@pytest.mark.parametrize(
    ("consents", "state"),
    [
        ({"essential": ["borlabs-cookie"]}, "refused"),
        ({"essential": ["borlabs-cookie"], "marketing": []}, "refused"),
        ({"essential": ["borlabs-cookie"], "marketing": ["google-adsense", "facebook-pixel"]}, "accepted"),
        ({"essential": ["borlabs-cookie"], "marketing": ["google-adsense"]}, "partly_accepted"),
        ({"essential": ["borlabs-cookie"], "external-media": ["facebook"]}, "partly_accepted"),
        ({"statistics": ["matomo"]}, "unknown"),
    ],
)
def test_borlabs(ask, consents, state) -> None:
    document = {"consents": consents, "domainPath": "www.example.org/", "uid": UUID, "v3": True, "version": 1}
    found = ask({"borlabs-cookie": json.dumps(document)})
    assert found.state == state
    assert UUID not in found.proof


@pytest.mark.parametrize(
    ("document", "state"),
    [
        ({"strict": "1", "thirdparty": "0", "advanced": "0"}, "refused"),
        ({"strict": "1", "thirdparty": "1", "advanced": "1"}, "accepted"),
        ({"strict": "1", "thirdparty": "1", "advanced": "0"}, "partly_accepted"),
        ({"strict": "1", "thirdparty": "x", "advanced": "0"}, "unknown"),
        ({"thirdparty": "1", "advanced": "1"}, "unknown"),
        ({"strict": [], "thirdparty": {}, "advanced": []}, "unknown"),
    ],
)
def test_moove(ask, document, state) -> None:
    assert ask({"moove_gdpr_popup": json.dumps(document)}).state == state


def test_real_cookie_banner_shows_that_a_choice_was_made_and_when(ask) -> None:
    value = f'1795341600:{UUID}:a1b2c3:{{"60":[37544],"61":[37560]}}'
    found = ask({"real_cookie_banner-v:3_blog:1_path:abc-lang:de": value})
    assert (found.state, found.chosen_at) == ("unknown", 1_795_341_600)
    assert "a choice was made" in found.proof
    assert UUID not in found.proof
    assert ask({"real_cookie_banner-v:3": "1"}).chosen_at is None
