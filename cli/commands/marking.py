"""Commands by which a person states what the traffic does not show: mark, and marks to list and withdraw them."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import DEFAULT_DATABASE, Database, SessionArgument
from cli.talk import put, say

if TYPE_CHECKING:
    from addon.store.store import Store

LONG_BEFORE: float = 366 * 86_400.0
LONG_AFTER: float = 86_400.0
"""Seconds before the first and after the last request of a session beyond which a mark is taken for a mistake.

A choice may have been made long before: the browser keeps it.
"""

MAX_SITES = 8
MAX_TEXT = 2_000


class Kind(StrEnum):
    """What the investigator can state about a moment."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    LOGGED_IN = "logged_in"
    NOTE = "note"


def mark(
    session: Annotated[str, typer.Argument(metavar="SESSION", help="A session's id or its beginning.")],
    at: Annotated[
        str,
        typer.Option(
            "--at",
            metavar="TIME",
            help="When, such as 2026-05-04T10:31:02Z or 2026-05-04T12:31:02+02:00; a time of day alone (10:31:02) "
            "where it lies in the session on one day only.",
        ),
    ],
    kind: Annotated[Kind, typer.Option("--kind", help="What happened at that moment.")],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What you want to add in words.")] = "",
    site: Annotated[
        str | None,
        typer.Option("--site", metavar="SITE", help="The site it concerns, as host or address; all if not given."),
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option("--zone", metavar="ZONE", help="The time zone of a TIME without offset, such as Europe/London."),
    ] = None,
    by: Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who states it.")] = None,
    db: Database = DEFAULT_DATABASE,
) -> None:
    """State what you did at a moment and the traffic does not show: a choice on cookies, a login, a note.

    A mark can be made at any time later, also for a capture that was replayed. `pixelwitness marks` lists marks and
    withdraws them.

    Examples:

      pixelwitness mark visit --at 2026-05-04T10:31:02Z --kind refused --site example-trust.nhs.uk

      pixelwitness mark visit --at "2026-05-04 11:31:02" --zone Europe/London --kind logged_in
    """
    from addon.consent.timeline import Mark  # noqa: PLC0415 - loaded when needed
    from addon.replay import restamp  # noqa: PLC0415
    from addon.store.store import Store  # noqa: PLC0415
    from addon.times import rfc3339, stated_moment  # noqa: PLC0415

    if len(text) > MAX_TEXT:
        raise typer.BadParameter(f"the text has {len(text):,} characters; {MAX_TEXT:,} are allowed")
    with Store(db, create=False) as store:
        chosen = store.session(session).id
        span = _span(store, chosen)
        try:
            moment = stated_moment(at, zone, span)
        except ValueError as error:
            raise typer.BadParameter(f"--at: {error}") from None
        runs = f"session {chosen}, which runs from {rfc3339(span[0])} to {rfc3339(span[1])}" if span else ""
        if span is not None and not span[0] - LONG_BEFORE <= moment <= span[1] + LONG_AFTER:
            raise typer.BadParameter(f"--at: {rfc3339(moment)} is far away from {runs}")
        domain = _site(store, chosen, site) if site is not None else None
        with store.transaction():
            store.add_mark(chosen, Mark(at=moment, kind=kind.value, site=domain, text=text, by=by))
        restamp(store, chosen)
        number = max(row.number for row in store.kept_marks(chosen))
    if span is not None and not span[0] <= moment <= span[1]:
        say(f"Note: {rfc3339(moment)} is outside {runs}.")
    where = domain or "every site of the session"
    say(
        f"Mark {number} of {chosen}: {kind.value} at {rfc3339(moment)}, for {where}. "
        "Consent and login of its events were worked out anew."
    )


def marks(
    session: SessionArgument = None,
    withdraw: Annotated[
        int | None, typer.Option("--withdraw", min=1, metavar="NUMBER", help="Withdraw the mark of this number.")
    ] = None,
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why it is withdrawn.")] = None,
    by: Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who withdraws it.")] = None,
    db: Database = DEFAULT_DATABASE,
) -> None:
    """List the marks of a session, or withdraw one. A withdrawn mark stays in the database and counts no longer.

    Examples:

      pixelwitness marks visit

      pixelwitness marks visit --withdraw 2 --reason "wrong minute" --by "A. Tester"
    """
    from addon.replay import restamp  # noqa: PLC0415 - loaded when needed
    from addon.store.rows import Withdrawal  # noqa: PLC0415
    from addon.store.store import Store  # noqa: PLC0415
    from addon.times import now, rfc3339  # noqa: PLC0415
    from cli.tables import table  # noqa: PLC0415

    if withdraw is None and (reason is not None or by is not None):
        raise typer.BadParameter("--reason and --by belong to --withdraw")
    with Store(db, create=False) as store:
        chosen = store.session(session).id
        if withdraw is not None:
            with store.transaction():
                store.withdraw_mark(chosen, withdraw, Withdrawal(reason=reason, by=by, at=now()))
            restamp(store, chosen)
            say(f"Mark {withdraw} of {chosen} is withdrawn; consent and login of its events were worked out anew.")
            return
        rows = store.kept_marks(chosen)
    if not rows:
        say(f"Session {chosen} has no marks.")
        return
    put(
        table(
            ("No.", "At", "Kind", "Site", "By", "Counts", "Text"),
            [
                (
                    str(row.number),
                    rfc3339(row.mark.at),
                    row.mark.kind,
                    row.mark.site or "all",
                    row.mark.by or "",
                    "yes" if row.withdrawn is None else f"withdrawn {row.withdrawn.at[:10]}",
                    row.mark.text if row.withdrawn is None or not row.withdrawn.reason else f"({row.withdrawn.reason})",
                )
                for row in rows
            ],
        )
    )


def _span(store: "Store", session: str) -> tuple[float, float] | None:
    """Return the first and the last moment of a session, or None where it holds no request yet."""
    sources = store.sources(session)
    first = [source.first_at for source in sources if source.first_at is not None]
    last = [source.last_at for source in sources if source.last_at is not None]
    return (min(first), max(last)) if first and last else None


def _site(store: "Store", session: str, text: str) -> str:
    """Return the site that a host or an address names. Refuses one that the session did not visit."""
    from addon.sites import site_of  # noqa: PLC0415 - loaded when needed

    shown = text.strip()
    found = site_of((shown if "://" in shown else f"https://{shown}").lower())
    if found is None or not all(char.isalnum() or char in ".-:" for char in found):
        raise typer.BadParameter(f"--site: {text!r} is no host or address such as example-trust.nhs.uk")
    derivation = store.derivation(session)
    events = derivation.events if derivation else ()
    sites = {page.site for page in store.pages(session)} | {item.event.site for item in events if item.event.site}
    if sites and found not in sites:
        named = ", ".join(sorted(sites)[:MAX_SITES]) + (", …" if len(sites) > MAX_SITES else "")
        raise typer.BadParameter(f"--site: session {session} holds nothing of {found}; it holds {named}")
    return found
