"""What is removed as a secret, against a plain version of the same search.

The search in `addon.redaction` skips what cannot hold a secret and remembers what it saw. This one reads
everything, slowly; both must leave the same of every request.
"""

import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import quote, quote_plus, unquote, unquote_plus

from hypothesis import example, given, settings
from hypothesis import strategies as st

from addon.capture import read_capture
from addon.decoders.meta.jsontext import json_strings
from addon.model import CapturedRequest
from addon.redaction import (
    GLOBAL_LENGTH,
    MAX_KNOWN_ITEMS,
    MAX_KNOWN_NAME,
    MAX_KNOWN_PAIR,
    MAX_KNOWN_PAIRS,
    MAX_NESTING,
    MAX_SEARCHED,
    MAX_SEARCHED_SECRETS,
    SECRET_HEADER_PARTS,
    _cookie,
    _harmless,
    _is_mark,
    _names_secret,
    _percent_positions,
    _Span,
    _unpacked,
    _writings,
    cookie_pairs,
    is_secret_name,
    scrub,
    scrub_address,
    secret_mark,
)
from captures import demo_captures

Make = Callable[..., CapturedRequest]

_MARK = re.compile(r"SECRET-\d+-CHARACTERS")
_PAIR = re.compile(r"(?<![^&#])(?P<name>[^=&#]*+)=(?P<value>[^&#]*)")
_PAIR_OF_PATH = re.compile(r"(?<![^&#?;/])(?P<name>[^=&#?;/]*+)=(?P<value>[^&#?;/]*)")
_PART_NAME = re.compile(r'name="([^"]*)"')
_NUMBER = re.compile(r'"(?P<name>[^"\\]*)"\s*:\s*(?P<value>-?[0-9][0-9.eE+-]*)')
_QUERY = re.compile(r"[?#]")
_KEY = re.compile(r'"([^"\\]*)"\s*:')
_NESTED_IN_JSON = re.compile(r'=|\\"|\\u00')


def plain_scrub(request: CapturedRequest) -> CapturedRequest:
    """Return what `scrub` must."""
    content, pack = _unpacked(request)
    body = content.decode("utf-8", "surrogateescape")
    found: list[str] = list(_header_secrets(request.headers))
    url = _without(request.url, _spans(request.url, 0), found)
    headers = [(name, _header_value(name, value, found)) for name, value in request.headers]
    answers = [(name, _header_value(name, value, found)) for name, value in request.response_headers]
    clean_body = _without(body, _body_spans(body), found)
    clean = _cleaner(found)
    changes: dict[str, object] = {
        "url": clean(url),
        "headers": tuple((name, clean(value)) for name, value in headers),
        "response_headers": tuple((name, clean(value)) for name, value in answers),
    }
    clean_body = clean(clean_body)
    if clean_body != body:
        changes["body"] = pack(clean_body.encode("utf-8", "surrogateescape"))
    return request._replace(**changes)


def _header_value(name: str, value: str, found: list[str]) -> str:
    lowered = name.lower()
    if lowered == "cookie":
        return "; ".join(_cookie(part) for part in value.split(";"))
    if lowered == "set-cookie":
        first, _, rest = value.partition(";")
        return _cookie(first) + (";" + rest if rest else "")
    if any(part in lowered for part in SECRET_HEADER_PARTS):
        return secret_mark(value)
    return _without(value, _spans(value, 0), found)


