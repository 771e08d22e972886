from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from addon.decoders.meta.endpoints import (
    Address,
    imitates_meta,
    is_host_of,
    is_meta_host,
    may_be_custom_endpoint,
    meta_role,
    split_address,
)


def role(url: str) -> str | None:
    return meta_role(split_address(url))


@pytest.mark.parametrize(
    "url",
    [
        "https://www.facebook.com/tr/?id=1&ev=PageView",
        "https://www.facebook.com/tr?id=1&ev=PageView",
        "https://facebook.com/tr?id=1",
        "http://www.facebook.com/tr/",
        "HTTPS://WWW.FACEBOOK.COM/tr/?id=1",
        "https://www.facebook.com./tr/?id=1",
        "https://www.facebook.com:443/tr/?id=1",
        "https://www.facebook.com:8443/tr/?id=1",
        "https://www.facebook.com:99999999/tr/?id=1",
        "https://someone@www.facebook.com/tr/?id=1",
        "https://www.facebook.com/privacy_sandbox/pixel/register/trigger/?id=1",
        "https://www.facebook.com/privacy_sandbox/pixel/register/trigger?id=1",
        "https://www.instagram.com/tr/?id=1",
    ],
)
def test_addresses_of_events(url: str) -> None:
    assert role(url) == "event"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://www.facebook.com/try", "other"),
        ("https://www.facebook.com/TR/", "other"),
        ("https://www.facebook.com/tr/ansfer", "other"),
        ("https://www.facebook.com/a/tr/", "other"),
        ("https://www.facebook.com//tr/", "other"),
        ("https://www.facebook.com/%74r/", "other"),
        ("https://www.facebook.com/?next=/tr/?id=1", "other"),
        ("https://www.facebook.com/#/tr/?id=1", "other"),
        ("https://www.facebook.com", "other"),
        ("https://www.instagram.com/p/tr", "other"),
        ("https://www.facebook.com/privacy_sandbox/topics/registration/?id=1", "topics_registration"),
        ("https://www.facebook.com/fr/b.php?p=1", "cookie_sync"),
        ("https://www.facebook.com/plugins/like.php?href=x", "social_plugin"),
        ("https://www.facebook.com/v18.0/plugins/page.php", "social_plugin"),
        ("https://graph.facebook.com/v18.0/100020003000401/activities", "app_events"),
        ("https://graph.facebook.com/v18.0/100020003000401/events/", "app_events"),
        ("https://graph.facebook.com/tr/", "other"),
        ("https://connect.facebook.net/en_US/fbevents.js", "library"),
        ("https://connect.facebook.net/en_GB/sdk.js", "sdk"),
        ("https://connect.facebook.net/signals/config/100020003000401?v=2.9.383", "configuration"),
        ("https://connect.facebook.net/signals/plugins/identity.js?v=2.9.15", "plugin"),
        ("https://connect.facebook.net/signals/iwl.js", "plugin"),
        ("https://connect.facebook.net/log/error", "log"),
        ("https://connect.facebook.net/tr/?id=1", "other"),
    ],
)
def test_other_requests_to_meta(url: str, expected: str) -> None:
    assert role(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "https://notfacebook.com/tr/?id=1&ev=PageView",
        "https://facebook.com.evil.example/tr/?id=1&ev=PageView",
        "https://www-facebook.com/tr/?id=1",
        "https://facebook.example/tr/?id=1",
        "https://www.facebook.com@evil.example/tr/?id=1&ev=PageView",
        "https://www.facebook.com%2Ftr@evil.example/",
        "https://www.facebook.com:443@evil.example/tr/?id=1",
        "https://evil.example/www.facebook.com/tr/?id=1",
        "https://evil.example/?u=https://www.facebook.com/tr/?id=1&ev=PageView",
        "https://evil.example/#https://www.facebook.com/tr/?id=1&ev=PageView",
        "https://blog.example/how-to?pixel=https%3A%2F%2Fwww.facebook.com%2Ftr%3Fid%3D1%26ev%3DPageView",
        "https://xn--fcebook-hwa.com/tr/?id=1",
        "https://f\u0430cebook.com/tr/?id=1",
        "https://www.facebook.com\u2024evil.example/tr/",
        "https://[::1/tr/",
        "https://157.240.0.35/tr/?id=1",
        "/tr/?id=1",
        "www.facebook.com/tr/?id=1",
        "",
    ],
)
def test_a_host_is_compared_and_never_searched_for(url: str) -> None:
    assert role(url) is None
    assert not is_meta_host(split_address(url).host)


