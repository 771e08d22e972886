"""The report as one HTML file: nothing in it runs, loads or escapes its place."""

import re
import shutil
import subprocess
from html import escape, unescape
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli import wording
from cli.linked import History
from cli.reports import FORMATS
from cli.schema import BlockedKeys, Configuration, Filter, Report, ToolRule
from cli.terminal import printable

render = FORMATS["html"].render
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ALLOWED = frozenset(
    re.findall(
        r"\w+",
        """
        html head meta title style body a div p header h1 h2 h3 h4 main section nav article figure figcaption footer
        ul ol li dl dt dd table caption thead tbody tr th td span b small code mark blockquote br details summary
        svg g desc line rect path circle text
        """,
    )
)
VOID = {"meta", "br"}


class Outline(HTMLParser):
    """Reads a page: its elements, attributes, ids, links, headings and text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.marks: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)
        if self.open and self.open[-1] == "mark":
            self.marks.append(data)

    def ids(self) -> list[str]:
        return [value for _, attributes in self.elements if (value := attributes.get("id"))]


@pytest.fixture(scope="module")
def page(report: Report) -> str:
    return render(report, 0)


@pytest.fixture(scope="module")
def outline(page: str) -> Outline:
    return Outline(page)


def check_inert(page: str) -> Outline:
    """Assert that a page holds nothing but the elements of the template, and no way to run or load anything."""
    outline = Outline(page)
    assert {tag for tag, _ in outline.elements} <= ALLOWED
    for _, attributes in outline.elements:
        assert not any(name.startswith("on") for name in attributes)
        assert not {"src", "srcset", "style", "action", "formaction", "data", "poster"} & set(attributes)
        assert (attributes.get("href") or "#").startswith("#")
    return outline


def test_golden(page: str, golden) -> None:
    golden("report.html", page)


def test_the_document_type_comes_first(page: str) -> None:
    assert page.startswith("<!doctype html>\n<html")


def test_statements_name_their_acts(page: str, outline: Outline, report: Report) -> None:
    section = page[page.index('<section class="inferred"') :]
    section = section[: section.index("</section>")]
    assert section.count('<p class="claim">') == len(report.inferences)
    links = re.findall(r'href="#([^"]+)"', section)
    assert len(links) >= sum(len(found.support) for found in report.inferences)
    assert set(links) <= set(outline.ids())
    assert page.index('id="brief"') < page.index('id="inferred"') < page.index('id="sites"')


def test_many_statements_are_folded(report: Report) -> None:
    few = render(report.model_copy(update={"inferences": report.inferences[:9]}), 0)
    many = render(report.model_copy(update={"inferences": report.inferences[:1] * 20}), 0)
    assert "further statement" not in few
    assert "12 further statements" in many
    assert '<ol start="9">' in many


def test_a_story_is_told_in_order_and_a_long_one_folded(report: Report) -> None:
    story = report.stories[0]
    assert len(story.lines) > 2
    told = render(report, 0)
    places = [told.index(f">{wording.clock_time(line.at)}", told.index('<ol class="story">')) for line in story.lines]
    assert places == sorted(places)
    assert "In order: " not in told
    long = story.model_copy(update={"lines": story.lines * 5})
    folded = render(report.model_copy(update={"stories": (long,)}), 0)
    assert f"In order: {len(long.lines)} acts" in folded


def test_what_packs_found_is_inert(packed: Report) -> None:
    page = render(packed, 0)
    outline = check_inert(page)
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(outline.ids())
    assert 'href="#other"' in page


def test_nothing_runs_and_nothing_loads(page: str) -> None:
    check_inert(page)
    assert "<script" not in page.lower()
    style = page[page.index("<style>") : page.index("</style>")]
    assert "@import" not in style
    assert "url(" not in style
    assert not re.search(r"""(src|href)\s*=\s*["']?\s*(https?:)?//""", page, re.IGNORECASE)


def test_policy_comes_first(page: str, outline: Outline) -> None:
    policies = [
        attributes["content"] for tag, attributes in outline.elements if tag == "meta" and "http-equiv" in attributes
    ]
    assert policies == [POLICY]
    assert page.index("Content-Security-Policy") < page.index("<title>")
    assert page.index("Content-Security-Policy") < 300


