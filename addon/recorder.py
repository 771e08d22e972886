"""The recorder: what passes the proxy goes into the database in a thread of its own.

The proxy's thread only puts things into a queue, so the database never makes it wait; the queue has no limit, so
nothing is dropped while the database is slow. The recorder and the programs that show a session talk through
the database: the row in `live_proxies` says that it lives, marks and a wanted session are looked for there.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from addon.consent.timeline import Mark
from addon.model import Problem
from addon.persona.person import Person
from addon.recording import PassedOver, Passing, Recording, Told
from addon.store.rows import LiveProxyRow
from addon.store.store import Store, StoreBusyError, StoreError
from rules.engine import Matcher
from rules.errors import RuleSetError, UnknownPackError

ROUND_SECONDS = 0.3
"""How often the recorder looks at what came in: the proxy's thread is left alone in between."""

BEAT_SECONDS = 1.0
"""How often it says that it lives, and looks for what others want of it."""

BATCH = 300
"""Most requests that one transaction takes in, so that other programs get their turn."""

BUSY_SECONDS = 10.0
"""After so long a wait for the database it is said that requests wait in memory."""

LAST_TRY_SECONDS = 20.0
"""How long the end waits for a database that is in use or full."""

DERIVED_AT_END = 50_000
"""Sessions with more requests that carry events are not derived anew when they are closed: it would take too long."""


class Message(NamedTuple):
    """Something that the person at the proxy should read."""

    level: Literal["alert", "warning", "error"]
    text: str


class _Left(NamedTuple):
    passing: Passing


class _Ended(NamedTuple):
    passing: Passing


class _Wanted(NamedTuple):
    session: str


type _Item = _Left | _Ended | PassedOver | _Wanted | Mark | Problem


