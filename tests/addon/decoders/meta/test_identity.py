import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.decoders.meta import identity
from addon.decoders.meta.identity import creation_time, identifiers, linkability, value_form
from addon.model import Identifier, Param
from addon.vocabulary import LINKABILITY_ORDER, Linkability, ParameterContext

EMAIL = "pat.morgan@patients.example"
SHA256 = hashlib.sha256(EMAIL.encode()).hexdigest()
MD5 = hashlib.md5(EMAIL.encode()).hexdigest()
FBP = "fb.2.1795314223655.984438989723916406"


def param(name: str, value: str, context: ParameterContext = "query") -> Param:
    return Param(name=name, value=value, raw=value, context=context)


def found(name: str, value: str) -> list[tuple[str, str, str]]:
    return [(item.kind, item.source, item.form) for item in identifiers([param(name, value)], ())]


def cookies(*lines: str) -> list[tuple[str, str, str]]:
    return [(item.kind, item.parameter, item.value) for item in identifiers((), [("cookie", line) for line in lines])]


# advanced matching


@pytest.mark.parametrize("group", ["ud", "udff", "aud", "audff"])
@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("em", "em"), ("ph", "ph"), ("fn", "fn"), ("ln", "ln"), ("ge", "ge"), ("db", "db"), ("ct", "ct"), ("st", "st"),
        ("zp", "zp"), ("country", "country"), ("external_id", "external_id"), ("uid", "external_id"), ("pn", "ph"),
        ("EMAIL", "em"), ("client_ip_address", "ip"), ("unheard_of", "unheard_of"),
    ],
)  # fmt: skip
def test_every_key_of_advanced_matching(group: str, key: str, kind: str) -> None:
    assert found(f"{group}[{key}]", SHA256) == [(kind, group, "sha256")]


@pytest.mark.parametrize("group", ["cud", "ncud", "cudff", "ncudff"])
def test_a_mask_shows_the_shape_only(group: str) -> None:
    (item,) = identifiers([param(f"{group}[em]", "***.******@********.*******")], ())
    assert (item.kind, item.source, item.form) == ("em", group, "mask")
    assert linkability([item]) == "address_only"


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (SHA256, "sha256"),
        (SHA256.upper(), "sha256"),
        (MD5, "md5"),
        (SHA256[:-1], "plain"),
        (SHA256[:-1] + "g", "plain"),
        (EMAIL, "plain"),
        ("", "empty"),
        (" undefined ", "empty"),
        ("NULL", "empty"),
        *((hashlib.sha256(word.encode()).hexdigest(), "empty") for word in ("", "undefined", "null", "none", "test")),
        (hashlib.md5(b"").hexdigest(), "empty"),
        (hashlib.sha256(b"undefined").hexdigest().upper(), "empty"),
    ],
)
def test_how_a_value_reads(value: str, form: str) -> None:
    assert value_form(value)[0] == form


def test_the_published_hashes_of_nothing() -> None:
    for digest, word in {
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855": "the empty string",
        "eb045d78d273107348b0300c01d29b7552d622abbc6faf81b3ec55359aa9950c": "undefined",
        "74234e98afe7498fb5daf1f36ac2d78acc339464f950703b8c019892f982b90b": "null",
        "140bedbf9c3f6d56a9846d2ba7088798683f4da0c248231336e6a05679e4fdfe": "none",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08": "test",
    }.items():
        assert identity.HASHES_OF_NOTHING[digest] == word
        assert word in (value_form(digest)[1] or "")


def test_notes_say_what_a_form_means() -> None:
    assert value_form(SHA256) == ("sha256", None)
    assert "capitals" in (value_form(SHA256.upper())[1] or "")
    assert "MD5" in (value_form(MD5)[1] or "")
    (relay,) = identifiers([param("ud[em]", identity.RELAY_ADDRESS_HASH)], ())
    assert "private relay" in (relay.note or "")


