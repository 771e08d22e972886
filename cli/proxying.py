"""What is checked before a proxy is started that the user sets up: its ports, and the file it records into."""

import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import typer

WEB_PORT: Final = 8081
"""Where mitmweb shows its pages unless told otherwise."""

_OWN_PORT: Final = ("-p", "--listen-port", "-m", "--mode")
_OWN_WEB_PORT: Final = "--web-port"


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
