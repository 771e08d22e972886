"""How a typed value is written before it is hashed: one function per rule, each pure text in, text out or None.

Names that begin with `client_` are what Meta's browser client does (wire format reference, section 2.2; read from
its normaliser modules of 2.9.243 and 2.9.252). Names that begin with `documented_` are what Meta's documentation asks
sites to do ("Customer Information Parameters" of the Conversions API, developers.facebook.com), where that differs.
None means that the rule drops the value.
"""

import re
import unicodedata
from typing import Final

from addon.persona.places import STATES, country_of

_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")
_PUNCTUATION: Final = str.maketrans("", "", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_PHONE_SIGNS: Final = re.compile(r"[-@#<>'\",; ()+a-z]", re.IGNORECASE)
_LIGATURES: Final = {ord("ø"): "o", ord("Ø"): "O", ord("ł"): "l", ord("Ł"): "L", ord("ß"): "ss", ord("æ"): "ae"}
_GMAIL: Final = frozenset({"gmail.com", "googlemail.com"})


def client_email(text: str) -> str | None:
    """Trim and lower-case an e-mail address; drop what is none."""
    address = text.strip().lower()
    return address if _EMAIL.fullmatch(address) else None


def plain_mailbox(text: str) -> str | None:
    """Return an address without its part after `+` and, at Gmail, without dots: the mailbox it reaches, or None."""
    local, at, domain = text.strip().lower().partition("@")
    mailbox = local.partition("+")[0]
    if domain in _GMAIL:
        mailbox = mailbox.replace(".", "")
    return f"{mailbox}@{domain}" if at and mailbox else None


def client_phone(text: str) -> str | None:
    """Keep the digits of a phone number and drop zeros at its beginning."""
    return re.sub(r"[^0-9]", "", text).lstrip("0") or None


def client_phone_alternate(text: str) -> str | None:
    """Drop letters, spaces, brackets and some signs, then zeros at the beginning: a dot or a slash stays."""
    return _PHONE_SIGNS.sub("", text).lstrip("0") or None


def client_name(text: str) -> str | None:
    """Lower-case a name and drop spaces and punctuation; letters with accents and other scripts stay."""
    return "".join(text.translate(_PUNCTUATION).split()).lower() or None


def client_city(text: str) -> str | None:
    """Lower-case a town and keep a to z, 0 to 9 and _; one that does not begin with a letter is dropped."""
    kept = re.sub(r"[^a-z0-9_]", "", text.lower())
    return kept if kept[:1].isalpha() else None


def client_state(text: str) -> str | None:
    """Return the two letters of a state, or the first two letters of any other county."""
    return _two_letters(text, STATES)


def client_country(text: str) -> str | None:
    """Return the two letters of a country, or the first two letters of a name that is not known."""
    known = country_of(text)
    return known.code if known else _two_letters(text, {})


def _two_letters(text: str, known: dict[str, str]) -> str | None:
    letters = re.sub(r"[^a-z]", "", text.lower())
    if len(letters) > 2:
        letters = known.get(letters) or next((code for name, code in known.items() if name in letters), letters)
    return letters[:2] or None


def documented_state(text: str) -> str | None:
    """Return the two letters of a state of the United States; any other county whole, without spaces and signs."""
    letters = re.sub(r"[^a-z]", "", text.lower())
    return STATES.get(letters) or letters or None


def client_postcode(text: str) -> str | None:
    """Lower-case and trim a postcode and cut it at its first dash; one letter is dropped."""
    kept = text.lower().partition("-")[0].strip()
    return kept if len(kept) >= 2 else None


def documented_postcode(text: str) -> str | None:
    """Lower-case a postcode and drop spaces and dashes; of nine digits of the United States keep five."""
    kept = re.sub(r"[\s-]", "", text.lower())
    return (kept[:5] if re.fullmatch(r"[0-9]{9}", kept) else kept) or None


def client_gender(text: str) -> str | None:
    """Return `f` or `m`, or None for any other gender, which the client does not send."""
    word = text.strip().lower()
    if word in {"f", "female", "woman", "girl"}:
        return "f"
    return "m" if word in {"m", "male", "man", "boy"} else None


def client_date(text: str) -> str:
    """Return YYYYMMDD of a date of three numbers, reading the month first unless it is above 12.

    A year is what is above 31. Other texts pass unchanged.
    """
    numbers = [int(part) for part in re.findall(r"[0-9]{1,9}", text)]
    if len(numbers) >= 3:
        first, second, third = numbers[:3]
        if first > 31:
            year, month, day = first, *((third, second) if second > 12 else (second, third))
        elif second > 31:
            year, month, day = second, *((first, third) if third > 12 else (third, first))
        else:
            year, month, day = third, *((second, first) if first > 12 else (first, second))
        if 1800 <= year <= 2100 and 1 <= month <= 12 and 1 <= day <= 31:
            return f"{year:04d}{month:02d}{day:02d}"
    digits = re.sub(r"[^0-9]", "", text)
    return digits if len(digits) == 8 and digits in text else text


def compact(text: str) -> str | None:
    """Lower-case any text and drop its spaces: the client's rule for ids, and its alternate rule for many kinds."""
    return "".join(text.split()).lower() or None


def letters_and_digits(text: str) -> str | None:
    """Lower-case a text and keep letters and digits of any script."""
    return "".join(char for char in text.lower() if char.isalnum()) or None


def without_accents(text: str) -> str:
    """Return a text with letters without accents: `Valéry` becomes `Valery`."""
    split = unicodedata.normalize("NFKD", text)
    kept = "".join(char for char in split if not unicodedata.combining(char))
    return kept.translate(_LIGATURES)


def mask(text: str) -> str:
    """Return the shape of a value as Meta's client sends it: ^ capital, * small letter, # digit, ~ other.

    Spaces and punctuation stay.
    """
    return "".join(map(_mask_of, text))


def _mask_of(char: str) -> str:
    if not char.isascii():
        return "~"
    if char.isdigit():
        return "#"
    return "^" if char.isupper() else "*" if char.islower() else char
