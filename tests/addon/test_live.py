"""The addon in the real loader: `mitmdump -s`, with every connection ending at an origin on loopback."""

import contextlib
import hashlib
import json
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from addon.flows import FlowFileReader
from addon.replay import replay
from addon.store.store import Store
from cli.commands.gathering import addon_script
from cli.report import build_report
from rules.engine import Matcher
from rules.loader import load_rules

MITMDUMP = Path(sys.executable).with_name("mitmdump")
PIXEL = (
    "/tr/?id=900000000000077&ev=PageView&dl=https%3A%2F%2Fwww.clinic.example%2Fhiv-clinic%2F"
    "&if=false&ts={ts}&v=2.9.383&ec={ec}&it=1"
)


@pytest.fixture(scope="module")
def matcher():
    return Matcher(load_rules())


def browse(proxy) -> None:
    cookie = {"Cookie": "c_user=100000000000042; xs=12%3Asecretsecretsecret", "Referer": "https://www.clinic.example/"}
    page = {"Accept": "text/html", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "none"}
    assert proxy.get("www.clinic.example", "/hiv-clinic/", page) == 200
    assert proxy.get("www.facebook.com", PIXEL.format(ts=1795314223676, ec=0), cookie) == 200
    # the same event again over the second address, which must not be a second event
    copy = PIXEL.format(ts=1795314223676, ec=0).replace("/tr/", "/privacy_sandbox/pixel/register/trigger/", 1)
    assert proxy.get("www.facebook.com", copy, cookie) == 200
    assert proxy.get("notfacebook.example", "/tr/?id=1", cookie) == 200


def events_in(db: Path) -> list[tuple[str, int, str]]:
    connection = sqlite3.connect(f"file:{db}?mode=ro", uri=True)
    try:
        return connection.execute("SELECT event_name, score, consent_state FROM events").fetchall()
    finally:
        connection.close()


def test_a_session_is_recorded_readable_while_open_and_closed_cleanly(proxy, matcher):
    running = proxy()
    running.wait_until_open()
    browse(running)
    deadline = time.monotonic() + 90
    while not events_in(running.db) and time.monotonic() < deadline:
        time.sleep(0.2)
    (open_event,) = events_in(running.db)
    assert open_event[0] == "PageView"
    assert open_event[1] >= 60
    with Store(running.db, create=False) as store:
        open_report = build_report(store, store.session("visit"))
    assert len(open_report.events) == len(open_report.acts) == 1
    assert not open_report.session.complete

    assert running.close() == 0
    with Store(running.db, create=False) as store:
        report = build_report(store, store.session("visit"))
    assert report.session.complete
    (event,) = report.events
    assert [request.transport for request in event.requests] == ["image", "sandbox_copy"]
    assert event.linkability == "account"
    assert event.delivery == "answered"
    assert event.consent.state == "no_choice_yet"
    assert event.client_ip == "127.0.…"
    assert stat.S_IMODE(running.db.stat().st_mode) == 0o600
    for file in running.db.parent.glob("live.db*"):
        assert b"secretsecret" not in file.read_bytes()
    log = running.output()
    assert "PageView" in log
    assert "hiv_sexual_health" in log
    assert "Traceback" not in log
    assert "100000000000042" not in log


def test_live_and_the_replay_of_its_recording_agree(proxy, matcher):
    running = proxy()
    running.wait_until_open()
    browse(running)
    assert running.close() == 0
    with Store(running.db, create=False) as store:
        live = build_report(store, store.session("visit"))
        replay(store, matcher, "again", [running.recording])
        again = build_report(store, store.session("again"))
        # reading the recording into the live session adds nothing to it
        replay(store, matcher, "visit", [running.recording])
        merged = build_report(store, store.session("visit"))

    def comparable(report):
        data = json.loads(report.model_dump_json())["events"]
        for event in data:
            for request in event["requests"]:
                request.pop("source")
                request.pop("position")
        return data

    assert comparable(live) == comparable(again) == comparable(merged)


def test_the_recording_holds_what_was_received(proxy):
    running = proxy()
    running.wait_until_open()
    browse(running)
    assert running.close(signal.SIGTERM) == 0
    reader = FlowFileReader(running.recording, running.recording.stat().st_size)
    requests = list(reader)
    assert reader.complete
    assert [request.status for request in requests] == [200] * 4
    assert any(value.startswith("c_user=") for request in requests for _, value in request.headers)


