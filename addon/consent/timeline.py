"""What the visitor had chosen at a moment, from proofs in the traffic and the investigator's marks.

A cookie that a script sets proves only “no later than the request that carries it”, so between two
different proofs the state is undetermined, unless something says when the choice was made: a mark, a request
that told of it, the cookie's own time, or a click on the banner that a cookie confirms later.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from math import inf
from typing import Final, NamedTuple

from pydantic import TypeAdapter

from addon.consent.clicks import BannerClick
from addon.consent.contradictions import Claim, Contradiction, Known, StatementMade, contradictions, disagree
from addon.consent.login import NO_LOGIN, LoginMoment, LoginStamp, in_order, stamp_after
from addon.consent.meta import library_first
from addon.model import Epoch, Frozen
from addon.observation import GPC_WORDS, ConsentEvidence, PageVisit
from addon.vocabulary import ConsentBasis, ConsentState, MarkKind, StatementKind
from rules.unchecked import unchecked

CHOICE_MARGIN: Final = 1.0
"""Seconds around a time of choice in which the state is not said: clocks differ, some cookies count whole seconds."""

SAME_CLICK: Final = 2.0
"""Reports of a click on the banner within so many seconds are reports of one click."""

_STATEMENT: Final[TypeAdapter[StatementKind]] = TypeAdapter(StatementKind)
_CHOICES: Final[frozenset[ConsentState]] = frozenset({"refused", "partly_accepted", "accepted"})
_NOTHING_CHOSEN: Final[frozenset[ConsentState]] = frozenset({"no_choice_yet", "not_asked"})
_SETTLED: Final[frozenset[ConsentState]] = _CHOICES | _NOTHING_CHOSEN


NO_DEPARTURES: Final[Mapping[str, Sequence[Epoch]]] = {}


class Mark(Frozen):
    """What the investigator stated about a moment. `site` None: everywhere."""

    at: Epoch
    kind: MarkKind
    site: str | None
    text: str
    by: str | None = None


class Proof(Frozen):
    """A state that something proves for one moment.

    `margin` is given where this is the moment of the choice itself: the seconds around it in which it is not
    said which state holds. `inferred`: what dates it is no proof of its own. `against` is what was found together
    with it and contradicts it.
    """

    state: ConsentState
    at: Epoch
    proof: str
    marked: bool = False
    margin: float | None = None
    inferred: bool = False
    against: tuple[str, ...] = ()


class ConsentStamp(Frozen):
    """What is known of the choice at the moment of an event, what contradicts it, and what else was said of consent."""

    state: ConsentState
    basis: ConsentBasis
    last_before: Proof | None = None
    first_after: Proof | None = None
    contradictions: tuple[Contradiction, ...] = ()
    statements: tuple[StatementMade, ...] = ()


NOT_KNOWN = ConsentStamp(state="unknown", basis="none")


class _Stretch(NamedTuple):
    """All that decides what is known at a moment: how many proofs, claims and statements lie before it.

    `being_made`: it is so near to a choice that it is not said which state holds. `just_said`: it is the moment of
    the last of the statements.
    """

    proofs: int
    being_made: bool
    claims: int
    statements: int
    just_said: bool


class ConsentTimeline:
    """The proofs of one site in order of time, and what else is known of the visitor there."""

    def __init__(
        self,
        proofs: Iterable[Proof],
        claims: Iterable[Claim] = (),
        statements: Iterable[StatementMade] = (),
        logins: Iterable[LoginMoment] = (),
    ) -> None:
        """Take what is known of one site, in any order."""
        self.proofs: Sequence[Proof] = sorted(proofs, key=lambda proof: proof.at)
        self._times = [proof.at for proof in self.proofs]
        self._known = [_as_known(proof) for proof in self.proofs]
        self._claims = sorted(claims, key=lambda claim: claim.at)
        self._claim_times = [claim.at for claim in self._claims]
        self._statements = sorted(statements, key=lambda statement: statement.at)
        self._statement_times = [statement.at for statement in self._statements]
        known = in_order(logins)
        self._login_times = [login.at for login in known]
        self._login_stamps = [stamp_after(login) for login in known]
        self.beside: Sequence[tuple[Sequence[Frozen], Sequence[Epoch]]] = (
            (self._claims, self._claim_times),
            (self._statements, self._statement_times),
            (self._login_stamps, self._login_times),
        )
        """What else is known, in order of time, and the times from which it counts."""
        self._latest: tuple[_Stretch, ConsentStamp] | None = None

    def at(self, moment: Epoch) -> ConsentStamp:
        """Return what is known of the choice at `moment`, epoch seconds.

        Moments between the same proofs, claims and statements have the same stamp, which is made once.
        """
        index = bisect_right(self._times, moment)
        said = bisect_right(self._statement_times, moment)
        being_made = False
        for proof in self.proofs[max(0, index - 1) : index + 1]:
            being_made |= proof.margin is not None and abs(moment - proof.at) <= proof.margin
        just_said = said > 0 and self._statement_times[said - 1] == moment
        stretch = _Stretch(index, being_made, bisect_right(self._claim_times, moment), said, just_said)
        if self._latest is None or self._latest[0] != stretch:
            self._latest = (stretch, self._stamp(moment, stretch))
        return self._latest[1]

    def _stamp(self, moment: Epoch, stretch: "_Stretch") -> ConsentStamp:
        index = stretch.proofs
        before = self.proofs[index - 1] if index else None
        after = self.proofs[index] if index < len(self.proofs) else None
        said = self._statements[: stretch.statements]
        latest = {
            statement.kind: statement
            for statement in said
            if statement.kind != "library_first" or statement.at == moment
        }
        if before is None and after is None:
            return NOT_KNOWN.model_copy(update={"statements": tuple(latest.values())})
        state, basis = self._decide(before, after, being_made=stretch.being_made)
        doubt = self._after_a_mark(before, after) if basis == "marked" else ()
        return _made(
            state=state,
            basis=basis,
            last_before=before,
            first_after=after,
            contradictions=doubt
            + contradictions(
                state,
                self._known[max(0, index - 1) : index + 1],
                self._known[:index],
                self._claims[: stretch.claims],
                said,
            ),
            statements=tuple(latest.values()),
        )

    @staticmethod
    def _after_a_mark(before: Proof | None, after: Proof | None) -> tuple[Contradiction, ...]:
        """Return that the first proof after a mark says otherwise, where nothing dates a choice in between."""
        if before is None or after is None or after.marked or after.margin is not None:
            return ()
        if not disagree(before.state, after.state):
            return ()
        words = f"the first proof after the mark: {after.proof}"
        return (Contradiction(at=after.at, state=after.state, proof=words),)

    def login_at(self, moment: Epoch) -> LoginStamp:
        """Return what is known of a login at `moment`, epoch seconds."""
        index = bisect_right(self._login_times, moment)
        return self._login_stamps[index - 1] if index else NO_LOGIN

    def same_until(self, other: "ConsentTimeline") -> Epoch:
        """Return a moment before which this timeline and `other` say the same; infinite where they do not differ."""
        first = _common(self.proofs, other.proofs)
        differ = first < max(len(self.proofs), len(other.proofs))
        # what is known of a moment depends on the next proof, too
        until = [(self.proofs[first - 1].at if first else -inf) if differ else inf]
        for (ours, times), (theirs, their_times) in zip(self.beside, other.beside, strict=True):
            first = _common(ours, theirs)
            until += [*times[first : first + 1], *their_times[first : first + 1]]
        return min(until)

    @staticmethod
    def _decide(before: Proof | None, after: Proof | None, *, being_made: bool) -> tuple[ConsentState, ConsentBasis]:
        if before is not None and before.marked:
            return before.state, "marked"
        if being_made:
            return "undetermined", "none"
        if before is not None and after is not None:
            if before.state == after.state:
                return before.state, "inferred" if before.inferred else "observed"
            if {before.state, after.state} == _NOTHING_CHOSEN:
                return before.state, "inferred"
            if after.marked and before.state == "no_choice_yet":
                return before.state, "inferred"  # the mark says when the choice was made
            if after.margin is not None and before.state in _SETTLED:
                return before.state, "inferred"  # and so does what dates it
            return "undetermined", "none"
        if before is not None:
            # nothing later is in the capture: the last proof is the best that is known
            return before.state, "inferred"
        if after is not None and after.state in _NOTHING_CHOSEN:
            return after.state, "inferred"  # what was not yet chosen later was not chosen before
        return "undetermined", "none"


_made = unchecked(ConsentStamp)


def _common(one: Sequence[Frozen], other: Sequence[Frozen]) -> int:
    """Return how many of the first entries of both are equal."""
    return next(
        (index for index, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]),
        min(len(one), len(other)),
    )


def _as_known(proof: Proof) -> Known:
    return Known(at=proof.at, state=proof.state, against=proof.against)


def timelines(
    pages: Sequence[PageVisit],
    evidence: Sequence[ConsentEvidence],
    marks: Sequence[Mark],
    clicks: Sequence[BannerClick] = (),
    departures: Mapping[str, Sequence[Epoch]] = NO_DEPARTURES,
) -> dict[str, ConsentTimeline]:
    """Return the timeline of every site that was visited; `departures` are the times of its events, in order."""
    own: dict[str, _Site] = {}
    for page in pages:
        own.setdefault(page.site, _Site([], [], [])).pages.append(page)
    for item in evidence:
        own.setdefault(item.site, _Site([], [], [])).evidence.append(item)
    for click in clicks:
        if click.site in own:
            own[click.site].clicks.append(click)
    for mark in marks:
        if mark.site is not None:
            own.setdefault(mark.site, _Site([], [], []))
    return {
        name: _timeline(site, [mark for mark in marks if mark.site in {name, None}], departures.get(name, ()))
        for name, site in own.items()
    }


def _timeline(site: "_Site", marks: Sequence[Mark], departures: Sequence[Epoch]) -> ConsentTimeline:
    loads = [item.at for item in site.evidence if item.kind == "statement" and item.name == "library_first"]
    return ConsentTimeline(
        _proofs(site, marks),
        _claims(site, marks),
        (*_statements(site), *library_first(loads, departures)),
        _logins(site, marks),
    )


def _claims(site: "_Site", marks: Sequence[Mark]) -> Iterable[Claim]:
    """Yield what somebody or something says was chosen."""
    for mark in marks:
        if mark.kind in {"accepted", "refused"}:
            words = f"the investigator marked: {mark.kind}"
            yield Claim(at=mark.at, kind="mark", state=_marked_state(mark.kind), proof=words)
    for click in site.clicks:
        words = f"the pixel reported a click on “{click.text}”"
        yield Claim(at=click.at, kind="click", state=click.state, proof=words)
    for item in site.evidence:
        if item.kind == "choice":
            yield Claim(at=item.at, kind="request", state=item.state, proof=item.proof)


def _statements(site: "_Site") -> Iterable[StatementMade]:
    """Yield what was said of consent beside the choice itself."""
    for item in site.evidence:
        if item.kind == "statement" and item.name != "library_first":
            kind = _STATEMENT.validate_python(item.name)
            yield StatementMade(kind=kind, says=item.says, at=item.at, proof=item.proof)
        elif item.proof.endswith(GPC_WORDS):
            words = "the browser sent Sec-GPC: 1, a signal against sale and sharing that is no choice on cookies"
            yield StatementMade(kind="global_privacy_control", says=None, at=item.at, proof=words)


def _logins(site: "_Site", marks: Sequence[Mark]) -> Iterable[LoginMoment]:
    for mark in marks:
        if mark.kind == "logged_in":
            yield LoginMoment(at=mark.at, logged_in=True, marked=True, words="the investigator marked: logged in")
    for item in site.evidence:
        if item.kind in {"login", "logout"}:
            yield LoginMoment(at=item.at, logged_in=item.kind == "login", marked=False, words=item.proof)


class _Site(NamedTuple):
    """What was seen of one site."""

    pages: list[PageVisit]
    evidence: list[ConsentEvidence]
    clicks: list[BannerClick]


class _Moment(NamedTuple):
    """A moment at which a choice was made, as something tells that is no proof of which; None: of any."""

    at: Epoch
    state: ConsentState | None
    proof: str


def _proofs(site: _Site, marks: Sequence[Mark]) -> list[Proof]:
    asking = _first_asked(site)
    proofs = [
        Proof(state=_marked_state(mark.kind), at=mark.at, proof=f"the investigator marked: {mark.kind}", marked=True)
        for mark in marks
        if mark.kind in {"accepted", "refused"}
    ]
    # a missing cookie does not take back what the investigator saw, or what a request told of: choices are also
    # kept where no request shows them
    marked_from = min((proof.at for proof in proofs), default=float("inf"))
    chosen_from = min([marked_from, *(item.at for item in site.evidence if item.kind == "choice")])
    hidden = any(item.kind == "hides" for item in site.evidence)
    moments = [_Moment(click.at, click.state, f"the pixel reported a click on “{click.text}”") for click in site.clicks]
    for item in sorted(site.evidence, key=lambda item: item.at):
        if item.kind == "choice":
            if item.state is None:
                moments.append(_Moment(item.at, None, item.proof))
            else:
                proofs.append(_proof(item, item.state, CHOICE_MARGIN))
        elif item.state is not None:
            if item.kind != "hides" or item.at < chosen_from:
                proofs.append(_proof(item, item.state))
        elif item.kind == "cookies" and not hidden and asking is not None and asking <= item.at < chosen_from:
            gpc = GPC_WORDS if item.proof.endswith(GPC_WORDS) else ""
            words = f"the site asks, and its request carried no consent cookie{gpc}"
            proofs.append(Proof(state="no_choice_yet", at=item.at, proof=words))
    proofs.sort(key=lambda proof: proof.at)
    proofs = _with_cookie_times(proofs, site)
    proofs = _without_repeats([*proofs, *_dated(proofs, moments)])
    if asking is None and _looked_into(site.pages) and not any(item.state for item in site.evidence):
        proofs.extend(
            Proof(state="not_asked", at=page.at, proof="the page holds no cookie banner and no known consent platform")
            for page in (site.pages[0], site.pages[-1])
            if page.at < chosen_from
        )
    return proofs


def _proof(item: ConsentEvidence, state: ConsentState, margin: float | None = None) -> Proof:
    return Proof(state=state, at=item.at, proof=item.proof, margin=margin, against=item.against)


def _first_asked(site: _Site) -> Epoch | None:
    """Return when the site was first seen to ask: the time of the page that holds or loads what asks."""
    asking = [page.at for page in site.pages if page.asks]
    for item in site.evidence:
        if item.kind == "asks":
            loading = [page.at for page in site.pages if page.at <= item.at]
            asking.append(max(loading, default=item.at))
    return min(asking, default=None)


def _looked_into(pages: Sequence[PageVisit]) -> bool:
    return bool(pages) and all(page.asks is not None for page in pages)


def _with_cookie_times(proofs: Sequence[Proof], site: _Site) -> list[Proof]:
    """Return the proofs with one more for every choice that its cookie dates between the proofs around it."""
    chosen = {(item.at, item.proof): item.chosen_at for item in site.evidence if item.chosen_at is not None}
    first_seen = min((page.at for page in site.pages), default=None)
    found: list[Proof] = []
    for proof in proofs:
        at = None if proof.marked else chosen.get((proof.at, proof.proof))
        before = found[-1] if found else None
        if at is None or (before is not None and before.state == proof.state):
            found.append(proof)
            continue
        stated = datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        if before is None and first_seen is not None and at < first_seen:
            words = f"{proof.proof}; chosen before this capture by its own account, at {stated}"
            found.append(proof.model_copy(update={"proof": words}))
        elif at > proof.at or (before is not None and at < before.at):
            doubt = f"its own time of choice, {stated}, does not fit the requests around it"
            against = proof.against if any("own time of choice" in text for text in proof.against) else (doubt,)
            words = f"{proof.proof}; {doubt}: not used"
            found.append(proof.model_copy(update={"proof": words, "against": against}))
        else:
            words = f"{proof.proof}; the cookie itself gives this time of choice (the browser's clock)"
            found.append(proof.model_copy(update={"at": at, "proof": words, "margin": CHOICE_MARGIN}))
            found.append(proof)
    return found


def _without_repeats(proofs: Iterable[Proof]) -> list[Proof]:
    """Return the proofs in order; a moment of choice that changed nothing is no more than a proof of its state."""
    found: list[Proof] = []
    for proof in sorted(proofs, key=lambda proof: proof.at):
        same = bool(found) and found[-1].state == proof.state and proof.margin is not None
        found.append(proof.model_copy(update={"margin": None}) if same else proof)
    return found


def _dated(proofs: Sequence[Proof], moments: Iterable[_Moment]) -> list[Proof]:
    """Return what the moments of choice add: where the next proof confirms one, the state from there on.

    Moments of one interval that are far apart or differ date nothing. A choice that a request told of without
    saying which, and that no proof follows, leaves the state unknown.
    """
    times = [proof.at for proof in proofs]
    by_interval: dict[int, list[_Moment]] = {}
    for moment in sorted(moments, key=lambda moment: moment.at):
        by_interval.setdefault(bisect_right(times, moment.at), []).append(moment)
    added: list[Proof] = []
    for index, group in by_interval.items():
        before = proofs[index - 1] if index else None
        after = proofs[index] if index < len(proofs) else None
        first, last = group[0], group[-1]
        if before is not None and (before.marked or (after is not None and before.state == after.state)):
            continue
        span = last.at - first.at
        confirmed = (
            after is not None
            and after.state in _CHOICES
            and span <= SAME_CLICK
            and all(moment.state in {None, after.state} for moment in group)
        )
        if after is not None and confirmed:
            words = f"{first.proof}; confirmed later: {after.proof}"
            margin = span if all(moment.state for moment in group) else max(span, CHOICE_MARGIN)
            added.append(Proof(state=after.state, at=first.at, proof=words, margin=margin, inferred=True))
        elif any(moment.state is None for moment in group):
            told = next(moment for moment in group if moment.state is None)
            added.append(Proof(state="unknown", at=told.at, proof=told.proof, margin=CHOICE_MARGIN))
    return added


def _marked_state(kind: MarkKind) -> ConsentState:
    return "accepted" if kind == "accepted" else "refused"
