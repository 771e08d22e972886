"""What ties an event, and what may join it to others: never what many people share."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.decoders.meta.identity import HASHES_OF_NOTHING, RELAY_ADDRESS_HASH
from addon.linkability import (
    DAY,
    Lifetime,
    cookies_set,
    kept_for,
    keys,
    lifetimes,
    missing,
    resolver,
    subdomain_index,
    ties,
    why_not,
)
from addon.model import Identifier
from addon.observation import Observer
from addon.vocabulary import LINKABILITY_ORDER

FBP = "fb.2.1795314223655.984438989723916406"
EMAIL = "pat.example@example.com"
EMAIL_HASH = hashlib.sha256(EMAIL.encode()).hexdigest()
EMPTY_HASH = next(iter(HASHES_OF_NOTHING))
UUID = "8f14e45f-ceea-467f-a8b3-9f1f7c2a4d10"


def one(kind: str, value: str, form: str = "plain", **more) -> Identifier:
    given = {"source": "parameter", "parameter": kind, **more}
    return Identifier(kind=kind, value=value, form=form, **given)


def joined(first: Identifier, second: Identifier, **places) -> bool:
    pixels, sites = places.get("pixels", ("1", "1")), places.get("sites", ("a.example", "a.example"))
    return bool(set(keys(first, pixels[0], sites[0])) & set(keys(second, pixels[1], sites[1])))


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (one("em", EMPTY_HASH, "empty"), "empty"),
        (one("em", "^**@****.***", "mask"), "mask"),
        (one("em", RELAY_ADDRESS_HASH, "sha256"), "stands_for_any"),
        (one("fn", "Pat"), "not_alone"),
        (one("ln", "Example"), "not_alone"),
        (one("ct", "Brighton"), "not_alone"),
        (one("zp", "BN1 1AA"), "not_alone"),
        (one("db", "1987-02-14"), "not_alone"),
        (one("country", "gb"), "shared_by_many"),
        (one("ge", "f"), "shared_by_many"),
        (one("ip", "203.0.113.7"), "network"),
        (one("c_user", "deleted"), "empty"),
        (one("c_user", "0"), "empty"),
        (one("c_user", "abc"), "malformed"),
        (one("datr", "deleted"), "empty"),
        (one("fbp", "undefined"), "empty"),
        (one("fbp", "fb.1.undefined.undefined"), "malformed"),
        (one("fbp", "fb.1.1795314223655.undefined"), "malformed"),
        (one("fbp", "test123"), "malformed"),
        (one("fbc", "abc"), "malformed"),
        (one("fbc", '["fb.1.1795314223655.IwAR0abcdefgh"]', parameter="fbcs"), "a_list"),
        (one("madid", "00000000-0000-0000-0000-000000000000"), "empty"),
        (one("external_id", "null"), "empty"),
        (one("ph", "+++"), "malformed"),
        (one("_fbleid", "1234567"), "not_known"),
    ],
)
def test_what_does_not_identify_joins_nothing(item: Identifier, reason: str) -> None:
    assert keys(item, "1", "a.example") == ()
    assert why_not(item) == reason


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (one("fbp", FBP), one("fbp", FBP, source="cookie", parameter="cookie _fbp")),
        (one("fbp", FBP), one("fbp", f"{FBP}.AQYCAQMA")),
        (one("fbp", FBP), one("fbp", hashlib.sha256(FBP.encode()).hexdigest())),
        (one("em", EMAIL), one("em", EMAIL_HASH, "sha256")),
        (one("em", "Pat.Example@Example.com"), one("em", EMAIL_HASH.upper(), "sha256")),
        (one("em", EMAIL), one("em", hashlib.md5(EMAIL.encode(), usedforsecurity=False).hexdigest(), "md5")),
        (one("ph", "+44 7700 900123"), one("ph", hashlib.sha256(b"447700900123").hexdigest(), "sha256")),
        (one("c_user", "100000000000007"), one("fb_login_id", "100000000000007")),
        (one("fbc", "fb.1.1795314223655.IwAR0_abcdefghij"), one("fbc", "IwAR0_abcdefghij", parameter="fbclid")),
        (one("external_id", "17"), one("external_id", "17")),
    ],
)
def test_the_same_thing_written_differently_joins(first: Identifier, second: Identifier) -> None:
    assert joined(first, second)
    assert joined(second, first)


def test_an_id_of_the_site_means_something_only_there() -> None:
    short, hashed, long = one("external_id", "17"), one("external_id", "9" * 64, "sha256"), one("external_id", UUID)
    for item in (short, hashed, long):
        assert not joined(item, item, pixels=("1", "2"))
    for item in (short, hashed):
        assert not joined(item, item, sites=("a.example", "b.example"))
    assert joined(long, long, sites=("a.example", "b.example"))


@given(st.text(max_size=40), st.text(max_size=40), st.sampled_from(["em", "ph", "external_id", "fbp", "fbc", "c_user"]))
def test_two_different_values_join_only_by_a_known_equality(first: str, second: str, kind: str) -> None:
    one_, other = one(kind, first), one(kind, second)
    if joined(one_, other) and first != second:
        normal = [" ".join(text.strip().lower().split()) for text in (first, second)]
        digits = ["".join(char for char in text if char in "0123456789").lstrip("0") for text in (first, second)]
        tails = [text.strip().split(".")[3:4] or [text.strip()] for text in (first, second)]
        heads = [text.strip().split(".")[:4] for text in (first, second)]
        assert (
            normal[0] == normal[1] or (kind == "ph" and digits[0] == digits[1]) or tails[0] == tails[1]
            or heads[0] == heads[1]
        )  # fmt: skip


@given(st.text(), st.sampled_from(["em", "fbp", "fbc", "c_user", "madid", "external_id", "zp", "other"]),
       st.sampled_from(["plain", "sha256", "md5", "mask", "empty"]))  # fmt: skip
def test_an_identifier_joins_or_says_why_not(value: str, kind: str, form: str) -> None:
    item = one(kind, value, form)
    assert bool(keys(item, "1", None)) == (why_not(item) is None)
    assert resolver(item)


def test_ties_are_told_strongest_first_each_once_and_the_address_last(make_event) -> None:
    event = make_event(
        identifiers=(
            one("fbp", FBP, created_at=1_795_314_223.655),
            one("fbp", FBP, source="cookie", parameter="cookie _fbp"),
            one("fn", "Pat", source="ud", parameter="ud[fn]"),
            one("em", EMAIL_HASH, "sha256", source="ud", parameter="ud[em]"),
            one("em", EMAIL, source="cd", parameter="cd[email]"),
            one("c_user", "100000000000007", source="cookie"),
            one("datr", "invented-datr", source="cookie"),
        )
    )
    found = ties(event, {"datr": Lifetime(10 * DAY, "set_cookie")})
    assert [tie.kind for tie in found] == ["c_user", "em", "fn", "fbp", "datr", "client_ip"]
    assert [LINKABILITY_ORDER.index(tie.link) for tie in found] == sorted(
        LINKABILITY_ORDER.index(t.link) for t in found
    )
    by_kind = {tie.kind: tie for tie in found}
    assert by_kind["em"].sources == ("ud", "cd")
    assert by_kind["em"].resolver == "reader"  # it stood there in plain, too
    assert by_kind["fbp"].sources == ("parameter", "cookie")
    assert by_kind["fbp"].created_at == 1_795_314_223.655
    assert by_kind["fbp"].lifetime == Lifetime(90 * DAY, "documented")
    assert by_kind["datr"].lifetime == Lifetime(10 * DAY, "set_cookie")
    assert by_kind["c_user"].resolver == "meta"
    assert by_kind["fn"].why_not == "not_alone"


def test_what_is_missing_is_said(make_event) -> None:
    assert missing(make_event(linkability_complete=False)) == ("cookies_not_captured",)
    assert missing(make_event()) == ("no_recipient_cookie",)
    assert missing(make_event(recipient_host="capi.clinic.example")) == ()
    assert missing(make_event(identifiers=(one("fr", "0abcdef.AW", source="cookie"),))) == ()


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        ("fr=0abc; Max-Age=7776000; path=/", 7_776_000),
        ("fr=0abc; expires=Thu, 17 Dec 2026 13:33:20 GMT; path=/", None),
        ("fr=0abc; path=/", None),
        ("fr=0abc; Max-Age=-1", 0),
        ("fr=0abc; Max-Age=--1", None),
        ("fr=0abc; Max-Age=²", None),
        ("fr=0abc; Expires=never", None),
        ("fr=0abc; Max-Age=99999999999", 400 * DAY * 10),
    ],
)
def test_how_long_an_answer_tells_the_browser_to_keep_a_cookie(captured, line: str, seconds: int | None) -> None:
    observer = Observer("mitm-1")
    observer.observe(
        captured("https://www.facebook.com/tr/?id=1&ev=PageView", response_headers=(("set-cookie", line),))
    )
    (cookie,) = cookies_set(observer.requests)
    if "expires=Thu" in line:
        seconds = round(1_797_514_400 - cookie.at)
    assert cookie.seconds == seconds
    assert lifetimes([cookie]) == ({"fr": Lifetime(seconds, "set_cookie")} if seconds else {})


@pytest.mark.parametrize(
    ("value", "host", "index", "domain"),
    [
        (FBP, "www.example-trust.nhs.uk", 2, "example-trust.nhs.uk"),
        ("fb.1.1795314223655.1", "www.clinic.example", 1, "clinic.example"),
        ("fb.0.1795314223655.1", "localhost", 0, None),
        ("fb.9.1795314223655.1", "www.clinic.example", 9, None),
        ("nonsense", "www.clinic.example", None, None),
    ],
)
def test_the_second_part_of_a_browser_id_names_a_domain(value, host, index, domain) -> None:
    assert subdomain_index(value) == index
    if index is not None:
        assert kept_for(index, host) == domain
