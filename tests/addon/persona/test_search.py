"""Where details are found, in which form, and where nothing may be found."""

import base64
import hashlib
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.decoders.meta.wire import storable
from addon.model import CapturedRequest
from addon.observation import ObservedRequest
from addon.persona.forms import Forms
from addon.persona.search import MAX_DEPTH, MAX_SIGHTINGS, MAX_TEXT, Sighting, search, sightings

TR = "https://www.facebook.com/tr/?id=900000000000077&ev=PageView"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def url(text: str) -> str:
    return quote(text, safe="")


def told(item: Sighting) -> tuple[str, str, str, str, tuple[str, ...]]:
    return item.place, item.name, item.kind, item.written, item.layers


EMAIL = "jo.bloggs+clinic@example.com"


@pytest.mark.parametrize(
    ("value", "written", "how", "layers"),
    [
        ("Jo.Bloggs+Clinic@Example.com", "plain", "as typed", ()),
        (EMAIL, "plain", "lower-cased", ()),
        (EMAIL.upper(), "plain", "with other capitals", ()),
        (f"mail to {EMAIL}, today", "plain", "lower-cased", ()),
        (sha256(EMAIL), "sha256", "lower-cased", ()),
        (sha256(EMAIL).upper(), "sha256", "lower-cased; the hash in capitals", ()),
        (sha256("Jo.Bloggs+Clinic@Example.com"), "sha256", "as typed", ()),
        (sha256("jo.bloggs@example.com"), "sha256", "as the mailbox it reaches, without dots or what follows a +", ()),
        (hashlib.md5(EMAIL.encode()).hexdigest(), "md5", "lower-cased", ()),
        (hashlib.sha1(EMAIL.encode()).hexdigest(), "sha1", "lower-cased", ()),
        (hashlib.sha512(EMAIL.encode()).hexdigest(), "sha512", "lower-cased", ()),
        (sha256(hashlib.md5(EMAIL.encode()).hexdigest()), "sha256_of_md5", "lower-cased", ()),
        (base64.b64encode(hashlib.sha256(EMAIL.encode()).digest()).decode(), "sha256",
         "lower-cased; the hash in base64", ()),
        (f"u_{sha256(EMAIL)}", "sha256", "lower-cased", ()),
        (url(EMAIL), "plain", "lower-cased", ("URL",)),
        (url(url(EMAIL)), "plain", "lower-cased", ("URL", "URL")),
        (b64(EMAIL), "plain", "lower-cased", ("base64",)),
        (b64(EMAIL).rstrip("="), "plain", "lower-cased", ("base64",)),
        (base64.urlsafe_b64encode(f"??>{EMAIL}".encode()).decode(), "plain", "lower-cased", ("base64",)),
        (b64(b64(EMAIL)), "plain", "lower-cased", ("base64", "base64")),
        (url(b64(EMAIL + "?")), "plain", "lower-cased", ("base64",)),
        (url("é") + b64(EMAIL), "plain", "lower-cased", ("URL", "base64")),
        (b64(url(EMAIL)), "plain", "lower-cased", ("base64", "URL")),
        (b64(json.dumps({"user": {"email": EMAIL}})), "plain", "lower-cased", ("base64",)),
        (json.dumps({"a": json.dumps({"b": EMAIL})}), "plain", "lower-cased", ()),
        (json.dumps({"a": EMAIL}).replace("@", "\\u0040"), "plain", "lower-cased", ()),
        (f"https://x.example/?next={url('/a?email=' + url(EMAIL))}", "plain", "lower-cased", ("URL", "URL")),
    ],
)  # fmt: skip
def test_every_form_of_an_address_in_a_parameter(jo, observe, value, written, how, layers) -> None:
    observed = observe(url=f"{TR}&cd[x]={url(value)}")
    found = [item for item in sightings(observed, jo) if item.kind == "em"]
    assert [(item.written, item.how, item.layers) for item in found] == [(written, how, layers)]
    (item,) = found
    assert (item.place, item.name, item.nth, item.index) == ("query", "cd[x]", 0, 0)
    covered = value[item.start : item.start + item.length]
    assert covered
    if not layers and "\\u" not in value:
        assert covered.lower() in {EMAIL, value.lower(), value.lower().removeprefix("u_")}