class Recorder:
    """Records into one session at a time. Its methods never wait, apart from `open` and `close`."""

    def __init__(
        self,
        database: Path,
        session: str,
        matcher: Matcher,
        packs: Sequence[str],
        *,
        recording: str | None,
        hold: bool,
        person: Person | None = None,
    ) -> None:
        """Prepare to record into `session` of `database`; nothing is opened yet.

        `packs` are the optional packs that are switched on, `recording` the path of the `.mitm` file that is written,
        `hold` whether pixel requests are held back, `person` whose details are looked for when a session ends.
        """
        self.listening = ""
        """The addresses the proxy listens on; whoever knows them may set them at any time."""
        self.holding = hold
        self._database = database
        self._matcher = matcher
        self._packs = tuple(packs)
        self._path = recording
        self._person = person
        self._number = f"{int(time.time() * 1000):x}"
        self._session = session
        self._started_at = time.time()
        self._queue: deque[_Item] = deque()
        self._news: deque[Told | Message] = deque()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pixelwitness-recorder", daemon=True)
        self._store: Store | None = None
        self._recording: Recording | None = None
        self._earlier: list[Recording] = []
        self._reopened: list[Recording] = []
        self._version = -1
        self._beat_at = 0.0
        self._failing_since: float | None = None
        self._complained = False

    # for the proxy's thread

    @property
    def session(self) -> str:
        """Return the session that is recorded into."""
        return self._session

    @property
    def sites(self) -> tuple[str, ...]:
        """Return the sites that were visited in this session."""
        return self._recording.sites if self._recording else ()

    def open(self) -> None:
        """Open the database and the session, and begin. Raises StoreError, UnknownPackError and RuleSetError."""
        self._store = Store(self._database, live=True)
        try:
            self._recording = self._begin(self._session)
            self._beat(self._recording)
        except BaseException:
            self._store.close()
            raise
        self._thread.start()

    def left(self, passing: Passing) -> None:
        """Take in a request that was not answered yet."""
        self._queue.append(_Left(passing))

    def ended(self, passing: Passing) -> None:
        """Take in a request that was answered, or will not be."""
        self._queue.append(_Ended(passing))

    def passed_over(self, passed: PassedOver) -> None:
        """Take in requests of which nothing but their cookies can matter."""
        self._queue.append(passed)

    def mark(self, mark: Mark) -> None:
        """Keep what the investigator states."""
        self._queue.append(mark)

    def problem(self, problem: Problem) -> None:
        """Keep what could not be seen."""
        self._queue.append(problem)

    def switch(self, session: str) -> None:
        """Close this session and go on in another one."""
        self._queue.append(_Wanted(session))

    def news(self) -> list[Told | Message]:
        """Return what happened since the last call."""
        found = []
        while self._news:
            found.append(self._news.popleft())
        return found

    def close(self) -> bool:
        """Ask the recorder to write what is left and to end; call `wait` until it has."""
        self._stop.set()
        return self.wait(0.0)

    def wait(self, seconds: float) -> bool:
        """Return whether the recorder has ended, within so many seconds."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    # in its own thread

    def _run(self) -> None:
        assert self._store is not None
        try:
            while not self._stop.wait(ROUND_SECONDS):
                self._guarded()
            self._finish()
        except Exception as error:  # noqa: BLE001 - whatever it is, it must be said
            self._say("error", f"Pixelwitness has stopped recording: {type(error).__name__}: {error}")
        finally:
            self._store.close()

    def _guarded(self) -> None:
        """Do one round; whatever goes wrong is said and does not end the recorder."""
        try:
            self._round()
        except StoreBusyError:
            self._is_failing(BUSY_SECONDS, "warning", "the database is in use by another program")
        except (StoreError, UnknownPackError, RuleSetError) as error:
            self._current.healthy = False
            self._is_failing(0.0, "error", f"Pixelwitness could not record: {error}. This session is incomplete")
        except Exception as error:  # noqa: BLE001 - what cannot be written must not stop what can
            self._current.give_up()
            self._defect(error)
        else:
            if self._complained:
                self._say("alert", "Pixelwitness records again; what had to wait has been written.")
            self._failing_since, self._complained = None, False

    def _round(self) -> None:
        while True:
            for _ in range(min(BATCH, len(self._queue))):
                item = self._queue.popleft()
                try:
                    self._take(item)
                except (StoreError, UnknownPackError, RuleSetError):
                    self._queue.appendleft(item)
                    raise
                except Exception as error:  # noqa: BLE001 - one request must not cost the others
                    self._current.healthy = False
                    self._defect(error)
            beat = self._sign_of_life(self._current) if time.time() - self._beat_at >= BEAT_SECONDS else None
            self._news.extend(self._current.write(beat=beat))
            if beat is not None:
                self._beat_at = beat.beat_at
                self._look_around()
            if not self._queue:
                return

    def _take(self, item: _Item) -> None:
        match item:
            case _Left(passing):
                self._current.left(passing)
            case _Ended(passing):
                waiting = next((earlier for earlier in self._earlier if earlier.awaits(passing.id)), None)
                if waiting is not None:
                    self._reopened.append(waiting)
                (waiting or self._current).ended(passing)
            case PassedOver():
                self._current.passed_over(item)
            case _Wanted(session):
                self._switch(session)
            case Mark():
                self._current.mark(item)
            case Problem():
                self._current.problem(item)

    @property
    def _current(self) -> Recording:
        assert self._recording is not None, "nothing is recorded before `open`"
        return self._recording

    def _begin(self, session: str) -> Recording:
        assert self._store is not None
        source = f"live-{int(time.time() * 1000):x}"
        recording = Recording(self._store, session, source, self._matcher, self._packs)
        recording.open()
        return recording

    def _switch(self, session: str) -> None:
        if session == self._session or not session.strip():
            return
        self._news.extend(self._current.close())
        following = self._begin(session)
        closed, self._recording, self._session = self._current, following, session
        self._earlier.append(closed)
        self._derive(closed)
        self._beat(following)
        self._say("alert", f"Pixelwitness closed session {closed.session} and records into session {session}")

    def _look_around(self) -> None:
        """Say that the proxy lives, and look whether others stated or asked for anything."""
        assert self._store is not None
        version = self._store.data_version()
        if version != self._version:
            self._version = version
            self._current.refresh()
            wanted = next((row.wanted_session for row in self._store.live_proxies() if row.id == self._id), None)
            if wanted:
                with self._store.transaction():
                    self._store.want_session(self._id, None)
                self._switch(wanted)
        for earlier in self._reopened:
            earlier.write()

    @property
    def _id(self) -> str:
        return f"{self._number}-{os.getpid()}"

    def _sign_of_life(self, recording: Recording, *, ended: bool = False) -> LiveProxyRow:
        moment = time.time()
        return LiveProxyRow(
            id=self._id,
            session=recording.session,
            pid=os.getpid(),
            listening=self.listening,
            recording=self._path,
            holding=self.holding,
            started_at=self._started_at,
            beat_at=moment,
            ended_at=moment if ended else None,
            seen=sum(item.seen for item in (*self._earlier, recording)),
        )

    def _beat(self, recording: Recording, *, ended: bool = False) -> None:
        """Say at once that the proxy lives, or has ended."""
        assert self._store is not None
        beat = self._sign_of_life(recording, ended=ended)
        with self._store.transaction():
            self._store.put_live_proxy(beat)
        self._beat_at = beat.beat_at

    def _finish(self) -> None:
        """Write what is left and derive the session; say so where it cannot be done."""
        deadline = time.monotonic() + LAST_TRY_SECONDS
        while True:
            self._guarded()
            if self._failing_since is None or time.monotonic() > deadline:
                break
            time.sleep(ROUND_SECONDS)
        lost = self._waiting
        try:
            for earlier in dict.fromkeys(self._reopened):
                earlier.close()
                self._derive(earlier)
            self._news.extend(self._current.close())
            self._derive(self._current)
            self._beat(self._current, ended=True)
        except StoreError as error:
            self._say(
                "error",
                f"Pixelwitness could not close session {self._session}: {error}. "
                f"{lost} requests were not kept; this session is incomplete.",
            )
        else:
            self._say("alert", f"Pixelwitness closed session {self._session}")

    def _derive(self, recording: Recording) -> None:
        size = recording.size()
        if size > DERIVED_AT_END:
            self._say(
                "alert",
                f"Session {recording.session} holds {size} pixel requests: to have it evaluated as a whole, run: "
                f"pixelwitness rescore {recording.session} --db {self._database}",
            )
            return
        if size > DERIVED_AT_END // 10:
            self._say("alert", f"Pixelwitness evaluates {size} pixel requests of session {recording.session} …")
        recording.derive()
        if self._person is not None:
            recording.match(self._person)

    def _defect(self, error: Exception) -> None:
        what = f"{type(error).__name__}: {error}"
        self._say("error", f"Pixelwitness could not record a request: {what}. This session is incomplete.")

    @property
    def _waiting(self) -> int:
        """Return how many requests are not in the database yet that have something to say there."""
        return sum(isinstance(item, _Left | _Ended) for item in tuple(self._queue)) + self._current.waiting

    def _is_failing(self, patience: float, level: Literal["warning", "error"], what: str) -> None:
        moment = time.monotonic()
        if self._failing_since is None:
            self._failing_since = moment
        if not self._complained and moment - self._failing_since >= patience:
            self._complained = True
            self._say(level, f"{what}; {self._waiting} requests wait in memory, and it is tried again.")

    def _say(self, level: Literal["alert", "warning", "error"], text: str) -> None:
        self._news.append(Message(level, text))
