"""Whose page an address is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from publicsuffixlist import PublicSuffixList

from addon import sites
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


@pytest.fixture(scope="module")
def whole_list() -> PublicSuffixList:
    return PublicSuffixList()


LINES = [line.lstrip("!") for lines in sites._lines().values() for line in lines]
LABELS = st.sampled_from(["a", "www", "B", "city", "uk", "com", "中国", "xn--fiqs8s", "é", "", "*"])


@given(
    st.lists(LABELS, max_size=4),
    st.sampled_from(LINES) | st.sampled_from(["example", "localhost", "", "公司.香港", "xn--55qx5d.xn--j6w193g"]),
    st.booleans(),
)
def test_a_part_of_the_list_says_what_the_whole_list_says(
    whole_list: PublicSuffixList, labels: list[str], suffix: str, upper: bool
) -> None:
    host = ".".join([*labels, suffix])
    host = host.upper() if upper else host
    for name in (host, f"{host}."):
        assert registrable_domain(name) == (whole_list.privatesuffix(name) or name)
