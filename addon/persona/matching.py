"""A person's file against the stored requests of a session: search, compare with what is known, keep."""

from addon.model import Frozen
from addon.persona.forms import Forms
from addon.persona.person import Person
from addon.persona.search import search
from addon.store.personas import GivenDetail
from addon.store.store import Store


class Match(Frozen):
    """What searching a session for a person brought.

    `requests` were looked through, `cut` of them not to their end; `holding` of them hold a detail, of the `kinds`
    given. `known`: nothing differs from the last search for this person.
    """

    label: str
    requests: int
    cut: int
    holding: int
    kinds: tuple[str, ...]
    known: bool


def match(store: Store, session: str, person: Person, by: str | None = None) -> Match:
    """Search every stored request of a session for a person's details and keep where they are, never what they are.

    Raises StoreError where the database refuses.
    """
    forms = Forms(person)
    with store.transaction():
        observed = store.observed_requests(session)
        found = {key: search(item, forms) for key, item in observed.items()}
        details = tuple(GivenDetail(field=item.field, kind=item.kind) for item in person.details)
        last = next((row for row in store.personas(session) if row.label == person.label), None)
        known = (
            last is not None
            and (by is None or by == last.by)
            and last.details == details
            and last.searched == {key: item.complete for key, item in found.items()}
            and set(last.sightings) == {sighting for item in found.values() for sighting in item.sightings}
        )
        if not known:
            store.add_persona(session, person.label, details, found, by)
    telling = {
        key: item.sightings
        for key, item in found.items()
        if any(sighting.written != "mask" for sighting in item.sightings)
    }
    kinds = {sighting.kind for items in telling.values() for sighting in items if sighting.written != "mask"}
    return Match(
        label=person.label,
        requests=len(found),
        cut=sum(not item.complete for item in found.values()),
        holding=len(telling),
        kinds=tuple(sorted(kinds)),
        known=known,
    )
