"""TC strings: what is malformed in any way is never a consent."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addon.consent.tcf import decode

SPANS = st.lists(st.tuples(st.integers(1, 400), st.integers(0, 50)), max_size=6).map(
    lambda found: [(first, first + more) for first, more in found]
)
PURPOSES = st.frozensets(st.integers(1, 24))


def core(parts, purposes, ids, spans, restricted):
    vendors = parts["vendors"]
    return parts["bits"](
        purposes,
        consents=vendors(ids),
        interests=vendors(spans=spans),
        restrictions=[(2, 1, spans)] if restricted else [],
    )


@given(PURPOSES, st.frozensets(st.integers(1, 300)), SPANS, st.booleans())
def test_what_was_encoded_is_decoded(tc_parts, purposes, ids, spans, restricted) -> None:
    bits = core(tc_parts, purposes, ids, spans, restricted)
    for multiple in (8, 24):
        found = decode(tc_parts["pack"](bits, multiple))
        assert found is not None
        assert found.purposes == purposes
        assert found.legitimate_interests == frozenset()
        assert (found.cmp_id, found.policy_version) == (31, 5)
        assert found.created == found.updated == tc_parts["day"] / 10


@given(PURPOSES, st.frozensets(st.integers(1, 300)), SPANS, st.booleans())
@settings(max_examples=40)
def test_every_strict_prefix_is_rejected(tc_parts, purposes, ids, spans, restricted) -> None:
    text = tc_parts["pack"](core(tc_parts, purposes, ids, spans, restricted))
    for end in range(len(text)):
        assert decode(text[:end]) is None


@given(PURPOSES, st.frozensets(st.integers(1, 300)), SPANS)
@settings(max_examples=40)
def test_only_zeros_of_the_padding_may_be_lost(tc_parts, purposes, ids, spans) -> None:
    bits = core(tc_parts, purposes, ids, spans, restricted=False)
    text = tc_parts["pack"](bits, 24)
    for end in range(len(text)):
        found = decode(text[:end])
        assert found is None or (6 * end >= len(bits) and found == decode(text))


@given(PURPOSES, st.frozensets(st.integers(1, 100)))
@settings(max_examples=30)
def test_of_several_segments_only_whole_ones_are_left(tc_parts, purposes, ids) -> None:
    first = tc_parts["pack"](tc_parts["bits"](purposes))
    disclosed = tc_parts["pack"]("001" + tc_parts["vendors"](ids))
    publisher = tc_parts["pack"]("011" + "1" * 24 + "0" * 24 + tc_parts["number"](2, 6) + "1010")
    text = f"{first}.{disclosed}.{publisher}"
    whole = {len(first), len(first) + 1 + len(disclosed)}
    assert decode(text) == decode(first)
    for end in range(len(text)):
        assert (decode(text[:end]) is not None) == (end in whole)


@pytest.mark.parametrize(
    "change",
    [
        {"version": 1},
        {"version": 3},
        {"created": 0, "updated": 0},
        {"updated": 17_953_000_000},
        {"updated": (1 << 36) - 1},
    ],
)
def test_versions_and_times_that_cannot_be(tc, change) -> None:
    assert decode(tc(1, 3, 4)) is not None
    assert decode(tc(1, 3, 4, **change)) is None


def test_vendor_sections_have_to_fit(tc_parts) -> None:
    number, bits, pack = tc_parts["number"], tc_parts["bits"], tc_parts["pack"]
    for ranges in ([(0, 0)], [(5, 4)], [(1, 11)]):
        section = number(10, 16) + "1" + tc_parts["ranges"](ranges)
        assert decode(pack(bits(consents=section))) is None
    assert decode(pack(bits(consents=number(10, 16) + "1" + tc_parts["ranges"]([(1, 10)])))) is not None


def test_padding_has_to_be_zero_and_no_longer_than_padding(tc_parts) -> None:
    bits = tc_parts["bits"]([1])
    assert len(bits) % 8
    text = tc_parts["pack"](bits)
    assert decode(text) is not None
    assert decode(text + "A" * 5) is None
    assert decode(tc_parts["pack"](bits + "1")) is None


def test_segments_have_to_be_of_different_known_kinds(tc, tc_parts) -> None:
    disclosed = tc_parts["pack"]("001" + tc_parts["vendors"]([1]))
    assert decode(f"{tc(1)}.{disclosed}") is not None
    assert decode(f"{tc(1)}.{disclosed}.{disclosed}") is None
    assert decode(f"{tc(1)}.{tc_parts['pack']('111' + tc_parts['vendors']([1]))}") is None
    assert decode(f"{tc(1)}.") is None
    assert decode(f".{tc(1)}") is None


@given(st.text(alphabet=string.ascii_letters + string.digits + "-_.=+/ é", max_size=120))
def test_no_text_is_consent_by_accident(text) -> None:
    found = decode(text)
    assert found is None or found.purposes <= set(range(1, 25))


@pytest.mark.parametrize("text", ["", "C", "CP", "CPXxRfAPXxRfA", "A" * 9_000, "COw4XqLOw4XqL" * 20, "\ud800" * 50])
def test_garbage(text) -> None:
    assert decode(text) is None


def test_a_published_example() -> None:
    """The example of IAB's own library: nothing consented to."""
    found = decode("CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA")
    assert found is not None
    assert found.purposes == frozenset()


def test_a_long_string_takes_linear_time(tc_parts) -> None:
    spans = [(2 * one + 1, 2 * one + 1) for one in range(2_000)]
    text = tc_parts["pack"](tc_parts["bits"]([1], consents=tc_parts["vendors"](spans=spans)))
    assert len(text) < 8_000
    assert decode(text) is not None
