"""A request is recognised again wherever it is met, and equals are told apart."""

import pytest

from addon.witness import KeyMaker, request_digest


def test_the_digest_is_of_what_was_sent_only(captured) -> None:
    request = captured(headers=(("cookie", "a=1"),), body=b"x")
    same = request._replace(
        source_kind="live",
        position=9,
        started_at=1.0,
        client_ip="192.0.2.1",
        delivery="answered",
        status=302,
        response_headers=(("a", "b"),),
    )
    assert request_digest(same) == request_digest(request)
    assert len(request_digest(request)) == 64


@pytest.mark.parametrize(
    "change",
    [
        {"method": "POST"},
        {"url": "https://a.example/other"},
        {"http_version": "HTTP/1.1"},
        {"headers": (("cookie", "a=2"),)},
        {"headers": (("Cookie", "a=1"),)},
        {"headers": (("cookie", "a=1"), ("x", ""))},
        {"headers": (("cookie", "a=1\r\nx: "),)},
        {"body": b"y"},
    ],
)
def test_the_digest_is_of_everything_that_was_sent(captured, change: dict[str, object]) -> None:
    request = captured(headers=(("cookie", "a=1"),), body=b"x")
    assert request_digest(request._replace(**change)) != request_digest(request)


def test_odd_text_has_a_digest(captured) -> None:
    request_digest(captured("https://a.example/\udcff", headers=(("x\udc80", "ÿ\x00"),), body=b"\xff"))


def test_keys_are_the_same_at_every_reading(captured) -> None:
    requests = [captured(f"https://a.example/{number % 2}", started_at=float(number // 4)) for number in range(12)]

    def keys() -> list[str]:
        maker = KeyMaker()
        return [maker.key(request, request_digest(request)) for request in requests]

    assert keys() == keys()
    assert len(set(keys())) == 12


def test_equals_are_told_apart_by_their_order(captured) -> None:
    request = captured()
    digest = request_digest(request)
    maker, other = KeyMaker(), KeyMaker()
    first, second = maker.key(request, digest), maker.key(request, digest)
    assert first != second
    assert other.key(request, digest) == first
    assert other.key(request, digest) == second


def test_the_same_request_at_another_time_is_another(captured) -> None:
    maker = KeyMaker()
    request = captured()
    later = request._replace(started_at=request.started_at + 0.000001)
    assert maker.key(request, request_digest(request)) != maker.key(later, request_digest(later))
