"""What a second evaluation changed, event by event, and which rules made the difference.

Scores come from rules alone, so every change has its reason in one of four places: a rule that counts now and
did not, one that no longer does, one that was rewritten or found other words, or the policy that adds points up.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from addon.audit import AssessedEvent
from addon.redaction import Redactor
from addon.store.rows import StoredDerivation
from cli import wording
from cli.schema import Frozen
from rules.model import Assessment, Finding

_LONGEST = 80
_MOST_STEPS = 6


class Change(Frozen):
    """One event before and after; None where there was, or is, no such event or no such assessment.

    `other` tells that the assessments are those of optional packs.
    """

    event: AssessedEvent
    old: Assessment | None
    new: Assessment | None
    other: bool = False


class Changes(Frozen):
    """What changed in one session."""

    session: str
    events: int
    changed: tuple[Change, ...]
    same_score: int
    """How many events keep their score, band, topics and actions while other rules, or other versions, counted."""
    old_digest: str | None
    new_digest: str | None


class _Counted(NamedTuple):
    """A rule as it counted in one assessment."""

    version: int
    points: int
    findings: tuple[Finding, ...]


def compare(session: str, before: StoredDerivation | None, after: StoredDerivation | None) -> Changes:
    """Return what a second evaluation of a session changed."""
    old = {item.event.id: item for item in before.events} if before else {}
    new = {item.event.id: item for item in after.events} if after else {}
    changed: list[Change] = []
    same_score = 0
    for identity in dict.fromkeys([*new, *old]):
        one, two = old.get(identity), new.get(identity)
        event = two or one
        if event is None:
            continue
        health = (one.assessment if one else None, two.assessment if two else None)
        if _result(health[0]) != _result(health[1]):
            changed.append(Change(event=event, old=health[0], new=health[1]))
        elif _versions(health[0]) != _versions(health[1]):
            same_score += 1
        apart = (one.other if one else None, two.other if two else None)
        if _found(apart[0]) != _found(apart[1]):
            changed.append(Change(event=event, old=apart[0], new=apart[1], other=True))
    return Changes(
        session=session,
        events=len(new),
        changed=tuple(changed),
        same_score=same_score,
        old_digest=before.ruleset_digest if before else None,
        new_digest=after.ruleset_digest if after else None,
    )


def _result(assessment: Assessment | None) -> object:
    """Return what a reader sees of an assessment."""
    if assessment is None:
        return None
    return (
        assessment.score,
        assessment.band,
        assessment.tier,
        sorted(assessment.topics),
        sorted(assessment.actions),
    )


def _found(assessment: Assessment | None) -> object:
    """Return what optional packs say; that they were not asked is as good as that they found nothing."""
    return None if assessment is None or not assessment.score else _result(assessment)


def _versions(assessment: Assessment | None) -> set[tuple[str, int]]:
    return {(found.rule, found.version) for found in assessment.findings} if assessment else set()


def lines(change: Change, titles: Mapping[str, str]) -> list[str]:
    """Return a change in lines: the event with both scores, then what made the difference. Not yet escaped."""
    event = change.event.event
    where = f"{event.event_name or '(no name)'} on {event.site or 'a site not known'}"
    what = "other special categories " if change.other else ""
    head = f"{event.id}  {where}: {what}{_score(change.old, change)} → {_score(change.new, change)}"
    if not change.other and not (change.old and change.new):
        return [head]
    redactor = Redactor(event.identifiers, reveal=False)
    return [head, *(f"    {line}" for line in _reasons(change.old, change.new, titles, redactor))]


def _score(assessment: Assessment | None, change: Change) -> str:
    if assessment is None:
        return "not looked for" if change.other else "no such event"
    return f"{assessment.score} {wording.BANDS[assessment.band]}"


def _reasons(
    old: Assessment | None, new: Assessment | None, titles: Mapping[str, str], redactor: Redactor
) -> list[str]:
    """Return which rules were gained, lost or changed; where none were, which steps of the ledger differ."""
    before, after = _rules(old), _rules(new)
    shown = [f"+ {_rule(rule, after[rule], titles, redactor)}" for rule in after if rule not in before]
    shown += [f"- {_rule(rule, before[rule], titles, redactor)}" for rule in before if rule not in after]
    for rule, now in after.items():
        was = before.get(rule)
        if was is None:
            continue
        differs = [f"version {was.version} → {now.version}"] if was.version != now.version else []
        if was.points != now.points:
            differs.append(f"{was.points:+d} → {now.points:+d} points")
        if differs:
            shown.append(f"~ {_name(rule, titles)}: {', '.join(differs)}")
    shown += _gained_lost("topics", old.topics if old else (), new.topics if new else ())
    shown += _gained_lost("actions", old.actions if old else (), new.actions if new else ())
    if old and new and (not shown or set(before) == set(after)):
        shown += _steps(old, new, redactor)
    return shown


def _rules(assessment: Assessment | None) -> dict[str, _Counted]:
    """Return the rules that counted, those that brought most points first."""
    found: dict[str, list[Finding]] = {}
    for item in assessment.findings if assessment else ():
        found.setdefault(item.rule, []).append(item)
    counted = {
        rule: _Counted(items[0].version, sum(item.points for item in items), tuple(items))
        for rule, items in found.items()
    }
    return dict(sorted(counted.items(), key=lambda pair: (-abs(pair[1].points), pair[0])))


def _name(rule: str, titles: Mapping[str, str]) -> str:
    title = titles.get(rule)
    return f"{rule} “{title}”" if title else rule


def _rule(rule: str, counted: _Counted, titles: Mapping[str, str], redactor: Redactor) -> str:
    best = max(counted.findings, key=lambda found: abs(found.points))
    words = " ".join(redactor.text(best.evidence.text).split())
    words = words if len(words) <= _LONGEST else f"{words[:_LONGEST]}…"
    return (
        f"{_name(rule, titles)}, version {counted.version}: “{words}” in the "
        f"{wording.field(best.evidence.field.value)}, {counted.points:+d} points"
    )


def _gained_lost(name: str, old: Sequence[str], new: Sequence[str]) -> list[str]:
    gained = [wording.category(item) for item in new if item not in old]
    lost = [wording.category(item) for item in old if item not in new]
    parts = [f"gained {wording.listed(gained)}"] * bool(gained) + [f"lost {wording.listed(lost)}"] * bool(lost)
    return [f"{name}: {'; '.join(parts)}"] if parts else []


def _steps(old: Assessment, new: Assessment, redactor: Redactor) -> list[str]:
    """Return the steps of the ledger that differ: where the rules are the same, the policy is not."""
    before = [(step.label, step.delta) for step in old.steps]
    after = [(step.label, step.delta) for step in new.steps]
    gone = [f"step {delta:+d} {redactor.text(label)}: no longer" for label, delta in _without(before, after)]
    come = [f"step {delta:+d} {redactor.text(label)}: new" for label, delta in _without(after, before)]
    return [*gone, *come][:_MOST_STEPS]


def _without(these: Iterable[tuple[str, int]], those: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    return [item for item in these if item not in those]


def summary(found: Changes) -> str:
    """Return what changed in a session, in a sentence."""
    health = [change for change in found.changed if not change.other]
    higher = sum(_points(change.new) > _points(change.old) for change in health)
    lower = sum(_points(change.new) < _points(change.old) for change in health)
    text = f"{found.session}: {len(health)} of {found.events} events changed"
    if health:
        text += f" ({higher} higher, {lower} lower, {len(health) - higher - lower} with the same score)"
    if found.same_score:
        text += f"; {wording.count(found.same_score, 'further event')} unchanged by other rules or versions"
    if apart := len(found.changed) - len(health):
        text += f"; other special categories changed on {wording.count(apart, 'event')}"
    if found.old_digest == found.new_digest:
        return f"{text}. The rules are the same."
    return f"{text}. Rules {_short(found.old_digest)} → {_short(found.new_digest)}."


def _points(assessment: Assessment | None) -> int:
    return assessment.score if assessment else 0


def _short(digest: str | None) -> str:
    return "none" if digest is None else digest.removeprefix("sha256:")[:12]
