"""What was found of test persons, put beside the events and identifiers of a report, and what it adds up to.

The database holds where a detail was found and in which form, never the detail. So everything here points into
values that the requests hold anyway.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple
from urllib.parse import unquote, unquote_plus

from addon.model import Event as FoundEvent
from addon.model import Hit
from addon.model import Identifier as FoundIdentifier
from addon.observation import ObservedRequest
from addon.persona.forms import fitting
from addon.persona.guesses import guess
from addon.persona.search import Sighting, request_values
from addon.store.personas import PersonaRow
from cli import wording
from cli.schema import Elsewhere, Event, Guessed, LeftDetail, Persona, PersonSighting, Unmatched
from cli.summary import before_consent

_PERSONAL: Final = frozenset(
    {"em", "ph", "fn", "ln", "name", "ge", "db", "ct", "st", "zp", "country", "external_id", "nhs_number", "c_user"}
)
"""Kinds of identifiers that a test person's file can state."""


class _Seen(NamedTuple):
    """One sighting with whose it is and the text that it covers."""

    persona: PersonaRow
    sighting: Sighting
    covered: str
    value: str


class Persons:
    """The test persons of a session, with what was found of them in each request."""

    def __init__(self, rows: Sequence[PersonaRow] = (), observed: Mapping[str, ObservedRequest] | None = None) -> None:
        """Put the sightings in order by request; `observed` holds the session's requests by key."""
        self.rows = tuple(rows)
        self._by_request: dict[str, list[_Seen]] = {}
        observed = observed or {}
        wanted = {item.request_key for row in rows for item in row.sightings}
        values = {key: _values_of(observed[key]) for key in wanted if key in observed}
        for row in rows:
            for item in row.sightings:
                value = values.get(item.request_key, {}).get((item.index, item.place, item.name, item.nth))
                if value is not None:
                    covered = value[item.start : item.start + item.length]
                    self._by_request.setdefault(item.request_key, []).append(_Seen(row, item, covered, value))

    def _in_event(self, event: FoundEvent) -> list[tuple[Hit, _Seen]]:
        return [
            (hit, seen)
            for hit in event.hits
            for seen in self._by_request.get(hit.request_key, ())
            if seen.sighting.index in {None, hit.index}
        ]

    def _confirmed(self, seen: _Seen) -> bool:
        """Tell whether a mask stands in a request that holds the same detail in a form that is nobody else's."""
        return any(
            other.persona.id == seen.persona.id
            and other.sighting.kind == seen.sighting.kind
            and other.sighting.index == seen.sighting.index
            and other.sighting.written != "mask"
            for other in self._by_request.get(seen.sighting.request_key, ())
        )

    def hidden(self, event: FoundEvent) -> tuple[FoundIdentifier, ...]:
        """Return the person's details in an event as identifiers, so that they are shortened like any other."""
        return tuple(
            FoundIdentifier(
                kind=seen.sighting.kind,
                source="person",
                parameter=seen.sighting.name,
                value=seen.covered,
                form=seen.sighting.written if seen.sighting.written in {"sha256", "md5"} else "plain",
            )
            for _, seen in self._in_event(event)
            if seen.sighting.written != "mask" and seen.covered
        )

    def in_event(self, event: FoundEvent, whole: set[str]) -> tuple[PersonSighting, ...]:
        """Return what stands in an event, each form in each place once; `whole` names parameters shown in full."""
        found: dict[tuple[str, str, str, str, str], PersonSighting] = {}
        for hit, seen in self._in_event(event):
            item = seen.sighting
            if item.written == "mask" and not self._confirmed(seen):
                continue
            placed = item.name in whole and item.place in {"query", "body", "header"}
            request = hit.request_key[:16] if hit.index == 0 else f"{hit.request_key[:16]}.{hit.index}"
            words = self.words(seen)
            found.setdefault(
                (seen.persona.label, item.place, item.name, item.kind, words),
                PersonSighting(
                    label=seen.persona.label,
                    kind=item.kind,
                    detail=detail_words(item.kind, item.field),
                    written=item.written,
                    form=short_words(item),
                    words=words,
                    place=item.place,
                    parameter=item.name,
                    start=item.start if placed else None,
                    end=item.start + item.length if placed else None,
                    request=request,
                ),
            )
        return tuple(found.values())

    def words(self, seen: _Seen) -> str:
        """Return which form of which detail a sighting is: `the SHA-256 of the e-mail address you typed, ...`."""
        item = seen.sighting
        return form_words(item, whose="" if len(self.rows) < 2 else seen.persona.label)

    def verdict(self, event: FoundEvent, identifier: FoundIdentifier) -> tuple[bool | None, str | None]:
        """Return whether an identifier is a form of what a test person typed, and that in words."""
        if identifier.form == "empty" or not self.rows:
            return None, None
        here = [seen for _, seen in self._in_event(event) if _is_of(seen, identifier)]
        plain = next((seen for seen in here if seen.sighting.written != "mask"), None)
        if plain is not None:
            return True, f"this value is {self.words(plain)}"
        shape = next((seen for seen in sorted(here, key=self._confirmed, reverse=True)), None)
        if shape is not None:
            detail = detail_words(shape.sighting.kind, shape.sighting.field)
            if self._confirmed(shape):
                return True, f"this is {self.words(shape)}"
            return None, f"fits the shape of the {detail} you typed, as other values do"
        details = self._compared(event, identifier)
        if not details:
            return None, None
        named = wording.either(details)
        if identifier.form == "mask":
            return False, f"this is not the shape of the {named} you typed"
        return False, f"this value is no form of the {named} you typed"

    def _compared(self, event: FoundEvent, identifier: FoundIdentifier) -> list[str]:
        """Return the details that an identifier was compared with, in words; none where it was compared with nothing.

        It was where a person was given with a detail of its kind and every request of the event was looked through.
        """
        kinds = {identifier.kind} | ({"name"} if identifier.kind in {"fn", "ln"} else set())
        if identifier.kind == "name":
            kinds |= {"fn", "ln"}
        return list(
            dict.fromkeys(
                detail_words(given.kind, given.field)
                for row in self.rows
                if all(row.searched.get(hit.request_key, False) for hit in event.hits)
                for given in row.details
                if given.kind in kinds
            )
        )

    def sections(self, events: Sequence[Event], observed: Mapping[str, ObservedRequest]) -> tuple[Persona, ...]:
        """Return what became of every test person's details, over all events of the session."""
        return tuple(self._section(row, events, observed) for row in self.rows)

    def _section(self, row: PersonaRow, events: Sequence[Event], observed: Mapping[str, ObservedRequest]) -> Persona:
        given = {(item.kind, detail_words(item.kind, item.field)) for item in row.details}
        details = tuple(dict.fromkeys(detail_words(item.kind, item.field) for item in row.details))
        mine = {
            event.id: [item for item in event.person if item.label == row.label]
            for event in events
            if any(item.label == row.label for item in event.person)
        }
        sent = [event for event in events if event.id in mine and event.delivery != "not_sent"]
        held = [event for event in events if event.id in mine and event.delivery == "not_sent"]
        left = tuple(
            _left(kind, detail, [event for event in sent if _holds(mine[event.id], detail)], mine)
            for kind, detail in dict.fromkeys((item.kind, item.detail) for event in sent for item in mine[event.id])
        )
        elsewhere = self._elsewhere(row, observed)
        gone = {item.detail for item in left} | {item.detail for item in elsewhere}
        gone |= _parts_of({item.kind for item in left}, given)
        held_back = {item.detail for event in held for item in mine[event.id]} - gone
        return Persona(
            label=row.label,
            stated_at=row.stated_at,
            by=row.by,
            details=details,
            requests_searched=len(row.searched),
            requests_not_searched=sum(key not in row.searched for key in observed),
            requests_cut=sum(not complete for complete in row.searched.values()),
            left=tuple(sorted(left, key=lambda item: _rank(details, item.detail))),
            held_back=tuple(detail for detail in details if detail in held_back),
            never_left=tuple(detail for detail in details if detail not in gone | held_back),
            elsewhere=elsewhere,
            unmatched=_unmatched(events),
            not_given=_not_given(events),
        )

    def _elsewhere(self, row: PersonaRow, observed: Mapping[str, ObservedRequest]) -> tuple[Elsewhere, ...]:
        found: Counter[tuple[str, str, str, str, str, str, str]] = Counter()
        for key, seen_here in self._by_request.items():
            request = observed[key]
            if request.role == "event":
                continue
            host = request.request.url.partition("://")[2].partition("/")[0].partition("?")[0]
            for seen in seen_here:
                item = seen.sighting
                if seen.persona.id == row.id and item.written != "mask":
                    detail = detail_words(item.kind, item.field)
                    found[item.kind, detail, self.words(seen), request.role, host, item.place, item.name] += 1
        return tuple(
            Elsewhere(
                kind=kind,
                detail=detail,
                words=words,
                role=role,
                host=host,
                place=place,
                parameter=name,
                requests=count,
            )
            for (kind, detail, words, role, host, place, name), count in found.items()
        )