def test_hostile_values_are_shown_as_text(page: str, outline: Outline, hostile: tuple[str, ...]) -> None:
    text = " ".join("".join(outline.text).split())
    for value in hostile:
        if value.startswith("long-"):
            continue
        assert value not in page or escape(value) == value
        assert " ".join(printable(value).split()) in text
    assert printable(page.replace("\n", "")) == page.replace("\n", "")


def test_long_values_are_cut_and_say_so(page: str, hostile: tuple[str, ...]) -> None:
    assert hostile[-1] not in page
    assert "whole in the JSON report" in page


def test_structure_for_screen_readers(outline: Outline) -> None:
    tags = [tag for tag, _ in outline.elements]
    assert tags.count("main") == tags.count("h1") == 1
    levels = [int(tag[1]) for tag in tags if re.fullmatch(r"h[1-6]", tag)]
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))
    ids = outline.ids()
    assert len(ids) == len(set(ids))
    for tag, attributes in outline.elements:
        for name in ("aria-labelledby",):
            assert all(target in ids for target in (attributes.get(name) or "").split())
        if attributes.get("href"):
            assert (attributes["href"] or "")[1:] in ids
        if tag == "th":
            assert attributes.get("scope") in {"col", "row"}
    assert tags.count("table") == tags.count("caption")
    assert outline.elements[tags.index("body") + 1] == ("a", {"class": "skip", "href": "#main"})


def test_charts_have_words(outline: Outline) -> None:
    charts = [attributes for tag, attributes in outline.elements if tag == "svg" and attributes.get("role") == "img"]
    assert charts
    assert all(chart.get("aria-labelledby") for chart in charts)
    assert "By band: critical 2, medium 2, low 1, none 1." in "".join(outline.text)


def test_bands_are_words_and_signs(outline: Outline) -> None:
    text = "".join(outline.text)
    for band in ("critical", "high", "medium", "low"):
        assert f"{wording.BAND_GLYPHS[band]} {band}" in text  # type: ignore[index]


def test_words_that_scored_are_marked(outline: Outline) -> None:
    assert {"hiv-patient", "HIV medication", "mental health", "self-referral", "gender identity"} <= set(outline.marks)


def test_dismissed_findings_stand_in_the_appendix(page: str) -> None:
    appendix = page.index('<h2 id="dismissed">')
    reason = page.index("A job advertisement")
    assert page.index("Every event of this site") < appendix
    assert "<b>Reason:</b> A job advertisement, not care &lt;b&gt;of the visitor&lt;/b&gt;" in page[appendix:]
    assert reason


def test_what_was_filtered_stands_beside_what_left(page: str) -> None:
    start = page.index('<article class="entry" id="act-7"')
    act = page[start : page.index("</article>", start)]
    filtered, left = unescape(act).index(wording.FILTERED), act.index(wording.STILL_LEFT)
    assert filtered < unescape(act).index("Protected-data mode: the client cut") < left
    assert left < act.index("What was searched for") < act.index("1 event of this act shows no sign of filtering.")


def test_a_derived_event_links_to_its_origin(report: Report, page: str) -> None:
    derived = next(event for event in report.events if event.trigger == "event_setup_tool")
    number = 1 + [event.id for event in report.events].index(derived.derived_from or "")
    assert f'Derived from <a href="#event-{number}">Search, 14:21:05, event {derived.derived_from}</a>' in page


def test_declared_and_observed_are_two_columns(page: str, outline: Outline) -> None:
    start = page.index('<h2 id="setups">')
    section = page[start : page.index("</section>", start)]
    assert '<th scope="col">Declared by its script</th><th scope="col">Observed in 2 events</th>' in section
    assert (
        '<th scope="row">Contact details (advanced matching)</th>'
        "<td>Switched on: AutomaticMatching; fields: e-mail address, phone number</td>"
        "<td>Seen: e-mail address, id the site gave the visitor. Not among the declared fields: id the site gave the "
        "visitor; the site&#39;s own code can give them</td>"
    ) in section
    assert "9a" * 32 in section
    assert "Not known: the capture holds the request for its script and not the text" in section
    assert "1 call of the script could not be read" in section
    assert "no request for a configuration" in section


