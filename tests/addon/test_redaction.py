import gzip
import json
import re
import zlib
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

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


def times(encode: Callable[[str], str], count: int) -> Callable[[str], str]:
    def encoded(text: str) -> str:
        for _ in range(count):
            text = encode(text)
        return text

    return encoded


def multipart(**fields: str) -> bytes:
    parts = [f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()]
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
    "JSON body": lambda secret: {"body": json.dumps({"event_name": "x", "custom_data": {"authToken": secret}}).encode()},
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
    text = request.model_copy(update={"body": unpack(request.body)}).model_dump_json()
    readings = [text]
    for _ in range(5):
        text = re.sub(r"\\+u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), text)
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\\", "")
        text = unquote_plain(text)
        readings += [text, text.replace("+", " ")]
    return "\n".join(readings)


def unquote_plain(text: str) -> str:
    from urllib.parse import unquote

    return unquote(text)


# secrets never survive


@pytest.mark.parametrize("place", PLACES)
@settings(max_examples=30)
@given(secret=SECRETS)
@example(secret=SECRET)
@example(secret='p"a\\ss/wörd 💉!')
def test_a_secret_does_not_survive(make_request: Make, place: str, secret: str) -> None:
    assume(len(secret) >= 8)
    request = make_request(**PLACES[place](secret))
    bare = secret.replace("\\", "").replace("+", " ")
    assume(secret not in dump(make_request(**PLACES[place]("x" * 8))))
    scrubbed = scrub(request)
    assert secret not in dump(scrubbed)
    assert bare not in dump(scrubbed)
    assert f"SECRET-{len(secret)}-CHARACTERS" in dump(scrubbed) or "SECRET-" in dump(scrubbed)
