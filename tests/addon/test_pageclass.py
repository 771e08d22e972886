"""What kind of page it is, most telling first."""

from typing import Any

import pytest

from addon.pageclass import page_class
from rules.model import Assessment, ContextKind, Field, FieldName

PLAIN = "https://www.example-clinic.example/about/"


def assessed(**more: Any) -> Assessment:
    return Assessment.model_validate({"ruleset_digest": "0", "score": 0, "band": "none", "tier": "none", **more})


@pytest.mark.parametrize(
    ("url", "assessment", "expected"),
    [
        (PLAIN, {}, "public"),
        (PLAIN, {"topics": ("hiv",)}, "condition"),
        (PLAIN, {"topics": ("hiv",), "actions": ("appointment",)}, "booking"),
        (PLAIN, {"actions": ("referral",)}, "booking"),
        (PLAIN, {"actions": ("results", "appointment")}, "results"),
        (PLAIN, {"contexts": (ContextKind.UNDER_18,), "topics": ("hiv",)}, "under_18"),
        (PLAIN, {"contexts": (ContextKind.PORTAL, ContextKind.UNDER_18), "actions": ("results",)}, "portal"),
        (PLAIN, {"suppressed_by": ("en/careers/careers",), "topics": ("hiv",)}, "corporate"),
        ("https://shop.example/products/1", {"topics": ("hiv",)}, "shop"),
        ("https://shop.example/Basket", {}, "shop"),
        ("https://www.example-clinic.example/search/?q=x", {}, "search"),
        ("https://www.example-clinic.example/research/", {}, "public"),
        ("https://[", {}, "public"),
        (None, {"topics": ("hiv",)}, "unknown"),
    ],
)
def test_the_class_of_a_page(url: str | None, assessment: dict[str, Any], expected: str) -> None:
    assert page_class(url, (), assessed(**assessment))[0] == expected


def test_a_search_term_makes_a_search() -> None:
    field = Field(name=FieldName.SEARCH_TERM, parameter="cd[search_string]", text="hiv")
    found, reason = page_class(PLAIN, (field,), assessed(topics=("hiv",)))
    assert found == "search"
    assert (reason.parameter, reason.matched) == ("cd[search_string]", "hiv")


def test_research_is_no_search() -> None:
    assert page_class("https://www.example-clinic.example/research/?page=2", (), assessed())[0] == "public"
