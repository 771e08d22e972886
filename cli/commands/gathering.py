"""Commands that bring traffic in: demo, replay, proxy, addon-path."""

import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.commands import persona as persons
from cli.cores import processes
from cli.exits import ExitCode
from cli.mitm import RECORDING_WARNING, Interface, ProxySettings, addon_script, command_line
from cli.options import DEFAULT_DATABASE, Database, Jobs, Packs, PersonaFile, Rules
from cli.outcome import say_outcome
from cli.talk import make_folder, progress, put, say, write_pieces

if TYPE_CHECKING:
    from addon.store.store import Store

DEMO_FOLDER = Path("pixelwitness-demo")


def replay(
    captures: Annotated[list[Path], typer.Argument(metavar="CAPTURE...", help="Saved sessions: .mitm, .flow or HAR.")],
    db: Database = DEFAULT_DATABASE,
    session: Annotated[
        str | None, typer.Option("--session", metavar="NAME", help="Make or extend the session of this name.")
    ] = None,
    each: Annotated[bool, typer.Option("--each", help="One session per capture instead of one for all.")] = False,
    public_address: Annotated[
        str | None,
        typer.Option(
            "--public-address",
            metavar="ADDRESS",
            help="The public IP address you browsed from, as you state it.",
        ),
    ] = None,
    by: Annotated[
        str | None, typer.Option("--by", metavar="NAME", help="Who states the public address and the test person.")
    ] = None,
    rules: Rules = None,
    packs: Packs = None,
    persona: PersonaFile = None,
    jobs: Jobs = 0,
) -> None:
    """Read saved browsing sessions into the database. Reading one twice changes nothing.

    The session's id is printed last, on standard output.

    Examples:

      pixelwitness replay visit.mitm

      pixelwitness replay visit.har visit.mitm --session trust-visit --public-address 203.0.113.7

      pixelwitness replay visit.mitm --packs religion --packs politics

      pixelwitness replay visit.mitm --persona person.yaml
    """
    from addon.capture import read_capture  # noqa: PLC0415 - loaded when needed
    from addon.collecting import collect_rarely  # noqa: PLC0415
    from addon.replay import replay as read_into  # noqa: PLC0415
    from addon.store.store import Store  # noqa: PLC0415
    from cli.rulebook import matcher  # noqa: PLC0415
    from rules.loader import pack_names  # noqa: PLC0415

    if each and session is not None:
        raise typer.BadParameter("--each makes a session per capture, so it does not go with --session")
    address = _checked_address(public_address)
    for capture in captures:
        read_capture(capture)  # a file that is no capture must not leave an empty database behind
    batches = [[capture] for capture in captures] if each else [captures]
    incomplete = False
    rule_matcher = matcher(rules)  # nor must a broken rule
    wanted = pack_names(packs) if packs else None
    person = persons.read(persona)
    names = []
    collect_rarely()
    with Store(db) as store:
        for batch in batches:
            try:
                with (
                    progress("Reading", sum(_size(path) for path in batch)) as bar,
                    bar.count("Assessing") as assessing,
                ):
                    name, sources = read_into(
                        store, rule_matcher, session, batch, bar, wanted, processes(jobs), assessing
                    )
            except KeyboardInterrupt:
                _say_what_waits(db, batch)
                raise
            names.append(name)
            if address is not None:
                with store.transaction():
                    store.state_public_address(name, address, by)
            for source in sources:
                state = "was in the session already" if source.known else f"{source.requests_matched} concern Meta"
                say(f"{source.name}: {source.requests_seen} requests, {state}")
                for problem in source.problems:
                    say(f"  {problem.where}: {problem.what}")
                incomplete |= not source.complete
            if person is not None:
                persons.search_session(store, name, person, by)
            say_outcome(store, name)
    say(f"Next: pixelwitness report {names[-1]} --format html -o report.html" + _db_hint(db))
    for name in names:
        put(name)
    if incomplete:
        raise typer.Exit(ExitCode.CAPTURE)


def demo(
    folder: Annotated[
        Path, typer.Option("--folder", metavar="DIR", help="Where the database and the reports are written.")
    ] = DEMO_FOLDER,
) -> None:
    """Replay the sample captures and write their reports.

    One report reconstructs the findings published in 2023, the other shows recordings of Meta's own client
    against an invented hospital.
    """
    from addon.replay import rederive  # noqa: PLC0415 - loaded when needed
    from addon.replay import replay as read_into  # noqa: PLC0415
    from addon.store.store import Store  # noqa: PLC0415
    from captures import RECONSTRUCTION, demo_captures  # noqa: PLC0415
    from cli.report import build_report  # noqa: PLC0415
    from cli.reports import FORMATS  # noqa: PLC0415
    from cli.rulebook import matcher  # noqa: PLC0415

    make_folder(folder)
    everything = demo_captures()
    published = [path for path in everything if path == RECONSTRUCTION or RECONSTRUCTION in path.parents]
    recorded = [path for path in everything if path not in published]
    rule_matcher = matcher(None)
    written = []
    with Store(folder / "demo.db") as store:
        for name, paths in (("recordings", recorded), ("reconstruction-2023", published)):
            with progress(f"Reading {name}", sum(_size(path) for path in paths)) as bar:
                read_into(store, rule_matcher, name, paths, bar)
            stored = store.derivation(name)
            if stored is None or stored.ruleset_digest != rule_matcher.ruleset.digest:
                rederive(store, rule_matcher, name)
            if paths == published:
                _quote_published(store, name)
            say_outcome(store, name)
            target = folder / f"{name}.html"
            write_pieces(target, FORMATS["html"].pieces(build_report(store, store.session(name)), 0))
            written.append(target.resolve())
    say("Reports:")
    for target in written:
        put(str(target))


