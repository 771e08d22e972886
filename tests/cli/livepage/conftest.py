"""A live page that is served, and a real Chromium driven over the DevTools protocol."""

import asyncio
import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.websocket import WebSocketClientConnection, websocket_connect

from addon.store.rows import LiveProxyRow
from addon.store.store import Store
from cli.livepage.server import LivePage

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE = 60.0
"""Seconds until a test gives up on a browser; machines are shared and slow at times."""


async def eventually[Value](ask: Callable[[], Awaitable[Value]], what: str) -> Value:
    """Return the first true answer; fail where none comes."""
    until = time.monotonic() + PATIENCE
    while True:
        answer = await ask()
        if answer:
            return answer
        assert time.monotonic() < until, f"never came: {what}"
        await asyncio.sleep(0.05)


class Tab:
    """One page of a Chromium, driven over the DevTools protocol."""

    def __init__(self, connection: WebSocketClientConnection) -> None:
        self._connection = connection
        self._next = 0
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.messages: list[str] = []
        """What the page wrote to its console, and errors."""
        self._reading = asyncio.get_running_loop().create_task(self._read())

    async def _read(self) -> None:
        while (text := await self._connection.read_message()) is not None:
            message = json.loads(text)
            if (number := message.get("id")) in self._answers:
                self._answers.pop(number).set_result(message)
            elif message.get("method") in {"Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled"}:
                self.messages.append(json.dumps(message["params"]))
        for future in self._answers.values():
            future.cancel()

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return the result of a protocol command."""
        self._next += 1
        future = asyncio.get_running_loop().create_future()
        self._answers[self._next] = future
        await self._connection.write_message(json.dumps({"id": self._next, "method": method, "params": parameters}))
        answer = await asyncio.wait_for(future, PATIENCE)
        assert "error" not in answer, f"{method}: {answer.get('error')}"
        return dict(answer["result"])

    async def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression, awaited where it is a promise."""
        answer = await self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True, userGesture=True
        )
        assert "exceptionDetails" not in answer, f"{expression}: {answer['exceptionDetails']}"
        return answer["result"].get("value")

    async def open(self, url: str) -> None:
        """Go to an address, in front of other tabs: what is hidden is not drawn."""
        await self.call("Page.bringToFront")
        await self.call("Page.navigate", url=url)

    async def until(self, expression: str) -> Any:
        """Return the value of an expression once it is true."""
        shown = f"(value => value instanceof Node ? true : value)({expression})"
        return await eventually(lambda: self.evaluate(shown), expression)

    async def text(self, selector: str = "body") -> str:
        """Return the text that a reader sees."""
        return str(await self.evaluate(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''"))

    async def press(self, key: str) -> None:
        """Press and release a key."""
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        code = {"Enter": 13, "Escape": 27}.get(key, ord(key.upper()) if len(key) == 1 else 0)
        shared = {"key": key, "windowsVirtualKeyCode": code}
        await self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **shared)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **shared)

    async def type(self, text: str) -> None:
        """Type into what has the focus."""
        await self.call("Input.insertText", text=text)

    async def look(self, width: int, height: int = 900, *, dark: bool = False) -> None:
        """Lay the page out for a window of this size, light or dark."""
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])

    async def screenshot(self, path: Path) -> None:
        """Save what is seen."""
        picture = base64.b64decode((await self.call("Page.captureScreenshot"))["data"])
        await asyncio.to_thread(path.write_bytes, picture)

    async def close(self) -> None:
        """Let go of the page."""
        self._connection.close()
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)


class Chromium:
    """A running Chromium with a profile of its own."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def _ask(self, path: str) -> Any:
        answer = await AsyncHTTPClient().fetch(f"http://127.0.0.1:{self._port}{path}", method="PUT", body=b"")
        return json.loads(answer.body)

    @asynccontextmanager
    async def tab(self) -> AsyncIterator[Tab]:
        """Open an empty page."""
        target = await self._ask("/json/new?about:blank")
        tab = Tab(await websocket_connect(target["webSocketDebuggerUrl"], max_message_size=50_000_000))
        for domain in ("Page", "Runtime", "Log"):
            await tab.call(f"{domain}.enable")
        try:
            yield tab
        finally:
            await tab.close()
            await AsyncHTTPClient().fetch(f"http://127.0.0.1:{self._port}/json/close/{target['id']}")


def start_chromium(profile: Path) -> tuple[subprocess.Popen[bytes], Chromium]:
    """Start a Chromium and wait for its DevTools port."""
    assert BROWSER is not None
    command = [
        BROWSER, "--headless=new", "--remote-debugging-port=0", f"--user-data-dir={profile}", "--no-first-run",
        "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--disable-dev-shm-usage", "--hide-scrollbars", "--no-default-browser-check",
        "--disable-renderer-backgrounding", "--disable-background-timer-throttling",
        "--host-resolver-rules=MAP *.example 127.0.0.1",
    ]  # fmt: skip
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--no-sandbox")
    process = subprocess.Popen([*command, "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    said = profile / "DevToolsActivePort"
    until = time.monotonic() + PATIENCE
    while not (said.exists() and len(said.read_text().split()) == 2):
        assert process.poll() is None, "Chromium ended at once"
        assert time.monotonic() < until, "Chromium never opened its port"
        time.sleep(0.05)
    return process, Chromium(int(said.read_text().split()[0]))


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """Return a running Chromium."""
    if BROWSER is None:
        pytest.skip("no Chromium installed to open the live page in")
    process, running = start_chromium(tmp_path_factory.mktemp("chromium"))
    yield running
    process.terminate()
    process.wait(PATIENCE)


@pytest.fixture
def served() -> Callable[..., Any]:
    """Return a function that serves a live page of a database for the time of a block."""

    @asynccontextmanager
    async def serve(db: Path, session: str | None = None, **more: Any) -> AsyncIterator[LivePage]:
        page = LivePage(db, session, **more)
        await page.start()
        try:
            yield page
        finally:
            await page.stop()

    return serve


@pytest.fixture
def beat() -> Callable[..., LiveProxyRow]:
    """Return a function that says for a proxy that it runs, or what else is given of its row."""

    def write(store: Store, session: str, **more: Any) -> LiveProxyRow:
        row = LiveProxyRow.model_validate(
            {
                "id": "p1", "session": session, "pid": os.getpid(), "listening": "127.0.0.1:8080",
                "recording": None, "holding": False, "started_at": time.time() - 60, "beat_at": time.time() + 3600,
            }
            | more
        )  # fmt: skip
        store.put_live_proxy(row)
        return row

    return write
