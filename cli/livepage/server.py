"""The server of the live page: loopback only, one page, one WebSocket per tab, nothing loaded from outside."""

import asyncio
import json
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Final

from tornado.httpserver import HTTPServer
from tornado.web import Application
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from addon.store.store import EventNotFoundError, SessionNotFoundError, Store, StoreError
from cli.livepage.board import NEWEST, Board
from cli.livepage.feed import Feed, News
from cli.livepage.guard import MAX_BODY, REPORT_POLICY, Access, Guarded, Nothing, RefusedError
from cli.livepage.statements import StatementError, Statements
from cli.report import NotDerivedError, build_report
from cli.reports import FORMATS

LOOK_SECONDS: Final = 0.1
TROUBLE_SECONDS: Final = 1.0
MAX_MESSAGE: Final = 4096
MAX_TABS: Final = 16
_STATIC: Final = Path(__file__).with_name("static")
_TYPES: Final = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_NAMES: Final = 200


class LivePage:
    """The live page of one proxy or session, served by the running asyncio loop.

    Reading and writing the database happen in two threads of their own; everything else in the loop.
    """

    def __init__(
        self,
        db: Path,
        session: str | None = None,
        proxy: str | None = None,
        *,
        by: str | None = None,
        alert: int = 60,
        port: int = 0,
    ) -> None:
        """Prepare a page on database `db`; nothing is opened yet.

        `proxy` is the id of a row of `live_proxies`, which may come later; without it, whatever proxy records
        `session` is followed, and without both the one started last. `by` is the name kept with marks and reviews,
        `alert` the score from which the page calls out, `port` 0 takes any free one.
        """
        self._db = db
        self._wanted = (session, proxy)
        self._by = by
        self._alert = alert
        self._port = port
        self.board = Board()
        self.feed: Feed | None = None
        self._statements: Statements | None = None
        self._reader = ThreadPoolExecutor(1, "pixelwitness-reads")
        self._writer = ThreadPoolExecutor(1, "pixelwitness-writes")
        self._server: HTTPServer | None = None
        self._following: asyncio.Task[None] | None = None
        self.tabs: set[Live] = set()
        self.access: Access | None = None

    @property
    def url(self) -> str:
        """The address to open, with the token. Raises RuntimeError before `start`."""
        if self.access is None:
            raise RuntimeError("the live page has not been started")
        return self.access.url

    @property
    def tabs_open(self) -> int:
        """How many tabs show the page."""
        return len(self.tabs)

    async def start(self) -> str:
        """Open database and socket, begin to follow, and return `url`.

        Raises StoreError where the database cannot be used, SessionNotFoundError for a session that nobody knows,
        OSError where the port is taken.
        """
        loop = asyncio.get_running_loop()
        try:
            self.feed = await loop.run_in_executor(self._reader, lambda: Feed(self._db, *self._wanted))
            self._statements = await loop.run_in_executor(self._writer, lambda: Statements(self._db, self._by))
            listening = socket.create_server(("127.0.0.1", self._port))
        except BaseException:
            await self.stop()
            raise
        listening.setblocking(False)
        self.access = Access(listening.getsockname()[1])
        self._server = HTTPServer(self._application(self.access), max_body_size=MAX_BODY, max_header_size=16 * 1024)
        self._server.add_socket(listening)
        self._following = loop.create_task(self._follow(self.feed), name="live page")
        return self.access.url

    async def wait(self) -> None:
        """Return when the page was stopped. Raises what made it fail."""
        if self._following is not None:
            await asyncio.wait({self._following})
            if not self._following.cancelled():
                self._following.result()

    async def stop(self) -> None:
        """Close tabs, socket and database. May be called twice."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
        for tab in tuple(self.tabs):
            tab.close(1001, "the program has ended")
        if self._server is not None:
            self._server.stop()
            await self._server.close_all_connections()
            self._server = None
        loop = asyncio.get_running_loop()
        feed, self.feed = self.feed, None
        statements, self._statements = self._statements, None
        if feed is not None:
            await loop.run_in_executor(self._reader, feed.close)
        if statements is not None:
            await loop.run_in_executor(self._writer, statements.close)
        self._reader.shutdown(wait=False)
        self._writer.shutdown(wait=False)

    async def read[Result](self, work: Callable[[Feed], Result]) -> Result:
        """Return what `work` reads, in the reading thread."""
        feed = self.feed
        assert feed is not None, "the page was started"
        return await asyncio.get_running_loop().run_in_executor(self._reader, lambda: work(feed))

    async def write(self, work: Callable[[Statements], None]) -> None:
        """Let `work` write, in the writing thread. Raises RefusedError with a sentence for the page."""
        statements = self._statements
        assert statements is not None, "the page was started"
        try:
            await asyncio.get_running_loop().run_in_executor(self._writer, lambda: work(statements))
        except StatementError as error:
            raise RefusedError(400, str(error)) from None
        except EventNotFoundError as error:
            raise RefusedError(404, str(error)) from None
        except StoreError as error:
            raise RefusedError(409, f"Not kept: {error}") from None

    def session(self) -> str:
        """Return the id of the session shown. Raises RefusedError where there is none."""
        if self.feed is None or not self.feed.session:
            raise RefusedError(409, "There is no session yet: wait for the proxy")
        return self.feed.session

    def session_being_recorded(self) -> str:
        """Return the session shown, if what happens now belongs to it. Raises RefusedError where not."""
        session = self.session()
        if not self._status_of_proxy().get("marks"):
            raise RefusedError(409, "No proxy records this session now: for an earlier moment, use pixelwitness mark")
        return session

    def _status_of_proxy(self) -> dict[str, Any]:
        return dict((self.board.status or {}).get("proxy") or {})

    def running_proxy(self) -> str:
        """Return the id of the proxy that is followed. Raises RefusedError where none is running."""
        if self.feed is None or self.feed.proxy is None or self._status_of_proxy().get("state") != "running":
            raise RefusedError(409, "The proxy is gone: a new session needs a running one")
        return self.feed.proxy.id

    def report(self, session: str) -> str:
        """Return the report of a session as HTML. Raises StoreError, SessionNotFoundError, NotDerivedError."""
        with Store(self._db, create=False) as store:
            return FORMATS["html"].render(build_report(store, store.session(session)), 0)

    def greeting(self) -> dict[str, Any]:
        """Return what a tab needs to know before anything else."""
        return {"type": "hello", "alert": self._alert, "by": self._by}

    # inside

    async def _follow(self, feed: Feed) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                news = await loop.run_in_executor(self._reader, feed.look)
            except StoreError as error:
                self._show(News(status={**(self.board.status or {}), "trouble": str(error)}))
                await asyncio.sleep(TROUBLE_SECONDS)
                continue
            except Exception as error:
                trouble = f"The page follows no longer, by a defect of Pixelwitness: {type(error).__name__}: {error}"
                self._show(News(status={**(self.board.status or {}), "trouble": trouble}))
                raise
            if news.status is None and "trouble" in (self.board.status or {}):  # it is over
                news = news._replace(status={k: v for k, v in (self.board.status or {}).items() if k != "trouble"})
            self._show(news)
            await asyncio.sleep(0 if news.more else LOOK_SECONDS)

    def _show(self, news: News) -> None:
        if self.board.take(news):
            for tab in self.tabs:
                tab.wake()

    def _application(self, access: Access) -> Application:
        own = {"access": access, "page": self}
        return Application(
            [
                (r"/", File, {"access": access, "name": "page.html"}),
                (r"/static/(?P<name>[a-z]+\.[a-z]+)", File, {"access": access}),
                (r"/enter", Enter, {"access": access}),
                (r"/live", Live, own),
                (r"/acts", Acts, own),
                (r"/act/(?P<act>[0-9a-z]{1,40})", Act, own),
                (r"/marks", Marks, own),
                (r"/reviews", Reviews, own),
                (r"/sessions", Sessions, own),
                (r"/report", Report, own),
            ],
            default_handler_class=Nothing,
            default_handler_args={"access": access},
            log_function=lambda _: None,
            websocket_max_message_size=MAX_MESSAGE,
            websocket_ping_interval=20,
            compress_response=False,
        )


@cache
def _files() -> Mapping[str, bytes]:
    return {path.name: path.read_bytes() for path in _STATIC.iterdir() if path.suffix in _TYPES}


class File(Guarded):
    """The page's own files. They hold no data, so they need no cookie: the page asks for the link without one."""

    needs_cookie = False
    needs_header = False

    def initialize(self, access: Access, name: str | None = None) -> None:
        """Take the name of the file to serve where the address does not hold it."""
        super().initialize(access)
        self._name = name

    def get(self, name: str | None = None) -> None:
        """Serve a file."""
        wanted = self._name or name or ""
        content = _files().get(wanted)
        if content is None:
            raise RefusedError(404, "there is no such thing here")
        self.set_header("Content-Type", f"{_TYPES[Path(wanted).suffix]}; charset=utf-8")
        self.finish(content)


