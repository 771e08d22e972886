"""A capture is recognised by what it holds, whatever its name says."""

import gzip
import hashlib
import io
import os
import zipfile
from pathlib import Path

import pytest

from addon.capture import file_sha256, read_capture
from addon.reader import CaptureError

AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


@pytest.mark.parametrize("name", ["visit.mitm", "visit.flow", "visit.har", "visit.json", "visit", "visit.zip"])
def test_flows_are_flows_under_any_name(clinic, tmp_path: Path, name: str) -> None:
    reader = read_capture(clinic.save(tmp_path / name))
    assert reader.kind == "mitm"
    assert len(list(reader)) == 8


@pytest.mark.parametrize("name", ["visit.har", "visit.mitm", "visit.flow", "visit", "visit.gz"])
def test_a_har_is_a_har_under_any_name(clinic, tmp_path: Path, name: str) -> None:
    reader = read_capture(clinic.save_har(tmp_path / name))
    assert reader.kind == "har"
    assert len(list(reader)) == 8


@pytest.mark.parametrize("lead", [b"\xef\xbb\xbf", b"\n\n  ", b"\xef\xbb\xbf\r\n"])
def test_a_har_may_begin_with_a_mark_or_blanks(clinic, tmp_path: Path, lead: bytes) -> None:
    path = clinic.save_har(tmp_path / "visit.har")
    path.write_bytes(lead + path.read_bytes())
    reader = read_capture(path)
    assert len(list(reader)) == 8
    assert reader.complete
    assert reader.problems == []


def zipped() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("visit.har", "{}")
    return target.getvalue()


@pytest.mark.parametrize(
    ("content", "advice"),
    [
        (b"", "is empty"),
        (gzip.compress(b"{}"), "compressed with gzip; unpack it first"),
        (zipped(), "is a ZIP archive; unpack it first"),
        (b"\xd4\xc3\xb2\xa1" + b"\0" * 20, "packet capture"),
        (b"\xa1\xb2\xc3\xd4" + b"\0" * 20, "packet capture"),
        (b"\x0a\x0d\x0d\x0a" + b"\0" * 20, "packet capture"),
        (b"a shopping list", "neither a mitmproxy flow file nor a HAR"),
        (b"[1, 2]", "neither a mitmproxy flow file nor a HAR"),
        (b"<html></html>", "neither a mitmproxy flow file nor a HAR"),
        (b"1234567890123:x", "neither a mitmproxy flow file nor a HAR"),
        (b":", "neither a mitmproxy flow file nor a HAR"),
        (b"\xef\xbb\xbf", "neither a mitmproxy flow file nor a HAR"),
        (b"SQLite format 3\0", "neither a mitmproxy flow file nor a HAR"),
    ],
    ids=[
        "empty", "gzip", "zip", "pcap", "pcap-big-endian", "pcapng", "text", "json-list", "html", "long-number",
        "colon", "mark-only", "sqlite",
    ],
)  # fmt: skip
def test_what_is_no_capture_is_said_with_what_to_do(tmp_path: Path, content: bytes, advice: str) -> None:
    path = tmp_path / "thing.mitm"
    path.write_bytes(content)
    with pytest.raises(CaptureError, match=rf"thing\.mitm.*{advice}"):
        read_capture(path)


def test_a_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="is a folder; name the capture files in it"):
        read_capture(tmp_path)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"nothing\.mitm: no such file"):
        read_capture(tmp_path / "nothing.mitm")


@pytest.mark.skipif(AS_ROOT, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_said(clinic, tmp_path: Path) -> None:
    path = clinic.save(tmp_path / "visit.mitm")
    path.chmod(0)
    with pytest.raises(CaptureError, match="cannot be opened: Permission denied"):
        read_capture(path)


@pytest.mark.parametrize("kind", ["mitm", "har"])
def test_a_file_that_went_away_is_said(clinic, tmp_path: Path, kind: str) -> None:
    path = (clinic.save if kind == "mitm" else clinic.save_har)(tmp_path / "visit")
    reader = read_capture(path)
    path.unlink()
    with pytest.raises(CaptureError, match="cannot be opened: No such file"):
        list(reader)


@pytest.mark.parametrize("kind", ["mitm", "har"])
def test_a_reader_tells_how_far_it_is(clinic, tmp_path: Path, kind: str) -> None:
    path = (clinic.save if kind == "mitm" else clinic.save_har)(tmp_path / "visit")
    reader = read_capture(path)
    places = [reader.position() for _ in reader]
    assert places == sorted(places)
    assert 0 < places[0] <= places[-1] <= reader.size == path.stat().st_size
    assert reader.position() == reader.size
    assert (reader.seen, reader.complete) == (8, True)


def test_the_digest_is_of_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "large"
    content = os.urandom((1 << 20) + 7)
    path.write_bytes(content)
    assert file_sha256(path) == hashlib.sha256(content).hexdigest()
