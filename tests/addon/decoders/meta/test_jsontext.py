import itertools
import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.decoders.meta import jsontext
from addon.decoders.meta.jsontext import JsonString, json_strings

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=15,
)
SPELLINGS = st.fixed_dictionaries({"ensure_ascii": st.booleans(), "indent": st.sampled_from([None, 2])})


def leaves(node: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(node, str):
        yield path, node
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from leaves(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from leaves(value, (*path, index))


def places(found: JsonString) -> list[int]:
    """Return where each code point of a leaf begins, and where the last one ends."""
    if found.positions is not None:
        return list(found.positions)
    return list(range(found.offset, found.offset + len(found.text) + 1))


@given(DOCUMENTS, SPELLINGS)
def test_the_strings_are_those_of_a_json_parser(document: object, spelling: dict[str, object]) -> None:
    text = json.dumps(document, **spelling)
    assert [(found.path, found.text) for found in json_strings(text)] == list(leaves(document))


@given(DOCUMENTS, SPELLINGS)
def test_every_code_point_is_found_again_in_the_text(document: object, spelling: dict[str, object]) -> None:
    text = json.dumps(document, **spelling)
    for found in json_strings(text):
        where = places(found)
        assert where[0] == found.offset
        assert text[found.offset - 1] == text[where[-1]] == '"'
        assert len(where) == len(found.text) + 1
        pieces = [text[start:end] for start, end in itertools.pairwise(where)]
        assert [json.loads(f'"{piece}"') for piece in pieces] == list(found.text)


@given(DOCUMENTS, SPELLINGS, st.data())
def test_a_cut_document_yields_what_stands_before_the_cut(
    document: object, spelling: dict[str, object], data: st.DataObject
) -> None:
    text = json.dumps(document, **spelling)
    cut = text[: data.draw(st.integers(0, len(text)))]
    whole = list(leaves(document))
    found = [(leaf.path, leaf.text) for leaf in json_strings(cut)]
    assert found[:-1] == whole[: max(len(found) - 1, 0)]
    if found:
        path, last = whole[len(found) - 1]
        # half of a pair of surrogates is no character
        assert found[-1][0] == path
        assert last.startswith(found[-1][1].removesuffix("\ufffd"))
    for leaf in json_strings(cut):
        assert places(leaf)[-1] <= len(cut)


@given(st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    for found in json_strings(text):
        assert places(found) == sorted(places(found))
        assert places(found)[-1] <= len(text)


@pytest.mark.parametrize(
    ("text", "strings"),
    [
        ("", []),
        ("plain words", []),
        ("{'title':'HIV clinic'}", []),
        ('{"title":"HIV clinic"', ["HIV clinic"]),
        ('{"a":"one", oops, "b":"two"}', ["one"]),
        ('["a"]]["b"]', ["a"]),
        ('"a","b"', ["a"]),
        ('{"a":1,"b":[{"c":"d"},"e"],"f":"g"}', ["d", "e", "g"]),
        (
            r'["\ud83d\ude42", "\ud83d", "\ude42", "\u12", "\u00zz"]',
            ["\U0001f642", "\ufffd", "\ufffd", "\ufffd12", "\ufffd00zz"],
        ),
        (r'["a\qb"]', ["aqb"]),
        ('["cut by a backslash\\', ["cut by a backslash"]),
        ('["cut in an escape \\u00', ["cut in an escape "]),
        ('["line\nbreak"]', ["line\nbreak"]),
        ('[true, null, -1.5e3, NaN, "lost"]', []),
    ],
)
def test_broken_text(text: str, strings: list[str]) -> None:
    assert [found.text for found in json_strings(text)] == strings


def test_keys_and_values_are_told_apart() -> None:
    found = list(json_strings('{"a":{"b":"b"},"c":["x",{"d":"y"}],"":"z"}'))
    assert [(leaf.path, leaf.text) for leaf in found] == [
        (("a", "b"), "b"), (("c", 0), "x"), (("c", 1, "d"), "y"), (("",), "z"),
    ]  # fmt: skip


def test_positions_are_only_kept_where_escapes_make_them_uneven() -> None:
    even, uneven = json_strings(r'["plain", "tab\tstop"]')
    assert even.positions is None
    assert uneven.positions is not None


def test_endless_nesting_is_left_unread() -> None:
    deep = jsontext.MAX_DEPTH
    assert [leaf.text for leaf in json_strings("[" * deep + '"a"' + "]" * deep)] == ["a"]
    assert list(json_strings("[" * (deep + 1) + '"a"')) == []
    assert len(list(json_strings('["a",' * 80_000))) == deep


def test_no_more_than_the_longest_text_is_read() -> None:
    text = '["' + "x" * jsontext.MAX_LENGTH + '"]'
    assert [len(leaf.text) for leaf in json_strings(text)] == [jsontext.MAX_LENGTH - 2]


PIECES = st.lists(
    st.sampled_from(
        [
            *'{}[],:"\\ \t\n-.',
            "true",
            "false",
            "nul",
            "null",
            "1e5",
            "12",
            "a",
            "\u00e9",
            "\\u00e9",
            '"x"',
            '\\"',
            "\u00a0",
        ]
    ),
    max_size=40,
).map("".join)


def plainly_read(text: str) -> Iterator[JsonString]:
    """Read character by character, as `json_strings` does token by token."""
    stack: list[list[str | int | None]] = []
    index, expect_key = 0, False
    while index < len(text):
        char = text[index]
        index += 1
        if char in " \t\r\n:":
            continue
        if char in "{[":
            if len(stack) >= jsontext.MAX_DEPTH:
                return
            stack.append(["{", None] if char == "{" else ["[", 0])
            expect_key = char == "{"
        elif char in "}]":
            if not stack:
                return
            stack.pop()
            expect_key = False
        elif char == ",":
            if not stack:
                return
            if stack[-1][0] == "[":
                stack[-1][1] += 1
            expect_key = stack[-1][0] == "{"
        elif char == '"':
            value, positions, index = jsontext._string(text, index)
            if expect_key and stack:
                stack[-1][1] = value
                expect_key = False
            else:
                even = positions[-1] - positions[0] == len(value)
                path = tuple(item[1] for item in stack if item[1] is not None)
                yield JsonString(path, value, positions[0], None if even else tuple(positions))
        else:
            start = index - 1
            while index < len(text) and text[index] not in ',]}:"{[ \t\r\n':
                index += 1
            word = text[start:index]
            if word not in {"true", "false", "null"} and not all(char in "0123456789+-.eE" for char in word):
                return


@given(PIECES | st.text() | st.integers(0, 70).map(lambda depth: "[" * depth + '"x"'))
def test_tokens_are_read_as_characters_are(text: str) -> None:
    assert list(json_strings(text)) == list(plainly_read(text))