def test_long_lists_of_a_script_are_folded(page: str) -> None:
    start = page.index('<h2 id="setups">')
    section = page[start : page.index("</section>", start)]
    found = re.findall(r'<details class="declared"( open)?>\s*<summary>([^<]+?) <', section)
    folds = {name: opened for opened, name in found}
    assert folds == {
        "Switched on": " open",
        "Switched off": " open",
        "Keys removed before sending": " open",
        "Keys that protected-data mode lets through": "",
        "Rules of the Event Setup Tool": " open",
        "Rules for audiences": "",
    }


def test_pages_without_an_event_are_listed(page: str) -> None:
    start = page.index('<h2 id="pages">')
    section = page[start : page.index("</section>", start)]
    assert section.count("no event seen") == 3
    assert "does not prove that no pixel is installed" in section
    assert "<details" not in section


def test_many_pages_are_folded(report: Report) -> None:
    page = render(report.model_copy(update={"pages": report.pages * 3}), 0)
    start = page.index('<h2 id="pages">')
    assert "<summary>18 pages in order of time</summary>" in page[start : page.index("</section>", start)]


def test_notes_stand_with_their_site(page: str) -> None:
    trust = page.index('<section class="site" aria-labelledby="site-1"')
    assert "R01, Example Trust: a patient handbook" in page[trust : page.index("Acts in time", trust)]
    others = page.index('<table class="stack others">')
    assert "R20, Plain: named; no particulars published" in page[others : page.index("</table>", others)]
    silent = page.index("Sites where no event was seen")
    assert "the banner stayed open" in page[silent : page.index("<nav", silent)]


def test_rules_are_shown_with_their_title(page: str) -> None:
    assert "Rule “HIV: treatment and prevention” (topics/hiv, version 2)" in page
    assert "Rule topics/mental-health, version 2" in page


def test_a_recorded_report_carries_no_banner(page: str) -> None:
    assert 'class="banner' not in page
    assert wording.RECONSTRUCTION not in unescape(page)


def test_a_reconstruction_is_marked_everywhere(reconstruction: Report) -> None:
    page = render(reconstruction, 0)
    check_inert(page)
    assert page.index('class="banner reconstruction"') < page.index("<main")
    assert f"<title>{wording.RECONSTRUCTION_SHORT}: " in page
    entries = page.count('<article class="entry" id="act-')
    assert page.count('<span class="tag">Reconstruction</span>') >= entries + len(reconstruction.events)
    assert "position: sticky" in page
    assert "table-header-group" in page


def test_a_revealed_report_says_so(revealed: Report) -> None:
    page = unescape(render(revealed, 0))
    assert 'class="banner revealed"' in page
    assert wording.REVEALED in page


def test_incomplete_sessions_say_so(report: Report) -> None:
    session = report.session.model_copy(update={"complete": False})
    assert wording.INCOMPLETE in unescape(render(report.model_copy(update={"session": session}), 0))


def test_an_empty_session(empty: Report) -> None:
    assert "No event to Meta was seen" in "".join(check_inert(render(empty, 0)).text)


def test_what_could_not_be_seen_is_said(outline: Outline) -> None:
    text = "".join(outline.text)
    assert "TLS failures: not recorded in this kind of capture" in text
    assert "body could not be decoded" in text
    assert all(limit in text for limit in wording.LIMITS)
    assert "cd" * 32 in text
    assert "sha256:" + "ab" * 32 in text


FILTERED = (Filter(parameter="pm", text="cut"),)


def poison_configuration(found: Configuration, value: str) -> Configuration:
    """Return a configuration with `value` in every text."""
    declared = found.declared and found.declared.model_copy(
        update={
            "sha256": value,
            "library_version": value,
            "features": tuple(item.model_copy(update={"name": value}) for item in found.declared.features),
            "matched_keys": (value,),
            "allowed_in_protected_mode": (value,),
            "blocked": (
                BlockedKeys(event=value, custom_data=(value,), address=(value,), hashed=(value,), found=(value,)),
            ),
            "rules": (ToolRule(kind=value, id=value, text=value),),
            "gateways": (value,),
        }
    )
    observed = found.observed.model_copy(update={"matched_keys": (value,)})
    return found.model_copy(
        update={"pixel_id": value, "domain": value, "fetched_at": value, "declared": declared, "observed": observed}
    )


