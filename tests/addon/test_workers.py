"""Several processes read what one reads, and end when they should."""

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

import captures
from addon import replay as replay_module
from addon import workers as workers_module
from addon.frames import FrameReader
from addon.reading import Reading
from addon.store.unfinished import Unfinished
from addon.workers import WorkerError, workers


def combined(path: Path, times: int = 3) -> Path:
    content = b"".join(item.read_bytes() for item in sorted(captures.RECORDINGS.glob("*.mitm")))
    path.write_bytes(content * times)
    return path


def read(path: Path, jobs: int, judge) -> Reading:
    reading = Reading(path, FrameReader(path, path.stat().st_size), Unfinished(path.with_suffix(".db"), path))
    if jobs == 1:
        reading.read(lambda _: None)
    else:
        with workers(jobs, judge) as helpers:
            reading.read(lambda _: None, helpers)
    return reading


def everything(reading: Reading) -> tuple[object, ...]:
    observer = reading.observer
    return reading.source(), observer.requests, observer.pages, observer.consent, reading.reader.problems


@pytest.mark.parametrize("part", [1, 60_000, 1 << 30])
def test_any_number_of_processes_reads_the_same(
    tmp_path: Path, judge, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    monkeypatch.setattr(workers_module, "PART", part)
    monkeypatch.setattr("addon.frames.WINDOW", 200_000)
    path = combined(tmp_path / "visit.mitm")
    alone = everything(read(path, 1, judge))
    assert everything(read(path, 2, judge)) == alone
    assert everything(read(path, 3, judge)) == alone
    size = path.stat().st_size
    for cut in (size - 1, size // 2, size // 3 - 5):
        os.truncate(path, cut)
        cut_alone = everything(read(path, 1, judge))
        assert not cut_alone[0].complete
        assert everything(read(path, 2, judge)) == cut_alone


def test_damage_in_the_middle_ends_the_reading_there(tmp_path: Path, judge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers_module, "PART", 50_000)
    path = combined(tmp_path / "visit.mitm", 1)
    whole = path.read_bytes()
    first = captures.SAME_BROWSING_MITM.read_bytes()
    path.write_bytes(whole + b"7:garbage," + first + whole)
    alone = read(path, 1, judge)
    assert alone.reader.read_to == len(whole)
    assert everything(read(path, 2, judge)) == everything(alone)


def test_large_captures_are_replayed_the_same_by_several(
    tmp_path: Path, store, judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_module, "WORTH_IT", 0)
    monkeypatch.setattr(workers_module, "ROWS", 13)
    paths = [combined(tmp_path / "visit.mitm", 1), captures.SAME_BROWSING_HAR]
    one, first = replay_module.replay(store, judge, "one", paths, jobs=1)
    two, second = replay_module.replay(store, judge, "two", paths, jobs=2)
    assert first == second
    assert store.derivation(one) == store.derivation(two)
    three, _ = replay_module.replay(store, judge, "three", paths, packs=["trade_union", "religion"], jobs=1)
    four, _ = replay_module.replay(store, judge, "four", paths, packs=["trade_union", "religion"], jobs=2)
    assert store.derivation(three) == store.derivation(four)


def test_a_session_is_derived_anew_the_same_by_several(
    tmp_path: Path, store, judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, _ = replay_module.replay(store, judge, None, [combined(tmp_path / "visit.mitm", 1)])
    before = store.derivation(session)
    monkeypatch.setattr(replay_module, "SHARED_FROM", 0)
    monkeypatch.setattr(workers_module, "ROWS", 7)
    told: list[tuple[int, int]] = []
    replay_module.rederive(store, judge, session, ["religion"], 2, lambda *news: told.append(news))
    assert told[0] == (0, store.role_counts(session)["event"])
    with_pack = store.derivation(session)
    assert with_pack.packs == ("religion",)
    assert [item.assessment for item in with_pack.events] == [item.assessment for item in before.events]
    replay_module.rederive(store, judge, session, [], 2)
    assert store.derivation(session) == before


def test_processes_that_are_started_anew_do_the_same(
    tmp_path: Path, store, judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no copy of the parent can be made, the rules are handed over."""
    monkeypatch.setattr(replay_module, "WORTH_IT", 0)
    path = combined(tmp_path / "visit.mitm", 1)
    one, _ = replay_module.replay(store, judge, "one", [path], jobs=1)
    monkeypatch.setattr(workers_module, "_context", lambda: multiprocessing.get_context("spawn"))
    two, _ = replay_module.replay(store, judge, "two", [path], jobs=2)
    assert store.derivation(one) == store.derivation(two)


def end(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL if os.name == "posix" else signal.SIGTERM)


def test_a_process_that_ends_is_an_error_and_nothing_is_kept(
    tmp_path: Path, store, judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_module, "WORTH_IT", 0)
    monkeypatch.setattr(workers_module, "_read_part", end)
    with pytest.raises(WorkerError, match="--jobs 1"):
        replay_module.replay(store, judge, None, [combined(tmp_path / "visit.mitm", 1)], jobs=2)
    assert store.sessions() == ()
