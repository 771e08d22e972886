"""The tables of sessions and their sources."""

from addon.store.errors import SessionNotFoundError
from addon.store.rows import SessionRow, SourceRow
from addon.store.tables import Tables
from addon.times import now
from addon.version import TOOL_VERSION
from addon.vocabulary import Provenance


class SessionTables(Tables):
    """What the store offers about sessions and the captures they hold."""

    def sessions(self) -> tuple[SessionRow, ...]:
        """Return every session, the newest last."""
        rows = self._rows("SELECT * FROM obs_sessions ORDER BY created_at, id")
        return tuple(SessionRow.model_validate(row) for row in rows)

    def session(self, name: str | None = None) -> SessionRow:
        """Return the session with this id or name, or the newest for None. Raises SessionNotFoundError."""
        found = self.sessions()
        if name is None:
            if found:
                return found[-1]
            raise SessionNotFoundError(f"{self.path} holds no session yet; run: pixelwitness replay CAPTURE")
        for row in found:
            if name in {row.id, row.name}:
                return row
        fitting = [row for row in found if row.id.startswith(name)]
        if len(fitting) == 1:
            return fitting[0]
        known = ", ".join(row.id for row in found[-5:]) or "none"
        raise SessionNotFoundError(f"{self.path} holds no session “{name}”; the latest are: {known}")

    def ensure_session(self, session: str, provenance: Provenance = "recorded") -> None:
        """Make the session where it does not exist."""
        self._connection.execute(
            "INSERT INTO obs_sessions (id, name, created_at, provenance, tool_version) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (id) DO NOTHING",
            (session, session, now(), provenance, TOOL_VERSION),
        )

    def mark_reconstruction(self, session: str) -> None:
        """State that the session holds traffic that was built, not recorded. Never taken back."""
        self._connection.execute("UPDATE obs_sessions SET provenance = 'reconstruction' WHERE id = ?", (session,))

    def mark_incomplete(self, session: str) -> None:
        """State that something of the session could not be kept."""
        self._connection.execute("UPDATE obs_sessions SET complete = 0 WHERE id = ?", (session,))

    def state_public_address(self, session: str, address: str, by: str | None) -> None:
        """Keep the public address that the investigator states."""
        self._connection.execute(
            "UPDATE obs_sessions SET public_address = ?, public_address_stated_by = ?, public_address_stated_at = ? "
            "WHERE id = ? AND public_address IS NOT ?",
            (address, by, now(), session, address),
        )

    def sources(self, session: str) -> tuple[SourceRow, ...]:
        """Return the sources of a session in the order in which they were added."""
        rows = self._rows("SELECT * FROM obs_sources WHERE session = ? ORDER BY rowid", session)
        return tuple(SourceRow.model_validate({k: v for k, v in row.items() if k != "session"}) for row in rows)

    def put_source(self, session: str, source: SourceRow) -> None:
        """Add a source, or let it grow to its longer version."""
        values = {"session": session, **source.model_dump()}
        self._put("obs_sources", values, conflict="(session, id)")
