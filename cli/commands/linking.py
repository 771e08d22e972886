"""The command that compares sessions: links."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.options import DEFAULT_DATABASE, Database, Reveal
from cli.talk import put, say, write_file


class LinksFormat(StrEnum):
    """The formats of `pixelwitness links`."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"
    HTML = "html"


def links(
    sessions: Annotated[
        list[str] | None,
        typer.Argument(metavar="SESSION...", help="Ids of sessions or their beginnings; all, if none is given."),
    ] = None,
    db: Database = DEFAULT_DATABASE,
    form: Annotated[
        LinksFormat | None,
        typer.Option("--format", "-f", help="By default what the name after -o says, or text."),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to this file.")] = None,
    verbose: Annotated[int, typer.Option("--verbose", "-v", count=True, help="Text: list every identifier.")] = 0,
    reveal: Reveal = False,
) -> None:
    """Show which identifiers tie sessions to one another, so that they could be joined into one history.

    What could be joined is not said to have been joined.

    Examples:

      pixelwitness links

      pixelwitness links before after -o links.html
    """
    from addon.store.store import Store  # noqa: PLC0415 - loaded when needed
    from cli.links import build_links  # noqa: PLC0415
    from cli.reports.links import LINK_FORMATS  # noqa: PLC0415

    with Store(db, create=False) as store:
        chosen = [store.session(name) for name in sessions] if sessions else list(store.sessions()) or [store.session()]
        content = build_links(store, list({row.id: row for row in chosen}.values()), reveal=reveal)
    text = LINK_FORMATS[(form or _format_of(output)).value](content, verbose)
    if output is None:
        put(text)
    else:
        write_file(output, text)
        say(f"Written: {output.resolve()}")


def _format_of(output: Path | None) -> LinksFormat:
    suffixes = {".html": LinksFormat.HTML, ".htm": LinksFormat.HTML, ".json": LinksFormat.JSON, ".csv": LinksFormat.CSV}
    return suffixes.get(output.suffix.lower(), LinksFormat.TEXT) if output else LinksFormat.TEXT
