import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import captures
from addon.capture import read_capture
from addon.decoders.meta import app_events, content, decoder, dictionary, events, filters, identity, transport
from addon.decoders.meta.dictionary import DictionaryError, all_parameters, lookup, read_dictionary
from addon.redaction import KEPT_COOKIES

ROOT = Path(__file__).parents[4]
NAMES_OF_VALUES = {"values", "name"}
SHAPED = re.compile(
    r"(?:[a-zA-Z]+\[[^\]]*\]|(?:fb|website_context|custom_data|user_data|conversion_value|automatic_parameters|smart_setup)"
    r"\.(?:\w+\.?)*)"
)
WITHOUT_MEANING = {"fb.anything": "only tells a gateway's parameter from the pixel's own"}
"""Parameters that the decoder or a recording knows and the dictionary does not, each with the reason."""

WELL_FORMED = """
[sources.docs]
citation = "Meta developer documentation"
known_from = "documentation"
[groups]
event = "The event"
identity = "The person"
[person_keys]
em = "e-mail address"
[[person]]
name = "ud[{key}]"
meaning = "The {what}."
source = "docs"
[[event]]
name = "ev"
meaning = "The name."
source = "docs"
"""


def literals(tree: ast.Module) -> Iterator[str]:
    """Yield what a module's text names as parameters: by their shape, or by being looked up or compared."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SHAPED.fullmatch(node.value):
            yield node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            of_values = isinstance(node.func.value, ast.Name) and node.func.value.id in NAMES_OF_VALUES
            if of_values and node.func.attr in {"get", "startswith"}:
                yield from strings(node.args[0])
        elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "values":
            yield from strings(node.slice)
        elif isinstance(node, ast.Compare) and is_a_name(node.left):
            for other in node.comparators:
                yield from strings(other)
        elif isinstance(node, ast.Call) and any(keyword.arg == "name" for keyword in node.keywords):
            yield from (text for keyword in node.keywords if keyword.arg == "name" for text in strings(keyword.value))


def is_a_name(node: ast.expr) -> bool:
    named = isinstance(node, ast.Attribute) and node.attr == "name" and getattr(node.value, "id", "") == "param"
    return named or (isinstance(node, ast.Name) and node.id == "name")


def strings(node: ast.expr) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str) and inner.value:
            yield inner.value


def completed(name: str) -> str:
    """Return a parameter with the prefix that the decoder tests for (`par[`); a cookie as reports call it."""
    if name in identity.COOKIE_KINDS:
        return f"cookie {name}"
    if "[" in name and not name.endswith("]"):
        return name.partition("[")[0] + "[anything]"
    return name + "anything" if name.endswith(".") else name


def named_by_the_decoder() -> set[str]:
    found = {f"cookie {name}" for name in (*identity.COOKIE_KINDS, *KEPT_COOKIES, "xs")}
    found |= {
        f"{group}[{key}]"
        for group in (*identity.HASHED_FIELDS, *identity.MASKED_FIELDS)
        for key in ("em", "ph", "fn", "ln", "ge", "db", "ct", "st", "zp", "country", "external_id", "anything")
    }
    found |= {*content._ADDRESSES, *content._TEXTS, *content._STRUCTURED, *content._TECHNICAL}
    found |= {prefix + "anything" for prefix in content._GATEWAY_CONTENT}
    for module in (app_events, content, decoder, filters, identity, transport):
        tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
        found |= {completed(name) for name in literals(tree)} - events.AUTOMATIC_EVENTS
    return found


def test_the_scan_finds_the_parameters_of_the_decoder() -> None:
    found = named_by_the_decoder()
    assert {"dl", "rqm", "ev", "cd[buttonText]", "par[anything]", "fbcs", "fb.pixel_id", "est_source"} <= found
    assert len(found) > 150


def test_every_parameter_that_the_decoder_knows_is_explained() -> None:
    unknown = {name for name in named_by_the_decoder() if lookup(name) is None}
    assert unknown == set(WITHOUT_MEANING)


@pytest.mark.parametrize("path", sorted(captures.HERE.rglob("*.mitm")), ids=lambda path: path.stem)
def test_every_parameter_of_a_recording_is_explained(path: Path) -> None:
    meta = decoder.MetaDecoder()
    seen = set()
    for request in read_capture(path):
        decoded = meta.decode(request, "key") if meta.concerns(request) else None
        for hit in decoded.hits if decoded else ():
            seen |= {param.name for param in hit.parameters} | {item.parameter for item in hit.identifiers}
    assert bool(seen) == (path.stem != "03_after_decline_clean")  # there, nothing was sent
    assert {name for name in seen if lookup(name) is None} == set()


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("cd[buttonText]", "cd[buttonText]"),
        ("cd[diagnosis]", "cd[*]"),
        ("cd[weird key[1]&=]", "cd[*]"),
        ("cd[]", "cd[*]"),
        ("ud[em]", "ud[em]"),
        ("ud[anything else]", "ud[*]"),
        ("expv2[]", "expv2[*]"),
        ("expv2[36]", "expv2[*]"),
        ("events[0]", "events[*]"),
        ("custom_data", "custom_data.*"),
        ("custom_data.clinic.name", "custom_data.*"),
        ("custom_data.content_name", "custom_data.content_name"),
        ("fb.advanced_matching.em", "fb.advanced_matching.em"),
        ("fb.advanced_matching.other", "fb.advanced_matching.*"),
        ("cookie c_user", "cookie c_user"),
    ],
)
def test_an_entry_of_its_own_comes_before_a_pattern(name: str, entry: str) -> None:
    found = lookup(name)
    assert found is not None
    assert found.name == entry


@pytest.mark.parametrize(
    "name",
    ["", "diagnosis", "cd", "cd[cut", "cd[a].b", "DL", "fb", "fb.unheard_of", "xcd[a]", "*", "*.*", ".", "c_user"],
)
def test_what_nobody_documents_has_no_meaning(name: str) -> None:
    assert lookup(name) is None


def test_what_is_unknown_is_said_to_be_unknown() -> None:
    for name in ("ttf", "tts", "ttse"):
        found = lookup(name)
        assert found is not None
        assert "not known" in found.meaning
        assert found.known_from == "observed"


def test_every_pattern_can_be_reached() -> None:
    for parameter in all_parameters():
        concrete = parameter.name.replace("[*]", "[none of the others]").replace(".*", ".none_of_the_others")
        assert lookup(concrete) == parameter


def test_everything_that_can_identify_or_tell_of_health_says_so() -> None:
    flags = {entry.name: (entry.may_identify, entry.may_carry_health) for entry in all_parameters()}
    assert flags["dl"] == (True, True)
    assert flags["fbp"] == (True, False)
    assert flags["cd[buttonText]"] == (False, True)
    assert flags["sw"] == (False, False)
    assert all(
        entry.may_identify for entry in all_parameters() if entry.name.partition("[")[0] in identity.HASHED_FIELDS
    )
    assert all(flags[name][1] for name in {*content._ADDRESSES, *content._TEXTS, *content._STRUCTURED})
    assert all(flags[f"cookie {name}"][0] for name in identity.COOKIE_KINDS)


def test_explanations_are_short_and_sources_point_outside() -> None:
    for parameter in all_parameters():
        assert parameter.meaning.count(". ") <= 3
        assert "://" not in parameter.source
        assert "/work" not in parameter.source


def test_a_dictionary_is_read() -> None:
    groups, parameters = read_dictionary(WELL_FORMED)
    assert list(groups) == ["event", "identity"]
    assert [(entry.name, entry.meaning, entry.may_identify) for entry in parameters] == [
        ("ev", "The name.", False),
        ("ud[em]", "The e-mail address.", True),
    ]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("[groups]", "[groups", "not TOML"),
        ("[groups]", "[headings]", r"no table \[groups\]"),
        ("[sources.docs]", "[places.docs]", r"\[\[places\]\] is not one of \[groups\]"),
        ('event = "The event"', "event = 1", r"\[groups\] event is not a text"),
        ('"documentation"', '"hearsay"', r"\[sources.docs\] known_from"),
        ("[[event]]", "[[evnt]]", r"\[\[evnt\]\] is not one of \[groups\]"),
        ("[[event]]", "[event]", r"event must be written as \[\[event\]\]"),
        ('name = "ev"', 'nam = "ev"', r"\[\[event\]\] an entry without name"),
        ('name = "ev"', 'name = "ud[em]"', r"ud\[em\] stands twice"),
        ('name = "ev"', 'name = "a[*]b"', r"\[\[event\]\] a\[\*\]b: name"),
        ('name = "ev"', 'name = "*"', r"\[\[event\]\] \*: name"),
        ('"The name."', '""', r"\[\[event\]\] ev: meaning"),
        ('"The name."', '"no full stop"', r"\[\[event\]\] ev: meaning"),
        ('"The name."', '"breaks a | table."', r"\[\[event\]\] ev: meaning"),
        ('"The name."\nsource = "docs"', '"The name."', r"\[\[event\]\] ev: source None is not one of \[sources\]"),
        ('"The name."', '"The name."\nmay_identify = "perhaps"', r"\[\[event\]\] ev: may_identify"),
        ('"The name."', '"The name."\nsecret = true', r"\[\[event\]\] ev: secret"),
    ],
)
def test_a_malformed_dictionary_says_what_is_wrong(old: str, new: str, problem: str) -> None:
    assert WELL_FORMED.count(old) == 1
    with pytest.raises(DictionaryError, match=problem):
        read_dictionary(WELL_FORMED.replace(old, new))


def test_the_documentation_is_made_from_the_data() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "addon.decoders.meta.dictionary"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    written = (ROOT / "docs" / "parameters.md").read_text(encoding="utf-8")
    assert written == made.stdout, "run: python -m addon.decoders.meta.dictionary > docs/parameters.md"
    assert all(f"| `{parameter.name}` |" in written for parameter in all_parameters())


def test_the_file_is_found_beside_the_code() -> None:
    assert dictionary.DATA.parent == Path(str(dictionary.__file__)).parent