NOBODY: Final = Persons()
"""No test person was given."""


def _values_of(observed: ObservedRequest) -> dict[tuple[int | None, str, str, int], str]:
    met: Counter[tuple[int | None, str, str]] = Counter()
    values: dict[tuple[int | None, str, str, int], str] = {}
    for index, place, name, value in request_values(observed):
        values[index, place, name, met[index, place, name]] = value
        met[index, place, name] += 1
    return values


def _is_of(seen: _Seen, identifier: FoundIdentifier) -> bool:
    """Tell whether a sighting is that of an identifier: same parameter, same value, a kind that fits."""
    item = seen.sighting
    name = f"cookie {item.name}" if item.place == "cookie" else item.name
    if name != identifier.parameter or item.place == "path":
        return False
    if item.written == "mask":
        return identifier.form == "mask" and seen.value == identifier.value
    if identifier.form == "mask" or (item.kind not in fitting(identifier.kind) and item.written == "plain"):
        return False
    texts = {seen.covered, unquote(seen.covered), unquote_plus(seen.covered)}
    return identifier.value in texts or identifier.value.strip() == seen.value.strip()


def detail_words(kind: str, field: str) -> str:
    """Return the plain words for a detail by its kind and its field in the person's file."""
    group, _, name = field.partition(".")
    if group == "ids" and kind == "external_id":
        return wording.plain(name)
    return {"name": "name" if field == "name" else "first and last name", "street": "street and number"}.get(
        kind, wording.identifier(kind)
    )


