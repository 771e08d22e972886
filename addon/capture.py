"""Saved browsing sessions as a stream of requests, chosen by what the file holds, not by its name."""

import hashlib
from pathlib import Path

from addon.reader import CaptureError, CaptureReader

_SNIFFED = 4096
_CHUNK = 1 << 20


def read_capture(path: Path) -> CaptureReader:
    """Return a reader for the capture at `path`: mitmproxy flows or HAR.

    Raises CaptureError where there is no such file, it cannot be opened, is empty, or is no capture.
    """
    if path.is_dir():
        raise CaptureError(f"{path} is a folder; name the capture files in it")
    try:
        with path.open("rb") as file:
            head = file.read(_SNIFFED)
        size = path.stat().st_size
    except FileNotFoundError:
        raise CaptureError(f"{path}: no such file") from None
    except OSError as error:
        raise CaptureError(f"{path} cannot be opened: {error.strerror or error}") from None
    if not head:
        raise CaptureError(f"{path} is empty; was the recording stopped before anything was browsed?")
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"{"):
        from addon.har import HarReader  # noqa: PLC0415 - only what the file needs is imported

        return HarReader(path, size)
    if _looks_like_flows(head):
        from addon.frames import FrameReader  # noqa: PLC0415 - only what the file needs is imported

        return FrameReader(path, size)
    if head.startswith(b"\x1f\x8b"):
        raise CaptureError(f"{path} is compressed with gzip; unpack it first (gunzip)")
    if head.startswith(b"PK\x03\x04"):
        raise CaptureError(f"{path} is a ZIP archive; unpack it first")
    if head[:4] in {b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x0a\x0d\x0d\x0a"}:
        raise CaptureError(
            f"{path} is a packet capture; its TLS traffic cannot be read. Record with pixelwitness proxy instead"
        )
    raise CaptureError(f"{path} is neither a mitmproxy flow file nor a HAR; save the session as one of these")


def _looks_like_flows(head: bytes) -> bool:
    length, colon, _ = head.partition(b":")
    return bool(colon) and 0 < len(length) <= 12 and length.isdigit()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 (hex) of the file at `path`. Raises OSError where it cannot be read."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