def poison_history(found: History, value: str) -> History:
    """Return a history with `value` wherever a capture decides what stands there."""
    texts = ("value", "created_at", "first_seen_at", "last_seen_at")
    joint = ("session", "event_id", "event_name", "site", "page_url", "at")
    return found.model_copy(
        update={
            "sites": (value,),
            "pixel_id": value,
            "pixel_ids": (value,),
            "identifiers": tuple(
                one.model_copy(
                    update={
                        **dict.fromkeys(texts, value),
                        "sites": (value,),
                        "through": one.through and one.through.model_copy(update=dict.fromkeys(joint, value)),
                    }
                )
                for one in found.identifiers
            ),
            "visits": tuple(
                visit.model_copy(update=dict.fromkeys(("session", "site", "started_at", "ended_at"), value))
                for visit in found.visits
            ),
        }
    )


def test_what_joins_visits_is_drawn_and_told(page: str, outline: Outline, report: Report) -> None:
    section = page[page.index('<section class="linked"') :]
    section = section[: section.index("</section>")]
    assert section.count('<svg class="track"') == 2
    assert section.count('aria-hidden="true"') >= 2
    assert "Joined to other lines by Facebook account A." in section
    assert 'href="#event-1"' in section
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(outline.ids())
    assert page.index('id="choices"') < page.index('id="joined"')
    assert wording.RECONSTRUCTION_SHORT not in section


def test_what_is_not_drawn_is_counted(report: Report) -> None:
    history = report.histories[0]
    visits = tuple(history.visits[0].model_copy(update={"session": str(number)}) for number in range(20))
    told = render(report.model_copy(update={"histories": (history.model_copy(update={"visits": visits}),)}), 0)
    assert told.count('<svg class="track"') == 14
    assert "Not drawn: 6 further lines." in told


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    value=st.text(max_size=80)
    | st.sampled_from(["</style><script>", "<!--", "]]>", "&lt;script&gt;", "{{ 7 * 7 }}", "'\"`"])
)
def test_any_text_in_any_field_stays_text(report: Report, value: str) -> None:
    event = report.events[1]
    texts = {"act_id": value, "text": value, "site": value, "about": (value, value)}
    inferences = tuple(
        found.model_copy(
            update={
                **dict.fromkeys(("category", "text", "claim", "joined"), value),
                "sites": (value,),
                **{
                    name: tuple(act.model_copy(update=texts) for act in getattr(found, name))
                    for name in ("support", "under_18")
                },
            }
        )
        for found in report.inferences
    )
    stories = tuple(
        story.model_copy(update={"site": value, "lines": tuple(line.model_copy(update=texts) for line in story.lines)})
        for story in report.stories
    )
    histories = tuple(poison_history(found, value) for found in report.histories)
    facts = ("site", "name", "identifier", "value", "at", "text")
    consent_findings = tuple(
        found.model_copy(update={**dict.fromkeys(facts, value), "notes": (value,), "request_ids": (value,)})
        for found in report.consent_findings
    )
    poisoned = event.model_copy(
        update={
            "id": value,
            "event_name": value,
            "pixel_id": value,
            "recipient_host": value,
            "site": value,
            "page_url": value,
            "page_title": value,
            "page_evidence": value,
            "library": value,
            "agent": value,
            "filters": tuple(item.model_copy(update={"parameter": value, "text": value}) for item in FILTERED),
            "still_left": (value,),
            "referrer_url": value,
            "clicked": value,
            "searched": value,
            "client_ip": value,
            "client_time": value,
            "derived_from": value,
            "topics": (value,),
            "actions": (value,),
            "review": event.review.model_copy(update={"state": "dismissed", "reason": value, "by": value, "at": value}),
            "parameters": tuple(
                item.model_copy(update={"name": value, "value": value, "meaning": value}) for item in event.parameters
            ),
            "identifiers": tuple(
                item.model_copy(
                    update=dict.fromkeys(("kind", "source", "value", "parameter", "form", "meaning", "note"), value)
                )
                for item in event.identifiers
            ),
            "findings": tuple(
                item.model_copy(
                    update=dict.fromkeys(
                        ("rule", "category", "kind", "field", "parameter", "text", "reason", "legal_basis"), value
                    )
                )
                for item in event.findings
            ),
            "near_misses": tuple(
                item.model_copy(update=dict.fromkeys(("rule", "field", "text", "why"), value))
                for item in event.near_misses
            ),
            "steps": tuple(item.model_copy(update={"label": value}) for item in event.steps),
            "requests": tuple(
                item.model_copy(
                    update=dict.fromkeys(
                        ("id", "source", "sha256", "method", "url", "http_version", "server_address", "started_at"),
                        value,
                    )
                )
                for item in event.requests
            ),
        }
    )
    standing = poisoned.model_copy(update={"id": f"{value}2", "review": event.review})
    acts = tuple(
        report.acts[1].model_copy(update={"id": value, "site": value, "page_url": value, "event_ids": (item.id,)})
        for item in (poisoned, standing)
    )
    session = report.session.model_copy(
        update=dict.fromkeys(("id", "name", "tool_version", "ruleset_digest", "started_at", "ended_at"), value)
    )
    poisoned_report = report.model_copy(
        update={
            "session": session,
            "events": (poisoned, standing),
            "acts": acts,
            "inferences": inferences,
            "stories": stories,
            "histories": histories,
            "consent_findings": consent_findings,
            "sources": tuple(item.model_copy(update={"name": value, "sha256": value}) for item in report.sources),
            "marks": tuple(
                item.model_copy(update={"site": value, "text": value, "by": value}) for item in report.marks
            ),
            "problems": tuple(item.model_copy(update={"where": value, "what": value}) for item in report.problems),
            "coverage": report.coverage.model_copy(update={"blind_spots": (value,), "other_requests": {value: 1}}),
            "rules": tuple(item.model_copy(update={"title": value, "rule": value}) for item in report.rules),
            "configurations": tuple(poison_configuration(item, value) for item in report.configurations),
            "pages": tuple(
                item.model_copy(update={"url": value, "title": value, "site": value, "at": value, "fetched": (value,)})
                for item in report.pages
            ),
            "generated_at": value,
        }
    )
    page = render(poisoned_report, 0)
    plain = render(report, 0)
    outline = check_inert(page)
    assert [tag for tag, _ in outline.elements].count("meta") == [tag for tag, _ in Outline(plain).elements].count(
        "meta"
    )
    assert printable(page.replace("\n", "")) == page.replace("\n", "")


