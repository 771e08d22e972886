"""The pages of the documentation, read as a reader sees them: code, tables, links."""

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")


class Page(NamedTuple):
    """One Markdown page."""

    path: Path
    text: str

    def blocks(self, language: str) -> list[str]:
        return [content for name, content in _FENCE.findall(self.text) if name == language]

    @property
    def prose(self) -> str:
        return _FENCE.sub("", self.text)

    def spans(self) -> list[str]:
        """Return inline code; a span may hold the `\\|` that tables need."""
        return [span.replace("\\|", "|") for span in _SPAN.findall(self.prose)]

    def table(self, *heads: str) -> list[list[str]]:
        """Return the cells of the only table whose heads begin with these."""
        found = list(self._tables(heads))
        assert len(found) == 1, f"{self.path.name}: {len(found)} tables with the heads {heads}"
        return found[0]

    def _tables(self, heads: tuple[str, ...]) -> Iterator[list[list[str]]]:
        rows: list[list[str]] = []
        for line in [*self.prose.splitlines(), ""]:
            if line.startswith("|"):
                rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
            elif rows:
                if tuple(rows[0][: len(heads)]) == heads:
                    yield rows[2:]
                rows = []


def code(cell: str) -> list[str]:
    return _SPAN.findall(cell)


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def pages() -> list[Page]:
    paths = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
    return [Page(path, path.read_text("utf-8")) for path in paths]


@pytest.fixture(scope="session")
def page(pages: list[Page]) -> Callable[[str], Page]:
    by_name = {item.path.name: item for item in pages}
    return lambda name: by_name[name]


@pytest.fixture(scope="session")
def code_in() -> Callable[[str], list[str]]:
    return code


@pytest.fixture(scope="session")
def shell_lines() -> Callable[[Page], list[list[str]]]:
    """Return a function that gives the words of every line of a page's shell blocks, without comments."""

    def lines(one: Page) -> list[list[str]]:
        typed = [line for block in one.blocks("sh") for line in block.splitlines()]
        return [words for line in typed if (words := shlex.split(line, comments=True))]

    return lines