@given(st.text())
def test_any_text_is_an_address_or_nothing(url: str) -> None:
    address = split_address(url)
    assert meta_role(address) is None or is_meta_host(address.host)


@given(st.from_regex(r"[a-z0-9.-]{0,20}", fullmatch=True), st.sampled_from(["facebook.com", "facebook.net"]))
def test_only_names_below_a_domain_belong_to_it(before: str, domain: str) -> None:
    assert is_host_of(before + domain, domain) == (before == "" or before.endswith("."))
    assert not is_host_of(domain + before + "x", domain)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://www.facebook.com@evil.example/tr/", "evil.example"),
        ("https://evil.example:8443/tr", "evil.example"),
        ("https://EVIL.example./tr", "evil.example"),
        ("https://[2001:db8::1]:8443/tr", "2001:db8::1"),
        ("https://[::1/tr", ""),
    ],
)
def test_the_host_is_where_the_request_goes(url: str, host: str) -> None:
    assert split_address(url).host == host


def test_an_address_keeps_path_and_query_as_sent() -> None:
    assert split_address("HTTPS://A.example:1/B%20c/?D=%5B#f") == Address("https", "a.example", "/B%20c/", "D=%5B")


@pytest.mark.parametrize(
    ("host", "imitates"),
    [
        ("notfacebook.com", True),
        ("facebook.com.evil.example", True),
        ("www.facebook.com", False),
        ("connect.facebook.net", False),
        ("clinic.example", False),
        ("", False),
    ],
)
def test_a_host_that_bears_metas_name(host: str, imitates: bool) -> None:
    assert imitates_meta(host) is imitates


@pytest.mark.parametrize(
    ("url", "possible"),
    [
        ("https://metrics.clinic.example/tr/?id=1", True),
        ("https://metrics.clinic.example/a/b/tr?id=1", True),
        ("https://metrics.clinic.example/try?id=1", False),
        ("https://metrics.clinic.example/tr/page", False),
        ("https://metrics.clinic.example/str", False),
        ("https://metrics.clinic.example/?p=/tr", False),
        ("https://facebook.com.evil.example/tr/", False),
    ],
)
def test_the_path_of_an_endpoint_of_the_sites_own(url: str, possible: bool) -> None:
    assert may_be_custom_endpoint(split_address(url)) is possible


PIECES = st.sampled_from(
    ["http", "https", "HTTPS", "ftp", ":", "//", "/", "?", "#", "@", "[", "]", "www.facebook.com", "a.example",
     "A.example", ".", "..", ":443", ":", ":x", "é", "\u2126", "\t", "\r\n", " ", "\x00", "%2F", ";", "tr",
     "id=1&ev=X", "\\"]
)  # fmt: skip
PLAIN_STARTS = st.sampled_from(["", "", "https://www.facebook.com", "http://a.example/", "https://a.example/tr?"])


@example("https://a.example:99999?x#y")
@example("https://a.example/tr;x=1?y=\n#")
@given(st.builds(lambda start, rest: start + "".join(rest), PLAIN_STARTS, st.lists(PIECES, max_size=8)))
def test_an_address_is_taken_apart_as_the_standard_library_does(url: str) -> None:
    try:
        parts = urlsplit(url)
        expected = Address(parts.scheme, (parts.hostname or "").rstrip("."), parts.path, parts.query)
    except ValueError:
        expected = Address("", "", "", "")
    assert split_address(url) == expected


@given(st.lists(st.sampled_from(["facebook.com", "facebook.net", "instagram.com", "www", ".", "x", "example"])))
def test_a_host_of_meta_is_one_of_three_domains_or_below(pieces: list[str]) -> None:
    host = "".join(pieces)
    assert is_meta_host(host) == any(
        is_host_of(host, domain) for domain in ("facebook.com", "facebook.net", "instagram.com")
    )
