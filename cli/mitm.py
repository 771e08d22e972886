"""How mitmproxy of this environment is started with the addon: its command line, ports and folder of keys."""

import contextlib
import errno
import socket
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import typer

RECORDING_WARNING = (
    "The recording will hold everything, session cookies and passwords too: keep it safe, delete it in time."
)


class Interface(StrEnum):
    """Which of mitmproxy's programs runs."""

    DUMP = "dump"
    WEB = "web"
    CONSOLE = "console"


_PROGRAMS = {Interface.DUMP: "mitmdump", Interface.WEB: "mitmweb", Interface.CONSOLE: "mitmproxy"}


class ProxySettings(NamedTuple):
    """What a proxy is started with.

    `session` empty: the addon names it. `recording` is the `.mitm` file it writes. `hold`: pixel requests do not
    leave. `alert` is the score from which an event is called out, 0 for never; `bell` rings then. `confdir` is the
    folder of the authority's keys, None for mitmproxy's own. `options` are further settings of mitmproxy as
    `name=value`, and `extra` what goes to mitmproxy as it is.
    """

    ui: Interface
    db: Path
    session: str
    host: str
    port: int
    rules: Sequence[Path] = ()
    packs: Sequence[str] = ()
    persona: Path | None = None
    recording: Path | None = None
    hold: bool = False
    alert: int = 0
    bell: bool = False
    confdir: Path | None = None
    options: Sequence[str] = ()
    extra: Sequence[str] = ()


def addon_script() -> Path:
    """Return the path of the script that mitmproxy loads."""
    import addon  # noqa: PLC0415 - only its place is needed

    return Path(addon.__file__ or "").with_name("script.py").resolve()


def program(ui: Interface) -> Path:
    """Return mitmproxy's program in this environment. Raises typer.BadParameter where it is missing."""
    found = Path(sys.executable).with_name(_PROGRAMS[ui] + (".exe" if sys.platform == "win32" else ""))
    if not found.exists():
        raise typer.BadParameter(f"{found.name} is not installed beside this Python; reinstall Pixelwitness")
    return found


def command_line(settings: ProxySettings) -> list[str]:
    """Return the words that start mitmproxy with the addon.

    Raises UnknownPackError for an optional pack that does not exist, typer.BadParameter for a missing program.
    """
    from rules.loader import pack_names  # noqa: PLC0415 - loaded when needed

    words = [str(program(settings.ui)), "-s", str(addon_script())]
    words += ["--listen-host", settings.host, "--listen-port", str(settings.port)]
    if settings.recording is not None:
        # mitmproxy reads the name as a pattern of strftime
        words += ["-w", str(settings.recording.resolve()).replace("%", "%%")]
    options = [f"pixelwitness_db={settings.db.resolve()}", f"pixelwitness_session={settings.session}"]
    options += [f"pixelwitness_rules={path.resolve()}" for path in settings.rules]
    options += [f"pixelwitness_packs={pack}" for pack in pack_names(settings.packs)]
    if settings.persona is not None:
        options.append(f"pixelwitness_persona={settings.persona.resolve()}")
    if settings.hold:
        options.append("pixelwitness_hold=true")
    if settings.alert:
        options.append(f"pixelwitness_alert={settings.alert}")
    if settings.bell:
        options.append("pixelwitness_bell=true")
    if settings.confdir is not None:
        options.append(f"confdir={settings.confdir}")
    if settings.ui is Interface.DUMP:
        options += ["flow_detail=0", "termlog_verbosity=alert"]  # our lines, not every connection
    for option in (*options, *settings.options):
        words += ["--set", option]
    return [*words, *settings.extra]


def free_port(host: str, preferred: int) -> int:
    """Return `preferred` if nothing listens on it at `host`, or a port that is free. Raises OSError."""
    with contextlib.suppress(OSError):
        return _bound(host, preferred)
    return _bound(host, 0)


def in_use(host: str, port: int) -> bool:
    """Tell whether something listens on `port` at `host` already. Raises OSError where `host` is not ours."""
    try:
        _bound(host, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return True
        raise
    return False


def _bound(host: str, port: int) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        if sys.platform != "win32":  # as the proxy does, so that a port it just left is free again
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        return int(sock.getsockname()[1])
