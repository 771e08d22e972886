"""The rules a command works with."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rules.engine import Matcher


def matcher(paths: Sequence[Path] | None) -> "Matcher":
    """Return a matcher for the built-in rules and those at `paths`. Raises rules.errors.RuleSetError."""
    from rules.engine import Matcher  # noqa: PLC0415 - loaded when needed
    from rules.loader import load_rules  # noqa: PLC0415

    return Matcher(load_rules(tuple(paths or ())))
