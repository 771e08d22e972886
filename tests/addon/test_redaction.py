import gzip
import json
import re
import zlib
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus, unquote

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from addon.model import CapturedRequest, Identifier
from addon.redaction import (
    KEPT_COOKIES,
    Redactor,
    cookie_pairs,
    is_secret_name,
    mask_email,
    scrub,
    scrub_address,
    secret_mark,
    shorten,
    shorten_address,
)

Make = Callable[..., CapturedRequest]

TR = "https://www.facebook.com/tr/?id=100020003000401&ev=PageView"
SECRET = "Zx9-q7Kp/2w+Vb4=="
FBP = "fb.2.1795314223655.984438989723916406"

SECRETS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=8, max_size=24).map(str.strip)
"""Anything a token or a password may be: its place decides how it is written there."""

TOKENS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~!*'()", min_size=8, max_size=24)
"""What can stand unescaped in an address."""


def component(text: str) -> str:
    """Return `text` as JavaScript's encodeURIComponent writes it."""
    return quote(text, safe="!'()*")


def form(text: str) -> str:
    """Return `text` as a form or URLSearchParams writes it."""
    return quote_plus(text, safe="*").replace("~", "%7E")


def multipart(**fields: str) -> bytes:
    parts = [
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    ]
    return ("".join(parts) + "--b--\r\n").encode()


def page(secret: str) -> str:
    return f"https://clinic.example/reset?lang=en&token={component(secret)}#top"


PLACES: dict[str, Callable[[str], dict[str, Any]]] = {
    "query": lambda secret: {"url": f"{TR}&access_token={component(secret)}&sw=1"},
    "query, written as a form": lambda secret: {"url": f"{TR}&access_token={form(secret)}&sw=1"},
    "custom data": lambda secret: {"url": f"{TR}&cd[password]={component(secret)}"},
    "custom data, name encoded": lambda secret: {"url": f"{TR}&cd%5Bpassword%5D={form(secret)}"},
    "page address": lambda secret: {"url": f"{TR}&dl={component(page(secret))}&rl="},
    "page address, written as a form": lambda secret: {"url": f"{TR}&dl={form(page(secret))}&rl="},
    "page address in a page address": lambda secret: {
        "url": f"{TR}&dl={component('https://sso.example/?next=' + component(page(secret)))}"
    },
    "fragment of a page address": lambda secret: {
        "url": f"{TR}&dl={component('https://clinic.example/#access_token=' + component(secret) + '&state=1')}"
    },
    "route of an application": lambda secret: {
        "url": f"{TR}&dl={component('https://clinic.example/#/reset?pin=' + component(secret))}"
    },
    "path of a page address": lambda secret: {
        "url": f"{TR}&dl={component('https://clinic.example/a;jsessionid=' + component(secret) + '?b=1')}"
    },
    "path": lambda secret: {"url": f"https://www.facebook.com/tr/;jsessionid={component(secret)}?id=1&ev=Lead"},
    "JSON in a parameter": lambda secret: {
        "url": f"{TR}&cd[user]={component(json.dumps({'a': [{'sessionId': secret}]}))}"
    },
    "JSON in a parameter, not ASCII": lambda secret: {
        "url": f"{TR}&cd[user]={form(json.dumps({'password': secret}, ensure_ascii=False))}"
    },
    "an address in JSON in a parameter": lambda secret: {
        "url": f"{TR}&cd[buttonFeatures]={component(json.dumps({'destination': page(secret)}))}"
    },
    "JSON in JSON": lambda secret: {
        "body": json.dumps({"custom_data": {"blob": json.dumps({"token": secret})}}).encode(),
    },
    "form body": lambda secret: {"body": f"id=1&ev=Lead&cd%5Btoken%5D={form(secret)}&sw=1".encode()},
    "page address in a form body": lambda secret: {"body": f"id=1&ev=Lead&dl={form(page(secret))}".encode()},
    "batch": lambda secret: {"body": f"batch=1&events[0]={component('id=1&cd[token]=' + component(secret))}".encode()},
    "page address in a batch": lambda secret: {
        "body": f"batch=1&events[0]={component('id=1&dl=' + component(page(secret)))}".encode()
    },
    "multipart body": lambda secret: {"body": multipart(id="1", **{"cd[password]": secret, "ev": "Lead"})},
    "page address in a multipart body": lambda secret: {"body": multipart(id="1", dl=page(secret))},
    "JSON in a multipart body": lambda secret: {"body": multipart(id="1", **{"cd[x]": json.dumps({"pwd": secret})})},
    "JSON body": lambda secret: {"body": json.dumps({"event_name": "x", "data": {"authToken": secret}}).encode()},
    "JSON body after spaces": lambda secret: {"body": b" \n" + json.dumps([{"auth": secret}], indent=1).encode()},
    "page address in a JSON body": lambda secret: {
        "body": json.dumps({"website_context": {"location": page(secret)}}).encode()
    },
    "compressed body": lambda secret: {
        "body": gzip.compress(f"id=1&cd[token]={component(secret)}".encode()),
        "headers": {"Content-Encoding": "gzip"},
    },
    "Referer": lambda secret: {"headers": {"Referer": page(secret)}},
    "Location": lambda secret: {"response_headers": (("Location", page(secret)),)},
    "Authorization": lambda secret: {"headers": {"Authorization": f"Bearer {component(secret)}"}},
    "a header named like a secret": lambda secret: {"headers": {"X-Csrf-Token": component(secret)}},
    "session cookie": lambda secret: {"headers": {"cookie": f"c_user=1; xs={component(secret)}; wd=1x1"}},
    "a site's cookie": lambda secret: {"headers": [("cookie", "datr=a"), ("cookie", f"whatever={component(secret)}")]},
    "Set-Cookie": lambda secret: {"response_headers": (("Set-Cookie", f"id={component(secret)}; Path=/; Secure"),)},
    "kit's page event": lambda secret: {
        "url": f"https://www.facebook.com/tr/?id=1&ev=fb_page_view&at={component(secret)}&sw=1"
    },
}  # fmt: skip

