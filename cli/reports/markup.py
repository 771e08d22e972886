"""Markdown that a captured value cannot break out of: spans, cells and tables for the Markdown report."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from cli import wording
from cli.summary import Summary
from cli.terminal import printable

_SPECIAL: Final = re.compile(r"[`*_\[\]|~$#]")
_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;", "\\": "&#92;"}
_LINKS: Final = re.compile(r"(?i)(?<=\bwww)\.|:(?=//)")
_BLOCK_START: Final = re.compile(r"[-+=]|\d+(?=[.)])")
_UNSAFE_IN_CODE: Final = re.compile(r"[`<>&|\\]")
_LONGEST: Final = 400


def inline(text: str) -> str:
    """Return text that Markdown shows as it is within a line: no markup, no HTML, no link of an address."""
    shown = _LINKS.sub(lambda found: f"\0{ord(found.group())};", printable(text))
    return "".join(
        _ENTITIES.get(character) or (f"\\{character}" if _SPECIAL.match(character) else character)
        for character in shown
    ).replace("\0", "&#")


def escaped(text: str) -> str:
    """Return text that Markdown shows as it is, also where it begins a line."""
    shown = inline(text).strip()
    start = _BLOCK_START.match(shown)
    if start is None:
        return shown
    first = start.group()
    return f"{first}\\{shown[len(first) :]}" if first.isdigit() else f"\\{shown}"


def code(text: str) -> str:
    """Return text as a code span, or escaped where a code span could not hold it safely."""
    shown = printable(text)
    if not shown.strip() or _UNSAFE_IN_CODE.search(shown) or shown != shown.strip():
        return escaped(shown)
    return f"`{shown}`"


def cut(text: str, longest: int = _LONGEST) -> str:
    """Shorten a very long value and say so."""
    if len(text) <= longest:
        return text
    return f"{text[:longest]} … ({len(text):,} characters, whole in the JSON report)"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a table; its cells are Markdown already."""
    lines = [f"| {' | '.join(cells)} |" for cells in rows]
    if not lines:
        return []
    return ["", f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}", *lines, ""]


def tag(summary: Summary) -> str:
    """Return the mark that headings of a reconstruction carry."""
    return f" ({wording.RECONSTRUCTION_SHORT.lower()})" if summary.reconstruction else ""
