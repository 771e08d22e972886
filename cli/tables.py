"""Plain tables for the terminal, cut to its width, with every control character made visible."""

import shutil
from collections.abc import Sequence

from cli.terminal import columns, printable

_GAP = "  "
_NARROWEST = 12
_WIDEST = 70


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], width: int | None = None) -> str:
    """Return rows below heads, columns aligned; the last column takes what is left of `width`."""
    if width is None:
        width = shutil.get_terminal_size((200, 24)).columns
    shown = [[printable(cell) for cell in row] for row in rows]
    widths = [max(columns(row[index]) for row in [list(heads), *shown]) for index in range(len(heads))]
    widths = [min(own, _WIDEST) for own in widths[:-1]] + widths[-1:]
    left = width - sum(widths[:-1]) - len(_GAP) * (len(widths) - 1)
    widths[-1] = max(_NARROWEST, min(widths[-1], left))
    lines = [_line(heads, widths), *(_line(row, widths) for row in shown)]
    return "\n".join(lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return _GAP.join(_fit(cell, width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _fit(cell: str, width: int) -> str:
    if columns(cell) <= width:
        return cell + " " * (width - columns(cell))
    while columns(cell) > width - 1:
        cell = cell[:-1]
    return cell + "…"
