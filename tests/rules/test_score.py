import pytest

from rules.model import ContextKind, Evidence, FieldName
from rules.score import BANDS, FIELD_PERCENT, SEARCH_POINTS, SUPPRESSED_BY, Met, assess, band_of, head_of

NHS = "https://example-trust.nhs.uk"


def steps(assessment):
    return [step.delta for step in assessment.steps]


def test_bands_meet():
    lowest = [band_of(score) for score, _ in BANDS]
    assert lowest == ["critical", "high", "medium", "low", "none"]
    assert [band_of(score - 1) for score, _ in BANDS[:-1]] == ["high", "medium", "low", "none"]


@pytest.mark.parametrize(
    ("texts", "deltas", "band", "tier"),
    [
        ({"page_title": "HIV"}, [70], "high", "special_risk"),
        ({"page_title": "Crohn's disease"}, [40], "medium", "health"),
        ({"page_title": "Symptoms"}, [25], "low", "health"),
        ({"page_title": "HIV and Crohn's disease"}, [70], "high", "special_risk"),
        ({"button_text": "Book an appointment"}, [40], "medium", "health"),
        ({"page_title": "HIV", "button_text": "Book an appointment"}, [70, 25], "critical", "special_risk"),
        ({"page_url": f"{NHS}/hiv"}, [70, 10], "critical", "special_risk"),
        ({"page_url": "https://sexualhealthclinic.example/contact"}, [60], "high", "special_risk"),
        ({"page_title": "Sexual health clinic"}, [70, 20], "critical", "special_risk"),
        (
            {"page_title": "Crohn's disease", "page_url": "https://sexualhealthclinic.example"},
            [40, 20],
            "high",
            "special_risk",
        ),
        (
            {"button_text": "Book an appointment", "page_url": "https://sexualhealthclinic.example"},
            [60, 25],
            "critical",
            "special_risk",
        ),
        (
            {"page_title": "HIV for teenagers: patient portal", "page_url": NHS},
            [70, 10, 20, 10, -10],
            "critical",
            "special_risk",
        ),
    ],
)
def test_what_counts(evaluate, texts, deltas, band, tier):
    assessment = evaluate(**texts)
    assert (steps(assessment), assessment.band, assessment.tier) == (deltas, band, tier)


@pytest.mark.parametrize(
    ("texts", "deltas", "band"),
    [
        ({"page_url": f"{NHS}/"}, [10], "none"),
        ({"page_title": "For teenagers", "page_url": NHS}, [10, 10], "none"),
        ({"page_title": "Patient portal for teenagers"}, [20, 10, -6], "none"),
        ({"page_title": "Patient portal", "page_url": NHS}, [10, 20, 10], "medium"),
        ({"page_title": "Patient portal for teenagers", "page_url": NHS}, [10, 20, 10], "medium"),
    ],
)
def test_context_alone(evaluate, texts, deltas, band):
    assessment = evaluate(**texts)
    assert (steps(assessment), assessment.band) == (deltas, band)
    assert assessment.topics == ()


@pytest.mark.parametrize(
    "name", sorted(set(FieldName) - {FieldName.PAGE_URL, FieldName.REFERRER_URL, FieldName.DESTINATION_URL})
)
def test_fields_weigh(matcher, make_rule, name):
    rule = make_rule("en/a/a", "topic", tier="special_risk")
    found = assess([Met(head_of(rule), Evidence(field=name, parameter="p", text="x", start=0, end=1))], [], "d")
    searched = SEARCH_POINTS if name is FieldName.SEARCH_TERM else 0
    assert found.score == (70 * FIELD_PERCENT.get(name, 100) + 50) // 100 + searched
    if name.startswith("referrer."):
        assert found.band == "low"


def test_a_weak_topic_never_lowers_an_action(evaluate):
    alone = evaluate(button_text="Book an appointment")
    both = evaluate(button_text="Book an appointment", referrer_url="https://x.example/symptoms")
    assert steps(both) == [25, -12, 27]
    assert both.score == alone.score == 40


