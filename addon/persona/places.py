"""Countries, their dialling codes, and the states that Meta's client shortens to two letters.

Sources of the facts: ISO 3166-1 (codes and English names), ITU-T E.164 (dialling codes), ISO 3166-2 (states of
the United States and provinces of Canada).
"""

from typing import Final, NamedTuple


class Country(NamedTuple):
    """A country: its two letters, how a form names it, its dialling code, and what stands before national numbers."""

    code: str
    names: tuple[str, ...]
    dialling: str
    trunk: str = "0"


COUNTRIES: Final[tuple[Country, ...]] = (
    Country("gb", ("united kingdom", "great britain", "uk", "england", "scotland", "wales", "northern ireland"), "44"),
    Country("us", ("united states", "united states of america", "usa"), "1", "1"),
    Country("ca", ("canada",), "1", "1"),
    Country("ie", ("ireland", "republic of ireland"), "353"),
    Country("de", ("germany", "deutschland"), "49"),
    Country("fr", ("france",), "33"),
    Country("es", ("spain", "españa"), "34", ""),
    Country("it", ("italy", "italia"), "39", ""),
    Country("pt", ("portugal",), "351", ""),
    Country("nl", ("netherlands", "the netherlands", "nederland"), "31"),
    Country("be", ("belgium", "belgique", "belgië"), "32"),
    Country("lu", ("luxembourg",), "352", ""),
    Country("at", ("austria", "österreich"), "43"),
    Country("ch", ("switzerland", "schweiz", "suisse"), "41"),
    Country("dk", ("denmark", "danmark"), "45", ""),
    Country("se", ("sweden", "sverige"), "46"),
    Country("no", ("norway", "norge"), "47", ""),
    Country("fi", ("finland", "suomi"), "358"),
    Country("is", ("iceland",), "354", ""),
    Country("pl", ("poland", "polska"), "48", ""),
    Country("cz", ("czechia", "czech republic"), "420", ""),
    Country("sk", ("slovakia",), "421"),
    Country("hu", ("hungary",), "36", "06"),
    Country("si", ("slovenia",), "386"),
    Country("hr", ("croatia",), "385"),
    Country("ro", ("romania",), "40"),
    Country("bg", ("bulgaria",), "359"),
    Country("gr", ("greece",), "30", ""),
    Country("cy", ("cyprus",), "357", ""),
    Country("mt", ("malta",), "356", ""),
    Country("ee", ("estonia",), "372", ""),
    Country("lv", ("latvia",), "371", ""),
    Country("lt", ("lithuania",), "370", "0"),
    Country("au", ("australia",), "61"),
    Country("nz", ("new zealand",), "64"),
    Country("in", ("india",), "91"),
    Country("za", ("south africa",), "27"),
)

STATES: Final[dict[str, str]] = {
    "alabama": "al", "alaska": "ak", "arizona": "az", "arkansas": "ar", "california": "ca", "colorado": "co",
    "connecticut": "ct", "delaware": "de", "districtofcolumbia": "dc", "florida": "fl", "georgia": "ga",
    "hawaii": "hi", "idaho": "id", "illinois": "il", "indiana": "in", "iowa": "ia", "kansas": "ks",
    "kentucky": "ky", "louisiana": "la", "maine": "me", "maryland": "md", "massachusetts": "ma", "michigan": "mi",
    "minnesota": "mn", "mississippi": "ms", "missouri": "mo", "montana": "mt", "nebraska": "ne", "nevada": "nv",
    "newhampshire": "nh", "newjersey": "nj", "newmexico": "nm", "newyork": "ny", "northcarolina": "nc",
    "northdakota": "nd", "ohio": "oh", "oklahoma": "ok", "oregon": "or", "pennsylvania": "pa",
    "rhodeisland": "ri", "southcarolina": "sc", "southdakota": "sd", "tennessee": "tn", "texas": "tx",
    "utah": "ut", "vermont": "vt", "virginia": "va", "washington": "wa", "westvirginia": "wv",
    "wisconsin": "wi", "wyoming": "wy",
    "alberta": "ab", "britishcolumbia": "bc", "manitoba": "mb", "newbrunswick": "nb",
    "newfoundlandandlabrador": "nl", "novascotia": "ns", "ontario": "on", "princeedwardisland": "pe",
    "quebec": "qc", "saskatchewan": "sk", "yukon": "yt", "northwestterritories": "nt", "nunavut": "nu",
}  # fmt: skip
"""States and provinces by their name in small letters without spaces."""


def country_of(text: str) -> Country | None:
    """Return the country that a code or a name means, in any case, or None."""
    wanted = " ".join(text.replace(".", "").lower().split())
    return next((found for found in COUNTRIES if wanted == found.code or wanted in found.names), None)
