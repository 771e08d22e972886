"""The command that sets visits or phases beside one another: compare."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.commands.reading import FormatName, format_of
from cli.options import DEFAULT_DATABASE, Database, Reveal
from cli.talk import put, say, write_file

if TYPE_CHECKING:
    from addon.store.store import Store
    from cli.comparison.selection import Selection


def compare(
    parts: Annotated[
        list[str],
        typer.Argument(
            metavar="SESSION[:PHASE]...",
            help="Sessions, phases (before, refused, partly, accepted, not-asked) or stretches SESSION@FROM..TO. "
            "One session alone: all of its phases.",
        ),
    ],
    db: Database = DEFAULT_DATABASE,
    form: Annotated[
        FormatName | None,
        typer.Option("--format", "-f", help="By default what the name after -o says, or text."),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to this file.")] = None,
    reveal: Reveal = False,
) -> None:
    """Set what pages made this browser send side by side: before a choice, after refusing, after accepting.

    Pages are matched by host and path. The first column is what the others are compared with.

    Examples:

      pixelwitness compare visit

      pixelwitness compare visit:before visit:refused -o refused.html

      pixelwitness compare march-visit june-visit

      pixelwitness compare visit@..2026-05-04T10:40Z visit@2026-05-04T10:40Z..
    """
    from addon.store.store import Store  # noqa: PLC0415 - loaded when needed
    from cli.comparison.build import MOST_COLUMNS, phases_of  # noqa: PLC0415
    from cli.comparison.build import compare as compare_reports  # noqa: PLC0415
    from cli.comparison.formats import FORMATS  # noqa: PLC0415
    from cli.report import build_report  # noqa: PLC0415

    if len(parts) > MOST_COLUMNS:
        raise typer.BadParameter(f"no more than {MOST_COLUMNS} columns can be compared")
    with Store(db, create=False) as store:
        selected = [_selection(store, text) for text in parts]
        reports = {
            name: build_report(store, store.session(name), reveal=reveal)
            for name in dict.fromkeys(selection.session for selection in selected)
        }
    if len(selected) == 1:
        (alone,) = selected
        phases = phases_of(reports[alone.session])
        if alone.phase or alone.start or alone.end or len(phases) < 2:
            known = ", ".join(str(item.phase) for item in phases) or "none that is known"
            raise typer.BadParameter(
                f"{parts[0]} alone leaves nothing to compare (phases of {alone.session}: {known}); name a second part"
            )
        selected = list(phases)
    chosen = form or format_of(output)
    text = FORMATS[chosen.value](compare_reports([(item, reports[item.session]) for item in selected]))
    if output is None:
        put(text)
    else:
        write_file(output, text)
        say(f"Written: {output.resolve()}")


def _selection(store: "Store", text: str) -> "Selection":
    """Return what an argument names, with the id of its session. Raises SessionNotFoundError."""
    from addon.store.store import SessionNotFoundError  # noqa: PLC0415 - loaded when needed
    from cli.comparison.selection import SelectionError, parse_selection  # noqa: PLC0415

    def exists(name: str) -> bool:
        try:
            store.session(name)
        except SessionNotFoundError:
            return False
        return True

    try:
        selection = parse_selection(text, exists)
    except SelectionError as error:
        raise typer.BadParameter(str(error)) from None
    return selection._replace(session=store.session(selection.session).id)
