"""Which browser is found on which machine."""

from pathlib import Path

import pytest

from cli.browsers.finding import Browser, BrowserError, Machine, find, screen_missing, version_of


@pytest.fixture
def machine():
    def make(platform="linux", programs=(), files=(), flatpaks=(), **environment):
        places = {Path(name).name: name for name in programs}
        return Machine(
            platform=platform,
            environment=environment,
            which=lambda name: places.get(name) or (name if name in places.values() else None),
            is_file=lambda path: str(path) in files,
            has_flatpak=lambda name: name in flatpaks,
        )

    return make


@pytest.mark.parametrize(
    ("programs", "name", "family"),
    [
        (("/b/firefox", "/b/chromium", "/b/google-chrome"), "Chrome", "chromium"),
        (("/b/firefox", "/b/chromium", "/b/microsoft-edge"), "Chromium", "chromium"),
        (("/b/firefox", "/b/microsoft-edge-stable"), "Edge", "chromium"),
        (("/b/firefox-esr",), "Firefox", "firefox"),
    ],
)
def test_the_first_of_the_order_is_taken(machine, programs, name, family) -> None:
    found = find(None, machine(programs=programs))
    assert (found.name, found.family) == (name, family)
    assert found.command[0] in programs


def test_a_name_chooses(machine) -> None:
    both = machine(programs=("/b/firefox", "/b/chromium"))
    assert find("firefox", both) == Browser("Firefox", "firefox", ("/b/firefox",))
    with pytest.raises(BrowserError, match="Edge was not found"):
        find("edge", both)


def test_no_browser_says_what_to_do(machine) -> None:
    with pytest.raises(BrowserError, match="--no-browser"):
        find(None, machine())
    with pytest.raises(BrowserError, match="no such program"):
        find("/b/nothing", machine())


@pytest.mark.parametrize(
    ("place", "name", "family"),
    [
        ("/opt/firefox-nightly", "firefox-nightly", "firefox"),
        ("/opt/librewolf", "librewolf", "firefox"),
        ("/opt/thorium", "thorium", "chromium"),
        ("/b/chromium", "Chromium", "chromium"),
    ],
)
def test_a_path_is_judged_by_its_name(machine, place, name, family) -> None:
    found = find(place, machine(programs=(place,)))
    assert (found.name, found.family, found.command) == (name, family, (place,))


def test_applications_of_a_mac(machine) -> None:
    place = "/Users/a/Applications/Firefox.app/Contents/MacOS/firefox"
    assert find(None, machine("darwin", files=(place,), HOME="/Users/a")).command == (place,)


def test_programs_of_windows(machine) -> None:
    place = r"C:\Program Files\Microsoft\Edge\Application\msedge.exe"
    found = find(None, machine("win32", files=(place,), PROGRAMFILES=r"C:\Program Files"))
    assert (found.name, found.command) == ("Edge", (place,))


def test_a_flatpak_is_named_by_its_application(machine) -> None:
    found = find(None, machine(flatpaks=("org.chromium.Chromium",)))
    assert found == Browser("Chromium", "chromium", ("flatpak", "run"), "flatpak", "org.chromium.Chromium")


def test_a_snap_is_told_by_what_its_start_script_calls(machine, tmp_path: Path) -> None:
    script = tmp_path / "chromium-browser"
    script.write_text("#!/bin/sh\nexec /snap/bin/chromium $@\n")
    found = find(None, machine(programs=(str(script),)))
    assert (found.confinement, found.application) == ("snap", "chromium")
    script.write_text("#!/bin/sh\nexec /usr/lib/chromium/chromium $@\n")
    assert find(None, machine(programs=(str(script),))).confinement == "none"


def test_where_windows_can_be_opened(machine) -> None:
    assert screen_missing(machine())
    assert screen_missing(machine(DISPLAY=""))
    assert not screen_missing(machine(DISPLAY=":0"))
    assert not screen_missing(machine(WAYLAND_DISPLAY="wayland-0"))
    assert not screen_missing(machine("darwin"))


def test_the_version_is_the_first_line_with_a_number(tmp_path: Path) -> None:
    script = tmp_path / "browser"
    script.write_text("#!/bin/sh\necho 'Thing 12.5 built'\n")
    script.chmod(0o700)
    assert version_of(Browser("Thing", "chromium", (str(script),))) == "Thing 12.5 built"
    script.write_text("#!/bin/sh\necho hello\n")
    assert version_of(Browser("Thing", "chromium", (str(script),))) is None
    assert version_of(Browser("Thing", "chromium", (str(tmp_path / "none"),))) is None