def test_every_place_of_a_request(jo, observe) -> None:
    observed = observe(
        url=f"{TR}&dl={url('https://clinic.example/patients/' + EMAIL)}",
        headers={
            "referer": f"https://clinic.example/?m={EMAIL}",
            "x-user": EMAIL,
            "cookie": f"c_user=100000000000007; _fbp={sha256(EMAIL)}",
        },
    )
    assert {told(item) for item in sightings(observed, jo)} == {
        ("query", "dl", "em", "plain", ()),
        ("header", "Referer", "em", "plain", ()),
        ("header", "x-user", "em", "plain", ()),
        ("cookie", "c_user", "c_user", "plain", ()),
        ("cookie", "_fbp", "em", "sha256", ()),
    }


def test_the_path_of_a_gateway_and_json_bodies(jo, observe) -> None:
    body = {
        "event_name": "Lead",
        "event_id": "1",
        "fb.pixel_id": "900000000000077",
        "fb.advanced_matching": {"em": sha256(EMAIL), "external_id": "PW-602645", "ge": sha256("f")},
        "website_context": {"location": "https://clinic.example/"},
    }
    observed = observe(
        url=f"https://capig.clinic.example/{EMAIL}/events",
        body=json.dumps(body).encode(),
        headers={"content-type": "text/plain;charset=UTF-8"},
    )
    assert {told(item) for item in sightings(observed, jo)} == {
        ("path", "", "em", "plain", ()),
        ("body", "fb.advanced_matching.em", "em", "sha256", ()),
        ("body", "fb.advanced_matching.external_id", "external_id", "plain", ()),
        ("body", "fb.advanced_matching.ge", "ge", "sha256", ()),
    }


def test_multipart_bodies_and_requests_without_an_event(jo, observe) -> None:
    parts = "".join(
        f'--B\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in (("id", "900000000000077"), ("ev", "Lead"), ("cd[who]", "Jo Blöggs-O'Hara"))
    )
    observed = observe(
        url="https://www.facebook.com/tr/",
        body=(parts + "--B--\r\n").encode(),
        headers={"content-type": "multipart/form-data; boundary=B"},
    )
    assert {told(item) for item in sightings(observed, jo)} == {("body", "cd[who]", "name", "plain", ())}
    fetched = observe(
        url="https://connect.facebook.net/signals/config/900000000000077?domain=clinic.example",
        headers={"referer": f"https://clinic.example/?m={EMAIL}"},
    )
    assert fetched.role == "configuration"
    (item,) = sightings(fetched, jo)
    assert (item.index, item.place, item.name) == (None, "header", "referer")


@pytest.mark.parametrize(
    ("text", "kind", "how"),
    [
        ("07700 900123", "ph", "as typed"),
        ("call 07700900123 now", "ph", "as dialled within the country"),
        ("+44 (0)7700 900-123", "ph", "with the country code"),
        ("tel:+447700900123", "ph", "with the country code"),
        ("00447700900123", "ph", "with the country code"),
        ("999 123 4560", "nhs_number", "as typed"),
        ("9991234560", "nhs_number", "lower-cased, without spaces"),
        ("ref PW-602645.", "external_id", "as typed"),
        ("pw602645", "external_id", "lower-cased, without spaces and punctuation"),
        ("at 12 invented lane", "street", "lower-cased"),
        ("12-invented-lane", "street", "with dashes for spaces"),
        ("ZZ993QQ", "zp", "lower-cased, without spaces"),
        ("born 14 February 1987", "db", "with the month's name"),
        ("1987-02-14", "db", "as year, month and day with dashes"),
        ("/patients/jo-bloggs-ohara", "name", None),
        ("jo bloggs-o'hara", "name", None),
    ],
)
def test_what_is_nobody_elses_is_found_inside_other_texts(jo, observe, text, kind, how) -> None:
    found = [item for item in sightings(observe(url=f"{TR}&cd[x]={url(text)}"), jo) if item.kind == kind]
    assert len(found) == 1, text
    assert how is None or found[0].how == how


