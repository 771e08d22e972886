"""The tables by which a running proxy and the programs that show it know of each other, and of what changed."""

from collections.abc import Iterable

from addon.store.rows import LiveProxyRow
from addon.store.tables import Tables

ALL_EVENTS = ""
"""Stands for all events of a session where it is said which of them changed."""


class LiveTables(Tables):
    """What the store offers to whoever records or watches a session."""

    def put_live_proxy(self, proxy: LiveProxyRow) -> None:
        """Say what a proxy is doing. What another program asked of it meanwhile stays."""
        values = proxy.model_dump(exclude={"wanted_session"})
        self._put("live_proxies", values, conflict="(id)")

    def live_proxies(self) -> tuple[LiveProxyRow, ...]:
        """Return every proxy that was started with this database, the latest last."""
        rows = self._rows("SELECT * FROM live_proxies ORDER BY started_at, id")
        return tuple(LiveProxyRow.model_validate(row) for row in rows)

    def want_session(self, proxy: str, session: str | None) -> None:
        """Ask a proxy to record into `session` from now on; None takes the wish back, or says it is fulfilled."""
        self._connection.execute("UPDATE live_proxies SET wanted_session = ? WHERE id = ?", (session, proxy))

    def data_version(self) -> int:
        """Return a number that changes when another connection has written to the database; cheap to ask."""
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def revision(self) -> int:
        """Return a number that has grown whenever derived events were written, changed or reviewed."""
        return int(self._rows("SELECT coalesce(max(revision), 0) AS last FROM live_changes")[0]["last"])

    def changed_events(self, session: str, since: int) -> tuple[str, ...]:
        """Return the ids of the events of `session` that changed after revision `since`, the oldest event first."""
        rows = self._rows(
            "SELECT id FROM der_events WHERE session = ? AND (id IN (SELECT event FROM live_changes "
            "WHERE session = ? AND revision > ?) OR EXISTS (SELECT 1 FROM live_changes "
            "WHERE session = ? AND event = ? AND revision > ?)) ORDER BY occurred_at, id",
            session,
            session,
            since,
            session,
            ALL_EVENTS,
            since,
        )
        return tuple(row["id"] for row in rows)

    def _changed(self, session: str, events: Iterable[str]) -> None:
        """Note that events changed, for whoever shows the session while it runs."""
        revision = self.revision() + 1
        self._connection.executemany(
            "INSERT INTO live_changes (session, event, revision) VALUES (?, ?, ?) "
            "ON CONFLICT (session, event) DO UPDATE SET revision = excluded.revision",
            [(session, event, revision) for event in events],
        )
