"""Commands by which a person adds to a session or takes it away: mark, review, rescore, forget."""

import csv
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.options import DEFAULT_DATABASE, Database, Rules, SessionArgument
from cli.talk import say

MAX_REVIEW_FILE = 5_000_000


class Kind(StrEnum):
    """What the investigator can state about a moment."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    LOGGED_IN = "logged_in"
    NOTE = "note"


def mark(
    session: Annotated[str, typer.Argument(metavar="SESSION", help="A session's id or its beginning.")],
    at: Annotated[
        str, typer.Option("--at", metavar="TIME", help="RFC 3339, such as 2026-05-04T10:31:02Z; UTC without offset.")
    ],
    kind: Annotated[Kind, typer.Option("--kind", help="What happened at that moment.")],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What you want to add in words.")] = "",
    site: Annotated[
        str | None, typer.Option("--site", metavar="DOMAIN", help="The site it concerns; all of them if not given.")
    ] = None,
    by: Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who states it.")] = None,
    db: Database = DEFAULT_DATABASE,
) -> None:
    """State what you did at a moment and the traffic does not show: a choice on cookies, a login, a note.

    Example:

      pixelwitness mark visit --at 2026-05-04T10:31:02Z --kind refused --site example-trust.nhs.uk
    """
    from addon.consent.timeline import Mark  # noqa: PLC0415 - loaded when needed
    from addon.replay import restamp  # noqa: PLC0415
    from addon.sites import registrable_domain  # noqa: PLC0415
    from addon.store.store import Store  # noqa: PLC0415
    from addon.times import parse_moment  # noqa: PLC0415

    try:
        moment = parse_moment(at)
    except ValueError:
        raise typer.BadParameter(f"--at {at!r} is no time such as 2026-05-04T10:31:02Z") from None
    with Store(db, create=False) as store:
        chosen = store.session(session).id
        domain = registrable_domain(site.strip().lower()) if site else None
        with store.transaction():
            store.add_mark(chosen, Mark(at=moment, kind=kind.value, site=domain, text=text, by=by))
        restamp(store, chosen)
    say(f"Marked {kind.value} in {chosen}; the consent of its events was worked out anew.")


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
    from addon.store.store import ReviewRow, Store  # noqa: PLC0415 - loaded when needed
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


def rescore(session: SessionArgument = None, db: Database = DEFAULT_DATABASE, rules: Rules = None) -> None:
    """Evaluate a stored session again, with today's rules, from what was observed.

    Assessments under the earlier rules stay in the database.
    """
    from addon.replay import rederive  # noqa: PLC0415 - loaded when needed
    from addon.store.store import Store  # noqa: PLC0415
    from cli.rulebook import matcher  # noqa: PLC0415

    with Store(db, create=False) as store:
        chosen = store.session(session).id
        before = store.derivation(chosen)
        old = {item.event.id: item.assessment.score for item in before.events} if before else {}
        rederive(store, matcher(rules), chosen)
        after = store.derivation(chosen)
    changed = 0
    for item in after.events if after else ():
        score = old.get(item.event.id)
        if score != item.assessment.score:
            changed += 1
            was = "new" if score is None else str(score)
            say(f"{item.event.id}: {was} → {item.assessment.score} ({item.assessment.band})")
    say(f"{chosen}: {changed} of {len(after.events) if after else 0} events changed.")


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
