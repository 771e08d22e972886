"""A JSON file read in pieces gives what reading it whole gives, wherever the pieces end and however large it is."""

import io
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from addon import jsonfile
from addon.jsonfile import JsonFile, JsonFileError, TooLong

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=20
)
NAMES = st.sampled_from(["log", "entries", "other", ""])


@pytest.fixture(params=[7, 64, 1 << 20])
def piece(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(jsonfile, "PIECE", request.param)
    return int(request.param)


def read(content: bytes) -> tuple[list[Any], JsonFileError | None]:
    found: list[Any] = []
    try:
        found.extend(JsonFile(io.BytesIO(content).read).members(("log", "entries")))
    except JsonFileError as error:
        return found, error
    return found, None


def members(pairs: Any) -> list[Any]:
    """Return what is to be found, from the pairs that an object is made of; names may be repeated."""
    found = []
    for name, value in pairs:
        if name == "log" and isinstance(value, Pairs):
            for inner, entries in value.pairs:
                if inner == "entries" and isinstance(entries, list):
                    found += entries
    return found


class Pairs:
    """An object as it is written."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        self.pairs = pairs


def written(value: Any, *, indent: int | None, ascii_only: bool) -> str:
    if isinstance(value, Pairs):
        inside = (
            f"{json.dumps(name)} :\n{written(item, indent=indent, ascii_only=ascii_only)}" for name, item in value.pairs
        )
        return "{" + " , ".join(inside) + "}"
    return json.dumps(value, indent=indent, ensure_ascii=ascii_only)


FILES = st.lists(
    st.tuples(NAMES, VALUES | st.lists(st.tuples(NAMES, VALUES | st.lists(VALUES)), max_size=5).map(Pairs)), max_size=5
).map(Pairs)
EACH = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def encoded(text: str, *, ascii_only: bool) -> bytes:
    return text.encode("ascii" if ascii_only else "utf-8")


@EACH
@given(file=FILES, indent=st.sampled_from([None, 2]), ascii_only=st.booleans(), mark=st.booleans())
def test_the_members_are_those_of_the_whole_file(
    piece: int, file: Pairs, indent: int | None, ascii_only: bool, mark: bool
) -> None:
    content = encoded(written(file, indent=indent, ascii_only=ascii_only), ascii_only=ascii_only)
    found, error = read(b"\xef\xbb\xbf" * mark + content + b" \n")
    assert error is None
    assert found == members(file.pairs)


@EACH
@given(data=st.data())
def test_a_file_cut_anywhere_gives_what_came_before_and_names_the_place(piece: int, data: st.DataObject) -> None:
    entries = data.draw(st.lists(VALUES.filter(lambda value: isinstance(value, dict)), min_size=1))
    content = written(Pairs([("log", Pairs([("entries", entries)]))]), indent=None, ascii_only=False).encode()
    cut = data.draw(st.integers(1, len(content) - 1))
    found, error = read(content[:cut])
    assert error is not None
    assert error.place <= cut
    assert cut - error.place < 16
    assert found == entries[: len(found)]
    lengths = [len(json.dumps(entry, ensure_ascii=False).encode()) for entry in entries]
    start = content.index(b"[") + 1
    whole = [start + sum(lengths[: n + 1]) + 2 * n for n in range(len(entries))]
    assert len(found) == sum(end <= cut for end in whole)


@EACH
@given(content=st.binary() | st.text().map(str.encode), at=st.integers(0, 40))
def test_no_content_does_harm(piece: int, content: bytes, at: int) -> None:
    whole = b'{"log": {"entries": [{"a": [1, "x"]}, 2]}, "b": 1}'
    read(content)
    read(whole[:at] + content + whole[at:])


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ('{"log": {"entries": [1, 2}}', 25, "a comma is missing"),
        ('{"log": {"entries": [{"a": 1 1              }]}}', 29, "delimiter"),
        ('{"log": {"entries": [NaN]}}', 21, "NaN is no JSON"),
        ('{"log": {"entries": [1]}} more', 26, "more after the end"),
        ('{"log" {"entries": [1]}}', 7, ": is missing"),
        ('{log: {"entries": [1]}}', 1, '" is missing'),
        ('{"log": {"entries": [1]', 23, "the file ends"),
        ('{"log": {"entries": [1', 22, "the file ends"),
        ('{"log": {"entries": ["é\\', 25, "the file ends"),
        ('{"log": ', 8, "the file ends"),
        ('{"log": {"entries": [' + "[" * 100_000, 21, "nested too deep"),
        ('{"log": {"pages": ' + "[" * 100_000, 18, "nested too deep"),
    ],
)
def test_damage_is_named_with_its_place(text: str, place: int, reason: str) -> None:
    _, error = read(text.encode())
    assert error is not None
    assert error.place == place
    assert reason.lower() in str(error).lower()


def test_bytes_that_are_no_utf_8_are_named_with_their_place() -> None:
    content = '{"log": {"entries": ["é", "'.encode()
    found, error = read(content + b"\xff" + b'"]}}')
    assert found == ["é"]
    assert error is not None
    assert (error.place, str(error)) == (len(content), "there are bytes that are no UTF-8")


@pytest.mark.parametrize("letter", ["a", "\\n", "\\\\", "\\u00e9", "é", "😀"])
@pytest.mark.parametrize("shift", range(7))
def test_of_a_long_string_the_beginning_is_read(monkeypatch: pytest.MonkeyPatch, letter: str, shift: int) -> None:
    monkeypatch.setattr(jsonfile, "PIECE", 100)
    monkeypatch.setattr(jsonfile, "MAX_STRING", 400)
    text = '{"log": {"entries": [{"n": 1, "text": "' + "x" * shift + letter * 3000 + '", "after": "b"}, 2]}}'
    file = JsonFile(io.BytesIO(text.encode()).read)
    first, second = file.members(("log", "entries"))
    whole = "x" * shift + json.loads(f'"{letter}"') * 3000
    assert whole.startswith(first.pop("text"))
    assert (first, second) == ({"n": 1, "after": "b"}, 2)
    assert file.shortened == 1 or letter == "\\u00e9"  # which is never seen whole at the end of a piece, by chance


def test_base64_that_was_shortened_can_still_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonfile, "PIECE", 100)
    monkeypatch.setattr(jsonfile, "MAX_STRING", 401)
    file = JsonFile(io.BytesIO(b'{"log": {"entries": ["' + b"QUJD" * 999 + b'"]}}').read)
    assert list(file.members(("log", "entries"))) == ["QUJD" * 100]


def test_a_member_that_is_too_long_is_stepped_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonfile, "PIECE", 100)
    monkeypatch.setattr(jsonfile, "MAX_MEMBER", 1000)
    text = json.dumps({"log": {"entries": [1, {"a": [{"b": "x\\"}] * 300, "c": "y" * 5000, "d": 12345}, 2]}})
    first, second, third = JsonFile(io.BytesIO(text.encode()).read).members(("log", "entries"))
    assert (first, third) == (1, 2)
    assert isinstance(second, TooLong)


def test_what_is_around_the_array_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonfile, "PIECE", 1000)
    around = {"many": list(range(50_000)), "long": "é" * 200_000, "deep": [[["x" * 3000] * 5] * 5] * 5}
    content = json.dumps(
        {"a": around, "log": {"pages": around, "entries": [1]}, "b": around}, ensure_ascii=False
    ).encode()
    file = JsonFile(io.BytesIO(content).read)
    held = 0
    for part in file.members(("log", "entries")):
        held = max(held, len(file._text))
        assert part == 1
    assert max(held, len(file._text)) < 20_000
