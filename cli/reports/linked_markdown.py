"""The parts of the Markdown report on consent and on what joins events."""

from typing import Final

from cli import consent_words, link_words, sentences, wording
from cli.reports.markup import code, cut, escaped, inline, table, tag
from cli.schema import Report
from cli.summary import Summary

_LONGEST_LIST: Final = 8


def choices(report: Report, summary: Summary, verbosity: int) -> list[str]:
    """Return ids, cookies and scripts beside what had been chosen; from verbosity 1 with the proofs of each."""
    findings = report.consent_findings
    if not findings:
        return []
    lines = ["", f"## {consent_words.TITLE}{tag(summary)}", "", escaped(consent_words.INTRODUCTION)]
    if headline := consent_words.headline(findings):
        lines += ["", f"**{inline(headline)}**"]
    lines += table(
        ("Site", "Browser id and click id", "Facebook's cookies, sent along", "The pixel's scripts"),
        (
            (
                escaped(cut(sentences.site_name(row.site), 100)),
                *(
                    "<br>".join(escaped(cut(text, 300)) for text in texts) or "—"
                    for texts in (row.ids, row.cookies, row.scripts)
                ),
            )
            for row in consent_words.site_facts(findings)
        ),
    )
    for finding in findings if verbosity >= 1 else ():
        lines.append(f"- {escaped(cut(sentences.site_name(finding.site), 100))}: {inline(finding.text)}")
        lines += [f"  - {escaped(text)}" for text in finding.notes]
        lines += [f"  - {escaped(wording.capital(text))}" for text in consent_words.proofs(finding)]
    return [*lines, ""]


def joined(report: Report, summary: Summary, verbosity: int) -> list[str]:
    """Return what joins events into histories; at verbosity 0 the first identifiers of the first histories."""
    if not report.events:
        return []
    lines = ["", f"## {link_words.TITLE}{tag(summary)}", "", escaped(link_words.INTRODUCTION), ""]
    told = link_words.summary(report.histories, len(report.unjoined_events)) or link_words.NOTHING_JOINS
    lines += [f"**{inline(told)}**", ""]
    found = [item for item in report.histories if item.level == "meta"]
    shown = found if verbosity >= 1 else found[:_LONGEST_LIST]
    for number, item in enumerate(shown, 1):
        lines += [
            "",
            f"### History {number}: {inline(link_words.numbers(item))}",
            "",
            escaped(item.text),
            *(f"\n> {escaped(text)}" for text in item.cautions),
        ]
        identifiers = item.identifiers if verbosity >= 1 else item.identifiers[:_LONGEST_LIST]
        lines += table(
            ("Identifier", "Value", "Who can tell whose it is", "Kept for", "Came with", "How it leads to the others"),
            (
                (
                    escaped(wording.capital(one.name)),
                    code(cut(one.value, 120)),
                    escaped(link_words.RESOLVERS[one.resolvable_by]),
                    escaped(one.lifetime.text) if one.lifetime else "not stated",
                    escaped(cut(f"{wording.count(one.events, 'event')}, {', '.join(one.sites)}", 200)),
                    escaped(cut(link_words.through(one), 300)),
                )
                for one in identifiers
            ),
        )
        if len(identifiers) < len(item.identifiers):
            lines.append(f"{wording.count(len(item.identifiers) - len(identifiers), 'further identifier')}: with -v.")
    if len(shown) < len(found):
        rest = wording.count(len(found) - len(shown), "further history", "further histories")
        lines += ["", f"{wording.capital(rest)}: with -v."]
    if pixels := link_words.pixels(report.histories):
        lines += ["", f"### {link_words.PIXEL_TITLE}", "", escaped(link_words.PIXEL_NOTE)]
        lines += table(
            ("Pixel", "Sites", "What could be joined"),
            (
                (escaped(cut(pixel, 60)), escaped(cut(link_words.sites_of(own), 200)), escaped(link_words.pixel(own)))
                for pixel, own in pixels.items()
            ),
        )
    if report.min_score and report.histories:
        lines += ["", escaped(link_words.ALL_SCORES)]
    return [*lines, "", escaped(link_words.NOT_SHOWN), ""]
