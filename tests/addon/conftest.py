from collections.abc import Callable
from typing import Any

import pytest

from addon.decoders.meta.decoder import MetaDecoder
from addon.model import CapturedRequest, Hit

Make = Callable[..., CapturedRequest]


def _request(**changes: Any) -> CapturedRequest:
    """Return a captured request; `headers` may be a mapping, everything else is a field of CapturedRequest."""
    headers = changes.pop("headers", ())
    return CapturedRequest(
        **{
            "source_kind": "mitm",
            "position": 0,
            "method": "POST" if changes.get("body") else "GET",
            "url": "https://www.facebook.com/tr/",
            "http_version": "HTTP/2.0",
            "headers": tuple(headers.items() if isinstance(headers, dict) else headers),
            "started_at": 1_795_314_223.7,
            **changes,
        }
    )


def _hit(**changes: Any) -> Hit:
    """Return the only event that the request built from `changes` carries."""
    decoded = MetaDecoder().decode(_request(**changes), "key")
    assert decoded is not None
    (hit,) = decoded.hits
    return hit


@pytest.fixture(scope="session")
def make_request() -> Make:
    return _request


@pytest.fixture(scope="session")
def make_hit() -> Callable[..., Hit]:
    return _hit
