import gzip
import json
import re
import tracemalloc
import zlib
from collections.abc import Callable
from typing import get_args
from urllib.parse import parse_qsl, quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.decoders.meta import wire
from addon.decoders.meta.wire import body_parameters, flatten, parse_pairs, query_parameters
from addon.model import CapturedRequest, Param
from addon.percent import percent_decode
from addon.vocabulary import ParameterContext

Make = Callable[..., CapturedRequest]

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters='"\r\n'), min_size=1, max_size=20).filter(
    lambda name: "%22" not in name
)


def pairs(parameters: tuple[Param, ...]) -> list[tuple[str, str]]:
    return [(param.name, param.value) for param in parameters]


def multipart(fields: list[tuple[str, str]], boundary: str, newline: str = "\r\n") -> bytes:
    """Return fields as a browser writes FormData."""
    lines = [
        f'--{boundary}{newline}Content-Disposition: form-data; name="{name}"{newline}{newline}{value}{newline}'
        for name, value in fields
    ]
    return ("".join(lines) + f"--{boundary}--{newline}").encode()


# names and values


@given(TEXTS)
def test_what_was_percent_encoded_is_decoded(text: str) -> None:
    assert percent_decode(quote(text, safe="")) == text
    assert percent_decode(quote_plus(text)) == text


@given(st.text())
def test_any_text_can_be_decoded(text: str) -> None:
    assert isinstance(percent_decode(text.encode("utf-8", "replace").decode()), str)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("a%20b+c", "a b c"),
        ("%2B", "+"),
        ("100%", "100%"),
        ("%ALIAS%", "%ALIAS%"),
        ("%E4%F6", "\ufffd\ufffd"),
        ("caf%C3", "caf\ufffd"),
        ("%E2%82%AC", "€"),
        ("%2541", "%41"),
        ("ü%C3%BC", "üü"),
    ],
)
def test_a_value_is_decoded_once(raw: str, value: str) -> None:
    assert percent_decode(raw) == value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("&&", []),
        ("a", [("a", "")]),
        ("a=&=b", [("a", ""), ("", "b")]),
        ("a=b=c", [("a", "b=c")]),
        ("cd[a]=1&cd%5Ba%5D=2", [("cd[a]", "1"), ("cd[a]", "2")]),
        ("expv2[]=a0&expv2[]=b1", [("expv2[]", "a0"), ("expv2[]", "b1")]),
        ("id=00100020003000401", [("id", "00100020003000401")]),
    ],
)
def test_pairs(text: str, expected: list[tuple[str, str]]) -> None:
    found = tuple(parse_pairs(text, "query"))
    assert pairs(found) == expected
    assert all(param.context == "query" for param in found)


@given(st.lists(st.tuples(TEXTS.filter(bool), TEXTS), max_size=8))
def test_pairs_come_back_in_order(fields: list[tuple[str, str]]) -> None:
    for encoded in (urlencode(fields), urlencode(fields, quote_via=quote)):
        found = tuple(parse_pairs(encoded, "body"))
        assert pairs(found) == fields
        assert [param.raw for param in found] == [part.partition("=")[2] for part in encoded.split("&") if part]


@given(st.lists(st.one_of(st.sampled_from(["&", "=", "%3D", "%26", "+", "%", "ev", ";"]), st.text(max_size=5))))
def test_pairs_are_those_of_the_standard_library(pieces: list[str]) -> None:
    text = "".join(pieces)
    read = parse_pairs(text, "query")
    expected = [part for part in text.split("&") if part]
    assert pairs(tuple(read)) == parse_qsl("&".join(expected), keep_blank_values=True)


def test_what_a_body_repeats_of_a_query_stays_apart() -> None:
    for _ in range(2):
        for context in get_args(ParameterContext):
            assert parse_pairs("cd%5Ba%5D=1+2&ev=Lead", context) == [
                Param("cd[a]", "1 2", "1+2", context),
                Param("ev", "Lead", "Lead", context),
            ]


def test_there_is_an_end_to_parameters() -> None:
    assert len(list(parse_pairs("a=1&" * 20_000, "query"))) == wire.MAX_PARAMETERS


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://www.facebook.com/tr/", []),
        ("https://www.facebook.com/tr/?", []),
        ("https://www.facebook.com/tr/?id=1#ev=no", [("id", "1")]),
        ("https://www.facebook.com/tr/?dl=https://a.example/?b=c", [("dl", "https://a.example/?b=c")]),
        ("https://www.facebook.com/tr/#?id=1", []),
    ],
)
def test_query(url: str, expected: list[tuple[str, str]]) -> None:
    assert pairs(query_parameters(url)) == expected


