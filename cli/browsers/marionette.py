"""Letting a Firefox put a certificate into a profile, over its own remote protocol.

Marionette speaks JSON over TCP, each message preceded by its length and a colon: a request is
`[0, id, command, parameters]`, an answer `[1, id, error, result]`
(https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html).
"""

import asyncio
import json
from typing import Any

_LARGEST = 1_000_000
_LONGEST_LENGTH = 8

_TRUST = """
const certificates = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB);
const authority = certificates.addCertFromBase64(arguments[0], "C,,");
return certificates.isCertTrusted(authority, Ci.nsIX509Cert.CA_CERT, Ci.nsIX509CertDB.TRUSTED_SSL);
"""


class MarionetteError(Exception):
    """Firefox refused, or answered what the protocol does not know."""


async def trust(port: int, certificate: str) -> None:
    """Trust an authority for websites in the profile of the Firefox that listens on `port`, then let it quit.

    `certificate` is base64 of its DER form. Raises MarionetteError and OSError.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        await _message(reader)  # its greeting
        await _ask(reader, writer, 1, "WebDriver:NewSession", {"capabilities": {}})
        await _ask(reader, writer, 2, "Marionette:SetContext", {"value": "chrome"})
        result = await _ask(reader, writer, 3, "WebDriver:ExecuteScript", {"script": _TRUST, "args": [certificate]})
        if result.get("value") is not True:
            raise MarionetteError("the certificate is not trusted after it was added")
        await _ask(reader, writer, 4, "Marionette:Quit", {"flags": ["eAttemptQuit"]})
    finally:
        writer.close()


async def _ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int, command: str, parameters: dict[str, Any]
) -> dict[str, Any]:
    body = json.dumps([0, number, command, parameters]).encode()
    writer.write(b"%d:%s" % (len(body), body))
    await writer.drain()
    answer = await _message(reader)
    match answer:
        case [1, int(known), None, dict(result)] if known == number:
            return result
        case [1, int(known), dict(error), _] if known == number:
            raise MarionetteError(f"{command}: {error.get('error')}: {error.get('message')}")
    raise MarionetteError(f"{command}: an answer that is none")


async def _message(reader: asyncio.StreamReader) -> Any:
    try:
        length = (await reader.readuntil(b":"))[:-1]
        if len(length) > _LONGEST_LENGTH or not length.isdigit() or int(length) > _LARGEST:
            raise MarionetteError("a message of no sensible length")
        return json.loads(await reader.readexactly(int(length)))
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
        raise MarionetteError(f"the connection broke off ({error})") from None
