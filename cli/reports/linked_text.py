"""The parts of the text report on consent and on what joins events."""

from typing import Protocol

from cli import consent_words, link_words, sentences, wording
from cli.linked import History
from cli.schema import ConsentFinding, Report

MOST_SITES = 15
MOST_HISTORIES = 8
MOST_IDENTIFIERS = 6
_LONGEST = 300


class Lines(Protocol):
    """Lines of bounded width under construction: see `cli.reports.text.Page`."""

    def blank(self) -> None:
        """Leave one line empty."""

    def say(self, text: str, *, indent: int = 0, first: str = "") -> None:
        """Add a paragraph."""

    def heading(self, text: str, rule: str) -> None:
        """Add a heading."""


def write(page: Lines, report: Report, verbosity: int) -> None:
    """Write both parts; at verbosity 0 without the proofs and with the first identifiers only."""
    if report.consent_findings:
        _choices(page, report, verbosity)
    if report.events:
        _joined(page, report, verbosity)


def _choices(page: Lines, report: Report, verbosity: int) -> None:
    page.heading(consent_words.TITLE, "-")
    page.say(consent_words.INTRODUCTION)
    facts = consent_words.site_facts(report.consent_findings)
    for found in facts if verbosity else facts[:MOST_SITES]:
        page.blank()
        page.say(_cut(sentences.site_name(found.site)))
        for line in (*found.ids, *found.cookies, *found.scripts):
            page.say(_cut(line), indent=2, first="- ")
    if not verbosity:
        if len(facts) > MOST_SITES:
            page.say(f"{wording.count(len(facts) - MOST_SITES, 'further site')}: with -v.")
        return
    page.blank()
    page.say("One by one, with the proofs before and after:")
    for finding in report.consent_findings:
        _finding(page, finding)


def _finding(page: Lines, finding: ConsentFinding) -> None:
    page.say(_cut(f"{sentences.site_name(finding.site)}: {finding.text}"), first="- ")
    details = [f"{wording.capital(wording.CONSENT_BASES[finding.basis])}.", *finding.notes]
    details += [f"{wording.capital(text)}." for text in consent_words.proofs(finding)]
    page.say(_cut(" ".join(details), 1000), indent=2)


def _joined(page: Lines, report: Report, verbosity: int) -> None:
    page.heading(link_words.TITLE, "-")
    page.say(link_words.INTRODUCTION)
    found = link_words.summary(report.histories, len(report.unjoined_events))
    page.blank()
    page.say(found or link_words.NOTHING_JOINS)
    histories(page, [item for item in report.histories if item.level == "meta"], verbosity)
    pixels = link_words.pixels(report.histories)
    if pixels:
        page.blank()
        page.say(link_words.PIXEL_TITLE)
        page.say(link_words.PIXEL_NOTE)
        shown = list(pixels.items()) if verbosity else list(pixels.items())[:MOST_HISTORIES]
        for pixel, own in shown:
            page.say(_cut(f"{pixel} ({link_words.sites_of(own)}): {link_words.pixel(own)}", 600), indent=2, first="- ")
        if len(shown) < len(pixels):
            page.say(f"{wording.count(len(pixels) - len(shown), 'further pixel')}: with -v.", indent=2)
    if report.min_score and report.histories:
        page.say(link_words.ALL_SCORES)
    page.blank()
    page.say(link_words.NOT_SHOWN)


def histories(page: Lines, found: list[History], verbosity: int, *, sessions: bool = False) -> None:
    """Write histories with the identifiers that make them; at verbosity 0 the first ones of each."""
    shown = found if verbosity else found[:MOST_HISTORIES]
    if shown:
        page.blank()
        page.say(link_words.META_TITLE)
    for number, item in enumerate(shown, 1):
        page.blank()
        page.say(_cut(f"{link_words.numbers(item)}. {item.text}", 600), first=f"{number}. ")
        for text in item.cautions:
            page.say(text, indent=3)
        ordered = sorted(item.identifiers, key=lambda one: -len(one.sessions)) if sessions else item.identifiers
        identifiers = ordered if verbosity else ordered[:MOST_IDENTIFIERS]
        for one in identifiers:
            where = f"{wording.count(one.events, 'event')} on {', '.join(one.sites) or 'a site not known'}"
            if sessions:
                where += f" in {wording.listed(list(one.sessions))}"
            page.say(
                _cut(f"{wording.capital(one.name)} {one.value}: {where}; {link_words.through(one)}", 600),
                indent=3,
                first="- ",
            )
        if len(identifiers) < len(ordered):
            rest = wording.count(len(ordered) - len(identifiers), "further identifier")
            page.say(f"{rest}: with -v.", indent=3)
    if len(shown) < len(found):
        page.say(
            f"{wording.count(len(found) - len(shown), 'further history', 'further histories')}: with -v.", indent=3
        )


def _cut(text: str, longest: int = _LONGEST) -> str:
    return text if len(text) <= longest else f"{text[:longest]} …"
