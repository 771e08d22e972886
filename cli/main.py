"""The command line: every command, and how errors become sentences and exit codes."""

import io
import os
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Annotated, Any, NoReturn

import typer
import typer.core

from cli.exits import ExitCode
from cli.talk import OutputError, say

_Register = Callable[[typer.Typer, ModuleType], object]


def _command(function: str, name: str | None = None, **settings: Any) -> _Register:
    """Return what registers a function of a module as a command."""
    return lambda app, module: app.command(name, **settings)(getattr(module, function))


def _group(name: str) -> _Register:
    """Return what registers the commands of a module below a name."""
    return lambda app, module: app.add_typer(module.app, name=name)


_COMMANDS: Mapping[str, tuple[str, _Register]] = {
    "demo": ("gathering", _command("demo")),
    "live": ("live", lambda app, module: app.command(cls=module.PassesOn)(module.live)),
    "replay": ("gathering", _command("replay")),
    "proxy": ("gathering", _command("proxy", context_settings={"allow_extra_args": True})),
    "watch": ("watching", _command("watch")),
    "addon-path": ("gathering", _command("addon_path", "addon-path")),
    "report": ("reading", _command("report")),
    "sessions": ("reading", _command("sessions")),
    "events": ("reading", _command("events")),
    "explain": ("reading", _command("explain")),
    "compare": ("comparing", _command("compare")),
    "links": ("linking", _command("links")),
    "schema": ("reading", _command("schema")),
    "params": ("dictionary", _command("params")),
    "mark": ("marking", _command("mark")),
    "marks": ("marking", _command("marks")),
    "review": ("judging", _command("review")),
    "rescore": ("judging", _command("rescore")),
    "forget": ("judging", _command("forget")),
    "rules": ("rulebook", _group("rules")),
    "persona": ("persona", _group("persona")),
}
"""Every command in the order of the help page: the module it is in, and what registers it."""


class Commands(typer.core.TyperGroup):
    """The commands, each of which is loaded when it is asked for: somebody who runs one does not wait for all."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the parser hands it over
        """Return the names of all commands."""
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command; all are loaded where there is none of that name, so that one like it can be named."""
        for name in [cmd_name] if cmd_name in _COMMANDS else _COMMANDS:
            if name not in self.commands:
                self.commands[name] = _loaded(name)
        return super().get_command(ctx, cmd_name)


def _loaded(name: str) -> Any:
    module, register = _COMMANDS[name]
    alone = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
    register(alone, import_module(f"cli.commands.{module}"))
    alone.callback()(lambda: None)  # so that it is a group even of one command
    return typer.main.get_group(alone).commands[name]


app = typer.Typer(
    name="pixelwitness",
    cls=Commands,
    help="See what websites tell Meta about the health of the person browsing them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich takes longer to load than everything else that a help page needs
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


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
    except SystemExit as end:  # the parser's own answer to the same
        if isinstance(end.__context__, BrokenPipeError):
            return ExitCode.OK
        raise
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
