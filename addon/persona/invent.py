"""An invented person to type into forms: nobody real, and nothing that anybody else could have.

What is reserved for such use: the domain example.com (RFC 2606); mobile numbers 07700 900000 to 900999, which Ofcom
keeps for television and radio; NHS numbers that begin with 999, which are kept for tests; the postcode area ZZ99,
which is no place. Names are put together from parts that are no names.
"""

import datetime as dt
import random
from typing import Final

_FIRST_BEGIN: Final = ("Al", "Bre", "Cor", "Del", "Fen", "Is", "Jor", "Kel", "Mar", "Ne", "Or", "Tam", "Vel", "Wen")
_FIRST_END: Final = ("bira", "dane", "fara", "lissa", "mira", "nelle", "rian", "sanne", "tavi", "vena", "wyn", "zara")
_LAST_BEGIN: Final = ("Ash", "Bram", "Crow", "Dray", "Elder", "Fern", "Grin", "Hollo", "Lark", "Mere", "Thorn", "Wick")
_LAST_END: Final = ("bourne", "combe", "dale", "fell", "holme", "ling", "mond", "nettle", "quist", "strand", "wade")
_STREETS: Final = ("Invented Lane", "Nowhere Street", "Placeholder Road", "Sample Crescent", "Specimen Close")
_TOWNS: Final = ("Exampleton", "Testham", "Nowhereford", "Samplewick", "Placeholm")

_TEMPLATE: Final = """\
# An invented person, made by: pixelwitness persona new
# Type these details, and no others, exactly as they stand here. Change them as you like: nobody else's details, and
# not your own. Leave away what you do not type. Every value is text as typed.

# What reports call this person. It is stored, so it must say nothing of the person.
label: {label}

first_name: {first}
last_name: {last}
email: {email}
phone: "{phone}"
date_of_birth: {birth}
gender: {gender}

address:
  street: {number} {street}
  city: {town}
  county: Exampleshire
  postcode: {postcode}
  country: GB

# Numbers that sites know this person by. Every name below `ids` may be chosen, such as patient_number.
ids:
  nhs_number: {nhs}
  patient_number: {patient}
"""


def invented_person(seed: str | None = None) -> str:
    """Return the text of a person's file; the same `seed` gives the same person, none gives another each time."""
    chance = random.Random(seed)  # noqa: S311 - a person, not a secret
    first = chance.choice(_FIRST_BEGIN) + chance.choice(_FIRST_END)
    last = chance.choice(_LAST_BEGIN) + chance.choice(_LAST_END)
    birth = dt.date(1950, 1, 1) + dt.timedelta(days=chance.randrange(50 * 365))
    return _TEMPLATE.format(
        label="the test person",
        first=first,
        last=last,
        email=f"{first}.{last}.{chance.randrange(100, 1000)}@example.com".lower(),
        phone=f"07700 900{chance.randrange(1000):03d}",
        birth=birth.strftime("%d/%m/%Y"),
        gender=chance.choice(("female", "male")),
        number=chance.randrange(1, 200),
        street=chance.choice(_STREETS),
        town=chance.choice(_TOWNS),
        postcode=f"ZZ99 {chance.randrange(1, 10)}{chance.choice('ABDEFGHJLN')}{chance.choice('PQRSTUWXYZ')}",
        nhs=_nhs_number(chance),
        patient=f"PW-{chance.randrange(100_000, 1_000_000)}",
    )


def _nhs_number(chance: random.Random) -> str:
    """Return a number of the range for tests with a right check digit (modulus 11, NHS Data Dictionary)."""
    while True:
        digits = f"999{chance.randrange(1_000_000):06d}"
        check = 11 - sum(int(digit) * weight for digit, weight in zip(digits, range(10, 1, -1), strict=True)) % 11
        if check != 10:
            number = f"{digits}{check % 11}"
            return f"{number[:3]} {number[3:6]} {number[6:]}"
