"""Signs that Meta's client filtered something, in words, and what left all the same."""

import hashlib
import json
from collections.abc import Callable
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.decoders.meta.filters import GUESSED_NAMES, NO_FILTERING, Filtering, filtering, name_of_hash
from addon.model import Hit, Identifier, Param

MakeHit = Callable[..., Hit]
PAGE = "https://www.example-clinic.example/zorbitis/?dept=_removed_&page=2"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def found(make_hit: MakeHit) -> Callable[..., Filtering]:
    """Return what is filtered in an event with these parameters beside the ordinary ones."""

    def make(event: str = "PageView", **parameters: str) -> Filtering:
        given = {"id": "900000000000001", "ev": event, "dl": "https://www.example-clinic.example/zorbitis/"}
        query = urlencode({**given, **parameters}, quote_via=quote)
        return filtering(make_hit(url=f"https://www.facebook.com/tr/?{query}"))

    return make


def texts(found: Filtering) -> dict[str, str]:
    return {note.parameter: note.text for note in found.notes}


def test_an_ordinary_event_shows_no_sign(found) -> None:
    assert found(**{"cd[content_name]": "Zorbitis leaflet", "fbp": "fb.1.1.2"}) == NO_FILTERING


@pytest.mark.parametrize("name", ["dl", "rl"])
def test_a_removed_value_in_an_address_names_its_key(found, name: str) -> None:
    (note,) = found(**{name: PAGE}).notes
    which = "the page's address" if name == "dl" else "the address of the page before"
    assert note.parameter == name
    assert note.text == f"The value of “dept” in {which} was removed; the rest of the address was sent."


def test_a_removed_part_without_a_key(found) -> None:
    assert texts(found(dl="https://x.example/_removed_/"))["dl"].startswith("Part of the page's address was removed")


def test_a_removed_value_elsewhere(found) -> None:
    notes = texts(found(**{"cd[content_ids]": "_removed_"}))
    assert notes == {"cd[content_ids]": "Part of the value of cd[content_ids] was removed."}


@pytest.mark.parametrize(("name", "where"), [("up", "custom data"), ("up_url", "addresses"), ("spb", "custom data")])
@pytest.mark.parametrize("value", ["dept,illness", '["dept","illness"]', " dept , illness ,"])
def test_keys_removed_by_name(found, name: str, where: str, value: str) -> None:
    assert texts(found(**{name: value}))[name] == f"Keys removed from {where}, by name: “dept”, “illness”."


@pytest.mark.parametrize(("name", "where"), [("rp", "custom data"), ("rp_url", "addresses")])
def test_keys_removed_by_hash_are_named_where_a_name_fits(found, name: str, where: str) -> None:
    unknown = sha256("nobody guesses this")
    text = texts(found(**{name: f"{sha256('diagnosis').upper()},{unknown}"}))[name]
    assert text == (
        f"Keys removed from {where}, given as SHA-256 of their names: “diagnosis”, “{unknown[:8]}… (name not found)”."
    )


def test_every_guessed_name_is_found_by_its_hash() -> None:
    assert all(name_of_hash(sha256(name)) == name for name in GUESSED_NAMES)
    assert name_of_hash("diagnosis") is None


@pytest.mark.parametrize("place", ["cd[_filteredParams]", "dl"])
def test_lists_of_older_builds(found, place: str) -> None:
    listed = json.dumps({"unwantedParams": ["dept"], "restrictedParams": [sha256("diagnosis"), "x"]})
    value = listed if place != "dl" else f"https://x.example/?_filteredParams={quote(listed)}"
    assert [note.text for note in found(**{place: value}).notes] == [
        "Keys that the client filtered, by name: “dept”.",
        "Keys that the client filtered, as SHA-256 of their names: “diagnosis”, “x”.",
    ]
    assert texts(found(**{"cd[_filteredParams]": "{"}))["cd[_filteredParams]"].endswith("its list cannot be read.")


def test_protected_data_mode(found) -> None:
    result = found(dl="https://www.example-clinic.example", pm="1", hrl="36bf63", cas="1,2")
    assert list(texts(result)) == ["pm", "hrl"]
    assert "core setup" in texts(result)["pm"]
    assert "(36bf63)" in texts(result)["hrl"]
    assert result.still_left == (
        "the site's name",
        "the ids of audience or conversion rules that fitted the page's address",
    )


def test_a_bare_origin_without_that_mode_is_a_sign(found) -> None:
    assert "bare origin" in texts(found(dl="https://www.example-clinic.example"))["dl"]
    assert found(dl="https://www.example-clinic.example/") == NO_FILTERING


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("dlc", "1", "changed the page's address"),
        ("rlc", "1", "changed the referrer"),
        ("vvp", "1", "Video-privacy mode"),
        ("dpo", "LDU", "removes nothing from the request"),
    ],
)
def test_marks_of_the_whole_request(found, name: str, value: str, says: str) -> None:
    assert says in texts(found(**{name: value}))[name]
    assert found(**{name: "0"}) == NO_FILTERING


def test_what_left_all_the_same(found) -> None:
    result = found(
        "ZorbitisBooked",
        **{
            "dlc": "1",
            "pmd[title]": "Living with zorbitis",
            "pmd[description]": "About zorbitis",
            "cd[buttonText]": "Book a test",
            "cd[search_string]": "zorbitis",
            "cd[content_name]": "Leaflet",
            "fbp": "fb.1.1.2",
            "ud[em]": sha256("a@example.com"),
            "ccs": "7",
        },
    )
    assert result.still_left == (
        "the page's address with its path",
        "the event's name, “ZorbitisBooked”, which the site chose",
        "the page's title",
        "the page's description or other text of the page",
        "the text of the button clicked",
        "what was searched for",
        "custom data: cd[content_name]",
        "identifiers: em, fbp",
        "the ids of audience or conversion rules that fitted the page's address",
    )


def test_nothing_more_may_have_left(found) -> None:
    assert found(dl="", dlc="1").still_left == ()


def test_hashes_of_nothing_are_no_identifiers(found) -> None:
    assert found(dl="", dlc="1", **{"ud[em]": sha256("")}).still_left == ()


def test_long_lists_are_cut(found) -> None:
    text = texts(found(up=",".join(f"key{number}" for number in range(50))))["up"]
    assert "“key19” and 30 more" in text
    assert "key20" not in text


NAMES = ("dl", "rl", "up", "up_url", "rp", "rp_url", "spb", "rks", "cd[_filteredParams]", "pm", "hrl", "dpo", "x")
VALUES = st.text(max_size=60) | st.sampled_from(
    [
        "_removed_",
        "1",
        "LDU",
        "[",
        "[[1]]",
        "{}",
        '{"unwantedParams":1}',
        "https://[",
        "https://x/?a=_removed_",
        "[" * 9_999,
    ]
)


@given(st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=6), st.text(max_size=10))
def test_no_text_raises(make_hit: MakeHit, pairs: list[tuple[str, str]], event: str) -> None:
    base = make_hit(url="https://www.facebook.com/tr/?id=1&ev=PageView")
    hit = base.model_copy(
        update={
            "event_name": event,
            "parameters": tuple(Param(name=name, value=value, raw=value, context="query") for name, value in pairs),
            "identifiers": (Identifier(kind=event, source="ud", parameter="x", value=event, form="plain"),),
        }
    )
    result = filtering(hit)
    assert bool(result.notes) or result == NO_FILTERING
    assert len(result.notes) == len(set(result.notes))
