"""What is said when a replay is interrupted, and that it goes on."""

import sys
from pathlib import Path

import pytest

import captures
from addon import reading as reading_module
from addon.observation import Observer, Sight
from addon.store.store import Store
from cli import main
from cli.exits import ExitCode


def test_an_interrupted_replay_says_what_waits_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, database = tmp_path / "visit.mitm", tmp_path / "visit.db"
    path.write_bytes(b"".join(item.read_bytes() for item in sorted(captures.RECORDINGS.glob("0*.mitm"))))
    monkeypatch.setattr(reading_module, "SAVE_HELD", 1)
    monkeypatch.setattr("addon.frames.WINDOW", 100_000)
    monkeypatch.setattr(sys, "argv", ["pixelwitness", "replay", str(path), "--db", str(database)])
    taken = []
    take = Observer.take

    def interrupted(self: Observer, sight: Sight) -> object:
        taken.append(sight)
        if len(taken) == 60:
            raise KeyboardInterrupt
        return take(self, sight)

    monkeypatch.setattr(Observer, "take", interrupted)
    assert main._outcome() == ExitCode.INTERRUPTED
    (waiting,) = tmp_path.glob("visit.db-unfinished-*")
    assert f"visit.mitm: what was read so far waits in {waiting}" in capsys.readouterr().err
    with Store(database) as store:
        assert store.sessions() == ()
    assert main._outcome() == ExitCode.OK
    assert not list(tmp_path.glob("visit.db-unfinished-*"))
    with Store(database) as store:
        assert store.session().complete