# custom data, addresses, gateways


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("cd[email]", EMAIL, [("em", "cd", "plain")]),
        ("cd[Email]", SHA256, [("em", "cd", "sha256")]),
        ("cd[note]", EMAIL, [("em", "cd", "plain")]),
        ("cd[note]", f"write to {EMAIL}", []),
        ("cd[phone]", "07700900123", [("ph", "cd", "plain")]),
        ("cd[nhs_number]", "943 476 5919", [("nhs_number", "cd", "plain")]),
        ("cd[user_ip]", "192.0.2.17", [("ip", "cd", "plain")]),
        ("cd[user_ip]", "internal", []),
        ("cd[name]", "Refer yourself", []),
        ("cd[city]", "Exampleham", []),
        ("cd[content_name]", "HIV clinic", []),
        ("cd[email]", "", []),
        ("custom_data.email", EMAIL, [("em", "cd", "plain")]),
        ("fb.advanced_matching.em", SHA256, [("em", "gateway", "sha256")]),
        ("fb.advanced_matching.fb_login_id", "100000000000001", [("fb_login_id", "gateway", "plain")]),
        ("user_data.ph", SHA256, [("ph", "gateway", "sha256")]),
        ("user_data.em", f'["{SHA256}","{EMAIL}",""]', [("em", "gateway", "sha256"), ("em", "gateway", "plain")]),
        ("user_data.em", "[]", [("em", "gateway", "plain")]),
        ("user_data.em", '["cut', [("em", "gateway", "plain")]),
        ("event_source_url", f"https://clinic.example/?email={EMAIL}", [("em", "address", "plain")]),
        ("user_data.client_ip_address", "192.0.2.17", [("ip", "gateway", "plain")]),
        ("user_data.fbp", FBP, [("fbp", "gateway", "plain")]),
        ("fb.fbp", FBP, [("fbp", "gateway", "plain")]),
        ("fb.clickID", "fb.1.1795314223655.IwAR0abc", [("fbc", "gateway", "plain")]),
        ("fbp", FBP, [("fbp", "parameter", "plain")]),
        ("fbc", "IwAR0abc", [("fbc", "parameter", "plain")]),
        ("fbcs", "a,b", [("fbc", "parameter", "plain")]),
        ("fbclid", "IwAR0abc", [("fbc", "parameter", "plain")]),
        ("eid", "order-1", []),
        ("dl", f"https://clinic.example/book?email={EMAIL}", [("em", "address", "plain")]),
        ("dl", "https://clinic.example/book?Email=pat.morgan%40patients.example", [("em", "address", "plain")]),
        ("dl", f"https://clinic.example/book#next?contact={EMAIL}", [("em", "address", "plain")]),
        ("rl", "https://clinic.example/?patient_id=4711", [("external_id", "address", "plain")]),
        ("rl", "https://clinic.example/?fbclid=IwAR0abc", [("fbc", "address", "plain")]),
        ("dl", "https://clinic.example/?city=Exampleham&q=HIV", []),
        ("dl", "https://[broken/?email=a@b.example", []),
        ("website_context.location", "https://clinic.example/?phone=07700900123", [("ph", "address", "plain")]),
        ("website_context.referrer", "https://clinic.example/?ip=192.0.2.1", []),
        ("Referer", f"https://clinic.example/?email={EMAIL}", []),
    ],
)
def test_where_identifiers_are_looked_for(name: str, value: str, expected: list[tuple[str, str, str]]) -> None:
    assert found(name, value) == expected


def test_half_a_character_in_a_list_can_be_stored() -> None:
    (item,) = identifiers([param("user_data.em", '["\\ud800x"]')], ())
    assert item.value == "\ufffdx"


def test_a_header_is_no_parameter() -> None:
    assert identifiers([param("dl", f"https://clinic.example/?email={EMAIL}", "header")], ()) == ()


def test_an_identifier_is_named_once_and_in_order() -> None:
    parameters = [param("fbp", FBP), param("ud[em]", SHA256), param("ud[em]", SHA256), param("udff[em]", SHA256)]
    assert [item.parameter for item in identifiers(parameters, ())] == ["fbp", "ud[em]", "udff[em]"]


def plainly(parameters: list[Param], headers: list[tuple[str, str]]) -> tuple[Identifier, ...]:
    """Read identifiers without remembering anything."""
    items: list[Identifier] = []
    for name, value, _, context in parameters:
        read = identity._reader(name)
        if read is not None and value and context != "header":
            items += read(name, value)
    for name, line in headers:
        if name.lower() == "cookie":
            items += identity._cookies(line)
    found: dict[tuple[str, str, str], Identifier] = {}
    for item in items:
        found.setdefault((item.kind, item.parameter, item.value), item)
    return tuple(found.values())


READ_NAMES = st.sampled_from(
    ["ud[em]", "udff[ph]", "cud[em]", "cd[email]", "cd[x]", "fbp", "fbc", "fbcs", "fbclid", "dl", "rl", "ev", "madid",
     "advertiser_id", "fb.fbp", "fb.clickID", "fb.advanced_matching.em", "user_data.external_id", "custom_data.email",
     "external_id", "ud[" + "x" * 80 + "]"]
)  # fmt: skip
READ_VALUES = st.sampled_from(
    ["", EMAIL, SHA256, MD5, FBP, "https://a.example/?email=pat@a.example&fbclid=abcdefgh", "null", '["a","b"]', "1",
     "https://a.example/?q=" + "x" * 3_000 + "&email=pat@a.example"]
)  # fmt: skip
COOKIE_LINES = st.sampled_from(
    ["", "c_user=1; datr=x", "fr=1;sb=2", "_fbp=" + FBP, "_fbp=" + FBP + "; a=" + "b" * 5_000, "xs=1", "c_user="]
)