class Enter(Guarded):
    """Gives the cookie for the token."""

    needs_cookie = False

    def post(self) -> None:
        """Check the token."""
        if not self.access.fits(self.sent_json().get("token")):
            raise RefusedError(403, "open the page by the link that the program printed")
        self.set_cookie(self.access.cookie_name, self.access.cookie, path="/", httponly=True, samesite="Strict")
        self.answer({"ok": True})


class _Page(Guarded):
    """A handler that shows or changes something."""

    def initialize(self, access: Access, page: LivePage) -> None:  # type: ignore[override]
        """Take the page whose data it serves."""
        super().initialize(access)
        self.page = page


class Acts(_Page):
    """Acts from before a moment."""

    def get(self) -> None:
        """Answer with the acts before the time `before`, the newest first."""
        before = self.get_query_argument("before", "")
        self.answer({"epoch": self.page.board.epoch, "acts": self.page.board.older(before, NEWEST)})


class Act(_Page):
    """One act in full."""

    async def get(self, act: str) -> None:
        """Answer with the full decode and ledger of every event of an act."""
        found = await self.page.read(lambda feed: feed.detail(act))
        if found is None:
            raise RefusedError(404, "This act is no longer there: its events were put together anew")
        self.answer(found)


class Marks(_Page):
    """What the investigator knows and the wire does not."""

    async def post(self) -> None:
        """Keep a mark or a note."""
        sent = self.sent_json()
        session = self.page.session_being_recorded()
        kind, site, text = (_text(sent, name) for name in ("kind", "site", "text"))
        ago = sent.get("ago", 0)
        if isinstance(ago, bool) or not isinstance(ago, int | float):
            raise RefusedError(400, "ago must be a number of seconds")
        await self.page.write(lambda statements: statements.mark(session, kind, site or None, text, float(ago)))
        self.answer({"ok": True})


