"""The live page in a real browser, as an investigator uses it, and as the pages they visit would attack it."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from addon.replay import replay
from addon.store.store import Store

SITE = "www.example-clinic.example"
HOSTILE = "<img src=x onerror=\"document.title='owned'\">\u202ezorbitis"


def run(work: Callable[[], Any]) -> None:
    asyncio.run(asyncio.wait_for(work(), 240))


class Feeder:
    """A visit that goes on: each part is replayed into the session as a longer recording."""

    def __init__(self, store: Store, judge: Any, visit: Any, folder: Path) -> None:
        self.store, self.judge, self.visit, self.folder = store, judge, visit, folder
        self.parts = 0
        visit.clock = time.time() - 300

    def feed(self) -> None:
        self.parts += 1
        replay(self.store, self.judge, "visit", [self.visit.save(self.folder / f"{self.parts}.mitm")])


@pytest.fixture
def feeder(tmp_path: Path, new_visit, judge, beat):
    with Store(tmp_path / "sessions.db") as store:
        store.ensure_session("visit")
        beat(store, "visit")
        yield Feeder(store, judge, new_visit(), tmp_path)


def shows(number: int, extra: str = "") -> str:
    return f"document.querySelectorAll('#acts li.act{extra}').length === {number}"


def test_a_visit_as_it_happens(chromium, served, feeder):
    visit = feeder.visit

    async def check():
        async with served(feeder.store.path, by="A. Reporter") as page, chromium.tab() as tab:
            await tab.look(1280)
            await tab.open(page.url)
            await tab.until("document.querySelector('#state.running')")
            assert await tab.evaluate("location.href") == page.url.partition("#")[0], (
                "the token is gone from the address"
            )
            assert "Nothing has left for Meta" in await tab.text("#left")

            visit.page("/zorbitis/", title="Living with zorbitis", asks=True)
            visit.pixel("PageView", "/zorbitis/", more={"pmd[title]": "Living with zorbitis"})
            visit.pixel("Microdata", "/zorbitis/", more={"pmd[title]": "Living with zorbitis"}, method="POST")
            visit.wait(30)
            feeder.feed()
            await tab.until(shows(1))
            card = await tab.text("#acts li")
            for words in ("Page view", "Living with zorbitis", "consent: before any choice", "PageView", "Microdata",
                          "answered", "Facebook account number 1000"):  # fmt: skip
                assert words in card
            assert "100000000000007" not in await tab.text()
            assert await tab.evaluate(
                "[...document.querySelectorAll('#acts mark')].some(m => m.textContent.toLowerCase() === 'zorbitis')"
            )
            assert await tab.until("document.querySelector('#alert .alert')"), "over the threshold"

            # a key says what the wire does not, at the moment of the key
            visit.clock = time.time()
            await tab.press("r")
            await tab.until("document.querySelector('#dialog').open")
            assert await tab.evaluate("document.querySelector('#site').value") == "example-clinic.example"
            await tab.press("Enter")
            await tab.until("document.querySelector('#said p')")
            (mark,) = feeder.store.marks("visit")
            assert (mark.kind, mark.site, mark.by) == ("refused", "example-clinic.example", "A. Reporter")
            visit.wait(1)
            visit.pixel(
                "SubscribedButtonClick", "/zorbitis/", more={"cd[buttonText]": "Book a zorbitis test"}, method="POST"
            )
            feeder.feed()
            await tab.until(shows(2))
            assert "after refusal" in await tab.text("#acts > li:first-child")
            assert "before any choice" in await tab.text("#acts > li:last-child")

            # review in two keys
            await tab.press("j")
            await tab.until("document.querySelector('#right').dataset.act")
            await tab.press("c")
            await tab.until("document.querySelector('#acts li .review.confirmed')")
            await tab.press("d")
            await tab.until("document.querySelector('#dialog').open")
            await tab.press("1")
            await tab.until(shows(1, ".dismissed"))
            states = {row.reason for row in feeder.store.reviews("visit").values()}
            assert states == {"the words are not about health here"}

            # everything about an event
            await tab.press("k")
            await tab.press("Enter")
            detail = await tab.until(
                "document.querySelector('#right details.event') && document.querySelector('#right').textContent"
            )
            for words in (
                "How the score came about",
                "Every parameter, decoded",
                "SHA-256",
                "made this browser send this",
            ):
                assert words in detail

            # a reload catches up
            await tab.call("Page.reload")
            await tab.until(shows(2))
            await tab.until("document.querySelector('#totals .strong')")
            assert not await tab.evaluate("!!document.querySelector('#alert .alert')"), "history is no news"
            assert tab.messages == []

    run(check)


def test_pause_keeps_counting(chromium, served, feeder):
    visit = feeder.visit
    visit.pixel("PageView", "/one/")
    feeder.feed()

    async def check():
        async with served(feeder.store.path) as page, chromium.tab() as tab:
            await tab.look(1280)
            await tab.open(page.url)
            await tab.until(shows(1))
            await tab.press("p")
            for number in range(3):
                visit.wait(20)
                visit.pixel("PageView", f"/page-{number}/")
            feeder.feed()
            await tab.until("document.querySelector('#pause').textContent.includes('3 new acts')")
            assert await tab.evaluate(shows(1))
            assert "4 acts" in await tab.text("#totals")
            await tab.press("p")
            await tab.until(shows(4))

    run(check)


def test_it_says_when_the_proxy_is_gone_when_it_holds_and_when_the_program_is_gone(chromium, served, feeder, beat):
    feeder.visit.pixel("PageView", "/zorbitis/")
    feeder.feed()

    async def check():
        async with chromium.tab() as tab:
            await tab.look(1280)
            async with served(feeder.store.path) as page:
                await tab.open(page.url)
                await tab.until("document.querySelector('#state.running')")
                beat(feeder.store, "visit", holding=True)
                await tab.until("document.querySelector('.banner.hold')")
                beat(feeder.store, "visit", beat_at=time.time() - 10)
                await tab.until("document.querySelector('#state.gone')")
                assert "Nothing is being recorded" in await tab.text("#banners")
                assert await tab.evaluate("document.querySelector('#statements .session').disabled")
                beat(feeder.store, "visit", ended_at=time.time())
                await tab.until("document.querySelector('#state.ended')")
                beat(feeder.store, "visit")
                await tab.until("document.querySelector('#state.running')")
                port = page.access.port
            await tab.until("document.querySelector('#state.lost')")
            assert "program behind this page is gone" in await tab.text("#banners")
            assert await tab.evaluate(shows(1)), "what was shown stays"
            # another program on the same port gave this tab no permission
            async with served(feeder.store.path, port=port) as again:
                await tab.until("document.querySelector('#banners').textContent.includes('by the link')")
                await tab.open("about:blank")
                await tab.open(again.url)
                await tab.until("document.querySelector('#state.running')")

    run(check)


def test_requests_held_back_are_unmistakable(chromium, served, feeder):
    feeder.visit.pixel("PageView", "/zorbitis/", status=None)
    feeder.feed()
    feeder.store._connection.execute("UPDATE obs_requests SET held = 1")

    async def check():
        async with served(feeder.store.path) as page, chromium.tab() as tab:
            await tab.look(1280)
            await tab.open(page.url)
            await tab.until(shows(1, ".held"))
            assert "HELD BACK: this did not leave" in await tab.text("#acts li")

    run(check)


def test_what_a_page_wrote_stays_text(chromium, served, feeder):
    visit = feeder.visit
    visit.page("/zorbitis/", title=HOSTILE.replace("<", "&lt;"))
    visit.pixel("PageView", f"/zorbitis/?q={HOSTILE}", more={"pmd[title]": HOSTILE, f"cd[{HOSTILE}]": HOSTILE})
    visit.pixel("SubscribedButtonClick", "/zorbitis/", more={"cd[buttonText]": HOSTILE}, at=visit.clock + 60)
    visit.pixel(HOSTILE, "/zorbitis/", at=visit.clock + 60)
    feeder.feed()

    async def check():
        async with served(feeder.store.path) as page, chromium.tab() as tab:
            await tab.look(1280)
            await tab.open(page.url)
            await tab.until(shows(3))
            for _ in range(3):
                before = await tab.evaluate("document.querySelector('#right').dataset.act ?? ''")
                await tab.press("j")
                await tab.until(f"document.querySelector('#right').dataset.act !== {json.dumps(before)}")
            await tab.press("v")
            assert not await tab.evaluate("!!document.querySelector('img, iframe, script:not([src])')")
            assert "owned" not in await tab.evaluate("document.title")
            text = await tab.evaluate("document.body.textContent")
            assert "<img src=x" in text
            assert "\u202e" not in text
            assert tab.messages == []

    run(check)


@pytest.mark.parametrize("width", [400, 1280])
def test_nothing_scrolls_sideways_and_everything_has_a_name(chromium, served, feeder, width):
    visit = feeder.visit
    visit.page("/zorbitis/", title="Living with zorbitis " * 10)
    visit.pixel("PageView", "/zorbitis/" + "long-" * 80, more={"pmd[title]": "Living with zorbitis " * 20})
    feeder.feed()

    async def check():
        async with served(feeder.store.path) as page, chromium.tab() as tab:
            await tab.look(width)
            await tab.open(page.url)
            await tab.until(shows(1))
            nameless = (
                "[...document.querySelectorAll('button, a, canvas, input, select')]"
                ".filter(e => !(e.textContent.trim() || e.getAttribute('aria-label') || e.labels?.length)).length"
            )
            wide = "document.documentElement.scrollWidth"
            assert await tab.evaluate(wide) <= width
            await tab.evaluate("document.querySelector('#acts .title').click()")
            await tab.until("document.querySelector('#right details.event')")
            assert await tab.evaluate(wide) <= width
            assert await tab.evaluate(nameless) == 0
            if width == 400:
                assert await tab.evaluate("document.querySelector('#left').offsetParent === null")
            await tab.press("Escape")
            await tab.until("document.querySelector('#left').offsetParent !== null")
            await tab.press("n")
            await tab.until("document.querySelector('#dialog').open")
            assert await tab.evaluate(nameless) == 0
            assert await tab.evaluate(wide) <= width

    run(check)


ATTACK = Path(__file__).with_name("attack.js").read_text("utf-8")


def test_a_page_in_the_same_browser_can_neither_read_nor_act(chromium, served, feeder):
    """The attacker's page runs in the browser, and profile, in which the live page is open with its cookie."""
    feeder.visit.pixel("PageView", "/zorbitis/", more={"pmd[title]": "Zorbitis"})
    feeder.feed()

    class Trap(RequestHandler):
        def get(self) -> None:
            self.finish("<!doctype html><title>trap</title><body>trap")

    async def check():
        async with served(feeder.store.path) as page, chromium.tab() as tab, chromium.tab() as trap:
            await tab.look(1280)
            await tab.open(page.url)
            await tab.until(shows(1))
            port = page.access.port
            server = HTTPServer(Application([(r"/", Trap)]))
            server.listen(0, "127.0.0.1")
            (listening,) = server._sockets.values()
            tabs = page.tabs_open
            # from another site, and from another port of the page's own address, where cookies do go along
            for host in ("trap.example", "127.0.0.1", "localhost"):
                await trap.open("about:blank")
                await trap.open(f"http://{host}:{listening.getsockname()[1]}/")
                await trap.until("document.title === 'trap'")
                await trap.call(
                    "Runtime.evaluate", expression=f"(async () => {{{ATTACK.replace('PORT', str(port))}}})()"
                )
                told = await trap.until("window.told")
                expected = {
                    "fetch": "refused: TypeError", "fetch no-cors": ("opaque", "refused: TypeError"),
                    "fetch header": "refused: TypeError", "post": ("opaque", "refused: TypeError"),
                    "post header": "refused: TypeError", "beacon": (True, False), "websocket": "refused",
                    "image": "refused", "script": "refused",
                    "iframe": ("loaded opaque", "nothing"), "report": ("loaded opaque", "nothing"),
                }  # fmt: skip
                for way in ("", "rebound "):
                    for name, allowed in expected.items():
                        got = told[way + name]
                        assert got in (allowed if isinstance(allowed, tuple) else (allowed,)), (
                            f"{host}: {way}{name}: {got}"
                        )
                assert told["popup"] in {"nothing", "refused: SecurityError"}, host
            assert feeder.store.marks("visit") == ()
            assert feeder.store.reviews("visit") == {}
            assert page.tabs_open == tabs
            assert "Zorbitis" in await tab.text("#acts"), "the page itself goes on"
            server.stop()
            await server.close_all_connections()

    run(check)