def proxy(
    context: typer.Context,
    ui: Annotated[Interface, typer.Option("--ui", help="mitmdump, mitmweb or mitmproxy.")] = Interface.DUMP,
    db: Database = DEFAULT_DATABASE,
    session: Annotated[str | None, typer.Option("--session", metavar="NAME", help="Name of the session.")] = None,
    host: Annotated[
        str,
        typer.Option("--host", help="The address the proxy listens on; 0.0.0.0 lets a phone on your network use it."),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="The port the proxy listens on.")] = 8080,
    record: Annotated[
        Path | None,
        typer.Option("--record", metavar="FILE", help="Keep a recording (.mitm) of everything that passes, too."),
    ] = None,
    hold: Annotated[
        bool,
        typer.Option("--hold", help="Hold pixel requests back: the proxy answers them itself, Meta gets none of them."),
    ] = False,
    alert: Annotated[
        int | None,
        typer.Option("--alert", min=1, max=100, metavar="N", help="Raise an alert for events with N points or more."),
    ] = None,
    bell: Annotated[bool, typer.Option("--bell", help="Ring the terminal's bell with every alert.")] = False,
    rules: Rules = None,
    packs: Packs = None,
    persona: PersonaFile = None,
) -> None:
    """Run mitmproxy with the addon and record what leaves into a session.

    Everything after -- goes to mitmproxy as it is. Without --hold the addon only watches: it changes and delays
    nothing.

    Examples:

      pixelwitness proxy --ui web

      pixelwitness proxy --session visit --record visit.mitm

      pixelwitness proxy --session held --hold --alert 60 --bell

      pixelwitness proxy --host 0.0.0.0 -- --mode wireguard
    """
    from cli.proxying import check_ports, make_recording  # noqa: PLC0415 - loaded when needed
    from cli.rulebook import matcher  # noqa: PLC0415

    if bell and alert is None:
        raise typer.BadParameter("--bell rings with alerts: say from which score on with --alert")
    command = command_line(
        ProxySettings(
            ui=ui,
            db=db,
            session=session or "",
            host=host,
            port=port,
            rules=rules or (),
            packs=packs or (),
            persona=persona,
            recording=record,
            hold=hold,
            alert=alert or 0,
            bell=bell,
            extra=context.args,
        )
    )
    if rules:
        matcher(rules)  # a broken rule is told before anything starts
    if persona is not None:
        persons.read(persona)  # and so is a mistake in the test person's file
    check_ports(host, port, web=ui is Interface.WEB, arguments=context.args)
    _check_database(db)
    if record is not None:
        make_recording(record)
    say(f"Proxy on {host}:{port}; set it in the browser and open http://mitm.it for the certificate. Ctrl-C ends it.")
    if record is not None or "-w" in context.args or "--save-stream-file" in context.args:
        say(RECORDING_WARNING)
    if hold:
        say("HOLDING: pixel requests will not leave. The proxy answers them itself, and Meta gets none of them.")
    process = subprocess.Popen(  # noqa: S603 - our own program, the user's arguments
        command, umask=0o077 if os.name == "posix" else -1
    )
    # a service manager ends us with SIGTERM: the proxy must close its session then, too
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    while True:
        try:
            code = process.wait()
            break
        except KeyboardInterrupt:
            continue  # the proxy got the signal too and closes the session
    if code not in {0, ExitCode.INTERRUPTED}:
        say(f"{Path(command[0]).name} ended with {code}; its own message stands above.")
        raise typer.Exit(1 if code < 0 else code)


def addon_path() -> None:
    """Print the path of the addon, for: mitmdump -s "$(pixelwitness addon-path)"."""
    put(str(addon_script()))


def _check_database(db: Path) -> None:
    """Raise StoreError before anything is started where the database cannot be used."""
    from addon.store.store import Store  # noqa: PLC0415 - loaded when needed

    Store(db).close()


def _quote_published(store: "Store", session: str) -> None:
    """Note at every event of the reconstruction what the published row said that it restates."""
    from addon.consent.timeline import Mark  # noqa: PLC0415 - loaded when needed
    from captures import published_findings  # noqa: PLC0415

    stored = store.derivation(session)
    if stored is None or store.marks(session):
        return
    findings = published_findings()
    with store.transaction():
        for item, finding in zip(stored.events, findings, strict=True):
            text = f"{finding.id}, {finding.trust}: {finding.published}"
            by = "the reporting of May 2023"
            store.add_mark(
                session, Mark(at=item.event.occurred_at, kind="note", site=item.event.site, text=text, by=by)
            )


def _say_what_waits(db: Path, captures: list[Path]) -> None:
    """Say where the beginning of an interrupted reading is kept, and how to go on or be rid of it."""
    from addon.store.unfinished import Unfinished  # noqa: PLC0415 - rarely needed

    for capture in captures:
        waiting = Unfinished(db, capture).path
        if waiting.exists():
            say(
                f"{capture.name}: what was read so far waits in {waiting}. "
                "The same command goes on from there; delete the file to forget it."
            )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _db_hint(db: Path) -> str:
    return "" if db == DEFAULT_DATABASE else f" --db {db}"


def _checked_address(text: str | None) -> str | None:
    import ipaddress  # noqa: PLC0415 - rarely needed

    if text is None:
        return None
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        raise typer.BadParameter(f"--public-address {text!r} is no IP address, such as 203.0.113.7") from None
