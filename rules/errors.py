"""What is wrong with rule files, in a form that says where."""

from collections.abc import Sequence
from pathlib import Path


class RuleFileError(Exception):
    """A rule file that cannot be used: where, and what is wrong with it.

    `line` counts from 1 and is 0 where the whole file is meant; `field` is empty then, too.
    """

    def __init__(self, path: Path, line: int, field: str, problem: str) -> None:
        self.path = path
        self.line = line
        self.field = field
        self.problem = problem
        place = f"{path}:{line}" if line else str(path)
        super().__init__(f"{place}: {field}: {problem}" if field else f"{place}: {problem}")


class RuleSetError(Exception):
    """Every error in the rule files that were to be loaded, in the order of files and lines."""

    def __init__(self, errors: Sequence[RuleFileError]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(str(error) for error in self.errors))


class UnknownPackError(ValueError):
    """A name that no optional pack has; the message names those there are."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        self.name = name
        super().__init__(f"there is no optional pack “{name}”; there are: {', '.join(known)}")