UNPACK = {"gzip": gzip.decompress, "deflate": zlib.decompress}


def dump(request: CapturedRequest) -> str:
    """Return everything that is kept of a request, the body unpacked, in every reading of it."""
    unpack = UNPACK.get((request.header("content-encoding") or "").lower(), bytes)
    whole = request._replace(body=unpack(request.body))._asdict()
    text = json.dumps(whole, ensure_ascii=False, default=bytes.decode)
    readings = [text]
    for _ in range(5):
        text = re.sub(r"\\+u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), text)
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\\", "")
        text = unquote(text)
        readings += [text, text.replace("+", " ")]
    return "\n".join(readings)


# secrets never survive


@pytest.mark.parametrize("place", PLACES)
@settings(max_examples=30)
@given(secret=SECRETS)
@example(secret=SECRET)
@example(secret="form-data")
@example(secret='p"a\\ss/wörd 💉!')
def test_a_secret_does_not_survive(make_request: Make, place: str, secret: str) -> None:
    assume(len(secret) >= 8 and secret not in secret_mark(""))
    request = make_request(**PLACES[place](secret))
    bare = secret.replace("\\", "").replace("+", " ")
    assume(secret not in dump(make_request(**PLACES[place]("x" * 8))))
    scrubbed = scrub(request)
    assert secret not in dump(scrubbed)
    assert bare not in dump(scrubbed)
    assert "SECRET-" in dump(scrubbed)


@settings(max_examples=30)
@given(token=TOKENS, other=st.sampled_from(sorted(PLACES)))
def test_a_long_secret_is_removed_where_nothing_names_it(make_request: Make, token: str, other: str) -> None:
    assume(token not in dump(make_request(**PLACES[other]("x" * 8))))
    told = PLACES[other](token)
    repeated = [("X-Note", f"seen {token} again"), *headers_of(told), ("cookie", f"xs={token}")]
    scrubbed = scrub(make_request(**told | {"headers": repeated}))
    assert token not in dump(scrubbed)
    assert ("X-Note", f"seen {secret_mark(token)} again") in scrubbed.headers


def headers_of(changes: dict[str, Any]) -> list[tuple[str, str]]:
    headers = changes.get("headers", {})
    return list(headers.items()) if isinstance(headers, dict) else headers


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("secret", [SECRET, "Ab1-2_x", "pässwört 1", "x"])
def test_scrubbing_twice_is_scrubbing_once(make_request: Make, place: str, secret: str) -> None:
    once = scrub(make_request(**PLACES[place](secret)))
    assert scrub(once) == once


@pytest.mark.parametrize("place", PLACES)
def test_everything_but_the_secret_is_kept(make_request: Make, place: str) -> None:
    """A short secret is removed where it is named; nothing else is touched."""
    secret = "e"
    original, expected = (make_request(**PLACES[place](value)) for value in (secret, secret_mark(secret)))
    scrubbed = scrub(original)
    if place == "compressed body":
        assert gzip.decompress(scrubbed.body) == gzip.decompress(expected.body)
    elif place == "Authorization":
        assert scrubbed.headers == (("Authorization", "SECRET-8-CHARACTERS"),)  # with its scheme
    else:
        assert scrubbed == expected


@pytest.mark.parametrize(
    "changes",
    [
        {
            "url": f"{TR}&dl=https%3A%2F%2Fclinic.example%2Fhiv%3Fq%3DPrEP%23top&cd[author]=x&cd[pinned]=1&ud[em]="
            + "0" * 64
        },
        {"url": f"{TR}&cd[x]=%FF%&at=kept&cd[note]=a+b;c=d"},
        {"body": b"id=1&ev=Lead&dl=%E4%zz&cd%5Bpassenger%5D=1"},
        {"body": json.dumps({"custom_data": {"author": "x", "spinning": 1, "note": "token"}}).encode()},
        {"body": multipart(id="1", **{"cd[note]": "my password"})},
        {"body": bytes(range(256))},
        {"headers": {"cookie": f"c_user=1; datr=a; _fbp={FBP}", "Referer": "https://clinic.example/?a=b"}},
        {"headers": {"Content-Encoding": "gzip"}, "body": b"token=not really compressed".replace(b"=", b":")},
    ],
)
def test_a_request_without_secrets_passes_unchanged(make_request: Make, changes: dict[str, Any]) -> None:
    request = make_request(**changes)
    assert scrub(request) is request


def test_short_secrets_do_not_spoil_the_rest(make_request: Make) -> None:
    body = json.dumps({"pin": "1", "otp": 12, "auth": "no", "event_name": "Lead 1 no 12", "spin": "1"})
    scrubbed = scrub(make_request(url=f"{TR}&pin=1&spin=1&o=1", body=body.encode()))
    assert scrubbed.url == f"{TR}&pin=SECRET-1-CHARACTERS&spin=1&o=1"
    assert json.loads(scrubbed.body.replace(b"SECRET-2-CHARACTERS,", b'"SECRET-2-CHARACTERS",')) == {
        "pin": "SECRET-1-CHARACTERS",
        "otp": "SECRET-2-CHARACTERS",
        "auth": "SECRET-2-CHARACTERS",
        "event_name": "Lead 1 no 12",
        "spin": "1",
    }


def test_every_secret_of_a_request_is_removed(make_request: Make) -> None:
    scrubbed = scrub(
        make_request(
            url=f"{TR}&token=first-one-1&cd[token]=second-two&token=",
            headers=[("cookie", "sid=abc; xs=third-three"), ("Authorization", "Basic c2hvcnQ="), ("X-Token", "tiny")],
            body=b"password=&pwd=fourth+four&pwd=fifth",
        )
    )
    assert scrubbed.url == f"{TR}&token=SECRET-11-CHARACTERS&cd[token]=SECRET-10-CHARACTERS&token="
    assert scrubbed.headers == (
        ("cookie", "sid=SECRET-3-CHARACTERS; xs=SECRET-11-CHARACTERS"),
        ("Authorization", "SECRET-14-CHARACTERS"),
        ("X-Token", "SECRET-4-CHARACTERS"),
    )
    assert scrubbed.body == b"password=&pwd=SECRET-11-CHARACTERS&pwd=SECRET-5-CHARACTERS"


def test_only_cookies_with_a_place_in_a_report_keep_their_value(make_request: Make) -> None:
    line = "; ".join(f"{name}=value" for name in (*sorted(KEPT_COOKIES), "xs", "session", "consent", "C_USER"))
    kept = dict(cookie_pairs(scrub(make_request(headers={"Cookie": line})).headers))
    assert {name for name, value in kept.items() if value == "value"} == KEPT_COOKIES
    assert kept["consent"] == "SECRET-5-CHARACTERS"
    assert "xs" not in KEPT_COOKIES


def test_a_compressed_body_that_is_too_long_to_be_read_stays_as_it_is(make_request: Make) -> None:
    packed = gzip.compress(b"token=abcdefghij&" * 1_000_000, compresslevel=1)
    request = make_request(headers={"content-encoding": "gzip"}, body=packed)
    assert scrub(request) is request


def test_broken_json_keeps_no_secret(make_request: Make) -> None:
    for body in ('{"token":"' + SECRET, '{"a":"b","password":"' + SECRET + '"', '{"token":"' + SECRET + '"} trailing'):
        assert SECRET not in dump(scrub(make_request(body=body.encode())))


@example(b"--", "")
@given(st.binary(max_size=100), st.text(max_size=60))
def test_any_request_is_scrubbed_without_an_error(make_request: Make, body: bytes, text: str) -> None:
    url = f"https://clinic.example/{text}".encode("utf-8", "replace").decode()
    for content in (body, b"token=" + body, b'{"token":"' + body, b'form-data name="token"\r\n\r\n' + body):
        scrubbed = scrub(make_request(url=url, body=content, headers={"X": text}))
        assert scrub(scrubbed) == scrubbed


@pytest.mark.parametrize(
    "body",
    [
        b"&".join(b"token%d=abcdefgh%d" % (number, number) for number in range(20_000)),
        b'form-data name="a" ' * 20_000,
        b'form-data name="a"\r\na' * 20_000,
        b'{"a":' * 20_000,
        b"x=" + b"%25" * 100_000 + b"token%3D1",
        b"no pair at all " * 20_000,
        b'{"a":"' + b"no pair at all?" * 20_000,
        b'"' * 200_000,
        b"?" * 200_000,
    ],
    ids=["secrets", "names", "lines", "nesting", "percent signs", "words", "JSON", "quotes", "question marks"],
)
def test_the_time_does_not_explode(make_request: Make, body: bytes) -> None:
    scrub(make_request(body=body))


# names


@pytest.mark.parametrize(
    "name",
    ["token", "access_token", "cd[access_token]", "cd[user][password]", "sessionId", "X-API-Key", "PHPSESSID",
     "newPassword", "client-secret", "pin", "OTP", "csrfToken", "auth", "xs", "magic_link"],
)  # fmt: skip
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "id", "ev", "dl", "author", "passenger", "spin", "pinned", "consider", "cd[content_name]", "ud[em]", "cd[]"],
)  # fmt: skip
def test_names_of_other_things(name: str) -> None:
    assert not is_secret_name(name)