@given(
    st.lists(st.builds(param, READ_NAMES, READ_VALUES, st.sampled_from(["query", "body", "header"])), max_size=12),
    st.lists(st.tuples(st.sampled_from(["cookie", "Cookie", "cookies", "referer"]), COOKIE_LINES), max_size=4),
)
def test_identifiers_are_those_of_the_plain_reading(parameters: list[Param], headers: list[tuple[str, str]]) -> None:
    for _ in range(2):  # what is known is not read again
        assert identifiers(parameters, headers) == plainly(parameters, headers)


@given(st.text(max_size=10), st.text(max_size=10), st.text(max_size=60))
def test_any_parameter_is_read_without_an_error(group: str, key: str, value: str) -> None:
    names = ["dl", "fbp", "fbc", f"{group}[{key}]", f"cd[{key}]", f"ud[{key}", f"user_data.{key}", f"custom_data.{key}"]
    items = identifiers([param(name, value) for name in names], [("cookie", f"{key}={value}")])
    assert linkability(items) in LINKABILITY_ORDER


@given(st.text(max_size=60))
def test_a_value_has_one_of_the_known_forms(value: str) -> None:
    form, note = value_form(value)
    assert form in {"sha256", "md5", "plain", "empty"}
    assert note is None or note


# cookies


def test_cookies_that_identify() -> None:
    line = "datr=abc; c_user=100000000000001; xs=secret; wd=1x1; sb=d%2Fe+f; fr=; other=1"
    assert cookies(line, f"_fbp={FBP}; _fbi=192.0.2.17") == [
        ("datr", "cookie datr", "abc"),
        ("c_user", "cookie c_user", "100000000000001"),
        ("sb", "cookie sb", "d/e+f"),
        ("fbp", "cookie _fbp", FBP),
        ("ip", "cookie _fbi", "192.0.2.17"),
    ]


@pytest.mark.parametrize("line", ["", ";", "c_user", "=c_user", "C_USER=1", "c_user=", " ; ;=;"])
def test_lines_without_a_cookie_that_identifies(line: str) -> None:
    assert cookies(line) == []


def test_only_the_cookie_header_holds_cookies() -> None:
    assert identifiers((), [("set-cookie", "c_user=1"), ("x", "c_user=1")]) == ()
    assert len(identifiers((), [("Cookie", "c_user=1")])) == 1


# creation times


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (FBP, 1795314223.655),
        ("fb.1.1795314223655.IwAR0.AQYCAQMA", 1795314223.655),
        ("fb.0.1795314223.123", None),
        ("fb.1.17953142236550.123", None),
        ("fb.1.x.123", None),
        ("fb.1.١٧٩٥٣١٤٢٢٣٦٥٥.1", None),
        ("fb.1.1795314223655", None),
        ("xx.1.1795314223655.1", None),
        ("", None),
    ],
)
def test_when_a_browser_id_says_it_was_made(value: str, expected: float | None) -> None:
    assert creation_time(value) == expected


# linkability


def link(kind: str, form: str = "plain") -> Identifier:
    return Identifier(kind=kind, source="parameter", parameter="p", value="v", form=form)


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([], "address_only"),
        ([link("ip")], "address_only"),
        ([link("fr")], "cookie"),
        ([link("fr"), link("fbp")], "browser_id"),
        ([link("fbp"), link("fbc")], "click_id"),
        ([link("fbc"), link("external_id")], "external_id"),
        ([link("external_id"), link("em", "sha256")], "contact"),
        ([link("em", "sha256"), link("c_user")], "account"),
        ([link("fb_login_id")], "account"),
        ([link("em", "empty")], "address_only"),
        ([link("em", "mask"), link("fbp")], "browser_id"),
        ([link("ge", "sha256")], "address_only"),
    ],
)
def test_the_strongest_tie_counts(items: list[Identifier], expected: Linkability) -> None:
    assert linkability(items) == linkability(reversed(items)) == expected


def test_identifiers_of_a_real_request(make_hit: Callable[..., object]) -> None:
    hit = make_hit(
        url=f"https://www.facebook.com/tr/?id=1&ev=Lead&ud[em]={SHA256}&fbp={FBP}",
        headers=[("cookie", "c_user=100000000000001"), ("cookie", "datr=abc")],
    )
    kinds = [item.kind for item in hit.identifiers]  # type: ignore[attr-defined]
    assert kinds == ["em", "fbp", "c_user", "datr"]
