"""The command live: a proxy, an isolated browser, a recording and a page that shows what leaves, in one."""

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer
import typer.core

from cli.commands import persona as persons
from cli.commands.reading import FormatName
from cli.mitm import RECORDING_WARNING, Interface
from cli.options import DEFAULT_DATABASE, Database, Packs, PersonaFile, Rules
from cli.outcome import say_outcome
from cli.talk import put, say, write_pieces

if TYPE_CHECKING:
    from cli.browsers.finding import Browser
    from cli.livepage.server import LivePage

PORT = 8080
WEB_PORT = 8081
"""Where mitmproxy and mitmweb listen unless told otherwise; people who set a proxy by hand expect them."""

_SUFFIXES = {
    FormatName.HTML: "html",
    FormatName.JSON: "json",
    FormatName.CSV: "csv",
    FormatName.MARKDOWN: "md",
    FormatName.TEXT: "txt",
}

_OWN = re.compile(r"(localhost|127(\.\d+){3}|\[::1\])([:/?#]|$)", re.IGNORECASE)
"""How an address on this machine begins."""

_WINDOWLESS = ("--headless", "-headless", "--ozone-platform=headless")


class PassesOn(typer.core.TyperCommand):
    """A command that takes what stands after -- as it is, into `Context.args`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse what stands before --."""
        own, rest = (args[: args.index("--")], args[args.index("--") + 1 :]) if "--" in args else (args, [])
        super().parse_args(ctx, own)
        ctx.args = rest
        return rest


def live(
    context: typer.Context,
    url: Annotated[str | None, typer.Argument(metavar="URL", help="The page to begin with.")] = None,
    ui: Annotated[Interface, typer.Option("--ui", help="mitmdump, mitmweb or mitmproxy.")] = Interface.DUMP,
    db: Database = DEFAULT_DATABASE,
    session: Annotated[
        str | None,
        typer.Option("--session", metavar="NAME", help="Make or extend this session; by default named by the time."),
    ] = None,
    browser: Annotated[
        str | None,
        typer.Option(
            "--browser",
            envvar="PIXELWITNESS_BROWSER",
            metavar="NAME|PATH",
            help="chrome, chromium, edge, firefox, a program, or none; by default the first that is found.",
        ),
    ] = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Start no browser: you use the proxy from one of your own, or a phone.")
    ] = False,
    browser_option: Annotated[
        list[str] | None,
        typer.Option(
            "--browser-option", metavar="OPTION", help="Start the browser with this option, too. Repeat for more."
        ),
    ] = None,
    host: Annotated[
        str, typer.Option("--host", help="The address the proxy listens on; 0.0.0.0 lets a phone use it, too.")
    ] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            min=1,
            max=65535,
            metavar="N",
            help="The port the proxy listens on; a free one if not given.",
        ),
    ] = None,
    hold: Annotated[
        bool,
        typer.Option("--hold", help="Hold pixel requests back: the proxy answers them itself, and Meta gets nothing."),
    ] = False,
    alert: Annotated[
        int, typer.Option("--alert", min=1, max=100, metavar="N", help="Call out events with N points or more.")
    ] = 60,
    record: Annotated[
        Path | None,
        typer.Option("--record", metavar="FILE", help="Keep the recording here; by default beside the database."),
    ] = None,
    no_record: Annotated[bool, typer.Option("--no-record", help="Keep no .mitm recording.")] = False,
    no_open: Annotated[
        bool, typer.Option("--no-open", help="Only print the live page's address instead of opening it.")
    ] = False,
    form: Annotated[
        FormatName, typer.Option("--format", "-f", help="The format of the report that is written at the end.")
    ] = FormatName.HTML,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write the report here; by default beside the database."),
    ] = None,
    rules: Rules = None,
    packs: Packs = None,
    persona: PersonaFile = None,
) -> None:
    """Visit a site and watch what it makes the browser tell Meta, as it happens.

    Starts the proxy with the addon, a browser with a throw-away profile that goes through it, a recording, and a
    page that shows the events. Close the browser or press Ctrl-C to end all of it: the report is written, and its
    path and the session's id are printed. Everything after -- goes to mitmproxy as it is.

    Examples:

      pixelwitness live https://www.example-trust.example

      pixelwitness live https://www.example-trust.example --session visit --browser firefox

      pixelwitness live --no-browser --host 0.0.0.0 --port 8080
    """
    import asyncio  # noqa: PLC0415 - loaded when needed

    from cli.browsers.finding import BrowserError  # noqa: PLC0415
    from cli.livesession import InterruptedEarlyError, LiveError, LiveSettings  # noqa: PLC0415
    from cli.livesession import record as record_session  # noqa: PLC0415
    from cli.mitm import ProxySettings, program  # noqa: PLC0415
    from cli.rulebook import matcher  # noqa: PLC0415
    from rules.loader import load_packs, pack_names  # noqa: PLC0415

    if record is not None and no_record:
        raise typer.BadParameter("--record names a recording, so it does not go with --no-record")
    address = page_address(url) if url is not None else None
    chosen = _browser(browser, none=no_browser, options=browser_option or ())
    program(ui)
    matcher(rules)  # a broken rule must not end the proxy, but be shown before it starts
    load_packs(pack_names(packs or ()))
    if persona is not None:
        persons.read(persona)
    name = session or time.strftime("live-%Y%m%d-%H%M%S", time.gmtime())
    recording = None if no_record else _recording(record, db, name)
    target = output or unused(db, name, _SUFFIXES[form])
    for path in (recording, target):
        if path is not None and not path.resolve().parent.is_dir():
            raise typer.BadParameter(f"{path}: there is no such folder")
    settings = LiveSettings(
        proxy=ProxySettings(
            ui=ui,
            db=db,
            session=name,
            host=host,
            port=_port(host, port, PORT if chosen is None else 0),
            rules=rules or (),
            packs=packs or (),
            persona=persona,
            recording=recording,
            hold=hold,
            alert=alert,
            options=("store_streamed_bodies=true", *_web_options(ui, opens=not no_open)),
            extra=tuple(context.args),
        ),
        browser=chosen,
        browser_options=tuple(browser_option or ()),
        url=address,
        make_page=_make_page,
        any_port=port is None,
        opens_page=not no_open,
    )
    if recording is not None:
        say(f"Recording: {recording.resolve()}. {RECORDING_WARNING}")
    try:
        ending = asyncio.run(record_session(settings))
    except InterruptedEarlyError:
        raise typer.Abort from None
    except LiveError as error:
        say(f"Error: {error}")
        raise typer.Exit(error.code) from None
    except BrowserError as error:
        raise typer.BadParameter(str(error)) from None
    if not ending.orderly:
        say("The proxy did not close its session itself: what was recorded is evaluated now, and marked as incomplete.")
    for recorded in ending.sessions:
        _conclude(db, recorded, target if recorded == name else unused(db, recorded, _SUFFIXES[form]), form, rules)
    if ending.proxy_code > 0:
        say(f"{program(ui).name} ended with {ending.proxy_code}; its own message stands above.")
        raise typer.Exit(ending.proxy_code)
    if ending.proxy_code < 0 and ending.reason == "proxy":
        say(f"{program(ui).name} was ended from outside (signal {-ending.proxy_code}).")
        raise typer.Exit(1)


