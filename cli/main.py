"""The command line: every command, and how errors become sentences and exit codes."""

import io
import os
import sys
from typing import Annotated, NoReturn

import typer

from cli.commands import (
    comparing,
    dictionary,
    gathering,
    judging,
    linking,
    live,
    marking,
    persona,
    reading,
    rulebook,
    watching,
)
from cli.exits import ExitCode
from cli.talk import OutputError, say

app = typer.Typer(
    name="pixelwitness",
    help="See what websites tell Meta about the health of the person browsing them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich takes longer to load than everything else that a help page needs
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
app.command()(gathering.demo)
app.command(cls=live.PassesOn)(live.live)
app.command()(gathering.replay)
app.command(context_settings={"allow_extra_args": True})(gathering.proxy)
app.command()(watching.watch)
app.command("addon-path")(gathering.addon_path)
app.command()(reading.report)
app.command()(reading.sessions)
app.command()(reading.events)
app.command()(reading.explain)
app.command()(comparing.compare)
app.command()(linking.links)
app.command()(reading.schema)
app.command()(dictionary.params)
app.command()(marking.mark)
app.command()(marking.marks)
app.command()(judging.review)
app.command()(judging.rescore)
app.command()(judging.forget)
app.add_typer(rulebook.app, name="rules")
app.add_typer(persona.app, name="persona")


def _version(wanted: bool) -> None:
    if wanted:
        from addon.version import TOOL_VERSION  # noqa: PLC0415 - loaded when needed

        sys.stdout.write(f"pixelwitness {TOOL_VERSION}\n")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """See what websites tell Meta about the health of the person browsing them."""


def run() -> NoReturn:
    """Run the command line and exit with a code of `cli.exits.ExitCode`."""
    _prepare_output()
    sys.exit(_outcome())


def _prepare_output() -> None:
    """Write data as UTF-8 whatever the locale says; a terminal that cannot show a character gets another."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        if sys.stdout.isatty():
            sys.stdout.reconfigure(errors="replace")
        else:
            sys.stdout.reconfigure(encoding="utf-8")


def _outcome() -> int:
    try:
        code = int(app(standalone_mode=False) or 0)
    except (KeyboardInterrupt, typer.Abort):
        code = ExitCode.INTERRUPTED
    except BrokenPipeError:
        # whoever read our output stopped reading; the rest has nowhere to go
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - lives until the process ends
        return ExitCode.OK
    except Exception as error:  # noqa: BLE001 - the last place that can turn an error into a sentence
        return _explained(error)
    if code == ExitCode.INTERRUPTED:  # the parser turns most interruptions into this code itself
        say("Interrupted. Nothing was left half-written.")
    return code


def _explained(error: Exception) -> int:
    """Say what is wrong in a sentence and return the exit code for it."""
    show = getattr(error, "show", None)
    if callable(show) and hasattr(error, "exit_code"):  # the parser's own errors, which know how to be shown
        show()
        return int(error.exit_code)
    from addon.persona.person import PersonFileError  # noqa: PLC0415 - only where something went wrong
    from addon.reader import CaptureError  # noqa: PLC0415 - only where something went wrong
    from addon.store.store import (  # noqa: PLC0415
        EventNotFoundError,
        MarkNotFoundError,
        SessionNotFoundError,
        StoreError,
    )
    from addon.workers import WorkerError  # noqa: PLC0415
    from cli.report import NotDerivedError  # noqa: PLC0415
    from rules.errors import RuleSetError, UnknownPackError  # noqa: PLC0415

    codes: tuple[tuple[type[Exception], ExitCode], ...] = (
        (CaptureError, ExitCode.CAPTURE),
        (RuleSetError, ExitCode.RULES),
        (StoreError, ExitCode.DATABASE),
        (SessionNotFoundError, ExitCode.NOT_FOUND),
        (EventNotFoundError, ExitCode.NOT_FOUND),
        (MarkNotFoundError, ExitCode.NOT_FOUND),
        (NotDerivedError, ExitCode.NOT_FOUND),
        (OutputError, ExitCode.USAGE),
        (UnknownPackError, ExitCode.USAGE),
        (PersonFileError, ExitCode.USAGE),
        (WorkerError, ExitCode.DEFECT),
    )
    for kind, code in codes:
        if isinstance(error, kind):
            say(f"Error: {error}")
            return code
    if os.environ.get("PIXELWITNESS_TRACEBACK"):
        raise error
    say(
        f"This is a defect of Pixelwitness: {type(error).__name__}: {error}. Nothing was left half-written. "
        "Run again with PIXELWITNESS_TRACEBACK=1 and report what it prints."
    )
    return ExitCode.DEFECT


if __name__ == "__main__":
    run()
