from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

import captures
from addon.capture import read_capture
from addon.decoders.meta.decoder import MetaDecoder
from addon.decoders.meta.hidden_page import find_hidden_page, fingerprint
from addon.model import Hit

MakeHit = Callable[..., Hit]
PIXEL = "100020003000401"
ORIGIN = "https://www.example-trust.nhs.uk"
PAGE = f"{ORIGIN}/our-services/hiv/"
OTHERS = [f"{ORIGIN}/", f"{ORIGIN}/jobs/", f"{ORIGIN}/our-services/"]


def cut(make_hit: MakeHit, hrl: str, dl: str = ORIGIN) -> Hit:
    return make_hit(url=f"https://www.facebook.com/tr/?id={PIXEL}&ev=PageView&dl={quote(dl, safe='')}&pm=1&hrl={hrl}")


def test_the_worked_example() -> None:
    # as Meta's own client of build 2.9.184 computed it in recording 21
    assert fingerprint(f"{ORIGIN}/our-services/gender-identity-clinic/", "100020003000401", "PageView") == "65eb01"


@pytest.mark.parametrize("path", [captures.HERE / "recordings" / "21_protected_data_mode.mitm"], ids=["recording"])
def test_what_metas_client_computed_fits_the_pages_that_were_open(path: Path) -> None:
    meta = MetaDecoder()
    requests = list(read_capture(path))
    pages = [request.url for request in requests if "example-trust" in request.url]
    decoded = [meta.decode(request, "key") for request in requests if meta.concerns(request)]
    hidden = [
        find_hidden_page(hit, pages)
        for found in decoded
        if found is not None
        for hit in found.hits
        if any(param.name == "hrl" for param in hit.parameters)
    ]
    assert len(hidden) == 4
    assert all(page is not None and page.url in pages and page.url.count("/") > 3 for page in hidden)


def test_the_page_that_fits_is_found(make_hit: MakeHit) -> None:
    found = find_hidden_page(cut(make_hit, fingerprint(PAGE, PIXEL, "PageView")), [*OTHERS, PAGE, PAGE])
    assert found is not None
    assert found.url == PAGE
    assert "Of 4 addresses of www.example-trust.nhs.uk" in found.evidence
    assert "about 1 in 4,194,304" in found.evidence


def test_capital_digits_fit_too(make_hit: MakeHit) -> None:
    assert find_hidden_page(cut(make_hit, fingerprint(PAGE, PIXEL, "PageView").upper()), [PAGE]) is not None


@pytest.mark.parametrize("hrl", ["", "000000", "12345", "1234567", "zzzzzz", "%ff"])
def test_a_fingerprint_that_fits_nothing(make_hit: MakeHit, hrl: str) -> None:
    assert find_hidden_page(cut(make_hit, hrl), [*OTHERS, PAGE]) is None


def test_pages_of_another_host_are_no_candidates(make_hit: MakeHit) -> None:
    hit = cut(make_hit, fingerprint(PAGE, PIXEL, "PageView"), dl="https://www.example-charity.example")
    assert find_hidden_page(hit, [PAGE]) is None


def test_another_event_or_pixel_gives_another_fingerprint() -> None:
    found = {fingerprint(PAGE, PIXEL, "PageView"), fingerprint(PAGE, PIXEL, "Lead"), fingerprint(PAGE, "1", "PageView")}
    assert len(found) == 3


def test_two_pages_that_fit_are_no_answer(make_hit: MakeHit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("addon.decoders.meta.hidden_page.fingerprint", lambda *_: "abcdef")
    assert find_hidden_page(cut(make_hit, "abcdef"), OTHERS) is None


def test_an_event_without_a_page(make_hit: MakeHit) -> None:
    hit = make_hit(url=f"https://www.facebook.com/tr/?id={PIXEL}&ev=PageView&hrl=abcdef")
    assert find_hidden_page(hit, [PAGE]) is None
