"""What kind of page an event stood on, and what decided it: facts beside the score."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from addon.decoders.meta.endpoints import split_address
from addon.model import PageReason
from addon.vocabulary import PageClass
from rules.model import Assessment, ContextKind, Field, FieldName, Finding, RuleKind

_SHOP_SEGMENTS: Final = frozenset({"shop", "store", "cart", "basket", "bag", "checkout", "product", "products"})
_PAGE_ADDRESS: Final = "page.url"

_BOOKING: Final = ("appointment", "referral")


def page_class(page_url: str | None, fields: Sequence[Field], assessment: Assessment) -> tuple[PageClass, PageReason]:
    """Return the class of the page at `page_url`, most telling first, and what decided it.

    `unknown` without an address. Offsets of a reason count code points in the decoded value of its parameter.
    """
    if page_url is None:
        return "unknown", PageReason(text="the event names no page")
    for found, reason in _candidates(page_url, fields, assessment):
        return found, reason
    return "public", PageReason(text="no word, rule or part of the address points to another kind of page")


def _candidates(
    page_url: str, fields: Sequence[Field], assessment: Assessment
) -> Iterator[tuple[PageClass, PageReason]]:
    if ContextKind.PORTAL in assessment.contexts:
        yield "portal", _by_context(assessment, ContextKind.PORTAL)
    if "results" in assessment.actions:
        yield "results", _by_rule(assessment, lambda found: found.category == "results")
    if set(_BOOKING) & set(assessment.actions):
        yield "booking", _by_rule(assessment, lambda found: found.category in _BOOKING)
    if ContextKind.UNDER_18 in assessment.contexts:
        yield "under_18", _by_context(assessment, ContextKind.UNDER_18)
    shop = _part(page_url, split_address(page_url).path, _is_shop, "a part of the address is of a shop")
    if shop is not None:
        yield "shop", shop
    term = next((field for field in fields if field.name == FieldName.SEARCH_TERM), None)
    if term is not None:
        yield (
            "search",
            PageReason(
                text="a search term was sent", field=term.name.value, parameter=term.parameter, matched=term.text
            ),
        )
    search = _search(page_url)
    if search is not None:
        yield "search", search
    if assessment.suppressed_by:
        yield "corporate", _by_rule(assessment, lambda found: found.rule in assessment.suppressed_by)
    if assessment.topics:
        yield "condition", _by_rule(assessment, lambda found: found.kind == RuleKind.TOPIC)


def _by_rule(assessment: Assessment, wanted: Callable[[Finding], bool]) -> PageReason:
    """Return the finding that decided, the one that brought most points."""
    found = max((item for item in assessment.findings if wanted(item)), key=lambda item: item.points, default=None)
    if found is None:
        rules = ", ".join(assessment.suppressed_by[:3])
        return PageReason(text=f"the rule {rules} counted" if rules else "a rule counted")
    evidence = found.evidence
    return PageReason(
        text="a rule met these words",
        rule=found.rule,
        field=evidence.field.value,
        parameter=evidence.parameter,
        matched=evidence.text,
        start=evidence.start,
        end=evidence.end,
    )


def _by_context(assessment: Assessment, kind: ContextKind) -> PageReason:
    """Return the finding that showed a context: rules of a context carry its name as category, or some other one."""
    contexts = [found for found in assessment.findings if found.kind == RuleKind.CONTEXT]
    named = {found.rule for found in contexts if kind.value in found.category}
    return _by_rule(assessment, lambda item: item.kind == RuleKind.CONTEXT and (not named or item.rule in named))


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


def _search(page_url: str) -> PageReason | None:
    address = split_address(page_url)
    if not address.query:
        return None
    return _part(page_url, address.path, _is_search, "the address is one of a search, with a query")


def _is_search(segment: str) -> bool:
    return "search" in segment.lower().replace("research", "")
