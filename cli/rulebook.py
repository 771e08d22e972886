"""The rules a command works with."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rules.engine import Matcher


def matcher(paths: Sequence[Path] | None) -> "Matcher":
    """Return a matcher for the built-in rules and those at `paths`. Raises rules.errors.RuleSetError."""
    from rules.engine import Matcher  # noqa: PLC0415 - loaded when needed
    from rules.loader import load_rules  # noqa: PLC0415

    return Matcher(load_rules(tuple(paths or ())))


def packs_matcher(names: Sequence[str]) -> "Matcher":
    """Return a matcher for optional packs. Raises rules.errors.UnknownPackError and RuleSetError."""
    from rules.engine import Matcher  # noqa: PLC0415 - loaded when needed
    from rules.loader import load_packs  # noqa: PLC0415

    return Matcher(load_packs(names))


def chosen_matcher(paths: Sequence[Path] | None, packs: Sequence[str] | None) -> "Matcher":
    """Return a matcher for optional packs where some are named, else for health.

    Raises typer.BadParameter for both at once, and what `matcher` and `packs_matcher` raise.
    """
    if not packs:
        return matcher(paths)
    if paths:
        raise typer.BadParameter("your own rules are read with those for health, so they do not go with --packs")
    return packs_matcher(packs)
