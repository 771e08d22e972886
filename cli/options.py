"""Options and arguments that several commands share, defined once."""

from pathlib import Path
from typing import Annotated

import typer

Database = Annotated[
    Path,
    typer.Option("--db", envvar="PIXELWITNESS_DB", metavar="FILE", help="The database of sessions.", show_default=True),
]
DEFAULT_DATABASE = Path("pixelwitness.db")

Rules = Annotated[
    list[Path] | None,
    typer.Option("--rules", metavar="PATH", help="Your own rule files or folders, beside the built-in ones."),
]

Packs = Annotated[
    list[str] | None,
    typer.Option(
        "--packs",
        metavar="NAME",
        help="Look for another special category, too: an optional pack's name, or all. Repeat for more.",
    ),
]

PersonaFile = Annotated[
    Path | None,
    typer.Option(
        "--persona",
        metavar="FILE",
        help="The invented person whose details you typed; they are looked for, and never stored.",
    ),
]

SessionArgument = Annotated[
    str | None,
    typer.Argument(metavar="SESSION", help="A session's id or its beginning; the newest one if not given."),
]

Reveal = Annotated[
    bool,
    typer.Option("--reveal", help="Show identifiers in full. The output says so; secrets are never stored."),
]

Jobs = Annotated[
    int,
    typer.Option(
        "--jobs",
        min=0,
        metavar="N",
        help="How many processes share the work on what is large; 0: one for every core. The result is the same.",
    ),
]

MinScore = Annotated[
    int, typer.Option("--min-score", min=0, max=100, metavar="N", help="Leave out events with fewer points.")
]
