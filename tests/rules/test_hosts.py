import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.hosts import HostIndex, host_table
from rules.phrases import Role


@pytest.fixture(scope="module")
def index(make_rule):
    rule = make_rule(
        "en/a/a",
        "context",
        context="provider",
        host_words=("hiv", "stroke", "hospital", "sexual health"),
        unless=("keystroke", "hospitality"),
        hosts=("meadowbrook.nhs.uk",),
    )
    return HostIndex(host_table([rule]))


def found(index, host):
    return [(hit.role, host[hit.start : hit.end]) for hit in index.hits(host)]


@pytest.mark.parametrize(
    ("host", "text"),
    [
        ("hiv.example", "hiv"),
        ("my-hiv.example", "hiv"),
        ("hivclinic.example", "hiv"),
        ("strokecentre.example", "stroke"),
        ("northsexualhealthhub.example", "sexualhealth"),
        ("sexual-health.example", "sexual-health"),
        ("meadowbrook.nhs.uk", "meadowbrook.nhs.uk"),
        ("booking.meadowbrook.nhs.uk.", "meadowbrook.nhs.uk"),
        ("SexualHealth.example", "SexualHealth"),
    ],
)
def test_words_and_names_that_count(index, host, text):
    assert found(index, host) == [(Role.SURE, text)]


@pytest.mark.parametrize(
    "host", ["archive.example", "hi-v.example", "notmeadowbrook.nhs.uk", "nhs.uk", "mastroken.example", ""]
)
def test_words_that_are_there_by_chance(index, host):
    assert found(index, host) == []


@pytest.mark.parametrize("host", ["keystrokes.example", "my-keystroke.example", "hospitality.example"])
def test_exceptions_are_recorded(index, host):
    assert all(role is Role.EXCEPTED for role, _ in found(index, host))


@given(host=st.text(max_size=80))
def test_no_host_raises(index, host):
    assert all(0 <= hit.start < hit.end <= len(host) for hit in index.hits(host))
