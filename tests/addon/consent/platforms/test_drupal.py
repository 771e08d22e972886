"""Drupal's EU Cookie Compliance."""

import json

import pytest


@pytest.mark.parametrize(
    ("agreed", "categories", "state"),
    [
        ("0", None, "refused"),
        ("1", None, "accepted"),
        ("2", None, "accepted"),
        ("2", ["essential", "marketing"], "accepted"),
        ("2", ["essential", "functional", "media_youtube"], "partly_accepted"),
        ("2", ["essential"], "refused"),
        ("2", [], "refused"),
        ("0", ["marketing"], "refused"),
        ("3", None, "unknown"),
        ("true", None, "unknown"),
    ],
)
def test_states(ask, agreed, categories, state) -> None:
    beside = {} if categories is None else {"cookie-agreed-categories": json.dumps(categories)}
    assert ask({"cookie-agreed": agreed, **beside}).state == state


def test_a_list_that_is_cut_short_is_not_read(ask) -> None:
    value = json.dumps(["essential", "marketing"])
    for end in range(1, len(value)):
        assert ask({"cookie-agreed": "2", "cookie-agreed-categories": value[:end]}).state == "unknown"
