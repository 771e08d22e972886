"""Whose page an address is."""

import pytest

from addon.sites import registrable_domain, site_of


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("www.example-trust.nhs.uk", "example-trust.nhs.uk"),
        ("example-trust.nhs.uk", "example-trust.nhs.uk"),
        ("a.b.c.example.com", "example.com"),
        ("example.co.uk", "example.co.uk"),
        ("nhs.uk", "nhs.uk"),
        ("uk", "uk"),
        ("localhost", "localhost"),
        ("192.0.2.1", "192.0.2.1"),
        ("127.0.0.1", "127.0.0.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("www.example-clinic.example", "example-clinic.example"),
        ("xn--caf-dma.example", "xn--caf-dma.example"),
    ],
)
def test_the_registrable_domain(host: str, domain: str) -> None:
    assert registrable_domain(host) == domain


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://www.example-trust.nhs.uk/a?b#c", "example-trust.nhs.uk"),
        ("https://WWW.Example-Trust.NHS.UK:8443/", "example-trust.nhs.uk"),
        ("https://www.example-trust.nhs.uk./", "example-trust.nhs.uk"),
        ("http://[2001:db8::1]/", "2001:db8::1"),
        ("https://user:word@www.example.com/", "example.com"),
        ("/a/b", None),
        ("about:blank", None),
        ("https://[", None),
        ("", None),
        (None, None),
    ],
)
def test_the_site_of_an_address(url: str | None, site: str | None) -> None:
    assert site_of(url) == site