def test_a_mark_tells_the_length_and_marks_itself() -> None:
    assert secret_mark("abc") == "SECRET-3-CHARACTERS"
    assert secret_mark(secret_mark("abc")) == secret_mark("abc")


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("https://clinic.example/", "https://clinic.example/"),
        ("https://clinic.example/?a=1&token=ab%20c#top", "https://clinic.example/?a=1&token=SECRET-4-CHARACTERS#top"),
        ("https://clinic.example/#/in?pin=12", "https://clinic.example/#/in?pin=SECRET-2-CHARACTERS"),
        (
            "https://clinic.example/a;jsessionid=ab/b?c=d",
            "https://clinic.example/a;jsessionid=SECRET-2-CHARACTERS/b?c=d",
        ),
        ("https://clinic.example/?token=a?b=c", "https://clinic.example/?token=SECRET-5-CHARACTERS"),
        (
            "https://clinic.example/?next=%2Fa%3Ftoken%3D%FF",
            "https://clinic.example/?next=%2Fa%3Ftoken%3DSECRET-1-CHARACTERS",
        ),
    ],
)
def test_addresses_of_pages(url: str, clean: str) -> None:
    assert scrub_address(url) == clean


# identifiers


@pytest.mark.parametrize(
    ("kind", "value", "form_", "short"),
    [
        ("fbp", FBP, "plain", "fb.2.1795314223655.9844…(18 characters)"),
        ("fbc", "fb.1.1795314223655.IwAR0abcdef", "plain", "fb.1.1795314223655.IwAR…(11 characters)"),
        ("em", "0123456789abcdef" * 4, "sha256", "01234567…(64 digits)"),
        ("em", "pat.morgan@patients.example", "plain", "p…@….example"),
        ("c_user", "100000000000001", "plain", "1000…(15 characters)"),
        ("external_id", "4711", "plain", "4…(4 characters)"),
        ("em", "***@***", "mask", "***@***"),
        ("em", "undefined", "empty", "undefined"),
        ("fbp", "", "plain", ""),
        ("fbp", "fb.cut", "plain", "fb.c…(6 characters)"),
    ],
)
def test_an_identifier_is_shortened(kind: str, value: str, form_: str, short: str) -> None:
    assert shorten(kind, value, form_) == short


