"""Files that nobody but their owner reads."""

import os
from pathlib import Path

from addon.store.errors import StoreError


def create_private(path: Path) -> None:
    """Make an empty file that only its owner can read, whatever the umask says."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except OSError as error:
        raise StoreError(f"{path} cannot be made: {error.strerror or error}; name another with --db") from None
    if hasattr(os, "fchmod"):  # not on every Windows, where the mode does not count either
        os.fchmod(descriptor, 0o600)
    os.close(descriptor)
