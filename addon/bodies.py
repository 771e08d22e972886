"""Which answers are looked into, and how their bodies are unpacked: never into more than `MAX_UNPACKED` bytes."""

import io
import zlib

MAX_KEPT_RESPONSE = 3_000_000
"""Longest response body, in bytes as sent, that is looked into (pages and pixel configurations)."""

MAX_UNPACKED = 16_000_000
"""How many bytes of an unpacked body are kept; nothing reads that far."""


def is_looked_into(content_type: str) -> bool:
    """Tell whether an answer of this type may be a page or a script."""
    lowered = content_type.lower()
    return "html" in lowered or "javascript" in lowered


def unpacked(content: bytes, encoding: str) -> bytes:
    """Return a body without its Content-Encoding; one that cannot be unpacked comes back as it is."""
    unpack = {"gzip": _gzip, "deflate": _deflate, "br": _brotli, "zstd": _zstd}.get(encoding.lower())
    if unpack is None or not content:
        return content
    try:
        return unpack(content)
    except ValueError:
        return content


def _gzip(content: bytes) -> bytes:
    try:
        return zlib.decompressobj(32 + zlib.MAX_WBITS).decompress(content, MAX_UNPACKED)
    except zlib.error as error:
        raise ValueError(str(error)) from None


def _deflate(content: bytes) -> bytes:
    for window in (zlib.MAX_WBITS, -zlib.MAX_WBITS):  # some servers leave the header out
        unpacker = zlib.decompressobj(window)
        try:
            found = unpacker.decompress(content, MAX_UNPACKED)
        except zlib.error:
            continue
        if unpacker.eof or len(found) == MAX_UNPACKED:
            return found
    raise ValueError("no deflate stream")


def _brotli(content: bytes) -> bytes:
    import brotli  # noqa: PLC0415 - few captures need it

    unpacker = brotli.Decompressor()
    try:
        found: bytes = unpacker.process(content, output_buffer_limit=MAX_UNPACKED)
    except brotli.error as error:
        raise ValueError(str(error)) from None
    if not unpacker.is_finished() and len(found) < MAX_UNPACKED:
        raise ValueError("cut")
    return found[:MAX_UNPACKED]


def _zstd(content: bytes) -> bytes:
    import zstandard  # noqa: PLC0415 - few captures need it

    try:
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(content), read_across_frames=True) as stream:
            return stream.read(MAX_UNPACKED)
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from None
