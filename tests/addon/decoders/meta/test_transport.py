"""How a request carried its event, and whether that is how the client says it did."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.decoders.meta.transport import STATED_METHODS, contradiction
from addon.model import CapturedRequest, Hit

QUERY = {"id": "900000000000001", "ev": "PageView", "dl": "https://www.example-clinic.example/"}
ADDRESS = "https://www.facebook.com/tr/"
FORM = "application/x-www-form-urlencoded"
PART = '--b\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
MULTIPART = PART.format("id", "1") + PART.format("ev", "PageView") + "--b--\r\n"


def get(**more: str) -> str:
    return f"{ADDRESS}?{urlencode({**QUERY, **more})}"


CASES: list[tuple[str, dict[str, Any]]] = [
    ("image", {"url": get(rqm="GET")}),
    ("image", {"url": get(), "headers": {"sec-fetch-dest": "image"}}),
    ("fetch", {"url": get(), "headers": {"sec-fetch-dest": "empty"}}),
    ("fetch", {"url": get(rqm="fetch")}),
    ("fetch", {"url": get(rqm="fetch"), "method": "POST"}),
    ("noscript", {"url": get(noscript="1")}),
    ("redirect", {"url": get(redirect="0")}),
    ("sandbox_copy", {"url": "https://www.facebook.com/privacy_sandbox/pixel/register/trigger/?" + urlencode(QUERY)}),
    ("form_post", {"url": ADDRESS, "headers": {"content-type": FORM}, "body": urlencode(QUERY).encode()}),
    ("beacon", {"url": get(rqm="SB"), "method": "POST"}),
    (
        "beacon",
        {"url": ADDRESS, "headers": {"content-type": "multipart/form-data; boundary=b"}, "body": MULTIPART.encode()},
    ),
    ("text_post", {"url": ADDRESS, "headers": {"content-type": "text/plain"}, "body": urlencode(QUERY).encode()}),
]


@pytest.mark.parametrize(("transport", "request_parts"), CASES)
def test_transports(make_hit: Callable[..., Hit], transport: str, request_parts: dict[str, Any]) -> None:
    assert make_hit(**request_parts).transport == transport


@pytest.mark.parametrize(
    ("method", "stated"),
    [(method, stated) for stated, methods in STATED_METHODS.items() for method in sorted(methods)]
    + [("HEAD", "GET"), ("GET", "not known"), ("POST", "")],
)
def test_methods_that_fit(method: str, stated: str) -> None:
    assert contradiction(method, stated) is None


def test_a_client_that_states_nothing_contradicts_nothing() -> None:
    assert contradiction("POST", None) is None


@pytest.mark.parametrize(("method", "stated"), [("POST", "GET"), ("GET", "SB"), ("HEAD", "formPOST"), ("PUT", "fetch")])
def test_methods_that_do_not_fit(method: str, stated: str) -> None:
    said = contradiction(method, stated)
    assert said == f"the client states rqm={stated}, but the request was a {method}: it was changed or written by hand"


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_text_raises(method: str, stated: str) -> None:
    said = contradiction(method, stated)
    assert said is None or stated in STATED_METHODS


@given(
    method=st.sampled_from(["GET", "POST", "HEAD"]),
    body=st.binary(max_size=60),
    content_type=st.sampled_from(["", FORM, "text/plain", "application/json", "multipart/form-data; boundary=b"]),
    value=st.text(max_size=10),
)
def test_no_request_raises(
    make_request: Callable[..., CapturedRequest], method: str, body: bytes, content_type: str, value: str
) -> None:
    from addon.decoders.meta.decoder import MetaDecoder

    request = make_request(
        url=get(rqm=value, noscript=value, redirect=value),
        method=method,
        body=body,
        headers={"content-type": content_type} if content_type else {},
    )
    assert MetaDecoder().decode(request, "key") is not None