def page_address(text: str) -> str:
    """Return the address of a page from what was typed: without a scheme https is meant, or http on this machine.

    Raises typer.BadParameter where it is no address of a website.
    """
    typed = text.strip()
    address = (
        typed
        if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:(?!\d)", typed)
        else f"{'http' if _OWN.match(typed) else 'https'}://{typed}"
    )
    try:
        parts = urlsplit(address)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or any(char.isspace() or not char.isprintable() for char in address):
        raise typer.BadParameter(f"{text!r} is no address of a website, such as https://www.example.org")
    return address


def unused(db: Path, session: str, suffix: str) -> Path:
    """Return the path of a file beside the database, named by the session, that does not exist yet."""
    stem = re.sub(r"[^\w.-]+", "-", session).lstrip(".-") or "session"
    number = 1
    while True:
        path = db.with_name(f"{stem}.{suffix}" if number == 1 else f"{stem}-{number}.{suffix}")
        if not path.exists():
            return path
        number += 1


def _browser(wanted: str | None, *, none: bool, options: list[str] | tuple[()]) -> "Browser | None":
    from cli.browsers.finding import NO_BROWSER, BrowserError, find, screen_missing  # noqa: PLC0415

    if none or wanted == NO_BROWSER:
        return None
    try:
        found = find(wanted)
    except BrowserError as error:
        raise typer.BadParameter(str(error)) from None
    if screen_missing() and not any(option.startswith(_WINDOWLESS) for option in options):
        raise typer.BadParameter(
            "no window can be opened here (neither DISPLAY nor WAYLAND_DISPLAY is set). Run this where you can see "
            "a browser, or use --no-browser and the proxy from another device."
        )
    return found


def _recording(wanted: Path | None, db: Path, session: str) -> Path:
    if wanted is None:
        return unused(db, session, "mitm")
    if wanted.exists():
        raise typer.BadParameter(f"--record {wanted}: the file exists already and is not overwritten; name another")
    return wanted


def _port(host: str, wanted: int | None, preferred: int) -> int:
    from cli.mitm import free_port, in_use  # noqa: PLC0415

    try:
        if wanted is None:
            return free_port(host, preferred)
        if in_use(host, wanted):
            raise typer.BadParameter(
                f"--port {wanted} is in use by another program; end that, name another port, or leave --port out"
            )
    except OSError as error:
        raise typer.BadParameter(f"--host {host}: the proxy cannot listen there: {error}") from None
    return wanted


def _web_options(ui: Interface, *, opens: bool) -> tuple[str, ...]:
    from cli.browsers.finding import screen_missing  # noqa: PLC0415
    from cli.mitm import free_port  # noqa: PLC0415

    if ui is not Interface.WEB:
        return ()
    opened = "true" if opens and not screen_missing() else "false"
    return (f"web_port={free_port('127.0.0.1', WEB_PORT)}", f"web_open_browser={opened}")


def _make_page(db: Path, session: str, proxy: str | None, alert: int) -> "LivePage":
    """Return the live page of a proxy, not yet started."""
    from cli.livepage.server import LivePage  # noqa: PLC0415 - tornado is loaded when needed

    return LivePage(db, session, proxy, alert=alert)


def _conclude(db: Path, session: str, target: Path, form: FormatName, rules: list[Path] | None) -> None:
    """Say what the session holds, write its report, and print its path and the session's id."""
    from addon.replay import rederive  # noqa: PLC0415 - loaded when needed
    from addon.store.store import Store  # noqa: PLC0415
    from cli.report import build_report  # noqa: PLC0415
    from cli.reports import FORMATS  # noqa: PLC0415
    from cli.rulebook import matcher  # noqa: PLC0415

    with Store(db, create=False) as store:
        row = store.session(session)
        if not row.complete:
            rederive(store, matcher(rules), row.id)
        say_outcome(store, row.id)
        content = build_report(store, row)
    write_pieces(target, FORMATS[form.value].pieces(content, 0))
    say("Report, and the session's id:")
    put(str(target.resolve()))
    put(session)
