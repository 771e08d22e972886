"""What contradicts the state of consent at a moment: kept beside the state, never weighed against it in silence."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final, Literal

from addon.model import Epoch, Frozen
from addon.vocabulary import ConsentState, Says, StatementKind

MAX_CONTRADICTIONS: Final = 6

_CHOICES: Final[frozenset[ConsentState]] = frozenset({"refused", "partly_accepted", "accepted"})
_NOTHING_CHOSEN: Final[frozenset[ConsentState]] = frozenset({"no_choice_yet", "not_asked"})

ClaimKind = Literal["mark", "click", "request"]


class Contradiction(Frozen):
    """Something that does not agree with the state, or casts doubt on its proof; `state` is what it says itself."""

    at: Epoch
    state: ConsentState | None
    proof: str


class Claim(Frozen):
    """What somebody or something says was chosen at a moment: the investigator, a reported click, a request.

    `state` None: that a choice was made, and not which.
    """

    at: Epoch
    kind: ClaimKind
    state: ConsentState | None
    proof: str


class StatementMade(Frozen):
    """What was said of consent beside the choice itself, at a moment; it decides no state."""

    kind: StatementKind
    says: Says | None
    at: Epoch
    proof: str


class Known(Frozen):
    """One proof as far as contradictions are concerned."""

    at: Epoch
    state: ConsentState
    against: tuple[str, ...]


def disagree(one: ConsentState, other: ConsentState) -> bool:
    """Tell whether two states cannot both hold; what is not known disagrees with nothing."""
    both = {one, other}
    return len(both) == 2 and both <= (_CHOICES | _NOTHING_CHOSEN) and both != _NOTHING_CHOSEN


def contradictions(
    state: ConsentState,
    nearest: Iterable[Known],
    proofs: Sequence[Known],
    claims: Sequence[Claim],
    statements: Sequence[StatementMade],
) -> tuple[Contradiction, ...]:
    """Return what contradicts `state` at a moment: the doubts about its nearest proofs, claims, and statements.

    `proofs`, `claims` and `statements` are those of the site before that moment, in the order of time.
    """
    found: dict[str, Contradiction] = {}
    for known in nearest:
        for text in known.against:
            found.setdefault(text, Contradiction(at=known.at, state=None, proof=text))
    for item in (*_claimed(state, proofs, claims), *_stated(state, proofs, statements)):
        found.setdefault(item.proof, item)
    return tuple(found.values())[:MAX_CONTRADICTIONS]


def _claimed(state: ConsentState, proofs: Sequence[Known], claims: Sequence[Claim]) -> Iterator[Contradiction]:
    """Yield the last claim of each kind that says otherwise and that nothing later made good."""
    for _, group in groupby(sorted(claims, key=lambda claim: (claim.kind, claim.at)), key=lambda claim: claim.kind):
        last = list(group)[-1]
        if last.state is None or not disagree(last.state, state):
            continue
        agreed = any(proof.at > last.at and proof.state == last.state for proof in proofs)
        chosen_since = any(other.at > last.at and other.state in {None, state} for other in claims)
        if not agreed and not chosen_since:
            yield Contradiction(at=last.at, state=last.state, proof=last.proof)


def _stated(
    state: ConsentState, proofs: Sequence[Known], statements: Sequence[StatementMade]
) -> Iterator[Contradiction]:
    """Yield the last statement of each kind that does not go with the state, if that state held when it was made."""
    last = {statement.kind: statement for statement in statements}
    for statement in last.values():
        held = next((proof.state for proof in reversed(proofs) if proof.at <= statement.at), None)
        if held != state:
            continue
        granted = statement.says == "granted" and state in {"refused", "no_choice_yet"}
        denied = statement.says == "denied" and state == "accepted"
        if granted or denied:
            yield Contradiction(at=statement.at, state=None, proof=statement.proof)
