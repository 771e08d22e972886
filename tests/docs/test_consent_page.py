"""What docs/consent.md says against the code."""

from typing import get_args

from addon.consent.choices import OUT_OF_SIGHT
from addon.consent.evidence import READERS
from addon.vocabulary import StatementKind


def test_the_page_names_every_consent_platform_and_its_cookies(page) -> None:
    rows = page("consent.md").table("Platform")
    named = {name.strip() for row in rows for name in row[0].split(",")}
    assert {platform.name for platform in READERS} | OUT_OF_SIGHT | {"home-made banners"} == named
    for platform in READERS:
        (row,) = (row for row in rows if platform.name in [name.strip() for name in row[0].split(",")])
        assert any(f"`{cookie}`" in row[1] for cookie in platform.cookies), platform.name


def test_the_page_names_every_kind_of_statement(page, code_in) -> None:
    rows = page("consent.md").table("Kind", "What it is")
    assert {code_in(row[0])[0] for row in rows} == set(get_args(StatementKind))
