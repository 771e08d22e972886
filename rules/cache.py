"""What was worked out from rule files, kept in the user's cache directory under the digest it depends on.

The place is used only where it belongs to the user and nobody else may write to it. What is read back is checked
against a digest of its own, so that an entry that was damaged, cut or put in another's place counts as absent.
Entries are plain bytes that are read as JSON: nothing in them can be executed.
"""

import hashlib
import os
import stat
import sys
import tempfile
import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path

MAX_CACHED = 8
"""How many entries of a kind stay in the cache."""

_PROGRAM = Path(__file__).parent


def key_of(parts: Iterable[bytes]) -> str:
    """Return the digest of `parts`, and of everything else that decides what is made of them."""
    digest = hashlib.sha256(_program())
    for part in parts:
        digest.update(b"%d:" % len(part))
        digest.update(part)
    return digest.hexdigest()


def kept(name: str) -> bytes | None:
    """Return what was kept under a name; None if that is nothing, damaged, or not surely the user's own."""
    try:
        folder = _folder()
        if not _is_ours(folder.stat()):
            return None
        handle = os.open(folder / name, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        with os.fdopen(handle, "rb") as file:
            if not _is_ours(os.fstat(handle)):
                return None
            seal, _, content = file.read().partition(b"\n")
    except (OSError, RuntimeError):
        return None
    return content if seal == _seal(name, content) else None


def keep(name: str, content: bytes) -> None:
    """Keep `content` under a name `kind-key.json`; where nothing can be written the next start is slower, no more."""
    try:
        folder = _folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_ours(folder.stat()):
            return
        handle, written = tempfile.mkstemp(dir=folder, prefix=".rules-")  # made with mode 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_seal(name, content) + b"\n" + content)
            Path(written).replace(folder / name)  # whole or not at all, whoever else writes
            _prune(folder, name.partition("-")[0])
        except OSError:
            Path(written).unlink(missing_ok=True)
    except (OSError, RuntimeError):
        return


@cache
def _program() -> bytes:
    """Return a digest of what turns rule files into tables: this package, its Python and its Unicode."""
    digest = hashlib.sha256(f"{sys.version}\n{unicodedata.unidata_version}".encode())
    for path in sorted(_PROGRAM.glob("*.py")):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.digest()


def _folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME", "")
    folder = Path(base) if base and Path(base).is_absolute() else Path.home() / ".cache"
    return folder / "pixelwitness"


def _is_ours(found: os.stat_result) -> bool:
    """Tell whether a file or folder is the user's own, and nobody else may write to it."""
    if not hasattr(os, "geteuid"):
        return True
    others = stat.S_IWGRP | stat.S_IWOTH
    return found.st_uid == os.geteuid() and not found.st_mode & others


def _seal(name: str, content: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + content).hexdigest().encode()


def _prune(folder: Path, kind: str) -> None:
    """Delete all but the latest entries of a kind: every edit of a rule makes a new one."""
    found = sorted(folder.glob(f"{kind}-*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in found[MAX_CACHED:]:
        path.unlink(missing_ok=True)
