import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.engine import LIMIT_RULE, MAX_LENGTH, MAX_OCCURRENCES, Matcher
from rules.model import Field, FieldName
from rules.ruleset import make_ruleset

WORDS = [
    "hiv",
    "HIVTest",
    "sexual",
    "health",
    "crohn's",
    "disease",
    "aids",
    "hearing",
    "symptoms",
    "book",
    "an",
    "appointment",
    "vacancy",
    "gift",
    "shop",
    "teenagers",
    "patient",
    "portal",
    "apply",
    "careers",
    "/",
    "-",
    "%20",
    "café",
]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)
FIELDS = st.builds(Field, name=st.sampled_from(list(FieldName)), parameter=st.sampled_from(["dl", "rl"]), text=TEXTS)


def whys(assessment):
    return {(miss.rule, miss.text): miss.why for miss in assessment.near_misses}


def test_evidence_is_where_it_says(matcher):
    url = "https://www.example.org/a/sexual%2520health?dept=HIVTest"
    fields = [Field(name=FieldName.PAGE_URL, parameter="dl", text=url, offset=7)]
    assessment = matcher.evaluate(fields)
    assert assessment.findings
    for finding in assessment.findings:
        place = finding.evidence
        assert url[place.start - 7 : place.end - 7] == place.text


def test_evidence_inside_an_escaped_string(matcher):
    value = '{"t":"\\u0041n \\u0048IV test"}'
    positions = (6, 12, 13, 14, 20, 21, 22, 23, 24, 25, 26, 27)
    field = Field(name=FieldName.CONTENT, parameter="cd", text="An HIV test", positions=positions)
    finding = matcher.evaluate([field]).findings[0]
    assert finding.evidence.text == "HIV test"
    assert value[finding.evidence.start : finding.evidence.end] == "\\u0048IV test"


def test_an_exception_is_a_near_miss(evaluate):
    assessment = evaluate(page_title="Hearing aids and a medicine")
    assert whys(assessment)["en/hiv/hiv", "aids"] == "part of an exception: Hearing aids"
    assert assessment.topics == ("general",)


def test_an_ambiguous_term_needs_a_second_signal(evaluate):
    alone = evaluate(page_title="Living with AIDS")
    assert alone.score == 0
    assert "second signal" in whys(alone)["en/hiv/hiv", "AIDS"]
    assert evaluate(page_title="AIDS", referrer_url="https://x.example/symptoms").topics == ("hiv", "general")
    assert evaluate(page_title="AIDS", page_url="https://example-trust.nhs.uk/").topics == ("hiv",)


def test_two_ambiguous_terms_do_not_confirm_each_other(evaluate):
    assert evaluate(page_title="AIDS", button_text="PrEP").score == 0


def test_the_same_words_do_not_confirm_themselves(make_rule):
    rules = [
        make_rule("en/a/a", "topic", tier="health", ambiguous=("aids clinic",)),
        make_rule("en/b/b", "topic", tier="health", points=25, terms=("clinic",)),
    ]
    matcher = Matcher(make_ruleset(rules))
    field = Field(name=FieldName.PAGE_TITLE, parameter="t", text="AIDS clinic")
    assert matcher.evaluate([field]).topics == ("b",)


def test_words_of_a_host_are_read_by_host_rules_only(evaluate):
    assert evaluate(page_url="https://symptoms.example/").score == 0
    assert evaluate(page_url="https://hiv.example/").topics == ("hiv",)
    assert evaluate(page_url="https://archive.example/").score == 0


def test_a_phrase_does_not_run_over_a_border(evaluate):
    assert evaluate(page_url="https://x.example/sexual/health").score == 0
    assert evaluate(page_url="https://x.example/?sexual=health").score == 0
    assert evaluate(page_url="https://x.example/sexual_health").score == 70


def test_a_rule_reads_only_its_fields(make_rule):
    rule = make_rule("en/a/a", "topic", tier="health", terms=("clinic",), fields=("page.url", "button.text"))
    matcher = Matcher(make_ruleset([rule]))

    def score(name, text):
        return matcher.evaluate([Field(name=name, parameter="p", text=text)]).score

    assert score(FieldName.PAGE_URL, "https://x.example/clinic") == 40
    assert score(FieldName.BUTTON_TEXT, "clinic") == 40
    assert score(FieldName.PAGE_TITLE, "clinic") == 0
    assert score(FieldName.REFERRER_URL, "https://x.example/clinic") == 0


def test_what_is_not_read_is_said(matcher):
    field = Field(name=FieldName.PAGE_TITLE, parameter="t", text="x " * MAX_LENGTH)
    assert [miss.rule for miss in matcher.evaluate([field]).near_misses] == [LIMIT_RULE]


def test_repetitions_are_counted_not_listed(matcher):
    field = Field(name=FieldName.PAGE_TITLE, parameter="t", text="hiv " * 20)
    assessment = matcher.evaluate([field])
    assert len(assessment.findings) == MAX_OCCURRENCES
    assert assessment.near_misses[0].why == "12 more texts that en/hiv/hiv meets"


def test_no_fields_no_score(matcher):
    assessment = matcher.evaluate([])
    assert (assessment.score, assessment.band, assessment.tier, assessment.steps) == (0, "none", "none", ())


@given(fields=st.lists(FIELDS, max_size=6), data=st.data())
@settings(deadline=None)
def test_order_does_not_matter(matcher, fields, data):
    assert matcher.evaluate(fields) == matcher.evaluate(data.draw(st.permutations(fields)))


@given(fields=st.lists(FIELDS, max_size=6))
@settings(deadline=None)
def test_the_ledger_adds_up(matcher, fields):
    assessment = matcher.evaluate(fields)
    total = 0
    for step in assessment.steps:
        total += step.delta
        assert step.total == total
    assert total == assessment.score


@given(fields=st.lists(FIELDS, max_size=4), extra=FIELDS)
@settings(deadline=None)
def test_a_suppressor_never_raises_a_score(matcher, fields, extra):
    suppressor = extra._replace(text="vacancy")
    assert matcher.evaluate([*fields, suppressor]).score <= matcher.evaluate(fields).score


@given(name=st.sampled_from([FieldName.PAGE_TITLE, FieldName.PAGE_PATH]), text=st.text(max_size=200))
@settings(deadline=None)
def test_nothing_raises_and_text_is_the_slice(matcher, name, text):
    field = Field(name=name, parameter="p", text=text + " hiv")
    for finding in matcher.evaluate([field]).findings:
        assert finding.evidence.text == field.text[finding.evidence.start : finding.evidence.end]


@pytest.mark.parametrize("name", [FieldName.PAGE_URL, FieldName.PAGE_TITLE, FieldName.PAGE_HOST])
@pytest.mark.parametrize("piece", ["hearing aids ", "aB", "a1", "/hiv", "&q=hiv", "hiv."])
def test_hostile_fields_are_read_in_linear_time(matcher, name, piece):
    text = piece * (MAX_LENGTH // len(piece))
    assert matcher.evaluate([Field(name=name, parameter="p", text=text)]).score <= 100
