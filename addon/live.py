"""The addon: records what leaves for Meta into a session, as it happens.

The hooks do next to nothing in the proxy's thread: of a flow that may matter they take down what it holds and put it
into the recorder's queue, of others hardly more than that they were there. It changes and delays nothing, unless the
investigator asks it to hold pixel requests back.
"""

import asyncio
import difflib
import logging
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from mitmproxy import contentviews, ctx, exceptions, flow, http, tls
from mitmproxy.addonmanager import Loader
from mitmproxy.hooks import UpdateHook
from mitmproxy.log import ALERT

from addon.collecting import settle_what_is_loaded
from addon.commands import Commands
from addon.contentview import PixelContentview
from addon.flows import HELD_KEY, FlowSnapshot, flow_request
from addon.hold import PIXEL, answer_headers, is_held
from addon.model import Problem
from addon.persona.person import Person, PersonFileError, read_person
from addon.recorder import Recorder
from addon.recording import PassedOver, Told
from addon.sites import registrable_domain
from addon.store.store import StoreError
from addon.telling import flow_note, line, marker
from addon.triage import Triage
from rules.engine import Matcher
from rules.errors import RuleSetError, UnknownPackError
from rules.loader import load_packs, load_rules, pack_names

logger = logging.getLogger("pixelwitness")

TICK_SECONDS: Final = 0.2
"""How often the proxy's thread looks for requests without an answer, and for news of the recorder."""

PATIENCE_SECONDS: Final = 3.0
"""How often the end says that it is still at work."""

MOST_KNOWN: Final = 500
"""How many events the list of leaks holds at least, however long the session."""

COMMENT_KEY: Final = "pixelwitness"
"""Flow metadata: what was written into the flow's comment, so that somebody else's comment is left alone."""

OPTIONS: Final[dict[str, tuple[Any, object, str]]] = {
    "pixelwitness_db": (str, "pixelwitness.db", "Database that sessions are recorded into."),
    "pixelwitness_session": (str, "", "Name of the session; by default the time it began."),
    "pixelwitness_rules": (Sequence[str], [], "Your own rule files or folders, beside the built-in ones."),
    "pixelwitness_packs": (Sequence[str], [], "Optional packs for other special categories, or all of them."),
    "pixelwitness_persona": (str, "", "File of the invented person whose details are typed."),
    "pixelwitness_min_score": (int, 0, "Log only events with at least this score."),
    "pixelwitness_quiet": (bool, False, "Record without logging events."),
    "pixelwitness_alert": (int, 0, "Raise an alert for events with at least this score; 0: never."),
    "pixelwitness_bell": (bool, False, "Ring the terminal's bell with every alert."),
    "pixelwitness_hold": (bool, False, "Hold pixel requests back: the proxy answers them, Meta gets none."),
    "pixelwitness_mark": (bool, True, "Mark flows with score and topics in mitmproxy's own lists."),
}
"""Every option: its type, what holds where it is not given, and what it does."""

_LEVELS: Final = {"alert": ALERT, "warning": logging.WARNING, "error": logging.ERROR}