# bodies


def test_no_body(make_request: Make) -> None:
    assert body_parameters(make_request()) == ("none", (), None, None)


def test_a_missing_body_is_a_problem(make_request: Make) -> None:
    body = body_parameters(make_request(body_problem="the body is missing in the capture"))
    assert body == ("none", (), None, "the body is missing in the capture")


@pytest.mark.parametrize(
    ("content_type", "kind"),
    [
        ("application/x-www-form-urlencoded", "form"),
        ("text/plain;charset=UTF-8", "text"),
        ("", "form"),
        ("application/json", "form"),
    ],
)
def test_a_urlencoded_body_is_known_by_its_first_character(make_request: Make, content_type: str, kind: str) -> None:
    body = body_parameters(make_request(headers={"content-type": content_type}, body=b"id=1&ev=Lead&cd%5Bn%5D=a+b"))
    assert body.kind == kind
    assert pairs(body.parameters) == [("id", "1"), ("ev", "Lead"), ("cd[n]", "a b")]
    assert {param.context for param in body.parameters} == {"body"}


def test_too_many_parameters_are_a_problem(make_request: Make) -> None:
    body = body_parameters(make_request(body=b"a=1&" * 20_000))
    assert len(body.parameters) == wire.MAX_PARAMETERS
    assert body.problem == "only the first 5000 parameters were read"


@given(st.lists(st.tuples(NAMES, TEXTS), min_size=1, max_size=8), st.from_regex(r"[-0-9A-Za-z']{1,40}", fullmatch=True))
def test_multipart_comes_back_as_written(make_request: Make, fields: list[tuple[str, str]], boundary: str) -> None:
    content = multipart(fields, boundary)
    if any(f"--{boundary}" in value for _, value in fields):
        return  # no browser chooses such a boundary
    for content_type in (f"multipart/form-data; boundary={boundary}", f'multipart/form-data; boundary="{boundary}"'):
        body = body_parameters(make_request(headers={"Content-Type": content_type}, body=content))
        assert body.kind == "multipart"
        assert body.problem is None
        assert pairs(body.parameters) == fields


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=another",
        "text/plain",
        "",
    ],
)
def test_a_boundary_that_the_header_does_not_tell_is_read_from_the_body(make_request: Make, content_type: str) -> None:
    content = multipart([("id", "1"), ("ev", "Microdata")], "----geckoformboundary1a2b")
    body = body_parameters(make_request(headers={"content-type": content_type}, body=content))
    assert pairs(body.parameters) == [("id", "1"), ("ev", "Microdata")]


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('form-data; name="cd[a;b]"', "cd[a;b]"),
        ('form-data; name="cd[say %22no%22]"', 'cd[say "no"]'),
        ('form-data; filename="x"; name="upload"', "upload"),
        ('form-data; name="upload"; filename="name=x"', "upload"),
        ("form-data; name=ev", "ev"),
        ('FORM-DATA;NAME="ev"', "ev"),
        ('form-data; name=""', ""),
        ('form-data; name="cd[größe]"', "cd[größe]"),
    ],
)
def test_names_of_parts(make_request: Make, disposition: str, name: str) -> None:
    content = f"--b\r\nContent-Disposition: {disposition}\r\nContent-Type: text/plain\r\n\r\nv\r\n--b--\r\n".encode()
    assert pairs(body_parameters(make_request(body=content)).parameters) == [(name, "v")]


def plainly(content: bytes, boundary: bytes) -> list[Param]:
    """Read the parts of a multipart body the slow and obvious way."""
    found = []
    for part in (b"\r\n" + content).split(b"\r\n--" + boundary)[1:]:
        if part.startswith(b"--"):
            break
        head, blank, value = part.lstrip(b"\r\n").partition(b"\r\n\r\n")
        for line in head.decode("utf-8", "replace").split("\r\n") if blank else ():
            named = re.search(r';\s*name=(?:"([^"]*)"|([^";\s]+))', line, re.IGNORECASE)
            if line.lower().startswith("content-disposition:") and named:
                name, text = (named[1] or named[2] or "").replace("%22", '"'), value.decode("utf-8", "replace")
                found.append(Param(name, text, text, "body"))
                break
    return found