@given(
    st.text(min_size=6),
    st.sampled_from(["fbp", "fbc", "c_user", "em", "external_id"]),
)
def test_a_shortened_identifier_does_not_hold_the_identifier(value: str, kind: str) -> None:
    assume("@" not in value)
    assert value not in shorten(kind, value)


@pytest.mark.parametrize(("address", "short"), [("192.0.2.17", "192.0.…"), ("2001:db8:1:2::17", "2001:db8:1:…")])
def test_an_address_is_cut_to_its_network(address: str, short: str) -> None:
    assert shorten_address(address) == short


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("write to pat.morgan@patients.example now", "write to p…@….example now"),
        ("?e=pat%40patients.example&f=1", "?e=p…@….example&f=1"),
        ("pat%2540patients.co.example", "p…@….example"),
        ("no address @ all", "no address @ all"),
    ],
)
def test_e_mail_addresses_are_masked(text: str, masked: str) -> None:
    assert mask_email(text) == masked


def identifier(kind: str, value: str, parameter: str, form_: str = "plain") -> Identifier:
    return Identifier(kind=kind, source="parameter", parameter=parameter, value=value, form=form_)


IDENTIFIERS = [
    identifier("fbp", FBP, "fbp"),
    identifier("c_user", "100000000000001", "cookie c_user"),
    identifier("external_id", "47", "cd[user_id]"),
    identifier("ph", "+44 7700 900123", "cd[phone]"),
]


