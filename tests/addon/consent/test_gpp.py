"""GPP strings: what real encoders write, and what is malformed in any way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.consent.gpp import MAX_CHARS, decode

OUT = ("sale", "sharing", "targeted advertising")


@pytest.mark.parametrize(
    ("text", "name", "offered", "out", "gpc"),
    [
        ("DBABLA~BVQVAAAAAgA.QA", "US national", OUT, OUT, False),
        ("DBABLA~BVQqAAAACgA.QA", "US national", OUT, (), False),
        ("DBABLA~BVQVAAAAAAGA.YA", "US national", OUT, OUT, True),
        ("DBABLA~BAAAAAAAAgA.QA", "US national", (), (), False),
        ("DBABBg~BUUAAAGA.QA", "California", OUT[:2], OUT[:2], False),
        ("DBABBg~BUoAAAKA.QA", "California", OUT[:2], (), False),
    ],
)
def test_strings_as_browsers_send_them(text: str, name: str, offered, out, gpc: bool) -> None:
    found = decode(text)
    assert found is not None
    (section,) = found.us
    assert section == (name, offered, out, gpc)
    assert found.unread == ()


def fibonacci(number: int) -> str:
    row = [1, 2]
    while row[-1] <= number:
        row.append(row[-1] + row[-2])
    bits = []
    for value in reversed([one for one in row if one <= number]):
        bits.append("1" if value <= number else "0")
        number -= value if value <= number else 0
    return "".join(reversed(bits)) + "1"


def header(pack, *numbers: int) -> str:
    last, bits = 0, ""
    for number in numbers:
        bits += "0" + fibonacci(number - last)
        last = number
    return pack("000011" + "000001" + format(len(numbers), "012b") + bits)


@pytest.mark.parametrize(
    ("number", "name", "skipped", "rest"),
    [(9, "Virginia", 3, 12), (10, "Colorado", 3, 11), (11, "Utah", 4, 12), (12, "Connecticut", 3, 14)],
)
def test_sections_of_states(tc_parts, number: int, name: str, skipped: int, rest: int) -> None:
    pack = tc_parts["pack"]
    core = pack("000001" + "01" * skipped + "10" + "01" + "00" * rest)
    found = decode(f"{header(pack, number)}~{core}")
    assert found is not None
    assert found.us == ((name, ("sale", "targeted advertising"), ("targeted advertising",), False),)


def test_several_sections_stand_in_the_order_of_the_header(tc, tc_parts) -> None:
    text = f"{header(tc_parts['pack'], 2, 6, 13)}~{tc(1, 3, 4)}~1YYN~BAAA"
    found = decode(text)
    assert found is not None
    assert found.tc is not None
    assert found.tc.purposes == {1, 3, 4}
    assert found.us == (("US Privacy", ("sale",), ("sale",), False),)
    assert found.unread == (13,)


@pytest.mark.parametrize("text", ["", "D", "DBABLA", "DBABLA~", "DBABLA~BVQVAAAAAgA~1---", "CBABLA~BVQVAAAAAgA", "~~~",
    "DBABLA~BVQVAAAAAgA.QA.QA", "DBABLA~BVQVAAAAAgA.AA", "DBABLA~B___AAAAAgA", "1YNN", "DBABLA~BVQVAAAAAgA!",
    "DBAAAA", "D" * (MAX_CHARS + 1), "DB__" + "_" * 400])  # fmt: skip
def test_what_is_malformed_is_malformed(text: str) -> None:
    found = decode(text)
    assert found is None or not found.us


@pytest.mark.parametrize("text", ["DBABLA~BVQVAAAAAgA.QA", "DBABBg~BUUAAAGA.QA"])
def test_no_strict_prefix_says_anything_else(text: str) -> None:
    whole = decode(text)
    assert whole is not None
    for end in range(len(text)):
        found = decode(text[:end])
        assert found is None or found.us == (whole.us[0]._replace(gpc=False),), text[:end]


@given(st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~.1YN", max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    for found in (decode(text), decode("DBABLA~" + text)):
        assert found is None or all(set(section.opted_out) <= set(section.offered) | set(OUT) for section in found.us)
