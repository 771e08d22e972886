"""One live session: the proxy with the addon, the live page and the isolated browser, from start to end.

They are started in this order, and ended in the order browser, proxy, page: what a page still sends while its
browser closes is recorded, and the live page shows the session until it is whole.
"""

import asyncio
import contextlib
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol
from urllib.parse import urlsplit

from addon.consent.timeline import Mark
from addon.store.rows import LiveProxyRow
from addon.store.store import Store
from cli import guard
from cli.browsers import certificate, chromium, firefox, profile
from cli.browsers.finding import Browser, BrowserError, screen_missing, version_of
from cli.children import Child
from cli.mitm import Interface, ProxySettings, command_line, free_port, program
from cli.talk import say

START_LIMIT = 60.0
"""Seconds that the proxy may take to start."""

BROWSER_LIMIT = 10.0
"""Seconds that the browser may take to close."""

CLOSE_LIMIT = 600.0
"""Seconds that the proxy may take to close its session: it derives all events anew."""

IDLE_LIMIT = 10.0
"""Seconds that a proxy may take to end that has recorded nothing yet."""

GRACE = 0.5
"""Seconds between the browser's end and the proxy's: it notes the connections that just broke."""

EARLY = 5.0
"""A browser that fails within so many seconds was never usable."""

TRUST_WATCH = 60.0
"""Seconds in which a refused certificate is looked for."""

POLL = 0.2

PORT_TRIES = 2

_NO_LISTENING = "proxy failed to listen"
"""What mitmproxy says where it cannot have the port (mitmproxy/proxy/mode_servers.py)."""


BY = "pixelwitness live"
"""Who notes in the session which browser was used."""

_OF_ONE_CONNECTION = re.compile(r"\[[\d:.]+\]\[")
"""How a line of mitmproxy's log begins that tells of one connection."""


class LivePage(Protocol):
    """The page that shows a session while it is recorded."""

    async def start(self) -> str:
        """Start to serve it; return its address."""

    async def stop(self) -> None:
        """End it and every connection to it."""


_TLS = "TLS to "
"""How the addon begins the place of a problem with a connection to a host (`PixelwitnessAddon.tls_failed_client`)."""

type PageMaker = Callable[[Path, str, str | None, int], LivePage]
"""Makes the page from the database, the session, the id of the proxy that records it, and the score to call out."""

type Reason = Literal["signal", "browser", "proxy"]


class LiveSettings(NamedTuple):
    """What a live session is started with.

    `browser` None: whoever uses the proxy brings one. `url` is the first page. `make_page` None: there is no live
    page. `opens_page`: it is opened in the user's own default browser. `any_port`: another port than the proxy's will
    do where that is taken.
    """

    proxy: ProxySettings
    browser: Browser | None = None
    browser_options: Sequence[str] = ()
    url: str | None = None
    make_page: PageMaker | None = None
    any_port: bool = False
    opens_page: bool = True


class Ending(NamedTuple):
    """How it ended: what ended it first, the proxy's exit code, and whether the proxy closed its session itself.

    `sessions` are the ids of what the proxy recorded into, the first first: another program may have asked it to
    go on with a new session.
    """

    reason: Reason
    proxy_code: int
    orderly: bool
    sessions: tuple[str, ...]


