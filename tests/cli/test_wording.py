"""Every closed value has plain words, and no text blames or judges."""

import re
from typing import Any, get_args

import pytest

from addon import vocabulary
from cli import wording
from rules.model import Band, FieldName, RuleKind, Tier

TABLES = [
    (Band, wording.BANDS),
    (Band, wording.BAND_GLYPHS),
    (Band, wording.BAND_RANGES),
    (Tier, wording.TIERS),
    (vocabulary.ActKind, wording.ACTS),
    (vocabulary.ActKind, wording.ACT_COUNTS),
    (vocabulary.EventKind, wording.EVENT_KINDS),
    (vocabulary.Trigger, wording.TRIGGERS),
    (vocabulary.Transport, wording.TRANSPORTS),
    (vocabulary.Delivery, wording.DELIVERIES),
    (vocabulary.Delivery, wording.DELIVERIES_SHORT),
    (vocabulary.PageUrlFrom, wording.PAGE_URL_FROM),
    (vocabulary.Frame, wording.FRAMES),
    (vocabulary.Linkability, wording.LINKABILITY),
    (vocabulary.ConsentState, wording.CONSENT_STATES),
    (vocabulary.ConsentState, wording.CONSENT_EXPLAINED),
    (vocabulary.ConsentBasis, wording.CONSENT_BASES),
    (vocabulary.PageClass, wording.PAGE_CLASSES),
    (vocabulary.ReviewState, wording.REVIEWS),
    (vocabulary.MarkKind, wording.MARKS),
    (vocabulary.SourceKind, wording.SOURCES),
    (vocabulary.Provenance, wording.PROVENANCES),
    (vocabulary.ParameterContext, wording.CONTEXTS),
]


@pytest.mark.parametrize(("values", "table"), TABLES)
def test_every_closed_value_has_words(values: Any, table: dict[str, Any]) -> None:
    assert set(get_args(values)) == set(table)


def test_every_field_and_kind_of_rule_has_words() -> None:
    assert set(wording.FIELDS) == set(FieldName)
    assert set(wording.RULE_KINDS) == set(RuleKind)


def test_band_glyphs_differ() -> None:
    assert len(set(wording.BAND_GLYPHS.values())) == len(wording.BAND_GLYPHS)


@pytest.mark.parametrize(
    ("slug", "words"),
    [
        ("hiv_sexual_health", "HIV and sexual health"),
        ("repeat_prescription", "ordering a repeat prescription"),
        ("mental_health", "mental health"),
        ("ivf_clinic-visit", "IVF clinic visit"),
        ("", ""),
    ],
)
def test_categories_in_plain_words(slug: str, words: str) -> None:
    assert wording.category(slug) == words


def test_unknown_names_fall_back_to_themselves() -> None:
    assert wording.event_name("SubscribedButtonClick") == "a click, reported by Meta's own code"
    assert wording.event_name("MyEvent") is None
    assert wording.field("page.title") == "page title"
    assert wording.field("page.new_thing") == "page new thing"
    assert wording.identifier("some_id") == "some id"
    assert wording.role("lookalike") == "a host that only looks like Meta's"
    assert wording.rule_kind("suppressor") == "reason against"


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.0.…", "10.1.…", "192.168.1.20", "192.168.…", "172.20.…", "::1", "fe80::1%eth0", "fd00:1:2:…"],
)
def test_own_network(address: str) -> None:
    assert wording.on_own_network(address)


@pytest.mark.parametrize("address", ["198.51.…", "203.0.113.9", "2001:db8:1:…", "172.32.…", "", "…", "not an address"])
def test_public_network(address: str) -> None:
    assert not wording.on_own_network(address)


def test_numbers_and_lists() -> None:
    assert wording.count(1, "search", "searches") == "1 search"
    assert wording.count(1200, "click") == "1,200 clicks"
    assert [wording.listed(parts) for parts in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]


def test_times_as_people_read_them() -> None:
    assert wording.instant("2026-03-02T14:05:31.120Z") == "2026-03-02 14:05:31.120 UTC"
    assert wording.instant("yesterday") == "yesterday"
    assert wording.instant(None) == "not known"
    assert wording.clock_time("2026-03-02T14:05:31.120Z") == "14:05:31"


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = value.values()
    return [text for item in value for text in _texts(item)] if hasattr(value, "__iter__") else []


def test_no_text_blames_or_judges() -> None:
    said = " ".join(
        text
        for name, value in vars(wording).items()
        if name.isupper() and not name.startswith("_")
        for text in _texts(value)
    )
    assert not re.search(
        r"\b(leak\w*|illegal\w*|unlawful\w*|violat\w*|breach\w*|guilty|spie[sd])\b", said, re.IGNORECASE
    )
