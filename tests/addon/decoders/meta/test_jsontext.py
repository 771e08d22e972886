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