PART_PIECES = st.sampled_from(
    [
        *(
            b"\r\n",
            b"\r\n--b",
            b"--b--",
            b"\r\n\r\n",
            b"--",
            b'"',
            b"; name=",
            b'"ev"',
            b"id",
            b"\xff",
            b"%22",
            b"\xc3\xa9",
        ),
        *(b"Content-Disposition: form-data", b"content-type: text/plain", b"x" * 300),
        b'\r\n--b\r\nContent-Disposition: form-data; name="dl"\r\n\r\n',
    ]
)


@given(st.lists(PART_PIECES, max_size=20).map(b"".join))
def test_parts_are_those_of_the_plain_reading(make_request: Make, content: bytes) -> None:
    content = b"--b" + content
    headers = {"content-type": "multipart/form-data; boundary=b"}
    for _ in range(2):  # known parts are not read again
        assert list(body_parameters(make_request(headers=headers, body=content)).parameters) == plainly(content, b"b")


def test_line_breaks_and_bytes_that_are_no_text_stay_in_a_part(make_request: Make) -> None:
    content = multipart([("cd[note]", "one\r\n\r\ntwo\n--three")], "b").replace(b"two", b"tw\xff")
    (param,) = body_parameters(make_request(body=content)).parameters
    assert param.value == "one\r\n\r\ntw\ufffd\n--three"


@pytest.mark.parametrize(
    "content",
    [
        b"--",
        b"--\r\n",
        b"----",
        b"--b",
        b"--b\r\n",
        b"--b\r\n\r\n",
        b"--b\r\nname=x\r\n\r\n1\r\n--b--",
        b"--b\nx\n\n1\n--b--",
    ],
)
def test_multipart_without_a_readable_part_is_a_problem(make_request: Make, content: bytes) -> None:
    assert body_parameters(make_request(body=content)) == (
        "multipart",
        (),
        None,
        "multipart body without a readable part",
    )


@given(
    st.binary(max_size=200), st.sampled_from(["multipart/form-data; boundary=b", "application/json", "text/plain", ""])
)
def test_any_body_is_read_without_an_error(make_request: Make, content: bytes, content_type: str) -> None:
    for body in (content, b"--b\r\n" + content, b"{" + content, b'{"a":' + content + b"}"):
        read = body_parameters(make_request(headers={"content-type": content_type}, body=body))
        json.dumps([param._asdict() for param in read.parameters]).encode()


@given(st.integers(0, 200))
def test_a_cut_multipart_body_yields_the_whole_parts(make_request: Make, length: int) -> None:
    fields = [("id", "100020003000401"), ("ev", "Microdata"), ("cd[Meta]", "HIV clinic")]
    content = multipart(fields, "b")[:length]
    headers = {"content-type": "multipart/form-data; boundary=b"}
    found = pairs(body_parameters(make_request(headers=headers, body=content)).parameters)
    assert found[:-1] == fields[: max(len(found) - 1, 0)]
    if found:
        name, value = found[-1]
        assert name == fields[len(found) - 1][0]
        assert fields[len(found) - 1][1].startswith(value.rstrip("-\r\n"))


# JSON


def test_a_gateway_event_is_flattened(make_request: Make) -> None:
    document = {
        "event_name": "Lead",
        "fb.pixel_id": "100020003000401",
        "website_context": {"location": "https://clinic.example/hiv", "isInIFrame": False},
        "custom_data": {"contents": [{"id": "1", "title": "Größe"}], "value": 12.5, "order": 12345678901234567890123},
        "fb.advanced_matching": {},
        "none": None,
        "list": [],
    }
    body = body_parameters(make_request(headers={"content-type": "text/plain"}, body=json.dumps(document).encode()))
    assert body.kind == "json"
    assert body.document == document
    assert pairs(body.parameters) == [
        ("event_name", "Lead"),
        ("fb.pixel_id", "100020003000401"),
        ("website_context.location", "https://clinic.example/hiv"),
        ("website_context.isInIFrame", "false"),
        ("custom_data.contents", '[{"id": "1", "title": "Größe"}]'),
        ("custom_data.value", "12.5"),
        ("custom_data.order", "12345678901234567890123"),
        ("fb.advanced_matching", ""),
        ("none", ""),
        ("list", ""),
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'{"event_name":"Le', "JSON body cannot be read: "),
        (b"{}}", "JSON body cannot be read: "),
        (b'{"a":' + b"[" * 200_000, "JSON body cannot be read: "),
        (b'{"a":' + b"1" * 5000 + b"}", "JSON body cannot be read: "),
        (b"[1, 2]", "JSON body is not an object"),
    ],
)
def test_broken_json_is_a_problem(make_request: Make, content: bytes, problem: str) -> None:
    body = body_parameters(make_request(body=content))
    assert body.kind == "json"
    assert body.parameters == ()
    assert body.problem is not None
    assert body.problem.startswith(problem)
    assert len(body.problem) <= 200