def measure(page: str, folder: Path, width: int) -> tuple[int, int]:
    """Return the scroll width of a page as it is and with every fold open, in a frame of `width` pixels."""
    wrapper = folder / "wrapper.html"
    wrapper.write_text(
        "<!doctype html><body style='margin:0'><p id='result'>none</p>"
        f'<iframe id="frame" style="border:0;width:{width}px;height:900px" srcdoc="{escape(page)}"></iframe>'
        "<script>addEventListener('load', () => {"
        "const found = document.getElementById('frame').contentDocument;"
        "const closed = found.documentElement.scrollWidth;"
        "for (const fold of found.querySelectorAll('details')) fold.open = true;"
        "document.getElementById('result').textContent = closed + ' ' + found.documentElement.scrollWidth;"
        "});</script>",
        encoding="utf-8",
    )
    assert BROWSER is not None
    dumped = subprocess.run(
        [
            BROWSER,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            f"--user-data-dir={folder / 'profile'}",
            "--window-size=1400,1000",
            "--dump-dom",
            wrapper.as_uri(),
        ],
        capture_output=True,
        check=True,
        timeout=120,
    ).stdout.decode()
    found = re.search(r'id="result">(\d+) (\d+)<', dumped)
    assert found, dumped[:500]
    return int(found[1]), int(found[2])


@pytest.mark.skipif(BROWSER is None, reason="no Chromium installed to lay the page out")
@pytest.mark.parametrize("width", [400, 1280])
def test_no_sideways_scrolling_in_a_real_browser(reconstruction: Report, tmp_path: Path, width: int) -> None:
    closed, opened = measure(render(reconstruction.model_copy(update={"revealed": True}), 0), tmp_path, width)
    assert closed <= width
    assert opened <= width