class LiveError(Exception):
    """The session could not begin. The message says why; `code` is the exit code for it."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


class InterruptedEarlyError(Exception):
    """The user ended it before it had begun."""


async def record(settings: LiveSettings) -> Ending:
    """Run a live session until the browser is closed, the proxy ends or a signal comes.

    Nothing that was started is left running or lying about, however it ends. Raises LiveError, BrowserError,
    InterruptedEarlyError, StoreError and UnknownPackError.
    """
    async with contextlib.AsyncExitStack() as stack:
        signals = stack.enter_context(_signals())
        return await _Sitting(settings, stack, signals).run()


class _Signals:
    """The first signal asks for an orderly end, the second for one at once."""

    def __init__(self) -> None:
        self.first = asyncio.Event()
        self.second = asyncio.Event()

    def take(self) -> None:
        (self.second if self.first.is_set() else self.first).set()


@contextlib.contextmanager
def _signals() -> Iterator[_Signals]:
    """Take the signals that end a session while the block runs."""
    signals = _Signals()
    loop = asyncio.get_running_loop()
    wanted = [signal.SIGINT, signal.SIGTERM]
    if sys.platform != "win32":
        wanted.append(signal.SIGHUP)  # the terminal was closed
    before = {number: signal.getsignal(number) for number in wanted}
    for number in wanted:
        try:
            loop.add_signal_handler(number, signals.take)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(signals.take))
    try:
        yield signals
    finally:
        for number, handler in before.items():
            with contextlib.suppress(NotImplementedError):
                loop.remove_signal_handler(number)
            signal.signal(number, handler)


class _Sitting:
    """The processes of one session, and what is said about them.

    While mitmproxy's console has the terminal nothing is said; it is kept until the console has ended.
    """

    def __init__(self, settings: LiveSettings, stack: contextlib.AsyncExitStack, signals: _Signals) -> None:
        self._settings = settings
        self._session = settings.proxy.session
        self._stack = stack
        self._signals = signals
        self._began = time.time()
        self._old_problems = 0
        self._sessions = [settings.proxy.session]
        self._recording = False
        self._muted = False
        self._unsaid: list[str] = []
        self._page: LivePage | None = None
        self._proxy: Child
        self._browser: Child | None = None

    async def run(self) -> Ending:
        """Start everything, wait, end everything."""
        self._stack.callback(self._unmute)
        guarding = guard.Guard()
        self._stack.callback(guarding.dismiss)
        folder = self._throw_away_folder()
        guarding.folder(folder)
        self._stack.callback(self._remove, folder)
        store = self._stack.enter_context(contextlib.closing(Store(self._settings.proxy.db)))
        await self._unless_interrupted(self._start(guarding, folder, store))
        began = time.monotonic()
        reason = await self._until_over(store)
        early = self._browser is not None and reason == "browser" and time.monotonic() - began < EARLY
        await self._end(store)
        if early and self._browser is not None and self._browser.returncode:
            raise BrowserError(
                f"{self._browser.name} ended with {self._browser.returncode} at once. {self._browser.last_words()}"
            )
        orderly = not self._proxy.killed and not self._proxy.returncode
        if not orderly:
            self._note_the_hole(store)
        return Ending(reason, self._proxy.returncode or 0, orderly, tuple(self._sessions))

    # starting

    def _throw_away_folder(self) -> Path:
        try:
            return profile.make_throw_away(self._settings.browser)
        except OSError as error:
            raise LiveError(f"no folder for the throw-away profile can be made: {error}") from None

    async def _start(self, guarding: guard.Guard, folder: Path, store: Store) -> None:
        row = await self._start_proxy(guarding, folder, store)
        if self._settings.proxy.hold and not (row is not None and row.holding):
            raise LiveError("The proxy does not hold requests back as asked, so nothing was started.")
        address = await self._start_page(row)
        if self._settings.browser is not None:
            await self._start_browser(self._settings.browser, guarding, folder, address)
            self._note_browser(self._settings.browser, store)

    async def _start_proxy(self, guarding: guard.Guard, folder: Path, store: Store) -> LiveProxyRow | None:
        settings = self._settings.proxy
        if settings.confdir is None and self._settings.browser is not None and _on_this_machine(settings.host):
            keys = folder / "keys"  # only our browser trusts them; they go with the profile
            settings = settings._replace(confdir=keys)
        self._old_problems = len(store.source_problems(self._session))
        self._muted = settings.ui is Interface.CONSOLE
        for tries_left in reversed(range(PORT_TRIES)):
            self._settings = self._settings._replace(proxy=settings)
            try:
                row = await self._proxy_that_records(guarding, folder, store)
                break
            except LiveError as error:
                # between being found free and being listened on, another program may have taken the port
                taken = self._muted or _NO_LISTENING in str(error)
                if not (tries_left and self._settings.any_port and taken):
                    raise
                settings = settings._replace(port=free_port(settings.host, 0))
        self._recording = True
        place = row.listening if row is not None and row.listening else f"{settings.host}:{settings.port}"
        self._say(f"Proxy on {place}, session {self._session}. Ctrl-C ends it.")
        if self._settings.browser is None:
            self._say("Set it in your browser or device and open http://mitm.it there for the certificate.")
        return row

    async def _proxy_that_records(self, guarding: guard.Guard, folder: Path, store: Store) -> LiveProxyRow | None:
        """Start the proxy and wait until it records; return what it says of itself."""
        known = frozenset(source.id for source in store.sources(self._session))
        log = folder / "proxy.log"
        log.unlink(missing_ok=True)
        self._proxy = await Child.start(
            command_line(self._settings.proxy),
            name=program(self._settings.proxy.ui).name,
            log=None if self._muted else log,
            guarding=guarding,
            environment={**os.environ, "PYTHONUNBUFFERED": "1"},
            umask=0o077,
        )
        self._stack.push_async_callback(self._end_proxy)
        try:
            async with asyncio.timeout(START_LIMIT):
                return await self._until_it_records(store, known)
        except TimeoutError:
            raise LiveError(
                f"{self._proxy.name} did not start within {START_LIMIT:.0f} seconds. {self._proxy.last_words()}"
            ) from None

    async def _until_it_records(self, store: Store, known: frozenset[str]) -> LiveProxyRow | None:
        """Wait until the proxy listens and the addon has opened the session; return what it says of itself."""
        host, port = self._settings.proxy.host, self._settings.proxy.port
        while True:
            row = next((row for row in store.live_proxies() if row.pid == self._proxy.pid), None)
            if row is not None and row.listening:
                return row
            opened = any(source.id not in known for source in store.sources(self._session))
            if (code := self._proxy.returncode) is not None:
                if opened and code == 0:
                    return row  # it was ended as soon as it had begun
                raise LiveError(f"{self._proxy.name} did not start. {self._proxy.last_words()}", code or 1)
            if opened and await _accepts(host, port):
                return row
            await asyncio.sleep(POLL)

    async def _start_page(self, row: LiveProxyRow | None) -> str | None:
        if self._settings.make_page is None:
            return None
        page = self._settings.make_page(
            self._settings.proxy.db, self._session, row.id if row is not None else None, self._settings.proxy.alert
        )
        try:
            address = await page.start()
        except OSError as error:
            raise LiveError(f"the live page cannot be shown: {error}") from None
        self._page = page
        self._stack.push_async_callback(self._stop_page)
        self._say(f"Live page: {address}")
        if self._settings.opens_page and not screen_missing():
            # the user's own browser: pages inside the isolated one must not get at it
            await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", "webbrowser", "-n", address,
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
        return address

    async def _start_browser(self, browser: Browser, guarding: guard.Guard, folder: Path, page: str | None) -> None:
        settings = self._settings
        proxy = f"{_reachable(settings.proxy.host)}:{settings.proxy.port}"
        not_proxied = [urlsplit(page).netloc] if page is not None else []
        authority = (settings.proxy.confdir or _mitmproxy_keys()) / certificate.NAME
        place = folder / "profile"
        place.mkdir(mode=0o700)
        words = list(profile.starting(browser, folder))
        try:
            if browser.family == "chromium":
                chromium.prepare(place)
                words += chromium.arguments(
                    place,
                    proxy,
                    trusted_key=certificate.public_key_hash(authority),
                    not_proxied=not_proxied,
                    options=settings.browser_options,
                )
            else:
                firefox.prepare(place, proxy, not_proxied)
                self._say("Firefox takes the proxy's certificate into the throw-away profile ...")
                await firefox.trust_in(place, words, certificate.encoded(authority))
                words += firefox.arguments(place, settings.browser_options)
            words.append(settings.url or "about:blank")
            self._browser = await Child.start(
                words,
                name=browser.name,
                log=folder / "browser.log",
                guarding=guarding,
                environment=profile.environment(browser, folder),
            )
        except OSError as error:
            raise BrowserError(f"{browser.name} could not be started: {error}") from None
        self._stack.push_async_callback(self._browser.end, BROWSER_LIMIT, self._signals.second)

    def _note_browser(self, browser: Browser, store: Store) -> None:
        """Note in the session what a reader of the report must know about the browser."""
        cookies = (
            "cookies of other sites allowed, as in Chrome as it comes"
            if browser.family == "chromium"
            else "Firefox's own defaults, which keep the cookies of other sites apart"
        )
        text = f"Browsed with {version_of(browser) or browser.name}, a throw-away profile, {cookies}."
        if self._settings.browser_options:
            text += f" Started with {' '.join(self._settings.browser_options)} as well."
        with store.transaction():
            store.add_mark(self._session, Mark(at=time.time(), kind="note", site=None, text=text, by=BY))

    async def _unless_interrupted(self, work: Coroutine[Any, Any, None]) -> None:
        """Do the work of starting; a signal ends it, and once the proxy records, the session ends like any other.

        Raises InterruptedEarlyError where nothing was recorded yet.
        """
        task = asyncio.create_task(work)
        stop = asyncio.create_task(self._signals.first.wait())
        try:
            await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.cancel()
        if not task.done():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            if not self._recording:
                raise InterruptedEarlyError
            return
        task.result()

    # waiting

    async def _until_over(self, store: Store) -> Reason:
        waiting: dict[asyncio.Task[Any], Reason] = {
            asyncio.create_task(self._signals.first.wait()): "signal",
            asyncio.create_task(self._proxy.wait()): "proxy",
        }
        if self._browser is not None:
            waiting[asyncio.create_task(self._browser.wait())] = "browser"
        told = asyncio.create_task(self._tell(store))
        try:
            done, _ = await asyncio.wait({*waiting, told}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*waiting, told):
                task.cancel()
        if told in done:
            told.result()  # it never ends by itself
        return next(waiting[task] for task in waiting if task in done)

    async def _tell(self, store: Store) -> None:
        """Say what the proxy says, and look out for a browser that does not trust it."""
        until = time.monotonic() + TRUST_WATCH
        version = -1
        while True:
            for line in self._proxy.news():
                if not _OF_ONE_CONNECTION.match(line):
                    self._say(line)
            self._look_for_sessions(store)
            if time.monotonic() < until and (latest := store.data_version()) != version:
                version = latest
                if (text := self._distrust(store)) is not None:
                    self._say(text)
                    until = 0.0
            await asyncio.sleep(POLL)

    def _look_for_sessions(self, store: Store) -> None:
        """Take note of sessions that the proxy goes on with."""
        for row in store.live_proxies():
            if row.pid == self._proxy.pid and row.started_at >= self._began and row.session not in self._sessions:
                self._sessions.append(row.session)

    def _distrust(self, store: Store) -> str | None:
        """Return a sentence where the browser refused the proxy's certificate and no page was seen since."""
        wanted = urlsplit(self._settings.url or "").hostname
        hosts = [
            problem.where.removeprefix(_TLS)
            for problem in store.source_problems(self._session)[self._old_problems :]
            if problem.where.startswith(_TLS)
        ]
        host = next((host for host in hosts if wanted is None or host == wanted), None)
        if host is None or self._seen(store, wanted):
            return None
        if self._settings.browser is None:
            return (
                f"The browser or device does not trust the proxy's certificate, so nothing of {host} is seen: open "
                "http://mitm.it there, through the proxy, and trust the certificate for websites."
            )
        return (
            f"{self._settings.browser.name} refused the proxy's certificate for {host}, so nothing of it is seen: end "
            "this with Ctrl-C and start again, with another --browser if that does not help."
        )

    def _seen(self, store: Store, host: str | None) -> bool:
        """Tell whether a page of `host`, or any page, was loaded since the session began."""
        pages = (page for page in store.pages(self._session) if page.at >= self._began)
        return any(host is None or urlsplit(page.url).hostname == host for page in pages)

    # ending

    async def _end(self, store: Store) -> None:
        self._say("Closing the session ...")
        hurry = self._signals.second
        if self._browser is not None:
            await self._browser.end(BROWSER_LIMIT, hurry)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(hurry.wait(), GRACE)
        await self._end_proxy()
        for line in self._proxy.news():
            if not _OF_ONE_CONNECTION.match(line):
                self._say(line)
        self._look_for_sessions(store)
        await self._stop_page()
        self._unmute()

    def _note_the_hole(self, store: Store) -> None:
        """Mark the session that the proxy did not close: requests it had not kept yet are missing."""
        with store.transaction():
            store.mark_incomplete(self._sessions[-1])

    async def _end_proxy(self) -> None:
        await self._proxy.end(CLOSE_LIMIT if self._recording else IDLE_LIMIT, self._signals.second)

    async def _stop_page(self) -> None:
        page, self._page = self._page, None
        if page is not None:
            await page.stop()

    def _remove(self, folder: Path) -> None:
        if not profile.throw_away(folder):
            self._say(f"The throw-away profile could not be removed; delete it yourself: {folder}")

    # saying

    def _say(self, text: str) -> None:
        if self._muted:
            self._unsaid.append(text)
        else:
            say(text)

    def _unmute(self) -> None:
        self._muted = False
        for text in self._unsaid:
            say(text)
        self._unsaid.clear()


def _on_this_machine(host: str) -> bool:
    return host in {"127.0.0.1", "::1", "localhost"}


def _mitmproxy_keys() -> Path:
    """Return mitmproxy's own folder of keys (mitmproxy/options.py, CONF_DIR)."""
    return Path.home() / ".mitmproxy"


def _reachable(host: str) -> str:
    """Return the host by which a browser on this machine reaches a proxy that listens on `host`."""
    everywhere = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not listened on
    name = everywhere.get(host, host)
    return f"[{name}]" if ":" in name else name


async def _accepts(host: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(_reachable(host).strip("[]"), port)
    except OSError:
        return False
    writer.close()
    return True
