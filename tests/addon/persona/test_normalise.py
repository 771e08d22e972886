"""Each rule against examples that Meta publishes, and against what its client was seen to do.

Published examples: "Customer Information Parameters" of the Conversions API, developers.facebook.com. The others follow
from the normaliser modules of Meta's client (wire format reference, section 2.2).
"""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.persona import normalise


def sha256(text: str | None) -> str:
    assert text is not None
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("rule", "typed", "normalised", "digest"),
    [
        (normalise.client_email, "John_Smith@gmail.com", "john_smith@gmail.com",
         "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"),
        (normalise.client_phone, "1(650)555-1212", "16505551212",
         "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"),
        (normalise.client_name, "Mary", "mary",
         "6915771be1c5aa0c886870b6951b03d7eafc121fea0e80a5ea83beb7c449f4ec"),
        (normalise.client_name, "정", "정",
         "8fa8cd9c440be61d0151429310034083132b35975c4bea67fdd74158eb51db14"),
        (normalise.client_name, "Valéry", "valéry",
         "08e1996b5dd49e62a4b4c010d44e4345592a863bb9f8e3976219bac29417149c"),
        (normalise.client_date, "2/16/1997", "19970216",
         "01acdbf6ec7b4f478a225f1a246e5d6767eeab1a7ffa17f025265b5b94f40f0c"),
        (normalise.client_country, "United States", "us",
         "79adb2a2fce5c6ba215fe5f27f532d4e7edbac4b6a5e09e1ef3a08084a904621"),
    ],
)  # fmt: skip
def test_the_published_examples_with_their_hashes(rule, typed, normalised, digest) -> None:
    assert rule(typed) == normalised
    assert sha256(rule(typed)) == digest


@pytest.mark.parametrize(
    ("rule", "typed", "normalised"),
    [
        # published without a hash
        (normalise.client_gender, "Female", "f"),
        (normalise.client_gender, "M", "m"),
        (normalise.client_city, "New York", "newyork"),
        (normalise.client_state, "Arizona", "az"),
        (normalise.client_state, "CA", "ca"),
        (normalise.documented_postcode, "M1 1AE", "m11ae"),
        (normalise.documented_postcode, "94035-1234", "94035"),
        (normalise.documented_postcode, "75018", "75018"),
        # the client
        (normalise.client_email, "  A@B.example ", "a@b.example"),
        (normalise.client_email, "no address", None),
        (normalise.client_phone, "+44 (0)7700 900123", "4407700900123"),
        (normalise.client_phone, "07700 900123", "7700900123"),
        (normalise.client_phone, "00 44 7700.900123", "447700900123"),
        (normalise.client_phone, "none", None),
        (normalise.client_phone_alternate, "07700.900 123 ext", "7700.900123"),
        (normalise.client_name, "O'Connor-Smith, Jr.", "oconnorsmithjr"),
        (normalise.client_name, "Mary Ann", "maryann"),
        (normalise.client_name, "--", None),
        (normalise.client_city, "Saint-Étienne 2", "sainttienne2"),
        (normalise.client_city, "7 Oaks", None),
        (normalise.client_state, "Washington State", "wa"),
        (normalise.client_state, "West Virginia", "wv"),
        (normalise.client_state, "Greater Manchester", "gr"),
        (normalise.documented_state, "Greater Manchester", "greatermanchester"),
        (normalise.documented_state, "Oregon", "or"),
        (normalise.client_country, "Great Britain", "gb"),
        (normalise.client_country, "Ruritania", "ru"),
        (normalise.client_postcode, " EX1 2AB ", "ex1 2ab"),
        (normalise.client_postcode, "94025-3215", "94025"),
        (normalise.client_postcode, "1", None),
        (normalise.client_date, "14/02/1987", "19870214"),
        (normalise.client_date, "03/04/1987", "19870304"),
        (normalise.client_date, "1987-02-14", "19870214"),
        (normalise.client_date, "1987-14-02", "19870214"),
        (normalise.client_date, "19870214", "19870214"),
        (normalise.client_date, "14 Feb", "14 Feb"),
        (normalise.client_date, "99/99/1987", "99/99/1987"),
        (normalise.client_gender, "prefer not to say", None),
        (normalise.compact, " NHS Login 88 ", "nhslogin88"),
        (normalise.letters_and_digits, "12, Invented Lane", "12inventedlane"),
        (normalise.plain_mailbox, "J.o+clinic@Gmail.com", "jo@gmail.com"),
        (normalise.plain_mailbox, "j.o+clinic@example.com", "j.o@example.com"),
        (normalise.plain_mailbox, "+@example.com", None),
    ],
)
def test_each_rule(rule, typed, normalised) -> None:
    assert rule(typed) == normalised


def test_accents_go_without_the_letter_going() -> None:
    assert normalise.without_accents("Žofia Søren Łukasz Weiß") == "Zofia Soren Lukasz Weiss"


@pytest.mark.parametrize(
    ("typed", "shape"),
    [  # as recorded of Meta's client, captures/recordings/09_manual_advanced_matching
        ("Jo.Bloggs@example.com", "^*.^*****@*******.***"),
        ("+447700900789", "+############"),
        ("nhs-login-8841", "***-*****-####"),
        ("EX1 2AB", "^^# #^^"),
        ("Valéry", "^**~**"),
    ],
)
def test_masks_are_those_of_the_client(typed, shape) -> None:
    assert normalise.mask(typed) == shape


@given(st.text(max_size=60))
def test_no_rule_fails_on_any_text(text: str) -> None:
    for rule in (
        normalise.client_email, normalise.plain_mailbox, normalise.client_phone, normalise.client_phone_alternate,
        normalise.client_name, normalise.client_city, normalise.client_state, normalise.client_country,
        normalise.documented_state, normalise.client_postcode, normalise.documented_postcode, normalise.client_gender,
        normalise.client_date, normalise.compact, normalise.letters_and_digits, normalise.without_accents,
    ):  # fmt: skip
        result = rule(text)
        assert result is None or isinstance(result, str)
    assert len(normalise.mask(text)) == len(text)


@given(st.text(max_size=40))
def test_rules_that_normalise_do_so_once_and_for_all(text: str) -> None:
    for rule in (normalise.client_phone, normalise.compact, normalise.documented_postcode):
        once = rule(text)
        if once is not None and once.isascii():
            assert rule(once) == once
