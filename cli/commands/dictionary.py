"""The command that explains the parameters of Meta's pixel: params."""

from typing import Annotated

import typer

from cli.exits import ExitCode
from cli.talk import put, say

_PERSON = "points to a person, an account, a browser or a click"
_HEALTH = "can hold words of the page, the site or the visitor"


def params(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="A parameter, such as dl or cd[search_string]; all if none.")
    ] = None,
) -> None:
    """Say what the parameters of a pixel request mean: all in a table, or one in full with its source.

    Exits with 7 where the parameter is not documented.

    Examples:

      pixelwitness params

      pixelwitness params 'udff[em]'
    """
    from addon.decoders.meta.dictionary import KNOWN_FROM, all_parameters, heading, lookup  # noqa: PLC0415 - loaded when needed
    from cli.tables import table  # noqa: PLC0415
    from cli.terminal import printable  # noqa: PLC0415

    if name is None:
        rows = [
            (
                found.name,
                "yes" if found.may_identify else "",
                "yes" if found.may_carry_health else "",
                found.meaning,
            )
            for found in all_parameters()
        ]
        put(table(("parameter", "person", "health", "meaning"), rows))
        say(f"{len(rows)} parameters. “person”: {_PERSON} by itself. “health”: {_HEALTH}.")
        say("One in full: pixelwitness params NAME")
        return
    meaning = lookup(name)
    if meaning is None:
        say(f"Error: the parameter {name} is not documented; pixelwitness params lists those that are.")
        raise typer.Exit(ExitCode.NOT_FOUND)
    put(
        "\n".join(
            (
                printable(name if meaning.name == name else f"{name} (documented as {meaning.name})"),
                f"  {meaning.meaning}",
                f"  Person:     {_yes(meaning.may_identify, _PERSON)}",
                f"  Health:     {_yes(meaning.may_carry_health, _HEALTH)}",
                f"  Group:      {heading(meaning.group)}",
                f"  Known from: {meaning.source} ({KNOWN_FROM[meaning.known_from]})",
            )
        )
    )


def _yes(flag: bool, what: str) -> str:
    return f"yes: {what}" if flag else "no"
