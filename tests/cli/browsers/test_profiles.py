"""What isolated browsers are started with."""

import base64
import hashlib
import json
import re
import stat
import sys
from pathlib import Path

import pytest
from mitmproxy.certs import CertStore

from cli.browsers import certificate, chromium, firefox, profile
from cli.browsers.finding import Browser

PROXY = "127.0.0.1:18080"
PAGE = "127.0.0.1:19090"
BROWSER = Browser("Chromium", "chromium", ("/b/chromium",))

VISIBLE_TO_PAGES = ("--enable-automation", "--remote-debugging", "--headless", "--user-agent", "--incognito")
"""Switches that a page's script can notice, and the one that blocks cookies of other sites."""


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    CertStore.create_store(tmp_path / "keys", "mitmproxy", 2048)
    return tmp_path / "keys" / certificate.NAME


def test_the_key_hash_is_that_of_the_certificate_mitmproxy_makes(keys: Path) -> None:
    (pem,) = re.findall("-----BEGIN CERTIFICATE-----(.*?)-----END", keys.read_text(), re.DOTALL)
    der = base64.b64decode(pem)
    assert base64.b64decode(certificate.encoded(keys)) == der
    # the SubjectPublicKeyInfo of a 2048-bit RSA key: a sequence of 290 bytes, which the certificate holds as it is
    start = der.index(bytes.fromhex("30820122300d06092a864886f70d010101"))
    digest = hashlib.sha256(der[start : start + 294]).digest()
    assert certificate.public_key_hash(keys) == base64.b64encode(digest).decode()


def test_chromium_speaks_only_through_the_proxy(tmp_path: Path) -> None:
    words = chromium.arguments(tmp_path, PROXY, trusted_key="a2V5", not_proxied=[PAGE])
    assert f"--proxy-server=http://{PROXY}" in words
    # loopback goes through the proxy, the live page does not; the later rules win
    assert f"--proxy-bypass-list=<-loopback>;{chromium.DEAD};{PAGE}" in words
    assert "--ignore-certificate-errors-spki-list=a2V5" in words
    assert "--ignore-certificate-errors" not in words
    assert "--disable-quic" in words
    assert [word for word in words if "webrtc" in word]
    assert not [word for word in words if word.startswith(VISIBLE_TO_PAGES)]


def test_no_trust_without_a_key(tmp_path: Path) -> None:
    words = chromium.arguments(tmp_path, PROXY, trusted_key=None, not_proxied=[])
    assert not [word for word in words if "certificate" in word and "features" not in word]
    assert "--test-type" not in words


@pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is given up on Linux only")
def test_the_sandbox_is_given_up_for_root_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for user, given_up in ((0, True), (1000, False)):
        monkeypatch.setattr(chromium.os, "geteuid", lambda user=user: user)
        words = chromium.arguments(tmp_path, PROXY, trusted_key="a2V5", not_proxied=[])
        assert ("--no-sandbox" in words) is given_up


def test_the_users_own_options_come_last(tmp_path: Path) -> None:
    words = chromium.arguments(tmp_path, PROXY, trusted_key=None, not_proxied=[], options=["--lang=cy"])
    assert words[-1] == "--lang=cy"


def test_chromium_allows_cookies_of_other_sites(tmp_path: Path) -> None:
    chromium.prepare(tmp_path)
    written = json.loads((tmp_path / "Default" / "Preferences").read_text())
    assert written["profile"]["cookie_controls_mode"] == 0
    assert json.loads((tmp_path / "Local State").read_text()) == {"background_mode": {"enabled": False}}


def test_firefox_speaks_only_through_the_proxy(tmp_path: Path) -> None:
    firefox.prepare(tmp_path, PROXY, [PAGE])
    lines = (tmp_path / "user.js").read_text().splitlines()
    settings = dict(json.loads(f"[{line.removeprefix('user_pref(').removesuffix(');')}]") for line in lines)
    assert len(settings) == len(lines)
    assert settings["network.proxy.type"] == 1
    assert (settings["network.proxy.ssl"], settings["network.proxy.ssl_port"]) == ("127.0.0.1", 18080)
    assert settings["network.proxy.no_proxies_on"] == PAGE
    assert settings["network.proxy.allow_hijacking_localhost"] is True
    # cookies and tracking protection are left as Firefox has them
    assert not [name for name in settings if "cookie" in name.lower() or "trackingprotection" in name]


def test_the_folder_is_private_and_goes_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile.tempfile, "tempdir", str(tmp_path))
    folder = profile.make_throw_away(BROWSER)
    assert folder.parent == tmp_path
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (folder / "profile").mkdir()
    (folder / "profile" / "Cookies").write_bytes(b"secret")
    assert profile.throw_away(folder)
    assert not folder.exists()


def test_a_snap_gets_a_folder_that_it_can_see(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    folder = profile.make_throw_away(BROWSER._replace(confinement="snap", application="chromium"))
    assert folder.parent == tmp_path / "snap" / "chromium" / "common"


def test_a_flatpak_is_let_into_the_folder(tmp_path: Path) -> None:
    packed = Browser("Chromium", "chromium", ("flatpak", "run"), "flatpak", "org.chromium.Chromium")
    assert profile.starting(packed, tmp_path) == (
        "flatpak", "run", f"--filesystem={tmp_path}", "org.chromium.Chromium",
    )  # fmt: skip
    assert profile.starting(BROWSER, tmp_path) == ("/b/chromium",)


def test_temporary_files_go_with_the_folder_unless_its_path_is_too_long(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("TMPDIR", "/as/before")
    monkeypatch.setattr(profile, "_LONGEST", 0)
    assert profile.environment(BROWSER, tmp_path)["TMPDIR"] == "/as/before"
    monkeypatch.setattr(profile, "_LONGEST", 1000)
    assert profile.environment(BROWSER, tmp_path)["TMPDIR"] == str(tmp_path / "t")
    assert stat.S_IMODE((tmp_path / "t").stat().st_mode) == 0o700