class PixelwitnessAddon:
    """The mitmproxy hooks, each a few lines; the work is done by the modules they call.

    A request is in `_asked` until every addon has seen it, in `_passing` until its answer, in `_ending` until every
    addon has seen that. Only then is it taken down, so that it is recorded as the recording holds it, and only
    what was saved by then is marked.
    """

    def __init__(self) -> None:
        self.recorder: Recorder | None = None
        self.matcher: Matcher | None = None
        self.other: Matcher | None = None
        self._packs: tuple[str, ...] = ()
        self._person: Person | None = None
        self._is_running = False
        self._asked: dict[str, http.HTTPFlow] = {}
        self._passing: dict[str, http.HTTPFlow] = {}
        self._ending: dict[str, http.HTTPFlow] = {}
        self._slow: dict[str, bool] = {}
        self._left: set[str] = set()
        self._triage = Triage()
        self._early: list[FlowSnapshot | PassedOver] = []
        self._task: asyncio.Task[None] | None = None
        self._updates: set[asyncio.Task[None]] = set()
        self.known: dict[str, Told] = {}
        self._hold = False
        self._former_strategy: tuple[object, object] | None = None

    # start

    def load(self, loader: Loader) -> None:
        """Declare the options and the commands."""
        for name, (kind, default, text) in OPTIONS.items():
            loader.add_option(name, kind, default, text)
        # the commands see no traffic: as an addon of their own they would be asked at every hook of every flow
        ctx.master.commands.collect_commands(Commands(self))  # type: ignore[no-untyped-call]
        contentviews.add(PixelContentview(self))

    def configure(self, updated: set[str]) -> None:
        """Check the options; a bad rule file stops mitmproxy before any traffic."""
        try:
            if "pixelwitness_rules" in updated or self.matcher is None:
                self.matcher = Matcher(load_rules([Path(path) for path in ctx.options.pixelwitness_rules]))
            if "pixelwitness_packs" in updated:
                self._packs = pack_names(ctx.options.pixelwitness_packs)
                self.other = Matcher(load_packs(self._packs)) if self._packs else None
            if "pixelwitness_persona" in updated:
                file = ctx.options.pixelwitness_persona
                self._person = read_person(Path(file)) if file else None
            registrable_domain("")  # reads the public suffix list, for which no request should wait
        except (RuleSetError, UnknownPackError, PersonFileError) as error:
            self._refuse(str(error))
        for name in ("pixelwitness_min_score", "pixelwitness_alert"):
            if name in updated and not 0 <= getattr(ctx.options, name) <= 100:
                self._refuse(f"{name} must be from 0 to 100")
        if "pixelwitness_hold" in updated:
            self._switch_hold(on=ctx.options.pixelwitness_hold)

    def running(self) -> None:
        """Open the session. Nothing is opened before, because `done` is not called when a start fails."""
        if self._is_running:
            return
        self._is_running = True
        if self.matcher is None:
            return  # what is wrong with the rules was said, and mitmproxy ends
        if self._names_unknown_options():
            return
        session = ctx.options.pixelwitness_session or time.strftime("live-%Y%m%d-%H%M%S", time.gmtime())
        saved = ctx.options.save_stream_file
        recorder = Recorder(
            Path(ctx.options.pixelwitness_db),
            session,
            self.matcher,
            self._packs,
            recording=str(Path(time.strftime(saved.removeprefix("+"))).absolute()) if saved else None,
            hold=self._hold,
            person=self._person,
        )
        try:
            recorder.open()
        except (StoreError, UnknownPackError, RuleSetError) as error:
            self._say_broken(error)
            return
        self.recorder = recorder
        for item in self._early:
            self._hand_over(item)
        self._early.clear()
        logger.log(ALERT, "Pixelwitness records into session %s of %s", session, ctx.options.pixelwitness_db)
        self._task = asyncio.get_running_loop().create_task(self._watch())
        settle_what_is_loaded()  # else the proxy would stop for longer, from time to time, because of our rules

    # traffic

    def request(self, flow: http.HTTPFlow) -> None:
        """Take note of a request, and hold it back where that was asked for."""
        self._asked[flow.id] = flow
        if self._hold and flow.live and flow.response is None and flow.error is None:
            self._hold_back(flow)

    def update(self, flows: Sequence[flow.Flow]) -> None:
        """Move flows on: this is called after every addon has seen what a flow went through."""
        for item in flows:
            asked = self._asked.pop(item.id, None)
            if asked is not None:
                self._passing[item.id] = asked
            else:
                ended = self._ending.pop(item.id, None)
                if ended is not None:
                    self._take_down(ended)

    def response(self, flow: http.HTTPFlow) -> None:
        """Take note that a request was answered."""
        self._end(flow)

    def error(self, flow: http.HTTPFlow) -> None:
        """Take note that a request was not answered; it may have arrived all the same."""
        if flow.response is None or flow.id in self._passing or flow.id in self._asked:
            self._end(flow)  # an error after the answer concerns a request that was taken down already

    def tls_failed_client(self, data: tls.TlsData) -> None:
        """Keep that a host could not be looked into."""
        host = data.context.client.sni or (data.context.server.address or ("an unknown host", 0))[0]
        if self.recorder is not None:
            self.recorder.problem(
                Problem(
                    where=f"TLS to {host}",
                    what="the client ended the TLS handshake with the proxy: its traffic is not seen",
                )
            )

    def done(self) -> None:
        """Close the session: everything is derived anew from what was observed."""
        recorder, self.recorder = self.recorder, None
        if self._task is not None:
            self._task.cancel()
        if recorder is None:
            return
        passed = self._triage.passed_over()
        if passed is not None:
            recorder.passed_over(passed)
        for open_flow in (*self._ending.values(), *self._passing.values(), *self._asked.values()):
            recorder.ended(FlowSnapshot(open_flow))
        if not recorder.close():
            while not recorder.wait(PATIENCE_SECONDS):
                self._hear(recorder)
                logger.log(ALERT, "Pixelwitness is still closing session %s …", recorder.session)
        self._hear(recorder)

    # inside

    def _names_unknown_options(self) -> bool:
        """Say which of our options were misspelt: mitmproxy itself passes over names that it does not know."""
        unknown = [name for name in ctx.options.deferred if name.startswith("pixelwitness")]
        for name in unknown:
            close = difflib.get_close_matches(name, OPTIONS, 1)
            logger.error("Pixelwitness has no option %s%s", name, f"; did you mean {close[0]}?" if close else "")
        return bool(unknown)

    @staticmethod
    def _say_broken(error: Exception) -> None:
        """Say loudly that nothing is recorded; before the start mitmproxy ends at an error."""
        logger.error("Pixelwitness could not record: %s. This session is incomplete.", error)

    def _refuse(self, message: str) -> None:
        """Reject a value: before the start mitmproxy ends at an error, later it tells who set the option."""
        if self._is_running:
            raise exceptions.OptionsError(message)  # type: ignore[no-untyped-call]
        logger.error(message)

    def _end(self, flow: http.HTTPFlow) -> None:
        self._asked.pop(flow.id, None)
        self._passing.pop(flow.id, None)
        self._slow.pop(flow.id, None)
        self._ending[flow.id] = flow

    def _take_down(self, flow: http.HTTPFlow) -> None:
        left = flow.id in self._left
        self._left.discard(flow.id)
        if self._triage.passes_over(flow, left=left):
            return
        self._hand_over_passed()
        self._hand_over(FlowSnapshot(flow))

    def _hand_over_passed(self) -> None:
        """Tell the recorder of what was passed over, before anything else that came later."""
        passed = self._triage.passed_over()
        if passed is not None:
            self._hand_over(passed)

    def _hand_over(self, item: FlowSnapshot | PassedOver) -> None:
        if self.recorder is None:
            if not self._is_running:
                self._early.append(item)  # the proxy may listen before it tells us that it does
        elif isinstance(item, PassedOver):
            self.recorder.passed_over(item)
        else:
            self.recorder.ended(item)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            try:
                self._tick()
            except Exception:
                logger.exception("a defect of Pixelwitness; please report it")

    def _tick(self) -> None:
        recorder = self.recorder
        if recorder is None:
            return
        for key, passing in self._passing.items():
            said = self._slow.get(key)
            if said is None:
                self._slow[key] = False  # most are answered before the next look
            elif not said and not passing.intercepted:
                self._slow[key] = True
                if self._triage.may_matter(passing.request):
                    self._left.add(key)
                    self._hand_over_passed()
                    recorder.left(FlowSnapshot(passing))
        self._hand_over_passed()
        server = ctx.master.addons.get("proxyserver")  # type: ignore[no-untyped-call]
        if server is not None:
            recorder.listening = ", ".join(f"{address[0]}:{address[1]}" for address in server.listen_addrs())
        recorder.holding = self._hold
        self._hear(recorder)

    def _hear(self, recorder: Recorder) -> None:
        """Say and show what the recorder has found."""
        marked: list[flow.Flow] = []
        for news in recorder.news():
            if isinstance(news, Told):
                self._know(news)
                self._tell(news)
                marked += self._mark(news)
            else:
                logger.log(_LEVELS[news.level], "%s", news.text)
        if marked and self.recorder is not None:
            task = asyncio.get_running_loop().create_task(ctx.master.addons.trigger_event(UpdateHook(marked)))
            self._updates.add(task)
            task.add_done_callback(self._updates.discard)

    def _know(self, told: Told) -> None:
        """Keep the events that score highest, for the list of leaks."""
        self.known[told.item.event.id] = told
        if len(self.known) > 2 * MOST_KNOWN:
            best = sorted(self.known.items(), key=lambda pair: -pair[1].item.assessment.score)[:MOST_KNOWN]
            self.known = dict(best)

    def _tell(self, told: Told) -> None:
        score = told.item.assessment.score
        if not told.is_news:
            return
        alert = ctx.options.pixelwitness_alert
        if alert and score >= alert:
            logger.log(ALERT, "ALERT %s", line(told.item, held=told.held))
            if ctx.options.pixelwitness_bell:
                _ring()
        elif not ctx.options.pixelwitness_quiet and score >= ctx.options.pixelwitness_min_score:
            logger.log(ALERT, "%s", line(told.item, held=told.held))

    def _mark(self, told: Told) -> Iterable[flow.Flow]:
        """Mark the flows of an event that have ended, and so have been saved as they were received."""
        if not ctx.options.pixelwitness_mark:
            return
        note = flow_note(told.item, held=told.held)
        for item in told.flows:
            if not isinstance(item, http.HTTPFlow) or item.websocket is not None:
                continue
            if any(item.id in waiting for waiting in (self._asked, self._passing, self._ending)):
                continue
            former = item.metadata.get(COMMENT_KEY)
            if former == note:
                continue
            if item.comment in {"", former}:
                item.comment = note
            if former is not None or not item.marked:
                item.marked = marker(told.item)
            item.metadata[COMMENT_KEY] = note
            item.metadata["pixelwitness_score"] = told.item.assessment.score
            item.metadata["pixelwitness_band"] = told.item.assessment.band
            yield item

    def _hold_back(self, flow: http.HTTPFlow) -> None:
        if not self._triage.may_matter(flow.request) or not is_held(flow_request(flow, 0, "live", answer=False)):
            return
        if flow.request.stream:
            logger.error("A pixel request could not be held: another addon streamed its body. It has left.")
            return
        flow.metadata[HELD_KEY] = True
        flow.response = http.Response.make(200, PIXEL, answer_headers(flow.request.headers.get("origin")))

    def _switch_hold(self, *, on: bool) -> None:
        """Begin or cease to hold pixel requests back."""
        if on == self._hold:
            return
        self._hold = on
        if on:
            # with the eager strategy the proxy opens the connection to Meta before it knows the request, and
            # a body that is streamed has left before it can be looked at
            self._former_strategy = (ctx.options.connection_strategy, ctx.options.stream_large_bodies)
            ctx.options.update(connection_strategy="lazy", stream_large_bodies=None)  # type: ignore[no-untyped-call]
            logger.log(
                ALERT,
                "HOLDING: pixel requests do not leave. The proxy answers them itself, Meta gets none of them. Pages "
                "may act otherwise than for a visitor, so this session cannot be compared with one that holds nothing.",
            )
        else:
            strategy, streamed = self._former_strategy or ("eager", None)
            ctx.options.update(connection_strategy=strategy, stream_large_bodies=streamed)  # type: ignore[no-untyped-call]
            logger.log(ALERT, "HOLDING has ended: pixel requests leave again.")


def _ring() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream.isatty():
            stream.write("\a")
            stream.flush()
            return
