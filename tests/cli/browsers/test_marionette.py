"""A Firefox that takes a certificate: against a server that speaks its protocol, and against a real one."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest
from mitmproxy.certs import CertStore

from cli.browsers import certificate, firefox
from cli.browsers.finding import BrowserError
from cli.browsers.marionette import MarionetteError, trust

GREETING = {"applicationType": "gecko", "marionetteProtocol": 3}


def converse(answers, *, broken: bytes | None = None):
    """Let `trust` speak with a server that answers each command by name; return what it was asked."""
    asked = []

    async def serve(reader, writer):
        def send(content):
            body = json.dumps(content).encode()
            writer.write(str(len(body)).encode() + b":" + body)

        send(GREETING)
        while not reader.at_eof():
            try:
                length = int((await reader.readuntil(b":"))[:-1])
            except asyncio.IncompleteReadError:
                break
            _, number, command, parameters = json.loads(await reader.readexactly(length))
            asked.append((command, parameters))
            if broken is not None:
                writer.write(broken)
                break
            error, result = answers.get(command, (None, {}))
            send([1, number, error, result])
        writer.close()

    async def run():
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            await trust(server.sockets[0].getsockname()[1], "Q0E=")

    asyncio.run(run())
    return asked


def test_the_certificate_is_added_in_the_browsers_own_context() -> None:
    asked = converse({"WebDriver:ExecuteScript": (None, {"value": True})})
    assert [command for command, _ in asked] == [
        "WebDriver:NewSession", "Marionette:SetContext", "WebDriver:ExecuteScript", "Marionette:Quit",
    ]  # fmt: skip
    assert asked[1][1] == {"value": "chrome"}
    assert asked[2][1]["args"] == ["Q0E="]


def test_a_certificate_that_is_not_trusted_afterwards_is_an_error() -> None:
    with pytest.raises(MarionetteError, match="not trusted"):
        converse({"WebDriver:ExecuteScript": (None, {"value": False})})


def test_a_refusal_is_told_in_its_words() -> None:
    refusal = {"error": "unsupported operation", "message": "System access is required", "stacktrace": ""}
    with pytest.raises(MarionetteError, match="System access is required"):
        converse({"Marionette:SetContext": (refusal, None)})


@pytest.mark.parametrize(
    "broken", [b"", b"12:short", b"nonsense:{}", b"99999999999:{}", b"2:[]", b"4:null", b"x" * 70000]
)
def test_an_answer_that_is_none_is_an_error(broken) -> None:
    with pytest.raises(MarionetteError):
        converse({}, broken=broken)


def test_a_firefox_that_does_not_start_says_what_to_do(tmp_path: Path) -> None:
    profile = tmp_path / "profile"
    profile.mkdir()
    with pytest.raises(BrowserError, match=r"would not take .*\(it ended with 1\)\. Use --browser chromium"):
        asyncio.run(firefox.trust_in(profile, ["false"], "Q0E="))
    assert [path.name for path in tmp_path.iterdir()] == ["profile"]


def test_a_real_firefox_takes_the_certificate(tmp_path: Path) -> None:
    found = next((name for name in ("firefox", "firefox-esr") if shutil.which(name)), None)
    if found is None:
        pytest.skip("no Firefox on this machine")
    CertStore.create_store(tmp_path / "keys", "mitmproxy", 2048)
    profile = tmp_path / "profile"
    profile.mkdir()
    encoded = certificate.encoded(tmp_path / "keys" / certificate.NAME)
    asyncio.run(firefox.trust_in(profile, [found], encoded))
    assert sorted(path.name for path in profile.iterdir()) == ["cert9.db", "key4.db", "pkcs11.txt"]
    assert b"mitmproxy" in (profile / "cert9.db").read_bytes()