@pytest.mark.parametrize(
    "text",
    [
        "Jo", "jo", "Join us, Jo", "Exampleton", "female", "f", "GB", "Exampleshire", "19870214",  # common to many
        "077009001234", "1077009001230", "1.7700900123",  # digits of something longer
        "xjo.bloggs+clinic@example.com", "jo.bloggs+clinic@example.community", "bloggs+clinic@example.com",
        "PW-6026451", "XPW-602645", "12 invented lanes", "112 invented lane", "zz99 3qqx",
        sha256("f"), sha256("gb"), sha256("jo"), sha256("ex"), "a" + sha256(EMAIL), sha256(EMAIL) + "0",
        sha256(EMAIL)[:-1], b64("nothing to see here at all"), "%ZZ%4", "=%%%=&&&", "ud[em]",
    ],
)  # fmt: skip
def test_what_is_common_or_part_of_something_else_is_not_found(jo, observe, text) -> None:
    assert (
        sightings(observe(url=f"{TR}&cd[x]={url(text)}&dl={url('https://clinic.example/?q=' + url(text))}"), jo) == ()
    )


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("ud[fn]", "Jo", "fn"),
        ("ud[fn]", sha256("jo"), "fn"),
        ("udff[ge]", sha256("f"), "ge"),
        ("ud[country]", sha256("gb"), "country"),
        ("ud[st]", sha256("ex"), "st"),
        ("ud[zp]", sha256("zz99"), "zp"),
        ("ud[db]", sha256("19870214"), "db"),
        ("cd[first_name]", "jo", "fn"),
        ("cd[dob]", "19870214", "db"),
        ("ud[ct]", sha256("exampleton"), "ct"),
        ("dl", "https://clinic.example/?first_name=Jo", "fn"),
        ("cd[form]", json.dumps({"first_name": "Jo"}), "fn"),
        ("ud[external_id]", sha256(EMAIL), "em"),
        ("ud[external_id]", sha256("999 123 4560"), "nhs_number"),
    ],
)
def test_what_is_common_is_found_where_a_parameter_is_made_for_it(jo, observe, name, value, kind) -> None:
    found = sightings(observe(url=f"{TR}&{name}={url(value)}"), jo)
    assert {(item.name, item.kind) for item in found} == {(name, kind)}


@pytest.mark.parametrize(
    ("name", "value"),
    [("ud[ln]", "Jo"), ("ud[ln]", sha256("f")), ("cd[city]", "Exampleton"), ("cd[state]", "Exampleshire"),
     ("dl", "https://clinic.example/?country=GB"), ("ud[st]", sha256("gb"))],
)  # fmt: skip
def test_a_parameter_made_for_something_else_holds_nothing(jo, observe, name, value) -> None:
    assert sightings(observe(url=f"{TR}&{name}={url(value)}"), jo) == ()


def test_masks_are_read_in_their_own_parameters_alone(jo, observe) -> None:
    shape = "^*.^*****+^*****@^******.***"
    found = sightings(observe(url=f"{TR}&cud[em]={url(shape)}&cd[x]={url(shape)}&cud[ph]={url('#####')}"), jo)
    assert [told(item) for item in found] == [("query", "cud[em]", "em", "mask", ())]


def test_values_of_one_name_are_told_apart(jo, observe) -> None:
    observed = observe(url=f"{TR}&ud[em]={sha256('a')}&ud[em]={sha256(EMAIL)}")
    assert [(item.nth, item.start, item.length) for item in sightings(observed, jo)] == [(1, 0, 64)]


def test_events_of_a_batch_are_told_apart(jo, observe) -> None:
    inner = [url(f"id=900000000000077&ev=Lead&ud[em]={text}") for text in (sha256("a"), sha256(EMAIL))]
    observed = observe(url=f"https://www.facebook.com/tr/?batch=1&events[0]={inner[0]}&events[1]={inner[1]}")
    assert [(item.index, item.name) for item in sightings(observed, jo)] == [(1, "ud[em]")]