def test_options_are_documented_and_checked(tmp_path):
    listing = subprocess.run(
        [str(MITMDUMP), "-s", str(addon_script()), "--options", "--set", f"confdir={tmp_path}"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    options = ("db", "session", "rules", "packs", "min_score")
    for name in options:
        assert f"pixelwitness_{name}" in listing.stdout


def test_optional_packs_are_recorded_beside_health_and_kept(proxy, matcher):
    running = proxy("--set", "pixelwitness_packs=religion", "--set", "pixelwitness_packs=politics")
    running.wait_until_open()
    pixel = PIXEL.format(ts=1795314223676, ec=0).replace("hiv-clinic", "hiv-clinic%2Fmass-times")
    assert running.get("www.facebook.com", pixel) == 200
    deadline = time.monotonic() + 90
    while not events_in(running.db) and time.monotonic() < deadline:
        time.sleep(0.2)
    with Store(running.db, create=False) as store:
        while_open = build_report(store, store.session("visit"))
    assert running.close() == 0
    with Store(running.db, create=False) as store:
        closed = build_report(store, store.session("visit"))
        replay(store, matcher, "visit", [running.recording])
        merged = build_report(store, store.session("visit"))
    for report in (while_open, closed, merged):
        assert report.packs == ("politics", "religion")
        (event,) = report.events
        assert event.topics[0] == "hiv_sexual_health"
        assert event.other is not None
        assert event.other.categories == ("religion",)
        assert [rule.rule for rule in report.other_rules] == ["en/religion/worship"]
    assert "apart from health: religion (70 high)" in running.output()


def test_an_unknown_pack_stops_the_proxy_and_names_the_known(proxy):
    running = proxy("--set", "pixelwitness_packs=astrology")
    assert running.process.wait(timeout=90) != 0
    assert "Traceback" not in running.output()
    assert "there is no optional pack “astrology”; there are: biometric_genetic, ethnicity," in running.output()


def test_a_test_person_is_looked_for_when_the_session_closes(proxy, tmp_path):
    person = tmp_path / "person.yaml"
    person.write_text("email: jo.bloggs@example.com\nphone: 07700 900123\n", "utf-8")
    live = proxy("--set", f"pixelwitness_persona={person}")
    live.wait_until_open()
    digest = hashlib.sha256(b"jo.bloggs@example.com").hexdigest()
    assert live.get("www.facebook.com", PIXEL.format(ts=int(time.time() * 1000), ec=0) + f"&ud[em]={digest}") == 200
    assert live.close() == 0
    with Store(live.db, create=False) as store:
        report = build_report(store, store.session("visit"))
    (section,) = report.test_persons
    assert [item.detail for item in section.left] == ["e-mail address"]
    assert section.never_left == ("phone number",)


def test_a_mistake_in_a_persons_file_stops_the_proxy_and_names_the_place(proxy, tmp_path):
    person = tmp_path / "person.yaml"
    person.write_text("emial: jo@example.com\n", "utf-8")
    broken = proxy("--set", f"pixelwitness_persona={person}")
    assert broken.process.wait(timeout=30) != 0
    assert f"{person}:1: emial: is not known; did you mean email?" in broken.output()


def test_a_bad_rule_file_stops_the_proxy_and_names_the_place(proxy, tmp_path):
    bad = tmp_path / "mine.yaml"
    bad.write_text("version: 1\nkind: nonsense\n")
    running = proxy("--set", f"pixelwitness_rules={bad}")
    assert running.process.wait(timeout=90) != 0
    assert "mine.yaml" in running.output()


def test_a_database_that_cannot_be_used_stops_the_proxy_before_any_traffic(proxy, tmp_path):
    (tmp_path / "live.db").write_text("this is no database, and long enough to be read as one" * 30)
    running = proxy()
    assert running.process.wait(timeout=90) != 0
    log = running.output()
    assert "could not record" in log
    assert "incomplete" in log
    assert "Traceback" not in log


def test_a_misspelt_option_stops_the_proxy_and_the_right_one_is_named(proxy):
    running = proxy("--set", "pixelwitness_sesion=other")
    assert running.process.wait(timeout=90) != 0
    assert "no option pixelwitness_sesion; did you mean pixelwitness_session?" in running.output()
    assert not running.db.exists()


def test_the_proxy_command_closes_its_session_when_it_is_ended(tmp_path, free_port):
    port = free_port()
    db = tmp_path / "command.db"
    arguments = ["proxy", "--port", str(port), "--db", str(db), "--session", "visit", "--"]
    command = [sys.executable, "-m", "cli.main", *arguments, "--set", f"confdir={tmp_path / 'conf'}"]
    with (tmp_path / "log.txt").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            for _ in range(900):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                    break
                time.sleep(0.1)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=90) == 0
        finally:
            process.kill()
    with Store(db, create=False) as store:
        assert build_report(store, store.session("visit")).session.complete
    assert b"closed session visit" in (tmp_path / "log.txt").read_bytes()
