"""What was read of a capture whose reading was interrupted: a file beside the database until it is whole.

A session never shows half a capture. So that a long reading need not begin anew, its observations are kept in
a file of its own, in the database's own layout, together with where reading stands; the rows and that place are
written in one transaction. Nothing of it counts before it is given to the database as a whole.
"""

import hashlib
from pathlib import Path

from pydantic import ValidationError

from addon.model import Epoch, Frozen, Problem
from addon.observation import Observer, ObserverState
from addon.store.store import Store, StoreError
from addon.version import TOOL_VERSION

KEPT = "reading"
"""Session and source under which the rows stand until they are taken over."""

_STATE = "state"


class ReadingState(Frozen):
    """Where the reading of a capture stands. `sha256` is of the capture's bytes before `read_to`."""

    tool_version: str
    read_to: int
    sha256: str
    seen: int
    first_at: Epoch | None
    last_at: Epoch | None
    matched: int
    observer: ObserverState


class Unfinished:
    """The file for one capture and one database; it exists only while there is something in it."""

    def __init__(self, database: Path, capture: Path) -> None:
        """Name the file; nothing is opened yet."""
        name = hashlib.sha256(str(capture.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:12]
        self.path = database.with_name(f"{database.name}-unfinished-{name}")
        self._store: Store | None = None

    def state(self) -> ReadingState | None:
        """Return where an earlier reading stopped, or None where there was none that this version can go on with."""
        if not self.path.exists():
            return None
        try:
            problems = self._open().source_problems(KEPT)
            state = ReadingState.model_validate_json(problems[-1].what)
        except (StoreError, ValidationError, IndexError):
            self.remove()
            return None
        if state.tool_version != TOOL_VERSION:
            self.remove()
            return None
        return state

    def keys(self) -> list[tuple[str, Epoch]]:
        """Return digest and start of every request that is kept."""
        return self._open().request_starts(KEPT)

    def contents(self) -> frozenset[str]:
        """Return what the kept part of the capture is recognised by (see `Store.contents`)."""
        return self._open().contents(KEPT, "") if self.path.exists() else frozenset()

    def save(self, observer: Observer, state: ReadingState) -> None:
        """Add what was observed since the last time, and where reading stands now. Raises StoreError."""
        store = self._open()
        with store.transaction():
            store.ensure_session(KEPT)
            store.add_observations(KEPT, observer)
            store.clear_problems(KEPT, KEPT)
            store.add_problems(KEPT, KEPT, [Problem(where=_STATE, what=state.model_dump_json())])

    def give(self, store: Store, session: str, source: str) -> None:
        """Add everything that is kept to `store`, inside its transaction, as observations of a source."""
        store.adopt(self._open(), session, source)

    def close(self) -> None:
        """Leave the file as it is."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def remove(self) -> None:
        """Remove the file, where there is one."""
        self.close()
        for path in self.path.parent.glob(self.path.name + "*"):
            path.unlink(missing_ok=True)

    def _open(self) -> Store:
        if self._store is None:
            self._store = Store(self.path)
        return self._store
