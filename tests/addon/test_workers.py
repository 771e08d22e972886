"""Several processes read what one reads, and end when they should."""

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


def read(path: Path, jobs: int) -> Reading:
    reading = Reading(path, FrameReader(path, path.stat().st_size), Unfinished(path.with_suffix(".db"), path))
    if jobs == 1:
        reading.read(lambda _: None)
    else:
        with workers(jobs) as helpers:
            reading.read(lambda _: None, helpers)
    return reading


def everything(reading: Reading) -> tuple[object, ...]:
    observer = reading.observer
    return reading.source(), observer.requests, observer.pages, observer.consent, reading.reader.problems


@pytest.mark.parametrize("part", [1, 60_000, 1 << 30])
def test_any_number_of_processes_reads_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: int) -> None:
    monkeypatch.setattr(workers_module, "PART", part)
    monkeypatch.setattr("addon.frames.WINDOW", 200_000)
    path = combined(tmp_path / "visit.mitm")
    alone = everything(read(path, 1))
    assert everything(read(path, 2)) == alone
    assert everything(read(path, 3)) == alone
    size = path.stat().st_size
    for cut in (size - 1, size // 2, size // 3 - 5):
        os.truncate(path, cut)
        cut_alone = everything(read(path, 1))
        assert not cut_alone[0].complete
        assert everything(read(path, 2)) == cut_alone


def test_damage_in_the_middle_ends_the_reading_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers_module, "PART", 50_000)
    path = combined(tmp_path / "visit.mitm", 1)
    whole = path.read_bytes()
    first = captures.SAME_BROWSING_MITM.read_bytes()
    path.write_bytes(whole + b"7:garbage," + first + whole)
    alone = read(path, 1)
    assert alone.reader.read_to == len(whole)
    assert everything(read(path, 2)) == everything(alone)


def test_large_captures_are_replayed_the_same_by_several(
    tmp_path: Path, store, judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_module, "WORTH_IT", 0)
    path = combined(tmp_path / "visit.mitm", 1)
    one, first = replay_module.replay(store, judge, "one", [path], jobs=1)
    two, second = replay_module.replay(store, judge, "two", [path], jobs=2)
    assert first == second
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
