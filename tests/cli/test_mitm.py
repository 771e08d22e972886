"""How mitmproxy is started with the addon."""

import re
import socket
from pathlib import Path

import pytest

from cli.mitm import Interface, ProxySettings, addon_script, command_line, free_port, in_use

ROOT = Path(__file__).parents[2]


def settings(tmp_path: Path, **changes) -> ProxySettings:
    whole = ProxySettings(Interface.DUMP, tmp_path / "a.db", "visit", "127.0.0.1", 18080)
    return whole._replace(**changes)


def options_of(words: list[str]) -> list[str]:
    return [words[at + 1] for at, word in enumerate(words) if word == "--set"]


def test_the_addon_comes_before_everything_else(tmp_path: Path) -> None:
    words = command_line(settings(tmp_path, extra=("--mode", "wireguard")))
    assert Path(words[0]).name == "mitmdump"
    assert words[1:3] == ["-s", str(addon_script())]
    assert words[-2:] == ["--mode", "wireguard"]
    assert f"pixelwitness_db={tmp_path / 'a.db'}" in options_of(words)


def test_a_recordings_name_is_no_pattern(tmp_path: Path) -> None:
    words = command_line(settings(tmp_path, recording=tmp_path / "100%H.mitm"))
    assert words[words.index("-w") + 1] == str(tmp_path / "100%%H.mitm")


def test_what_is_not_asked_for_is_not_set(tmp_path: Path) -> None:
    extras = {"pixelwitness_hold=true", "pixelwitness_alert=70", "pixelwitness_bell=true"}
    assert extras <= set(options_of(command_line(settings(tmp_path, hold=True, alert=70, bell=True))))
    names = {option.partition("=")[0] for option in options_of(command_line(settings(tmp_path)))}
    assert names == {"pixelwitness_db", "pixelwitness_session", "flow_detail", "termlog_verbosity"}


@pytest.mark.parametrize("ui", list(Interface))
def test_only_mitmdump_is_told_to_be_quiet(tmp_path: Path, ui: Interface) -> None:
    options = options_of(command_line(settings(tmp_path, ui=ui)))
    assert ("flow_detail=0" in options) is (ui is Interface.DUMP)


def test_a_free_port_is_the_preferred_one_or_another() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert in_use("127.0.0.1", port)
        assert free_port("127.0.0.1", port) not in {0, port}
    assert not in_use("127.0.0.1", port)
    assert free_port("127.0.0.1", port) == port


def test_mitmproxy_ignores_options_it_does_not_know_so_every_one_must_exist() -> None:
    declared = set(re.findall(r'"(pixelwitness_\w+)"', (ROOT / "addon" / "live.py").read_text("utf-8")))
    used = set(re.findall(r"(pixelwitness_\w+)=", (ROOT / "cli" / "mitm.py").read_text("utf-8")))
    assert "pixelwitness_hold" in used
    assert used <= declared