def _header_secrets(headers: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield the secrets that are told by a header's or a cookie's name, as they may stand elsewhere too."""
    for name, value in headers:
        lowered = name.lower()
        if lowered == "cookie":
            for key, content in cookie_pairs([(name, value)]):
                if key == "xs" or is_secret_name(key):
                    yield content
                    yield unquote(content)
        elif any(part in lowered for part in SECRET_HEADER_PARTS):
            yield value
            yield value.rpartition(" ")[2]


def _body_spans(text: str) -> Iterator[_Span]:
    text = text[:MAX_SEARCHED]
    if "form-data" in text:
        yield from _part_spans(text)
    if text.startswith("--"):
        return
    if text.lstrip()[:1] in {"{", "["}:
        yield from _spans(text, 0)
    else:
        yield from _pair_spans(_PAIR, text, 0, 0)


def _part_spans(text: str) -> Iterator[_Span]:
    end = 0
    while (head := text.find('name="', end)) >= 0 and (blank := text.find("\r\n\r\n", head)) >= 0:
        start = blank + len("\r\n\r\n")
        end = text.find("\r\n--", blank + len("\r\n"))
        end = max(start, end if end >= 0 else len(text))
        value = text[start:end]
        if value and any(is_secret_name(name) for name in _PART_NAME.findall(text, head, blank)):
            yield _Span(start, end, value)
        else:
            yield from _moved(_spans(value, 1), start)


def _spans(text: str, depth: int) -> Iterator[_Span]:
    """Yield the secrets in a text that is an address, a list of pairs or JSON, and in what these hold."""
    if depth > MAX_NESTING or ("=" not in text and ":" not in text):
        return
    if text.lstrip()[:1] in {"{", "["}:
        yield from _json_spans(text, depth)
        return
    mark = _QUERY.search(text)
    query = mark.start() if mark else None
    if query is None and "&" in text:
        yield from _pair_spans(_PAIR, text, 0, depth)
        return
    # in a path pairs follow `;`, and an inner query string may hold an address with a query of its own
    path = text if query is None else text[:query]
    yield from _pair_spans(_PAIR if "&" in path else _PAIR_OF_PATH, path, 0, depth)
    if query is not None:
        yield from _pair_spans(_PAIR, text[query + 1 :], query + 1, depth)


def _pair_spans(pattern: re.Pattern[str], text: str, offset: int, depth: int) -> Iterator[_Span]:
    pairs = [pair for pair in pattern.finditer(text) if pair["value"]]
    sdk_event = any(pair["name"] == "ev" and pair["value"] == "fb_page_view" for pair in pairs)
    for pair in pairs:
        name = unquote_plus(pair["name"]).rpartition("?")[2]
        start, value = offset + pair.start("value"), pair["value"]
        if is_secret_name(name) or (sdk_event and name == "at"):
            # `at` of the JavaScript SDK's page event can be a user's access token (wire format, 2.1).
            yield _Span(start, offset + pair.end("value"), unquote_plus(value))
            continue
        decoded = unquote_plus(value)
        inner = list(_spans(decoded, depth + 1))
        if inner:
            starts, ends = _percent_positions(value)
            if len(starts) != len(decoded):  # cannot be told where it stands: all of it goes
                inner, starts, ends = [_Span(0, 1, decoded)], [0], [len(value)]
            for span in inner:
                yield _Span(start + starts[span.start], start + ends[span.end - 1], span.value)


def _json_spans(text: str, depth: int) -> Iterator[_Span]:
    # reading every string is slow: only where a key is a secret's, or a string may hold more than itself
    if not _NESTED_IN_JSON.search(text) and not any(is_secret_name(key) for key in _KEY.findall(text)):
        return
    for leaf in json_strings(text, MAX_SEARCHED):
        if not leaf.text:
            continue
        name = next((part for part in reversed(leaf.path) if isinstance(part, str)), "")
        inner: Iterable[_Span] = _spans(leaf.text, depth + 1)
        if is_secret_name(name):
            inner = [_Span(0, len(leaf.text), leaf.text)]
        if leaf.positions is None:
            yield from _moved(inner, leaf.offset)
        else:
            for span in inner:
                yield _Span(leaf.positions[span.start], leaf.positions[span.end], span.value)
    for number in _NUMBER.finditer(text):
        if is_secret_name(number["name"]):
            yield _Span(*number.span("value"), number["value"])


def _moved(spans: Iterable[_Span], offset: int) -> Iterator[_Span]:
    return (_Span(span.start + offset, span.end + offset, span.value) for span in spans)


def _without(text: str, spans: Iterable[_Span], found: list[str]) -> str:
    """Return `text` with marks in place of the secrets, which are added to `found`."""
    pieces: list[str] = []
    index = 0
    for span in sorted(spans):
        if span.start >= index and not _MARK.fullmatch(span.value):
            found += (span.value, text[span.start : span.end])
            pieces += (text[index : span.start], secret_mark(span.value))
            index = span.end
    return "".join((*pieces, text[index:]))


def _cleaner(found: Iterable[str]) -> Callable[[str], str]:
    """Return a function that removes the longer ones of the secrets also where nothing names them."""
    long = [value for value in dict.fromkeys(found) if len(value) >= GLOBAL_LENGTH and not _is_mark(value)]
    pairs = [
        (variant, secret_mark(value))
        for value in sorted(long[:MAX_SEARCHED_SECRETS], key=len, reverse=True)
        for variant in _writings(value)
    ]

    def clean(text: str) -> str:
        for old, new in pairs:
            if old in text:
                text = text.replace(old, new)
        return text

    return clean


WORDS = st.sampled_from(
    ["token", "access_token", "cd[password]", "xs", "at", "ev", "fb_page_view", "id", "dl", "pin", "q", "Zx9-q7Kp2wVb",
     "geheimnis-lang", "https://a.example/x", "SECRET-8-CHARACTERS", "t%6Fken", "é", "\\u0074oken", "1234567890"]
)  # fmt: skip
MARKS = st.sampled_from(
    ["&", "=", "?", "#", ";", "/", ":", "%3D", "%3a", "%26", "%3F", "+", "%", '"', "{", "[", "}", ","]
)


def nested(texts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Texts as values of parameters, of JSON and of addresses."""
    return st.one_of(
        texts.map(lambda text: quote(text, safe="", errors="replace")),
        texts.map(lambda text: quote_plus(text, errors="replace")),
        st.builds(lambda name, text: f"{name}={quote(text, safe='')}&b=1", WORDS, texts),
        st.builds(lambda name, text: f"https://a.example/p;{name}={text}?{name}={quote_plus(text)}#z", WORDS, texts),
        st.builds(lambda name, text: json.dumps({name: [text, 12345678], "n": {"pin": 12345678}}), WORDS, texts),
        st.builds(lambda one, other: one + other, texts, texts),
    )


LOOSE = st.lists(st.one_of(WORDS, MARKS), max_size=10).map("".join)
TEXTS = st.recursive(LOOSE, nested, max_leaves=5)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["Cookie", "cookie", "Set-Cookie", "Authorization", "Referer", "X-CSRF-Token", "Accept"]), TEXTS
    ),
    max_size=4,
).map(tuple)


