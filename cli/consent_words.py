"""Findings on consent in words: when something was made, sent, set or loaded, and what had been chosen then.

The words say what a capture shows of one browser at one moment. They never say whether consent was needed.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from addon.consent.findings import ConsentFact
from addon.consent.timeline import Proof
from addon.redaction import mask_email, shorten
from addon.times import optional_rfc3339, rfc3339
from addon.vocabulary import ConsentFindingKind, ConsentState
from cli import link_words, wording
from cli.schema import ConsentFinding, ConsentProof

TITLE: Final = "Ids, cookies and the pixel's scripts before any choice"
INTRODUCTION: Final = (
    "For every site: when this browser got its browser id, which of Facebook's cookies went along, and when the "
    "pixel's scripts were loaded, each beside what the visitor had chosen by then. These are facts about consent. "
    "They are no part of the health score, and whether consent was needed is not decided here."
)
WHATS: Final[Mapping[ConsentFindingKind, str]] = {
    "browser_id": "Browser id",
    "click_id": "Click id",
    "facebook_cookie": "Facebook's cookies",
    "cookie_set": "Cookies set by answers",
    "pixel_program": "The pixel's scripts",
}
WHEN: Final[Mapping[ConsentState, str]] = {
    "no_choice_yet": "before any choice was seen",
    "refused": "after refusal",
    "partly_accepted": "after partial acceptance",
    "accepted": "after acceptance",
    "not_asked": "on a site that was not seen to ask",
    "undetermined": "between two known states, so that it cannot be told what had been chosen",
    "unknown": "at a moment of which the capture does not show what had been chosen",
}
WHEN_SHORT: Final[Mapping[ConsentState, str]] = {
    **WHEN,
    "undetermined": "between two known states",
    "unknown": "at a moment not known to the consent record",
}
NAMES: Final[Mapping[str, str]] = {
    "library": "pixel script",
    "configuration": "configuration script",
    "plugin": "plugin",
}
PROGRAM: Final[Mapping[str, str]] = {
    "library": "Meta's pixel script",
    "configuration": "a pixel's configuration script",
    "plugin": "a plugin of the pixel script",
}
COOKIES: Final[Mapping[str, str]] = {
    "c_user": "the account cookie c_user",
    "datr": "the browser cookie datr",
    "sb": "the browser cookie sb",
    "fr": "the advertising cookie fr",
    "_fbp": "the browser id _fbp",
    "_fbc": "the click id _fbc",
}
MOST_REQUESTS: Final = 50


def consent_findings(facts: Iterable[tuple[ConsentFact, str | None]], *, reveal: bool) -> tuple[ConsentFinding, ...]:
    """Return facts, each with the name of its identifier, as findings in words."""
    return tuple(_finding(fact, name, reveal=reveal) for fact, name in facts)


def _finding(fact: ConsentFact, name: str | None, *, reveal: bool) -> ConsentFinding:
    item = fact.item
    return ConsentFinding(
        what=fact.kind,
        site=fact.site,
        name=fact.name,
        identifier=name,
        value=None if item is None else item.value if reveal else shorten(item.kind, item.value, item.form),
        at=rfc3339(fact.at),
        state=fact.stamp.state,
        basis=fact.stamp.basis,
        last_before=_proof(fact.stamp.last_before),
        first_after=_proof(fact.stamp.first_after),
        created_at=optional_rfc3339(fact.created_at),
        first_seen_at=rfc3339(fact.first_seen),
        not_before=optional_rfc3339(fact.not_before),
        brought_along=fact.brought_along,
        states=dict(fact.states),
        lifetime_seconds=fact.seconds,
        event_ids=fact.event_ids,
        request_ids=tuple(key[:16] for key in fact.request_keys[:MOST_REQUESTS]),
        text=_text(fact, name),
        notes=tuple(_notes(fact)),
    )


def _proof(proof: Proof | None) -> ConsentProof | None:
    if proof is None:
        return None
    return ConsentProof(state=proof.state, at=rfc3339(proof.at), proof=mask_email(proof.proof))


def _text(fact: ConsentFact, name: str | None) -> str:
    when = WHEN[fact.stamp.state]
    at = wording.instant(rfc3339(fact.at))
    if fact.kind in {"browser_id", "click_id"}:
        what = f"The {name or ('browser id' if fact.kind == 'browser_id' else 'click id')} ({fact.name})"
        if fact.brought_along:
            made = f"was made at {at}, before" if fact.created_at is not None else "was there before"
            return f"{what} {made} this capture's first page of the site: what had been chosen then is not in it."
        verb = "was made" if fact.at < fact.first_seen else "was there at the latest"
        return f"{what} {verb} at {at}, {when}."
    requests = wording.count(sum(fact.states.values()), "request")
    if fact.kind == "facebook_cookie":
        return (
            f"{wording.capital(COOKIES[fact.name])} went to Meta with {requests} from pages of this site; the first, "
            f"at {at}, {when}."
        )
    if fact.kind == "cookie_set":
        kept = f" for {link_words.duration(fact.seconds)}" if fact.seconds else " until it is closed"
        return f"An answer told the browser at {at}, {when}, to keep {COOKIES[fact.name]}{kept}."
    return (
        f"Pages of this site asked for {PROGRAM.get(fact.name, wording.role(fact.name))} "
        f"({requests}); the first time at {at}, {when}."
    )


def _notes(fact: ConsentFact) -> Iterable[str]:
    if fact.kind in {"browser_id", "click_id"}:
        if fact.created_at is not None and not fact.brought_along:
            if fact.at == fact.first_seen and abs(fact.created_at - fact.first_seen) > 1:
                yield (
                    f"The time it states of itself, {wording.instant(rfc3339(fact.created_at))} by the browser's "
                    "clock, does not fit the requests: not used."
                )
            else:
                yield (
                    "When it was made is told by the value itself (the browser's clock, moved by this session's "
                    "difference to the capture's)."
                )
        yield f"First carried at {wording.instant(rfc3339(fact.first_seen))}."
        if fact.not_before is not None:
            yield f"A page of the site was asked for without it at {wording.instant(rfc3339(fact.not_before))}."
        if fact.set_by_site is not None:
            yield f"The site's own server set it with the page of {wording.instant(rfc3339(fact.set_by_site))}."
        if fact.kept_for is not None:
            yield f"“fb.{fact.subdomain}.” says that it is kept for {fact.kept_for} and all names below it."
    early = [(state, number) for state, number in fact.states.items() if state in {"no_choice_yet", "refused"}]
    if early and fact.kind != "cookie_set":
        unit = "event" if fact.event_ids else "request"
        told = [f"{wording.count(number, unit)} {wording.CONSENT_STATES[state]}" for state, number in early]
        yield (
            f"{wording.capital(wording.listed(told))} carried it."
            if fact.kind != "pixel_program"
            else (f"{wording.capital(wording.listed(told))}.")
        )


def by_site(findings: Sequence[ConsentFinding]) -> dict[str | None, list[ConsentFinding]]:
    """Return findings by their site, in their order."""
    found: dict[str | None, list[ConsentFinding]] = {}
    for finding in findings:
        found.setdefault(finding.site, []).append(finding)
    return found


def proofs(finding: ConsentFinding) -> tuple[str, ...]:
    """Return the proofs before and after, in words."""
    told = []
    for label, proof in (("before", finding.last_before), ("after", finding.first_after)):
        if proof is not None:
            state = wording.CONSENT_STATES[proof.state]
            told.append(f"proof {label}: {state}, {wording.instant(proof.at)} ({proof.proof})")
    return tuple(told)


def headline(findings: Sequence[ConsentFinding]) -> str | None:
    """Return in a sentence on how many sites something happened before any choice or after refusal, or None."""
    told = []
    moments: tuple[tuple[ConsentState, str], ...] = (
        ("no_choice_yet", "before any choice was seen"),
        ("refused", "after refusal"),
    )
    for state, words in moments:
        parts = []
        for what, verb in (
            ("browser_id", "a browser id was made"),
            ("facebook_cookie", "Facebook's cookies went along"),
            ("pixel_program", "the pixel's scripts were loaded"),
        ):
            sites = {
                item.site
                for item in findings
                if item.what == what and (item.state == state if what == "browser_id" else item.states.get(state, 0))
            }
            if sites:
                parts.append(f"{verb} on {wording.count(len(sites), 'site')}")
        if parts:
            told.append(f"{wording.capital(words)}, {wording.listed(parts)}.")
    return " ".join(told) or None


class SiteFacts(NamedTuple):
    """The findings of one site in few words, one list of lines for each kind of thing."""

    site: str | None
    ids: tuple[str, ...]
    cookies: tuple[str, ...]
    scripts: tuple[str, ...]


def site_facts(findings: Sequence[ConsentFinding]) -> list[SiteFacts]:
    """Return the findings site by site, in few words."""
    return [
        SiteFacts(
            site=site,
            ids=tuple(_made_lines(found)),
            cookies=tuple(_sent_lines([item for item in found if item.what == "facebook_cookie"])),
            scripts=tuple(_sent_lines([item for item in found if item.what == "pixel_program"])),
        )
        for site, found in by_site(findings).items()
    ]


def _made_lines(findings: Sequence[ConsentFinding]) -> Iterable[str]:
    for what, name in (("browser_id", "browser id"), ("click_id", "click id")):
        own = [item for item in findings if item.what == what]
        groups: dict[str, list[ConsentFinding]] = {}
        for item in own:
            words = (
                "older than the first page of the site in this capture"
                if item.brought_along
                else f"made {WHEN_SHORT[item.state]}"
            )
            groups.setdefault(words, []).append(item)
        for words, items in groups.items():
            if len(items) == 1:
                yield f"{wording.capital(items[0].identifier or name)} {words}, {wording.instant(items[0].at)}"
            else:
                yield f"{wording.count(len(items), name)} {words}, the first {wording.instant(items[0].at)}"


def _sent_lines(findings: Sequence[ConsentFinding]) -> Iterable[str]:
    """Yield what went along or was loaded; names with the same counts stand together."""
    groups: dict[tuple[tuple[ConsentState, int], ...], list[ConsentFinding]] = {}
    for item in findings:
        groups.setdefault(tuple(item.states.items()), []).append(item)
    for states, items in groups.items():
        names = wording.listed([NAMES.get(item.name, item.name) for item in items])
        told = "; ".join(f"{number:,} {wording.CONSENT_STATES[state]}" for state, number in states)
        total = wording.count(sum(number for _, number in states), "request")
        if items[0].what == "pixel_program":
            yield f"{wording.capital(names)}, {total}{' each' if len(items) > 1 else ''}: {told}"
        else:
            yield f"{names} with {total}: {told}"
