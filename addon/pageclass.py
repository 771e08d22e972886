"""What kind of page an event stood on, and what decided it: facts beside the score."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Final, NamedTuple

from addon.decoders.meta.endpoints import split_address
from addon.model import PageReason
from addon.vocabulary import PageClass
from rules.model import Assessment, ContextKind, Field, FieldName, Finding, RuleKind
from rules.unchecked import unchecked

_SHOP_SEGMENTS: Final = frozenset({"shop", "store", "cart", "basket", "bag", "checkout", "product", "products"})
_PAGE_ADDRESS: Final = "page.url"

_POINTS: Final = attrgetter("points")

_BOOKING: Final = ("appointment", "referral")

_NO_PAGE: Final = PageReason(text="the event names no page")
_PLAIN_PAGE: Final = PageReason(text="no word, rule or part of the address points to another kind of page")

MAX_KNOWN_ADDRESS = 2_000
"""What addresses up to this length say is kept: a page has several events."""


class _Address(NamedTuple):
    """What the address of a page says by itself: the part that is of a shop, and the one that is of a search."""

    shop: PageReason | None
    search: PageReason | None


def page_class(page_url: str | None, fields: Sequence[Field], assessment: Assessment) -> tuple[PageClass, PageReason]:
    """Return the class of the page at `page_url`, most telling first, and what decided it.

    `unknown` without an address. Offsets of a reason count code points in the decoded value of its parameter.
    """
    if page_url is None:
        return "unknown", _NO_PAGE
    if ContextKind.PORTAL in assessment.contexts:
        return "portal", _by_context(assessment, ContextKind.PORTAL)
    if "results" in assessment.actions:
        return "results", _by_rule(assessment, lambda found: found.category == "results")
    if any(action in _BOOKING for action in assessment.actions):
        return "booking", _by_rule(assessment, lambda found: found.category in _BOOKING)
    if ContextKind.UNDER_18 in assessment.contexts:
        return "under_18", _by_context(assessment, ContextKind.UNDER_18)
    address = (_known_address if len(page_url) <= MAX_KNOWN_ADDRESS else _address)(page_url)
    if address.shop is not None:
        return "shop", address.shop
    for field in fields:
        if field.name is FieldName.SEARCH_TERM:
            return "search", _term_sent(field)
    if address.search is not None:
        return "search", address.search
    if assessment.suppressed_by:
        return "corporate", _by_rule(assessment, lambda found: found.rule in assessment.suppressed_by)
    if assessment.topics:
        return "condition", _by_rule(assessment, lambda found: found.kind is RuleKind.TOPIC)
    return "public", _PLAIN_PAGE


def _address(page_url: str) -> _Address:
    address = split_address(page_url)
    shop = _part(page_url, address.path, _is_shop, "a part of the address is of a shop")
    search = None
    if address.query:
        search = _part(page_url, address.path, _is_search, "the address is one of a search, with a query")
    return _Address(shop, search)


_known_address = lru_cache(maxsize=2_048)(_address)


def _term_sent(field: Field) -> PageReason:
    return PageReason(
        text="a search term was sent", field=field.name.value, parameter=field.parameter, matched=field.text
    )


def _by_rule(assessment: Assessment, wanted: Callable[[Finding], bool]) -> PageReason:
    """Return the finding that decided, the one that brought most points."""
    found = max([item for item in assessment.findings if wanted(item)], key=_POINTS, default=None)
    if found is None:
        rules = ", ".join(assessment.suppressed_by[:3])
        return PageReason(text=f"the rule {rules} counted" if rules else "a rule counted")
    evidence = found.evidence
    return _made(
        text="a rule met these words",
        rule=found.rule,
        field=evidence.field.value,
        parameter=evidence.parameter,
        matched=evidence.text,
        start=evidence.start,
        end=evidence.end,
    )


_made = unchecked(PageReason)


def _by_context(assessment: Assessment, kind: ContextKind) -> PageReason:
    """Return the finding that showed a context: rules of a context carry its name as category, or some other one."""
    contexts = [found for found in assessment.findings if found.kind is RuleKind.CONTEXT]
    named = {found.rule for found in contexts if kind.value in found.category}
    return _by_rule(assessment, lambda item: item.kind is RuleKind.CONTEXT and (not named or item.rule in named))


def _is_shop(segment: str) -> bool:
    return segment.lower() in _SHOP_SEGMENTS


def _part(page_url: str, path: str, wanted: Callable[[str], bool], text: str) -> PageReason | None:
    """Return the first segment of the path that decides, with its place in the page's address."""
    position = page_url.find(path, page_url.find("/", page_url.find("://") + 3)) if path else -1
    for segment in path.split("/"):
        if wanted(segment):
            placed = position >= 0
            return PageReason(
                text=text,
                field=_PAGE_ADDRESS,
                matched=segment,
                start=position if placed else None,
                end=position + len(segment) if placed else None,
            )
        if position >= 0:
            position += len(segment) + 1
    return None


def _is_search(segment: str) -> bool:
    return "search" in segment.lower().replace("research", "")
