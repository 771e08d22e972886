import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.address import MAX_PARTS, PartKind, parts
from rules.model import FieldName

URL_NAMES = [FieldName.PAGE_URL, FieldName.REFERRER_URL, FieldName.DESTINATION_URL]


def read(text, name=FieldName.PAGE_URL):
    return [(part.name.value, text[part.start : part.end]) for part in parts(name, text)]


def test_a_whole_address():
    text = (
        "https://user:secret@www.example.nhs.uk:8443/sexual-health/Book%20a%20test.aspx"
        "?dept=hiv&q=sti+test&utm_campaign=pride&utm_medium=referral&fbclid=abc#/step/two"
    )
    assert read(text) == [
        ("page.host", "example.nhs.uk"),
        ("page.path", "sexual-health"),
        ("page.path", "Book%20a%20test"),
        ("page.query", "dept"),
        ("page.query", "hiv"),
        ("search.term", "sti+test"),
        ("campaign", "pride"),
        ("page.fragment", "step"),
        ("page.fragment", "two"),
    ]


def test_search_and_campaign_of_a_referrer_stay_the_referrers():
    text = "https://search.example/?q=hiv&utm_campaign=x"
    names = {name for name, _ in read(text, FieldName.REFERRER_URL)}
    assert names == {"referrer.host", "referrer.query"}


def test_addresses_in_queries_are_opened():
    text = (
        "https://login.example/?return=https%3A%2F%2Fclinic.example%2Fhiv%2Fbook%3Fday%3Dmonday&next=/abortion/advice"
    )
    words = "login.example return clinic.example hiv book day monday next abortion advice"
    assert [piece for _, piece in read(text)] == words.split()
    hosts = [part for part in parts(FieldName.PAGE_URL, text) if part.kind is PartKind.HOST]
    assert [part.name for part in hosts] == [FieldName.PAGE_HOST, FieldName.PAGE_QUERY]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/hiv/test", [("page.path", "hiv"), ("page.path", "test")]),
        ("//clinic.example/hiv", [("page.host", "clinic.example"), ("page.path", "hiv")]),
        ("clinic.example/hiv", [("page.host", "clinic.example"), ("page.path", "hiv")]),
        ("contact.html", [("page.path", "contact")]),
        ("mailto:hiv@clinic.example?subject=test", [
            ("page.path", "hiv@clinic.example"), ("page.query", "subject"), ("page.query", "test"),
        ]),
        ("tel:0800", [("page.path", "0800")]),
        ("javascript:open('hiv')", [("page.path", "open('hiv')")]),
        ("data:text/plain;base64,aGl2", []),
        ("blob:https://clinic.example/hiv", [("page.host", "clinic.example"), ("page.path", "hiv")]),
        ("https%3A%2F%2Fclinic.example%2Fhiv", [("page.host", "clinic.example"), ("page.path", "hiv")]),
        ("http://[::1]:80/hiv", [("page.host", "[::1]:80"), ("page.path", "hiv")]),
        ("https://clinic.example/#gsc.q=hiv", [("page.host", "clinic.example"), ("search.term", "hiv")]),
        ("?search[query]=hiv", [("search.term", "hiv")]),
        ("https://", []),
        ("", []),
    ],
)  # fmt: skip
def test_forms_of_addresses(text, expected):
    assert read(text) == expected


def test_parts_of_an_address_given_alone():
    assert read("/a/b", FieldName.PAGE_PATH) == [("page.path", "a"), ("page.path", "b")]
    assert read("a=b&q=c", FieldName.PAGE_QUERY) == [
        ("page.query", "a"),
        ("page.query", "b"),
        ("search.term", "c"),
    ]
    assert read("www.a.example", FieldName.PAGE_HOST) == [("page.host", "a.example")]
    assert read("/a/b", FieldName.PAGE_TITLE) == [("page.title", "/a/b")]


def test_very_many_parts_end_in_one():
    text = "/a" * (MAX_PARTS + 50)
    found = parts(FieldName.PAGE_PATH, text)
    assert len(found) == MAX_PARTS + 1
    assert found[-1].end == len(text)


@given(
    st.sampled_from(URL_NAMES),
    st.text(alphabet=st.sampled_from("ab:/?#&=%@.[]+-25FfAa\u00e9 \ud800"), max_size=80),
)
def test_nothing_raises_and_parts_are_slices_in_order(name, text):
    found = parts(name, text)
    assert all(0 <= part.start <= part.end <= len(text) for part in found)
    assert [part.start for part in found] == sorted(part.start for part in found)


@pytest.mark.parametrize(
    "text",
    [
        "blob:" * 40_000,
        "https://" + "@" * 190_000,
        "?u=https%3A%2F%2Fa%2F" * 9_000,
        "https://" + "a." * 90_000,
        "&q=" * 60_000,
    ],
)
def test_hostile_addresses_are_read_once(text):
    assert isinstance(parts(FieldName.PAGE_URL, text), tuple)
