"""Commands by which a person adds to a session or takes it away: mark, review, rescore, forget."""

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.cores import processes
from cli.options import DEFAULT_DATABASE, Database, Jobs, Packs, Rules, SessionArgument
from cli.talk import CountBar, put, say

if TYPE_CHECKING:
    from addon.store.rows import StoredDerivation
    from addon.store.store import Store

MAX_REVIEW_FILE = 5_000_000


def review(
    events: Annotated[
        list[str] | None, typer.Argument(metavar="EVENT...", help="Ids of the events you looked at.")
    ] = None,
    confirm: Annotated[bool, typer.Option("--confirm", help="The finding is right.")] = False,
    dismiss: Annotated[bool, typer.Option("--dismiss", help="The finding is wrong or does not matter.")] = False,
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why; needed to dismiss.")] = None,
    by: Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who decided.")] = None,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="CSV", help="A file with the columns event, decision (confirm or dismiss), reason, by."
        ),
    ] = None,
    db: Database = DEFAULT_DATABASE,
) -> None:
    """Confirm or dismiss findings. Decisions are added, never overwritten; the latest one counts.

    Examples:

      pixelwitness review e1a2b3c4d5e6 --confirm --by "R. Reviewer"

      pixelwitness review e1a2b3c4d5e6 --dismiss --reason "job advertisement"

      pixelwitness review --from decisions.csv
    """
    from addon.store.rows import ReviewRow  # noqa: PLC0415 - loaded when needed
    from addon.store.store import Store  # noqa: PLC0415
    from addon.times import now  # noqa: PLC0415

    decisions = _decisions_of_file(source) if source is not None else []
    if events:
        if confirm == dismiss:
            raise typer.BadParameter("say either --confirm or --dismiss")
        if dismiss and not (reason or "").strip():
            raise typer.BadParameter("--dismiss needs a --reason, which the report will show")
        decisions += [(event, "confirmed" if confirm else "dismissed", reason, by) for event in events]
    if not decisions:
        raise typer.BadParameter("name the events you decided on, or a file with --from")
    with Store(db, create=False) as store, store.transaction():
        for event, state, why, who in decisions:
            row = ReviewRow.model_validate({"state": state, "reason": why, "by": who or by, "at": now()})
            store.add_review(store.find_event(event), event, row)
    say(f"{len(decisions)} decisions kept.")


def rescore(
    session: SessionArgument = None,
    every: Annotated[bool, typer.Option("--all", help="Evaluate every session in the database.")] = False,
    db: Database = DEFAULT_DATABASE,
    rules: Rules = None,
    packs: Packs = None,
    no_packs: Annotated[bool, typer.Option("--no-packs", help="Switch off the optional packs of the session.")] = False,
    jobs: Jobs = 0,
) -> None:
    """Evaluate stored sessions again, with today's rules, from what was observed, and show what changed and why.

    For every event that changed: the old and the new score, and the rules that count now (+), no longer count
    (-) or count otherwise (~). Assessments under the earlier rules stay in the database. Optional packs stay as
    they are unless --packs names others or --no-packs switches them off.

    Examples:

      pixelwitness rescore --all

      pixelwitness rescore visit --packs religion --packs politics
    """
    from addon.collecting import collect_rarely  # noqa: PLC0415 - loaded when needed
    from addon.replay import rederive  # noqa: PLC0415
    from addon.store.store import Store  # noqa: PLC0415
    from cli import changes  # noqa: PLC0415
    from cli.rulebook import matcher  # noqa: PLC0415
    from cli.terminal import printable  # noqa: PLC0415
    from rules.loader import pack_names  # noqa: PLC0415

    if packs and no_packs:
        raise typer.BadParameter("say either --packs or --no-packs")
    if every and session is not None:
        raise typer.BadParameter("name a session or say --all, not both")
    wanted = () if no_packs else pack_names(packs) if packs else None
    judge = matcher(rules)
    changed = 0
    collect_rarely()
    with Store(db, create=False) as store:
        chosen = [row.id for row in store.sessions()] if every else [store.session(session).id]
        for identity in chosen:
            before = store.derivation(identity)
            titles = _rule_titles(store, identity, before)
            with CountBar("Assessing") as assessing:
                rederive(store, judge, identity, wanted, processes(jobs), assessing)
            after = store.derivation(identity)
            titles |= _rule_titles(store, identity, after)
            found = changes.compare(identity, before, after)
            changed += len(found.changed)
            for change in found.changed:
                put("\n".join(printable(line) for line in changes.lines(change, titles)))
            say(changes.summary(found))
    if every:
        say(f"{len(chosen)} sessions evaluated, {changed} changes in all.")


def forget(
    session: Annotated[str, typer.Argument(metavar="SESSION", help="The session's whole id.")],
    db: Database = DEFAULT_DATABASE,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove a session so that nothing of it stays in the database file. The captures are not touched."""
    from addon.store.store import SessionNotFoundError, Store  # noqa: PLC0415 - loaded when needed

    with Store(db, create=False) as store:
        chosen = store.session(session)
        if session not in {chosen.id, chosen.name}:
            raise SessionNotFoundError(f"forget takes a whole id; did you mean “{chosen.id}”?")
        if not yes:
            typer.confirm(f"Remove {chosen.id} and everything derived from it?", abort=True, err=True)
        store.forget(chosen.id)
    say(f"{chosen.id} is gone from {db}. Its captures and reports are not touched; delete them yourself.")


def _rule_titles(store: "Store", session: str, derivation: "StoredDerivation | None") -> dict[str, str]:
    """Return the titles of the rules that counted in a derivation, by rule."""
    digests = (derivation.ruleset_digest, derivation.other_digest) if derivation else ()
    return {rule.id: rule.title for digest in digests if digest for rule in store.rules(session, digest)}


def _decisions_of_file(path: Path) -> list[tuple[str, str, str | None, str | None]]:
    try:
        if path.stat().st_size > MAX_REVIEW_FILE:
            raise typer.BadParameter(f"{path} is larger than any list of decisions")
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise typer.BadParameter(f"{path} cannot be read: {error}") from None
    states = {"confirm": "confirmed", "confirmed": "confirmed", "dismiss": "dismissed", "dismissed": "dismissed"}
    found = []
    for number, row in enumerate(rows, start=2):
        event = (row.get("event") or "").strip()
        decision = (row.get("decision") or "").strip().lower()
        reason = (row.get("reason") or "").strip() or None
        if not event and not decision:
            continue
        if not event or decision not in states:
            raise typer.BadParameter(f"{path}, line {number}: needs an event and a decision, confirm or dismiss")
        if states[decision] == "dismissed" and reason is None:
            raise typer.BadParameter(f"{path}, line {number}: dismissing {event} needs a reason")
        found.append((event, states[decision], reason, (row.get("by") or "").strip() or None))
    return found