def multipart(fields: list[tuple[str, str]]) -> str:
    parts = [f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n' for name, text in fields]
    return "".join(parts) + "--b--\r\n"


BROKEN_FORMS = st.lists(
    st.one_of(
        st.sampled_from(["form-data", 'name="', 'name="token"', 'name="dl"', "\r\n", "\r\n\r\n", "\r\n--", "--b", '"']),
        TEXTS,
    ),
    max_size=10,
).map(lambda pieces: "form-data" + "".join(pieces))
BODIES = st.one_of(TEXTS, st.lists(st.tuples(WORDS, TEXTS), max_size=3).map(multipart), BROKEN_FORMS).map(str.encode)
PACK = {"gzip": lambda body: gzip.compress(body, mtime=0), "deflate": zlib.compress, "br": bytes, "": bytes}
SPELLINGS = st.lists(st.sampled_from([quote, quote_plus, lambda text: quote(text, safe="!'()*")]), max_size=2)


@settings(max_examples=400)
@example("https://www.facebook.com/tr/?ev=fb_page_view&at=EAAB1234567#at=2", (), (), b"")
@example("https://www.facebook.com/tr/?dl=https%3A%2F%2Fa.example%2F%3Ftoken%3Dabcdefgh", (), (), b"x=abcdefgh")
@given(TEXTS, HEADERS, HEADERS, BODIES)
def test_what_is_left_is_what_a_plain_search_leaves(
    make_request: Make,
    url: str,
    headers: tuple[tuple[str, str], ...],
    answers: tuple[tuple[str, str], ...],
    body: bytes,
) -> None:
    request = make_request(url=url, headers=headers, response_headers=answers, body=body)
    assert scrub(request) == plain_scrub(request)


@settings(max_examples=200)
@given(BODIES, st.sampled_from(sorted(PACK)), st.sampled_from(sorted(PACK)))
def test_a_packed_body_is_scrubbed_as_by_a_plain_search(make_request: Make, body: bytes, how: str, said: str) -> None:
    headers = (("content-type", "text/plain"), ("content-encoding", said))
    request = make_request(url="https://www.facebook.com/tr/", method="POST", headers=headers, body=PACK[how](body))
    assert scrub(request) == plain_scrub(request)


@given(st.text(min_size=6, max_size=14), SPELLINGS, SPELLINGS, st.sampled_from(["Authorization", "Cookie"]), TEXTS)
@example("::::::::", [quote], [], "Authorization", "")
@example("ä%3A:Zx9-q7Kp2wVb", [quote, quote], [quote], "Cookie", "")
def test_a_secret_of_a_header_is_removed_wherever_it_stands(
    make_request: Make,
    secret: str,
    one: list[Callable[[str], str]],
    other: list[Callable[[str], str]],
    header: str,
    around: str,
) -> None:
    escaped, again = secret, secret
    for spell in one:
        escaped = spell(escaped)
    for spell in other:
        again = spell(again)
    headers = (
        (header, f"Bearer {secret}" if header == "Authorization" else f"xs={escaped}"),
        ("Referer", again + around),
    )
    request = make_request(
        url=f"https://a.example/?x={around}&y={again}{escaped}", headers=headers, body=escaped.encode()
    )
    assert scrub(request) == plain_scrub(request)


def test_a_pair_that_is_harmless_elsewhere_is_a_secret_of_the_sdk_event(make_request: Make) -> None:
    pair = "at=EAAB1234567"
    plain, event = (
        make_request(url=f"https://www.facebook.com/tr/?{name}&{pair}") for name in ("a=1", "ev=fb_page_view")
    )
    for _ in range(2):
        assert pair in scrub(plain).url
        assert "EAAB1234567" not in scrub(event).url


def test_what_is_remembered_is_bounded() -> None:
    for number in range(MAX_KNOWN_PAIRS + MAX_KNOWN_ITEMS + 9):
        scrub_address(f"https://a.example/?n{number}={number}")
    scrub_address("https://a.example/?" + "n" * (MAX_KNOWN_NAME + 1) + "=" + "v" * MAX_KNOWN_PAIR)
    assert len(_harmless) <= MAX_KNOWN_PAIRS
    assert len(_names_secret) <= MAX_KNOWN_ITEMS
    assert max(map(len, _harmless)) <= MAX_KNOWN_PAIR
    assert max(map(len, _names_secret)) <= MAX_KNOWN_NAME


def test_recordings_are_scrubbed_as_by_a_plain_search() -> None:
    for path in demo_captures():
        for request in read_capture(path):
            assert scrub(request) == plain_scrub(request)
