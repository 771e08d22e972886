"""What the visitor had chosen at a moment, from proofs in the traffic and the investigator's marks.

A cookie that a script sets proves only “no later than the request that carries it”, so between two
different proofs the state is undetermined, unless a mark says when the choice was made.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from addon.model import Epoch, Frozen
from addon.observation import ConsentEvidence, PageVisit
from addon.vocabulary import ConsentBasis, ConsentState, MarkKind


class Mark(Frozen):
    """What the investigator stated about a moment. `site` None: everywhere."""

    at: Epoch
    kind: MarkKind
    site: str | None
    text: str
    by: str | None = None


class Proof(Frozen):
    """A state that something proves for one moment."""

    state: ConsentState
    at: Epoch
    proof: str
    marked: bool = False


class ConsentStamp(Frozen):
    """What is known of the choice at the moment of an event."""

    state: ConsentState
    basis: ConsentBasis
    last_before: Proof | None = None
    first_after: Proof | None = None


NOT_KNOWN = ConsentStamp(state="unknown", basis="none")


class ConsentTimeline:
    """The proofs of one site in order of time."""

    def __init__(self, proofs: Iterable[Proof]) -> None:
        """Take the proofs of one site, in any order."""
        self.proofs: Sequence[Proof] = sorted(proofs, key=lambda proof: proof.at)
        self._times = [proof.at for proof in self.proofs]

    def at(self, moment: Epoch) -> ConsentStamp:
        """Return what is known of the choice at `moment`, epoch seconds."""
        index = bisect_right(self._times, moment)
        before = self.proofs[index - 1] if index else None
        after = self.proofs[index] if index < len(self.proofs) else None
        if before is None and after is None:
            return NOT_KNOWN
        state, basis = self._decide(before, after)
        return ConsentStamp(state=state, basis=basis, last_before=before, first_after=after)

    @staticmethod
    def _decide(before: Proof | None, after: Proof | None) -> tuple[ConsentState, ConsentBasis]:
        if before is not None and before.marked:
            return before.state, "marked"
        if before is not None and after is not None:
            if before.state == after.state:
                return before.state, "observed"
            if after.marked and before.state == "no_choice_yet":
                return before.state, "inferred"  # the mark says when the choice was made
            return "undetermined", "none"
        if before is not None:
            # nothing later is in the capture: the last proof is the best that is known
            return before.state, "inferred"
        if after is not None and after.state in {"no_choice_yet", "not_asked"}:
            return after.state, "inferred"  # what was not yet chosen later was not chosen before
        return "undetermined", "none"


def timelines(
    pages: Sequence[PageVisit], evidence: Sequence[ConsentEvidence], marks: Sequence[Mark]
) -> dict[str, ConsentTimeline]:
    """Return the timeline of every site that was visited."""
    sites = {page.site for page in pages} | {item.site for item in evidence} | {m.site for m in marks if m.site}
    return {site: ConsentTimeline(_proofs(site, pages, evidence, marks)) for site in sites}


def _proofs(
    site: str, pages: Sequence[PageVisit], evidence: Sequence[ConsentEvidence], marks: Sequence[Mark]
) -> list[Proof]:
    own_pages = [page for page in pages if page.site == site]
    asking = [page.at for page in own_pages if page.asks]
    looked_at = [page for page in own_pages if page.asks is not None]
    never_asks = bool(looked_at) and not asking and len(looked_at) == len(own_pages)
    proofs = [
        Proof(state=_marked_state(mark.kind), at=mark.at, proof=f"the investigator marked: {mark.kind}", marked=True)
        for mark in marks
        if mark.kind in {"accepted", "refused"} and mark.site in {site, None}
    ]
    # a missing cookie does not take back what the investigator saw: choices are also kept where no request shows them
    marked_from = min((proof.at for proof in proofs), default=float("inf"))
    for item in evidence:
        if item.site != site:
            continue
        if item.state is not None:
            proofs.append(Proof(state=item.state, at=item.at, proof=item.proof))
        elif asking and min(asking) <= item.at < marked_from:
            proofs.append(
                Proof(
                    state="no_choice_yet", at=item.at, proof="the site asks, and its request carried no consent cookie"
                )
            )
    if never_asks and not any(item.state for item in evidence if item.site == site):
        proofs.extend(
            Proof(state="not_asked", at=page.at, proof="the page holds no cookie banner and no known consent platform")
            for page in (own_pages[0], own_pages[-1])
            if page.at < marked_from
        )
    return proofs


def _marked_state(kind: MarkKind) -> ConsentState:
    return "accepted" if kind == "accepted" else "refused"
