"""What kind of page an event stood on, as far as its address and texts tell: a fact beside the score."""

from collections.abc import Sequence

from addon.decoders.meta.endpoints import split_address
from addon.vocabulary import PageClass
from rules.model import Assessment, ContextKind, Field, FieldName

_SHOP_SEGMENTS = frozenset({"shop", "store", "cart", "basket", "bag", "checkout", "product", "products"})


def page_class(page_url: str | None, fields: Sequence[Field], assessment: Assessment) -> PageClass:
    """Return the class of the page at `page_url`, most telling first; `unknown` without an address."""
    if page_url is None:
        return "unknown"
    segments = {segment.lower() for segment in split_address(page_url).path.split("/")}
    if ContextKind.PORTAL in assessment.contexts:
        return "portal"
    if "results" in assessment.actions:
        return "results"
    if {"appointment", "referral"} & set(assessment.actions):
        return "booking"
    if ContextKind.UNDER_18 in assessment.contexts:
        return "under_18"
    if segments & _SHOP_SEGMENTS:
        return "shop"
    if any(field.name == FieldName.SEARCH_TERM for field in fields) or _is_search(page_url):
        return "search"
    if assessment.suppressed_by:
        return "corporate"
    return "condition" if assessment.topics else "public"


def _is_search(page_url: str) -> bool:
    address = split_address(page_url)
    return "search" in address.path.lower().replace("research", "") and bool(address.query)
