"""One YAML file to plain values with line numbers.

Scalars stay text: what a number or a truth value is decides the model, so that `no` is a word in a list of
words whatever the YAML version. Aliases are refused: no rule needs them, and they can make a small file huge.
"""

from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from rules.errors import RuleFileError, RuleSetError

MAX_DEPTH = 8
"""How deep values may be nested."""

Value = str | list["Value"] | dict[str, "Value"]


def read_yaml(path: Path, content: bytes) -> tuple[dict[str, Value], Mapping[str, int]]:
    """Return a file's mapping and the line (from 1) of every key and list item by its dotted path.

    Raises RuleSetError with everything that is wrong.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise RuleFileError(path, line, "", "is not UTF-8 text") from error
    try:
        node = YAML(typ="safe", pure=True).compose(StringIO(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        raise RuleFileError(path, line, "", f"is not YAML: {error.problem or error.context}") from error
    except YAMLError as error:
        raise RuleFileError(path, 0, "", f"is not YAML: {error}".splitlines()[0]) from error
    except (RecursionError, ValueError) as error:
        raise RuleFileError(path, 0, "", "is not YAML that can be read") from error
    if not isinstance(node, MappingNode):
        raise RuleFileError(path, 0, "", "is not a mapping of names to values")
    reader = _Reader(path)
    value = reader.mapping(node, ())
    if reader.errors:
        raise RuleSetError(reader.errors)
    return value, reader.lines


class _Reader:
    """Walks one document, collecting lines and errors."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: dict[str, int] = {}
        self.errors: list[RuleFileError] = []
        self._seen: set[int] = set()

    def mapping(self, node: MappingNode, where: tuple[str, ...]) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self._error(key_node, where, "has a name that is not a word")
                continue
            key = str(key_node.value)
            below = (*where, key)
            if key in found:
                self._error(key_node, below, f"stands twice; first in line {self.lines['.'.join(below)]}")
                continue
            self.lines[".".join(below)] = key_node.start_mark.line + 1
            found[key] = self._value(value_node, below)
        return found

    def _value(self, node: Node, where: tuple[str, ...]) -> Value:
        if id(node) in self._seen:
            self._error(node, where, "is an alias; write the value out")
            return ""
        self._seen.add(id(node))
        if len(where) > MAX_DEPTH:
            self._error(node, where, "is nested too deeply")
            return ""
        if isinstance(node, MappingNode):
            return self.mapping(node, where)
        if isinstance(node, SequenceNode):
            items: list[Value] = []
            for index, item in enumerate(node.value):
                below = (*where, str(index))
                self.lines[".".join(below)] = item.start_mark.line + 1
                items.append(self._value(item, below))
            return items
        if not isinstance(node, ScalarNode):
            self._error(node, where, "is of an unknown kind")
            return ""
        text = str(node.value)
        if not text.strip() or (node.style is None and text in {"~", "null"}):
            self._error(node, where, "is empty")
        return text

    def _error(self, node: Node, where: tuple[str, ...], problem: str) -> None:
        self.errors.append(RuleFileError(self.path, node.start_mark.line + 1, ".".join(where), problem))