def test_identifiers_are_shortened_wherever_they_stand() -> None:
    redactor = Redactor(IDENTIFIERS, reveal=False, addresses=["192.0.2.17"])
    text = redactor.text(
        f"{FBP} {quote(FBP, safe='')} 100000000000001 +44 7700 900123 %2B44%207700%20900123 %2B44+7700+900123 "
        "from 192.0.2.17 at 10:47, pat@patients.example"
    )
    for item in IDENTIFIERS:
        if len(item.value) >= Redactor.MIN_LENGTH:
            assert item.value not in text
    assert "900123" not in text
    assert "192.0.2" not in text
    assert "pat@" not in text
    assert "at 10:47" in text
    assert redactor.parameter("cd[user_id]", "47") == "4…(2 characters)"
    assert redactor.parameter("cd[time]", "10:47") == "10:47"
    assert redactor.identifier(IDENTIFIERS[1]) == "1000…(15 characters)"
    assert redactor.optional(None) is None
    assert redactor.optional(FBP) == redactor.text(FBP)


def test_reveal_shows_everything() -> None:
    redactor = Redactor(IDENTIFIERS, reveal=True)
    assert redactor.text(f"{FBP} pat@patients.example") == f"{FBP} pat@patients.example"
    assert redactor.parameter("fbp", FBP) == FBP
    assert redactor.identifier(IDENTIFIERS[0]) == FBP


def test_cookie_pairs_of_several_lines() -> None:
    lines = [("cookie", "a=1; b=2"), ("Cookie", "c=x=y"), ("cookie", "; =3; d"), ("set-cookie", "e=4")]
    assert list(cookie_pairs(lines)) == [("a", "1"), ("b", "2"), ("c", "x=y")]


def test_places_are_written_as_said() -> None:
    assert PLACES["page address"]("a b")["url"].count("a%2520b") == 1
    assert PLACES["page address in a page address"]("a b")["url"].count("a%252520b") == 1
    assert PLACES["form body"]("a b")["body"].count(b"a+b") == 1
