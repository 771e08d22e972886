"""Optional packs: apart from the rules for health, precise, and loaded only by name."""

import pytest

import rules.loader
from rules.engine import Matcher
from rules.errors import RuleSetError, UnknownPackError
from rules.lint import check
from rules.loader import (
    ALL_PACKS,
    HEALTH_SUPPRESSORS,
    OPTIONAL,
    in_a_pack,
    load_packs,
    load_rules,
    optional_packs,
    pack_names,
)
from rules.model import Field, FieldName, RuleKind

PACKS = (
    "biometric_genetic",
    "ethnicity",
    "politics",
    "religion",
    "sex_life_orientation",
    "trade_union",
    "vulnerable_situations",
)


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def everything(_cache):
    return load_packs([ALL_PACKS])


@pytest.fixture(scope="module")
def judge(everything):
    return Matcher(everything)


@pytest.fixture(scope="module")
def health(_cache):
    return load_rules()


def title(text):
    return [Field(name=FieldName.PAGE_TITLE, parameter="t", text=text)]


def own(ruleset):
    return [rule for rule in ruleset.rules if in_a_pack(rule.id)]


def test_the_packs_there_are():
    assert optional_packs() == PACKS


def test_every_file_of_a_pack_is_a_rule(everything):
    files = {
        f"{path.parent.name}/{path.parents[1].name}/{path.stem}"
        for path in OPTIONAL.rglob("*.yaml")
        if path.parents[2] == OPTIONAL
    }
    assert len(files) == len(list(OPTIONAL.rglob("*.y*ml")))
    assert {rule.id for rule in own(everything)} == files


def test_none_of_them_is_a_rule_for_health(health):
    assert own(health) == []


@pytest.mark.parametrize("pack", PACKS)
def test_a_pack_has_no_error_alone_and_among_all(pack, everything):
    for ruleset in (load_packs([pack]), everything):
        found = [
            f"{issue.path}:{issue.line}: {issue.problem}"
            for issue in check(ruleset)
            if f"/optional/{pack}/" in issue.path
        ]
        assert found == []


@pytest.mark.parametrize("pack", PACKS)
def test_a_pack_holds_its_own_rules_and_suppressors(pack, health):
    ruleset = load_packs([pack])
    rules_of_pack = own(ruleset)
    assert 1 <= len(rules_of_pack) <= 4
    assert all(rule.id.startswith(f"en/{pack}/") for rule in rules_of_pack)
    assert all(rule.kind is RuleKind.TOPIC and rule.tier == "special_risk" for rule in rules_of_pack)
    others = {rule.id for rule in ruleset.rules} - {rule.id for rule in rules_of_pack}
    suppressors = {rule.id for rule in health.rules if rule.kind is RuleKind.SUPPRESSOR}
    assert others == suppressors - HEALTH_SUPPRESSORS
    assert suppressors >= HEALTH_SUPPRESSORS


def test_each_rule_proves_itself_and_names_its_ground(everything):
    for rule in own(everything):
        assert len(rule.examples.match) >= 3, rule.id
        assert len(rule.examples.no_match) >= 3, rule.id
        vulnerable = rule.id.startswith("en/vulnerable_situations/")
        assert rule.legal_basis.startswith("Not GDPR Art. 9" if vulnerable else "GDPR Art. 9(1)"), rule.id


def test_the_vulnerable_situations_are_those_that_regulators_name(everything):
    found = {rule.category for rule in own(everything) if rule.id.startswith("en/vulnerable_situations/")}
    assert found == {"children", "debt", "domestic_abuse", "immigration"}


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("Mass times at St Anne's", "religion"),
        ("Zakat calculator", "religion"),
        ("Windrush Compensation Scheme", "ethnicity"),
        ("Join the Labour Party", "politics"),
        ("Union dues", "trade_union"),
        ("Am I gay?", "sexual_orientation"),
        ("Sex toys", "sex_life"),
        ("Your DNA test results", "genetic"),
        ("Take a selfie to verify your identity", "biometric"),
        ("Being bullied at school", "children"),
        ("Student debt: what to do", "debt"),
        ("Am I in an abusive relationship?", "domestic_abuse"),
        ("Political asylum", "immigration"),
    ],
)
def test_lay_words_are_found(judge, text, category):
    result = judge.evaluate(title(text))
    assert result.topics == (category,)
    assert result.score >= 40
    assert result.score == sum(step.delta for step in result.steps)


@pytest.mark.parametrize(
    "text",
    [
        "Asylum Records: new releases",
        "Labour ward: what to bring",
        "Marsh & Gay Solicitors",
        "Black Friday",
        "Estate agents in Church Street",
        "Mass spectrometry",
        "Union Jack bunting",
        "Student Union opening hours",
        "Credit union savings",
        "Race for Life",
        "Green card insurance for Morocco",
        "Technical debt",
        "Wildlife refuge",
        "Fingerprint door lock",
        "Dog DNA test",
        "Opening hours",
        "Migraine clinic",
        "Order confirmation",
    ],
)
def test_everyday_words_are_not(judge, text):
    assert judge.evaluate(title(text)).topics == ()


@pytest.mark.parametrize(
    "text", ["Trade union organiser vacancy: apply for this job", "Newsroom: asylum claims rise, study finds"]
)
def test_work_and_news_still_suppress(judge, text):
    result = judge.evaluate(title(text))
    assert result.suppressed_by
    assert result.band == "none"


@pytest.mark.parametrize(
    "address",
    [
        "https://www.example-union.example/members/join-a-union",
        "https://www.example-party.example/donate/vote-green",
        "https://www.example-law.example/practice-areas/asylum-claim",
        "https://www.example-help.example/money/debt-advice",
    ],
)
def test_what_tells_nothing_of_health_does_not_suppress_these(judge, address):
    result = judge.evaluate([Field(name=FieldName.PAGE_URL, parameter="dl", text=address)])
    assert result.band == "high"


def test_packs_are_chosen_by_name(everything):
    assert pack_names(["politics", "religion", "politics"]) == ("politics", "religion")
    assert pack_names(["religion", ALL_PACKS]) == PACKS
    assert pack_names([]) == ()
    two = load_packs(["religion", "politics"])
    assert {rule.id.split("/")[1] for rule in own(two)} == {"religion", "politics"}
    assert two.digest != everything.digest
    assert two == load_packs(["politics", "religion"])


@pytest.mark.parametrize("names", [["astrology"], ["religion", "Religion"], ["", "religion"], ["../packs"]])
def test_an_unknown_pack_is_an_error_that_names_the_known(names):
    for load in (pack_names, load_packs):
        with pytest.raises(UnknownPackError) as caught:
            load(names)
        assert isinstance(caught.value, ValueError)
        assert all(name in str(caught.value) for name in PACKS)


def test_a_broken_pack_is_an_error_with_a_place(tmp_path, monkeypatch):
    monkeypatch.setattr(rules.loader, "OPTIONAL", tmp_path)
    path = tmp_path / "mine" / "en" / "rule.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("version: 1\nkind: nonsense\n", "utf-8")
    assert optional_packs() == ("mine",)
    with pytest.raises(RuleSetError, match=r"rule\.yaml:2: kind"):
        load_packs(["mine"])


def test_an_installation_without_packs(tmp_path, monkeypatch):
    monkeypatch.setattr(rules.loader, "OPTIONAL", tmp_path / "nothing")
    assert optional_packs() == pack_names([ALL_PACKS]) == ()
    assert not in_a_pack("user")