class Reviews(_Page):
    """Decisions about findings."""

    async def post(self) -> None:
        """Keep a decision."""
        sent = self.sent_json()
        session = self.page.session()
        events, decision = sent.get("events"), sent.get("decision")
        if not isinstance(events, list) or not all(isinstance(event, str) for event in events):
            raise RefusedError(400, "events must be a list of ids")
        if decision not in {"confirm", "dismiss"}:
            raise RefusedError(400, "decision must be confirm or dismiss")
        reason = _text(sent, "reason")
        await self.page.write(lambda statements: statements.review(session, events, decision, reason))
        self.answer({"ok": True})


class Sessions(_Page):
    """New sessions."""

    async def post(self) -> None:
        """Ask the proxy for a new session."""
        name = _text(self.sent_json(), "name")
        proxy = self.page.running_proxy()
        await self.page.write(lambda statements: statements.new_session(proxy, name))
        self.answer({"ok": True})


class Report(_Page):
    """The report of the session as it stands."""

    needs_header = False
    policy = REPORT_POLICY

    async def get(self) -> None:
        """Answer with the report."""
        session = self.page.session()
        try:
            text = await asyncio.to_thread(self.page.report, session)
        except (StoreError, SessionNotFoundError, NotDerivedError) as error:
            raise RefusedError(409, str(error)) from None
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(text)


class Live(_Page, WebSocketHandler):
    """One tab. It says where it stands, then gets what it lacks as it comes."""

    needs_header = False  # a browser cannot set one here; Origin and cookie are required instead
    _most: ClassVar = MAX_TABS

    def prepare(self) -> None:
        """Refuse whoever is not the page: here the Origin is required."""
        super().prepare()
        if not self.request.headers.get("Origin"):
            raise RefusedError(403, "a WebSocket needs an Origin")
        if len(self.page.tabs) >= self._most:
            raise RefusedError(503, "too many tabs show this page")

    def check_origin(self, origin: str) -> bool:
        """Accept the page's own origin alone."""
        return origin in self.access.origins

    def open(self, *_: str, **__: str) -> None:
        """Greet; news come once the tab said where it stands."""
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.page.tabs.add(self)

    def on_message(self, message: str | bytes) -> None:
        """Take where the tab stands: `{"epoch": text, "sequence": number}`. Anything else ends the connection."""
        try:
            data = json.loads(message)
            epoch, sequence = data["epoch"], data["sequence"]
        except (ValueError, KeyError, TypeError, RecursionError):
            epoch = sequence = None
        if not isinstance(epoch, str) or not isinstance(sequence, int) or self._task is not None:
            self.close(1008, "not understood")
            return
        self._task = asyncio.get_running_loop().create_task(self._tell(epoch, sequence))
        self.wake()

    def wake(self) -> None:
        """Say that there may be news."""
        self._news.set()

    def on_close(self) -> None:
        """Forget the tab."""
        self.page.tabs.discard(self)
        if self._task is not None:
            self._task.cancel()

    async def _tell(self, epoch: str, sequence: int) -> None:
        """Send what the tab lacks; while it is slow to take that, news gather instead of queueing."""
        board = self.page.board
        try:
            await self.write_message(json.dumps(self.page.greeting(), ensure_ascii=False))
            while True:
                await self._news.wait()
                self._news.clear()
                message = board.message(epoch, sequence)
                if message is not None:
                    epoch, sequence = message["epoch"], message["sequence"]
                    await self.write_message(json.dumps(message, ensure_ascii=False, separators=(",", ":")))
        except WebSocketClosedError:
            return


def _text(sent: Mapping[str, Any], name: str) -> str:
    """Return a text of a request's body, empty where it is missing. Raises RefusedError 400."""
    value = sent.get(name) or ""
    if not isinstance(value, str):
        raise RefusedError(400, f"{name} must be text")
    return value