def test_layers_are_opened_to_a_depth(jo, observe) -> None:
    for depth in range(1, MAX_DEPTH + 2):
        value = EMAIL
        for _ in range(depth):
            value = b64(value)
        found = sightings(observe(url=f"{TR}&cd[x]={url(value)}"), jo)
        assert bool(found) == (depth <= MAX_DEPTH)


def test_a_value_that_repeats_a_detail_is_noted_a_limited_number_of_times(jo, observe) -> None:
    observed = observe(
        url="https://www.facebook.com/tr/", body=f"id=1&ev=Lead&cd[x]={'%20'.join([url(EMAIL)] * 500)}".encode()
    )
    assert len(sightings(observed, jo)) == MAX_SIGHTINGS


def test_what_is_too_long_is_searched_in_part_and_says_so(jo, observe) -> None:
    body = f"id=1&ev=Lead&cd[a]={url(EMAIL)}&cd[b]={'x ' * MAX_TEXT}&cd[c]={url(EMAIL)}".encode()
    found = search(observe(url="https://www.facebook.com/tr/", body=body), Forms(jo))
    assert not found.complete
    assert {item.name for item in found.sightings} == {"cd[a]"}
    assert search(observe(), Forms(jo)).complete


def test_a_person_of_one_detail_finds_only_that(person_of, observe) -> None:
    observed = observe(url=f"{TR}&ud[fn]={sha256('jo')}&ud[em]={sha256(EMAIL)}")
    assert {item.kind for item in sightings(observed, person_of(first_name="Jo"))} == {"fn"}


def test_a_whole_name_is_looked_for_as_first_and_last_name(person_of, observe) -> None:
    observed = observe(url=f"{TR}&ud[fn]={sha256('mary')}&ud[ln]={sha256('bloggs')}&cd[n]=mary.ann.bloggs")
    found = sightings(observed, person_of(name="Mary Ann Bloggs"))
    assert {(item.kind, item.how) for item in found if item.name.startswith("ud")} == {
        ("fn", "its first word, lower-cased"),
        ("ln", "its last word, lower-cased"),
    }


ANYTHING = st.text(alphabet=st.characters(codec="utf-8"), max_size=200)
PIECES = st.lists(
    st.sampled_from([EMAIL, b64(EMAIL), url(EMAIL), "%", "=", "&", "{", '"', "[", "\\u00", "+44", "@", "/", "é", "İ"]),
    max_size=12,
).map("".join)


@given(value=st.one_of(ANYTHING, PIECES), name=st.sampled_from(["cd[x]", "ud[em]", "cud[em]", "dl", "x"]))
def test_any_value_is_searched_and_every_sighting_lies_within_it(jo, value, name) -> None:
    value = storable(value)
    request = CapturedRequest(
        source_kind="mitm", position=0, method="GET", url=f"{TR}&{url(name)}={url(value)}", http_version="HTTP/2.0",
        headers=(), started_at=1.0,
    )  # fmt: skip
    observed = ObservedRequest(key="k", digest="d", source_id="s", vendor="meta", role="event", request=request)
    for item in sightings(observed, jo):
        assert item.length > 0
        assert item.start + item.length <= len(value)


@given(start=st.text(alphabet="abc/?&=. ", max_size=20), end=st.text(alphabet="/?&=; ", max_size=5))
def test_an_address_is_found_wherever_it_stands(jo, start, end) -> None:
    text = f"{start} {EMAIL}{end}"
    request = CapturedRequest(
        source_kind="mitm", position=0, method="GET", url=f"{TR}&cd[x]={url(text)}", http_version="HTTP/2.0",
        headers=(), started_at=1.0,
    )  # fmt: skip
    observed = ObservedRequest(key="k", digest="d", source_id="s", vendor="meta", role="event", request=request)
    assert any(text[item.start : item.start + item.length] == EMAIL for item in sightings(observed, jo))
