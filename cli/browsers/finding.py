"""Which browser of this machine is used, and what has to be known of how it was installed."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

type Family = Literal["chromium", "firefox"]
type Confinement = Literal["none", "snap", "flatpak"]

NO_BROWSER = "none"


class BrowserError(Exception):
    """A browser cannot be used. The message says why and what to do."""


class Browser(NamedTuple):
    """A browser: its name for people, its family, the words that start it, and how it is confined.

    `application` is the id of a flatpak, or the name of a snap.
    """

    name: str
    family: Family
    command: tuple[str, ...]
    confinement: Confinement = "none"
    application: str = ""


class _Kind(NamedTuple):
    """One make of browser and where it is found."""

    key: str
    name: str
    family: Family
    programs: tuple[str, ...]
    mac: str
    windows: str
    flatpak: str


# The first found is used: Chrome is what most visitors have; Chromium behaves as it does with our profile.
_KINDS = (
    _Kind(
        "chrome", "Chrome", "chromium", ("google-chrome", "google-chrome-stable", "chrome"),
        "Google Chrome.app/Contents/MacOS/Google Chrome", r"Google\Chrome\Application\chrome.exe",
        "com.google.Chrome",
    ),
    _Kind(
        "chromium", "Chromium", "chromium", ("chromium", "chromium-browser"),
        "Chromium.app/Contents/MacOS/Chromium", r"Chromium\Application\chrome.exe", "org.chromium.Chromium",
    ),
    _Kind(
        "edge", "Edge", "chromium", ("microsoft-edge", "microsoft-edge-stable"),
        "Microsoft Edge.app/Contents/MacOS/Microsoft Edge", r"Microsoft\Edge\Application\msedge.exe",
        "com.microsoft.Edge",
    ),
    _Kind(
        "firefox", "Firefox", "firefox", ("firefox", "firefox-esr"),
        "Firefox.app/Contents/MacOS/firefox", r"Mozilla Firefox\firefox.exe", "org.mozilla.firefox",
    ),
)  # fmt: skip

_START = 4096
"""How much of a start script is read for who it calls."""


class Machine(NamedTuple):
    """What is asked of the machine; tests answer for another one."""

    platform: str
    environment: Mapping[str, str]
    which: Callable[[str], str | None]
    is_file: Callable[[Path], bool]
    has_flatpak: Callable[[str], bool]


def this_machine() -> Machine:
    """Return the machine this runs on."""
    return Machine(sys.platform, os.environ, shutil.which, Path.is_file, _has_flatpak)


def find(wanted: str | None = None, machine: Machine | None = None) -> Browser:
    """Return the browser `wanted` (chrome, chromium, edge, firefox or a path), or the first one found.

    Raises BrowserError with what to do.
    """
    machine = machine or this_machine()
    kinds = {kind.key: kind for kind in _KINDS}
    if wanted is None:
        found = next((browser for kind in _KINDS for browser in _installed(kind, machine)), None)
        if found is None:
            raise BrowserError(
                "No browser was found on this machine. Install Chromium, Chrome, Edge or Firefox, or name one with "
                "--browser PATH. With --no-browser you use the proxy from a browser or phone of your own."
            )
        return found
    if wanted in kinds:
        found = next(_installed(kinds[wanted], machine), None)
        if found is None:
            raise BrowserError(
                f"{kinds[wanted].name} was not found on this machine. Name its program with --browser PATH, "
                "or leave --browser out to use what there is."
            )
        return found
    place = machine.which(wanted)
    if place is None:
        raise BrowserError(
            f"--browser {wanted}: no such program. Name one of {', '.join(kinds)}, the path of a browser, or "
            f"{NO_BROWSER}."
        )
    return _at(Path(place), machine)


def version_of(browser: Browser) -> str | None:
    """Return what the browser calls itself, such as `Chromium 156.0.1`, or None where it does not say."""
    try:
        told = subprocess.run(  # noqa: S603 - the browser that was chosen
            [*browser.command, "--version"], capture_output=True, text=True, timeout=15, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return None
    line = told.strip().partition("\n")[0][:80]
    return line if any(char.isdigit() for char in line) else None


def screen_missing(machine: Machine | None = None) -> bool:
    """Tell whether no window can be opened here, as in a remote shell."""
    machine = machine or this_machine()
    has_own_screen = machine.platform in {"darwin", "win32"}
    return not has_own_screen and not any(machine.environment.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def _installed(kind: _Kind, machine: Machine) -> Iterator[Browser]:
    if machine.platform == "darwin":
        folders = [Path("/Applications"), Path(machine.environment.get("HOME", "/")) / "Applications"]
        for folder in folders:
            if machine.is_file(folder / kind.mac):
                yield Browser(kind.name, kind.family, (str(folder / kind.mac),))
    if machine.platform == "win32":
        for name in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA"):
            place = f"{machine.environment.get(name, '')}\\{kind.windows}"
            if machine.environment.get(name) and machine.is_file(Path(place)):
                yield Browser(kind.name, kind.family, (place,))
    for program in kind.programs:
        found = machine.which(program)
        if found is not None:
            yield _confined(Browser(kind.name, kind.family, (found,)))
    if machine.platform == "linux" and machine.has_flatpak(kind.flatpak):
        yield Browser(kind.name, kind.family, ("flatpak", "run"), "flatpak", kind.flatpak)


def _at(place: Path, machine: Machine) -> Browser:
    """Return the browser at a path, judged by its name: forks of Firefox and of Chromium carry it mostly."""
    text = place.name.lower()
    for kind in _KINDS:
        if place.name in kind.programs or str(place) in {b.command[0] for b in _installed(kind, machine)}:
            return _confined(Browser(kind.name, kind.family, (str(place),)))
    family: Family = "firefox" if any(name in text for name in ("firefox", "librewolf", "waterfox")) else "chromium"
    return _confined(Browser(place.name, family, (str(place),)))


def _confined(browser: Browser) -> Browser:
    """Return the browser with what a snap needs: it sees neither /tmp nor hidden folders of the home folder."""
    place = Path(browser.command[0])
    try:
        target = place.resolve()
        with target.open("rb") as file:
            start = file.read(_START)
    except OSError:
        return browser
    if "/snap/bin/" not in str(place) and target.name != "snap" and not (start[:2] == b"#!" and b"/snap/bin/" in start):
        return browser
    return browser._replace(confinement="snap", application=place.name.removesuffix("-browser"))


def _has_flatpak(application: str) -> bool:
    program = shutil.which("flatpak")
    if program is None:
        return False
    done = subprocess.run(  # noqa: S603 - a fixed question
        [program, "info", application], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, timeout=30
    )
    return done.returncode == 0
