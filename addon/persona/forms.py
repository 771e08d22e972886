"""Every form in which a person's details can stand in a request: plain, hashed, masked.

What is common to many people (a gender, a first name, a town, a country) is looked for in clear only as the whole
value of a parameter that is made for it; only what is nobody else's is looked for inside other texts.
"""

import base64
import hashlib
import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from addon.persona.normalise import mask
from addon.persona.person import Person
from addon.persona.spellings import AS_TYPED, Spelling, national_numbers, spellings

Written = Literal[
    "plain", "md5", "sha1", "sha256", "sha512", "sha256_of_md5", "sha256_of_sha1", "sha256_of_sha256", "mask"
]
"""How a value is written: in clear, by a hash, by a hash of a hash, or by its shape alone."""

OTHER_CAPITALS: Final = "with other capitals"

SHORTEST_WORD: Final = 5
"""Characters that a text needs to be looked for inside other texts."""

SHORTEST_NUMBER: Final = 7
"""Digits that a number needs to be looked for inside other texts, with any spaces and dashes."""

_SHORTEST_HASHED: Final = 4
"""Characters of a hashed text below which only a parameter of its kind can hold it: `f` is hashed for much else."""

_SHARED: Final = frozenset({"ge", "country", "st"})
"""Kinds with so few values that a hash of one says nothing outside a parameter of its kind."""

_ANYWHERE: Final = frozenset({"name", "street", "db", "zp", "external_id", "nhs_number", "c_user"})
"""Kinds that are looked for inside other texts; e-mail addresses and numbers are found by their own patterns."""

_SEPARATORS: Final = r"[\s().\-/]{0,3}"

FITTING: Final[dict[str, frozenset[str]]] = {
    "name": frozenset({"name", "fn", "ln"}),
    "fn": frozenset({"fn", "name"}),
    "ln": frozenset({"ln", "name"}),
    "external_id": frozenset({"external_id", "nhs_number", "c_user", "em", "ph"}),
    "fb_login_id": frozenset({"c_user"}),
}
"""Kinds of details that the parameter of a kind may carry; any other carries its own kind alone."""


class Form(NamedTuple):
    """One form of one detail. `typed` is what the investigator typed and never leaves the process."""

    kind: str
    field: str
    written: Written
    how: str
    typed: str
    needs_kind: bool = False


class Number(NamedTuple):
    """A number that is recognised by its digits, whatever stands between them."""

    pattern: re.Pattern[str]
    form: Form


class Forms:
    """Everything to look for, made once for a person."""

    def __init__(self, person: Person) -> None:
        """Derive every form of every detail."""
        self.person = person
        self.digests: dict[str, Form] = {}
        self.packed: dict[str, Form] = {}
        self.emails: dict[str, Form] = {}
        self.words: dict[str, Form] = {}
        self.numbers: list[Number] = []
        self.whole: dict[str, dict[str, Form]] = {}
        self.masks: dict[str, dict[str, Form]] = {}
        for item in spellings(person):
            self._add(item)
        self._add_numbers()

    def _add(self, item: Spelling) -> None:
        form = Form(item.kind, item.field, "plain", item.how, item.typed)
        self.whole.setdefault(item.kind, {}).setdefault(item.text.lower(), form)
        self.masks.setdefault(item.kind, {}).setdefault(mask(item.text), form._replace(written="mask"))
        weak = item.kind in _SHARED or len(item.text) < _SHORTEST_HASHED
        for written, digest in _digests(item.text):
            hashed = form._replace(written=written, needs_kind=weak)
            self.digests.setdefault(digest.hex(), hashed)
            self.packed.setdefault(base64.urlsafe_b64encode(digest).decode().rstrip("="), hashed)
        if item.kind == "em":
            self.emails.setdefault(item.text.lower(), form)
        elif item.kind in _ANYWHERE and _is_telling(item):
            self.words.setdefault(item.text.lower(), form)

    def _add_numbers(self) -> None:
        for detail in self.person.details:
            form = Form(detail.kind, detail.field, "plain", AS_TYPED, detail.text)
            if detail.kind == "ph":
                found = national_numbers(detail.text, self.person.texts("country"))
                codes = "|".join(sorted({country.dialling for country, _ in found}, key=len, reverse=True))
                for number in dict.fromkeys(number for _, number in found):
                    if len(number) >= SHORTEST_NUMBER:
                        self.numbers.append(Number(_phone_pattern(number, codes), form))
            elif detail.kind in {"external_id", "nhs_number", "c_user"}:
                digits = re.sub(r"[\s-]", "", detail.text)
                if len(digits) >= SHORTEST_NUMBER and digits.isascii() and digits.isdigit():
                    inner = r"[\s-]?".join(digits)
                    self.numbers.append(Number(re.compile(rf"(?<!\d)(?<!\d\.){inner}(?!\d)"), form))

    def plain(self, form: Form, text: str) -> Form:
        """Return a plain form with words for how `text` is written."""
        if text == form.typed:
            return form._replace(how=AS_TYPED)
        if text.lower() == form.typed.lower():
            return form._replace(how="lower-cased" if text == text.lower() else OTHER_CAPITALS)
        return form

    def listed(self) -> Iterator[tuple[Form, str]]:
        """Yield every form with its text: what is typed in all its spellings, and the hashes."""
        for texts in self.whole.values():
            yield from ((form, text) for text, form in texts.items())
        yield from ((form, digest) for digest, form in self.digests.items())


def fitting(kind: str) -> frozenset[str]:
    """Return the kinds of details that a parameter made for `kind` may carry."""
    return FITTING.get(kind, frozenset({kind}))


def _digests(text: str) -> Iterator[tuple[Written, bytes]]:
    content = text.encode()
    hashed = hashlib.sha256(content)
    md5 = hashlib.md5(content, usedforsecurity=False)
    sha1 = hashlib.sha1(content, usedforsecurity=False)
    yield "sha256", hashed.digest()
    yield "md5", md5.digest()
    yield "sha1", sha1.digest()
    yield "sha512", hashlib.sha512(content).digest()
    yield "sha256_of_md5", hashlib.sha256(md5.hexdigest().encode()).digest()
    yield "sha256_of_sha1", hashlib.sha256(sha1.hexdigest().encode()).digest()
    yield "sha256_of_sha256", hashlib.sha256(hashed.hexdigest().encode()).digest()


def _is_telling(item: Spelling) -> bool:
    """Tell whether a text is nobody else's, so that finding it inside another text means something."""
    text = item.text
    if len(text) < SHORTEST_WORD:
        return False
    if item.kind == "db":
        return not text.isdigit()  # eight digits are much else, too
    if item.kind == "zp":
        return not text.isdigit() and any(char.isdigit() for char in text)
    if item.kind == "street":
        return any(char.isdigit() for char in text) or len(text) >= 12
    if item.kind == "name":
        return " " in item.typed.strip() and len(text) >= len("jo bloggs") - 3
    return len(text) >= 8 or not text.isalpha()


def _phone_pattern(number: str, codes: str) -> re.Pattern[str]:
    inner = _SEPARATORS.join(number)
    prefix = rf"(?:(?:\+|00)?(?P<code>{codes}){_SEPARATORS}(?:\(?0\)?{_SEPARATORS})?|(?P<zero>0){_SEPARATORS})?"
    return re.compile(rf"(?<!\d)(?<!\d\.){prefix}{inner}(?!\d)")


def phone_words(match: re.Match[str]) -> str:
    """Return how a phone number that was found is written."""
    groups = match.groupdict()
    if groups.get("code"):
        return "with the country code"
    return "as dialled within the country" if groups.get("zero") else "without country code and zero"
