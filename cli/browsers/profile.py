"""The throw-away folder of one session: the browser's profile and the keys of the proxy's authority."""

import os
import shutil
import tempfile
import time
from pathlib import Path

from cli.browsers.finding import Browser

PREFIX = "pixelwitness-"

_LONGEST = 50
"""Chromium adds some 45 bytes to the path of its folder for temporary files."""


def make_throw_away(browser: Browser | None) -> Path:
    """Make an empty folder that only its owner can look into, where `browser` can see it. Raises OSError."""
    parent = None
    if browser is not None and browser.confinement == "snap":
        parent = Path.home() / "snap" / browser.application / "common"
        parent.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))


def throw_away(folder: Path) -> bool:
    """Remove the folder with all it holds; tell whether it is gone."""
    for pause in (0.0, 0.2, 1.0):  # a browser's last helper may still be writing
        time.sleep(pause)
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return True
    return False


def starting(browser: Browser, folder: Path) -> tuple[str, ...]:
    """Return the words that start `browser` so that it sees `folder`."""
    if browser.confinement == "flatpak":
        return (*browser.command, f"--filesystem={folder}", browser.application)
    return browser.command


def environment(browser: Browser, folder: Path) -> dict[str, str]:
    """Return the surroundings `browser` is started with: its temporary files go with the folder.

    A confined browser has a place of its own for them; and a socket's path must stay short (unix(7): 108 bytes).
    """
    surroundings = dict(os.environ)
    if browser.family == "firefox":
        # Firefox as released lets its list server be changed only so (services/settings/Utils.sys.mjs)
        surroundings["MOZ_REMOTE_SETTINGS_DEVTOOLS"] = "1"
    place = folder / "t"
    if browser.confinement == "none" and len(os.fsencode(place)) <= _LONGEST:
        place.mkdir(mode=0o700)
        surroundings["TMPDIR"] = str(place)
    return surroundings
