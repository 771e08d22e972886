"""One request's cookies through the readers, in every encoding that browsers send."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import pytest

from addon.consent.evidence import read_cookies
from addon.consent.reading import CookieReading

Ask = Callable[[Mapping[str, str]], CookieReading]
NOTHING = CookieReading("unknown", "nothing was read")


@pytest.fixture(scope="session")
def ask() -> Ask:
    """Return what the cookies say, having checked that percent-encoding makes no difference."""

    def read(cookies: Mapping[str, str]) -> CookieReading:
        raw = read_cookies(cookies.items()) or NOTHING
        once = {name: quote(value, safe="") for name, value in cookies.items()}
        twice = {name: quote(value, safe="") for name, value in once.items()}
        assert (read_cookies(once.items()) or NOTHING)[::2] == raw[::2]
        assert (read_cookies(twice.items()) or NOTHING)[::2] == raw[::2]
        assert len(raw.proof) <= 200
        return raw

    return read


@pytest.fixture(scope="session")
def packed() -> Callable[[Any], str]:
    """Return a document as platforms pack it: JSON in base64."""
    return lambda document: base64.b64encode(json.dumps(document).encode()).decode()
