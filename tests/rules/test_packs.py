from urllib.parse import quote

import pytest

from rules.engine import Matcher
from rules.lint import check
from rules.loader import PACKS, load_rules
from rules.model import Field, FieldName


@pytest.fixture(scope="module")
def built_in(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        return load_rules()


@pytest.fixture(scope="module")
def built_in_matcher(built_in):
    return Matcher(built_in)


def test_every_file_is_a_rule(built_in):
    files = {path.relative_to(PACKS).with_suffix("").as_posix() for path in PACKS.rglob("*.yaml")}
    assert {rule.id for rule in built_in.rules} == files


def test_no_rule_has_an_error(built_in):
    found = [f"{issue.path}:{issue.line}: {issue.problem}" for issue in check(built_in) if issue.severity == "error"]
    assert found == []


@pytest.mark.parametrize("title", ["Book an HIV test", "Crohn's disease", "Abortion clinic: book an appointment"])
def test_encoding_changes_no_topic(built_in_matcher, title):
    def topics(text):
        return built_in_matcher.evaluate([Field(name=FieldName.PAGE_TITLE, parameter="t", text=text)]).topics

    assert topics(title)
    assert topics(quote(title)) == topics(quote(quote(title))) == topics(title)


def test_a_typical_event_is_fast(built_in_matcher):
    import time

    fields = [
        Field(
            name=FieldName.CONTENT,
            parameter=f"cd[{number}]",
            text=f"Some words of page {number} about your visit",
        )
        for number in range(40)
    ]
    built_in_matcher.evaluate(fields)
    started = time.process_time()
    built_in_matcher.evaluate(fields)
    assert time.process_time() - started < 0.02  # well below a millisecond where nothing else runs