def test_half_characters_do_not_reach_anything_that_must_be_stored(make_request: Make) -> None:
    content = rb'{"event_name":"x\ud800","k\udfff":["\ud83d\ude42","\ud83d"]}'
    found = pairs(body_parameters(make_request(body=content)).parameters)
    assert found == [("event_name", "x\ufffd"), ("k\ufffd", '["\U0001f642", "\ufffd"]')]


def leaves(name: str, value: object) -> list[tuple[str, str]]:
    """Return the leaves of JSON the slow and obvious way."""
    if isinstance(value, dict) and value:
        return [leaf for key, inner in value.items() for leaf in leaves(f"{name}.{key}" if name else key, inner)]
    if value is None or value in ([], {}):
        return [(name, "")]
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return [(name, text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))]


JSON_KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=3)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.floats(allow_nan=False) | st.text(max_size=5)
    | st.sampled_from(["\ud800", "é\udc00x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(JSON_KEYS, inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@given(st.dictionaries(JSON_KEYS, JSON_VALUES, min_size=1, max_size=5))
def test_flattening_gives_every_leaf_in_order(document: dict[str, object]) -> None:
    found = list(flatten(document))
    assert [(param.name, param.value) for param in found] == leaves("", document)
    assert all(param.raw == param.value and param.context == "body" for param in found)


def test_flattening_ends() -> None:
    deep: dict[str, object] = {"leaf": 1}
    for _ in range(100):
        deep = {"d": deep}
    (param,) = flatten(deep)
    assert param.name == ".".join(["d"] * wire.MAX_JSON_DEPTH)
    assert len(list(flatten({str(number): 1 for number in range(20_000)}))) == wire.MAX_PARAMETERS


# compression and length


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("GZIP ", gzip.compress), ("deflate", zlib.compress)]
)
def test_a_compressed_body_is_unpacked(make_request: Make, encoding: str, pack: Callable[[bytes], bytes]) -> None:
    body = body_parameters(make_request(headers={"Content-Encoding": encoding}, body=pack(b"id=1&ev=Lead")))
    assert pairs(body.parameters) == [("id", "1"), ("ev", "Lead")]


@pytest.mark.parametrize(
    ("encoding", "content", "problem"),
    [
        ("gzip", b"id=1&ev=Lead", "compressed body cannot be unpacked: "),
        ("deflate", b"id=1&ev=Lead", "compressed body cannot be unpacked: "),
        ("br", b"\x0b\x02", "body is compressed with br, which is not read"),
        ("x" * 500, b"a", "body is compressed with " + "x" * 20 + ", which is not read"),
        (
            "gzip",
            gzip.compress(bytes(wire.MAX_BODY + 1), mtime=0),
            "body unpacks to more than 8000000 bytes and was not read",
        ),
        ("identity", bytes(wire.MAX_BODY + 1), "body of 8000001 bytes is longer than 8000000 and was not read"),
    ],
    ids=["no gzip", "no deflate", "another", "unheard of", "a bomb", "too long"],
)
def test_a_body_that_cannot_be_unpacked_is_a_problem(
    make_request: Make, encoding: str, content: bytes, problem: str
) -> None:
    body = body_parameters(make_request(headers={"content-encoding": encoding}, body=content))
    assert body.parameters == ()
    assert body.problem is not None
    assert body.problem.startswith(problem)


def test_a_bomb_is_not_unpacked_whole(make_request: Make) -> None:
    bomb = gzip.compress(bytes(200_000_000), compresslevel=1)
    request = make_request(headers={"content-encoding": "gzip"}, body=bomb)
    tracemalloc.start()
    body = body_parameters(request)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert body.parameters == ()
    assert peak < 4 * wire.MAX_BODY


def test_a_cut_compressed_body_yields_its_beginning(make_request: Make) -> None:
    packed = gzip.compress(b"id=1&ev=Lead&" + b"cd[n]=clinic&" * 50)
    body = body_parameters(make_request(headers={"content-encoding": "gzip"}, body=packed[:-8]))
    assert pairs(body.parameters)[:2] == [("id", "1"), ("ev", "Lead")]
