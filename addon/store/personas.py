"""The tables of test persons: which kinds of details were given, which requests were searched, what was found where.

No value of a person is kept, nor a hash of one that was not on the wire.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from addon.model import Frozen
from addon.persona.search import Search, Sighting
from addon.store.tables import Tables
from addon.times import now
from addon.version import TOOL_VERSION


class GivenDetail(Frozen):
    """That a detail was given: its field in the person's file and its kind."""

    field: str
    kind: str


class PersonaRow(Frozen):
    """A test person as the database knows them: what kinds of details were given, and what was found.

    `searched` holds the keys of the requests that were looked through, with whether to their end.
    """

    id: int
    label: str
    details: tuple[GivenDetail, ...]
    stated_at: str
    by: str | None
    searched: Mapping[str, bool]
    sightings: tuple[Sighting, ...]


class PersonaTables(Tables):
    """What the store offers about test persons."""

    def add_persona(
        self, session: str, label: str, details: Iterable[GivenDetail], found: Mapping[str, Search], by: str | None
    ) -> None:
        """Add one search for a person; `found` holds what each request showed, by its key.

        The latest search of a label counts, so a corrected file replaces what an earlier one brought.
        """
        given = json.dumps([[detail.field, detail.kind] for detail in details])
        self._insert(
            "obs_personas",
            [
                {
                    "session": session,
                    "label": label,
                    "details": given,
                    "stated_at": now(),
                    "by": by,
                    "tool_version": TOOL_VERSION,
                }
            ],
        )
        persona = self._rows("SELECT max(id) AS id FROM obs_personas WHERE session = ?", session)[0]["id"]
        self._insert(
            "obs_persona_searches",
            (
                {"session": session, "persona": persona, "request_key": key, "complete": search.complete}
                for key, search in found.items()
            ),
        )
        self._insert(
            "obs_persona_sightings",
            (_sighting_row(session, persona, item) for search in found.values() for item in search.sightings),
        )

    def personas(self, session: str) -> tuple[PersonaRow, ...]:
        """Return the test persons of a session as last searched for, in the order in which they were first given."""
        rows = self._rows("SELECT * FROM obs_personas WHERE session = ? ORDER BY id", session)
        latest = {row["label"]: row for row in rows}
        return tuple(self._persona(row) for row in latest.values())

    def _persona(self, row: dict[str, Any]) -> PersonaRow:
        searched = self._rows("SELECT request_key, complete FROM obs_persona_searches WHERE persona = ?", row["id"])
        found = self._rows("SELECT * FROM obs_persona_sightings WHERE persona = ? ORDER BY rowid", row["id"])
        return PersonaRow(
            id=row["id"],
            label=row["label"],
            details=tuple(GivenDetail(field=field, kind=kind) for field, kind in json.loads(row["details"])),
            stated_at=row["stated_at"],
            by=row["by"],
            searched={item["request_key"]: bool(item["complete"]) for item in searched},
            sightings=tuple(_sighting(item) for item in found),
        )


def _sighting_row(session: str, persona: int, item: Sighting) -> dict[str, Any]:
    values = item.model_dump(exclude={"index"})
    return {
        "session": session,
        "persona": persona,
        **values,
        "request_index": item.index,
        "layers": json.dumps(item.layers),
    }


def _sighting(row: dict[str, Any]) -> Sighting:
    kept = {name: value for name, value in row.items() if name not in {"session", "persona", "request_index"}}
    return Sighting.model_validate({**kept, "index": row["request_index"], "layers": tuple(json.loads(row["layers"]))})