_WRITTEN: Final[Mapping[str, str]] = {
    "plain": "",
    "md5": "the MD5 of ",
    "sha1": "the SHA-1 of ",
    "sha256": "the SHA-256 of ",
    "sha512": "the SHA-512 of ",
    "sha256_of_md5": "the SHA-256 of the MD5 of ",
    "sha256_of_sha1": "the SHA-256 of the SHA-1 of ",
    "sha256_of_sha256": "the SHA-256 of the SHA-256 of ",
    "mask": "the shape of ",
}
_NTH: Final = {1: "", 2: " twice", 3: " three times"}


def form_words(item: Sighting, whose: str = "") -> str:
    """Return a form in words; `whose` names the person where there are several."""
    detail = detail_words(item.kind, item.field)
    typed = f"the {detail} {f'typed for {whose}' if whose else 'you typed'}"
    return written_words(item.written, typed, item.how) + layer_words(item.layers)


def written_words(written: str, typed: str, how: str) -> str:
    """Return how a detail is written: `the SHA-256 of the e-mail address you typed, lower-cased`."""
    ending = f", {how}"
    if how == "as typed" and written == "plain":
        ending = ", in clear"
    return f"{_WRITTEN[written]}{typed}{ending}"


def short_words(item: Sighting) -> str:
    """Return how a detail is written, without naming it: `SHA-256, lower-cased`."""
    written = "in clear" if item.written == "plain" else _WRITTEN[item.written].removesuffix(" of ").replace("the ", "")
    how = "" if item.how == "as typed" and item.written == "plain" else f", {item.how}"
    return f"{written}{how}{layer_words(item.layers)}"


