"""What is checked before a proxy starts, and the command line it is started with."""

import os
import socket
import stat
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from cli.main import app
from cli.proxying import check_ports, make_recording


@pytest.fixture
def taken():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        yield sock.getsockname()[1]


def test_a_port_in_use_is_one_sentence_and_exit_code_2(taken, tmp_path):
    done = CliRunner().invoke(app, ["proxy", "--port", str(taken), "--db", str(tmp_path / "x.db")])
    assert done.exit_code == 2
    assert f"127.0.0.1:{taken} cannot be used for the proxy" in done.output
    assert "choose another with --port" in done.output


def test_the_port_of_mitmwebs_pages_is_checked_too(taken):
    with pytest.raises(typer.BadParameter, match="mitmweb's pages"):
        check_ports("127.0.0.1", 0, web=True, arguments=["--web-port", str(taken)])
    with pytest.raises(typer.BadParameter, match="mitmweb's pages"):
        check_ports("127.0.0.1", 0, web=True, arguments=[f"--web-port={taken}"])
    with pytest.raises(typer.BadParameter, match="also the port of mitmweb's pages"):
        check_ports("127.0.0.1", 8081, web=True, arguments=["--mode", "regular"])


def test_a_mode_of_the_users_own_is_mitmproxys_to_judge(taken):
    check_ports("127.0.0.1", taken, web=False, arguments=["--mode", "regular@0"])
    check_ports("127.0.0.1", 0, web=False, arguments=[])


def test_a_host_that_is_none_is_said():
    with pytest.raises(typer.BadParameter, match="no address of this machine"):
        check_ports("no such host.example", 1, web=False, arguments=[])


def test_a_recording_is_private_and_never_written_over(tmp_path):
    path = tmp_path / "visit.mitm"
    before = os.umask(0)
    try:
        make_recording(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(typer.BadParameter, match="exists, and no recording is written over"):
        make_recording(path)
    with pytest.raises(typer.BadParameter, match="cannot be made"):
        make_recording(tmp_path / "no folder" / "visit.mitm")
    with pytest.raises(typer.BadParameter, match="meaning of their own"):
        make_recording(tmp_path / "%Y.mitm")


def test_a_bell_needs_an_alert(tmp_path):
    done = CliRunner().invoke(app, ["proxy", "--bell", "--db", str(tmp_path / "x.db")])
    assert done.exit_code == 2
    assert "--alert" in done.output


def test_a_database_that_is_none_is_exit_code_5(tmp_path):
    (tmp_path / "x.db").write_text("no database, and long enough to be read as one " * 30)
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "proxy", "--db", str(tmp_path / "x.db")],
        capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    assert done.returncode == 5
    assert "cannot be used as a database" in done.stderr
