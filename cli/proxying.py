"""Starting mitmproxy with the addon: its command line, and what is checked before it starts."""

import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import typer

WEB_PORT: Final = 8081
"""Where mitmweb shows its pages unless told otherwise."""

_OWN_PORT: Final = ("-p", "--listen-port", "-m", "--mode")
_OWN_WEB_PORT: Final = "--web-port"


class ProxySettings(NamedTuple):
    """What the addon and mitmproxy are told."""

    db: Path
    session: str
    host: str
    port: int
    recording: Path | None = None
    hold: bool = False
    alert: int = 0
    bell: bool = False
    rules: tuple[Path, ...] = ()
    packs: tuple[str, ...] = ()
    persona: Path | None = None


def proxy_command(program: Path, script: Path, settings: ProxySettings, *, quiet: bool) -> list[str]:
    """Return the command line; `quiet`: of what mitmproxy has to say only our lines are shown."""
    command = [str(program), "-s", str(script)]
    command += ["--listen-host", settings.host, "--listen-port", str(settings.port)]
    if quiet:
        command += ["--set", "flow_detail=0", "--set", "termlog_verbosity=alert"]  # our lines, not every connection
    if settings.recording is not None:
        command += ["-w", str(settings.recording.resolve())]
    options: list[tuple[str, object]] = [("db", settings.db.resolve()), ("session", settings.session)]
    options += [("rules", path.resolve()) for path in settings.rules]
    options += [("packs", pack) for pack in settings.packs]
    if settings.persona is not None:
        options.append(("persona", settings.persona.resolve()))
    if settings.alert:
        options.append(("alert", settings.alert))
    options += [(name, "true") for name in ("hold", "bell") if getattr(settings, name)]
    for name, value in options:
        command += ["--set", f"pixelwitness_{name}={value}"]
    return command


def make_recording(path: Path) -> None:
    """Make an empty recording that only its owner can read; one that exists is never written over.

    Raises typer.BadParameter.
    """
    if "%" in str(path) or str(path).startswith("+"):
        raise typer.BadParameter(f"--record {path}: mitmproxy gives + and % a meaning of their own; name another file")
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        raise typer.BadParameter(f"--record {path} exists, and no recording is written over; name another") from None
    except OSError as error:
        raise typer.BadParameter(f"--record {path} cannot be made: {error.strerror or error}") from None
    os.close(descriptor)


def check_ports(host: str, port: int, *, web: bool, arguments: Sequence[str]) -> None:
    """Raise typer.BadParameter where a port is in use that mitmproxy is going to want.

    `arguments` are the user's own for mitmproxy: a mode or a port named there is mitmproxy's to judge.
    """
    if not any(argument.split("=")[0] in _OWN_PORT for argument in arguments):
        _check(host, port, "--port", "the proxy")
    if web:
        chosen = _web_port(arguments)
        if chosen == port != 0:
            raise typer.BadParameter(f"--port {port} is also the port of mitmweb's pages; choose another")
        _check("127.0.0.1", chosen, f"-- {_OWN_WEB_PORT}", "mitmweb's pages")


def _web_port(arguments: Sequence[str]) -> int:
    for index, argument in enumerate(arguments):
        name, _, value = argument.partition("=")
        if name == _OWN_WEB_PORT:
            text = value or next(iter(arguments[index + 1 : index + 2]), "")
            return int(text) if text.isdigit() else 0
    return WEB_PORT


def _check(host: str, port: int, option: str, what: str) -> None:
    if port == 0:
        return
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        raise typer.BadParameter(f"--host {host!r} is no address of this machine, such as 127.0.0.1") from None
    family, kind, protocol, _, address = found[0]
    with socket.socket(family, kind, protocol) as probe:
        if os.name == "posix":  # as mitmproxy does, so that a port just left is not called busy
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise typer.BadParameter(
                f"{host}:{port} cannot be used for {what} ({error.strerror or error}), perhaps another proxy still "
                f"runs there; choose another with {option} {port + 10 if port < 65000 else port - 10}"
            ) from None