def test_two_weak_topics_are_as_much_as_a_named_condition(make_rule):
    def found(*places):
        return assess(
            [Met(head_of(rule), Evidence(name, "p", "x", 0, 1)) for rule, name in places],
            [],
            "d",
        )

    site = make_rule("en/site/site", "topic", tier="special_risk", points=25)
    word = make_rule("en/word/word", "topic", tier="health", points=25)
    both = found((site, FieldName.PAGE_HOST), (word, FieldName.PAGE_PATH))
    assert (steps(both), both.band, both.tier) == ([25, 15], "medium", "special_risk")
    assert sorted(finding.points for finding in both.findings) == [15, 25]
    assert found((word, FieldName.PAGE_TITLE), (word, FieldName.PAGE_PATH)).score == 25
    assert found((site, FieldName.PAGE_HOST), (word, FieldName.PAGE_DESCRIPTION)).score == 25


def test_a_suppressor_on_the_page_speaks_for_all_of_it(evaluate):
    assessment = evaluate(page_url="https://x.example/careers", page_title="HIV nurse", button_text="apply")
    assert steps(assessment) == [70, 25, -66]
    assert assessment.suppressed_by == ("en/careers/careers",)
    assert {miss.why for miss in assessment.near_misses} == {"suppressed by en/careers/careers"}
    assert assessment.band == "low"


def test_a_suppressor_elsewhere_speaks_for_itself(evaluate):
    title = "HIV test"
    assert evaluate(page_title=title, referrer_url="https://x.example/careers").score == 70
    assert evaluate(page_title=title, destination_url="https://x.example/careers").score == 70
    assert evaluate(page_title=title, button_text="Vacancy").score == 70
    assert evaluate(page_title=title, page_description="Vacancy").suppressed_by == ()
    assert evaluate(button_text="HIV nurse vacancy").score == 21
    assert evaluate(search_term="HIV nurse vacancy").score == 24  # 30 % of the topic and of its being typed


def test_a_named_topic_that_was_typed_adds(evaluate):
    assert steps(evaluate(search_term="HIV test")) == [70, SEARCH_POINTS]
    assert evaluate(page_title="HIV test").score == 70


def test_the_referrer_is_not_suppressed_by_the_page(evaluate):
    assessment = evaluate(page_url="https://x.example/careers/hiv", referrer_url="https://x.example/hiv")
    assert steps(assessment) == [70, -35]
    assert assessment.suppressed_by == ("en/careers/careers",)


def test_only_a_care_action_cancels_and_only_what_is_not_absolute(evaluate):
    shop = "https://x.example/shop"
    assert evaluate(page_url=shop, page_title="HIV", button_text="Apply").suppressed_by == ("en/shop/shop",)
    care = evaluate(page_url=shop, page_title="HIV", button_text="Book an appointment")
    assert care.score == 95
    assert [miss.why for miss in care.near_misses] == ["cancelled by a care action"]
    careers = evaluate(page_url="https://x.example/careers", page_title="HIV", button_text="Book an appointment")
    assert careers.suppressed_by == ("en/careers/careers",)
    past = evaluate(page_url=shop, page_title="HIV", referrer_url="https://x.example/book-an-appointment")
    assert past.suppressed_by == ("en/shop/shop",)


def test_only_the_strongest_brings_points(evaluate):
    assessment = evaluate(page_title="HIV", button_text="HIV and Crohn's disease")
    assert sorted(finding.points for finding in assessment.findings) == [0, 0, 70]
    assert assessment.topics == ("hiv", "gut")


def test_contexts_are_named(evaluate):
    assessment = evaluate(page_title="Patient portal for teenagers", page_url=NHS)
    assert set(assessment.contexts) == {ContextKind.PORTAL, ContextKind.UNDER_18, ContextKind.PROVIDER}


def test_every_field_has_a_suppressor_scope():
    assert set(SUPPRESSED_BY) == set(FieldName)
