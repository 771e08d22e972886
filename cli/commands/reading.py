"""Commands that show what a session holds: report, sessions, events, explain, schema."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.exits import ExitCode
from cli.options import DEFAULT_DATABASE, Database, MinScore, Reveal, Rules, SessionArgument
from cli.talk import put, put_pieces, say, write_pieces


class FormatName(StrEnum):
    """The formats of a report."""

    HTML = "html"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"
    TEXT = "text"


def report(
    session: SessionArgument = None,
    db: Database = DEFAULT_DATABASE,
    form: Annotated[
        FormatName | None,
        typer.Option("--format", "-f", help="By default what the name after -o says, or text."),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to this file.")] = None,
    verbose: Annotated[
        int,
        typer.Option("--verbose", "-v", count=True, help="Text: -v adds requests and ledgers, -vv every parameter."),
    ] = 0,
    min_score: MinScore = 0,
    fail_over: Annotated[
        int | None,
        typer.Option(
            "--fail-over",
            min=1,
            max=100,
            metavar="N",
            help="Exit with 10 where an event has N points or more.",
        ),
    ] = None,
    reveal: Reveal = False,
) -> None:
    """Write the leak report of a session.

    Identifiers are shortened unless --reveal. Dismissed events do not count for --fail-over.

    Examples:

      pixelwitness report visit -o visit.html

      pixelwitness report visit --format json --fail-over 60 > visit.json
    """
    from addon.collecting import collecting_never  # noqa: PLC0415 - loaded when needed
    from addon.store.store import Store  # noqa: PLC0415
    from cli.report import build_report  # noqa: PLC0415
    from cli.reports import FORMATS  # noqa: PLC0415

    chosen = form or format_of(output)
    with collecting_never():
        with Store(db, create=False) as store:
            content = build_report(store, store.session(session), reveal=reveal, min_score=min_score)
        pieces = FORMATS[chosen.value].pieces(content, min(verbose, 2))
        if output is None:
            put_pieces(pieces)
        else:
            write_pieces(output, pieces)
            say(f"Written: {output.resolve()}")
    if fail_over is not None:
        over = [event for event in content.events if event.score >= fail_over and event.review.state != "dismissed"]
        if over:
            say(f"{len(over)} events have {fail_over} points or more.")
            raise typer.Exit(ExitCode.FINDINGS)


def sessions(db: Database = DEFAULT_DATABASE) -> None:
    """List the sessions in the database, the newest last."""
    from addon.store.store import Store  # noqa: PLC0415 - loaded when needed
    from cli.tables import table  # noqa: PLC0415

    rows = []
    with Store(db, create=False) as store:
        for row in store.sessions():
            stored = store.derivation(row.id)
            events = stored.events if stored else ()
            health = sum(item.assessment.band in {"medium", "high", "critical"} for item in events)
            rows.append(
                (
                    row.id,
                    row.created_at,
                    row.provenance,
                    str(len(events)),
                    str(health),
                    "" if row.complete else "incomplete",
                )
            )
    put(table(("session", "made", "provenance", "events", "health", "state"), rows))


def events(
    session: SessionArgument = None,
    db: Database = DEFAULT_DATABASE,
    min_score: MinScore = 0,
    search: Annotated[
        str | None,
        typer.Option("--search", metavar="WORDS", help="Only events whose page, button or findings hold all words."),
    ] = None,
) -> None:
    """List the events of a session, one line each, in order of time."""
    from addon.store.store import Store  # noqa: PLC0415 - loaded when needed
    from cli.report import build_report  # noqa: PLC0415
    from cli.tables import table  # noqa: PLC0415

    with Store(db, create=False) as store:
        chosen = store.session(session)
        content = build_report(store, chosen, min_score=min_score)
        wanted = None if search is None else set(store.search(chosen.id, search))
    rows = [
        (
            event.id,
            event.occurred_at[11:23],
            str(event.score),
            event.band,
            event.event_name or "(no name)",
            (event.page_url or "").removeprefix("https://").removeprefix("http://"),
            event.clicked or event.searched or "",
        )
        for event in content.events
        if wanted is None or event.id in wanted
    ]
    if not rows:
        say("No event fits.")
    put(table(("event", "time (UTC)", "score", "band", "name", "page", "clicked or searched"), rows))


def explain(
    event: Annotated[
        str, typer.Argument(metavar="EVENT|URL", help="An event's id, or a pixel address pasted in quotes.")
    ],
    db: Database = DEFAULT_DATABASE,
    body: Annotated[
        str | None,
        typer.Option("--body", metavar="TEXT", help="The form body, where the pasted address was a POST."),
    ] = None,
    reveal: Reveal = False,
    rules: Rules = None,
) -> None:
    """Show why an event scored what it did: every word, every step, every parameter.

    Examples:

      pixelwitness explain e1a2b3c4d5e6

      pixelwitness explain 'https://www.facebook.com/tr/?id=1&ev=PageView&dl=https%3A%2F%2Fclinic.example%2Fhiv'
    """
    from addon.store.store import Store  # noqa: PLC0415 - loaded when needed
    from cli.pasted import events_of_address  # noqa: PLC0415
    from cli.report import build_report  # noqa: PLC0415
    from cli.reports import text  # noqa: PLC0415
    from cli.rulebook import matcher  # noqa: PLC0415

    if "://" in event:
        chosen = matcher(rules)
        found = events_of_address(event, body, chosen, reveal=reveal)
        titles = {rule.id: rule.title for rule in chosen.ruleset.rules}
        put("\n\n".join(text.render_event(item, 2, titles=titles) for item in found))
        return
    with Store(db, create=False) as store:
        content = build_report(store, store.session(store.find_event(event)), reveal=reveal)
    found_event = next(item for item in content.events if item.id == event)
    put(
        text.render_event(
            found_event,
            2,
            stated=content.session.public_address,
            others=content.events,
            titles={rule.rule: rule.title for rule in (*content.rules, *content.other_rules)},
        )
    )


class Structure(StrEnum):
    """What has a JSON format that programs may rely on."""

    REPORT = "report"
    COMPARISON = "comparison"


def schema(
    of: Annotated[Structure, typer.Argument(help="Whose schema: that of a report or of a comparison.")] = (
        Structure.REPORT
    ),
) -> None:
    """Print the JSON Schema of a report (pixelwitness/report/1) or a comparison (pixelwitness/comparison/1)."""
    from cli.comparison.model import Comparison  # noqa: PLC0415 - loaded when needed
    from cli.schema import Report  # noqa: PLC0415

    model = Comparison if of is Structure.COMPARISON else Report
    put(json.dumps(model.model_json_schema(mode="serialization"), indent=2))


def format_of(output: Path | None) -> FormatName:
    """Return the format that the name of a file stands for; text where it tells none."""
    suffixes = {".html": FormatName.HTML, ".htm": FormatName.HTML, ".json": FormatName.JSON, ".csv": FormatName.CSV,
                ".md": FormatName.MARKDOWN, ".markdown": FormatName.MARKDOWN}  # fmt: skip
    return suffixes.get(output.suffix.lower(), FormatName.TEXT) if output else FormatName.TEXT
