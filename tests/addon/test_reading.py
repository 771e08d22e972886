"""An interrupted replay goes on where it stopped, and nothing of it counts before it is whole."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import captures
from addon import reading as reading_module
from addon import replay as replay_module
from addon.observation import Observer, Sight
from addon.replay import replay
from addon.store.store import Store
from addon.store.unfinished import Unfinished
from rules.engine import Matcher

ROOT = Path(__file__).resolve().parents[2]


class StoppedError(Exception):
    pass


def combined(path: Path) -> Path:
    path.write_bytes(b"".join(item.read_bytes() for item in sorted(captures.RECORDINGS.glob("*.mitm"))))
    return path


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_module, "SAVE_HELD", 5)
    monkeypatch.setattr("addon.frames.WINDOW", 120_000)
    monkeypatch.setattr("addon.workers.PART", 100_000)


def kept(store: Store, session: str) -> tuple[object, ...]:
    sources = [item.model_copy(update={"name": ""}) for item in store.sources(session)]
    return store.observations(session), sources, store.derivation(session), store.source_problems(session)


def stop_after(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Let the reading be interrupted when so many requests were taken in."""
    left = [number]
    take = Observer.take

    def interrupted(self: Observer, sight: Sight) -> object:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return take(self, sight)

    monkeypatch.setattr(Observer, "take", interrupted)


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("stops", [(3,), (40, 70), (100, 30, 10), (1, 1, 150)])
def test_an_interrupted_replay_goes_on_and_gives_the_same(
    tmp_path: Path, judge: Matcher, monkeypatch: pytest.MonkeyPatch, stops: tuple[int, ...], jobs: int
) -> None:
    monkeypatch.setattr(replay_module, "WORTH_IT", 0)
    path = combined(tmp_path / "visit.mitm")
    with Store(tmp_path / "at-once.db") as store:
        monkeypatch.setattr(reading_module, "SAVE_HELD", 10**9)
        name, results = replay(store, judge, None, [path])
        at_once = kept(store, name)
    monkeypatch.setattr(reading_module, "SAVE_HELD", 5)
    with Store(tmp_path / "in-parts.db") as store:
        waiting = Unfinished(store.path, path)
        for number in stops:
            with monkeypatch.context() as patch:
                stop_after(patch, number)
                with pytest.raises(KeyboardInterrupt):
                    replay(store, judge, None, [path], jobs=jobs)
            assert store.sessions() == ()
        if max(stops) >= 40:
            state = waiting.state()
            assert state is not None
            assert 0 < state.read_to < path.stat().st_size
            assert os.name != "posix" or waiting.path.stat().st_mode & 0o777 == 0o600
            waiting.close()
        again, results_again = replay(store, judge, None, [path], jobs=jobs)
        assert (again, results_again) == (name, results)
        assert kept(store, name) == at_once
        assert not list(tmp_path.glob("*unfinished*"))


@pytest.mark.usefixtures("small_steps")
def test_another_file_of_that_name_begins_anew(tmp_path: Path, store, judge, monkeypatch: pytest.MonkeyPatch) -> None:
    path = combined(tmp_path / "visit.mitm")
    with monkeypatch.context() as patch:
        stop_after(patch, 60)
        with pytest.raises(KeyboardInterrupt):
            replay(store, judge, None, [path])
    assert Unfinished(store.path, path).path.exists()
    path.write_bytes(captures.SAME_BROWSING_MITM.read_bytes())
    name, _ = replay(store, judge, None, [path])
    fresh, _ = replay(store, judge, "fresh", [captures.SAME_BROWSING_MITM])
    assert kept(store, name) == kept(store, fresh)
    assert not list(tmp_path.glob("*unfinished*"))


@pytest.mark.usefixtures("small_steps")
def test_a_broken_file_of_an_earlier_reading_is_passed_over(tmp_path: Path, store, judge) -> None:
    path = combined(tmp_path / "visit.mitm")
    waiting = Unfinished(store.path, path)
    waiting.path.write_bytes(b"no database at all")
    _, (source,) = replay(store, judge, None, [path])
    assert source.complete
    assert not waiting.path.exists()


@pytest.mark.skipif(os.name != "posix", reason="signals are sent the POSIX way")
def test_a_killed_replay_goes_on(tmp_path: Path, judge: Matcher) -> None:
    path = combined(tmp_path / "visit.mitm")
    database = tmp_path / "visit.db"
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from addon import frames, reading\n"
        "from addon.replay import replay\n"
        "from addon.store.store import Store\n"
        "from addon.store.unfinished import Unfinished\n"
        "reading.SAVE_HELD, frames.WINDOW = 5, 120_000\n"
        "save, times = Unfinished.save, []\n"
        "def saved(self, *given):\n"
        "    save(self, *given)\n"
        "    times.append(1)\n"
        "    if len(times) == 4: os.kill(os.getpid(), signal.SIGKILL)\n"
        "Unfinished.save = saved\n"
        "with Store(Path(sys.argv[1])) as store: replay(store, None, None, [Path(sys.argv[2])])\n"
    )
    done = subprocess.run([sys.executable, "-c", code, database, path], cwd=ROOT, check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL
    with Store(database) as store, Store(tmp_path / "at-once.db") as other:
        assert store.sessions() == ()
        assert Unfinished(database, path).path.exists()
        name, results = replay(store, judge, None, [path])
        assert (name, results) == replay(other, judge, None, [path])
        assert kept(store, name) == kept(other, name)


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("cookies", [True, False])
def test_a_har_is_held_in_parts_and_begun_anew_when_it_was_interrupted(
    tmp_path: Path, judge: Matcher, monkeypatch: pytest.MonkeyPatch, cookies: bool
) -> None:
    monkeypatch.setattr("addon.har.ROUND", 4)
    path = tmp_path / "visit.har"
    har = json.loads(captures.SAME_BROWSING_HAR.read_text("utf-8"))
    if not cookies:
        for entry in har["log"]["entries"]:
            entry["request"] |= {"cookies": [], "headers": without_cookies(entry["request"])}
            entry["response"]["headers"] = without_cookies(entry["response"])
    path.write_text(json.dumps(har), "utf-8")
    with Store(tmp_path / "at-once.db") as store:
        monkeypatch.setattr(reading_module, "SAVE_HELD", 10**9)
        name, results = replay(store, judge, None, [path])
        at_once = kept(store, name)
    monkeypatch.setattr(reading_module, "SAVE_HELD", 5)
    with Store(tmp_path / "in-parts.db") as store:
        for stop in (12, 16):
            with monkeypatch.context() as patch:
                stop_after(patch, stop)
                with pytest.raises(KeyboardInterrupt):
                    replay(store, judge, name, [path])
        assert bool(list(tmp_path.glob("*unfinished*"))) == cookies
        assert replay(store, judge, None, [path]) == (name, results)
        assert kept(store, name) == at_once
    assert not list(tmp_path.glob("*unfinished*"))


def without_cookies(message: dict[str, Any]) -> list[dict[str, str]]:
    return [line for line in message["headers"] if line["name"].lower() not in {"cookie", "set-cookie"}]