def layer_words(layers: Sequence[str]) -> str:
    """Return the encodings around a value, the outermost last: `, URL-encoded twice, then base64`."""
    runs: list[tuple[str, int]] = []
    for layer in reversed(layers):
        if runs and runs[-1][0] == layer:
            runs[-1] = (layer, runs[-1][1] + 1)
        else:
            runs.append((layer, 1))
    named = [
        f"{'URL-encoded' if layer == 'URL' else 'in base64'}{_NTH.get(count, f' {count} times')}"
        for layer, count in runs
    ]
    return f", {', then '.join(named)}" if named else ""


def guessed(identifier: FoundIdentifier, *, matched: bool | None) -> Guessed | None:
    """Return how cheaply the hash of an identifier is reversed, unless a test person explains it."""
    if matched or identifier.form not in {"sha256", "md5"}:
        return None
    found = guess(identifier.kind, identifier.value)
    return None if found is None else Guessed(what=found.what, tried=found.tried)


def _holds(found: Iterable[PersonSighting], detail: str) -> bool:
    return any(item.detail == detail for item in found)


def _parts_of(left: set[str], given: set[tuple[str, str]]) -> set[str]:
    """Return the details that left as part of others: a whole name holds first and last name, and the other way."""
    parts = {"name": {"fn", "ln"}, "fn": {"name"}, "ln": {"name"}}
    kinds = {part for kind in left for part in parts.get(kind, set())}
    return {detail for kind, detail in given if kind in kinds}


def _left(kind: str, detail: str, events: Sequence[Event], mine: Mapping[str, list[PersonSighting]]) -> LeftDetail:
    found = [item for event in events for item in mine[event.id] if item.detail == detail]
    return LeftDetail(
        kind=kind,
        detail=detail,
        forms=_once(item.form for item in sorted(found, key=lambda item: item.written == "mask")),
        event_ids=tuple(event.id for event in events),
        sites=_once(event.site for event in events),
        pages=_once(event.page_url for event in events),
        pixels=_once(event.pixel_id for event in events),
        recipients=_once(event.recipient_host for event in events),
        consent=dict(Counter(event.consent.state for event in events)),
        before_consent=sum(before_consent(event.consent) for event in events),
        first_at=min(event.occurred_at for event in events),
        last_at=max(event.occurred_at for event in events),
    )


def _rank(details: Sequence[str], detail: str) -> int:
    """Return where a detail stands in the file; what is put together of several comes last."""
    return details.index(detail) if detail in details else len(details)


def _once(texts: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))


def _unmatched(events: Sequence[Event]) -> tuple[Unmatched, ...]:
    """Return the identifiers that are no form of anything given, the same value once."""
    found: dict[tuple[str, str, str], list[tuple[str, str, Guessed | None]]] = {}
    for event in events:
        for item in event.identifiers:
            if item.person_matched is False and item.form != "mask":
                key = (item.kind, item.form, item.value)
                found.setdefault(key, []).append((event.id, item.parameter, item.guessed))
    return tuple(
        Unmatched(
            kind=kind,
            form=form,
            value=value,
            parameters=_once(parameter for _, parameter, _ in places),
            event_ids=_once(event for event, _, _ in places),
            guessed=places[0][2],
        )
        for (kind, form, value), places in found.items()
    )


def _not_given(events: Sequence[Event]) -> tuple[str, ...]:
    """Return the kinds of personal identifiers that events carry and nobody stated anything about, in words."""
    kinds = (
        item.kind
        for event in events
        for item in event.identifiers
        if item.person_matched is None and item.kind in _PERSONAL and item.form not in {"empty", "mask"}
    )
    return tuple(dict.fromkeys(wording.identifier(kind) for kind in kinds))
