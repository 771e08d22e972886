"""How the live page bears a flood: real Chromium, a real database, events written as the addon writes them.

    python benchmarks/live_page.py [EVENTS_PER_SECOND SECONDS]...

For each load (by default 17 a second for a minute, which is 1,000 a minute, and 500 a second for five seconds) it
prints the longest task of the page in milliseconds, the longest time between two frames, how long a key press took to
be drawn while events came, how long after its writing the last event was counted on the page, and what the list holds.
"""

import asyncio
import importlib.util
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from addon.audit import AssessedEvent
from addon.model import Act
from addon.replay import replay
from addon.store.rows import LiveProxyRow
from addon.store.store import Store
from captures import demo_captures
from cli.livepage.server import LivePage
from cli.rulebook import matcher

LOADS = ((17.0, 60.0), (500.0, 5.0))
OBSERVE = """
window.measured = { task: 0, frame: 0, tasks: 0 };
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    measured.tasks += 1;
    measured.task = Math.max(measured.task, entry.duration);
  }
}).observe({ type: "longtask" });
let last = performance.now();
requestAnimationFrame(function next(now) {
  measured.frame = Math.max(measured.frame, now - last);
  last = now;
  requestAnimationFrame(next);
});
"""
KEY = """
new Promise((done) => {
  const begun = performance.now();
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "j", bubbles: true }));
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - begun)));
})
"""
CARDS = "JSON.stringify({ ...measured, cards: document.querySelectorAll('#acts > li').length })"


def browser() -> Any:
    """Return the module that drives Chromium in the tests."""
    path = Path(__file__).parent.parent / "tests/cli/livepage/conftest.py"
    spec = importlib.util.spec_from_file_location("live_page_browser", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Flood:
    """Events of the sample recordings, again and again, each as one of its own, with an act for every two."""

    def __init__(self, store: Store) -> None:
        name, _ = replay(store, matcher(None), "flood", demo_captures())
        self.store, self.session = store, name
        found = store.derivation(name)
        assert found is not None
        self.models = found.events
        self.observed = store.observed_requests(name)
        self.acts: list[Act] = list(found.acts)
        self.written = len(found.events)

    def write(self, number: int) -> None:
        """Write so many further events in one transaction."""
        now = time.time()
        events: list[AssessedEvent] = []
        requests = []
        for _ in range(number):
            model = self.models[self.written % len(self.models)]
            self.written += 1
            keys = {hit.request_key: f"{self.written:08x}{hit.request_key[8:]}" for hit in model.event.hits}
            requests += [self.observed[old].model_copy(update={"key": new}) for old, new in keys.items()]
            hits = tuple(hit.model_copy(update={"request_key": keys[hit.request_key]}) for hit in model.event.hits)
            event = model.event.model_copy(update={"id": f"e{self.written:011x}", "occurred_at": now, "hits": hits})
            events.append(model.model_copy(update={"event": event}))
        for index in range(0, len(events), 2):
            first = events[index].event
            self.acts.append(
                Act(id=f"a{first.id[1:]}", kind="click", site=first.site, page_url=first.page_url, at=now,
                    event_ids=tuple(item.event.id for item in events[index : index + 2]))
            )  # fmt: skip
        with self.store.transaction():
            self.store.add_requests(self.session, requests)
            self.store.put_events(self.session, events)
            self.store.put_acts(self.session, self.acts)


async def measure(rate: float, seconds: float) -> None:
    """Print what one load does to the page."""
    driver = browser()
    folder = Path(tempfile.mkdtemp(prefix="pixelwitness-benchmark-"))
    with Store(folder / "flood.db") as store:
        flood = Flood(store)
        beat = time.time() + 3600
        store.put_live_proxy(
            LiveProxyRow(id="p", session=flood.session, pid=1, listening="127.0.0.1:8080", recording=None,
                         holding=False, started_at=time.time(), beat_at=beat)
        )  # fmt: skip
        page = LivePage(folder / "flood.db")
        await page.start()
        process, chromium = await asyncio.to_thread(driver.start_chromium, folder / "profile")
        try:
            async with chromium.tab() as tab:
                await tab.look(1280)
                await tab.open(page.url)
                await tab.until("document.querySelectorAll('#acts > li').length > 50")
                await tab.evaluate(OBSERVE + "0")
                begun, sent, keys = time.monotonic(), 0, []
                beside = asyncio.create_task(asyncio.sleep(0))
                while (passed := time.monotonic() - begun) < seconds:
                    due = int(passed * rate) - sent
                    if due > 0:
                        await asyncio.to_thread(flood.write, due)
                        sent += due
                    if beside.done():
                        if sent:
                            keys.append(await tab.evaluate(KEY))
                        beside = asyncio.create_task(asyncio.sleep(0.5))
                    await asyncio.sleep(0.02)
                beside.cancel()
                ended = time.monotonic()
                await tab.until(f"document.querySelector('#totals').textContent.includes('{flood.written:,} events')")
                behind = time.monotonic() - ended
                told = await tab.evaluate(CARDS)
                result = json.loads(told)
                print(
                    f"{rate:g}/s for {seconds:g} s: {sent} events; longest task {result['task']:.0f} ms "
                    f"({result['tasks']} over 50 ms); longest frame {result['frame']:.0f} ms; key drawn within "
                    f"{max(keys):.0f} ms at most, {sorted(keys)[len(keys) // 2]:.0f} ms median; counted {behind:.1f} s "
                    f"after the last was written; {result['cards']} cards"
                )
        finally:
            process.terminate()
            process.wait()
            await page.stop()


def main() -> None:
    """Run the loads given, or the usual ones."""
    given = [float(text) for text in sys.argv[1:]]
    for rate, seconds in list(zip(given[::2], given[1::2], strict=True)) or LOADS:
        asyncio.run(measure(rate, seconds))


if __name__ == "__main__":
    main()
