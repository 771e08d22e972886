import pytest

from rules.querykeys import KeyUse, use_of


@pytest.mark.parametrize(
    ("key", "use"),
    [
        ("q", KeyUse.SEARCH),
        ("search_query", KeyUse.SEARCH),
        ("SearchTerm", KeyUse.SEARCH),
        ("filter[keyword]", KeyUse.SEARCH),
        ("utm_campaign", KeyUse.CAMPAIGN),
        ("utm_medium", KeyUse.UNSCORED),
        ("fbclid", KeyUse.UNSCORED),
        ("_ga", KeyUse.UNSCORED),
        ("li_fat_id", KeyUse.UNSCORED),
        ("condition", KeyUse.PLAIN),
        ("", KeyUse.PLAIN),
    ],
)
def test_use_of_a_parameter(key, use):
    assert use_of(key) is use
